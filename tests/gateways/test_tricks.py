"""Requests by which a client would get past a gateway, or pass for it, with a service behind that falls for each."""

import uuid

import pytest

from sidecar import bearer
from test_decisions import BINARY, UPLOAD, authz
from wire import code

OWN = ("GET", "/orgs/acme")
PUBLIC = ("GET", "/iso6523-actorid-upis%3A%3A0007%3A5599990001")

WEBSOCKET = [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
SETTINGS = ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")

UPGRADES = {
    "h2c": [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), SETTINGS],
    "h2c-alone": [("Connection", "Upgrade"), ("Upgrade", "h2c")],
    "h2c-kept": [("Connection", "keep-alive, Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), SETTINGS],
    "h2c-capitals": [("CONNECTION", "UPGRADE, HTTP2-SETTINGS"), ("UPGRADE", "H2C"), SETTINGS],
    "h2c-two-lines": [("Connection", "HTTP2-Settings"), ("Connection", "Upgrade"), ("Upgrade", "h2c"), SETTINGS],
    "h2c-unnamed": [("Upgrade", "h2c"), SETTINGS],
    "h2c-twice": [("Connection", "Upgrade"), ("Upgrade", "x"), ("Upgrade", "h2c"), SETTINGS],
    "h2c-or-websocket": [("Connection", "Upgrade"), ("Upgrade", "h2c, websocket"), SETTINGS, *WEBSOCKET],
    "websocket-or-h2c": [("Connection", "Upgrade"), ("Upgrade", "websocket, h2c"), SETTINGS, *WEBSOCKET],
    "websocket": [("Connection", "Upgrade"), ("Upgrade", "websocket"), *WEBSOCKET],
    "websocket-unnamed": [("Upgrade", "websocket"), *WEBSOCKET],
    "tls": [("Connection", "Upgrade"), ("Upgrade", "TLS/1.0")],
    "anything": [("Connection", "Upgrade"), ("Upgrade", "anything/1")],
}

# A request inside of a tunnel, which nobody would be asked about.
HIDDEN = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0GET /orgs/globex HTTP/1.1\r\nHost: x\r\n\r\n"

# Headers for one hop, which a proxy takes away (RFC 9110, 7.6.1). `Trailer` is none of them here: Go's proxies
# write it anew, and what counts is that no trailers follow.
OF_ONE_HOP = {
    "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "upgrade", "http2-settings",
}


def hops(seen):
    """The headers that `Connection` names at the service, and headers of one hop that are there."""
    named, there = set(), set()
    for name, value in seen.headers:
        if name.lower() == "connection":
            named |= {option.strip().lower() for option in value.split(",")} - {"keep-alive", "close", ""}
        elif name.lower() in OF_ONE_HOP:
            there.add(name.lower())
    return named, there


def is_refused_or_clean(answer, reached):
    """It is refused and reaches nobody, or it arrives without anything of one hop."""
    if not reached:
        assert 400 <= answer.status < 500 or answer.status == 501, answer
        return
    [seen] = reached
    assert answer.status == 200, answer
    assert hops(seen) == (set(), set()), seen


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("request_", [OWN, PUBLIC], ids=["asked", "public"])
def test_no_tunnel_past_it_is_opened(gateway, backend, request_, upgrade):
    with gateway.client() as client:
        answer = client.ask(*request_, bearer("anna"), *UPGRADES[upgrade])
        if answer.status == 101:
            client.send(HIDDEN)
            client.rest()
    if upgrade in gateway.kind.lets_through:
        assert answer.status == 101 and len(backend.seen(answer.tag)) == 1
        return
    assert answer.status != 101, backend.tunnelled(answer.tag)
    assert backend.tunnelled(answer.tag) == b""
    is_refused_or_clean(answer, backend.seen(answer.tag))


def test_a_tunnel_is_not_opened_by_its_name(gateway, backend):
    before = backend.total
    for target in ("services.example.com:80", "127.0.0.1:80", "/orgs/acme"):
        with gateway.client() as client:
            try:
                answer = client.ask("CONNECT", target, bearer("anna"))
            except ConnectionError:
                continue
            assert 400 <= answer.status < 600, (target, answer)
            client.send(HIDDEN)
    assert backend.total == before


def literal(name, value):
    """A header as HPACK writes it without a table (RFC 7541, 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


@pytest.mark.parametrize("more", [[], [("upgrade", "h2c")], [(":protocol", "websocket")]], ids=["plain", "h2c", "websocket"])
def test_who_begins_with_http_2_is_asked_about_as_well(gateway, backend, more):
    tag = f"prior-{gateway.kind.name}-{len(more)}-{more and more[0][1]}"
    method = "CONNECT" if more and more[0][0] == ":protocol" else "GET"
    pairs = [(":method", method), (":scheme", "http"), (":path", "/orgs/acme"), (":authority", "x"), *more, ("x-test", tag)]
    block = b"".join(literal(*pair) for pair in pairs)
    frame = len(block).to_bytes(3, "big") + b"\x01\x05" + (1).to_bytes(4, "big") + block
    with gateway.client() as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" + frame)
        client.rest()
    assert backend.seen(tag) == []


NAMES = ["X-Authz-Subject", "X-Authz-Subject-Type", "X-Authz-Resource", "X-Authz-Decision-Id", "X-Authz-Obligations"]

CONNECTIONS = {
    "subject": [("Connection", "X-Authz-Subject")],
    "lower": [("connection", "x-authz-subject")],
    "all": [("Connection", ", ".join(NAMES))],
    "closed": [("Connection", "close, " + ", ".join(NAMES))],
    "kept": [("Connection", ", ".join(NAMES) + ", keep-alive")],
    "two-lines": [("Connection", "keep-alive"), ("Connection", ",".join(NAMES))],
    "own": [("Connection", "X-Hop"), ("X-Hop", "1")],
    "underscores": [("Connection", "X_Authz_Subject, X_Authz_Resource")],
    "proxy": [("Proxy-Connection", ", ".join(NAMES))],
    "questions": [("Connection", "X-Original-Method, X-Original-URI, X-Forwarded-Method, X-Forwarded-Uri")],
    "token": [("Connection", "Authorization")],
    "host": [("Connection", "Host")],
    "others": [
        ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Proxy-Authenticate", "Basic"),
        ("Proxy-Authorization", "Basic YTph"), ("TE", "trailers"), ("Trailer", "X-Authz-Subject"), SETTINGS,
    ],
    "te": [("Connection", "TE"), ("TE", "trailers, deflate;q=0.5")],
}


@pytest.mark.parametrize("variant", CONNECTIONS)
def test_no_header_of_the_sidecars_is_for_one_hop(gateway, backend, variant):
    answer = gateway.ask(*OWN, bearer("anna"), *CONNECTIONS[variant])
    reached = backend.seen(answer.tag)
    is_refused_or_clean(answer, reached)
    for seen in reached:
        said = authz(seen)
        assert (said["x-authz-subject"], said["x-authz-subject-type"]) == ("anna", "Peppol::User")
        assert said["x-authz-resource"] == 'Peppol::Organisation::"acme"'
        assert said["x-authz-decision-id"]
    denied = gateway.ask("GET", "/orgs/globex", bearer("anna"), *CONNECTIONS[variant])
    assert 400 <= denied.status < 500 and backend.seen(denied.tag) == [], denied


@pytest.mark.parametrize("named", ["Content-Length", "Transfer-Encoding"])
def test_the_length_of_a_body_is_not_for_one_hop(gateway, backend, named):
    """A service would take the body for the next request."""
    body = b"GET /orgs/globex HTTP/1.1\r\nHost: x\r\n\r\n"
    before = backend.total
    chunked = named == "Transfer-Encoding"
    answer = gateway.ask(
        "POST", "/orgs/globex/certificates", bearer("gus"), BINARY, ("Connection", named), body=body, chunked=chunked
    )
    reached = backend.seen(answer.tag)
    is_refused_or_clean(answer, reached)
    assert [seen.length for seen in reached] in ([], [len(body)])
    assert gateway.ask(*OWN, bearer("anna")).status == 200
    assert backend.total - before == len(reached) + 1


# Of the sidecar, also those that it does not send today, and names that services take for the path or the method.
SPOOFED = [
    *NAMES, "X-Authz-Code", "X-Authz-Roles", "X-Authz-Is-Admin", "X-Authz-", "X-AUTHZ-ROLES", "x-authz-roles",
    "X_Authz_Subject", "X_Authz_Roles", "X-Authz_Roles", "X_AUTHZ-ROLES", "X.Authz.Roles",
    "X-Original-Method", "X-Original-URI", "X-Original-URL", "X-Original-Path", "X-Original-Host", "X-ORIGINAL-ANY",
    "X_Original_URL", "X-Rewrite-URL",
]


@pytest.mark.parametrize("name", SPOOFED)
@pytest.mark.parametrize("request_", [OWN, PUBLIC], ids=["asked", "public"])
def test_no_name_of_the_sidecars_is_a_clients(gateway, backend, request_, name):
    answer = gateway.ask(*request_, bearer("anna"), (name, "spoofed"), (name, "spoofed, too"))
    reached = backend.seen(answer.tag)
    is_refused_or_clean(answer, reached)
    for seen in reached:
        assert not [pair for pair in seen.headers if "spoofed" in pair[1]], seen


TRAILERS = {
    "own": SPOOFED,
    "one": ["X-Authz-Subject"],
    "others": ["X-HTTP-Method-Override", "X-Any"],
    "framing": ["Content-Length", "Transfer-Encoding", "Host", "Authorization"],
}


@pytest.mark.parametrize("names", TRAILERS)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "not-announced"])
@pytest.mark.parametrize("body", [b"", b"short", UPLOAD], ids=["empty", "short", "long"])
def test_no_trailer_passes_for_a_header(gateway, backend, body, announced, names):
    names = TRAILERS[names]
    headers = [BINARY] + ([("Trailer", ", ".join(names)), ("TE", "trailers")] if announced else [])
    trailers = [(name, "spoofed") for name in names]
    request, tag = ("POST", "/orgs/globex/certificates", bearer("gus"), *headers), uuid.uuid4().hex
    try:
        answer = gateway.ask(*request, body=body, chunked=True, trailers=trailers, tag=tag)
    except ConnectionError:
        # It has refused the head, and does not read what follows.
        assert backend.seen(tag) == []
        return
    reached = backend.seen(tag)
    is_refused_or_clean(answer, reached)
    for seen in reached:
        assert (seen.trailers, seen.length) == ([], len(body)), seen
        assert not [pair for pair in seen.headers if "spoofed" in pair[1]], seen


@pytest.mark.parametrize("name", ["X_HTTP_Method_Override", "X-HTTP-Method_Override"])
def test_no_method_is_hidden_by_the_form_of_its_name(gateway, backend, name):
    answer = gateway.ask(*OWN, bearer("anna"), (name, "DELETE"))
    if answer.status != 200:
        assert code(answer) == "METHOD_OVERRIDDEN" or answer.status == 400, answer
    for seen in backend.seen(answer.tag):
        assert "DELETE" not in [value for _, value in seen.headers], seen
