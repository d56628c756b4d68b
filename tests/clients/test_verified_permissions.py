"""boto3's client of Amazon Verified Permissions, pointed here by `endpoint_url` as its users would."""

import json
import urllib.request

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

STORE = "any"


def client(url):
    """The client; any key will do, as signatures are not looked at."""
    return boto3.client(
        "verifiedpermissions",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="AK",
        aws_secret_access_key="SK",
        config=Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=10),
    )


@pytest.fixture(scope="module")
def permissions(sidecar):
    return client(sidecar.url)


def revision(url):
    """The state that a native answer names."""
    asked = {
        "principal": 'Peppol::User::"anna"',
        "action": 'Peppol::Action::"getOrganisation"',
        "resource": 'Peppol::Organisation::"acme"',
    }
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/is_authorized", json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["tenancyRevision"]


def entity(kind, name):
    return {"entityType": kind, "entityId": name}


def question(principal="anna", action="getOrganisation", resource="acme", **more):
    return {
        "principal": entity("Peppol::User", principal),
        "action": {"actionType": "Peppol::Action", "actionId": action},
        "resource": entity("Peppol::Organisation", resource),
        **more,
    }


def test_a_question_is_allowed_with_its_policies(permissions):
    answer = permissions.is_authorized(policyStoreId=STORE, **question())
    assert answer["decision"] == "ALLOW"
    assert answer["determiningPolicies"] == [{"policyId": "organisation/orgadmin-manages"}]
    assert answer["errors"] == []
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("mode", [{"string": "SHARED"}, {"entityIdentifier": entity("Peppol::Mode", "SHARED")}])
def test_a_rule_that_forbids_is_named(permissions, mode):
    asked = question(action="requestModeChange", context={"contextMap": {"requestedMode": mode}})
    answer = permissions.is_authorized(policyStoreId=STORE, **asked)
    assert answer["decision"] == "DENY"
    assert answer["determiningPolicies"] == [{"policyId": "organisation/mode-change-needs-business-contact"}]


def test_who_is_not_known_is_denied(permissions):
    answer = permissions.is_authorized(policyStoreId=STORE, **question(principal="nobody"))
    assert (answer["decision"], answer["determiningPolicies"]) == ("DENY", [])
    assert answer["errors"] == [{"errorDescription": "there is no such principal"}]


def test_a_batch_is_answered_in_order_with_its_requests(permissions):
    requests = [question(), question(principal="mia"), question(principal="root")]
    answer = permissions.batch_is_authorized(policyStoreId=STORE, requests=requests)
    assert [result["request"] for result in answer["results"]] == requests
    assert [result["decision"] for result in answer["results"]] == ["ALLOW", "DENY", "ALLOW"]


CONTEXT = {
    "flag": {"boolean": True},
    # Not to be had in a double.
    "count": {"long": -9007199254740993},
    "word": {"string": 'härad "x"'},
    "friend": {"entityIdentifier": entity("User", "bo")},
    "words": {"set": [{"string": "b"}, {"string": "a"}]},
    "place": {"record": {"name": {"string": "hall"}, "floor": {"long": 2}}},
    "ip": {"ipaddr": "10.1.2.3"},
    "price": {"decimal": "1.25"},
    "now": {"datetime": "2026-01-02T03:04:05.678Z"},
    "age": {"duration": "1h30m"},
}


def read(context, document=None, **entities):
    """A question of the schema that has every type."""
    document = document or {"owner": {"entityIdentifier": entity("User", "bo")}, "at": {"datetime": "2026-05-01"}}
    described = {"entityList": [{"identifier": entity("Doc", "d"), "attributes": document, **entities}]}
    return {
        "policyStoreId": STORE,
        "principal": entity("User", "ann"),
        "action": {"actionType": "Action", "actionId": "read"},
        "resource": entity("Doc", "d"),
        "context": context,
        "entities": described,
    }


def test_every_kind_of_value_arrives_as_what_it_is(every):
    answer = client(every.url).is_authorized(**read({"contextMap": CONTEXT}))
    assert answer["decision"] == "ALLOW", answer
    assert answer["determiningPolicies"] == [{"policyId": "read/every-value"}]


