"""The whole life of an organisation: examples/tenancy-api behind Envoy, the sidecar beside it.

Everything that is done to it goes through the gateway, with tokens. What no endpoint does (who is
ApManager, what documents there are) is written to the store, as another program would.
"""

import contextlib
import http.client
import json
import pathlib
import sqlite3
import subprocess
import sys
import threading
import urllib.parse

import pytest

import standin

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/tenancy-api"

PLATFORM = [
    {"type": "USER", "id": "root", "email": "root@platform.example", "emailVerified": True, "superadmin": True},
    {"type": "USER", "id": "bob", "email": "bob@elsewhere.example", "emailVerified": True, "superadmin": False},
    {"type": "USER", "id": "mia", "email": "mia@acme.example", "emailVerified": True, "superadmin": False},
    {"type": "USER", "id": "mona", "email": "mona@acme.example", "emailVerified": True, "superadmin": False},
    {"type": "ACCESS_POINT", "id": "platform-test", "environment": "TEST", "organisationId": None},
    {"type": "ACCESS_POINT", "id": "platform-production", "environment": "PRODUCTION", "organisationId": None},
]

ACME = {
    "type": "ORGANISATION",
    "legalName": "Acme Corporation Ltd.",
    "legalIdentifierCode": "SE_ORGNR",
    "legalIdentifier": "556123-4567",
    "contacts": [{"name": "Anna Andersson", "contactType": "TECHNICAL"}],
    "businessAddress": {"city": "Stockholm", "postalCode": "111 22"},
    "somethingNew": [1, {"deep": None}],
}
BUSINESS = {"name": "Erik Eriksson", "contactType": "BUSINESS"}
ALL = {"canSendDocument": True, "canReceiveDocument": True, "canRemoveDocument": True, "canManageHook": True}
INVOICE = b"<Invoice>\xc3\xa5</Invoice>"


class World:
    """The gateway with all that is behind it, and the store."""

    def __init__(self, gateway, service, database):
        self.gateway, self.service, self.database = gateway, service, database

    def call(self, method, path, token, body=None, headers=None, to=None):
        """The status, and the JSON or else the bytes of an answer."""
        headers = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", to or self.gateway, timeout=30)) as connection:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            read = answer.read()
            self.headers = answer.headers
            return answer.status, json.loads(read) if "json" in answer.headers.get("Content-Type", "") else read

    def directly(self, method, path, body, headers):
        return self.call(method, path, None, body, headers, to=self.service)

    def as_user(self, id, **claims):
        return Caller(self, id, {"sub": id} | claims)

    def as_sub_account(self, email, **claims):
        return Caller(self, email, {"sub": email, "email": email, "account_type": "sub-account"} | claims)

    def verify(self, email):
        """Follows the link in the e-mail that was not sent."""
        ((code,),) = self.rows("SELECT code FROM api_verification WHERE email = ?", email)
        assert self.call("POST", "/sign-up/verify", None, {"email": email, "code": code})[0] == 204

    def rows(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return database.execute(statement, values).fetchall()

    def write(self, statement, *values):
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement, values)


class Caller:
    """Somebody with a token."""

    def __init__(self, world, id, claims):
        self.world, self.id, self.token = world, id, standin.token(**claims)

    def does(self, status, method, path, body=None, headers=None):
        """It is allowed and done, and the client is told of which state of the store a write has made."""
        found, content = self.world.call(method, path, self.token, body, headers)
        assert found == status, content
        if method != "GET":
            assert self.world.rows("SELECT CAST(revision AS TEXT) FROM tenancy_revision") == [(self.world.headers["Tenancy-Revision"],)]
        return content

    def denied(self, code, method, path, body=None):
        """The gateway denies it, and the store is as it was."""
        before = self.world.rows("SELECT * FROM tenancy_revision")
        status, problem = self.world.call(method, path, self.token, body)
        assert (status, self.world.headers["X-Authz-Code"], problem["code"]) == (403, code, code)
        assert self.world.rows("SELECT * FROM tenancy_revision") == before

    def fails(self, status, method, path, body=None):
        """It is allowed, but the service cannot do it; nothing of it is done."""
        before = self.world.rows("SELECT * FROM tenancy_revision")
        found, problem = self.world.call(method, path, self.token, body)
        assert (found, problem["status"], "code" in problem) == (status, status, False), problem
        assert self.world.rows("SELECT * FROM tenancy_revision") == before


