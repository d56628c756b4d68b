"""A sidecar that is down, slow or being told new policies, and many requests."""

import threading
import time

from processes import PATIENCE, wait_until
from sidecar import bearer
from wire import code

# The examples wait for the sidecar for a second; a gateway by itself waits for at least 30.
SHORT = 10

ALLOWED = ("GET", "/orgs/acme")


def of_each(gateways, question):
    """Asks the gateways at the same time; the answers by name."""
    answers = {}

    def ask(gateway):
        try:
            answers[gateway.kind.name] = question(gateway)
        except Exception as error:
            answers[gateway.kind.name] = error

    threads = [threading.Thread(target=ask, args=(gateway,)) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def allows_again(gateway):
    return wait_until(lambda: gateway.ask(*ALLOWED, bearer("anna")).status == 200, "it is allowed again")


def all_denied(answers, backend):
    for name, answer in answers.items():
        assert not isinstance(answer, Exception), (name, answer)
        assert answer.status == 403 or 500 <= answer.status < 600, (name, answer)
        assert backend.seen(answer.tag) == [], name


def test_while_the_sidecar_is_down_nothing_is_allowed(every_gateway, sidecar, backend):
    anna = bearer("anna")
    clients = {gateway: gateway.client() for gateway in every_gateway}
    assert {client.ask(*ALLOWED, anna).status for client in clients.values()} == {200}
    sidecar.stop()
    for gateway in every_gateway:
        gateway.tap.close()
    try:
        # Over the connections from before, and over new ones.
        all_denied(of_each(every_gateway, lambda gateway: clients[gateway].ask(*ALLOWED, anna)), backend)
        all_denied(of_each(every_gateway, lambda gateway: gateway.ask(*ALLOWED, anna)), backend)
    finally:
        for gateway in every_gateway:
            gateway.tap.open()
        sidecar.start()
    # No gateway is started again.
    answers = of_each(every_gateway, allows_again)
    assert answers == dict.fromkeys(answers, True)


def test_while_the_sidecar_is_slow_nothing_is_allowed(every_gateway, sidecar, backend):
    anna = bearer("anna")
    sidecar.pause()
    try:
        answers = of_each(every_gateway, lambda gateway: gateway.ask(*ALLOWED, anna, patience=SHORT))
    finally:
        sidecar.resume()
    all_denied(answers, backend)
    again = of_each(every_gateway, allows_again)
    assert again == dict.fromkeys(again, True)
    # An Allow that comes late is none.
    all_denied(answers, backend)


def test_a_thousand_requests_over_kept_connections(gateway, backend):
    anna, mia = bearer("anna"), bearer("mia")
    clients, each = 4, 250
    tags = [f"{gateway.kind.name}-{number}" for number in range(clients)]
    found = {tag: [] for tag in tags}
    connected = []
    before = gateway.tap.connections

    def ask(tag):
        with gateway.client() as client:
            for number in range(each):
                if number % 2:
                    answer = client.ask("GET", "/orgs/acme", mia, tag=tag)
                    found[tag].append((answer.status, code(answer)))
                else:
                    answer = client.ask(*ALLOWED, anna, tag=tag)
                    found[tag].append((answer.status, None))
            connected.append(client.connected)

    threads = [threading.Thread(target=ask, args=(tag,)) for tag in tags]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tag in tags:
        assert found[tag] == [(200, None), (403, "NOT_PERMITTED")] * (each // 2)
        assert len(backend.seen(tag)) == (each + 1) // 2
    assert sum(connected) == clients
    if gateway.kind.keeps_connections:
        assert gateway.tap.connections - before <= 4 * clients


PERMIT = '.contains(Peppol::MemberRole::"orgadmin")'


def test_new_policies_hold_for_all_at_once(every_gateway, sidecar):
    anna = bearer("anna")
    statuses = {gateway.kind.name: [] for gateway in every_gateway}
    end = time.monotonic() + PATIENCE

    def ask(gateway):
        found = statuses[gateway.kind.name]
        with gateway.client() as client:
            while found.count(403) < 20 and time.monotonic() < end:
                found.append(client.ask(*ALLOWED, anna).status)

    threads = [threading.Thread(target=ask, args=(gateway,)) for gateway in every_gateway]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(len(found) >= 20 for found in statuses.values()), "there is traffic")
    before = sidecar.change_policy("organisation.cedar", PERMIT, PERMIT.replace("orgadmin", "ApManager"))
    try:
        for thread in threads:
            thread.join()
    finally:
        sidecar.write_policy("organisation.cedar", before)
    for name, found in statuses.items():
        allowed = found.index(403) if 403 in found else len(found)
        assert found == [200] * allowed + [403] * 20, name
        assert allowed >= 20, name
    again = of_each(every_gateway, allows_again)
    assert again == dict.fromkeys(again, True)
