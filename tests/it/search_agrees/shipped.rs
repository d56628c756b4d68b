//! The shipped policies over random tenancies: what the program finds is what the rules
//! allow by their independent formulation, and what it allows in a batch.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{seed, worlds};
use crate::postgres::server::SHARED;
use crate::rules::oracle::answer;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;
use crate::rules::vocabulary::{ACTIONS, Action};
use crate::sidecar::{Sidecar, Start};

struct SearchScene<'a> {
    tenancy: &'a Tenancy,
    sidecar: &'a Sidecar,
    found: usize,
}

impl SearchScene<'_> {
    /// All pages of a search, which are of some random length.
    fn found(&self, rng: &mut Rng, wanted: &Value) -> Vec<String> {
        let limit = rng.pick([1, 2, 5, 100]);
        let mut ids = Vec::new();
        let mut wanted = wanted.clone();
        wanted["limit"] = json!(limit);
        loop {
            let reply = self.sidecar.post("/v1/search", &wanted);
            assert_eq!(reply.status, 200, "{wanted}: {}", reply.text);
            let reply = reply.json();
            let page = reply["results"].as_array().unwrap();
            assert!(page.len() <= limit, "{wanted}: {reply}");
            ids.extend(page.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            match reply.get("nextToken") {
                Some(token) => {
                    assert_eq!(page.len(), limit, "{wanted}: {reply}");
                    wanted["token"] = token.clone();
                }
                None => break,
            }
        }
        assert!(ids.is_sorted_by(|a, b| a < b), "{wanted}: {ids:?}");
        ids
    }

    /// The answers to these questions in a batch.
    fn allowed(&self, requests: &[Value]) -> Vec<bool> {
        let reply = self
            .sidecar
            .post("/v1/batch_is_authorized", &json!({"requests": requests}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        let results = reply.json();
        let results = results["results"].as_array().unwrap();
        results.iter().map(|it| it["decision"] == "Allow").collect()
    }

    fn compare(
        &mut self,
        rng: &mut Rng,
        wanted: &Value,
        questions: &[(String, Question)],
        member: &str,
    ) {
        let requests: Vec<Value> = questions
            .iter()
            .map(|(id, question)| {
                let kind = &wanted[member]["type"];
                let mut request = wanted.clone();
                request["context"] = context(question);
                request[member] = json!({"type": kind, "id": id});
                request
            })
            .collect();
        let of_rules: BTreeSet<&str> = questions
            .iter()
            .filter(|(_, question)| answer(self.tenancy, question).allow)
            .map(|(id, _)| id.as_str())
            .collect();
        let one_by_one: BTreeSet<&str> = questions
            .iter()
            .zip(self.allowed(&requests))
            .filter(|(_, allowed)| *allowed)
            .map(|((id, _), _)| id.as_str())
            .collect();
        let found = self.found(rng, wanted);
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, of_rules, "{wanted}");
        assert_eq!(found, one_by_one, "{wanted}");
        self.found += found.len();
    }

    fn search(&mut self, rng: &mut Rng, action: &Action) {
        let question = Question::of_action(rng, self.tenancy, action);
        let (kind, id) = &question.principal;
        let principal = json!({"type": format!("Peppol::{kind}"), "id": id});
        let resource =
            json!({"type": format!("Peppol::{}", action.resource), "id": question.resource.1});
        let asked = json!({
            "principal": principal,
            "action": {"type": "Peppol::Action", "id": action.name},
            "resource": resource,
            "context": context(&question),
        });
        let about = |change: &dyn Fn(&mut Question, &str), ids: Vec<&str>| -> Vec<_> {
            let ids = ids.into_iter().map(|id| {
                let mut question = question.clone();
                change(&mut question, id);
                (id.to_owned(), question)
            });
            ids.collect()
        };
        // On what.
        let mut wanted = asked.clone();
        wanted["resource"] = json!({"type": resource["type"]});
        let ids = self.tenancy.ids(action.resource);
        let questions = about(&|question, id| question.resource.1 = id.to_owned(), ids);
        self.compare(rng, &wanted, &questions, "resource");
        // Principals.
        let kinds: &[&'static str] = match action.sub_account {
            true => &["User", "SubAccount"],
            false => &["User"],
        };
        for kind in kinds {
            let mut wanted = asked.clone();
            wanted["principal"] = json!({"type": format!("Peppol::{kind}")});
            let change = |question: &mut Question, id: &str| {
                question.principal = (kind, id.to_owned());
            };
            let questions = about(&change, self.tenancy.ids(kind));
            self.compare(rng, &wanted, &questions, "principal");
        }
        self.search_actions(rng, &asked, &question);
    }

    /// Searches the actions that are allowed to the asker on the resource, with that context.
    fn search_actions(&mut self, rng: &mut Rng, asked: &Value, question: &Question) {
        let mut wanted = asked.clone();
        wanted.as_object_mut().unwrap().remove("action");
        let of_rules: BTreeSet<&str> = ACTIONS
            .iter()
            .filter(|action| {
                let takes = |name: &str| action.context.iter().any(|it| it.name == name);
                let given = |name: &str| question.context.contains_key(name);
                let asked = Question {
                    action: action.name,
                    context: question
                        .context
                        .iter()
                        .filter(|(name, _)| takes(name))
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                    ..question.clone()
                };
                action.resource == question.resource.0
                    && (question.principal.0 == "User" || action.sub_account)
                    && action
                        .context
                        .iter()
                        .all(|it| it.optional || given(it.name))
                    && answer(self.tenancy, &asked).allow
            })
            .map(|action| action.name)
            .collect();
        let found = self.found(rng, &wanted);
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, of_rules, "{wanted}");
        self.found += found.len();
    }
}

/// The context, with entities as bare ids.
fn context(question: &Question) -> Value {
    Value::Object(Map::clone(&question.context))
}

fn hold(usual: u64, over: impl Fn(Start) -> Start) {
    let mut found = 0;
    for number in worlds(usual) {
        let mut rng = Rng::new(seed() * 1_000_003 + number);
        let tenancy = Tenancy::random(&mut rng, 4);
        let cache = if number % 2 == 0 { "true" } else { "false" };
        let sidecar = over(Start::new())
            .documents(&tenancy.documents())
            .variable("PEPPOL_AUTHZ_CACHE__ENABLED", cache)
            .start();
        let mut scene = SearchScene {
            tenancy: &tenancy,
            sidecar: &sidecar,
            found: 0,
        };
        for action in &ACTIONS {
            scene.search(&mut rng, action);
        }
        found += scene.found;
    }
    assert!(found > 100, "{found}");
}

#[test]
fn searches_of_random_tenancies_find_what_the_rules_allow() {
    hold(4, |start| start);
}

#[test]
fn searches_of_random_tenancies_on_postgres_find_what_the_rules_allow() {
    hold(2, |start| {
        start.with(&["--tenancy", &SHARED.database().url()])
    });
}