@pytest.fixture
def world(tmp_path):
    gateway = standin.free()
    with standin.sidecar(tmp_path, PLATFORM) as sidecar, service(tmp_path / "tenancy.db") as port:
        text = (EXAMPLE / "envoy.yaml").read_text()
        for written, real in ((8080, gateway), (8090, port), (8180, sidecar)):
            assert f"port_value: {written} " in text
            text = text.replace(f"port_value: {written} ", f"port_value: {real} ")
        with standin.envoy(tmp_path, text, gateway):
            yield World(gateway, port, tmp_path / "tenancy.db")


@contextlib.contextmanager
def service(database):
    """The example as its README starts it, on a port of its own."""
    command = [sys.executable, EXAMPLE / "server.py", "--listen", "127.0.0.1:0", "--tenancy", database]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        first = process.stderr.readline()
        try:
            assert first.startswith("listening on "), first
            # A full pipe would stop it; what it says is seen where a test fails.
            threading.Thread(target=lambda: print(process.stderr.read()), daemon=True).start()
            yield int(first.rpartition(":")[2])
        finally:
            process.terminate()


def part(text):
    """As one segment of a path."""
    return urllib.parse.quote(text, safe="")


def test_the_life_of_an_organisation(world):
    as_user = world.as_user

    # Who signs up may do nothing before the address is verified.
    status, anna_account = world.call("POST", "/sign-up", None, {"email": "Anna@Acme.example"})
    assert (status, anna_account["emailVerified"]) == (201, False)
    assert world.call("POST", "/sign-up", None, {"email": "anna@acme.example"})[0] == 409
    anna = as_user(anna_account["id"])
    anna.denied("EMAIL_NOT_VERIFIED", "POST", "/orgs", ACME)
    anna.denied("UNKNOWN_RESOURCE", "GET", "/orgs/none")
    assert world.rows("SELECT * FROM organisation") == []
    assert world.call("POST", "/sign-up/verify", None, {"email": "anna@acme.example", "code": "guessed"})[0] == 400
    anna.denied("EMAIL_NOT_VERIFIED", "POST", "/orgs", ACME)
    world.verify("anna@acme.example")

    # Whoever creates an organisation becomes its orgadmin, and not whom a header of the client's names.
    anna.fails(400, "POST", "/orgs", ACME | {"organisationMode": "SHARED"})
    org = anna.does(201, "POST", "/orgs", ACME, {"X-Authz-Subject": "root", "X-Authz-Obligations": ""})
    assert org["organisationMode"] == "DEMO" and org["createdBy"] == {"userId": anna.id}
    assert world.rows("SELECT * FROM membership") == [(anna.id, org["id"], "orgadmin")]
    anna.fails(409, "POST", "/orgs", ACME)
    assert len(world.rows("SELECT * FROM organisation")) == 1
    at = f"/orgs/{org['id']}"
    assert anna.does(200, "GET", at).items() >= ACME.items()

    demo(world, anna, at)
    mode_change(world, anna, org["id"], at)

    # What SHARED allows.
    certificate = anna.does(201, "POST", f"{at}/certificates", {"name": "Acme", "type": "PRODUCTION"})
    assert anna.does(200, "GET", at)["certificates"] == [certificate]
    own = anna.does(201, "POST", f"{at}/aps", {"environment": "PROD", "transportProfile": "peppol-transport-as4-v2_0"})
    assert world.rows("SELECT * FROM access_point WHERE organisation_id IS NOT NULL") == [(own["id"], "PRODUCTION", org["id"])]
    anna.denied("UNKNOWN_RESOURCE", "PUT", f"{at}/aps/platform-production", {"name": "mine"})
    parties = []
    for value in ("0007:5561234567", "0007:AcmeTwo"):
        made = anna.does(201, "POST", f"{at}/participants", {"participantIdentifier": value, "environment": "PROD"})
        parties.append(made["id"])
    assert parties[1] == "iso6523-actorid-upis::0007:acmetwo"
    anna.fails(409, "POST", f"{at}/participants", {"participantIdentifier": "0007:ACMEtwo", "environment": "PROD"})

    users_of_parties(world, org["id"], anna, *parties)
    sub_accounts(world, org["id"], anna.id)


