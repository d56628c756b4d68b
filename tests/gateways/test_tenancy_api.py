"""The whole life of an organisation: examples/tenancy-api behind Envoy, the sidecar beside it.

Everything that is done to it goes through the gateway, with tokens. What no endpoint does (who is
ApManager and nothing else, what documents there are) is written to the store, as another program would.
"""

import json
import re
import socket
import subprocess
import sys
import tomllib
import urllib.parse

import pytest

from processes import PATIENCE, PROJECT, Process, wait_until
from tenancy import started

EXAMPLE = PROJECT / "examples/tenancy-api"

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
# What the gateway tells the service of bob who creates an organisation; obligations are missing.
BY_BOB = {
    "X-Authz-Subject": "bob",
    "X-Authz-Subject-Type": "Peppol::User",
    "X-Authz-Resource": 'Peppol::Platform::"platform"',
    "X-Authz-Decision-Id": "d",
}
INVOICE = b"<Invoice>\xc3\xa5</Invoice>"


@pytest.fixture(scope="module")
def world():
    with started() as made:
        yield made


@pytest.fixture
def empty():
    """A world without organisations."""
    with started() as made:
        yield made


def part(text):
    """As one segment of a path."""
    return urllib.parse.quote(text, safe="")


def test_the_life_of_an_organisation(empty):
    world = empty
    # After a sign-up nothing is allowed before the address is verified.
    status, anna_account = world.call("POST", "/sign-up", None, {"email": "Anna@Acme.example"})
    assert (status, anna_account["emailVerified"]) == (201, False)
    assert world.call("POST", "/sign-up", None, {"email": "anna@acme.example"})[0] == 409
    anna = world.as_user(anna_account["id"])
    anna.denied("EMAIL_NOT_VERIFIED", "POST", "/orgs", ACME)
    anna.denied("UNKNOWN_RESOURCE", "GET", "/orgs/none")
    assert world.rows("SELECT * FROM organisation") == []
    assert world.call("POST", "/sign-up/verify", None, {"email": "anna@acme.example", "code": "guessed"})[0] == 400
    anna.denied("EMAIL_NOT_VERIFIED", "POST", "/orgs", ACME)
    world.verify("anna@acme.example")

    # The creator of an organisation becomes its orgadmin, and not the user that a client's header names.
    anna.fails(400, "POST", "/orgs", ACME | {"organisationMode": "SHARED"})
    org = anna.does(201, "POST", "/orgs", ACME, {"X-Authz-Subject": "root", "X-Authz-Obligations": ""})
    assert org["organisationMode"] == "DEMO" and org["createdBy"] == {"userId": anna.id}
    assert world.rows("SELECT * FROM membership") == [(anna.id, org["id"], "orgadmin")]
    anna.fails(409, "POST", "/orgs", ACME)
    assert len(world.rows("SELECT * FROM organisation")) == 1
    at = f"/orgs/{org['id']}"
    assert anna.does(200, "GET", at).items() >= ACME.items()

    members(world, anna, at)
    demo(world, anna, at)
    mode_change(world, anna, org["id"], at)

    # SHARED allows this.
    certificate = anna.does(201, "POST", f"{at}/certificates", {"name": "Acme", "type": "PRODUCTION"})
    assert anna.does(200, "GET", at)["certificates"] == anna.does(200, "GET", f"{at}/certificates") == [certificate]
    assert anna.does(200, "GET", f"{at}/certificates/{certificate['id']}") == certificate
    anna.does(204, "POST", f"{at}/certificates/batch_delete", {"ids": [certificate["id"]]})
    anna.fails(404, "GET", f"{at}/certificates/{certificate['id']}")
    own = anna.does(201, "POST", f"{at}/aps", {"environment": "PROD", "transportProfile": "peppol-transport-as4-v2_0"})
    assert world.rows("SELECT * FROM access_point WHERE organisation_id IS NOT NULL") == [
        (own["id"], "PRODUCTION", org["id"])
    ]
    anna.denied("UNKNOWN_RESOURCE", "PUT", f"{at}/aps/platform-production", {"name": "mine"})
    anna.denied("UNKNOWN_RESOURCE", "POST", f"{at}/aps/batch-delete", {"ids": [own["id"], "platform-test"]})
    assert anna.does(200, "PUT", f"{at}/aps/{own['id']}", {"name": "mine"})["environment"] == "PRODUCTION"
    parties = []
    for value in ("0007:5561234567", "0007:AcmeTwo"):
        made = anna.does(201, "POST", f"{at}/participants", {"participantIdentifier": value, "environment": "PROD"})
        parties.append(made["id"])
    assert parties[1] == "iso6523-actorid-upis::0007:acmetwo"
    again = {"participantIdentifier": "0007:ACMEtwo", "environment": "PROD"}
    anna.denied("PARTICIPANT_TAKEN", "POST", f"{at}/participants", again, 409)

    users_of_parties(world, org["id"], anna, *parties)
    sub_accounts(world, org["id"], anna.id)


