//! `decide(Question) -> Decision`, and every way in which it fails closed.
//!
//! A question is checked against the schema ([`Question::read`]), its slice is
//! assembled from one state of the store, and the policies that can apply are
//! asked. Whatever stands in the way of an answer is a denial with a code or an
//! error; there is no way from an error to an Allow.

mod conclude;
mod core;
mod decided;
mod decision;
pub(crate) mod demand;
mod fields;
mod follow;
mod loose;
mod question;
mod session;
mod twice;

pub use core::{Engine, EngineOptions, State};
pub use decided::Decided;
pub use decision::{Decision, Reason, Verdict};
pub use follow::{Failing, Health};
pub use loose::{Denial, Members, Named, Parts, Refusal};
pub use question::{Malformed, Question};
pub use session::{Failure, Session};
pub use twice::Twice;

pub(crate) use conclude::conclude;
pub(crate) use fields::Fields;
pub(crate) use question::described_entities;
pub(crate) use session::Answered;
