//! `import --cedar`: a database is made of what `export --cedar` writes, and holds the same.

use std::sync::Arc;

use peppol_authz_engine::policy::{Sources, load};
use serde_json::{Value, json};

use super::{Place, documents, export_cedar, run};
use crate::deciding::{Deciding, open};
use crate::postgres::server::SHARED;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;

const SCHEMA: &str = r#"
namespace Own {
  entity Colour enum ["red", "green"];
  entity Team in [Team] = { "öffnet um"?: Long };
  entity User in [Team] = {
    id: String,
    admin: Bool,
    number: Long,
    since?: datetime,
    share?: decimal,
    from?: ipaddr,
    colours: Set<Colour>,
    home?: { street: String, near: Set<User>, "select"?: Bool },
    boss?: User,
  } tags Set<String>;
  entity Box = { "SELECT": String, owner: User };
  action open appliesTo { principal: User, resource: Box };
}
"#;

const POLICY: &str = r#"
@id("own/opens") permit (principal in Own::Team::"all", action, resource)
when { principal has boss && resource.owner == principal.boss && principal.hasTag("it's") && principal.getTag("it's").contains("\\n") };
"#;

fn own_entities() -> Value {
    let uid = |kind: &str, id: &str| json!({"type": format!("Own::{kind}"), "id": id});
    json!([
        {"uid": uid("Team", "all"), "attrs": {}, "parents": []},
        {"uid": uid("Team", "it"), "attrs": {"öffnet um": i64::MIN}, "parents": [uid("Team", "all")]},
        {"uid": uid("User", "o'neil \\' \"x\""), "attrs": {
            "id": "o'neil \\' \"x\"", "admin": true, "number": i64::MAX,
            "since": {"__extn": {"fn": "datetime", "arg": "2024-10-15T11:35:00.000+0100"}},
            "share": {"__extn": {"fn": "decimal", "arg": "1.50"}},
            "from": {"__extn": {"fn": "ip", "arg": "10.0.0.0/8"}},
            "colours": [uid("Colour", "red")],
            "home": {"street": "a\\b\u{1f600}';--", "near": [uid("User", "nobody")], "select": false},
            "boss": uid("User", "b"),
        }, "parents": [uid("Team", "it")], "tags": {"it's": ["\\n", ""], "": []}},
        {"uid": uid("User", "b"), "attrs": {
            "id": "b", "admin": false, "number": -1, "colours": [],
        }, "parents": [uid("Team", "gone")]},
        {"uid": uid("Box", ""), "attrs": {"SELECT": "\t\r\n", "owner": uid("User", "b")}, "parents": []},
    ])
}

/// An empty database of each kind.
fn databases(place: &Place, name: &str) -> [String; 2] {
    [place.sqlite(name), SHARED.database().url()]
}

#[test]
fn a_tenancy_decides_as_before() {
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    let place = Place::new();
    let mut rng = Rng::new(11_000_003);
    let tenancy = Tenancy::random(&mut rng, 5);
    let first = place.sqlite("first.db");
    place.import(&first, &documents(&tenancy));
    let text = export_cedar(&first);
    let file = place.file("entities.json", &text);
    for to in databases(&place, "second.db") {
        let done = run(&["import", "--cedar", "--tenancy", &to, &file]);
        assert!(!done.revision().is_empty());
        let count = text.lines().count() - 2;
        let said = done.text();
        assert!(
            said.contains(&format!("imported {count} entities")),
            "{said}"
        );
        assert_eq!(export_cedar(&to), text);
    }
    let [one, other] = ["first.db", "second.db"]
        .map(|name| Deciding::over(open(&place.path(name)), Arc::clone(&bundle)));
    for _ in 0..200 {
        let question: Value = Question::random(&mut rng, &tenancy).to_json(&mut rng);
        let [one, other] = [&one, &other].map(|it| it.decide(&question));
        assert_eq!(one.verdict, other.verdict, "{question}");
        assert_eq!(one.reasons, other.reasons, "{question}");
        assert_eq!(one.obligations, other.obligations, "{question}");
    }
}