def members(world, anna, at):
    """Invited, accepted, changed, left; and the last orgadmin stays."""
    bob, mia, mona = (world.as_user(id) for id in ("bob", "mia", "mona"))
    as_member = {"email": "BOB@elsewhere.example", "memberRole": "orgmember"}
    for other in (bob, mia):
        other.denied("NOT_PERMITTED", "POST", f"{at}/invitations", as_member)
        other.denied("NOT_PERMITTED", "GET", f"{at}/members")
    invitation = anna.does(201, "POST", f"{at}/invitations", as_member)
    assert invitation["email"] == "bob@elsewhere.example"
    nobody = anna.does(201, "POST", f"{at}/invitations", {"email": "nobody@yet.example", "memberRole": "orgadmin"})
    listed = anna.does(200, "GET", f"{at}/invitations")
    assert sorted(listed, key=str) == sorted([invitation, nobody], key=str)
    accept = f"/invitations/{invitation['id']}/accept"
    for other in (mia, anna):
        other.denied("NOT_PERMITTED", "POST", accept)
    bob.denied("NOT_PERMITTED", "POST", f"/invitations/{nobody['id']}/accept")
    bob.denied("NOT_PERMITTED", "DELETE", f"{at}/invitations/{invitation['id']}")
    assert bob.does(200, "POST", accept) == {"userId": "bob", "memberRoles": ["orgmember"]}
    bob.denied("UNKNOWN_RESOURCE", "POST", accept)
    anna.does(204, "DELETE", f"{at}/invitations/{nobody['id']}")
    assert anna.does(200, "GET", f"{at}/invitations") == []

    # There is always an orgadmin.
    me = f"{at}/members/{anna.id}"
    anna.denied("LAST_ORGADMIN", "DELETE", me)
    anna.denied("LAST_ORGADMIN", "PUT", me, {"memberRole": "orgmember"})
    anna.denied("LAST_ORGADMIN", "POST", f"{at}/leave")
    bob.denied("NOT_PERMITTED", "PUT", f"{at}/members/bob", {"memberRole": "orgadmin"})
    assert anna.does(200, "PUT", f"{at}/members/bob", {"memberRole": "orgadmin"})["memberRoles"] == ["orgadmin"]
    bob.does(200, "GET", f"{at}/members")
    bob.does(204, "POST", f"{at}/leave")
    bob.denied("NOT_PERMITTED", "POST", f"{at}/leave")
    anna.denied("LAST_ORGADMIN", "POST", f"{at}/leave")

    # An ApManager is a member before.
    anna.denied("NOT_A_MEMBER", "PUT", f"{at}/members/mona/ap-manager")
    anna.does(201, "POST", f"{at}/members", {"userId": "mona", "memberRole": "orgmember"})
    assert anna.does(200, "PUT", f"{at}/members/mona/ap-manager")["memberRoles"] == ["ApManager", "orgmember"]
    mona.denied("NOT_PERMITTED", "DELETE", f"{at}/members/mona/ap-manager")
    anna.does(204, "DELETE", f"{at}/members/mona/ap-manager")
    assert anna.does(200, "GET", f"{at}/members") == [
        {"userId": each, "memberRoles": [role]} for each, role in sorted([(anna.id, "orgadmin"), ("mona", "orgmember")])
    ]
    anna.does(204, "DELETE", f"{at}/members/mona")


