//! The same questions in the language of each server.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::common::questions::{Asked, request};

/// The words in which a server is asked, and answers.
pub(crate) trait Language {
    /// A request for one question, or for several of one principal.
    fn request(&self, asked: &[Asked]) -> Vec<u8>;
    /// For each question of a request: is it allowed? An answer that says neither stops the benchmark.
    fn allowed(&self, answer: &Value) -> Vec<bool>;
    fn has_batches(&self) -> bool {
        true
    }
}

fn decision(answer: &Value) -> bool {
    match answer["decision"].as_str() {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => panic!("no decision: {answer}"),
    }
}

/// Ours.
pub(crate) struct Native;

impl Language for Native {
    fn request(&self, asked: &[Asked]) -> Vec<u8> {
        if let [one] = asked {
            return request("/v1/is_authorized", &one.native());
        }
        let requests: Vec<Value> = asked.iter().map(Asked::native).collect();
        request("/v1/batch_is_authorized", &json!({"requests": requests}))
    }

    fn allowed(&self, answer: &Value) -> Vec<bool> {
        match answer["results"].as_array() {
            Some(all) => all.iter().map(decision).collect(),
            None => vec![decision(answer)],
        }
    }
}

/// cedar-agent's, which has no batches.
pub(crate) struct Agent;

impl Language for Agent {
    fn request(&self, asked: &[Asked]) -> Vec<u8> {
        let [one] = asked else {
            panic!("cedar-agent is asked one by one")
        };
        let uid = |ty: &str, id: &str| format!("{ty}::\"{id}\"");
        let body = json!({
            "principal": uid(one.principal.0, &one.principal.1),
            "action": uid("Action", one.action),
            "resource": uid(one.resource.0, &one.resource.1),
            "context": one.context,
        });
        request("/v1/is_authorized", &body)
    }

    fn allowed(&self, answer: &Value) -> Vec<bool> {
        assert_eq!(answer["diagnostics"]["errors"], json!([]));
        vec![decision(answer)]
    }

    fn has_batches(&self) -> bool {
        false
    }
}

/// Cerbos's, whose requests bring the attributes of principal and resources.
pub(crate) struct Cerbos(HashMap<String, Value>);

impl Cerbos {
    /// Takes the attributes from entities in Cedar's JSON: references and parents become ids, of teams and of the folder.
    pub(crate) fn new(entities: &Value) -> Self {
        let id = |uid: &Value| uid["id"].clone();
        let attributes = |entity: &Value| {
            let parents: Vec<Value> = entity["parents"].as_array()?.iter().map(id).collect();
            let mut attributes: Map<String, Value> = entity["attrs"]
                .as_object()?
                .iter()
                .map(|(name, value)| {
                    let referred = value.get("__entity").map(id);
                    (name.clone(), referred.unwrap_or_else(|| value.clone()))
                })
                .collect();
            match entity["uid"]["type"].as_str()? {
                "User" => attributes.insert("teams".to_owned(), parents.into()),
                "Document" => attributes.insert("folder".to_owned(), parents[0].clone()),
                _ => None,
            };
            Some((entity["uid"]["id"].as_str()?.to_owned(), attributes.into()))
        };
        let entities = entities.as_array().unwrap();
        Self(
            entities
                .iter()
                .map(|entity| attributes(entity).unwrap())
                .collect(),
        )
    }
}

impl Language for Cerbos {
    /// The second factor belongs to the session of the principal, and is one of its attributes.
    fn request(&self, asked: &[Asked]) -> Vec<u8> {
        let [first, ..] = asked else {
            panic!("nothing is asked")
        };
        let mut principal = self.0[&first.principal.1].clone();
        principal["mfa"] = first.context["mfa"].clone();
        let resources: Vec<Value> = asked
            .iter()
            .map(|each| {
                assert_eq!(
                    (&each.principal, &each.context),
                    (&first.principal, &first.context)
                );
                let id = &each.resource.1;
                json!({
                    "actions": [each.action],
                    "resource": {"kind": "document", "id": id, "attr": self.0[id]},
                })
            })
            .collect();
        let body = json!({
            "principal": {"id": first.principal.1, "roles": ["user"], "attr": principal},
            "resources": resources,
        });
        request("/api/check/resources", &body)
    }

    fn allowed(&self, answer: &Value) -> Vec<bool> {
        let results = answer["results"].as_array().unwrap();
        let effect = |result: &Value| {
            let actions = result["actions"].as_object().unwrap();
            let effects: Vec<&str> = actions.values().filter_map(Value::as_str).collect();
            match effects[..] {
                ["EFFECT_ALLOW"] => true,
                ["EFFECT_DENY"] => false,
                _ => panic!("no effect: {result}"),
            }
        };
        results.iter().map(effect).collect()
    }
}
