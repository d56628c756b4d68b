//! Claims as providers write them, where a table refers to them.

use serde_json::{Value, json};

use super::{Gate, Sent, brief_of, sent};

/// `GET /mine` is a question about the organisation that a claim names.
fn table(claim: &str) -> String {
    format!(
        "[[route]]\nrequest = \"GET /mine\"\n[[route.ask]]\naction = \"getOrganisation\"\n\
         resource = {{ Organisation = '{claim}' }}\n"
    )
}

fn mine(claims: &Value) -> Sent {
    sent("anna", "GET /mine").claiming(claims)
}

#[test]
fn a_claim_has_any_name_and_any_depth() {
    let url = json!({"https://acme.example/org": "acme"});
    let nested = json!({"https://acme.example/app": {"org.id": {"a/b": "acme"}}});
    let keycloak = json!({"organization": {"acme": {"id": "acme"}}});
    let listed = json!({"organization": ["acme"]});
    let roles = json!({"roles": [["sender", "acme"], ["reader"]], "0": {"1": "acme"}});
    let flat = json!({"realm": {"org": "acme"}, "cognito:org": "acme", "*": {"#": "acme"}});
    for (claim, claims) in [
        ("{claim.\"https://acme.example/org\"}", &url),
        ("{claim./https:~1~1acme.example~1org}", &url),
        (
            "{claim.\"https://acme.example/app\".\"org.id\".a/b}",
            &nested,
        ),
        ("{claim./https:~1~1acme.example~1app/org.id/a~1b}", &nested),
        ("{claim.organization.acme.id}", &keycloak),
        ("{claim./organization/acme/id}", &keycloak),
        // A login for one organisation has one.
        ("{claim.organization.#}", &keycloak),
        ("{claim.organization.*.id}", &keycloak),
        ("{claim.organization.*}", &listed),
        ("{claim.realm.org}", &flat),
        ("{claim.cognito:org}", &flat),
        ("{claim./*/#}", &flat),
        // A number of a pointer is a place in an array, and a name in an object.
        ("{claim./roles/0/1}", &roles),
        ("{claim./0/1}", &roles),
        ("{claim./a~01b}", &json!({"a~1b": "acme", "a/b": "globex"})),
        ("{claim.\"*\".\"#\"}", &flat),
        ("ac{claim./realm/who}", &json!({"realm": {"who": "me"}})),
    ] {
        Gate::usual(&table(claim)).assert_decides(&mine(claims), "Allow");
    }
}

#[test]
fn a_claim_of_another_shape_is_refused() {
    let deny = "Deny REQUEST_MALFORMED";
    for (claim, claims) in [
        // A part of the name is another name.
        (
            "{claim.\"https://acme.example/org\"}",
            json!({"https://acme": {"example/org": "acme"}}),
        ),
        ("{claim.\"a.b\"}", json!({"a": {"b": "acme"}})),
        ("{claim./a~1b}", json!({"a": {"b": "acme"}})),
        ("{claim./a/b}", json!({"a/b": "acme"})),
        ("{claim./*}", json!({"org": "acme"})),
        // Two organisations are none that is meant.
        (
            "{claim.organization.#}",
            json!({"organization": {"acme": {}, "globex": {}}}),
        ),
        (
            "{claim.organization.*.id}",
            json!({"organization": {"acme": {"id": "acme"}, "b": {"id": "acme"}}}),
        ),
        (
            "{claim.organization.*}",
            json!({"organization": ["acme", "acme"]}),
        ),
        ("{claim.organization.*}", json!({"organization": "acme"})),
        ("{claim.organization.#}", json!({"organization": ["acme"]})),
        ("{claim.organization.#}", json!({"organization": "acme"})),
        ("{claim.organization.#}", json!({"organization": {}})),
        ("{claim.organization.*}", json!({"organization": []})),
        ("{claim.organization.*}", json!({"organization": null})),
        (
            "{claim.organization.*.id}",
            json!({"organization": {"acme": {"id": ["acme"]}}}),
        ),
        (
            "{claim.organization.acme}",
            json!({"organization": ["acme"]}),
        ),
        ("{claim.organization.#}", json!({})),
        ("{claim./roles/1}", json!({"roles": ["acme"]})),
        ("{claim./roles/00}", json!({"roles": ["acme"]})),
        ("{claim./roles/-}", json!({"roles": ["acme"]})),
        ("{claim./roles/0/0}", json!({"roles": ["acme"]})),
        ("{claim.roles.0}", json!({"roles": ["acme"]})),
    ] {
        Gate::usual(&table(claim)).assert_decides(&mine(&claims), deny);
        let none = sent("anna", "GET /mine");
        Gate::usual(&table(claim)).assert_decides(&none, deny);
    }
}

#[test]
fn each_role_of_a_nested_array_is_asked_about() {
    for claim in [
        "{claim.resource_access.portal.roles}",
        "{claim./resource_access/portal/roles}",
        "{claim.resource_access.\"portal\".roles}",
    ] {
        let table = table("{each}") + &format!("each = '{claim}'\n");
        let gate = Gate::usual(&table);
        let of = |roles: Value| mine(&json!({"resource_access": {"portal": {"roles": roles}}}));
        let both = of(json!(["acme", "globex"]));
        let drafts = gate.drafts(&both, true);
        let asked: Vec<_> = drafts.iter().flatten().map(brief_of).collect();
        assert_eq!(asked, ["acme", "globex"]);
        gate.assert_decides(&of(json!(["acme"])), "Allow");
        gate.assert_decides(&both, "Deny NOT_PERMITTED");
        gate.assert_decides(&of(json!("acme")), "Deny REQUEST_MALFORMED");
    }
}

/// The body of a request has names with dots as well.
#[test]
fn members_of_a_body_are_named_in_the_same_ways() {
    let post = |name: &str| {
        let table = table(name).replace("GET /mine", "POST /mine");
        let body = json!({"org.id": {"a/b": "acme"}});
        let sent = sent("anna", "POST /mine").with(&body);
        (Gate::usual(&table), sent)
    };
    for name in ["{body.\"org.id\".\"a/b\"}", "{body./org.id/a~1b}"] {
        let (gate, sent) = post(name);
        gate.assert_decides(&sent, "Allow");
    }
    let (gate, sent) = post("{body.org.id}");
    gate.assert_decides(&sent, "Deny REQUEST_MALFORMED");
}