def demo(world, anna, at):
    """The limits of DEMO mode."""
    anna.denied("DEMO_NO_CERTIFICATES", "POST", f"{at}/certificates", {"name": "Acme", "type": "TEST"})
    for environment in ("TEST", "PROD"):
        anna.denied("DEMO_NO_ACCESS_POINTS", "POST", f"{at}/aps", {"environment": environment})
    anna.denied(
        "DEMO_NO_PRODUCTION", "POST", f"{at}/participants", {"participantIdentifier": "0007:1", "environment": "PROD"}
    )
    for number in range(10):
        body = {"participantIdentifier": f"0007:{number}", "environment": "TEST"}
        last = anna.does(201, "POST", f"{at}/participants", body)
    one_more = {"participantIdentifier": "0007:10", "environment": "TEST"}
    anna.denied("DEMO_PARTICIPANT_LIMIT", "POST", f"{at}/participants", one_more)
    # Not by another door either.
    anna.fails(400, "PUT", at, {"participantLimit": 1000})
    anna.denied("DEMO_NO_PRODUCTION", "PUT", f"{at}/participants/{part(last['id'])}", {"environment": "PROD"})
    anna.does(204, "POST", f"{at}/participants/batch-delete", {"ids": [last["id"]]})
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
    # Headers that only the sidecar may send are removed from a client's request.
    spoofed = {
        "X-Authz-Subject": "root",
        "X-Authz-Obligations": "CLEAR_MODE_CHANGE_REQUEST",
        "X-Authz-Decision-Id": "mine",
    }
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
    mona = world.as_user("mona", f"organisation={org}")
    new = {"name": "amy@acme.example", "password": "secret"}
    world.as_user(anna.id, f"organisation={org}").denied("NOT_PERMITTED", "PUT", "/api/v1/user", new)
    mona.denied("NOT_YOUR_AP_USER", "PUT", "/api/v1/user", {"name": "bob", "password": "secret"})
    mona.does(201, "PUT", "/api/v1/user", new)
    mona.does(200, "PUT", "/api/v1/user", new)
    assert mona.does(200, "GET", "/api/v1/user") == [{"name": "amy@acme.example"}]
    amy = world.as_user("amy@acme.example", f"organisation={org}")
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

    # A user who is more than an ApUser is left alone.
    anna.does(200, "PUT", f"/orgs/{org}/members/{part(amy.id)}/ap-manager")
    mona.denied("USER_HAS_OTHER_ROLES", "PUT", "/api/v1/user", new)
    anna.does(204, "DELETE", f"/orgs/{org}/members/{part(amy.id)}/ap-manager")

    # For its party, however that is spelled, and for no other. A body may come in pieces.
    amy.does(200, "POST", send, iter([INVOICE, b"\n"]))
    sent = amy.does(200, "POST", f"/api/v1/0007:5561234567/salesInvoice/send?receiverId={part(party)}", INVOICE)["id"]
    amy.denied(
        "NOT_PERMITTED", "POST", f"/api/v1/{part(other_party)}/salesInvoice/send?receiverId={part(party)}", INVOICE
    )
    mona.denied("NOT_PERMITTED", "POST", send, INVOICE)
    received = f"/api/v1/{part(party)}/purchaseInvoice/{sent}"
    assert amy.does(200, "GET", f"{received}/download") == INVOICE
    mona.does(
        200,
        "PUT",
        f"{at}/party",
        authorization | {"permissions": ALL | {"canRemoveDocument": False, "canManageHook": False}},
    )
    amy.denied("NOT_PERMITTED", "DELETE", received)
    amy.denied("NOT_PERMITTED", "PUT", f"/api/v1/{part(party)}/hook", {"url": "https://acme.example/hook"})
    mona.does(200, "PUT", f"{at}/party", authorization)
    amy.does(204, "DELETE", received)
    amy.fails(404, "GET", f"{received}/download")
    hook = amy.does(200, "PUT", f"/api/v1/{part(party)}/hook", {"url": "https://acme.example/hook"})
    assert amy.does(200, "GET", f"/api/v1/{part(party)}/hook") == [hook]

    # A party keeps its last ApUser.
    mona.denied(
        "LAST_AP_USER",
        "DELETE",
        f"{at}/party/{part(party.upper().replace('ISO6523-ACTORID-UPIS', 'iso6523-actorid-upis'))}",
    )
    mona.denied("LAST_AP_USER", "DELETE", at)
    anna.denied("LAST_AP_USER", "DELETE", f"/orgs/{org}/members/{part(amy.id)}")
    amy.denied("LAST_AP_USER", "POST", f"/orgs/{org}/leave")
    mona.does(201, "PUT", "/api/v1/user", {"name": "ali@acme.example", "password": "secret"})
    mona.does(200, "PUT", "/api/v1/user/ali@acme.example/party", authorization)
    mona.does(204, "DELETE", at)
    assert world.rows("SELECT user_id FROM party_authorization") == [("ali@acme.example",)]
    amy.denied("UNKNOWN_PRINCIPAL", "POST", send, INVOICE)


