"""Decisions, and the headers that come with them, through every gateway."""

import json
import os
import urllib.parse

import pytest

from backend import digest
from sidecar import STRANGER, bearer
from wire import code, problem

# Longer than any buffer of a gateway, and no JSON.
UPLOAD = os.urandom(1 << 20)

JSON = ("Content-Type", "application/json")
BINARY = ("Content-Type", "application/octet-stream")
REQUEST = b'{"modeChangeRequest": "SHARED"}'


def authz(seen):
    """The headers that say who was allowed what; each there is once."""
    names = [name.lower() for name, _ in seen.headers if "authz" in name.lower()]
    assert len(names) == len(set(names)), names
    return {name.lower(): value for name, value in seen.headers if "authz" in name.lower()}


def test_what_is_allowed_reaches_the_backend_as_it_was_sent(gateway, backend):
    own = [("X-Custom", "Ä b".encode().decode("latin-1")), ("Cache-Control", "max-age=7"), ("Cookie", "a=1; b=2")]
    answer = gateway.ask("GET", "/orgs/acme?a=1&b=%2F", bearer("anna"), *own)
    assert answer.status == 200, answer
    [seen] = backend.seen(answer.tag)
    assert (seen.method, seen.target, seen.length) == ("GET", "/orgs/acme?a=1&b=%2F", 0)
    arrived = [(name.lower(), value) for name, value in seen.headers]
    for name, value in own:
        assert (name.lower(), value) in arrived, seen
    said = authz(seen)
    assert (said["x-authz-subject"], said["x-authz-subject-type"]) == ("anna", "Peppol::User")
    assert said["x-authz-resource"] == 'Peppol::Organisation::"acme"'
    assert said["x-authz-decision-id"]
    assert said.get("x-authz-obligations", "") == ""
    names = ("subject", "subject-type", "resource", "decision-id", "obligations", "plan", "plan-id")
    assert set(said) <= {f"x-authz-{name}" for name in names}


def test_the_backend_is_told_what_was_decided_on(gateway, backend):
    """Its canonical ids, whatever the client has called it."""
    for spelling in ("0007:5599990001", "SE:ORGNR:5599990001", "iso6523-actorid-upis%3A%3Ase%3Aorgnr%3A5599990001"):
        answer = gateway.ask("GET", f"/api/v1/{spelling}/purchaseInvoice/1/download", bearer("mia"))
        assert answer.status == 200, answer
        assert authz(backend.seen(answer.tag)[0])["x-authz-resource"] == (
            'Peppol::Participant::"iso6523-actorid-upis::0007:5599990001"; '
            'accessPoint=Peppol::AccessPoint::"platform-production"'
        )


def test_the_backend_is_told_what_the_body_names(gateway, backend):
    if not gateway.kind.sends_bodies:
        return
    body = b'{"participantIdentifier": "GLN:NEW", "environment": "PROD"}'
    answer = gateway.ask("POST", "/orgs/globex/participants", bearer("mia"), JSON, body=body)
    assert answer.status == 200, answer
    assert authz(backend.seen(answer.tag)[0])["x-authz-resource"] == (
        'Peppol::Organisation::"globex"; environment=Peppol::Environment::"PRODUCTION"; '
        'participant=Peppol::ParticipantIdentifier::"iso6523-actorid-upis::0088:new"'
    )


def test_the_backend_is_told_the_obligations(gateway, backend):
    answer = gateway.ask("POST", "/orgs", bearer("anna", algorithm="ES256"), JSON, body=b'{"name": "new"}')
    assert answer.status == 200, answer
    assert authz(backend.seen(answer.tag)[0])["x-authz-obligations"] == "GRANT_ORGADMIN"