def demo(world, anna, at):
    """What DEMO mode takes away."""
    anna.denied("DEMO_NO_CERTIFICATES", "POST", f"{at}/certificates", {"name": "Acme", "type": "TEST"})
    for environment in ("TEST", "PROD"):
        anna.denied("DEMO_NO_ACCESS_POINTS", "POST", f"{at}/aps", {"environment": environment})
    anna.denied("DEMO_NO_PRODUCTION", "POST", f"{at}/participants", {"participantIdentifier": "0007:1", "environment": "PROD"})
    for number in range(10):
        body = {"participantIdentifier": f"0007:{number}", "environment": "TEST"}
        first = anna.does(201, "POST", f"{at}/participants", body)
    one_more = {"participantIdentifier": "0007:10", "environment": "TEST"}
    anna.denied("DEMO_PARTICIPANT_LIMIT", "POST", f"{at}/participants", one_more)
    # Not by another door either.
    anna.fails(400, "PUT", at, {"participantLimit": 1000})
    anna.fails(400, "PUT", f"{at}/participants/{part(first['id'])}", {"environment": "PROD"})
    anna.does(204, "POST", f"{at}/participants/batch-delete", {"ids": [first["id"]]})
    anna.does(201, "POST", f"{at}/participants", one_more)
    assert len(anna.does(200, "GET", f"{at}/participants")) == 10
    assert world.rows("SELECT DISTINCT environment FROM participant") == [("TEST",)]


def mode_change(world, anna, org, at):
    """Requested, rejected, requested again, and approved."""
    mode = "SELECT mode, mode_change_request, contact_types FROM organisation"
    stranger, root, member = world.as_user("bob"), world.as_user("root"), world.as_user("mia")
    world.write("INSERT INTO membership VALUES ('mia', ?, 'orgmember')", org)

    anna.denied("AT-1120", "PUT", at, {"modeChangeRequest": "SHARED"})
    assert world.rows(mode) == [("DEMO", None, '["TECHNICAL"]')]
    anna.does(200, "PUT", at, {"contacts": [*ACME["contacts"], BUSINESS]})
    anna.denied("INVALID_MODE_TRANSITION", "PUT", at, {"modeChangeRequest": "DEMO"})
    for other in (stranger, member):
        other.denied("NOT_PERMITTED", "GET", at)
        other.denied("NOT_PERMITTED", "PUT", at, {"modeChangeRequest": "SHARED"})
    for mine in ({"organisationMode": "SHARED"}, {"modeChangeRequest": "SHARED", "organisationMode": "SHARED"}):
        anna.denied("NOT_PERMITTED", "PUT", at, mine)
    assert world.rows(mode) == [("DEMO", None, '["BUSINESS", "TECHNICAL"]')]

    assert anna.does(200, "PUT", at, {"modeChangeRequest": "WHITELABEL"})["modeChangeRequest"] == "WHITELABEL"
    assert world.rows(mode)[0][:2] == ("DEMO", "WHITELABEL")
    # To take it back is to reject it.
    anna.denied("NOT_PERMITTED", "PUT", at, {"modeChangeRequest": None})
    root.does(200, "PUT", at, {"modeChangeRequest": None})
    assert world.rows(mode)[0][:2] == ("DEMO", None)

    # The whole object there and back, with one member changed.
    anna.does(200, "PUT", at, anna.does(200, "GET", at) | {"modeChangeRequest": "SHARED"})
    # What a client says that only the sidecar may say is not heard.
    spoofed = {"X-Authz-Subject": "root", "X-Authz-Obligations": "CLEAR_MODE_CHANGE_REQUEST", "X-Authz-Decision-Id": "mine"}
    updated = anna.does(200, "PUT", at, anna.does(200, "GET", at) | {"website": "https://acme.example"}, spoofed)
    assert (updated["modeChangeRequest"], updated["lastModifiedBy"]) == ("SHARED", {"userId": anna.id})
    approved = root.does(200, "PUT", at, root.does(200, "GET", at) | {"organisationMode": "SHARED"})
    assert (approved["organisationMode"], approved["modeChangeRequest"]) == ("SHARED", None)
    assert world.rows(mode)[0][:2] == ("SHARED", None)
    assert approved["website"] == "https://acme.example" and approved["somethingNew"] == ACME["somethingNew"]

    for target in ("DEMO", "WHITELABEL"):
        anna.denied("INVALID_MODE_TRANSITION", "PUT", at, {"modeChangeRequest": target})
        root.denied("INVALID_MODE_TRANSITION", "PUT", at, {"organisationMode": target})
    assert world.rows(mode)[0][:2] == ("SHARED", None)


