"""The examples for Kubernetes, in the form that its controllers give to Envoy and nginx: decisions, and each trick."""

import pytest

from gateways import Gateway
from generated import GENERATED
from sidecar import bearer
from test_decisions import UPLOAD, authz
from test_tricks import *  # noqa: F403 - each of them is tried on these as well.
from test_tricks import OWN, UPGRADES


@pytest.fixture(scope="module", params=GENERATED)
def gateway(request, sidecar, backend):
    started = Gateway(GENERATED[request.param], sidecar, backend)
    yield started
    started.stop()


def test_a_request_is_decided(gateway, backend):
    answer = gateway.ask(*OWN, bearer("anna"))
    [seen] = backend.seen(answer.tag)
    said = authz(seen)
    assert (answer.status, said["x-authz-subject"]) == (200, "anna")
    assert said["x-authz-resource"] == 'Peppol::Organisation::"acme"'
    for status, *request in [
        (403, "GET", "/orgs/globex", bearer("anna")),
        (403, "DELETE", "/orgs/acme", bearer("anna")),
        (403, "GET", "/no/such/thing", bearer("root")),
        (401, "GET", "/orgs/acme"),
        (401, "GET", "/orgs/acme", ("Authorization", "Bearer x")),
    ]:
        answer = gateway.ask(*request)
        assert (answer.status, backend.seen(answer.tag)) == (status, []), request


def test_a_body_reaches_the_service(gateway, backend):
    answer = gateway.ask("POST", "/orgs/globex/certificates", bearer("gus"), body=UPLOAD[:60_000])
    [seen] = backend.seen(answer.tag)
    assert (answer.status, seen.length) == (200, 60_000)


def test_a_websocket_is_asked_about(gateway, backend):
    answer = gateway.ask("GET", "/orgs/globex", bearer("anna"), *UPGRADES["websocket"])
    assert (answer.status, backend.seen(answer.tag)) == (403, [])


def test_without_an_answer_nothing_goes_through(gateway, sidecar, backend):
    sidecar.stop()
    try:
        answer = gateway.ask(*OWN, bearer("anna"))
        assert answer.status >= 403 and backend.seen(answer.tag) == [], answer
    finally:
        sidecar.start()
