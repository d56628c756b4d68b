//! The golden matrix: every actor, every action, every resource, in a file that
//! shows in a review what a change of the policies changes.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::ask::ask;
use super::error::SuiteError;
use super::expect::NoDecision;
use super::model::{Matrix, table_to_json};
use super::question::{action_json, applicable, needed};
use peppol_authz_engine::file::read_text;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Decision, Engine, Verdict};

/// Actors, actions with their contexts, and resources: the product of their numbers. To ask so many questions
/// takes a minute.
const MOST: usize = 500_000;

/// The first line of the file.
const HEAD: &str = "# action\tresource\tcontext\tactor\tdecision\n";

/// The result of a matrix.
#[derive(Debug)]
pub struct MatrixOutcome {
    /// The file.
    pub golden: PathBuf,
    /// The number of its questions.
    pub questions: usize,
    /// Lines that differ: `-` as kept, `+` as decided. With `update` those that were kept before.
    pub differences: Vec<String>,
}

/// A question of a matrix.
pub(super) struct MatrixQuestion {
    pub(super) question: Json,
    /// The part of its line before the decision.
    label: String,
}

impl MatrixQuestion {
    /// Its line in the file.
    ///
    /// # Errors
    /// No decision: a matrix has only questions that fit the schema.
    pub(super) fn line(&self, answer: &Result<Decision, NoDecision>) -> Result<String, String> {
        let decided = match answer {
            Ok(decision) if decision.verdict == Verdict::Allow => {
                let obligations: Vec<_> = decision.obligations.iter().map(|o| &**o).collect();
                format!("Allow {}", obligations.join(","))
            }
            Ok(decision) => {
                let mut codes: Vec<_> = decision
                    .reasons
                    .iter()
                    .filter_map(|reason| reason.code.as_deref())
                    .collect();
                codes.sort_unstable();
                codes.dedup();
                format!("Deny {}", codes.join(","))
            }
            Err(none) => return Err(format!("{}: {}", self.label, none.problem)),
        };
        Ok(format!("{}\t{}", self.label, decided.trim_end()))
    }
}

/// The questions of a matrix, in the order of its file.
pub(super) fn entries(bundle: &Bundle, matrix: &Matrix) -> Result<Vec<MatrixQuestion>, String> {
    let mut entries = Vec::new();
    let none = vec![toml::Table::new()];
    let contexts = bundle.schema.actions().into_iter().map(|action| {
        let action: &str = action.uid.id().as_ref();
        matrix.contexts.get(action).map_or(1, Vec::len)
    });
    let (actors, resources) = (matrix.actors.len(), matrix.resources.len());
    let pairs = actors.saturating_mul(resources);
    let contexts = contexts.fold(0, usize::saturating_add);
    if pairs.saturating_mul(contexts) > MOST {
        return Err(format!(
            "{actors} actors, {resources} resources, and the actions with their contexts, {contexts}, are more \
             than {MOST} questions"
        ));
    }
    for action in bundle.schema.actions() {
        let action: &str = action.uid.id().as_ref();
        let has_context = matrix.contexts.contains_key(action);
        let missing = needed(bundle, action).filter(|_| !has_context);
        for (resource_name, resource) in &matrix.resources {
            for context in matrix.contexts.get(action).unwrap_or(&none) {
                for (actor_name, actor) in &matrix.actors {
                    let asked = applicable(bundle, actor, resource)?;
                    if !asked.iter().any(|applicable| applicable == action) {
                        continue;
                    }
                    if let Some(missing) = &missing {
                        return Err(format!(
                            "`{action}` has a context, and the matrix none for it: a line \
                             `{action} = [{missing}]` is missing in `[matrix.contexts]`"
                        ));
                    }
                    let context = table_to_json(context);
                    let shown = match &context {
                        context if *context == json!({}) => String::new(),
                        context => context.to_string(),
                    };
                    entries.push(MatrixQuestion {
                        question: json!({
                            "principal": actor,
                            "action": action_json(bundle, action),
                            "resource": resource,
                            "context": context,
                        }),
                        label: format!("{action}\t{resource_name}\t{shown}\t{actor_name}"),
                    });
                }
            }
        }
    }
    if entries.is_empty() {
        return Err("no action can be asked of its actors and resources".to_owned());
    }
    Ok(entries)
}

pub(super) async fn run_matrix(
    engine: &Engine,
    bundle: &Arc<Bundle>,
    matrix: &Matrix,
    (suite, golden): (&Path, &Path),
    update: bool,
) -> Result<MatrixOutcome, SuiteError> {
    let failed = |problem: String| SuiteError::new(golden, problem);
    let mut text = HEAD.to_owned();
    let entries = entries(bundle, matrix);
    let entries = entries.map_err(|problem| SuiteError::new(suite, problem))?;
    for entry in &entries {
        let answer = ask(engine, &entry.question).await;
        text.push_str(&entry.line(&answer).map_err(failed)?);
        text.push('\n');
    }
    let differences = match read_text(golden) {
        Ok(kept) => differences(&kept.replace("\r\n", "\n"), &text),
        // Whatever lies there is written over.
        Err(error) if update || error.kind() == ErrorKind::NotFound => differences(HEAD, &text),
        Err(error) => return Err(SuiteError::new(golden, error)),
    };
    if update {
        std::fs::write(golden, &text).map_err(|error| SuiteError::new(golden, error))?;
    }
    Ok(MatrixOutcome {
        golden: golden.to_owned(),
        questions: entries.len(),
        differences,
    })
}

/// Lines that only one of two texts has, in order; and where the same lines
/// stand in another order, that.
fn differences(kept: &str, decided: &str) -> Vec<String> {
    if kept == decided {
        return Vec::new();
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (before, after) = (lines(kept), lines(decided));
    let gone = before.difference(&after).map(|line| format!("- {line}"));
    let new = after.difference(&before).map(|line| format!("+ {line}"));
    let mut differences: Vec<_> = gone.chain(new).collect();
    differences.sort_by(|a, b| a.get(2..).cmp(&b.get(2..)));
    if differences.is_empty() {
        differences.push("the same lines in another order, or one of them twice".to_owned());
    }
    differences
}
