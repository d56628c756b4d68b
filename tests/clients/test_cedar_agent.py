"""The requests and replies of cedar-agent's clients.

There is no published Python client, so these are the requests of its documentation with our types, and what its
clients in Go and Rust put on the wire: the first sends no content type and no member but three, the second writes
every member of its type, also those that it leaves empty.
"""

import json
import urllib.request

import pytest

QUESTION = {
    "principal": 'Peppol::User::"anna"',
    "action": 'Peppol::Action::"getOrganisation"',
    "resource": 'Peppol::Organisation::"acme"',
}


def test_an_allow_has_the_documented_form(sidecar):
    status, answer = sidecar.post("/v1/is_authorized", QUESTION)
    assert status == 200
    assert answer["decision"] == "Allow"
    assert answer["diagnostics"] == {"reason": ["organisation/orgadmin-manages"], "errors": []}


def test_a_deny_has_the_documented_form(sidecar):
    status, answer = sidecar.post("/v1/is_authorized", {**QUESTION, "principal": 'Peppol::User::"mia"'})
    assert (status, answer["decision"]) == (200, "Deny")
    assert answer["diagnostics"] == {"reason": [], "errors": []}


def test_an_api_key_is_taken_and_not_looked_at(sidecar):
    status, answer = sidecar.post("/v1/is_authorized", QUESTION, {"Authorization": "rosebud"})
    assert (status, answer["decision"]) == (200, "Allow")


def test_no_content_type_is_needed(sidecar):
    request = urllib.request.Request(f"{sidecar.url}/v1/is_authorized", json.dumps(QUESTION).encode(), method="POST")
    # urllib would add a type by itself.
    request.add_header("Content-Type", "")
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["decision"] == "Allow"


def test_members_that_are_left_empty_are_nothing(sidecar):
    empty = {"context": None, "entities": None, "additional_entities": None, "policies": None}
    status, answer = sidecar.post("/v1/is_authorized", {**QUESTION, **empty})
    assert (status, answer["decision"]) == (200, "Allow")


ROOT = {
    "uid": {"type": "Peppol::User", "id": "anna"},
    "attrs": {"id": "anna", "email": "anna@acme.example", "emailVerified": True, "superadmin": True},
    "parents": [],
}


@pytest.mark.parametrize(
    "change",
    [
        {"principal": None},
        {"principal": "anna"},
        {"policies": "permit (principal, action, resource);"},
        {"entities": [ROOT]},
        {"additional_entities": [ROOT]},
    ],
)
def test_what_cedar_agent_might_have_allowed_is_refused(sidecar, change):
    """A client of it reads `decision`, and finds none."""
    status, answer = sidecar.post("/v1/is_authorized", {**QUESTION, **change})
    assert status == 400
    assert "decision" not in answer
