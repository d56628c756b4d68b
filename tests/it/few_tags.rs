//! All tags of an entity in memory together, where they are few: a question about another one needs no read, and
//! no answer is from before a change.

mod looked_through;
mod slice;
mod unusable;
mod written;

use serde_json::{Value, json};

use crate::samples::Samples;
use crate::sidecar::Sidecar;

/// The most tags that are read together.
const FEW: usize = 64;

/// Entities that had to be read.
fn misses(sidecar: &Sidecar) -> f64 {
    Samples::of(sidecar).value("cache_misses_total", &[])
}

/// An answer about the newest state, without what is its own.
fn answers(sidecar: &Sidecar, questions: &[Value]) -> Vec<Value> {
    let batch = json!({"requests": questions, "maxAge": "0s"});
    let reply = sidecar.post("/v1/batch_is_authorized", &batch);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let json = reply.json();
    let results = json["results"].as_array().unwrap().clone();
    let own_less = results.into_iter().map(|mut answer| {
        answer["decisionId"] = Value::Null;
        answer["tenancyRevision"] = Value::Null;
        answer
    });
    own_less.collect()
}

fn question(user: &str, action: &str, resource: (&str, &str), context: Value) -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": user},
        "action": {"type": "Peppol::Action", "id": action},
        "resource": {"type": format!("Peppol::{}", resource.0), "id": resource.1},
        "context": context,
    })
}
