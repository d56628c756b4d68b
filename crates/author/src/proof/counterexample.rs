//! Counterexamples: a question and entities for which a statement does not hold.

use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use super::scenario::Scenario;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_engine::{Decision, Engine, EngineOptions, Verdict};

/// A question, the entities that a store would hold, and the engine's decision.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// As `POST /v1/is_authorized` takes it.
    pub question: Json,
    /// As an `entities:` file holds them.
    pub entities: Json,
    /// The engine's decision; `Err` where it makes none.
    pub decision: Result<Decision, String>,
}

impl Counterexample {
    /// Has the engine decide it.
    pub(super) async fn decided(scenario: &Scenario, bundle: &Arc<Bundle>) -> Self {
        let question = scenario.to_question();
        let entities = Json::Array(scenario.entities.clone());
        let decision = decide(&question, &entities, bundle).await;
        Self {
            question,
            entities,
            decision,
        }
    }

    /// Has the engine decide what the solver found; `None` is a finding that is not whole.
    pub(super) async fn of_finding(found: Option<Scenario>, bundle: &Arc<Bundle>) -> Self {
        match found {
            Some(scenario) => Self::decided(&scenario, bundle).await,
            None => Self {
                question: Json::Null,
                entities: Json::Null,
                decision: Err("the finding of the solver is not whole".to_owned()),
            },
        }
    }

    /// `Allow` or `Deny`; `None` where the engine makes no decision.
    #[must_use]
    pub fn verdict_name(&self) -> Option<&'static str> {
        let decision = self.decision.as_ref().ok();
        decision.map(|decision| decision.verdict.name())
    }

    /// True if the engine allows it.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        let verdict = self.decision.as_ref().map(|decision| decision.verdict);
        verdict == Ok(Verdict::Allow)
    }

    /// True if the engine denies it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let verdict = self.decision.as_ref().map(|decision| decision.verdict);
        verdict == Ok(Verdict::Deny)
    }

    /// The engine's decision, in one line.
    #[must_use]
    pub fn decided_text(&self) -> String {
        match &self.decision {
            Ok(decision) => {
                let by = decision.reasons.iter().map(|reason| {
                    let parts = [&reason.code, &reason.policy];
                    let parts = parts.into_iter().filter_map(|part| part.as_deref());
                    parts.collect::<Vec<_>>().join(" ")
                });
                let by: Vec<String> = by.collect();
                format!("{}: {}", decision.verdict.name(), by.join(", "))
            }
            Err(error) => format!("by nobody: {error}"),
        }
    }

    /// The codes of the denial, none of an Allow.
    #[must_use]
    pub fn codes(&self) -> Vec<&str> {
        let reasons = self.decision.iter().flat_map(|decision| &decision.reasons);
        reasons
            .filter_map(|reason| reason.code.as_deref())
            .collect()
    }
}

/// A question over these entities alone, by the real engine.
async fn decide(
    question: &Json,
    entities: &Json,
    bundle: &Arc<Bundle>,
) -> Result<Decision, String> {
    let text = entities.to_string();
    let store = EntitiesFile::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let store = store.leaving_out_links();
    let options = EngineOptions {
        cache_bytes: 0,
        decision_bytes: 0,
        freshness: Freshness::EACH,
    };
    let engine = Engine::new(Arc::new(store), Arc::clone(bundle), options)
        .map_err(|error| error.to_string())?;
    let session = engine.session();
    let (question, options) = session
        .question(question, 0)
        .map_err(|malformed| malformed.to_string())?;
    let decision = session.decide(&question, &options.demand).await;
    decision.map_err(|failure| failure.to_string())
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for member in ["principal", "action", "resource", "context"] {
            let value = self.question.get(member).unwrap_or(&Json::Null);
            if member != "context" {
                writeln!(f, "    {member:<9}  {}", uid_text(value))?;
            } else if value.as_object().is_some_and(|context| !context.is_empty()) {
                writeln!(f, "    {member:<9}  {}", CedarValue(value))?;
            }
        }
        for entity in self.entities.as_array().into_iter().flatten() {
            let uid = entity.get("uid").unwrap_or(&Json::Null);
            writeln!(f, "    where {}", uid_text(uid))?;
            let members = |name| entity.get(name).and_then(Json::as_object);
            for (name, value) in members("attrs").into_iter().flatten() {
                writeln!(f, "      {} = {}", name_text(name), CedarValue(value))?;
            }
            for (key, value) in members("tags").into_iter().flatten() {
                writeln!(f, "      tag {key:?} = {}", CedarValue(value))?;
            }
            let parents = entity.get("parents").and_then(Json::as_array);
            for parent in parents.into_iter().flatten() {
                writeln!(f, "      in {}", uid_text(parent))?;
            }
        }
        write!(f, "    decided    {}", self.decided_text())
    }
}

/// `Type::"id"` of `{"type", "id"}`
fn uid_text(uid: &Json) -> String {
    let part = |name| uid.get(name).and_then(Json::as_str).unwrap_or_default();
    format!("{}::{:?}", part("type"), part("id"))
}

/// An attribute's name, quoted where it is no identifier.
fn name_text(name: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// A value of Cedar's JSON, in Cedar's own syntax.
struct CedarValue<'a>(&'a Json);

impl fmt::Display for CedarValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: Vec<String>, ends: [char; 2]| {
            write!(f, "{}{}{}", ends[0], parts.join(", "), ends[1])
        };
        match self.0 {
            Json::Object(members) => {
                let entity = members.get("__entity").map(uid_text);
                if let Some(entity) = entity {
                    return f.write_str(&entity);
                }
                if let Some(call) = members.get("__extn") {
                    let name = call.get("fn").and_then(Json::as_str).unwrap_or_default();
                    let one = call.get("arg").into_iter();
                    let several = call.get("args").and_then(Json::as_array);
                    let arguments = one.chain(several.into_iter().flatten());
                    let arguments: Vec<String> =
                        arguments.map(|a| CedarValue(a).to_string()).collect();
                    return write!(f, "{name}({})", arguments.join(", "));
                }
                let members = members.iter();
                let parts = members
                    .map(|(name, value)| format!("{}: {}", name_text(name), CedarValue(value)));
                list(f, parts.collect(), ['{', '}'])
            }
            Json::Array(elements) => {
                let parts = elements.iter().map(|e| CedarValue(e).to_string()).collect();
                list(f, parts, ['[', ']'])
            }
            other => write!(f, "{other}"),
        }
    }
}
