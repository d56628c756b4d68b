//! Texts and attributes that repeat an id.

use std::sync::Arc;

use serde_json::json;

use super::*;
use peppol_authz_engine::policy::{Bundle, SourceFile, Sources, load};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::store::EntitiesFile;

const SCHEMA: &str = r#"
    @personal
    entity User = { id: String, nick: String };
    entity Room = { kind?: String };
    action enter appliesTo { principal: User, resource: Room, context: { also?: Set<User>, word?: String } };
"#;

fn bundle() -> Arc<Bundle> {
    let file = |text: &str| {
        Arc::new(SourceFile {
            name: "test".to_owned(),
            path: None,
            text: text.to_owned(),
        })
    };
    let policies = vec![file("@id(\"p/all\") permit (principal, action, resource);")];
    let sources = Sources::new(file(SCHEMA), policies);
    Arc::new(load(&sources).unwrap())
}

fn decided(errors: &[&str]) -> Decision {
    Decision {
        verdict: peppol_authz_engine::Verdict::Deny,
        reasons: Vec::new(),
        determining: Vec::new(),
        errors: errors.iter().map(|text| (*text).to_owned()).collect(),
        obligations: Default::default(),
        policy_revision: Arc::from("p"),
        tenancy_revision: Arc::from("t"),
        slice: Arc::default(),
        links: Vec::new(),
        link_table: None,
        absent: Vec::new(),
        missing: Vec::new(),
        meant: None,
        notes: None,
    }
}

fn question(bundle: &Bundle) -> Question {
    let store = EntitiesFile::parse(b"[]").unwrap();
    let json = json!({
        "principal": "User::\"an\"",
        "action": "Action::\"enter\"",
        "resource": "Room::\"an\"",
        "context": {"also": ["bobby\"x"], "word": "an"},
        "entities": [
            {"uid": "User::\"an\"", "attrs": {"id": "an", "nick": "anny"}, "parents": []},
            {"uid": "Room::\"an\"", "attrs": {"kind": "an"}, "parents": []},
        ],
    });
    let (question, options) = Question::read(&json, bundle, &store, 10).unwrap();
    assert!(options.demand.at_least.is_empty() && Demand::default().max_age.is_none());
    question
}

#[test]
fn an_id_is_hashed_wherever_its_entity_or_an_error_repeats_it() {
    let bundle = bundle();
    let question = question(&bundle);
    let errors = [
        "no `x` in `User::\"an\"` and `an`, which can not be",
        "no `x` in `User::\"bobby\\\"x\"` alias bobby\"x",
    ];
    let decision = decided(&errors);
    let pseudonyms = Pseudonyms::random().unwrap();
    let shown = LineVeil::new(&bundle.schema, &pseudonyms, Some(&question), &decision);
    let (an, bobby) = (pseudonyms.of("an"), pseudonyms.of("bobby\"x"));
    let written = shown.question(&question);
    assert_eq!(written["principal"]["id"], an);
    // Of a type whose ids say nothing of anybody.
    assert_eq!(written["resource"]["id"], "an");
    assert_eq!(written["context"]["also"][0]["__entity"]["id"], bobby);
    assert_eq!(
        written["entities"][0]["attrs"],
        json!({"id": an, "nick": "anny"})
    );
    // A text that is not the id of its entity is compared by policies, and stays.
    assert_eq!(written["context"]["word"], "an");
    assert_eq!(written["entities"][1]["attrs"], json!({"kind": "an"}));
    let text = |text: &str| shown.texts(&[text.to_owned()]).concat();
    // A short one stands in other words too.
    let wanted = format!("no `x` in `User::\"{an}\"` and `{an}`, which can not be");
    assert_eq!(text(errors[0]), wanted);
    let wanted = format!("no `x` in `User::\"{bobby}\"` alias {bobby}");
    assert_eq!(text(errors[1]), wanted);
}

#[test]
fn where_ids_are_plain_nothing_is_hashed() {
    let bundle = bundle();
    let question = question(&bundle);
    let decision = decided(&["`User::\"an\"`"]);
    let plain = Pseudonyms::none();
    let shown = LineVeil::new(&bundle.schema, &plain, Some(&question), &decision);
    assert_eq!(shown.question(&question)["principal"]["id"], "an");
    assert_eq!(shown.texts(&decision.errors), ["`User::\"an\"`"]);
}
