"""The tenancy store: the sidecar's own SQLite database.

What the policies know of is in the sidecar's base tables. What else the documents of the API say
is kept beside it, in tables of this service's own: they begin with `api_`.
"""

import contextlib
import json
import sqlite3
import threading

OWN_TABLES = """
-- What a document says beyond the columns of the tenancy tables, members that nobody knows included.
CREATE TABLE IF NOT EXISTS api_document (
  kind     TEXT NOT NULL,
  id       TEXT NOT NULL,
  -- Whose it is: an organisation, or of a hook or an invoice the participant.
  owner    TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS api_document_owner ON api_document (kind, owner);

-- The codes by which e-mail addresses are verified; a row is in place of an e-mail.
CREATE TABLE IF NOT EXISTS api_verification (
  email TEXT PRIMARY KEY NOT NULL,
  code  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Store:
    """The database, with a connection for each transaction."""

    def __init__(self, path):
        # Not created here: the tables are the sidecar's.
        self.url = f"file:{path}?mode=rw"
        # SQLite lets one write and the others try again and again, some for too long: here they queue.
        self.writing = threading.Lock()
        with contextlib.closing(self._connect()) as database:
            self.revision(database)
            database.executescript(OWN_TABLES)

    def _connect(self):
        database = sqlite3.connect(self.url, uri=True, timeout=5, isolation_level=None)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA foreign_keys = ON")
        return database

    @contextlib.contextmanager
    def transaction(self, writes):
        """Everything that is done inside is kept, or nothing where it fails."""
        with self.writing if writes else contextlib.nullcontext(), contextlib.closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    @staticmethod
    def revision(database):
        """The state of the tenancy that this transaction sees or, after its last write, makes."""
        return database.execute("SELECT revision FROM tenancy_revision").fetchone()["revision"]


def put_document(database, kind, id, owner, document):
    database.execute(
        "INSERT INTO api_document (kind, id, owner, document) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, document = excluded.document",
        (kind, id, owner, json.dumps(document)),
    )


def get_document(database, kind, id):
    """The row that is kept of it; nothing where another program has made it."""
    row = database.execute("SELECT document FROM api_document WHERE (kind, id) = (?, ?)", (kind, id)).fetchone()
    return json.loads(row["document"]) if row else {}


def owned_document(database, kind, id, owner):
    """This one of an owner's; none where it has no such."""
    statement = "SELECT document FROM api_document WHERE (kind, id, owner) = (?, ?, ?)"
    row = database.execute(statement, (kind, id, owner)).fetchone()
    return json.loads(row["document"]) if row else None


def delete_document(database, kind, id, owner):
    """True if it was there."""
    statement = "DELETE FROM api_document WHERE (kind, id, owner) = (?, ?, ?)"
    return database.execute(statement, (kind, id, owner)).rowcount == 1


def forget(database, kind, id):
    """Forgets the rows that are kept of it, and of all that only it has."""
    database.execute("DELETE FROM api_document WHERE (kind, id) = (?, ?)", (kind, id))
    database.execute("DELETE FROM api_document WHERE kind IN ('hook', 'invoice') AND owner = ?", (id,))


def owned_documents(database, kind, owner):
    statement = "SELECT document FROM api_document WHERE kind = ? AND owner = ? ORDER BY id"
    return [json.loads(row["document"]) for row in database.execute(statement, (kind, owner))]
