"""Organisations, and what they have: certificates, Access Points, participants."""

import datetime
import json
import uuid

from request import ENVIRONMENTS, Problem, ids, one_of, text
from store import delete_document, forget, get_document, owned_document, owned_documents, put_document

MODES = {mode: mode for mode in ("DEMO", "SHARED", "WHITELABEL")}
# Not the client's to write. What a body says of the former has to be so already, of the latter is ignored.
FIXED = ("type", "id", "participantLimit")
IGNORED = ("certificates", "createdAt", "createdBy", "lastModifiedAt", "lastModifiedBy")
# Kept in columns of the tenancy tables.
COLUMNS = ("legalIdentifierCode", "legalIdentifier", "organisationMode", "modeChangeRequest")


def now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show(database, id):
    """An organisation as the API has it."""
    row = database.execute("SELECT * FROM organisation WHERE id = ?", (id,)).fetchone()
    if not row:
        raise Problem(404, "there is no such organisation")
    known = get_document(database, "organisation", id)
    known.setdefault("contacts", [{"contactType": kind} for kind in json.loads(row["contact_types"])])
    return known | {
        "type": "ORGANISATION",
        "id": id,
        "legalIdentifierCode": row["legal_identifier_code"],
        "legalIdentifier": row["legal_identifier"],
        "organisationMode": row["mode"],
        "modeChangeRequest": row["mode_change_request"],
        "participantLimit": 10 if row["participant_limit"] is None else row["participant_limit"],
        "certificates": owned_documents(database, "certificate", id),
    }


def keep(database, organisation):
    """Writes an organisation: to the tenancy what the policies know of, and the rest beside it."""
    contacts = organisation.get("contacts", [])
    if not isinstance(contacts, list) or not all(isinstance(contact, dict) for contact in contacts):
        raise Problem(400, "`contacts` has to be an array of objects")
    database.execute(
        "UPDATE organisation SET legal_identifier_code = ?, legal_identifier = ?, mode = ?, mode_change_request = ?, "
        "contact_types = ? WHERE id = ?",
        (
            text(organisation, "legalIdentifierCode"),
            text(organisation, "legalIdentifier"),
            one_of(organisation, "organisationMode", MODES),
            organisation.get("modeChangeRequest") and one_of(organisation, "modeChangeRequest", MODES),
            json.dumps(sorted({text(contact, "contactType") for contact in contacts})),
            organisation["id"],
        ),
    )
    rest = {name: value for name, value in organisation.items() if name not in (*FIXED, *COLUMNS, "certificates")}
    put_document(database, "organisation", organisation["id"], organisation["id"], rest)


def create(database, request):
    body = request.body()
    id, made = str(uuid.uuid4()), {"createdAt": now(), "createdBy": {"userId": request.user()}}
    begins = {"type": "ORGANISATION", "organisationMode": "DEMO", "modeChangeRequest": None}
    for name in (*FIXED, *begins):
        if body.get(name) != begins.get(name) and name in body:
            raise Problem(400, f"`{name}` is not chosen by whoever creates an organisation")
    database.execute("INSERT INTO organisation (id, mode) VALUES (?, 'DEMO')", (id,))
    said = {name: value for name, value in body.items() if name not in IGNORED and value is not None}
    keep(
        database,
        said | begins | made | {"id": id, "lastModifiedAt": made["createdAt"], "lastModifiedBy": made["createdBy"]},
    )
    if request.owes("GRANT_ORGADMIN"):
        database.execute(
            "INSERT INTO membership (user_id, organisation_id, member_role) VALUES (?, ?, 'orgadmin')",
            (request.user(), id),
        )
    return 201, show(database, id)


def get(database, request):
    return 200, show(database, request.resource("Organisation"))


def update(database, request):
    """A member that the body does not have stays as it is. One that is `null` goes."""
    body, id = request.body(), request.resource("Organisation")
    before = show(database, id)
    for name in FIXED:
        if name in body and body[name] != before[name]:
            raise Problem(400, f"`{name}` cannot be changed")
    after = before | {name: value for name, value in body.items() if name not in IGNORED}
    if request.owes("CLEAR_MODE_CHANGE_REQUEST"):
        after["modeChangeRequest"] = None
    after |= {"lastModifiedAt": now(), "lastModifiedBy": {"userId": request.user()}}
    keep(database, {name: value for name, value in after.items() if value is not None or name in COLUMNS})
    return 200, show(database, id)


