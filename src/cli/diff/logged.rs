//! Which decisions of a log the other policies change.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::args::DiffArgs;
use crate::cli::asking::AnyError;
use crate::cli::output::{complain, complain_of, say};
use crate::cli::replay::report::{Decided, NotDecided};
use crate::cli::replay::{Recorded, log};
use peppol_authz_author::proof::Compared;
use peppol_authz_engine::Verdict;
use peppol_authz_server::config::Config;
use peppol_authz_server::decision_log::{Both, Line, Undecided, decide_by_both, lines};

/// All lines of all logs.
#[derive(Debug, Default)]
pub(super) struct Logged {
    same: u64,
    changed: Vec<Changed>,
    /// Lines that cannot be read or decided.
    undecided: Vec<NotDecided>,
    /// Lines of what was no question.
    unasked: u64,
    is_asked: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    log: String,
    line: u64,
    id: String,
    principal: String,
    action: String,
    resource: String,
    old: Decided,
    new: Decided,
    /// The members of the answer that are others.
    differs: Vec<&'static str>,
}

/// What lines without entities are decided from.
pub(super) fn recorded(args: &DiffArgs) -> Result<Recorded, Exit> {
    let config = Config::load(&args.source.flags()).map_err(|error| {
        complain(&error);
        Exit::Usage
    })?;
    for path in &args.log {
        // Before anything takes long.
        if let Err(error) = log(path) {
            complain_of(format_args!("`{}`: {error}", path.display()));
            return Err(Exit::Failed);
        }
    }
    Recorded::named(&config, args.key_file.as_deref(), &args.source)
}

/// Decides each line of the logs by both sets of policies.
pub(super) async fn decide(
    compared: &Compared,
    recorded: &Recorded,
    logs: &[PathBuf],
) -> Result<Logged, AnyError> {
    let mut logged = Logged {
        is_asked: !logs.is_empty(),
        ..Logged::default()
    };
    if !logged.is_asked {
        return Ok(logged);
    }
    let mut old = recorded.replay(Arc::clone(&compared.old)).await?;
    let mut new = recorded.replay(Arc::clone(&compared.new)).await?;
    for path in logs {
        let shown = path.display().to_string();
        let log = log(path).map_err(|error| format!("`{shown}`: {error}"))?;
        for line in lines(log) {
            match line {
                Ok(line) => {
                    let both = decide_by_both(&mut old, &mut new, &line).await;
                    logged.take(&shown, &line, &both);
                }
                Err(unreadable) => logged.undecided.push(NotDecided {
                    log: shown.clone(),
                    line: unreadable.number,
                    id: None,
                    problem: unreadable.problem,
                }),
            }
        }
    }
    Ok(logged)
}

impl Logged {
    fn take(&mut self, log: &str, line: &Line, both: &Both) {
        let (old, new) = match (&both.old, &both.new) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(Undecided::NoQuestion), _) | (_, Err(Undecided::NoQuestion)) => {
                self.unasked += 1;
                return;
            }
            (Err(undecided), _) | (_, Err(undecided)) => {
                let by = if both.old.is_err() { "old" } else { "new" };
                self.undecided.push(NotDecided {
                    log: log.to_owned(),
                    line: line.number,
                    id: Some(line.id.clone()),
                    problem: format!("by the {by} policies: {undecided}"),
                });
                return;
            }
        };
        let differs = both.differ().unwrap_or_default();
        if differs.is_empty() {
            self.same += 1;
            return;
        }
        self.changed.push(Changed {
            log: log.to_owned(),
            line: line.number,
            id: line.id.clone(),
            principal: new.question.principal.to_string(),
            action: new.question.action.to_string(),
            resource: new.question.resource.to_string(),
            old: Decided::now(old),
            new: Decided::now(new),
            differs,
        });
    }

    /// Whether a decision becomes an Allow.
    pub(super) fn is_wider(&self) -> bool {
        let (deny, allow) = (Verdict::Deny.name(), Verdict::Allow.name());
        let mut changed = self.changed.iter();
        changed.any(|changed| changed.old.decision == deny && changed.new.decision == allow)
    }

    /// Whether all lines were decided.
    pub(super) fn is_settled(&self) -> bool {
        self.undecided.is_empty()
    }

    pub(super) fn show(&self, as_json: bool) {
        if !self.is_asked {
            return;
        }
        if as_json {
            say(json!({"log": {
                "same": self.same,
                "changed": self.changed,
                "undecided": self.undecided,
                "unasked": self.unasked,
            }}));
            return;
        }
        self.changed.iter().for_each(Changed::show);
        for NotDecided {
            log, line, problem, ..
        } in &self.undecided
        {
            say(format_args!("{log}:{line}: not decided: {problem}"));
        }
        let unasked = match self.unasked {
            0 => String::new(),
            unasked => format!(", {unasked} that were no questions"),
        };
        say(format_args!(
            "logged decisions: {} the same, {} changed, {} not decided{unasked}",
            self.same,
            self.changed.len(),
            self.undecided.len()
        ));
    }
}

impl Changed {
    fn show(&self) {
        let Self { log, line, id, .. } = self;
        let (principal, action, resource) = (&self.principal, &self.action, &self.resource);
        say(format_args!("{log}:{line}: {id} is decided otherwise"));
        say(format_args!("  asked  {principal} {action} {resource}"));
        say(format_args!("  old    {}", self.old.text()));
        say(format_args!("  new    {}", self.new.text()));
    }
}
