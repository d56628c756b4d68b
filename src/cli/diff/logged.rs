//! The decisions of logs that the other policies change.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::args::DiffArgs;
use crate::cli::exit::Exit;
use crate::cli::input::open;
use crate::cli::logged::{
    DecisionChange, DecisionText, LineDecider, LineOutcome, LogTally, Recorded,
};
use crate::cli::output::{AnyError, failed, say};
use crate::cli::source::settings;
use peppol_authz_author::proof::ComparedSets;
use peppol_authz_engine::Verdict;
use peppol_authz_server::decision_log::{Line, Replay, decide_by_both};

/// Decides lines by both sets of policies.
struct BothReplays {
    old: Replay,
    new: Replay,
}

/// A decision that differs between the two sets of policies.
#[derive(Debug, Serialize)]
pub(super) struct ComparedChange {
    old: DecisionText,
    new: DecisionText,
    /// The members of the answer that differ.
    differs: Vec<&'static str>,
}

/// The store and the key for lines that hold no entities.
pub(super) fn recorded(args: &DiffArgs) -> Result<Recorded, Exit> {
    let config = settings(&args.source.flags())?;
    for path in &args.log {
        // Before anything takes long.
        open(path).map_err(|error| failed(format!("`{}`: {error}", path.display())))?;
    }
    Recorded::named(&config, args.key_file.as_deref(), &args.source)
}

/// Decides each line of the logs by both sets of policies; `None` if there are no logs.
pub(super) async fn decide(
    compared: &ComparedSets,
    recorded: &Recorded,
    logs: &[PathBuf],
) -> Result<Option<LogTally<ComparedChange>>, AnyError> {
    if logs.is_empty() {
        return Ok(None);
    }
    let mut both = BothReplays {
        old: recorded.replay(Arc::clone(&compared.old)).await?,
        new: recorded.replay(Arc::clone(&compared.new)).await?,
    };
    LogTally::of(logs, &mut both).await.map(Some)
}

/// True if a decision becomes an Allow.
pub(super) fn is_wider(tally: &LogTally<ComparedChange>) -> bool {
    let (deny, allow) = (Verdict::Deny.name(), Verdict::Allow.name());
    let mut changes = tally.changes();
    changes.any(|change| change.old.decision == deny && change.new.decision == allow)
}

impl LineDecider for BothReplays {
    type Change = ComparedChange;

    async fn decide(&mut self, line: &Line) -> LineOutcome<ComparedChange> {
        let both = decide_by_both(&mut self.old, &mut self.new, line).await;
        let differs = both.differ().unwrap_or_default();
        let (old, new) = match (both.old, both.new) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(undecided), _) => {
                return LineOutcome::not_decided(&undecided, "by the old policies: ");
            }
            (_, Err(undecided)) => {
                return LineOutcome::not_decided(&undecided, "by the new policies: ");
            }
        };
        if differs.is_empty() {
            return LineOutcome::Same;
        }
        let change = ComparedChange {
            old: DecisionText::again(&old),
            new: DecisionText::again(&new),
            differs,
        };
        LineOutcome::Changed(Box::new(new.question), change)
    }
}

impl DecisionChange for ComparedChange {
    const LABEL: usize = 6;

    fn say(&self) {
        say(format_args!("  old    {}", self.old.text()));
        say(format_args!("  new    {}", self.new.text()));
    }
}
