"""Legal entities, their sub-accounts, and the documents that these see.

The account is the organisation that the caller's token names.
"""

import uuid

from request import Problem, address, text
from store import forget, get_document, put_document

# Not the client's to write.
OWN = ("uuid", "organisationId")


def show(database, row):
    return get_document(database, "legal_entity", row["id"]) | {
        "uuid": row["id"],
        "organisationId": row["organisation_id"],
    }


def find(database, request):
    row = database.execute("SELECT * FROM legal_entity WHERE id = ?", (request.path["uuid"],)).fetchone()
    if not row:
        raise Problem(404, "there is no such legal entity")
    return row


def list_all(database, request):
    rows = database.execute(
        "SELECT * FROM legal_entity WHERE organisation_id = ? ORDER BY id", (request.organisation(),)
    ).fetchall()
    return 200, [show(database, row) for row in rows]


def create(database, request):
    body, id = request.body(), str(uuid.uuid4())
    database.execute("INSERT INTO legal_entity (id, organisation_id) VALUES (?, ?)", (id, request.organisation()))
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
    """With a password the sub-account is made, as it is where the address is new; without one it has to be there."""
    body, legal_entity = request.body(), find(database, request)
    email = address(text(body, "email"))
    known = database.execute("SELECT sub_account_id AS id FROM account WHERE email = ?", (email,)).fetchone()
    if body.get("password") is not None or not known:
        id = str(uuid.uuid4())
        database.execute(
            "INSERT INTO sub_account (id, organisation_id, full_access) VALUES (?, ?, 0)",
            (id, legal_entity["organisation_id"]),
        )
        database.execute("INSERT INTO account (email, sub_account_id) VALUES (?, ?)", (email, id))
    else:
        id = known["id"]
    database.execute(
        "INSERT INTO sub_account_legal_entity (sub_account_id, legal_entity_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (id, legal_entity["id"]),
    )
    return 201, {"email": email}


def dissociate(database, request):
    gone = database.execute(
        "DELETE FROM sub_account_legal_entity WHERE legal_entity_id = ? "
        "AND sub_account_id = (SELECT sub_account_id FROM account WHERE email = ?)",
        (find(database, request)["id"], address(request.path["email"])),
    )
    if gone.rowcount != 1:
        raise Problem(404, "the legal entity has no such sub-account")
    return 204, None


def view_document(database, request):
    row = database.execute("SELECT * FROM document WHERE id = ?", (request.path["uuid"],)).fetchone()
    if not row:
        raise Problem(404, "there is no such document")
    known = get_document(database, "document", row["id"])
    return 200, known | {"uuid": row["id"], "legalEntity": row["legal_entity_id"], "direction": row["direction"]}


ENDPOINTS = [
    ("GET", "/legal-entities", list_all),
    ("POST", "/legal-entities", create),
    ("GET", "/legal-entities/{uuid}", get),
    ("PUT", "/legal-entities/{uuid}", update),
    ("DELETE", "/legal-entities/{uuid}", delete),
    ("POST", "/legal-entities/{uuid}/sub-accounts", associate),
    ("DELETE", "/legal-entities/{uuid}/sub-accounts/{email}", dissociate),
    ("GET", "/invoices/{uuid}", view_document),
]
