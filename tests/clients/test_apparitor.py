"""apparitor: its AuthZEN client, one by one and in batches, and its engine, which asks for tool calls."""

import asyncio

import pytest
from apparitor import (
    Action,
    AuthorizationEngine,
    BatchEvaluationRequest,
    EvaluationItem,
    EvaluationRequest,
    EvaluationSemantic,
    EvaluationsOptions,
    PDPUnavailableError,
    Resource,
    ScannerConfig,
    Subject,
    Verdict,
    VerdictStatus,
)
from apparitor.client import AuthZENClient

ANNA = Subject(type="User", id="anna")
GET = Action(name="getOrganisation")


def acme(name="acme"):
    return Resource(type="Organisation", id=name)


def config(url, **settings):
    return ScannerConfig(pdp_url=url, allow_insecure_pdp=True, request_budget_s=10, **settings)


def ask(url, call):
    """Makes one call, by a client of its own: a connection lives in the loop that opened it."""

    async def alone():
        async with AuthZENClient(config(url, max_retries=0)) as client:
            return await call(client)

    return asyncio.run(alone())


def evaluate(url, **question):
    return ask(url, lambda client: client.evaluate(EvaluationRequest(**question)))


def decisions(url, **request):
    answer = ask(url, lambda client: client.evaluate_batch(BatchEvaluationRequest(**request)))
    return [evaluation.decision for evaluation in answer.evaluations]


def test_an_allow_and_a_denial_with_its_reason(sidecar):
    assert evaluate(sidecar.url, subject=ANNA, action=GET, resource=acme()).decision is True
    change = Action(name="requestModeChange", properties={"requestedMode": "SHARED"})
    denied = evaluate(sidecar.url, subject=ANNA, action=change, resource=acme())
    assert denied.decision is False
    assert denied.context["reasons"] == ["organisation/mode-change-needs-business-contact"]
    assert denied.context["reason_user"] == {"en": "the organisation has no contact of type BUSINESS"}


def test_what_is_not_known_is_denied(sidecar):
    nobody = Subject(type="User", id="nobody")
    assert evaluate(sidecar.url, subject=nobody, action=GET, resource=acme()).decision is False
    assert evaluate(sidecar.url, subject=ANNA, action=Action(name="fly"), resource=acme()).decision is False


def test_a_batch_is_answered_in_order(sidecar):
    items = [EvaluationItem(resource=acme(name)) for name in ("acme", "globex", "nothing", "acme")]
    found = decisions(sidecar.url, subject=ANNA, action=GET, evaluations=items)
    assert found == [True, False, False, True]


@pytest.mark.parametrize(
    "semantic, expected",
    [
        (EvaluationSemantic.EXECUTE_ALL, [True, False, True]),
        (EvaluationSemantic.DENY_ON_FIRST_DENY, [True, False]),
        (EvaluationSemantic.PERMIT_ON_FIRST_PERMIT, [True]),
    ],
)
def test_a_batch_ends_where_it_is_to_end(sidecar, semantic, expected):
    items = [EvaluationItem(resource=acme(name)) for name in ("acme", "globex", "acme")]
    options = EvaluationsOptions(evaluations_semantic=semantic)
    assert decisions(sidecar.url, subject=ANNA, action=GET, evaluations=items, options=options) == expected


def test_a_context_that_does_not_fit_is_denied(sidecar):
    # Without a mode, and with one that there is not.
    for properties in ({}, {"requestedMode": "PINK"}):
        change = Action(name="requestModeChange", properties=properties)
        denied = evaluate(sidecar.url, subject=ANNA, action=change, resource=acme())
        assert denied.decision is False
        assert denied.context["error"]["status"] == 400


def verdict(url, *organisations):
    """Of its engine, where a tool is an organisation that is looked at."""
    settings = {"subject_type": "User", "agent_id": "anna", "action_name": GET.name, "resource_type": "Organisation"}

    async def alone():
        engine = AuthorizationEngine(config(url, **settings))
        calls = [{"name": name, "args": {"verbose": True}, "id": "1"} for name in organisations]
        return await engine.evaluate_tool_calls(calls)

    return asyncio.run(alone())


def test_its_engine_allows_and_blocks(sidecar):
    assert verdict(sidecar.url, "acme").verdict is Verdict.ALLOW
    assert verdict(sidecar.url, "globex").verdict is Verdict.BLOCK
    assert verdict(sidecar.url, "acme", "acme").verdict is Verdict.ALLOW
    assert verdict(sidecar.url, "acme", "globex").verdict is Verdict.BLOCK


def test_a_sidecar_that_is_gone_is_no_allow(gone):
    with pytest.raises(PDPUnavailableError):
        evaluate(gone, subject=ANNA, action=GET, resource=acme())
    blocked = verdict(gone, "acme")
    assert (blocked.verdict, blocked.status) == (Verdict.BLOCK, VerdictStatus.ERROR)
