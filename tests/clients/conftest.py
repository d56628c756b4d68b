"""Fixtures of the tests: sidecars that are started once."""

import pytest

from sidecar import PROJECT, Sidecar, quickstart


@pytest.fixture(scope="session")
def sidecar():
    """One over the tenancy of the examples."""
    started = quickstart()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def gone():
    """The address of one that is there no more: whatever is asked of it, the answer is no Allow."""
    started = quickstart()
    started.stop()
    return started.url


@pytest.fixture(scope="session")
def every():
    """One whose schema has every type that a context can hold, and a type that callers describe."""
    files = PROJECT / "tests/clients/every"
    started = Sidecar(
        "--schema", files / "schema.cedarschema",
        "--policies", files / "policies",
        "--tenancy", f"entities:{files / 'entities.json'}",
    )
    yield started
    started.stop()