def users_of_parties(world, org, anna, party, other_party):
    """An ApManager's ApUsers, and what they do for which party."""
    world.write("INSERT INTO membership VALUES ('mona', ?, 'ApManager')", org)
    mona = world.as_user("mona", organisation=org)
    new = {"name": "amy@acme.example", "password": "secret"}
    world.as_user(anna.id, organisation=org).denied("NOT_PERMITTED", "PUT", "/api/v1/user", new)
    mona.denied("NOT_YOUR_AP_USER", "PUT", "/api/v1/user", {"name": "bob", "password": "secret"})
    mona.does(201, "PUT", "/api/v1/user", new)
    mona.does(200, "PUT", "/api/v1/user", new)
    assert mona.does(200, "GET", "/api/v1/user") == [{"name": "amy@acme.example"}]
    amy = world.as_user("amy@acme.example", organisation=org)
    at = f"/api/v1/user/{part(amy.id)}"

    send = f"/api/v1/{part(party)}/salesInvoice/send?receiverId={part(other_party)}"
    amy.denied("EMAIL_NOT_VERIFIED", "POST", send, INVOICE)
    world.verify(amy.id)
    amy.denied("NOT_PERMITTED", "POST", send, INVOICE)
    lacking = {flag: True for flag in list(ALL)[1:]}
    mona.denied("REQUEST_MALFORMED", "PUT", f"{at}/party", {"id": party, "name": "Acme", "permissions": lacking})
    authorization = {"id": party, "name": "Acme", "permissions": ALL}
    mona.does(200, "PUT", f"{at}/party", authorization)
    assert mona.does(200, "GET", f"{at}/party") == [authorization]
    assert world.rows("SELECT * FROM party_authorization") == [(party, amy.id, "Acme", 1, 1, 1, 1)]

    # For its party, however that is spelled, and for no other. A body may come in pieces.
    amy.does(200, "POST", send, iter([INVOICE, b"\n"]))
    sent = amy.does(200, "POST", f"/api/v1/0007:5561234567/salesInvoice/send?receiverId={part(party)}", INVOICE)["id"]
    amy.denied("NOT_PERMITTED", "POST", f"/api/v1/{part(other_party)}/salesInvoice/send?receiverId={part(party)}", INVOICE)
    mona.denied("NOT_PERMITTED", "POST", send, INVOICE)
    received = f"/api/v1/{part(party)}/purchaseInvoice/{sent}"
    assert amy.does(200, "GET", f"{received}/download") == INVOICE
    mona.does(200, "PUT", f"{at}/party", authorization | {"permissions": ALL | {"canRemoveDocument": False, "canManageHook": False}})
    amy.denied("NOT_PERMITTED", "DELETE", received)
    amy.denied("NOT_PERMITTED", "PUT", f"/api/v1/{part(party)}/hook", {"url": "https://acme.example/hook"})
    mona.does(200, "PUT", f"{at}/party", authorization)
    amy.does(204, "DELETE", received)
    amy.fails(404, "GET", f"{received}/download")
    hook = amy.does(200, "PUT", f"/api/v1/{part(party)}/hook", {"url": "https://acme.example/hook"})
    assert amy.does(200, "GET", f"/api/v1/{part(party)}/hook") == [hook]

    # A party keeps its last ApUser.
    mona.denied("LAST_AP_USER", "DELETE", f"{at}/party/{part(party.upper().replace('ISO6523-ACTORID-UPIS', 'iso6523-actorid-upis'))}")
    mona.denied("LAST_AP_USER", "DELETE", at)
    mona.does(201, "PUT", "/api/v1/user", {"name": "ali@acme.example", "password": "secret"})
    mona.does(200, "PUT", "/api/v1/user/ali@acme.example/party", authorization)
    mona.does(204, "DELETE", at)
    assert world.rows("SELECT user_id FROM party_authorization") == [("ali@acme.example",)]
    amy.denied("UNKNOWN_PRINCIPAL", "POST", send, INVOICE)


