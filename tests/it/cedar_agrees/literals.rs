//! Entities that a policy names and looks into are a part of the slice, to the same level as those of
//! the question.

use std::sync::Arc;

use peppol_authz_engine::Verdict;
use serde_json::{Value, json};

use super::{BothSides, question, uid};
use crate::deciding::{Deciding, first_page, open};
use crate::sidecar::{Start, program};

const SCHEMA: &str = "
entity Team in [Team] = { lead?: User };
entity User in [Team] = { manager?: User, blocked: Bool } tags Long;
entity Settings = { open: Bool, owner?: User, floor: Long } tags String;
entity Doc = { size: Long, kind: String };
action see appliesTo { principal: User, resource: Doc };
";

const POLICIES: &str = r#"
@id("open") permit (principal, action, resource) when { Settings::"global".open };
@id("nested") permit (principal, action, resource) when { Team::"a" in Team::"b" };
@id("owner") permit (principal, action, resource)
when { Settings::"global" has owner && Settings::"global".owner == principal };
@id("deep") permit (principal, action, resource)
when { Settings::"global" has owner.manager && Settings::"global".owner.manager == principal };
@id("tag") permit (principal, action, resource)
when { Settings::"kinds".hasTag(resource.kind) && Settings::"kinds".getTag(resource.kind) == "free" };
@id("key") permit (principal, action, resource)
when { principal.hasTag("k") && principal.getTag("k") > Settings::"global".floor };
@id("lead") permit (principal, action, resource)
when { Team::"a" has lead && Team::"a".lead == principal };
@id("is") permit (principal, action, resource)
when { (if resource.size > 5 then User::"root" else principal) is User in Team::"b" };
@id("size") forbid (principal, action, resource) when { resource.size < Settings::"global".floor };
@id("chief") forbid (principal, action, resource)
when { Settings::"global" has owner && Settings::"global".owner.blocked };
"#;

const FOR_BOB: &str = r#"
@id("bob") forbid (principal == User::"bob", action, resource) when { Settings::"of-bob".open };
"#;

fn of(kind: &str, id: &str) -> Value {
    json!({"__entity": uid(kind, id)})
}

fn entity(kind: &str, id: &str, attributes: Value, tags: Value, parents: &[(&str, &str)]) -> Value {
    let parents: Vec<Value> = parents.iter().map(|(kind, id)| uid(kind, id)).collect();
    json!({"uid": uid(kind, id), "attrs": attributes, "parents": parents, "tags": tags})
}

fn settings(open: bool, owner: Option<&str>, floor: i64) -> Value {
    let mut attributes = json!({"open": open, "floor": floor});
    if let Some(owner) = owner {
        attributes["owner"] = of("User", owner);
    }
    entity("Settings", "global", attributes, json!({}), &[])
}

fn common() -> Vec<Value> {
    let user = |id: &str, manager: Option<&str>, tags: Value, parents: &[(&str, &str)]| {
        let mut attributes = json!({"blocked": id == "blocked"});
        if let Some(manager) = manager {
            attributes["manager"] = of("User", manager);
        }
        entity("User", id, attributes, tags, parents)
    };
    let doc = |id: &str, size: i64, kind: &str| {
        entity(
            "Doc",
            id,
            json!({"size": size, "kind": kind}),
            json!({}),
            &[],
        )
    };
    vec![
        user("ann", Some("bob"), json!({"k": 5}), &[]),
        user("bob", None, json!({}), &[("Team", "a")]),
        user("blocked", Some("ghost"), json!({}), &[("Team", "b")]),
        user("root", None, json!({"k": 1}), &[("Team", "b")]),
        doc("small", 1, "free"),
        doc("large", 9, "paid"),
    ]
}

/// Every way in which the named entities can be, or not be.
fn worlds() -> Vec<Value> {
    let kinds = entity(
        "Settings",
        "kinds",
        json!({"open": false, "floor": 0}),
        json!({"free": "free", "paid": "no"}),
        &[],
    );
    let team = |lead: Option<&str>, parents: &[(&str, &str)]| {
        let lead = lead.map_or(json!({}), |lead| json!({"lead": of("User", lead)}));
        entity("Team", "a", lead, json!({}), parents)
    };
    let mut worlds = Vec::new();
    for global in [
        None,
        Some(settings(true, None, 0)),
        Some(settings(false, Some("ann"), 3)),
        Some(settings(false, Some("blocked"), 0)),
        Some(settings(false, Some("ghost"), 0)),
    ] {
        for kinds in [None, Some(&kinds)] {
            for team in [
                None,
                Some(team(None, &[("Team", "b")])),
                Some(team(Some("bob"), &[("Team", "m")])),
            ] {
                let middle = entity("Team", "m", json!({}), json!({}), &[("Team", "b")]);
                let mut all = common();
                all.extend(global.clone());
                all.extend(kinds.cloned());
                all.extend(team);
                all.push(middle);
                worlds.push(Value::Array(all));
            }
        }
    }
    worlds
}

