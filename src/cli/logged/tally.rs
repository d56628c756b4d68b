//! The result for a log: the decisions that stay the same, those that change, and the lines that
//! could not be decided.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::input::open;
use crate::cli::output::{AnyError, say};
use peppol_authz_engine::Question;
use peppol_authz_server::decision_log::{Again, Line, Undecided, Unreadable, lines};

/// Decides the lines of a log again.
pub(in crate::cli) trait LineDecider {
    type Change: DecisionChange;

    fn decide(&mut self, line: &Line) -> impl Future<Output = LineOutcome<Self::Change>> + Send;
}

/// The result for one line.
pub(in crate::cli) enum LineOutcome<C> {
    /// The decision is the same, byte for byte.
    Same,
    /// The question has another decision.
    Changed(Box<Question>, C),
    /// The line cannot be decided; the text says why.
    Undecided(String),
    /// The line is about something that was no question.
    NoQuestion,
}

/// The two sides of a changed decision.
pub(in crate::cli) trait DecisionChange: Serialize {
    /// The width of the labels in the text for people.
    const LABEL: usize;

    /// Writes both sides for people, one line each.
    fn say(&self);
}

/// The result for all lines of all logs.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct LogTally<C> {
    same: u64,
    changed: Vec<ChangedLine<C>>,
    undecided: Vec<UndecidedLine>,
    unasked: u64,
}

#[derive(Debug, Serialize)]
struct ChangedLine<C> {
    log: String,
    line: u64,
    id: String,
    principal: String,
    action: String,
    resource: String,
    #[serde(flatten)]
    change: C,
}

#[derive(Debug, Serialize)]
struct UndecidedLine {
    log: String,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    problem: String,
}

/// A decision and its codes, as they are shown beside another.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct DecisionText {
    pub(in crate::cli) decision: String,
    pub(in crate::cli) codes: Vec<String>,
}

// === impl LogTally ===

impl<C: DecisionChange> LogTally<C> {
    /// Decides all lines of `logs`.
    pub(in crate::cli) async fn of(
        logs: &[PathBuf],
        decider: &mut (impl LineDecider<Change = C> + Send),
    ) -> Result<Self, AnyError> {
        let mut tally = Self {
            same: 0,
            changed: Vec::new(),
            undecided: Vec::new(),
            unasked: 0,
        };
        for path in logs {
            let name = path.display().to_string();
            let log = open(path).map_err(|error| format!("`{name}`: {error}"))?;
            for line in lines(log) {
                match line {
                    Ok(line) => {
                        let outcome = decider.decide(&line).await;
                        tally.add(&name, &line, outcome);
                    }
                    Err(unreadable) => tally.add_unreadable(&name, unreadable),
                }
            }
        }
        Ok(tally)
    }

    fn add(&mut self, log: &str, line: &Line, outcome: LineOutcome<C>) {
        match outcome {
            LineOutcome::Same => self.same += 1,
            LineOutcome::Changed(question, change) => self.changed.push(ChangedLine {
                log: log.to_owned(),
                line: line.number,
                id: line.id.clone(),
                principal: question.principal.to_string(),
                action: question.action.to_string(),
                resource: question.resource.to_string(),
                change,
            }),
            LineOutcome::Undecided(problem) => self.undecided.push(UndecidedLine {
                log: log.to_owned(),
                line: line.number,
                id: Some(line.id.clone()),
                problem,
            }),
            LineOutcome::NoQuestion => self.unasked += 1,
        }
    }

    fn add_unreadable(&mut self, log: &str, unreadable: Unreadable) {
        self.undecided.push(UndecidedLine {
            log: log.to_owned(),
            line: unreadable.number,
            id: None,
            problem: unreadable.problem,
        });
    }

    /// The changed decisions.
    pub(in crate::cli) fn changes(&self) -> impl Iterator<Item = &C> {
        self.changed.iter().map(|line| &line.change)
    }

    /// True if all lines were decided.
    pub(in crate::cli) fn is_settled(&self) -> bool {
        self.undecided.is_empty()
    }

    /// Writes all of it for people. The sum begins with `title`; `undecided` are the words for a
    /// line that was not decided.
    pub(in crate::cli) fn say(&self, title: &str, undecided: &str) {
        self.changed.iter().for_each(ChangedLine::say);
        for UndecidedLine {
            log, line, problem, ..
        } in &self.undecided
        {
            say(format_args!("{log}:{line}: {undecided}: {problem}"));
        }
        let unasked = match self.unasked {
            0 => String::new(),
            unasked => format!(", {unasked} that were no questions"),
        };
        say(format_args!(
            "{title}{} the same, {} changed, {} {undecided}{unasked}",
            self.same,
            self.changed.len(),
            self.undecided.len()
        ));
    }
}

// === impl ChangedLine ===

impl<C: DecisionChange> ChangedLine<C> {
    fn say(&self) {
        let Self { log, line, id, .. } = self;
        let (principal, action, resource) = (&self.principal, &self.action, &self.resource);
        let (asked, width) = ("asked", C::LABEL);
        say(format_args!("{log}:{line}: {id} is decided otherwise"));
        say(format_args!(
            "  {asked:<width$} {principal} {action} {resource}"
        ));
        self.change.say();
    }
}

// === impl LineOutcome ===

impl<C> LineOutcome<C> {
    /// The result for a line that cannot be decided.
    pub(in crate::cli) fn not_decided(undecided: &Undecided, by: &str) -> Self {
        match undecided {
            Undecided::NoQuestion => Self::NoQuestion,
            other => Self::Undecided(format!("{by}{other}")),
        }
    }
}

// === impl DecisionText ===

impl DecisionText {
    /// The decision of a line, as it was written.
    pub(in crate::cli) fn recorded(line: &Line) -> Self {
        Self {
            decision: line.decision().to_owned(),
            codes: line.codes(),
        }
    }

    /// The decision of a line that was decided again.
    pub(in crate::cli) fn again(again: &Again) -> Self {
        let reasons = again.decision.reasons.iter();
        let codes = reasons.filter_map(|reason| reason.code.as_deref());
        Self {
            decision: again.decision.verdict.name().to_owned(),
            codes: codes.map(str::to_owned).collect(),
        }
    }

    /// One line of text.
    pub(in crate::cli) fn text(&self) -> String {
        let codes = self.codes.iter().map(String::as_str);
        let words: Vec<&str> = std::iter::once(self.decision.as_str())
            .chain(codes)
            .collect();
        words.join(" ")
    }
}