@pytest.mark.parametrize(
    "name, other",
    [
        ("flag", {"boolean": False}),
        ("count", {"long": -9007199254740992}),
        ("word", {"string": "härad"}),
        ("friend", {"entityIdentifier": entity("User", "ann")}),
        ("words", {"set": [{"string": "a"}]}),
        ("place", {"record": {"name": {"string": "hall"}}}),
        ("ip", {"ipaddr": "11.1.2.3"}),
        ("price", {"decimal": "1.2501"}),
        ("now", {"datetime": "2026-01-03"}),
        ("age", {"duration": "1h30m1ms"}),
    ],
)
def test_another_value_is_another_question(every, name, other):
    answer = client(every.url).is_authorized(**read({"contextMap": {**CONTEXT, name: other}}))
    assert (answer["decision"], answer["errors"]) == ("DENY", [])


def test_a_context_may_be_cedars_json(every):
    text = """{"flag": true, "count": -9007199254740993, "word": "härad \\"x\\"", "words": ["a", "b"],
        "friend": {"__entity": {"type": "User", "id": "bo"}}, "place": {"name": "hall", "floor": 2},
        "ip": {"__extn": {"fn": "ip", "arg": "10.1.2.3"}}, "price": "1.25", "now": "2026-01-02", "age": "90m"}"""
    assert client(every.url).is_authorized(**read({"cedarJson": text}))["decision"] == "ALLOW"


def test_entities_that_the_caller_describes_count_with_parents_and_tags(every):
    document = {"owner": {"entityIdentifier": entity("User", "ann")}, "at": {"datetime": "2025-05-01"}}
    context = {"contextMap": {**CONTEXT, "flag": {"boolean": False}}}
    tags = {"k": {"set": [{"string": "v"}]}}
    asked = read(context, document, parents=[entity("Doc", "top")], tags=tags)
    top = {"identifier": entity("Doc", "top"), "attributes": document}
    asked["entities"]["entityList"].append(top)
    answer = client(every.url).is_authorized(**asked)
    assert answer["determiningPolicies"] == [{"policyId": "read/own-in-top"}], answer
    asked["entities"]["entityList"][0]["tags"]["k"]["set"] = []
    assert client(every.url).is_authorized(**asked)["decision"] == "DENY"


@pytest.mark.parametrize(
    "asked, path",
    [
        ({"principal": None}, "principal"),
        ({"resource": entity("Peppol::User", "anna")}, "resource"),
        ({"action": {"actionType": "Peppol::Action", "actionId": "fly"}}, "action"),
        ({"context": {"contextMap": {"requestedMode": {"string": "SHARED"}}}}, "context.requestedMode"),
        ({"context": {"cedarJson": "{"}}, "context.cedarJson"),
        (
            # The store alone says who is a superadmin.
            {"entities": {"cedarJson": '[{"uid": {"type": "Peppol::User", "id": "anna"}, "attrs": {"id": "anna", '
                                       '"email": "a@b", "emailVerified": true, "superadmin": true}}]'}},
            "entities.0",
        ),
    ],
)
def test_what_is_no_question_is_raised_as_a_validation_exception(permissions, asked, path):
    asked = {name: value for name, value in {**question(), **asked}.items() if value is not None}
    with pytest.raises(permissions.exceptions.ValidationException) as raised:
        permissions.is_authorized(policyStoreId=STORE, **asked)
    assert raised.value.response["fieldList"][0]["path"] == path
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_batch_of_other_principals_and_resources_is_refused(permissions):
    requests = [question(), question(principal="mia", resource="globex")]
    with pytest.raises(permissions.exceptions.ValidationException):
        permissions.batch_is_authorized(policyStoreId=STORE, requests=requests)


def test_operations_that_are_not_offered_are_raised(permissions):
    asked = question()
    del asked["principal"]
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        permissions.is_authorized_with_token(policyStoreId=STORE, accessToken="x.y.z", **asked)
    assert raised.value.response["Error"]["Code"] == "UnknownOperationException"
    with pytest.raises(botocore.exceptions.ClientError):
        permissions.list_policies(policyStoreId=STORE)


def test_a_store_that_is_behind_is_tried_again_and_then_raised(sidecar):
    permissions = client(sidecar.url)

    # Of the history of this store, and yet to come.
    history = revision(sidecar.url).split("-")[0]

    def demand(params, **_):
        params["headers"]["Tenancy-At-Least"] = f"{history}-999999.{1:016x}"

    permissions.meta.events.register("before-call.verifiedpermissions", demand)
    with pytest.raises(permissions.exceptions.InternalServerException) as raised:
        permissions.is_authorized(policyStoreId=STORE, **question())
    metadata = raised.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (503, 1)


def test_a_sidecar_that_is_gone_is_no_allow(gone):
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        client(gone).is_authorized(policyStoreId=STORE, **question())