#[test]
fn what_a_policy_names_is_looked_into_as_by_cedar() {
    let sides = BothSides::new(SCHEMA, POLICIES);
    let mut determining = std::collections::BTreeSet::new();
    let (mut allowed, mut failed) = (0, 0);
    for world in worlds() {
        let cedar = sides.read(&world).unwrap();
        let engine = sides.engine(&world).unwrap();
        let part = first_page(100, 1000);
        for doc in ["small", "large"] {
            let mut found = Vec::new();
            for user in ["ann", "blocked", "bob", "root"] {
                let asked = question(user, &uid("Doc", doc));
                let answer = sides.assert_agree(&engine, &cedar, &asked);
                allowed += usize::from(answer.allowed);
                failed += usize::from(answer.failed);
                if answer.allowed {
                    found.push(user);
                }
                determining.extend(answer.determining);
            }
            let mut wanted = question("ann", &uid("Doc", doc));
            wanted["principal"] = json!({"type": "User"});
            let page = engine.find(&wanted, &part).unwrap();
            let ids = page.entities.iter().map(|uid| uid.id().as_ref());
            assert_eq!(ids.collect::<Vec<&str>>(), found, "{world}");
        }
    }
    assert_eq!(
        determining.len(),
        POLICIES.matches("@id").count(),
        "{determining:?}"
    );
    assert!(allowed > 20 && failed > 20, "{allowed} {failed}");
}

const TABLES: &str = r#"
CREATE TABLE tenancy_revision (revision INTEGER NOT NULL);
INSERT INTO tenancy_revision VALUES (1);
CREATE TABLE "Team" (id, lead);
CREATE TABLE "Team.parents" (id, type, parent);
CREATE TABLE "User" (id, manager, blocked);
CREATE TABLE "User.parents" (id, type, parent);
CREATE TABLE "User.tags" (id, key, value);
CREATE TABLE "Settings" (id, open, owner, floor);
CREATE TABLE "Settings.tags" (id, key, value);
CREATE TABLE "Doc" (id, size, kind);
INSERT INTO "User" VALUES ('ann', NULL, 0), ('bob', NULL, 0);
INSERT INTO "Doc" VALUES ('d', 5, 'free'), ('e', 9, 'paid');
"#;

/// A database has the same, and what it holds of a literal counts at once when it changes.
#[test]
fn a_row_that_a_policy_names_counts_when_it_changes() {
    let sides = BothSides::new(SCHEMA, POLICIES);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let deciding = Deciding::over(open(&path), Arc::clone(&sides.bundle));
    let (d, e) = (
        question("ann", &uid("Doc", "d")),
        question("ann", &uid("Doc", "e")),
    );
    deciding.assert_denied(&d, &["EVALUATION_ERROR"; 2]);
    let change = |sql: &str| {
        connection.execute_batch(sql).unwrap();
        connection
            .execute_batch("UPDATE tenancy_revision SET revision = revision + 1")
            .unwrap();
    };
    change("INSERT INTO \"Settings\" VALUES ('global', 1, NULL, 7)");
    assert_eq!(deciding.decide(&d).verdict, Verdict::Deny);
    deciding.assert_allowed(&e);
    change("UPDATE \"Settings\" SET open = 0");
    deciding.assert_denied(&e, &["NOT_PERMITTED"]);
    change("UPDATE \"Settings\" SET owner = 'bob'");
    deciding.assert_denied(&e, &["NOT_PERMITTED"]);
    change("UPDATE \"User\" SET manager = 'ann' WHERE id = 'bob'");
    deciding.assert_allowed(&e);
    let part = first_page(10, 100);
    let mut wanted = d;
    wanted["resource"] = json!({"type": "Doc"});
    let found = deciding.find(&wanted, &part).unwrap();
    let ids = found.entities.iter().map(|uid| uid.id().as_ref());
    assert_eq!(ids.collect::<Vec<&str>>(), ["e"]);
}

/// By the program, with a log that is decided again.
#[test]
fn such_a_set_is_served_and_its_log_is_replayed() {
    let mut all = common();
    all.push(settings(false, Some("ghost"), 0));
    let own = json!({"open": false, "floor": 0});
    all.push(entity("Settings", "of-bob", own, json!({}), &[]));
    let start = Start::new().policies(SCHEMA, &format!("{POLICIES}{FOR_BOB}"));
    let log = format!("file:{}", start.path("decisions.ndjson").display());
    let sidecar = start
        .entities(&Value::Array(all))
        .variable("PEPPOL_AUTHZ_DECISION_LOG__TO", &log)
        .variable("PEPPOL_AUTHZ_DECISION_LOG__SLICE", "true")
        .start();
    for (user, doc) in [("ann", "small"), ("bob", "large"), ("root", "large")] {
        let answer = sidecar.ask(&question(user, &uid("Doc", doc)));
        assert_eq!(answer["decision"], "Deny", "{answer}");
        assert_eq!(answer["reasons"][0]["code"], "EVALUATION_ERROR", "{answer}");
    }
    let mut sidecar = sidecar;
    sidecar.stop();
    let lines = std::fs::read_to_string(sidecar.path("decisions.ndjson")).unwrap();
    assert!(lines.contains("\"sliceMissing\":"), "{lines}");
    // The entities that a policy for one principal looks into are loaded for that one alone.
    let of_bob = lines.lines().filter(|line| line.contains("of-bob"));
    assert_eq!(of_bob.count(), 1, "{lines}");
    let replayed = program()
        .arg("replay")
        .arg("--schema")
        .arg(sidecar.path("test.cedarschema"))
        .arg("--policies")
        .arg(sidecar.path("policies"))
        .arg(sidecar.path("decisions.ndjson"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&replayed.stdout);
    assert_eq!(replayed.status.code(), Some(0), "{said}");
}