#[test]
fn entities_of_any_schema_are_held_as_they_are() {
    let place = Place::new();
    let schema = place.file("own.cedarschema", SCHEMA);
    let policies = place.path("own");
    place.file("own/p.cedar", POLICY);
    let policies = policies.display().to_string();
    let file = place.file("entities.json", &own_entities().to_string());
    let cedar = |of: &str| {
        let arguments = ["export", "--cedar", "--schema", &schema, "--tenancy", of];
        run(&arguments).text()
    };
    let wanted = cedar(&format!("entities:{file}"));
    for to in databases(&place, "own.db") {
        let import = ["import", "--cedar", "--schema", &schema, "--tenancy", &to];
        run(&[&import[..], &[&file]].concat()).text();
        assert_eq!(cedar(&to), wanted);
        let asks = |principal: &str| {
            let principal = format!("Own::User::{principal:?}");
            let question = [
                "--principal",
                &principal,
                "--action",
                "Own::Action::\"open\"",
            ];
            let source = [
                "--tenancy",
                &to,
                "--schema",
                &schema,
                "--policies",
                &policies,
            ];
            let resource = ["authorize", "--resource", "Own::Box::\"\""];
            run(&[&resource[..], &question, &source].concat()).code
        };
        assert_eq!(asks("o'neil \\' \"x\""), Some(0));
        assert_eq!(asks("b"), Some(2));
        // It holds something now.
        let again = run(&[&import[..], &[&file]].concat());
        assert_eq!(again.code, Some(1), "{again:?}");
        assert!(again.stderr.contains("is not empty"), "{again:?}");
        assert_eq!(cedar(&to), wanted);
        // Nor are documents taken by it.
        let documents = place.file("documents.ndjson", "{}\n");
        let documents = run(&["import", "--tenancy", &to, &documents]);
        assert_eq!(documents.code, Some(1), "{documents:?}");
    }
}

#[test]
fn what_is_not_held_as_it_is_makes_nothing() {
    let place = Place::new();
    let long = "L".repeat(60);
    let user = |id: &str, attributes: Value| json!([{"uid": {"type": "User", "id": id}, "attrs": attributes, "parents": []}]);
    let of = |attributes: &str| {
        format!(
            "entity User = {{ {attributes} }};\naction a appliesTo {{ principal: User, resource: User }};"
        )
    };
    let both = [true, true];
    for (schema, entities, says, refuses) in [
        (
            of("id: String"),
            user("a", json!({"id": "b"})),
            "User::\"a\": its attribute `id` is \"b\"",
            both,
        ),
        (
            of("id: Long"),
            user("1", json!({"id": 1})),
            "attribute `id` of `User` is no string",
            both,
        ),
        (
            of("a: String, A: String"),
            user("a", json!({"a": "", "A": ""})),
            "attribute of `User` `a`",
            [true, false],
        ),
        (
            of("a: String, s: Set<String>"),
            user("a", json!({"a": "", "s": ["\u{0}"]})),
            "User::\"a\": attribute `s` holds U+0000",
            both,
        ),
        (
            of(&format!("{long}1234: String")),
            user("a", json!({format!("{long}1234"): ""})),
            "no names of more than 63 bytes",
            [false, true],
        ),
        (
            of("xmin: Long"),
            user("a", json!({"xmin": 1})),
            "the table of `User` cannot be made",
            [false, true],
        ),
        (
            of("a: String"),
            user("a", json!({"a": 1})),
            "`User::\\\"a\\\".attrs.a`: a string is wanted",
            both,
        ),
    ] {
        let says = says.replace("\\\"", "\"");
        let schema = place.file("refused.cedarschema", &schema);
        let file = place.file("entities.json", &entities.to_string());
        let databases = databases(&place, "refused.db");
        for (to, refuses) in databases.iter().zip(refuses) {
            let import = ["import", "--cedar", "--schema", &schema, "--tenancy", to];
            let done = run(&[&import[..], &[&file]].concat());
            if !refuses {
                done.text();
                continue;
            }
            assert_eq!(done.code, Some(1), "{done:?}");
            assert!(done.stderr.contains(&says), "{says}: {done:?}");
            // It is still empty.
            let done = run(&["migrate", "--tenancy", to]);
            assert_eq!(done.code, Some(0), "{done:?}");
        }
        let _ = std::fs::remove_file(place.path("refused.db"));
    }
    for to in databases(&place, "documents.db") {
        let file = place.file("entities.json", "[]");
        run(&["migrate", "--tenancy", &to]).text();
        let done = run(&["import", "--cedar", "--tenancy", &to, &file]);
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains("documents tell more"), "{done:?}");
        // An entity among documents is said to be one.
        let file = place.file("entities.json", &user("a", json!({})).to_string());
        let done = run(&["import", "--tenancy", &to, &file]);
        assert!(done.stderr.contains("`import --cedar`"), "{done:?}");
    }
}