def sub_accounts(world, org, anna):
    """The documents that a sub-account sees, and how fast it loses them."""
    anna = world.as_user(anna, f"organisation={org}")
    one = anna.does(201, "POST", "/legal-entities", {"name": "Acme One"})["uuid"]
    other = anna.does(201, "POST", "/legal-entities", {"name": "Acme Other"})["uuid"]
    for document, legal_entity in (("d-1", one), ("d-2", other)):
        world.write("INSERT INTO document VALUES (?, ?, 'RECEIVED')", document, legal_entity)
    world.as_user("bob", f"organisation={org}").denied("NOT_PERMITTED", "POST", "/legal-entities", {"name": "Bob's"})

    foo = world.as_sub_account("foo@bar.com", f"organisation={org}")
    at = f"/legal-entities/{one}/sub-accounts"
    foo.denied("UNKNOWN_PRINCIPAL", "GET", "/invoices/d-1")
    anna.denied("EMAIL_ALREADY_REGISTERED", "POST", at, {"email": "Mia@elsewhere.example", "password": "secret"}, 409)
    anna.does(201, "POST", at, {"email": "Foo@bar.com", "password": "secret"})
    anna.denied("EMAIL_ALREADY_REGISTERED", "POST", at, {"email": "foo@bar.com", "password": "secret"}, 409)
    assert world.rows("SELECT email FROM account WHERE sub_account_id IS NOT NULL") == [("foo@bar.com",)]

    assert foo.does(200, "GET", "/invoices/d-1") == {"uuid": "d-1", "legalEntity": one, "direction": "RECEIVED"}
    foo.denied("NOT_PERMITTED", "GET", "/invoices/d-2")
    foo.denied("SUB_ACCOUNT_MANAGES_NOTHING", "POST", "/legal-entities", {"name": "Foo's"})
    foo.denied("SUB_ACCOUNT_MANAGES_NOTHING", "POST", "/orgs", ACME)
    assert anna.does(200, "GET", at) == [{"email": "foo@bar.com"}]
    foo.denied("NOT_PERMITTED", "GET", at)
    documents = [{"uuid": id, "legalEntity": of, "direction": "RECEIVED"} for id, of in (("d-1", one), ("d-2", other))]
    assert anna.does(200, "GET", "/invoices") == documents
    assert foo.does(200, "GET", "/invoices") == documents[:1]
    world.as_user("bob", f"organisation={org}").denied("NOT_PERMITTED", "GET", "/invoices")
    ((account,),) = world.rows("SELECT sub_account_id FROM account WHERE email = 'foo@bar.com'")
    anna.denied("NOT_PERMITTED", "PUT", f"/sub-accounts/{account}/full-access", {"fullAccess": True})
    root = world.as_user("root")
    assert root.does(200, "PUT", f"/sub-accounts/{account}/full-access", {"fullAccess": True})["fullAccess"] is True
    assert foo.does(200, "GET", "/invoices") == documents
    root.does(200, "PUT", f"/sub-accounts/{account}/full-access", {"fullAccess": False})
    anna.does(201, "POST", f"/legal-entities/{other}/sub-accounts", {"email": "foo@bar.com"})
    foo.does(200, "GET", "/invoices/d-2")
    anna.fails(409, "DELETE", f"/legal-entities/{one}")

    anna.does(204, "DELETE", f"{at}/FOO@bar.com")
    foo.denied("NOT_PERMITTED", "GET", "/invoices/d-1")
    foo.does(200, "GET", "/invoices/d-2")
    assert [row[1] for row in world.rows("SELECT * FROM sub_account_legal_entity")] == [other]
    # A condition that is too long for a header is fetched.
    for number in range(100):
        world.write("INSERT INTO legal_entity VALUES (?, ?)", f"more-{number}", org)
    assert anna.does(200, "GET", "/invoices") == documents
    assert foo.does(200, "GET", "/invoices") == documents[1:]


