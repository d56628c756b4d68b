//! Lacks of permits: the smallest ones, in ids, and nothing that cannot be checked.

use peppol_authz_engine::{Explanation, NearPermit, Verdict};
use serde_json::{Value, json};

use crate::deciding::{Deciding, asked_with, codes, entity};

const SCHEMA: &str = r#"
    entity Mode enum ["DEMO", "FULL"];
    entity Team;
    entity Org = { name: String, mode: Mode };
    entity User in [Team] = { age: Long, admin: Bool, nick?: String, org: Org } tags Set<String>;
    entity Desk = { org: Org, open: Bool, size: Long, since: datetime, keeper?: User } tags { lend: Bool, keep: Bool };
    action use appliesTo { principal: User, resource: Desk, context: { force?: Bool, why?: String } };
"#;

fn entities() -> Value {
    let org = |id: &str| json!({"__entity": {"type": "Org", "id": id}});
    let user = json!({"age": 20, "admin": false, "org": org("o-1")});
    let mut ann = entity("User", "ann", user.clone(), &[]);
    ann["tags"] = json!({"o-3": ["reader"], "o-1": ["reader"]});
    let mode = json!({"__entity": {"type": "Mode", "id": "DEMO"}});
    let mut red = entity(
        "Desk",
        "red",
        json!({"org": org("o-3"), "open": false, "size": 5, "since": {"__extn": {"fn": "datetime", "arg": "2024-01-01"}}}),
        &[],
    );
    red["tags"] = json!({"bob": {"lend": true, "keep": false}});
    json!([
        ann,
        red,
        entity("User", "bob", user, &[]),
        entity("Team", "blue", json!({}), &[]),
        entity(
            "Org",
            "o-1",
            json!({"name": "o-1", "mode": mode.clone()}),
            &[]
        ),
        entity("Org", "o-3", json!({"name": "o-3", "mode": mode}), &[]),
    ])
}

fn explained(policies: &str) -> Explanation {
    let deciding = Deciding::of(SCHEMA, policies, &entities());
    let question = asked_with("User::\"ann\"", "use", "Desk::\"red\"", json!({}));
    let (decision, why) = deciding.explain(&question).unwrap();
    assert_eq!(codes(&decision), ["NOT_PERMITTED"]);
    why.unwrap()
}

fn permit(id: &str, condition: &str) -> String {
    format!("@id(\"p/{id}\") permit (principal, action, resource) when {{ {condition} }};\n")
}

fn near(condition: &str) -> NearPermit {
    let mut why = explained(&permit("one", condition));
    assert_eq!(why.near.len(), 1, "{why:#?}");
    why.near.remove(0)
}

/// The conditions of each way.
fn lacks(near: &NearPermit) -> Vec<Vec<String>> {
    let ways = near.ways.iter().map(|way| {
        let lacks = way.lacks.iter();
        let shown = lacks.map(|lack| match lack.expected {
            true => lack.condition.clone(),
            false => format!("not {}", lack.condition),
        });
        shown.collect()
    });
    ways.collect()
}

fn assert_lacks(condition: &str, wanted: &[&[&str]]) -> NearPermit {
    let near = near(condition);
    assert_eq!(lacks(&near), wanted, "{condition}");
    near
}

#[test]
fn a_condition_is_told_in_ids_and_what_holds_beside_it() {
    let near = assert_lacks(
        "principal.hasTag(resource.org.name) && principal.getTag(resource.org.name).contains(\"reader\") && resource.open",
        &[&["Desk::\"red\".open"]],
    );
    assert_eq!(
        near.holds,
        ["User::\"ann\".getTag(\"o-3\").contains(\"reader\")"]
    );
    let words = &near.ways[0].lacks[0].words;
    assert_eq!(
        words,
        &["`open` of `Desk::\"red\"` is `false`; it would have to be `true`"]
    );
}

#[test]
fn a_tag_that_is_absent_is_one_lack_and_not_two() {
    let near = assert_lacks(
        "resource.hasTag(principal.org.name) && resource.getTag(principal.org.name).keep",
        &[&["Desk::\"red\".getTag(\"o-1\").keep"]],
    );
    let way = &near.ways[0];
    assert_eq!(
        way.lacks[0].words,
        ["tag `o-1` of `Desk::\"red\"` is absent; `keep` would have to be `true` in it"]
    );
    // The whole of it, as the type wants it.
    assert_eq!(
        way.met[0].changes[0].what.value().as_deref(),
        Some("{keep: true, lend: false}")
    );
}

#[test]
fn of_alternatives_the_least_is_told() {
    assert_lacks(
        "(resource.open && principal.admin) || principal.age > 30",
        &[&["User::\"ann\".age > 30"]],
    );
    // As few in either way.
    assert_lacks(
        "resource.open || principal.admin",
        &[&["Desk::\"red\".open"], &["User::\"ann\".admin"]],
    );
    assert_lacks(
        "resource.open && principal.admin",
        &[&["Desk::\"red\".open", "User::\"ann\".admin"]],
    );
    assert_lacks(
        "if principal.admin then true else resource.open",
        &[&["User::\"ann\".admin"], &["Desk::\"red\".open"]],
    );
}

