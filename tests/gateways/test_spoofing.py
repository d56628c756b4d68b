"""A client's statements about its own request change no decision, and do not pass as the sidecar's."""

import re
import urllib.parse
import uuid

import pytest

from sidecar import bearer
from test_decisions import authz
from wire import code

# Gateways' headers to services, sent by a client: that it asks for its own organisation,
# and that it is somebody else.
SPOOFED = [
    ("X-Original-URI", "/orgs/acme"),
    ("X-Original-Method", "GET"),
    ("X-Original-URL", "/orgs/acme"),
    ("X-Rewrite-URL", "/orgs/acme"),
    ("X-Forwarded-Uri", "/orgs/acme"),
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Host", "other.example.com"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Prefix", "/orgs/acme"),
    ("Forwarded", "for=127.0.0.1;host=other.example.com"),
    ("X-Authz-Subject", "spoofed"),
    ("X-Authz-Subject-Type", "spoofed"),
    ("X-Authz-Resource", "spoofed"),
    ("X-Authz-Decision-Id", "spoofed"),
    ("X-Authz-Obligations", "spoofed"),
    ("X-Authz-Plan", "spoofed"),
    ("X-Authz-Plan-Id", "spoofed"),
    ("X-Authz-Code", "spoofed"),
    ("x-envoy-original-path", "/orgs/acme"),
    ("x-envoy-auth-partial-body", "false"),
]


# Headers that this one names are for one hop: a gateway may take away what it, or the sidecar, has set.
LISTED = [("Connection", ", ".join(name for name, _ in SPOOFED))]

