"""authzen-policy-backend, by which the Agent Governance Toolkit asks a policy decision point over AuthZEN.

It writes ids of subjects as `auth:account:agentmesh:…`, which the tenancy has one of, and sends much that the schema
does not have: a bearer token, an application, references to operations.
"""

import asyncio

import pytest
from authzen_backend import AsyncAuthZENBackend, AuthZENBackend

SETTINGS = {"pdp_application": "platform", "token": "unread", "default_subject_type": "User", "timeout": 10}


def backend(url):
    return AuthZENBackend(f"{url}/access/v1/evaluation", **SETTINGS)


def context(action="getOrganisation", organisation="acme", agent="bot", **more):
    return {
        "agent_id": agent,
        "user_id": "anna",
        "action": action,
        "tool_name": action,
        "resource_type": "Organisation",
        "resource_id": organisation,
        **more,
    }


def test_an_allow_names_its_policy(sidecar):
    with backend(sidecar.url) as asked:
        decision = asked.evaluate(context())
    assert (decision.allowed, decision.action, decision.error) == (True, "allow", None)
    assert "organisation/orgadmin-manages" in decision.reason


def test_a_denial_names_policy_rule_and_code(sidecar):
    with backend(sidecar.url) as asked:
        decision = asked.evaluate(context("requestModeChange", requestedMode="SHARED"))
    assert (decision.allowed, decision.action) == (False, "deny")
    assert decision.reason == "denied by organisation/mode-change-needs-business-contact (MCH-2, AT-1120)"


@pytest.mark.parametrize(
    "asked_for",
    [
        context(agent="nobody"),
        context(organisation="nothing"),
        context(organisation="globex"),
        context("fly"),
        {},
    ],
)
def test_what_is_not_known_or_not_permitted_is_denied(sidecar, asked_for):
    with backend(sidecar.url) as asked:
        assert not asked.evaluate(asked_for).allowed


def test_it_asks_without_waiting_too(sidecar):
    async def ask(url):
        async with AsyncAuthZENBackend(f"{url}/access/v1/evaluation", **SETTINGS) as asked:
            return (await asked.evaluate(context())).allowed

    assert asyncio.run(ask(sidecar.url))


def test_a_sidecar_that_is_gone_is_no_allow(gone):
    with backend(gone) as asked:
        decision = asked.evaluate(context())
    assert (decision.allowed, decision.action) == (False, "deny")
