"""Additions to schemathesis's configuration: one media type, and checks of every answer."""

import json

import schemathesis

AWS = "application/x-amz-json-1.0"

schemathesis.serializer.alias(AWS, "application/json")


@schemathesis.deserializer(AWS)
def amazon(_, response):
    """AWS's own name for JSON."""
    return json.loads(response.content)


@schemathesis.check
def a_server_error_is_a_state_that_is_not_reached(_, response, case):
    """The store is there and nothing is wrong with the program: only `atLeast` is left."""
    if response.status_code >= 500:
        body = response.json()
        reached = body.get("code") == "STORE_BEHIND" or "has not reached the state" in body.get("message", "")
        assert reached, f"{case.operation.label}: {body}"


@schemathesis.check
def a_problem_says_allow_to_nobody(_, response, case):
    """An answer without a decision holds nothing that a client might take for one."""
    if response.status_code >= 400:
        assert "decision" not in response.json(), case.operation.label
