//! Entities of a question that the store does not hold: Cedar would skip every
//! policy that reads them.

use peppol_authz_engine::Verdict;
use peppol_authz_engine::schema::Row;
use serde_json::{Value, json};

use super::{SCHEMA, forbid};
use crate::deciding::{Deciding, PERMIT_ALL, asked_with, codes, entity, question};

fn uid(kind: &str, id: &str) -> Value {
    json!({"__entity": {"type": kind, "id": id}})
}

fn tenancy() -> Value {
    json!([
        entity("User", "ann", json!({"blocked": false, "name": "ann"}), &[]),
        entity("User", "bob", json!({"blocked": true, "name": "bob"}), &[]),
        entity(
            "Doc",
            "d",
            json!({"owner": uid("User", "ann"), "size": 1, "key": "k"}),
            &[]
        ),
    ])
}

fn deciding(condition: &str) -> Deciding {
    let scope = "principal, action == Action::\"read\", resource";
    let policies = PERMIT_ALL.to_owned() + &forbid("stop", scope, condition);
    Deciding::of(SCHEMA, &policies, &tenancy())
}

#[test]
fn a_principal_that_is_not_there_is_denied() {
    let deciding = deciding("principal.blocked");
    deciding.assert_allowed(&question("User::\"ann\"", "read", "Doc::\"d\""));
    deciding.assert_denied(&question("User::\"bob\"", "read", "Doc::\"d\""), &["STOP"]);
    let ghost = question("User::\"ghost\"", "read", "Doc::\"d\"");
    deciding.assert_denied(&ghost, &["UNKNOWN_PRINCIPAL"]);
    // And again, once it is known that there is none.
    deciding.assert_denied(&ghost, &["UNKNOWN_PRINCIPAL"]);
    let decision = deciding.decide(&ghost);
    assert_eq!(decision.reasons[0].rule.as_deref(), Some("GEN-1"));
    assert_eq!(decision.reasons[0].policy, None);
    assert!(decision.determining.is_empty());
}

#[test]
fn an_absent_principal_is_denied_where_no_policy_reads_it() {
    let deciding = Deciding::of(SCHEMA, PERMIT_ALL, &tenancy());
    let ghost = question("User::\"ghost\"", "write", "Doc::\"d\"");
    deciding.assert_denied(&ghost, &["UNKNOWN_PRINCIPAL"]);
    let nothing = question("User::\"ann\"", "write", "Doc::\"ghost\"");
    deciding.assert_denied(&nothing, &["UNKNOWN_RESOURCE"]);
}

#[test]
fn a_resource_that_is_not_there_is_denied() {
    let deciding = deciding("resource.size > 1");
    deciding.assert_allowed(&question("User::\"ann\"", "read", "Doc::\"d\""));
    let nothing = question("User::\"ann\"", "read", "Doc::\"ghost\"");
    deciding.assert_denied(&nothing, &["UNKNOWN_RESOURCE"]);
}

#[test]
fn an_entity_of_the_context_that_is_not_there_is_denied() {
    let deciding = deciding(
        "(context has via && context.via.blocked) || \
         (context has seen && context.seen.contains(User::\"bob\")) || \
         (context has note && context.note.by.blocked)",
    );
    let ask = |context| asked_with("User::\"ann\"", "read", "Doc::\"d\"", context);
    for context in [
        json!({"via": "ann"}),
        json!({"seen": ["ann"]}),
        json!({"note": {"by": "ann"}}),
    ] {
        deciding.assert_allowed(&ask(context));
    }
    for context in [
        json!({"via": "bob"}),
        json!({"seen": ["ann", "bob"]}),
        json!({"note": {"by": "bob"}}),
    ] {
        deciding.assert_denied(&ask(context), &["STOP"]);
    }
    for context in [
        json!({"via": "ghost"}),
        json!({"seen": ["ann", "ghost"]}),
        json!({"note": {"by": {"type": "User", "id": "ghost"}}}),
        json!({"via": "ghost", "note": {"by": "phantom"}}),
    ] {
        deciding.assert_denied(&ask(context), &["UNKNOWN_ENTITY"]);
    }
}

#[test]
fn everything_that_is_absent_is_named_and_nothing_else() {
    let deciding = deciding("principal.blocked || resource.size > 0");
    let ask =
        |principal, resource, via| asked_with(principal, "read", resource, json!({"via": via}));
    deciding.assert_denied(
        &ask("User::\"x\"", "Doc::\"y\"", "z"),
        &["UNKNOWN_PRINCIPAL", "UNKNOWN_RESOURCE", "UNKNOWN_ENTITY"],
    );
    deciding.assert_denied(
        &ask("User::\"x\"", "Doc::\"d\"", "ann"),
        &["UNKNOWN_PRINCIPAL"],
    );
    // One and the same, in both places.
    deciding.assert_denied(
        &ask("User::\"x\"", "Doc::\"d\"", "x"),
        &["UNKNOWN_PRINCIPAL", "UNKNOWN_ENTITY"],
    );
    // The entity that is there is kept with the decision, so that it can be decided again.
    let decision = deciding.decide(&ask("User::\"x\"", "Doc::\"d\"", "ann"));
    let kept = |row: &Row| row.uid.to_string();
    let kept: Vec<_> = decision
        .slice
        .iter()
        .map(|found| kept(&found.loaded.row))
        .collect();
    assert_eq!(kept, ["Doc::\"d\"", "User::\"ann\""]);
    let decision = deciding.decide(&ask("User::\"x\"", "Doc::\"y\"", "z"));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(decision.slice.is_empty());
    assert_eq!(codes(&decision).len(), 3);
}

/// A type with `@whenAbsent` has no unknown ids.
#[test]
fn what_is_never_unknown_is_what_the_schema_says_of_it() {
    let schema = r#"
        @whenAbsent("{\"taken\": false}")
        @lowercaseId("all")
        entity Name = { taken: Bool };
        entity User;
        action claim appliesTo { principal: User, resource: Name, context: { other?: Name } };
    "#;
    let policies = PERMIT_ALL.to_owned()
        + &forbid("taken", "principal, action, resource", "resource.taken")
        + &forbid(
            "other",
            "principal, action, resource",
            "context has other && context.other.taken",
        );
    let tenancy = json!([
        entity("User", "ann", json!({}), &[]),
        entity("Name", "Held", json!({"taken": true}), &[]),
    ]);
    let deciding = Deciding::of(schema, &policies, &tenancy);
    let ask = |name: &str, other: &str| {
        let name = format!("Name::\"{name}\"");
        asked_with("User::\"ann\"", "claim", &name, json!({"other": other}))
    };
    deciding.assert_allowed(&ask("free", "FREE"));
    for held in ["held", "HELD", "Held"] {
        deciding.assert_denied(&ask(held, "free"), &["TAKEN"]);
        deciding.assert_denied(&ask("free", held), &["OTHER"]);
    }
}