def test_whoever_asks_is_known_by_any_name(world):
    """Also by one that is no text of a header."""
    bjorn = world.as_user("björn 100%")
    org = bjorn.does(201, "POST", "/orgs", ACME | {"legalIdentifier": "björn"})
    assert org["createdBy"] == {"userId": "björn 100%"}
    statement = "SELECT user_id, member_role FROM membership WHERE organisation_id = ?"
    assert world.rows(statement, org["id"]) == [("björn 100%", "orgadmin")]


def test_the_service_acts_on_what_was_decided(empty):
    """A name of a scheme is no other participant: not for its owner, and not for a stranger."""
    world = empty
    world.write("INSERT OR IGNORE INTO organisation (id, mode) VALUES ('victim', 'SHARED'), ('rival', 'SHARED')")
    for user, org in (("mia", "victim"), ("mona", "victim"), ("bob", "rival")):
        for role in ("orgadmin", "ApManager"):
            world.write("INSERT OR IGNORE INTO membership VALUES (?, ?, ?)", user, org, role)
    mia, bob = world.as_user("mia", "organisation=victim"), world.as_user("bob", "organisation=rival")
    made = mia.does(201, "POST", "/orgs/victim/participants", {"participantIdentifier": "GLN:579", "environment": "TEST"})
    assert made["id"] == "iso6523-actorid-upis::0088:579"
    assert world.rows("SELECT id, organisation_id FROM participant WHERE id LIKE '%:579'") == [(made["id"], "victim")]
    for spelling in ("0088:579", "GLN:579", "gln:579", "iso6523-actorid-upis::GLN:579"):
        again = {"participantIdentifier": spelling, "environment": "PROD"}
        bob.denied("PARTICIPANT_TAKEN", "POST", "/orgs/rival/participants", again, 409)
    sent = mia.does(200, "POST", f"/api/v1/GLN:579/salesInvoice/send?receiverId={part(made['id'])}", INVOICE)["id"]
    for spelling in ("0088:579", "GLN:579"):
        invoice = f"/api/v1/{spelling}/purchaseInvoice/{sent}"
        assert mia.does(200, "GET", f"{invoice}/download") == INVOICE
        for method, path in (("GET", f"{invoice}/download"), ("DELETE", invoice)):
            bob.denied("NOT_PERMITTED", method, path)
        bob.denied("NOT_PERMITTED", "POST", f"/api/v1/{spelling}/salesInvoice/send?receiverId={spelling}", INVOICE)
        bob.denied("NOT_PERMITTED", "GET", f"/api/v1/{spelling}/hook")
    # The list that was decided on is deleted, each of it once, and nothing else.
    mia.does(204, "POST", "/orgs/victim/participants/batch-delete", {"ids": ["GLN:579", "0088:579"]})
    assert world.rows("SELECT id FROM participant WHERE organisation_id = 'victim'") == []


def test_what_is_not_understood_is_not_done(world):
    """Straight to the service, as only the gateway can."""
    gateway = BY_BOB
    acme = ACME | {"legalIdentifier": "1"}
    before = world.rows("SELECT * FROM tenancy_revision")
    for headers in (
        {},
        gateway,
        gateway | {"X-Authz-Obligations": "GRANT_ORGADMIN, CALL_THE_POLICE"},
        # Understood, but not here.
        gateway | {"X-Authz-Obligations": "CLEAR_MODE_CHANGE_REQUEST"},
        gateway | {"X-Authz-Obligations": "", "X-Authz-Decision-Id": ""},
        {name: value for name, value in gateway.items() if name != "X-Authz-Resource"} | {"X-Authz-Obligations": ""},
        gateway | {"X-Authz-Obligations": "", "X-Authz-Resource": "Peppol::Platform"},
        gateway | {"X-Authz-Obligations": "", "X-Authz-Resource": 'user=Peppol::User::"bob"'},
    ):
        status, problem = world.directly("POST", "/orgs", acme, headers)
        assert (status, problem["status"]) == (500, 500), headers
    assert world.rows("SELECT * FROM tenancy_revision") == before
    assert world.directly("POST", "/orgs", acme, gateway | {"X-Authz-Obligations": ""})[0] == 201
    assert world.rows("SELECT * FROM membership WHERE user_id = 'bob'") == []


