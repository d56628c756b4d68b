//! The golden matrix: every actor, every action, every resource, in a file that
//! shows in a review what a change of the policies changes.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::model::{Matrix, SuiteError, table_to_json};
use super::run::{action_json, applicable, ask};
use crate::engine::{Engine, Verdict};
use crate::policy::Bundle;

/// What came of a matrix.
#[derive(Debug)]
pub struct MatrixOutcome {
    /// The file.
    pub golden: PathBuf,
    /// How many questions it has.
    pub questions: usize,
    /// Lines that differ: `-` as kept, `+` as decided.
    pub differences: Vec<String>,
}

pub(super) async fn run_matrix(
    engine: &Engine,
    bundle: &Arc<Bundle>,
    matrix: &Matrix,
    golden: &Path,
    update: bool,
) -> Result<MatrixOutcome, SuiteError> {
    let mut text = String::from("# action\tresource\tcontext\tactor\tdecision\n");
    let mut questions = 0;
    let none = vec![toml::Table::new()];
    for action in bundle.schema.actions() {
        let action: &str = action.uid.id().as_ref();
        for (resource_name, resource) in &matrix.resources {
            for context in matrix.contexts.get(action).unwrap_or(&none) {
                for (actor_name, actor) in &matrix.actors {
                    let asked = applicable(bundle, actor, resource)
                        .map_err(|e| SuiteError::new(golden, e))?;
                    if !asked.iter().any(|applicable| applicable == action) {
                        continue;
                    }
                    let context = table_to_json(context);
                    let question = json!({
                        "principal": actor,
                        "action": action_json(bundle, action),
                        "resource": resource,
                        "context": context,
                    });
                    let decided = match ask(engine, &question).await {
                        Ok(decision) if decision.verdict == Verdict::Allow => {
                            let obligations: Vec<_> =
                                decision.obligations.iter().map(|o| &**o).collect();
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
                        Err(none) => {
                            let text = format!("{action} on {resource_name}: {}", none.problem);
                            return Err(SuiteError::new(golden, text));
                        }
                    };
                    questions += 1;
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        text,
                        "{action}\t{resource_name}\t{}\t{actor_name}\t{}",
                        if context == json!({}) {
                            String::new()
                        } else {
                            context.to_string()
                        },
                        decided.trim_end()
                    );
                }
            }
        }
    }
    let kept = if update {
        std::fs::write(golden, &text).map_err(|error| SuiteError::new(golden, error))?;
        text.clone()
    } else {
        std::fs::read_to_string(golden).unwrap_or_default()
    };
    let differences = differences(&kept, &text);
    Ok(MatrixOutcome {
        golden: golden.to_owned(),
        questions,
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