def upload_certificate(database, request):
    body, organisation = request.body(), show(database, request.resource("Organisation"))["id"]
    certificate = body | {
        "id": str(uuid.uuid4()),
        "name": text(body, "name"),
        "type": one_of(body, "type", ENVIRONMENTS),
    }
    put_document(database, "certificate", certificate["id"], organisation, certificate)
    return 201, certificate


def get_certificate(database, request):
    certificate = owned_document(database, "certificate", request.path["certId"], request.resource("Organisation"))
    if not certificate:
        raise Problem(404, "the organisation has no such certificate")
    return 200, certificate


def list_certificates(database, request):
    return 200, owned_documents(database, "certificate", request.resource("Organisation"))


def delete_certificates(database, request):
    for id in ids(request.body()):
        if not delete_document(database, "certificate", id, request.resource("Organisation")):
            raise Problem(404, "the organisation has no such certificate")
    return 204, None


class Belongings:
    """Access Points or participants: an environment, an organisation, and what else a client says."""

    def __init__(self, table, kind):
        self.table, self.kind = table, kind

    def show(self, row):
        return {"id": row["id"], "orgId": row["organisation_id"], "environment": row["environment"]}

    def find(self, database, id):
        row = database.execute(f"SELECT * FROM {self.table} WHERE id = ?", (id,)).fetchone()
        if not row:
            raise Problem(404, f"the organisation has no such {self.table.replace('_', ' ')}")
        return get_document(database, self.table, row["id"]) | self.show(row)

    def create(self, database, request):
        body, organisation = request.body(), show(database, request.resource("Organisation"))["id"]
        # A participant is called what was asked about; an Access Point gets a name.
        id, environment = request.named("participant") or str(uuid.uuid4()), request.named("environment")
        database.execute(
            f"INSERT INTO {self.table} (id, environment, organisation_id) VALUES (?, ?, ?)",
            (id, environment, organisation),
        )
        put_document(database, self.table, id, organisation, body)
        return 201, self.find(database, id)

    def list(self, database, request):
        statement = f"SELECT * FROM {self.table} WHERE organisation_id = ? ORDER BY id"
        rows = database.execute(statement, (request.resource("Organisation"),)).fetchall()
        return 200, [get_document(database, self.table, row["id"]) | self.show(row) for row in rows]

    def get(self, database, request):
        return 200, self.find(database, request.resource(self.kind))

    def update(self, database, request):
        body, before = request.body(), self.find(database, request.resource(self.kind))
        # Into which environment is asked where one is created, and only there.
        if "environment" in body and one_of(body, "environment", ENVIRONMENTS) != before["environment"]:
            raise Problem(400, "`environment` cannot be changed")
        for name in ("id", "orgId", "participantIdentifier"):
            if name in body and body[name] != before.get(name):
                raise Problem(400, f"`{name}` cannot be changed")
        put_document(database, self.table, before["id"], before["orgId"], before | body)
        return 200, self.find(database, before["id"])

    def delete_all(self, database, request):
        for id in request.resources(self.kind):
            found = self.find(database, id)["id"]
            database.execute(f"DELETE FROM {self.table} WHERE id = ?", (found,))
            forget(database, self.table, found)
        return 204, None


ACCESS_POINTS = Belongings("access_point", "AccessPoint")
PARTICIPANTS = Belongings("participant", "Participant")

ENDPOINTS = [
    ("POST", "/orgs", create),
    ("GET", "/orgs/{orgId}", get),
    ("PUT", "/orgs/{orgId}", update),
    ("GET", "/orgs/{orgId}/certificates", list_certificates),
    ("GET", "/orgs/{orgId}/certificates/{certId}", get_certificate),
    ("POST", "/orgs/{orgId}/certificates", upload_certificate),
    ("POST", "/orgs/{orgId}/certificates/batch_delete", delete_certificates),
    ("POST", "/orgs/{orgId}/aps", ACCESS_POINTS.create),
    ("GET", "/orgs/{orgId}/aps/{id}", ACCESS_POINTS.get),
    ("PUT", "/orgs/{orgId}/aps/{id}", ACCESS_POINTS.update),
    ("POST", "/orgs/{orgId}/aps/batch-delete", ACCESS_POINTS.delete_all),
    ("POST", "/orgs/{orgId}/participants", PARTICIPANTS.create),
    ("GET", "/orgs/{orgId}/participants", PARTICIPANTS.list),
    ("GET", "/orgs/{orgId}/participants/{id}", PARTICIPANTS.get),
    ("PUT", "/orgs/{orgId}/participants/{id}", PARTICIPANTS.update),
    ("POST", "/orgs/{orgId}/participants/batch-delete", PARTICIPANTS.delete_all),
]