def test_the_backend_is_given_the_plan_of_a_list(gateway, backend):
    """The condition for its own query, as the sidecar has made it, and not a client's."""
    spoofed = [("X-Authz-Plan", '{"kind":"always"}'), ("X-Authz-Plan-Id", "spoofed")]
    answer = gateway.ask("GET", "/orgs/globex/transactions", bearer("gus"), *spoofed)
    assert answer.status == 200, answer
    said = authz(backend.seen(answer.tag)[0])
    assert said.get("x-authz-plan-id", "") == ""
    plan = json.loads(urllib.parse.unquote(said["x-authz-plan"], errors="strict"))
    assert plan["condition"] == {
        "op": "eq", "attribute": "legalEntity", "type": "Peppol::LegalEntity", "value": "glöbex, \"1\"",
    }  # fmt: skip
    assert plan["sql"]["parameters"] == ["glöbex, \"1\""]
    other = gateway.ask("GET", "/orgs/globex", bearer("gus"), *spoofed)
    said = authz(backend.seen(other.tag)[0])
    assert (said.get("x-authz-plan", ""), said.get("x-authz-plan-id", "")) == ("", "")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_reaches_the_backend_as_it_was_sent(gateway, backend, chunked):
    answer = gateway.ask(
        "POST", "/orgs/globex/certificates", bearer("gus"), BINARY, body=UPLOAD, chunked=chunked
    )
    if chunked and not gateway.kind.takes_long_chunked_bodies:
        assert (answer.status, backend.seen(answer.tag)) == (411, []), answer
        return
    assert answer.status == 200, answer
    [seen] = backend.seen(answer.tag)
    assert (seen.length, seen.digest) == (len(UPLOAD), digest(UPLOAD))


def test_head_is_asked_about_like_get(gateway, backend):
    allowed = gateway.ask("HEAD", "/orgs/acme", bearer("anna"))
    assert (allowed.status, backend.seen(allowed.tag)[0].method) == (200, "HEAD")
    denied = gateway.ask("HEAD", "/orgs/globex", bearer("anna"))
    assert (denied.status, code(denied), backend.seen(denied.tag)) == (403, "NOT_PERMITTED", [])


def is_denied(gateway, backend, answer, expected, status=403):
    """With its code in a header, and in the body where the gateway shows it."""
    assert (answer.status, code(answer)) == (status, expected), answer
    assert answer.headers["X-Authz-Decision-Id"]
    assert problem(answer)["code"] == expected
    assert problem(answer)["decisionId"] == answer.headers["X-Authz-Decision-Id"]
    if gateway.kind.shows_problems:
        assert answer.headers.get_content_type() == "application/problem+json"
        assert problem(answer)["detail"]
    assert backend.seen(answer.tag) == []


@pytest.mark.parametrize(
    "who, method, target, expected",
    [
        ("mia", "GET", "/orgs/globex", "NOT_PERMITTED"),
        ("anna", "GET", "/orgs/globex", "NOT_PERMITTED"),
        ("anna", "GET", "/orgs/nothing", "UNKNOWN_RESOURCE"),
        ("nobody", "GET", "/orgs/acme", "UNKNOWN_PRINCIPAL"),
        ("anna", "POST", "/orgs/acme/certificates", "DEMO_NO_CERTIFICATES"),
        ("root", "GET", "/no/such/thing", "ROUTE_UNKNOWN"),
        ("root", "OPTIONS", "/orgs/acme", "ROUTE_UNKNOWN"),
    ],
)
def test_what_is_denied_does_not_reach_the_backend(gateway, backend, who, method, target, expected):
    is_denied(gateway, backend, gateway.ask(method, target, bearer(who)), expected)


