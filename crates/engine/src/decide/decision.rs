//! An answer: yes or no, why, and from what.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cedar_policy::EntityUid;

use crate::policy::StoredLink;
use crate::schema::Misfit;
use crate::slice::{Absent, LinkTable, SeenEntity};

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Some policy permits it and none forbids it.
    Allow,
    /// Anything else.
    Deny,
}

impl Verdict {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// One reason of a decision. Of a denial: a rule that forbade it. Of a permit: a
/// policy that permits it, without a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The name of the denial, for programs.
    pub code: Option<Arc<str>>,
    /// The rule.
    pub rule: Option<Arc<str>>,
    /// The policy; `None` where the engine itself denies.
    pub policy: Option<Arc<str>>,
    /// The text for the caller.
    pub message: Option<Arc<str>>,
}

/// The notes of a decision that is kept. All to whom it is given share them, and each writes once
/// what is the same each time.
#[derive(Debug, Default)]
pub struct DecisionNotes {
    texts: [OnceLock<Box<str>>; 4],
    weight: OnceLock<usize>,
    /// The revision of other policies that decide the same from the same entities.
    agreed: Mutex<Option<Arc<str>>>,
}

/// The texts of a decision that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenText {
    /// Its part of the answer to a native question.
    Native,
    /// Its part of the answer to an evaluation of AuthZEN.
    Evaluation,
    /// Its part of a line of the decision log.
    Line,
    /// The entities of its slice in such a line.
    LineSlice,
}

/// The forms of a question of which the text is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionForm {
    /// The native question.
    Native,
    /// An evaluation of AuthZEN.
    Evaluation,
}

impl DecisionNotes {
    /// A text, by `write` the first time.
    pub fn text(&self, which: WrittenText, write: impl FnOnce() -> Box<str>) -> &str {
        let [native, evaluation, line, line_slice] = &self.texts;
        let text = match which {
            WrittenText::Native => native,
            WrittenText::Evaluation => evaluation,
            WrittenText::Line => line,
            WrittenText::LineSlice => line_slice,
        };
        text.get_or_init(write)
    }

    /// The memory that the decision takes while an observer has it, in bytes; by `weigh` the first time.
    pub fn weight(&self, weigh: impl FnOnce() -> usize) -> usize {
        *self.weight.get_or_init(weigh)
    }

    /// Returns true if policies of this revision are known to decide the same.
    #[must_use]
    pub fn has_agreed(&self, revision: &str) -> bool {
        self.agreed().as_deref() == Some(revision)
    }

    /// Notes that policies of this revision decide the same.
    pub fn note_agreement(&self, revision: &Arc<str>) {
        *self.agreed() = Some(Arc::clone(revision));
    }

    fn agreed(&self) -> std::sync::MutexGuard<'_, Option<Arc<str>>> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Yes or no.
    pub verdict: Verdict,
    /// Why, by policy id; the engine's own reasons come first.
    pub reasons: Vec<Reason>,
    /// The policies that the verdict rests on, by id.
    pub determining: Vec<Arc<str>>,
    /// The errors of the policies that failed, in Cedar's words.
    pub errors: Vec<String>,
    /// The obligations that the permits put on the caller.
    pub obligations: BTreeSet<Arc<str>>,
    /// The exact policies and schema.
    pub policy_revision: Arc<str>,
    /// The state of the store; empty where the schema alone denies.
    pub tenancy_revision: Arc<str>,
    /// The entities that the policies could look at. Where an entity of the question was absent,
    /// those of the question that were there.
    pub slice: Arc<[SeenEntity]>,
    /// The links of the store whose slots match the question.
    pub links: Vec<Arc<StoredLink>>,
    /// All links of that state, where the policies rest on some; `None` in a decision that is given again.
    pub link_table: Option<Arc<LinkTable>>,
    /// The entities of the question that the store does not hold.
    pub absent: Vec<EntityUid>,
    /// The entities that the policies could look for beside these, and that are none: an entity or a
    /// policy refers to them.
    pub missing: Vec<EntityUid>,
    /// Where there is no such action: the end of a message, which names the one that was probably meant, or nothing.
    pub meant: Option<Box<str>>,
    /// Of a decision that was given before: its notes.
    pub notes: Option<Arc<DecisionNotes>>,
}

