"""decern's client of a policy decision point: one evaluation at a time, over AuthZEN."""

import pytest
from decern.client import Client, DecernError

ANNA = {"type": "Peppol::User", "id": "anna"}
ACME = {"type": "Peppol::Organisation", "id": "acme"}


@pytest.fixture(scope="module")
def client(sidecar):
    return Client(sidecar.url, token="unread")


def test_an_allow_names_its_policies(client):
    decision = client.evaluate(ANNA, "getOrganisation", ACME)
    assert decision.allowed
    assert decision.reasons == ["organisation/orgadmin-manages"]
    assert decision.errors == []


def test_types_may_go_without_their_namespace(client):
    user, organisation = {**ANNA, "type": "User"}, {**ACME, "type": "Organisation"}
    assert client.evaluate(user, {"name": "getOrganisation"}, organisation).allowed


def test_a_denial_names_the_policy_that_forbids(client):
    decision = client.evaluate(ANNA, "requestModeChange", ACME, {"requestedMode": "SHARED"})
    assert not decision.allowed
    assert decision.reasons == ["organisation/mode-change-needs-business-contact"]
    assert decision.context["codes"] == ["AT-1120"]


@pytest.mark.parametrize(
    "subject, action, resource",
    [
        ({**ANNA, "id": "nobody"}, "getOrganisation", ACME),
        (ANNA, "getOrganisation", {**ACME, "id": "nothing"}),
        (ANNA, "fly", ACME),
        ({**ANNA, "type": "Robot"}, "getOrganisation", ACME),
        (ANNA, "getOrganisation", {**ACME, "type": "Document"}),
    ],
)
def test_what_is_not_known_is_denied(client, subject, action, resource):
    assert not client.evaluate(subject, action, resource).allowed


def test_what_the_caller_says_of_a_user_changes_nothing(client):
    mia = {"type": "User", "id": "mia", "properties": {"superadmin": True}}
    assert not client.evaluate(mia, "getOrganisation", ACME).allowed


def test_what_is_no_question_is_raised(client):
    with pytest.raises(DecernError) as raised:
        client.evaluate({"type": "User"}, "getOrganisation", ACME)
    assert raised.value.status_code == 400


def test_health(client, gone):
    assert client.healthy()
    assert not Client(gone).healthy()


def test_a_sidecar_that_is_gone_is_no_allow(gone):
    with pytest.raises(DecernError):
        Client(gone, timeout=2).evaluate(ANNA, "getOrganisation", ACME)