#[test]
fn any_one_of_several_elements_is_enough() {
    let near = assert_lacks(
        "principal.hasTag(\"o-3\") && principal.getTag(\"o-3\").containsAny([\"keeper\", \"owner\"])",
        &[&["User::\"ann\".getTag(\"o-3\").containsAny([\"keeper\", \"owner\"])"]],
    );
    let values = near.ways[0]
        .met
        .iter()
        .map(|met| met.changes[0].what.value().unwrap());
    assert_eq!(
        values.collect::<Vec<_>>(),
        ["[\"reader\", \"keeper\"]", "[\"reader\", \"owner\"]"]
    );
    let near = assert_lacks(
        "principal.hasTag(\"o-3\") && principal.getTag(\"o-3\").containsAll([\"keeper\", \"owner\", \"reader\"])",
        &[&["User::\"ann\".getTag(\"o-3\").containsAll([\"keeper\", \"owner\", \"reader\"])"]],
    );
    assert_eq!(near.ways[0].met.len(), 1);
}

#[test]
fn what_must_not_be_is_a_lack_too() {
    assert_lacks(
        "!(principal.hasTag(\"o-3\") && principal.getTag(\"o-3\").contains(\"reader\"))",
        &[
            &["not User::\"ann\".hasTag(\"o-3\")"],
            &["not User::\"ann\".getTag(\"o-3\").contains(\"reader\")"],
        ],
    );
    let policy =
        "@id(\"p/one\") permit (principal, action, resource) unless { resource.size > 3 };";
    let why = explained(policy);
    assert_eq!(lacks(&why.near[0]), [["Desk::\"red\".size <= 3"]]);
    assert_eq!(
        why.near[0].ways[0].met[0].changes[0]
            .what
            .value()
            .as_deref(),
        Some("3")
    );
}

#[test]
fn attributes_groups_and_the_context_can_be_lacked() {
    for (condition, lacked) in [
        (
            "resource.org.mode == Mode::\"FULL\"",
            "Org::\"o-3\".mode == Mode::\"FULL\"",
        ),
        (
            "principal in Team::\"blue\"",
            "User::\"ann\" in Team::\"blue\"",
        ),
        ("context has force && context.force", "context.force"),
        ("context has why", "context has why"),
        (
            "principal has nick && principal.nick like \"a*b\"",
            "User::\"ann\".nick like \"a*b\"",
        ),
        ("resource has keeper", "Desk::\"red\" has keeper"),
        (
            "principal.age + 15 <= resource.size",
            "(User::\"ann\".age + 15) <= Desk::\"red\".size",
        ),
    ] {
        assert_lacks(condition, &[&[lacked]]);
    }
    let policy = "@id(\"p/one\") permit (principal in Team::\"blue\", action, resource);";
    assert_eq!(
        lacks(&explained(policy).near[0]),
        [["User::\"ann\" in Team::\"blue\""]]
    );
}

#[test]
fn what_would_forbid_it_then_is_said() {
    let policies = permit("one", "principal.admin")
        + "@id(\"p/no\") @code(\"NO_ADMINS\") forbid (principal, action, resource) when { principal.admin };";
    let why = explained(&policies);
    let met = &why.near[0].ways[0].met[0];
    assert_eq!(met.verdict, Verdict::Deny);
    assert_eq!(met.reasons[0].code.as_deref(), Some("NO_ADMINS"));
}

#[test]
fn nothing_is_claimed_of_what_cannot_be_checked() {
    // No value of an extension type is made up; what is changed leads to nothing that is
    // known; what leads elsewhere may come to a tag that was not asked for.
    for condition in [
        "resource.since > datetime(\"2025-01-01\")",
        "resource.org == Org::\"o-1\" && principal.org has name && !(principal.hasTag(resource.org.name) && principal.getTag(resource.org.name).contains(\"reader\"))",
        "resource has keeper && resource.keeper.hasTag(resource.org.name) && resource.keeper == User::\"bob\"",
        "principal.age > 21 && principal.age < 20",
    ] {
        let near = near(condition);
        assert!(near.ways.is_empty(), "{condition}: {near:#?}");
        assert!(
            !near.residual.is_empty() && !near.values.is_empty(),
            "{near:#?}"
        );
    }
}

#[test]
fn permits_that_could_not_apply_are_not_told_and_the_nearest_comes_first() {
    let policies = permit("far", "resource.open && principal.admin")
        + &permit("near", "resource.open")
        + &permit("unknown", "resource.since > datetime(\"2025-01-01\")")
        + "@id(\"p/other\") permit (principal == User::\"bob\", action, resource);"
        + "@id(\"p/not\") permit (principal, action, resource) when { principal == User::\"bob\" };";
    let why = explained(&policies);
    let ids: Vec<&str> = why.near.iter().map(|near| &*near.info.id).collect();
    assert_eq!(ids, ["p/near", "p/far", "p/unknown"]);
}

#[test]
fn a_policy_as_deep_as_they_may_be_is_explained() {
    let admin = "principal.admin";
    let row = |operator: &str| vec![admin; 190].join(operator);
    let brackets = |operator: &str| {
        let open = format!("{admin} {operator} (").repeat(50);
        format!("{open}{admin}{}", ")".repeat(50))
    };
    for condition in [row("&&"), row("||"), brackets("&&"), brackets("||")] {
        let near = near(&condition);
        // Told, or found to be too much work; nothing else.
        let told = lacks(&near);
        assert!(
            told.is_empty() || told == [["User::\"ann\".admin"]],
            "{told:?}"
        );
    }
    assert_lacks(&brackets("&&"), &[&["User::\"ann\".admin"]]);
}
