//! The decision log: a line for each decision, whatever becomes of the file; and deciding the lines
//! again.

mod cut;
mod diff;
mod files;
mod full;
mod lines;
mod private;
mod replay;
mod stores;
mod syslog;
mod targets;
mod words;

use std::collections::BTreeSet;
use std::path::Path;

use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::schema::Schema;
use serde_json::{Value, json};

use crate::sidecar::{Sidecar, Start, project};

/// Over the tenancy of the examples, with a log.
fn logging(more: &[&str]) -> Start {
    to_file(Start::quickstart()).with(more)
}

fn to_file(start: Start) -> Start {
    let path = start.path("d.log").display().to_string();
    start.with(&["--decision-log", &format!("file:{path}")])
}

/// With a key that is the same wherever this is called.
fn keyed(start: Start) -> Start {
    let path = start.path("key");
    std::fs::write(&path, [7; 32]).unwrap();
    let path = path.display().to_string();
    start.variable("PEPPOL_AUTHZ_DECISION_LOG__KEY_FILE", &path)
}

fn setting(start: Start, name: &str, value: &str) -> Start {
    start.variable(&format!("PEPPOL_AUTHZ_DECISION_LOG__{name}"), value)
}

fn get_acme() -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": "anna"},
        "action": {"type": "Peppol::Action", "id": "getOrganisation"},
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
        "context": {},
    })
}

/// The lines of a log, each of which has to be whole.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "torn: {text}");
    let line = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(line).collect()
}

/// Stops it, after which its log holds all of them.
fn ended(mut sidecar: Sidecar) -> Vec<Value> {
    sidecar.stop();
    lines(&sidecar.path("d.log"))
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["id"].as_str().unwrap())
        .collect()
}

/// Each decision that was answered is there once, and no other.
#[track_caller]
fn are_exactly(logged: &[&str], answered: &[String]) {
    let set: BTreeSet<&str> = logged.iter().copied().collect();
    assert_eq!(set.len(), logged.len(), "a line is there twice");
    assert_eq!(set, answered.iter().map(String::as_str).collect());
}

fn sample(sidecar: &Sidecar, name: &str) -> u64 {
    let metrics = sidecar.get("/metrics").text;
    let name = format!("peppol_authz_{name} ");
    let line = metrics.lines().find(|line| line.starts_with(&name));
    let line = line.unwrap_or_else(|| panic!("no `{name}`: {metrics}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn to_json(value: &toml::Value) -> Value {
    serde_json::to_value(value).unwrap()
}

/// All that the policy suites ask: each case, and each cell of the matrix.
fn all_questions() -> Vec<Value> {
    let bundle = load(&Sources::shipped()).unwrap();
    let schema = &*bundle.schema;
    let mut all = Vec::new();
    for entry in std::fs::read_dir(project("tests/policies")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let suite = std::fs::read_to_string(path).unwrap();
            questions_of(&toml::from_str(&suite).unwrap(), schema, &mut all);
        }
    }
    assert!(all.len() > 2000, "{}", all.len());
    all
}

fn questions_of(suite: &toml::Value, schema: &Schema, all: &mut Vec<Value>) {
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let usual = |action: &str| {
        suite
            .get("context")
            .and_then(|of| of.get(action))
            .map(to_json)
    };
    for case in suite
        .get("case")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let (principal, resource) = (text(&case["principal"]), text(&case["resource"]));
        let own = case.get("context");
        match case.get("action").map(text) {
            Some(action) => {
                let context = own.map(to_json).or_else(|| usual(&action));
                let mut asked = question(&principal, &action, &resource, context);
                if let Some(entities) = case.get("entities") {
                    asked["entities"] = to_json(entities);
                }
                all.push(asked);
            }
            None => {
                for action in applicable(schema, &principal, &resource) {
                    let own = own.and_then(|own| own.get(&action)).map(to_json);
                    let context = own.or_else(|| usual(&action));
                    all.push(question(&principal, &action, &resource, context));
                }
            }
        }
    }
    let Some(matrix) = suite.get("matrix") else {
        return;
    };
    let named = |name: &str| matrix[name].as_table().unwrap().values().map(text);
    for principal in named("actors") {
        for resource in named("resources") {
            for action in applicable(schema, &principal, &resource) {
                let contexts = matrix["contexts"].get(&action).map(to_json);
                let contexts = contexts.unwrap_or_else(|| json!([{}]));
                for context in contexts.as_array().unwrap() {
                    all.push(question(
                        &principal,
                        &action,
                        &resource,
                        Some(context.clone()),
                    ));
                }
            }
        }
    }
}

fn question(principal: &str, action: &str, resource: &str, context: Option<Value>) -> Value {
    json!({
        "principal": principal,
        "action": {"type": "Peppol::Action", "id": action},
        "resource": resource,
        "context": context.unwrap_or_else(|| json!({})),
    })
}

fn applicable(schema: &Schema, principal: &str, resource: &str) -> Vec<String> {
    let [principal, resource] =
        [principal, resource].map(|text| schema.entity(&text.into()).unwrap());
    let actions = schema.actions().into_iter().filter(|action| {
        action.principals.contains(principal.type_name())
            && action.resources.contains(resource.type_name())
    });
    actions
        .map(|action| AsRef::<str>::as_ref(action.uid.id()).to_owned())
        .collect()
}

/// Asks them all, and returns the ids of those that were decided.
fn ask_all(sidecar: &Sidecar, questions: &[Value]) -> Vec<String> {
    let mut decided = Vec::new();
    for chunk in questions.chunks(500) {
        let reply = sidecar.post("/v1/batch_is_authorized", &json!({"requests": chunk}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        for result in reply.json()["results"].as_array().unwrap() {
            if let Some(id) = result["decisionId"].as_str() {
                decided.push(id.to_owned());
            }
        }
    }
    decided
}

/// Over the tenancy of the policy suites.
fn of_suites() -> Start {
    let documents = project("tests/policies/tenancy.ndjson");
    to_file(Start::new().with(&["--import", documents.to_str().unwrap()]))
}