VARIANTS = {
    "plain": SPOOFED,
    "lower": [(name.lower(), value) for name, value in SPOOFED],
    "upper": [(name.upper(), value) for name, value in SPOOFED],
    "doubled": SPOOFED + [(name.lower(), value) for name, value in SPOOFED],
    "underscores": [(name.replace("-", "_"), value) for name, value in SPOOFED],
    "mixed": [(name.replace("-", "_", 1), value) for name, value in SPOOFED],
    "dots": [(name.replace("-", "."), value) for name, value in SPOOFED],
    "listed": LISTED,
    "listed-and-plain": SPOOFED + LISTED,
    "token-listed": [("Connection", "Authorization")],
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_makes_no_request_another(gateway, backend, variant):
    answer = gateway.ask("GET", "/orgs/globex", bearer("anna"), *VARIANTS[variant])
    assert (answer.status, backend.seen(answer.tag)) in ((400, []), (401, []), (403, [])), answer
    if variant in ("plain", "lower", "upper"):
        assert code(answer) == "NOT_PERMITTED"


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_does_not_pass_as_the_sidecars(gateway, backend, variant):
    answer = gateway.ask("GET", "/orgs/acme", bearer("anna"), *VARIANTS[variant])
    if answer.status != 200:
        # It takes away Authorization because the client says so, or refuses such requests.
        assert (variant == "token-listed" and answer.status == 401) or answer.status == 400, answer
        assert backend.seen(answer.tag) == []
        return
    [seen] = backend.seen(answer.tag)
    assert (seen.method, seen.target) == ("GET", "/orgs/acme")
    assert authz(seen)["x-authz-subject"] == "anna"
    assert authz(seen)["x-authz-subject-type"] == "Peppol::User"
    assert authz(seen)["x-authz-resource"] == 'Peppol::Organisation::"acme"'
    said = [(name, value) for name, value in seen.headers if re.match("x.authz", name, re.I)]
    assert "spoofed" not in [value for _, value in said], said
    # Nor a path by which some services go.
    paths = [name.lower() for name, _ in seen.headers if re.match("x.(original|rewrite).ur", name, re.I)]
    assert "x-original-url" not in paths and "x-rewrite-url" not in paths, paths


def test_what_is_public_has_nobody_behind_it(gateway, backend):
    target = "/iso6523-actorid-upis%3A%3A0007%3A5599990001"
    answer = gateway.ask("GET", target, *SPOOFED)
    assert answer.status == 200, answer
    [seen] = backend.seen(answer.tag)
    assert seen.target == target
    assert authz(seen).get("x-authz-subject", "") == ""
    assert authz(seen).get("x-authz-resource", "") == ""
    # Another's participant is not taken over.
    answer = gateway.ask("PUT", target, bearer("anna"), ("Content-Type", "application/xml"), body=b"<a/>")
    assert (answer.status, backend.seen(answer.tag)) == (403, []), answer


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-http-method", "X-METHOD-OVERRIDE"])
def test_another_method_is_not_hidden(gateway, backend, name):
    answer = gateway.ask("GET", "/orgs/acme", bearer("anna"), (name, "DELETE"))
    assert (answer.status, code(answer), backend.seen(answer.tag)) == (403, "METHOD_OVERRIDDEN", [])


# Characters of names besides letters, digits and `-`. Many services read each of these as `_`, and so as `-`.
@pytest.mark.parametrize("mark", "!#$%&'*+.^_`|~")
def test_no_name_passes_for_another(gateway, backend, mark):
    names = ["X-Authz-Subject", "X-Authz-Resource", "X-Authz-Plan", "X-HTTP-Method-Override", "X-Original-URL"]
    spoofed = [(name.replace("-", mark, times), "spoofed") for name in names for times in (1, 9)]
    answer = gateway.ask("GET", "/orgs/acme", bearer("anna"), *spoofed)
    if answer.status != 400:
        assert answer.status == 200, answer
        [seen] = backend.seen(answer.tag)
        assert "spoofed" not in [value for _, value in seen.headers], seen


# To anna `/orgs/acme` is allowed, and nothing else of these in any reading.
TARGETS = [
    "/orgs/acme",
    "/orgs/%61cme",
    "/orgs/ACME",
    "/orgs/globex",
    "/orgs/acme/../globex",
    "/orgs/acme/%2e%2e/globex",
    "/orgs/acme/%2E%2E/globex",
    "/orgs/acme%2F..%2Fglobex",
    "/orgs/acme%2f..%2fglobex",
    "/orgs/acme/..%2fglobex",
    "/orgs/acme/%252e%252e/globex",
    "/orgs/acme%252f..%252fglobex",
    "/orgs/acme/..;/globex",
    "/orgs/acme;/../globex",
    "/orgs/acme\\..\\globex",
    "/orgs/acme%5c..%5cglobex",
    "/orgs/globex/../acme",
    "/orgs/globex%2f..%2facme",
    "/orgs/./acme",
    "/orgs//acme",
    "/orgs//globex",
    "//orgs/acme",
    "//orgs/globex",
    "/orgs/acme/",
    "/orgs/acme//",
    "/orgs/acme%00",
    "/orgs/globex%00/../acme",
    "/orgs/acme%0d%0aX-Authz-Subject:%20root",
    "/orgs/%c0%ae%c0%ae/acme",
    "/orgs/acme%c0%afglobex",
    "/orgs/acme%",
    "/orgs/acme%zz",
    "/orgs/acme%23",
    "/orgs/acme#/../globex",
    "/orgs/globex#/../acme",
    "/orgs/globex?/../../orgs/acme",
    "/orgs/acme?/../globex",
    "/orgs/acme?x=/orgs/globex&x=2",
    "/x/../orgs/acme",
    "/../orgs/acme",
    "/_authz",
    "/authz",
    "/authz/nginx",
    "/authz/traefik",
    "/authz/envoy/orgs/acme",
    "http://services.example.com/orgs/acme",
    "http://services.example.com/orgs/globex",
    "http://other.example.com/orgs/acme/../globex",
    "orgs/acme",
    "*",
]


def readings(target):
    """The readings of a target by services."""
    path = re.split("[?#]", target)[0]
    path = re.sub("^https?://[^/]*", "", path)
    decoded = [path]
    for _ in range(3):
        decoded.append(urllib.parse.unquote(decoded[-1], "latin-1"))
    found = set()
    for each in decoded:
        for text in (each, re.sub(";[^/]*", "", each)):
            text = re.sub("/+", "/", text.replace("\\", "/"))
            found.add(text)
            segments = []
            for segment in text.split("/"):
                if segment == "..":
                    segments[1:] = segments[1:-1]
                elif segment != ".":
                    segments.append(segment)
            found.add("/".join(segments))
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_no_path_is_read_as_another(gateway, backend, target):
    gateway.tap.forget()
    tag = uuid.uuid4().hex
    try:
        answer = gateway.ask("GET", target, bearer("anna"), tag=tag)
    except ConnectionError:
        # It does not even answer that.
        assert backend.seen(tag) == []
        return
    reached = backend.seen(tag)
    assert bool(reached) == (answer.status == 200), answer
    if not reached:
        assert 400 <= answer.status < 500, answer
        return
    [seen] = reached
    # Every reading of it is allowed.
    assert readings(seen.target) <= {"/orgs/acme", "/orgs/%61cme"}, seen
    # And what was asked about, byte for byte.
    if gateway.kind.asked_by:
        assert gateway.tap.asked(gateway.kind.asked_by) == [("GET", seen.target)]
    else:
        assert seen.target.encode() in gateway.tap.sent()
    if gateway.kind.keeps_targets and target.startswith("/"):
        assert seen.target == target


def test_two_lengths_are_one_request_or_none(gateway, backend):
    """No request is hidden in another's body."""
    body = b"0\r\n\r\nGET /orgs/globex HTTP/1.1\r\nHost: x\r\n\r\n"
    before = backend.total
    answer = gateway.ask("POST", "/orgs", bearer("anna"), ("Transfer-Encoding", "chunked"), body=body)
    # A hidden request would be answered before this one.
    assert gateway.ask("GET", "/orgs/acme", bearer("anna")).status == 200
    seen = backend.seen(answer.tag)
    assert backend.total - before - 1 == len(seen) <= 1
    assert all((each.method, each.target) == ("POST", "/orgs") for each in seen)
