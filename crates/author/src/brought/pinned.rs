//! A suite that pins what a set decides today.

use std::collections::BTreeSet;
use std::sync::Arc;

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::ActionType;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{EntitiesFile, StoreError};
use peppol_authz_engine::{Decision, Engine, EngineOptions, Verdict};
use serde_json::{Value as Json, json};

use super::candidates::Candidates;
use super::entity_json::named;
use super::set::BroughtSet;
use super::values::{Fill, record};
use crate::suite::{NoDecision, ask};

/// The most questions that are tried.
const TRIED: usize = 20_000;

/// The most questions that are kept beside those that lie beside the set.
const KEPT: usize = 300;

const HEAD: &str = "\
# The decisions that this set made when the project was made of it: of each action some, and of those that differ in
# nothing that decided them, one. A change that is meant is a change of a case.
";

/// A suite over a sample of entities: the questions that lie beside the set, and some of each action. Notes what could
/// not be pinned.
///
/// # Errors
/// Entities that do not fit the schema.
pub async fn pinned_suite(
    set: &BroughtSet,
    bundle: &Arc<Bundle>,
    entities: &[Json],
    fixture: &str,
    notes: &mut Vec<String>,
) -> Result<String, StoreError> {
    let text = Json::from(entities.to_vec()).to_string();
    let store = EntitiesFile::parse(text.as_bytes())?;
    let options = EngineOptions {
        cache_bytes: 64 << 20,
        decision_bytes: 0,
        freshness: Freshness::EACH,
    };
    let engine = Engine::new(Arc::new(store), Arc::clone(bundle), options)?;
    let mut suite = format!("{HEAD}\nfixture = {}\n", Json::from(fixture));
    let mut count = 0;
    for asked in &set.questions {
        match pinned(&engine, bundle, &asked.name, &asked.question).await {
            Ok((case, _)) => {
                suite += &case;
                count += 1;
            }
            Err(problem) => notes.push(format!("`{}` is not pinned: {problem}", asked.name)),
        }
    }
    let mut seen = BTreeSet::new();
    for asked in questions(bundle, entities) {
        let answer = pinned(&engine, bundle, &asked.name, &asked.question).await;
        let Ok((case, signature)) = answer else {
            continue;
        };
        if seen.len() < KEPT && seen.insert((asked.action, signature)) {
            suite += &case;
            count += 1;
        }
    }
    match count {
        0 => Err(StoreError::Unavailable(
            "no action of the schema can be asked: there is nothing to pin".to_owned(),
        )),
        _ => Ok(suite),
    }
}

struct NamedQuestion {
    name: String,
    action: String,
    question: Json,
}

/// Some questions of each action.
fn questions(bundle: &Bundle, entities: &[Json]) -> Vec<NamedQuestion> {
    let candidates = Candidates::among(entities);
    let actions = bundle.schema.actions();
    let of_each = TRIED / actions.len().max(1);
    let mut all = Vec::new();
    for action in actions {
        let before = all.len();
        let contexts = contexts(action, &candidates, bundle);
        let mut pairs = Vec::new();
        for principal in &action.principals {
            for resource in &action.resources {
                let principals = candidates.of(principal);
                for resource in candidates.of(resource) {
                    let each = principals.iter();
                    pairs.extend(each.map(|principal| (principal.clone(), resource.clone())));
                }
            }
        }
        let id: &str = action.uid.id().as_ref();
        for (principal, resource) in pairs {
            for (number, context) in contexts.iter().enumerate() {
                if all.len() - before >= of_each {
                    break;
                }
                let form = match (contexts.len(), number) {
                    (1, _) => "",
                    (_, 0) => ", with the least context",
                    _ => ", with all of a context",
                };
                all.push(NamedQuestion {
                    name: format!(
                        "{id}: {}::{:?} on {}::{:?}{form}",
                        principal.0, principal.1, resource.0, resource.1
                    ),
                    action: action.uid.to_string(),
                    question: json!({
                        "principal": named(&principal),
                        "action": action.uid.to_string(),
                        "resource": named(&resource),
                        "context": context,
                    }),
                });
            }
        }
    }
    all
}

/// A context with as little as can be, and one with all.
fn contexts(action: &ActionType, candidates: &Candidates, bundle: &Bundle) -> Vec<Json> {
    let one = |name: &_| candidates.one(name, bundle);
    let mut all = vec![record(&action.context, Fill::Least, &one)];
    let most = record(&action.context, Fill::Most, &one);
    if !all.contains(&most) {
        all.push(most);
    }
    all
}

/// A case that says what is decided today, and all that tells this decision from others.
async fn pinned(
    engine: &Engine,
    bundle: &Bundle,
    name: &str,
    question: &Json,
) -> Result<(String, String), String> {
    let (expected, signature) = match ask(engine, question).await {
        Ok(decision) => (expected(&decision), signature(&decision)),
        Err(NoDecision {
            code: Some(code), ..
        }) => (format!("malformed = \"{code}\"\n"), code.to_owned()),
        Err(NoDecision { problem, .. }) => return Err(problem),
    };
    let uid = |member: &str| match question.get(member) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(json) => {
            let uid = bundle.schema.entity(json);
            let uid = uid.map_err(|misfit| misfit.within(member).to_string())?;
            Ok(uid.to_string())
        }
        None => Err(format!("`{member}` is missing")),
    };
    let mut case = format!("\n[[case]]\nname = {}\n", quoted(name));
    for member in ["principal", "action", "resource"] {
        case += &format!("{member} = {}\n", quoted(&uid(member)?));
    }
    let context = question.get("context").filter(|it| **it != json!({}));
    if let Some(context) = context {
        let context = toml::Value::try_from(context).map_err(|error| error.to_string())?;
        case += &format!("context = {context}\n");
    }
    Ok((case + &expected, signature))
}

fn expected(decision: &Decision) -> String {
    if decision.verdict == Verdict::Allow {
        return "allow = true\n".to_owned();
    }
    let codes = decision.reasons.iter().filter_map(|it| it.code.as_deref());
    let codes: BTreeSet<&str> = codes.collect();
    let codes: Vec<String> = codes.into_iter().map(quoted).collect();
    format!("deny = [{}]\n", codes.join(", "))
}

/// The verdict and all that it rests on.
fn signature(decision: &Decision) -> String {
    let verdict = decision.verdict.name();
    let failed = decision.errors.len();
    let codes = decision.reasons.iter().map(|it| &it.code);
    let codes: Vec<_> = codes.collect();
    format!("{verdict} {:?} {codes:?} {failed}", decision.determining)
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
