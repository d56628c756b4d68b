//! `decide(Question) -> Decision`, and every way in which it fails closed.
//!
//! A question is checked against the schema ([`Question::read`]), its slice is
//! assembled from one state of the store, and the policies that can apply are
//! asked. Whatever stands in the way of an answer is a denial with a code or an
//! error; there is no way from an error to an Allow.

mod batch;
mod conclude;
mod context;
mod core;
mod decided;
mod decider;
mod decision;
pub(crate) mod demand;
mod described;
mod doorkeeper;
mod failure;
mod fields;
mod follow;
mod health;
mod kept;
mod known;
mod link_check;
mod linked;
mod loose;
mod malformed;
mod parts;
mod question;
mod session;
mod stack;
mod state;
mod tenant;
mod twice;

pub use batch::SettledQuestion;
pub use core::{Engine, EngineOptions};
pub use decided::{Decided, RequestMarks};
pub use decision::{Decision, DecisionNotes, QuestionForm, Reason, Verdict, WrittenText};
pub use failure::Failure;
pub use health::{Failing, Health};
pub use kept::{KeptStats, Recall};
pub use link_check::CheckedLinks;
pub use loose::{
    Denial, Members, MembersOfContexts, NamedEntity, PartsSettings, QuestionParts, Refusal,
};
pub use malformed::Malformed;
pub use parts::PartsReader;
pub use question::{Question, QuestionOptions};
pub use session::Session;
pub use stack::{DECISION_STACK_BYTES, EXPLANATION_STACK_BYTES, WORKER_STACK_BYTES};
pub use state::EngineState;
pub use tenant::Tenancies;
pub use twice::Twice;

pub(crate) use batch::decide_batch;
pub(crate) use context::QuestionContext;
pub(crate) use decider::Decider;
pub(crate) use described::described_entities;
pub(crate) use fields::Fields;
pub(crate) use linked::LinkedPolicies;
pub(crate) use loose::{check_places, context_of, described_by};
pub(crate) use stack::require_stack;
