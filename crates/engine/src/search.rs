//! Searches: which principals, resources or actions do the policies allow?
//!
//! 1. [`read`] reads a search like a question of which one part is open; AuthZEN's parts come
//!    through [`loose`].
//! 2. [`searching`] gathers the known entities: the other one, the context, and all that these lead
//!    to, without tags; and the policies that links of the store make for them (`linked`).
//! 3. [`partial`] has Cedar evaluate the policies of the action with that (`tpe`). Each policy that
//!    depends on the open part leaves a residual.
//! 4. [`condition`] turns residuals into a [`Condition`](crate::store::Condition). For each
//!    expression it gives the requirement for "may be true" or for "may be false"; an expression
//!    that it cannot translate requires nothing. No condition is negated as a whole, so NULL means
//!    "no" everywhere, as an absent attribute fails in Cedar.
//! 5. The database finds candidates by that condition, in the order of their ids.
//! 6. The candidates are decided like a batch, from the snapshot that they were found in. If that
//!    has to move on to a later state, the page begins again.
//!
//! [`whole`] finds all that is allowed, in parts, or fails; it is what reviews use.
//!
//! So the condition decides how fast a search is. A fault in it can lose results; it can never add
//! one.

mod actions;
mod condition;
mod find;
mod known_side;
mod linked;
mod loose;
mod partial;
mod read;
mod searching;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};

use crate::decide::{Decision, QuestionContext, Verdict};
use crate::slice::Described;

pub use actions::ActionSearch;
pub(crate) use condition::ConditionReader;
pub(crate) use known_side::KnownSide;
pub(crate) use linked::LinkUse;
pub use loose::SearchParts;
pub(crate) use partial::{PartialPolicies, evaluate, one_sided};
pub use partial::{Residual, ResidualPolicy};
pub use read::Wanted;
pub(crate) use read::{EntityOrType, named};
pub(crate) use whole::{FoundPart, SearchPart, WholeSearch};

/// The search for principals or resources: who may do this, or on what may it be done?
#[derive(Clone, Debug)]
pub struct Search {
    /// The part that is looked for.
    pub sought: Sought,
    /// The type of the entities that are looked for.
    pub of: EntityTypeName,
    /// The part that is known: the resource or the principal.
    pub known: EntityUid,
    /// The action.
    pub action: EntityUid,
    /// The context.
    pub(crate) context: QuestionContext,
    /// Entities that the caller describes.
    pub(crate) described: Arc<Described>,
}

/// The part of a question that a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Principals.
    Principals,
    /// Resources.
    Resources,
}

/// The part of the answer that is wanted.
#[derive(Clone, Debug)]
pub struct SearchPage {
    /// The end of the part before: its [`SearchResult::last`].
    pub after: Option<Arc<str>>,
    /// How many entities, at most.
    pub limit: usize,
    /// How many candidates may be decided for it.
    pub most: usize,
    /// True if the residual is to be told with its texts.
    pub explain: bool,
    /// False for a caller who understands no obligation: an entity whose permit has one is then not
    /// found, as a question about it would be a denial.
    pub binds: bool,
}

/// A part of the answer.
#[derive(Clone, Debug)]
pub struct SearchResult {
    /// The entities that are allowed, in the order of the bytes of their ids.
    pub entities: Vec<EntityUid>,
    /// The obligations of those that are allowed with some.
    pub obligations: BTreeMap<EntityUid, BTreeSet<Arc<str>>>,
    /// True if there are others behind them.
    pub more: bool,
    /// The last of them, for [`SearchPage::after`].
    pub last: Option<Arc<str>>,
    /// How many candidates were decided.
    pub decided: usize,
    /// The part of the policies that depends on what is looked for, with its texts where
    /// [`SearchPage::explain`] asked for them.
    pub residual: Residual,
    /// The exact policies and schema.
    pub policy_revision: Arc<str>,
    /// The state of the store; `None` where there was nothing to ask it for.
    pub tenancy_revision: Option<Arc<str>>,
}

/// The obligations of an entity that is found.
type FoundObligations = BTreeSet<Arc<str>>;

impl SearchPage {
    /// The part of a decision by which something is found; `None` where it is not.
    fn finds(&self, decision: Decision) -> Option<FoundObligations> {
        let is_allow = decision.verdict == Verdict::Allow;
        let obligations = decision.obligations;
        (is_allow && (self.binds || obligations.is_empty())).then_some(obligations)
    }
}

impl SearchResult {
    /// Adds an entity that is allowed.
    fn add(&mut self, uid: EntityUid, obligations: FoundObligations) {
        if !obligations.is_empty() {
            self.obligations.insert(uid.clone(), obligations);
        }
        self.entities.push(uid);
    }

    /// Leaves out all behind the first `limit`, and says that there are others if there are.
    fn end_at(&mut self, limit: usize) {
        self.more = self.entities.len() > limit;
        for uid in self.entities.drain(limit.min(self.entities.len())..) {
            self.obligations.remove(&uid);
        }
    }
}
