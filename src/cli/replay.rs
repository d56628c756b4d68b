//! `replay`: decides the decisions of a log again.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::args::ReplayArgs;
use super::asking::prepare;
use super::exit::{Ended, Exit};
use super::logged::{DecisionChange, DecisionText, LineDecider, LineOutcome, LogTally, Recorded};
use super::output::{AnyError, failed, say};
use super::worker::in_worker;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::decision_log::{Again, Line, Replay};

/// The result of a replay, as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplayReport<'a> {
    policy_revision: &'a str,
    #[serde(flatten)]
    tally: &'a LogTally<ReplayedChange>,
}

/// A decision that differs from the one in the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayedChange {
    recorded: DecisionText,
    again: DecisionText,
    /// The members of the answer that differ.
    differs: Vec<&'static str>,
    /// The revisions that differ: nothing else could change a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_revision: Option<RevisionChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenancy_revision: Option<RevisionChange>,
}

#[derive(Debug, Serialize)]
pub(super) struct RevisionChange {
    recorded: String,
    again: String,
}

pub(super) fn run(args: &ReplayArgs) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let recorded = Recorded::named(&config, args.key_file.as_deref(), &args.source)?;
    let (logs, policies) = (args.logs.clone(), Arc::clone(&bundle));
    let tally = in_worker(async move { replay(policies, &recorded, &logs).await });
    let tally = tally.map_err(failed)?;
    if args.json {
        let report = ReplayReport {
            policy_revision: &bundle.revision,
            tally: &tally,
        };
        // Strings and numbers always have a JSON form.
        say(serde_json::to_string(&report).unwrap_or_default());
    } else {
        tally.say("", "not decided again");
    }
    Ok(if tally.changes().next().is_some() {
        Exit::TestFailed
    } else if tally.is_settled() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

async fn replay(
    bundle: Arc<Bundle>,
    recorded: &Recorded,
    logs: &[PathBuf],
) -> Result<LogTally<ReplayedChange>, AnyError> {
    LogTally::of(logs, &mut recorded.replay(bundle).await?).await
}

impl LineDecider for Replay {
    type Change = ReplayedChange;

    async fn decide(&mut self, line: &Line) -> LineOutcome<ReplayedChange> {
        let again = match Replay::decide(self, line).await {
            Ok(again) => again,
            Err(undecided) => return LineOutcome::not_decided(&undecided, ""),
        };
        match again.differs_from(line) {
            differs if differs.is_empty() => LineOutcome::Same,
            differs => {
                let change = ReplayedChange::new(line, &again, differs);
                LineOutcome::Changed(Box::new(again.question), change)
            }
        }
    }
}

// === impl ReplayedChange ===

impl ReplayedChange {
    fn new(line: &Line, again: &Again, differs: Vec<&'static str>) -> Self {
        let Again { decision, .. } = again;
        let (policy, tenancy) = (&decision.policy_revision, &decision.tenancy_revision);
        Self {
            recorded: DecisionText::recorded(line),
            again: DecisionText::again(again),
            differs,
            policy_revision: RevisionChange::between(&line.policy_revision, policy),
            tenancy_revision: RevisionChange::between(&line.tenancy_revision, tenancy),
        }
    }
}

impl DecisionChange for ReplayedChange {
    const LABEL: usize = 9;

    fn say(&self) {
        say(format_args!("  recorded  {}", self.recorded.text()));
        say(format_args!("  again     {}", self.again.text()));
        say(format_args!("  differs   {}", self.differs.join(", ")));
        for (name, change) in [
            ("policies", &self.policy_revision),
            ("tenancy ", &self.tenancy_revision),
        ] {
            if let Some(RevisionChange { recorded, again }) = change {
                say(format_args!("  {name}  {recorded}, now {again}"));
            }
        }
        if self.policy_revision.is_none() && self.tenancy_revision.is_none() {
            say("  under the same revisions, which should not be");
        }
    }
}

// === impl RevisionChange ===

impl RevisionChange {
    /// `None` if both are the same.
    fn between(recorded: &str, again: &str) -> Option<Self> {
        (recorded != again).then(|| Self {
            recorded: recorded.to_owned(),
            again: again.to_owned(),
        })
    }
}
