"""Legal entities, their sub-accounts, and the documents that these see.

The account is the organisation that was decided on, which the caller's token names.
"""

import uuid

from request import Problem
from store import forget, get_document, put_document

# Not the client's to write.
OWN = ("uuid", "organisationId")


def show(database, row):
    return get_document(database, "legal_entity", row["id"]) | {
        "uuid": row["id"],
        "organisationId": row["organisation_id"],
    }


def find(database, request):
    row = database.execute("SELECT * FROM legal_entity WHERE id = ?", (request.resource("LegalEntity"),)).fetchone()
    if not row:
        raise Problem(404, "there is no such legal entity")
    return row


def list_all(database, request):
    rows = database.execute(
        "SELECT * FROM legal_entity WHERE organisation_id = ? ORDER BY id", (request.resource("Organisation"),)
    ).fetchall()
    return 200, [show(database, row) for row in rows]


def create(database, request):
    body, id = request.body(), str(uuid.uuid4())
    database.execute("INSERT INTO legal_entity (id, organisation_id) VALUES (?, ?)", (id, request.resource("Organisation")))
    return 201, keep(database, id, body)


def keep(database, id, said):
    row = database.execute("SELECT * FROM legal_entity WHERE id = ?", (id,)).fetchone()
    said = {name: value for name, value in said.items() if name not in OWN}
    put_document(database, "legal_entity", id, row["organisation_id"], said)
    return show(database, row)


def get(database, request):
    return 200, show(database, find(database, request))


def update(database, request):
    return 200, keep(database, find(database, request)["id"], request.body())


def delete(database, request):
    id = find(database, request)["id"]
    database.execute("DELETE FROM legal_entity WHERE id = ?", (id,))
    forget(database, "legal_entity", id)
    return 204, None


def associate(database, request):
    """A sub-account is made where that was asked about, by its address; else the one that was asked about is added."""
    legal_entity, email, id = find(database, request), request.named("email"), request.named("subAccount")
    if email:
        id = str(uuid.uuid4())
        database.execute(
            "INSERT INTO sub_account (id, organisation_id, full_access) VALUES (?, ?, 0)",
            (id, legal_entity["organisation_id"]),
        )
        database.execute("INSERT INTO account (email, sub_account_id) VALUES (?, ?)", (email, id))
    database.execute(
        "INSERT INTO sub_account_legal_entity (sub_account_id, legal_entity_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (id, legal_entity["id"]),
    )
    row = database.execute("SELECT email FROM account WHERE sub_account_id = ?", (id,)).fetchone()
    return 201, {"email": row["email"]}


def dissociate(database, request):
    gone = database.execute(
        "DELETE FROM sub_account_legal_entity WHERE legal_entity_id = ? AND sub_account_id = ?",
        (find(database, request)["id"], request.named("subAccount")),
    )
    if gone.rowcount != 1:
        raise Problem(404, "the legal entity has no such sub-account")
    return 204, None


def list_sub_accounts(database, request):
    rows = database.execute(
        "SELECT account.email FROM sub_account_legal_entity AS held JOIN account USING (sub_account_id) "
        "WHERE legal_entity_id = ? ORDER BY account.email",
        (find(database, request)["id"],),
    )
    return 200, [{"email": row["email"]} for row in rows]


def set_full_access(database, request):
    full_access, id = request.body().get("fullAccess"), request.resource("SubAccount")
    if not isinstance(full_access, bool):
        raise Problem(400, "`fullAccess` has to be true or false")
    database.execute("UPDATE sub_account SET full_access = ? WHERE id = ?", (full_access, id))
    return 200, {"id": id, "fullAccess": full_access}


def list_documents(database, request):
    """Those of the organisation that the caller may view: the sidecar says by which condition."""
    request.owes("FILTER_DOCUMENTS")
    viewable, parameters = request.plan()
    rows = database.execute(
        "SELECT document.* FROM document JOIN legal_entity ON legal_entity.id = legal_entity_id "
        f"WHERE ({viewable}) AND organisation_id = ?{len(parameters) + 1} ORDER BY document.id",
        (*parameters, request.resource("Organisation")),
    ).fetchall()
    return 200, [show_document(database, row) for row in rows]


def show_document(database, row):
    known = get_document(database, "document", row["id"])
    return known | {"uuid": row["id"], "legalEntity": row["legal_entity_id"], "direction": row["direction"]}


def view_document(database, request):
    row = database.execute("SELECT * FROM document WHERE id = ?", (request.resource("Document"),)).fetchone()
    if not row:
        raise Problem(404, "there is no such document")
    return 200, show_document(database, row)


ENDPOINTS = [
    ("GET", "/legal-entities", list_all),
    ("POST", "/legal-entities", create),
    ("GET", "/legal-entities/{uuid}", get),
    ("PUT", "/legal-entities/{uuid}", update),
    ("DELETE", "/legal-entities/{uuid}", delete),
    ("GET", "/legal-entities/{uuid}/sub-accounts", list_sub_accounts),
    ("POST", "/legal-entities/{uuid}/sub-accounts", associate),
    ("DELETE", "/legal-entities/{uuid}/sub-accounts/{email}", dissociate),
    ("PUT", "/sub-accounts/{subAccountId}/full-access", set_full_access),
    ("GET", "/invoices", list_documents),
    ("GET", "/invoices/{uuid}", view_document),
]
