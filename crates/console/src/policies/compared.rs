//! The changes by other policies: of the decisions in the log, and of all requests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};

use crate::entity::{entity, id, seen};
use crate::language::Texts;
use peppol_authz_author::proof::{
    ComparedSets, DifferenceSide, KindDifference, ProofOptions, Prover, diff,
};
use peppol_authz_engine::Decision;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::decision_log::{Pseudonyms, Replay, decide_by_both, lines};
use peppol_authz_server::http::App;

/// Changed decisions that are shown.
const SHOWN: usize = 20;

/// How long the solver may think about one question.
const SOLVER: Duration = Duration::from_secs(5);

/// The changes by a draft.
pub(super) struct Compared {
    same: usize,
    undecided: usize,
    changed: usize,
    changes: Vec<LoggedChange>,
    /// By all kinds of requests; why not, where there is no solver.
    proved: Result<Vec<KindDifference>, String>,
}

/// A decision of the log that would be another one.
struct LoggedChange {
    principal: cedar_policy::EntityUid,
    action: cedar_policy::EntityUid,
    resource: cedar_policy::EntityUid,
    old: Decision,
    new: Decision,
}

/// Compares the policies in force with others.
pub(super) async fn compare(
    app: &App,
    new: Arc<Bundle>,
    logged: &[String],
    key_file: Option<PathBuf>,
) -> Result<Compared, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let old = Arc::clone(&app.engine.state().bundle);
    let key = key_file.map(|path| Pseudonyms::by_file(&path)).transpose();
    let key = key.map_err(|error| said(&error))?;
    let mut found = Compared {
        same: 0,
        undecided: 0,
        changed: 0,
        changes: Vec::new(),
        proved: Ok(Vec::new()),
    };
    if !logged.is_empty() {
        let (mut before, mut after) = (
            replay(app, &old, key.as_ref()).await?,
            replay(app, &new, key.as_ref()).await?,
        );
        for line in logged
            .iter()
            .filter_map(|text| lines(text.as_bytes()).next()?.ok())
        {
            let both = decide_by_both(&mut before, &mut after, &line).await;
            let differ = both.differ();
            match (differ, both.old, both.new) {
                (Some(differ), _, _) if differ.is_empty() => found.same += 1,
                (Some(_), Ok(old), Ok(new)) => {
                    found.changed += 1;
                    if found.changes.len() < SHOWN {
                        found.changes.push(LoggedChange {
                            principal: new.question.principal.clone(),
                            action: new.question.action.clone(),
                            resource: new.question.resource.clone(),
                            old: old.decision,
                            new: new.decision,
                        });
                    }
                }
                _ => found.undecided += 1,
            }
            tokio::task::yield_now().await;
        }
    }
    let sets = ComparedSets {
        old: Arc::clone(&old),
        old_under_new: old,
        new,
    };
    found.proved = match Prover::start(ProofOptions { timeout: SOLVER }) {
        Ok(mut prover) => diff(&mut prover, &sets)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    Ok(found)
}

async fn replay(
    app: &App,
    bundle: &Arc<Bundle>,
    key: Option<&Pseudonyms>,
) -> Result<Replay, String> {
    let replay = Replay::new(Arc::clone(bundle)).map_err(|error| error.to_string())?;
    let over = replay.over(app.engine.store(), key).await;
    over.map_err(|error| error.to_string())
}

impl Compared {
    pub(super) fn shown(&self, texts: &Texts) -> Markup {
        html! {
            section.card {
                h2 { (texts.draft_log) }
                dl.facts {
                    div { dt { (texts.draft_same) } dd { (self.same) } }
                    div { dt { (texts.draft_changed) } dd { (self.changed) } }
                    div { dt { (texts.draft_undecided) } dd { (self.undecided) } }
                }
                @if !self.changes.is_empty() {
                    div.scroll tabindex="0" { table {
                        thead { tr {
                            @for title in [texts.of_question, texts.revision_policies, texts.draft] { th scope="col" { (title) } }
                        } }
                        tbody { @for change in &self.changes { tr {
                            td { (entity(&change.principal)) " " code { (seen(id(&change.action))) } " " (entity(&change.resource)) }
                            td { (decided(&change.old)) }
                            td { (decided(&change.new)) }
                        } } }
                    } }
                }
            }
            section.card {
                h2 { (texts.draft_proved) }
                @match &self.proved {
                    Err(why) => p { bdi { (seen(why)) } },
                    Ok(differences) => (proved(differences, texts)),
                }
            }
        }
    }
}

fn decided(decision: &Decision) -> Markup {
    let codes = decision
        .reasons
        .iter()
        .filter_map(|reason| reason.code.as_deref());
    html! { strong { (decision.verdict.name()) } " " @for code in codes { code.badge { (seen(code)) } " " } }
}

fn proved(differences: &[KindDifference], texts: &Texts) -> Markup {
    let same = differences.iter().filter(|it| it.name() == "same").count();
    html! {
        p.hint { (same) " / " (differences.len()) " " (texts.draft_kinds_same) }
        @for difference in differences.iter().filter(|it| it.name() != "same") {
            @for (title, side) in [(texts.draft_more, &difference.more), (texts.draft_less, &difference.less)] {
                @match side {
                    DifferenceSide::Nothing => {},
                    DifferenceSide::NotProved(why) => p { strong { (title) "? " } code { (seen(&difference.kind.to_string())) } " " bdi { (seen(why)) } },
                    DifferenceSide::Found(found) => details.policy-card {
                        summary { strong { (title) } " " code { (seen(&difference.kind.to_string())) } }
                        pre tabindex="0" { code { (seen(&found.new.to_string())) } }
                    },
                }
            }
        }
    }
}