impl Decision {
    /// A denial, until something is found that permits.
    pub(crate) fn denial(policy_revision: &Arc<str>, tenancy_revision: Arc<str>) -> Self {
        Self {
            verdict: Verdict::Deny,
            reasons: Vec::new(),
            determining: Vec::new(),
            errors: Vec::new(),
            obligations: BTreeSet::new(),
            policy_revision: Arc::clone(policy_revision),
            tenancy_revision,
            slice: Arc::default(),
            links: Vec::new(),
            link_table: None,
            absent: Vec::new(),
            missing: Vec::new(),
            meant: None,
            notes: None,
        }
    }

    /// The same to be kept, without its slice.
    pub(super) fn to_keep(&self) -> Self {
        Self {
            verdict: self.verdict,
            reasons: self.reasons.clone(),
            determining: self.determining.clone(),
            errors: self.errors.clone(),
            obligations: self.obligations.clone(),
            policy_revision: Arc::clone(&self.policy_revision),
            tenancy_revision: Arc::clone(&self.tenancy_revision),
            slice: Arc::default(),
            links: self.links.clone(),
            link_table: None,
            absent: self.absent.clone(),
            missing: self.missing.clone(),
            meant: None,
            notes: Some(Arc::default()),
        }
    }

    /// A permit becomes a denial for a caller who does not understand its obligations. Any other
    /// decision stays.
    #[must_use]
    pub fn for_who_understands_no_obligation(self) -> Self {
        if self.verdict == Verdict::Deny || self.obligations.is_empty() {
            return self;
        }
        Self {
            reasons: vec![Reason::not_understood()],
            ..Self::denial(&self.policy_revision, self.tenancy_revision)
        }
    }

    /// True if it is a denial for entities of the question that are not there (GEN-1).
    pub(crate) fn is_of_absent(&self) -> bool {
        let absent =
            |reason: &Reason| reason.policy.is_none() && reason.rule.as_deref() == Some("GEN-1");
        !self.reasons.is_empty() && self.reasons.iter().all(absent)
    }
}

impl Reason {
    /// GEN-1: an entity of the question that the store does not hold.
    pub(crate) fn absent(what: Absent) -> Self {
        let (code, message) = match what {
            Absent::Principal => ("UNKNOWN_PRINCIPAL", "there is no such principal"),
            Absent::Resource => ("UNKNOWN_RESOURCE", "there is no such resource"),
            Absent::Context => ("UNKNOWN_ENTITY", "an entity in the context does not exist"),
        };
        Self::engine(Some("GEN-1"), code, message)
    }

    /// There is no such action. No rule: only a surface that takes names outside the
    /// schema answers so.
    pub(crate) fn no_action() -> Self {
        Self::engine(None, "UNKNOWN_ACTION", "there is no such action")
    }

    /// There is such an action, but not for these types.
    pub(crate) fn other_action() -> Self {
        let message = "this action is not for such a principal and such a resource";
        Self::engine(None, "ACTION_DOES_NOT_APPLY", message)
    }

    /// A permit puts obligations on the caller, who has said that it understands none.
    fn not_understood() -> Self {
        let message = "a permit has obligations, and the caller understands none";
        Self::engine(None, "OBLIGATION_NOT_UNDERSTOOD", message)
    }

    /// A request that does not say what its route reads, or says what does not fit.
    pub(crate) fn malformed(misfit: &Misfit) -> Self {
        Self::engine(None, "REQUEST_MALFORMED", &misfit.to_string())
    }

    /// A request whose route reads its body, which the gateway has not sent.
    pub(crate) fn no_body(message: &str) -> Self {
        Self::engine(None, "BODY_REQUIRED", message)
    }

    /// A request of which no question is asked.
    pub(crate) fn nothing_asked() -> Self {
        let message = "nothing that this request could mean is asked";
        Self::engine(None, "NOTHING_ASKED", message)
    }

    /// GEN-3: nothing permits it, and no rule forbade it.
    pub(crate) fn not_permitted() -> Self {
        Self::engine(Some("GEN-3"), "NOT_PERMITTED", "nothing permits this")
    }

    /// GEN-2: a policy failed.
    pub(crate) fn failed(policy: Arc<str>) -> Self {
        Self {
            policy: Some(policy),
            ..Self::engine(
                Some("GEN-2"),
                "EVALUATION_ERROR",
                "a policy failed while it was evaluated",
            )
        }
    }

    fn engine(rule: Option<&'static str>, code: &'static str, message: &str) -> Self {
        Self {
            code: Some(Arc::from(code)),
            rule: rule.map(Arc::from),
            policy: None,
            message: Some(Arc::from(message)),
        }
    }
}