def sub_accounts(world, org, anna):
    """What a sub-account sees, and how fast it does not."""
    anna = world.as_user(anna, organisation=org)
    one = anna.does(201, "POST", "/legal-entities", {"name": "Acme One"})["uuid"]
    other = anna.does(201, "POST", "/legal-entities", {"name": "Acme Other"})["uuid"]
    for document, legal_entity in (("d-1", one), ("d-2", other)):
        world.write("INSERT INTO document VALUES (?, ?, 'RECEIVED')", document, legal_entity)
    world.as_user("bob", organisation=org).denied("NOT_PERMITTED", "POST", "/legal-entities", {"name": "Bob's"})

    foo = world.as_sub_account("foo@bar.com", organisation=org)
    at = f"/legal-entities/{one}/sub-accounts"
    foo.denied("UNKNOWN_PRINCIPAL", "GET", "/invoices/d-1")
    anna.denied("EMAIL_ALREADY_REGISTERED", "POST", at, {"email": "Mia@acme.example", "password": "secret"})
    anna.does(201, "POST", at, {"email": "Foo@bar.com", "password": "secret"})
    anna.denied("EMAIL_ALREADY_REGISTERED", "POST", at, {"email": "foo@bar.com", "password": "secret"})
    assert world.rows("SELECT email FROM account WHERE sub_account_id IS NOT NULL") == [("foo@bar.com",)]

    assert foo.does(200, "GET", "/invoices/d-1") == {"uuid": "d-1", "legalEntity": one, "direction": "RECEIVED"}
    foo.denied("NOT_PERMITTED", "GET", "/invoices/d-2")
    foo.denied("SUB_ACCOUNT_MANAGES_NOTHING", "POST", "/legal-entities", {"name": "Foo's"})
    foo.denied("SUB_ACCOUNT_MANAGES_NOTHING", "POST", "/orgs", ACME)
    anna.does(201, "POST", f"/legal-entities/{other}/sub-accounts", {"email": "foo@bar.com"})
    foo.does(200, "GET", "/invoices/d-2")
    anna.fails(409, "DELETE", f"/legal-entities/{one}")

    anna.does(204, "DELETE", f"{at}/FOO@bar.com")
    foo.denied("NOT_PERMITTED", "GET", "/invoices/d-1")
    foo.does(200, "GET", "/invoices/d-2")
    assert [row[1] for row in world.rows("SELECT * FROM sub_account_legal_entity")] == [other]


def test_what_is_not_understood_is_not_done(world):
    """Straight to the service, as only the gateway can."""
    gateway = {"X-Authz-Subject": "bob", "X-Authz-Subject-Type": "Peppol::User", "X-Authz-Decision-Id": "d"}
    acme = ACME | {"legalIdentifier": "1"}
    before = world.rows("SELECT * FROM tenancy_revision")
    for headers in (
        {},
        gateway,
        gateway | {"X-Authz-Obligations": "GRANT_ORGADMIN, CALL_THE_POLICE"},
        # Understood, but not here.
        gateway | {"X-Authz-Obligations": "CLEAR_MODE_CHANGE_REQUEST"},
        gateway | {"X-Authz-Obligations": "", "X-Authz-Decision-Id": ""},
    ):
        status, problem = world.directly("POST", "/orgs", acme, headers)
        assert (status, problem["status"]) == (500, 500), headers
    assert world.rows("SELECT * FROM tenancy_revision") == before
    assert world.directly("POST", "/orgs", acme, gateway | {"X-Authz-Obligations": ""})[0] == 201
    assert world.rows("SELECT * FROM membership WHERE user_id = 'bob'") == []
