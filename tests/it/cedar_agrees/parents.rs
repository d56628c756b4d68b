//! Cedar allows as a parent whatever can be an ancestor, and writes all ancestors of an entity when
//! it exports.

use std::sync::Arc;

use peppol_authz_engine::Verdict;
use serde_json::{Value, json};

use super::{BothSides, question, uid};
use crate::deciding::{Deciding, first_page, open};

const SCHEMA: &str = "
entity Org;
entity Team in [Team, Org];
entity User in [Team];
entity Doc in [Org] = { owner: User };
entity Loose;
action see appliesTo { principal: User, resource: Doc };
";

const POLICIES: &str = r#"
@id("in-org") permit (principal in Org::"o", action, resource);
@id("in-team") permit (principal, action, resource) when { principal in Team::"upper" };
@id("with-owner") permit (principal, action, resource) when { resource.owner in Org::"o" };
@id("no-other") forbid (principal in Org::"other", action, resource);
"#;

fn entity(kind: &str, id: &str, attributes: Value, parents: &[(&str, &str)]) -> Value {
    let parents = parents.iter().map(|(kind, id)| uid(kind, id));
    let parents: Vec<Value> = parents.collect();
    json!({"uid": uid(kind, id), "attrs": attributes, "parents": parents})
}

fn owned(id: &str, owner: &str) -> Value {
    entity(
        "Doc",
        id,
        json!({"owner": {"__entity": uid("User", owner)}}),
        &[],
    )
}

#[test]
fn the_closure_is_what_may_be_a_parent() {
    let sides = BothSides::new(SCHEMA, POLICIES);
    let entities = json!([
        entity("Org", "o", json!({}), &[]),
        entity("Team", "upper", json!({}), &[("Org", "o")]),
        entity("Team", "lower", json!({}), &[("Team", "upper")]),
        // As Cedar exports it; and one whose only parent is far above it.
        entity(
            "User",
            "all",
            json!({}),
            &[("Team", "lower"), ("Team", "upper"), ("Org", "o")]
        ),
        entity("User", "near", json!({}), &[("Team", "lower")]),
        entity("User", "far", json!({}), &[("Org", "o")]),
        entity(
            "User",
            "other",
            json!({}),
            &[("Team", "lower"), ("Org", "other")]
        ),
        entity("User", "out", json!({}), &[]),
        owned("d", "far"),
        owned("e", "out"),
    ]);
    let cedar = sides.read(&entities).unwrap();
    let engine = sides.engine(&entities).unwrap();
    let mut allowed = 0;
    for user in ["all", "near", "far", "other", "out"] {
        for doc in ["d", "e"] {
            let asked = question(user, &uid("Doc", doc));
            allowed += usize::from(sides.assert_agree(&engine, &cedar, &asked).allowed);
        }
    }
    assert_eq!(allowed, 7);
    // The same after Cedar has written it.
    let exported = cedar.to_json_value().unwrap();
    let again = sides.engine(&exported).unwrap();
    for user in ["all", "near", "far", "other", "out"] {
        sides.assert_agree(&again, &cedar, &question(user, &uid("Doc", "d")));
    }
}

#[test]
fn what_can_be_no_ancestor_is_no_parent() {
    let sides = BothSides::new(SCHEMA, POLICIES);
    for parent in ["Loose", "Doc", "User"] {
        let entities = json!([entity("User", "u", json!({}), &[(parent, "x")])]);
        assert!(sides.read(&entities).is_none(), "{parent}");
        assert!(sides.engine(&entities).is_none(), "{parent}");
    }
    let upside_down = json!([entity("Org", "o", json!({}), &[("Team", "t")])]);
    assert!(sides.engine(&upside_down).is_none());
}

/// The same rows, with the far ancestor beside the near one.
const TABLES: &str = r#"
CREATE TABLE tenancy_revision (revision INTEGER NOT NULL);
INSERT INTO tenancy_revision VALUES (1);
CREATE TABLE "Org" (id);
CREATE TABLE "Loose" (id);
CREATE TABLE "Team" (id);
CREATE TABLE "Team.parents" (id, type, parent);
CREATE TABLE "User" (id);
CREATE TABLE "User.parents" (id, type, parent);
CREATE TABLE "Doc" (id, owner);
CREATE TABLE "Doc.parents" (id, type, parent);
INSERT INTO "User" VALUES ('all'), ('near'), ('far'), ('other'), ('out');
INSERT INTO "Doc" VALUES ('d', 'far'), ('e', 'out');
INSERT INTO "Team" VALUES ('upper'), ('lower');
INSERT INTO "Team.parents" VALUES ('upper', 'Org', 'o'), ('lower', 'Team', 'upper');
INSERT INTO "User.parents" VALUES
  ('all', 'Team', 'lower'), ('all', 'Team', 'upper'), ('all', 'Org', 'o'), ('near', 'Team', 'lower'),
  ('far', 'Org', 'o'), ('other', 'Team', 'lower'), ('other', 'Org', 'other');
"#;

#[test]
fn a_database_may_list_all_ancestors() {
    let sides = BothSides::new(SCHEMA, POLICIES);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let deciding = Deciding::over(open(&path), Arc::clone(&sides.bundle));
    let allowed = |doc: &str| -> Vec<&str> {
        let users = ["all", "far", "near", "other", "out"].into_iter();
        let asked = users.map(|user| (user, deciding.decide(&question(user, &uid("Doc", doc)))));
        let allowed = asked.filter(|(_, decision)| decision.verdict == Verdict::Allow);
        allowed.map(|(user, _)| user).collect()
    };
    assert_eq!(allowed("d"), ["all", "far", "near", "out"]);
    assert_eq!(allowed("e"), ["all", "far", "near"]);
    let part = first_page(10, 100);
    for doc in ["d", "e"] {
        let mut wanted = question("all", &uid("Doc", doc));
        wanted["principal"] = json!({"type": "User"});
        let found = deciding.find(&wanted, &part).unwrap();
        let ids = found.entities.iter().map(|uid| uid.id().as_ref());
        assert_eq!(ids.collect::<Vec<&str>>(), allowed(doc));
    }
    let add = "INSERT INTO \"User.parents\" VALUES ('out', 'Loose', 'l')";
    connection.execute_batch(add).unwrap();
    deciding.assert_fails(&question("out", &uid("Doc", "d")));
}