def test_a_list_without_its_plan_is_none(world):
    """Straight to the service: a list that nobody has filtered would be of all."""
    gateway = BY_BOB | {"X-Authz-Obligations": "FILTER_DOCUMENTS", "X-Authz-Resource": 'Peppol::Organisation::"victim"'}
    sql = {"dialect": "sqlite", "where": "TRUE", "parameters": []}
    for status, plan, id in (
        (500, "", ""),
        (500, "", "../is_authorized"),
        (503, "", "0198c0de-0000-7000-8000-000000000000"),
        (500, json.dumps({"sql": sql | {"dialect": "postgresql"}}), ""),
        (500, json.dumps({"sql": sql, "obligations": ["CALL_THE_POLICE"]}), ""),
        (200, json.dumps({"sql": sql}), ""),
    ):
        headers = gateway | {"X-Authz-Plan": plan, "X-Authz-Plan-Id": id}
        assert world.directly("GET", "/invoices", None, headers)[0] == status, (plan, id)
    assert world.directly("GET", "/invoices", None, gateway)[0] == 500


def test_a_body_that_could_be_read_in_two_ways_is_not_read(world):
    gateway = BY_BOB | {"X-Authz-Obligations": "GRANT_ORGADMIN"}
    before = world.rows("SELECT * FROM tenancy_revision")
    for body in (
        b"",
        b"[]",
        b"nonsense",
        b"\xff",
        b"[" * 100_000,
        json.dumps(ACME).encode("utf-16"),
        json.dumps(ACME).encode()[:-1] + b', "legalIdentifier": "2"}',
        json.dumps(ACME).encode()[:-1] + b', "number": NaN}',
        json.dumps(ACME | {"legalIdentifier": "\ud800"}).encode(),
        ACME | {"contacts": "BUSINESS"},
        ACME | {"contacts": [{}]},
        ACME | {"participantLimit": 1000},
        {"legalIdentifierCode": "SE_ORGNR"},
    ):
        status, problem = world.directly("POST", "/orgs", body, gateway)
        assert (status, problem["status"]) == (400, 400), body
    for path in ("/orgs/%2F", "/orgs/..", "/orgs//x", "/orgs/%zz", "/orgs/%ff", "/orgs/%00"):
        assert world.directly("GET", path, None, gateway)[0] == 400, path
    assert world.directly("POST", "/orgs", None, gateway | {"Content-Length": "2000000"})[0] == 413
    assert world.rows("SELECT * FROM tenancy_revision") == before


def test_only_the_gateway_reaches_it(world, tmp_path):
    command = [sys.executable, "-B", EXAMPLE / "server.py", "--tenancy", world.database, "--listen"]
    for address in ("0.0.0.0:0", "[::]:0"):
        refused = subprocess.run([*command, address], capture_output=True, text=True, timeout=PATIENCE)
        assert refused.returncode == 1 and "without the gateway" in refused.stderr
    process = Process("tenancy-api", [*command, f"unix:{tmp_path / 'api'}"], tmp_path)
    try:
        wait_until(lambda: process.lives() and "listening" in process.log(), "it listens")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "api"))
            client.sendall(b"GET /orgs/acme HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.makefile().readline().startswith("HTTP/1.1 500 ")
    finally:
        process.stop()


def test_every_endpoint_is_asked_about_but_for_sign_up():
    listed = (
        "import json, server; print(json.dumps([f'{entry[0]} /' + '/'.join(entry[1]) for entry in server.ENDPOINTS]))"
    )
    ran = subprocess.run(
        [sys.executable, "-B", "-c", listed], cwd=EXAMPLE, capture_output=True, text=True, timeout=PATIENCE
    )
    with open(PROJECT / "schema/routes.toml", "rb") as file:
        entries = [entry["request"] for entry in tomllib.load(file)["route"]]
    asked = {one for entry in entries for one in (entry if isinstance(entry, list) else [entry])}
    # Names of parameters may differ.
    asked, served = ({re.sub(r"\{[^}]*\}", "{}", one) for one in each} for each in (asked, json.loads(ran.stdout)))
    assert served - asked == {"POST /sign-up", "POST /sign-up/verify"}
