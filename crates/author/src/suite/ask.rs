//! A suite's question through the engine, as one on the wire goes.

use serde_json::Value as Json;

use super::expect::NoDecision;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{Decision, Engine, Question, Session};

/// Reads a question by the schema and decides it.
pub(crate) async fn ask(engine: &Engine, question: &Json) -> Result<Decision, NoDecision> {
    let session = engine.session();
    let (question, options) = session
        .question(question, usize::MAX)
        .map_err(|malformed| NoDecision {
            code: Some(malformed.code),
            problem: malformed.to_string(),
        })?;
    decide(&session, &question, &options.demand).await
}

/// Decides a question that has been read.
pub(super) async fn decide(
    session: &Session,
    question: &Question,
    demand: &Demand,
) -> Result<Decision, NoDecision> {
    session
        .decide(question, demand)
        .await
        .map_err(|failure| NoDecision {
            code: None,
            problem: failure.to_string(),
        })
}
