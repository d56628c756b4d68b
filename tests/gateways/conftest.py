"""Fixtures of the tests: one sidecar, one backend, and each gateway, started when it is first needed."""

import pytest

from backend import Backend
from gateways import KINDS, Gateway
from processes import RUNNING
from sidecar import Sidecar


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    for process in RUNNING:
        news = process.news()
        if report.failed and news:
            report.sections.append((f"log of {process.name}", news[-8000:]))


@pytest.fixture(scope="session")
def sidecar():
    started = Sidecar()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def backend():
    started = Backend()
    yield started
    started.shutdown()


@pytest.fixture(scope="session")
def started(sidecar, backend):
    """Gives a gateway by its name."""
    gateways = {}

    def get(name):
        if name not in gateways:
            gateways[name] = Gateway(KINDS[name], sidecar, backend)
        return gateways[name]

    yield get
    for gateway in gateways.values():
        gateway.stop()


@pytest.fixture(scope="session", params=KINDS)
def gateway(request, started):
    return started(request.param)


@pytest.fixture(scope="session")
def every_gateway(started):
    return [started(name) for name in KINDS]
