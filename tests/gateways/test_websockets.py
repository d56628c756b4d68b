"""WebSockets as the examples' READMEs let them through: asked about once, and nothing else comes in that way."""

import pytest

from gateways import KINDS, Gateway
from processes import wait_until
from sidecar import bearer
from test_decisions import authz
from test_tricks import HIDDEN, UPGRADES, hops
from wire import code

PATH = "/orgs/acme"
OPENED = UPGRADES["websocket"]


@pytest.fixture(scope="module", params=KINDS)
def gateway(request, sidecar, backend):
    started = Gateway(KINDS[request.param], sidecar, backend, websocket=PATH)
    yield started
    started.stop()


def test_one_is_asked_about_when_it_is_opened(gateway, backend):
    gateway.tap.forget()
    with gateway.client() as client:
        answer = client.ask("GET", PATH, bearer("anna"), *OPENED)
        assert answer.status == 101, answer
        [seen] = backend.seen(answer.tag)
        assert authz(seen)["x-authz-subject"] == "anna"
        for part in (b"one", b"two", HIDDEN):
            client.send(part)
            wait_until(lambda: backend.tunnelled(answer.tag).endswith(part), "it has arrived")
        assert client.rest().endswith(HIDDEN)
    assert backend.tunnelled(answer.tag) == b"onetwo" + HIDDEN
    if gateway.kind.asked_by:
        assert gateway.tap.asked(gateway.kind.asked_by) == [("GET", PATH)]


def test_who_is_denied_opens_none(gateway, backend):
    for who, status, expected in (("mia", 403, "NOT_PERMITTED"), (None, 401, "TOKEN_MISSING")):
        answer = gateway.ask("GET", PATH, *([bearer(who)] if who else []), *OPENED)
        assert (answer.status, code(answer), backend.seen(answer.tag)) == (status, expected, [])


@pytest.mark.parametrize("upgrade", [name for name in UPGRADES if name != "websocket"])
def test_no_other_protocol_gets_through(gateway, backend, upgrade):
    answer = gateway.ask("GET", PATH, bearer("anna"), *UPGRADES[upgrade])
    if answer.status == 101:
        # One that names both may be given this one, as the service was not told of any other.
        [seen] = backend.seen(answer.tag)
        told = [value.lower() for name, value in seen.headers if name.lower() == "upgrade"]
        assert (told, answer.headers["Upgrade"].lower()) == (["websocket"], "websocket"), seen
        assert "websocket" in str(UPGRADES[upgrade])
        return
    assert backend.tunnelled(answer.tag) == b""
    assert answer.status in (200, 400, 403, 426), answer


def test_no_header_of_the_sidecars_is_for_one_hop(gateway, backend):
    names = "Upgrade, X-Authz-Subject, X-Authz-Resource"
    opened = [("Connection", names), *(pair for pair in OPENED if pair[0] != "Connection")]
    answer = gateway.ask("GET", PATH, bearer("anna"), ("X-Authz-Subject", "root"), *opened)
    for seen in backend.seen(answer.tag):
        assert authz(seen)["x-authz-subject"] == "anna"
        assert authz(seen)["x-authz-resource"] == 'Peppol::Organisation::"acme"'
        assert hops(seen)[0] <= {"upgrade"}, seen
