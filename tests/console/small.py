"""A small set of policies of its own, with a suite, an invariant and a shadow: pages over it change with the console alone."""

import json

ACTIONS = [f"do{number:03}" for number in range(130)]

SCHEMA = f"""
entity Organisation = {{ name: String, open: Bool }};
entity User = {{ age: Long, home: Organisation }};
action see, edit appliesTo {{ principal: User, resource: Organisation }};
entity Thing;
action {", ".join(ACTIONS)} appliesTo {{ principal: User, resource: Thing }};
"""

POLICIES = """// Who is grown sees an organisation.
@id("grown-sees")
permit (principal, action == Action::"see", resource)
when { principal.age >= 18 };

@id("closed")
@code("CLOSED")
@message("The organisation is closed.")
forbid (principal, action in [Action::"see", Action::"edit"], resource)
when { !resource.open };

@id("things")
permit (principal, action, resource is Thing);
"""

INVARIANT = """// Who sees an organisation is grown.
@id("grown-alone")
@invariant("implies")
permit (principal, action == Action::"see", resource is Organisation)
when { principal.age >= 18 };
"""

SUITE = """fixture = "entities.json"

[[case]]
name = "who is grown sees"
principal = 'User::"carl"'
action = "see"
resource = 'Organisation::"open"'
allow = true
"""


def entity(kind, name, /, **attributes):
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


def home(name):
    return {"__entity": {"type": "Organisation", "id": name}}


ENTITIES = [
    entity("Organisation", "open", name="Open", open=True),
    entity("Organisation", "shut", name="Shut", open=False),
    entity("User", "berta", age=12, home=home("open")),
    entity("User", "carl", age=19, home=home("open")),
    entity("User", "dora", age=40, home=home("shut")),
    entity("Thing", "thing"),
]


def write(directory):
    """Writes all of it, and returns the arguments of a sidecar in that directory: pages show no other name of it."""
    for name, policies in [("policies", POLICIES), ("shadow", POLICIES.replace(">= 18", ">= 21"))]:
        (directory / name).mkdir()
        (directory / name / "p.cedar").write_text(policies)
    (directory / "policies/invariants").mkdir()
    (directory / "policies/invariants/grown-alone.cedar").write_text(INVARIANT)
    (directory / "suites").mkdir()
    (directory / "suites/see.toml").write_text(SUITE)
    for place in ["suites/entities.json", "entities.json"]:
        (directory / place).write_text(json.dumps(ENTITIES))
    (directory / "small.cedarschema").write_text(SCHEMA)
    return [
        "--schema", "small.cedarschema", "--policies", "policies", "--tenancy", "entities:entities.json",
        "--reload-suites", "suites", "--shadow", "shadow",
    ]
