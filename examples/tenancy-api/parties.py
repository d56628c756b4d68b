"""ApUsers, what they are authorized for, and what they do for a party.

The organisation is the one that was decided on, which the caller's token names.
"""

import base64
import uuid

from request import Problem, address, receiver_id, text
from sign_up import register
from store import delete_document, owned_document, owned_documents, put_document

FLAGS = ("canSendDocument", "canReceiveDocument", "canRemoveDocument", "canManageHook")


def list_users(database, request):
    statement = "SELECT user_id FROM membership WHERE organisation_id = ? AND member_role = 'ApUser' ORDER BY user_id"
    return 200, [{"name": row["user_id"]} for row in database.execute(statement, (request.resource("Organisation"),))]


def put_user(database, request):
    body, organisation = request.body(), request.resource("Organisation")
    if known := request.named("user"):
        # All there is to update is the password, which is the login's.
        return 200, {"name": known}
    # A new one, or nobody was asked about.
    name = text(body, "name")
    text(body, "password")
    register(database, name, address(name))
    put_document(database, "user", name, organisation, {})
    database.execute(
        "INSERT INTO membership (user_id, organisation_id, member_role) VALUES (?, ?, 'ApUser')", (name, organisation)
    )
    return 201, {"name": name}


def delete_user(database, request):
    """An ApUser no more. Who was made to be one here, and is nothing else by now, is no user any more either."""
    user = {"user": request.named("user"), "organisation": request.resource("Organisation")}
    gone = database.execute(
        "DELETE FROM membership WHERE user_id = :user AND organisation_id = :organisation AND member_role = 'ApUser'",
        user,
    )
    if gone.rowcount != 1:
        raise Problem(404, "the organisation has no such ApUser")
    database.execute(
        "DELETE FROM party_authorization WHERE user_id = :user "
        "AND participant_id IN (SELECT id FROM participant WHERE organisation_id = :organisation)",
        user,
    )
    if delete_document(database, "user", *user.values()):
        database.execute(
            "DELETE FROM registered_user WHERE id = :user "
            "AND NOT EXISTS (SELECT 1 FROM membership WHERE user_id = :user) "
            "AND NOT EXISTS (SELECT 1 FROM party_authorization WHERE user_id = :user)",
            user,
        )
    return 204, None


def list_authorizations(database, request):
    rows = database.execute(
        "SELECT party_authorization.* FROM party_authorization JOIN participant ON participant.id = participant_id "
        "WHERE user_id = ? AND organisation_id = ? ORDER BY participant_id",
        (request.named("user"), request.resource("Organisation")),
    )
    return 200, [
        {
            "id": row["participant_id"],
            "name": row["name"],
            "permissions": {
                "canSendDocument": bool(row["can_send_document"]),
                "canReceiveDocument": bool(row["can_receive_document"]),
                "canRemoveDocument": bool(row["can_remove_document"]),
                "canManageHook": bool(row["can_manage_hook"]),
            },
        }
        for row in rows
    ]


def put_authorization(database, request):
    body = request.body()
    flags = body.get("permissions")
    if not isinstance(flags, dict) or not all(isinstance(flags.get(flag), bool) for flag in FLAGS):
        raise Problem(400, f"`permissions` has to say {', '.join(FLAGS)}")
    party, name = request.resource("Participant"), text(body, "name")
    database.execute(
        "INSERT INTO party_authorization (participant_id, user_id, name, can_send_document, can_receive_document, "
        "can_remove_document, can_manage_hook) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (participant_id, user_id) DO UPDATE SET name = excluded.name, "
        "can_send_document = excluded.can_send_document, can_receive_document = excluded.can_receive_document, "
        "can_remove_document = excluded.can_remove_document, can_manage_hook = excluded.can_manage_hook",
        (party, request.named("user"), name, *(flags[flag] for flag in FLAGS)),
    )
    return 200, {"id": party, "name": name, "permissions": {flag: flags[flag] for flag in FLAGS}}


def remove_authorization(database, request):
    statement = "DELETE FROM party_authorization WHERE participant_id = ? AND user_id = ?"
    if database.execute(statement, (request.resource("Participant"), request.named("user"))).rowcount != 1:
        raise Problem(404, "the user is not authorized for this party")
    return 204, None


def party(database, id):
    """A party that there is."""
    if not database.execute("SELECT 1 FROM participant WHERE id = ?", (id,)).fetchone():
        raise Problem(404, "there is no such party")
    return id


def list_hooks(database, request):
    return 200, owned_documents(database, "hook", party(database, request.resource("Participant")))


def put_hook(database, request):
    """A new one, or one of this party's again, whose `id` is given."""
    body, owner = request.body(), party(database, request.resource("Participant"))
    text(body, "url")
    if "id" in body and not owned_document(database, "hook", text(body, "id"), owner):
        raise Problem(404, "the party has no such hook")
    hook = {"id": str(uuid.uuid4())} | body
    put_document(database, "hook", hook["id"], owner, hook)
    return 200, hook


def delete_hook(database, request):
    if not delete_document(database, "hook", request.path["hookId"], party(database, request.resource("Participant"))):
        raise Problem(404, "the party has no such hook")
    return 204, None


def send_invoice(database, request):
    """The network in between is left out: what is sent to a party of this database is received there."""
    sender, receiver = party(database, request.resource("Participant")), request.query("receiverId")
    if not request.content or receiver is None:
        raise Problem(400, "an invoice has to be in the body, and `receiverId` in the query")
    id, receiver = str(uuid.uuid4()), party(database, receiver_id(receiver))
    invoice = {"id": id, "sender": sender, "content": base64.b64encode(request.content).decode()}
    put_document(database, "invoice", id, receiver, invoice)
    return 200, {"id": id}


def download_invoice(database, request):
    owner, id = party(database, request.resource("Participant")), request.path["documentId"]
    invoice = owned_document(database, "invoice", id, owner)
    if not invoice:
        raise Problem(404, "the party has received no such invoice")
    return 200, base64.b64decode(invoice["content"])


def delete_invoice(database, request):
    if not delete_document(database, "invoice", request.path["documentId"], party(database, request.resource("Participant"))):
        raise Problem(404, "the party has received no such invoice")
    return 204, None


ENDPOINTS = [
    ("GET", "/api/v1/user", list_users),
    ("PUT", "/api/v1/user", put_user),
    ("DELETE", "/api/v1/user/{name}", delete_user),
    ("GET", "/api/v1/user/{name}/party", list_authorizations),
    ("PUT", "/api/v1/user/{name}/party", put_authorization),
    ("DELETE", "/api/v1/user/{name}/party/{partyId}", remove_authorization),
    ("GET", "/api/v1/{partyId}/hook", list_hooks),
    ("PUT", "/api/v1/{partyId}/hook", put_hook),
    ("DELETE", "/api/v1/{partyId}/hook/{hookId}", delete_hook),
    ("POST", "/api/v1/{partyId}/salesInvoice/send", send_invoice),
    ("GET", "/api/v1/{partyId}/purchaseInvoice/{documentId}/download", download_invoice),
    ("DELETE", "/api/v1/{partyId}/purchaseInvoice/{documentId}", delete_invoice),
]
