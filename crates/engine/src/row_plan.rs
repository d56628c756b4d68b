//! Plans: the condition by which a service's own database finds what the policies allow.
//!
//! A search finds what the tenancy store holds. What a service holds itself, it finds by a condition
//! that it puts into its own query: a [`RowPlan`]. [`RowPlanRequest::read`] reads who wants to do what
//! on which type of resource; [`RowPlanRequest::plan`] makes the plan of it:
//!
//! 1. The policies are evaluated as far as they can be without the resource, as for a search.
//! 2. `translate` makes a formula of what is left. It holds exactly where a question about
//!    the row would be allowed: no policy fails, none forbids, and one permits.
//! 3. `settle` has the store say for which entities the claims of the formula hold, such as the
//!    legal entities of a document's organisation. Candidates are found as in a search, and each is
//!    tried by Cedar, over the entities that a decision would see.
//! 4. The result is a [`RowCondition`] over the row's own attributes.
//!
//! A plan is exact or it is an error: [`crate::Failure::NotExact`] names the policy and the place,
//! [`crate::Failure::PlanTooWide`] the attribute with too many values. A row is compared as far as the
//! policies read it.

mod condition;
mod formula;
mod json;
mod plan;
mod read;
mod settle;
mod translate;
mod trial;
mod uses;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::EntityTypeName;

use crate::moment::Moment;
use crate::search::{Residual, Search};

pub use condition::{ROW_ID, RelatedRow, RowAttribute, RowCondition, RowTest};

/// A request for a plan: this principal wants to do this on resources of a type.
#[derive(Clone, Debug)]
pub struct RowPlanRequest {
    search: Search,
}

/// How a plan is made.
#[derive(Clone, Debug)]
pub struct RowPlanOptions {
    /// Ids in the lists of a plan, at most.
    pub ids: usize,
    /// Entities that are tried for one list, at most.
    pub candidates: usize,
    /// The types whose entities the service has in a table of their own: a list that would be too
    /// long becomes a condition on the rows of that table.
    pub tables: HashSet<EntityTypeName>,
    /// False for a caller who understands no obligation: what is permitted with one is then left
    /// out, as a question about it would be a denial.
    pub binds: bool,
    /// How old what a plan knows may become, at most.
    pub max_age: Duration,
    /// True if the residual is to be told.
    pub explain: bool,
}

/// A condition on rows that holds exactly of those on which something may be done.
#[derive(Clone, Debug)]
pub struct RowPlan {
    /// The type of the rows' entities.
    pub of: EntityTypeName,
    /// The condition.
    pub condition: RowCondition,
    /// The obligations of the permits by which some row may be allowed. A caller fulfils all of
    /// them.
    pub obligations: BTreeSet<Arc<str>>,
    /// The time until which the plan may be used: what it knows is too old then.
    pub until: Moment,
    /// The part of the policies that depends on the row, where it was asked for.
    pub residual: Option<Residual>,
    /// The exact policies and schema.
    pub policy_revision: Arc<str>,
    /// The state of the store.
    pub tenancy_revision: Arc<str>,
}

impl RowPlan {
    /// How long the plan may be used from now on. Zero means that it is for one use, at once.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        self.until.left_at(Moment::now())
    }

    /// `always`, `never` or `conditional`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.condition {
            RowCondition::Always => "always",
            RowCondition::Never => "never",
            _ => "conditional",
        }
    }
}
