//! What came of deciding a log again.

use std::sync::Arc;

use serde::Serialize;

use super::super::Exit;
use super::super::output::say;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::decision_log::{Again, Line, Undecided, Unreadable};

/// All lines of all logs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    policy_revision: Arc<str>,
    /// Lines that say the same, byte for byte.
    same: u64,
    /// Lines that say something else.
    changed: Vec<Changed>,
    /// Lines that cannot be read or decided again.
    undecided: Vec<NotDecided>,
    /// Lines of what was no question.
    unasked: u64,
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
    recorded: Decided,
    again: Decided,
    /// The members that are others.
    differs: Vec<&'static str>,
    /// The revisions that are others: nothing else could make a decision another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_revision: Option<Moved>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenancy_revision: Option<Moved>,
}

/// What was decided, of what is shown beside something else.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Decided {
    pub(in crate::cli) decision: String,
    pub(in crate::cli) codes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Moved {
    recorded: String,
    again: String,
}

/// A line that cannot be read or decided again.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct NotDecided {
    pub(in crate::cli) log: String,
    pub(in crate::cli) line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) id: Option<String>,
    pub(in crate::cli) problem: String,
}

impl Moved {
    /// `None` where it is the same.
    fn between(recorded: &str, again: &str) -> Option<Self> {
        (recorded != again).then(|| Self {
            recorded: recorded.to_owned(),
            again: again.to_owned(),
        })
    }
}

impl Report {
    pub(super) fn new(bundle: &Bundle) -> Self {
        Self {
            policy_revision: Arc::clone(&bundle.revision),
            same: 0,
            changed: Vec::new(),
            undecided: Vec::new(),
            unasked: 0,
        }
    }

    pub(super) fn decided(&mut self, log: &str, line: &Line, again: &Again) {
        let differs = again.differs_from(line);
        if differs.is_empty() {
            self.same += 1;
            return;
        }
        let (question, decision) = (&again.question, &again.decision);
        self.changed.push(Changed {
            log: log.to_owned(),
            line: line.number,
            id: line.id.clone(),
            principal: question.principal.to_string(),
            action: question.action.to_string(),
            resource: question.resource.to_string(),
            recorded: Decided {
                decision: line.decision().to_owned(),
                codes: line.codes(),
            },
            again: Decided::now(again),
            differs,
            policy_revision: Moved::between(&line.policy_revision, &decision.policy_revision),
            tenancy_revision: Moved::between(&line.tenancy_revision, &decision.tenancy_revision),
        });
    }

    pub(super) fn undecided(&mut self, log: &str, line: &Line, undecided: &Undecided) {
        self.undecided.push(NotDecided {
            log: log.to_owned(),
            line: line.number,
            id: Some(line.id.clone()),
            problem: undecided.to_string(),
        });
    }

    pub(super) fn unreadable(&mut self, log: &str, unreadable: &Unreadable) {
        self.undecided.push(NotDecided {
            log: log.to_owned(),
            line: unreadable.number,
            id: None,
            problem: unreadable.problem.clone(),
        });
    }

    pub(super) fn unasked(&mut self) {
        self.unasked += 1;
    }

    pub(super) fn exit(&self) -> Exit {
        if !self.changed.is_empty() {
            Exit::TestFailed
        } else if !self.undecided.is_empty() {
            Exit::Failed
        } else {
            Exit::Done
        }
    }

    pub(super) fn show(&self, as_json: bool) {
        if as_json {
            // Strings and numbers always have a JSON form.
            say(serde_json::to_string(self).unwrap_or_default());
            return;
        }
        self.changed.iter().for_each(Changed::show);
        for NotDecided {
            log, line, problem, ..
        } in &self.undecided
        {
            say(format_args!("{log}:{line}: not decided again: {problem}"));
        }
        let unasked = match self.unasked {
            0 => String::new(),
            unasked => format!(", {unasked} that were no questions"),
        };
        say(format_args!(
            "{} the same, {} changed, {} not decided again{unasked}",
            self.same,
            self.changed.len(),
            self.undecided.len()
        ));
    }
}

impl Changed {
    fn show(&self) {
        let Self { log, line, id, .. } = self;
        say(format_args!("{log}:{line}: {id} is decided otherwise"));
        say(format_args!(
            "  asked     {} {} {}",
            self.principal, self.action, self.resource
        ));
        say(format_args!("  recorded  {}", self.recorded.text()));
        say(format_args!("  again     {}", self.again.text()));
        say(format_args!("  differs   {}", self.differs.join(", ")));
        for (name, moved) in [
            ("policies", &self.policy_revision),
            ("tenancy ", &self.tenancy_revision),
        ] {
            if let Some(Moved { recorded, again }) = moved {
                say(format_args!("  {name}  {recorded}, now {again}"));
            }
        }
        if self.policy_revision.is_none() && self.tenancy_revision.is_none() {
            say("  under the same revisions, which should not be");
        }
    }
}

impl Decided {
    /// By the policies that a line was decided by again.
    pub(in crate::cli) fn now(again: &Again) -> Self {
        let reasons = again.decision.reasons.iter();
        let codes = reasons.filter_map(|reason| reason.code.as_deref());
        Self {
            decision: again.decision.verdict.name().to_owned(),
            codes: codes.map(str::to_owned).collect(),
        }
    }

    pub(in crate::cli) fn text(&self) -> String {
        let codes = self.codes.iter().map(String::as_str);
        let words: Vec<&str> = std::iter::once(self.decision.as_str())
            .chain(codes)
            .collect();
        words.join(" ")
    }
}
