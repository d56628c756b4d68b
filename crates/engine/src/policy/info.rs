//! A policy, and what its annotations say.

use std::ops::Range;
use std::sync::Arc;

use cedar_policy::{Effect, Policy};

use super::fault::{Fault, Severity};
use super::link::Link;
use super::reading_plan::{ReadingPlan, ReadingPlanError};
use super::source_file::SourceFile;
use super::weight::Weight;

/// A policy, with the parts of it that an answer names.
#[derive(Clone, Debug)]
pub struct PolicyInfo {
    /// The policy.
    pub policy: Policy,
    /// Its `@id`, or its file and place.
    pub id: Arc<str>,
    /// Permit or forbid.
    pub effect: Effect,
    /// The rule that it holds, `@rule`.
    pub rule: Option<Arc<str>>,
    /// The code of a denial by it, `@code`.
    pub code: Option<Arc<str>>,
    /// The message for the caller, `@message`.
    pub message: Option<Arc<str>>,
    /// The obligation that a permit by it puts on the caller, `@obligation`.
    pub obligation: Option<Arc<str>>,
    /// The file that it stands in.
    pub file: Arc<SourceFile>,
    /// Where in the file, in bytes.
    pub place: Range<usize>,
    /// True if its author has switched it off, by `when { false }`.
    pub is_off: bool,
    /// True if no question can fulfil it, by Cedar's validator. Such a policy holds no rule.
    pub never_applies: bool,
    /// The link that made it out of a template, whose text it has.
    pub link: Option<Arc<Link>>,
    /// The entities that it can look at.
    pub(super) plan: Arc<ReadingPlan>,
    /// How much work it is to validate.
    pub(super) weight: Weight,
}

impl PolicyInfo {
    /// The policy as it is written.
    #[must_use]
    pub fn source(&self) -> &str {
        self.file.text.get(self.place.clone()).unwrap_or_default()
    }

    /// The length of its annotations and its head, without its conditions.
    pub(super) fn heading(&self) -> usize {
        let text = self.source();
        let head = text.find('(').and_then(|_| text.find("\n)"));
        head.unwrap_or(text.len())
    }

    /// Returns true if it asks for tags in such a way that all tags of some entity are loaded.
    #[must_use]
    pub fn loads_all_tags(&self) -> bool {
        self.plan.loads_all_tags()
    }

    /// The fault of a policy that has all tags of some entity loaded.
    #[must_use]
    pub fn all_tags_fault(&self, severity: Severity) -> Fault {
        let message = "a tag is asked for by something else than a path";
        Fault::new(&self.file, severity, message)
            .at(self.place.start, self.place.len())
            .advise("all tags of the entity are loaded; a path like `resource.id` loads one")
    }
}

impl PolicyInfo {
    pub(super) fn new(
        policy: Policy,
        id: Arc<str>,
        file: &Arc<SourceFile>,
        place: Range<usize>,
    ) -> Result<Self, ReadingPlanError> {
        let mut plan = ReadingPlan::default();
        let (weight, is_off) = plan.add(&policy)?;
        let annotation = |name: &str| policy.annotation(name).map(Arc::from);
        let effect = policy.effect();
        Ok(Self {
            id,
            effect,
            rule: annotation("rule"),
            code: annotation("code").filter(|_| effect == Effect::Forbid),
            message: annotation("message"),
            obligation: annotation("obligation").filter(|_| effect == Effect::Permit),
            file: Arc::clone(file),
            place,
            is_off,
            never_applies: is_off,
            link: None,
            plan: Arc::new(plan),
            weight,
            policy,
        })
    }
}