@pytest.mark.parametrize("headers", [(), (("Authorization", "Basic YW5uYTphbm5h"),)], ids=["none", "basic"])
def test_without_a_token_it_is_asked_for(gateway, backend, headers):
    answer = gateway.ask("GET", "/orgs/acme", *headers)
    is_denied(gateway, backend, answer, "TOKEN_MISSING", 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Bearer garbage"),
        ("Authorization", bearer("anna")[1][:-8]),
        bearer("anna", exp=1_700_000_000),
        bearer("anna", key=STRANGER),
        bearer("anna", aud="another"),
        bearer("anna", iss="https://login.example.net/"),
    ],
    ids=["garbage", "cut", "expired", "key", "audience", "issuer"],
)
def test_a_token_that_is_none_is_refused(gateway, backend, header):
    answer = gateway.ask("GET", "/orgs/acme", header)
    is_denied(gateway, backend, answer, "TOKEN_INVALID", 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_one_of_two_tokens_is_not_chosen(gateway, backend):
    good, bad = bearer("anna"), ("Authorization", "Bearer garbage")
    for both in ((good, bad), (bad, good), (good, good), (bearer("mia"), good)):
        answer = gateway.ask("GET", "/orgs/acme", *both)
        assert answer.status in (400, 401, 403), answer
        assert backend.seen(answer.tag) == []


def test_the_sidecar_gets_what_it_needs_and_no_more(gateway):
    gateway.tap.forget()
    own = [("Cookie", "secret=1")] + ([("X-Own", "secret")] if gateway.kind.chooses_headers else [])
    assert gateway.ask("GET", "/orgs/acme", bearer("anna"), *own).status == 200
    assert b"/orgs/acme" in gateway.tap.sent()
    assert b"secret" not in gateway.tap.sent()


# The body decides: bill's organisation has a business contact, anna's has none.


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_decides_where_the_gateway_sends_it(gateway, backend, chunked):
    sent = gateway.kind.sends_chunked_bodies if chunked else gateway.kind.sends_bodies
    with gateway.client() as client:
        allowed = client.ask("PUT", "/orgs/initech", bearer("bill"), JSON, body=REQUEST, chunked=chunked)
        denied = client.ask("PUT", "/orgs/acme", bearer("anna"), JSON, body=REQUEST, chunked=chunked)
    is_denied(gateway, backend, denied, "AT-1120" if sent else "BODY_REQUIRED")
    if sent:
        assert allowed.status == 200, allowed
        [seen] = backend.seen(allowed.tag)
        assert (seen.method, seen.length, seen.digest) == ("PUT", len(REQUEST), digest(REQUEST))
    else:
        is_denied(gateway, backend, allowed, "BODY_REQUIRED")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_sent_in_part_allows_nothing(gateway, backend, chunked):
    # The first part is harmless, and would be valid alone.
    for body in (b'{"name": "x"}' + b" " * 200_000 + REQUEST, b'{"name": "' + b"x" * 200_000 + b'"}'):
        answer = gateway.ask("PUT", "/orgs/initech", bearer("bill"), JSON, body=body, chunked=chunked)
        # Traefik refuses by itself what is longer than it may send, HAProxy what is chunked and long.
        assert answer.status in (401, 403, 411, 413), answer
        assert code(answer) in ("BODY_REQUIRED", None)
        assert backend.seen(answer.tag) == []


def test_a_body_that_is_not_looked_at_ends_no_connection(gateway, backend):
    """Neither the client's nor the gateway's: one that the sidecar closes may take its answer with it."""
    content = b'{"name": "' + b"x" * 60_000 + b'"}'
    before = gateway.tap.connections
    with gateway.client() as client:
        for chunked in (False, gateway.kind.takes_long_chunked_bodies) * 15:
            denied = client.ask("POST", "/no/such/thing", bearer("anna"), JSON, body=content, chunked=chunked)
            allowed = client.ask("POST", "/orgs/globex/certificates", bearer("gus"), BINARY, body=UPLOAD[:150_000])
            assert (denied.status, allowed.status) == (403, 200)
            assert backend.seen(denied.tag) == []
    assert gateway.tap.connections - before <= 4


def test_a_body_that_is_missing_or_no_json_allows_nothing(gateway, backend):
    for body in (None, b"", b"modeChangeRequest=SHARED", b"[", REQUEST + REQUEST, REQUEST[:-1] + b', "a": "\xff"}'):
        answer = gateway.ask("PUT", "/orgs/initech", bearer("bill"), JSON, body=body)
        assert answer.status == 403, (body, answer)
        assert code(answer) in ("BODY_REQUIRED", "REQUEST_MALFORMED")
        assert backend.seen(answer.tag) == []


def test_another_content_type_hides_no_body(gateway, backend):
    """A gateway may decide by it whether it sends the body; if it does not, that is a denial."""
    for kind, named in (
        ("text/plain", "REQUEST_MALFORMED"),
        ("application/octet-stream", "REQUEST_MALFORMED"),
        ("application/x-www-form-urlencoded", "REQUEST_MALFORMED"),
        ("APPLICATION/JSON", "AT-1120"),
        ("application/merge-patch+json", "AT-1120"),
    ):
        answer = gateway.ask("PUT", "/orgs/acme", bearer("anna"), ("Content-Type", kind), body=REQUEST)
        assert (answer.status, backend.seen(answer.tag)) == (403, []), answer
        assert code(answer) in (named, "BODY_REQUIRED")
    answer = gateway.ask("PUT", "/orgs/acme", bearer("anna"), JSON, ("Content-Encoding", "gzip"), body=b"{}")
    assert (answer.status, backend.seen(answer.tag)) == (403, []), answer
    assert code(answer) in ("REQUEST_MALFORMED", "BODY_REQUIRED")
