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
mod demand;
mod explain;
mod fields;
mod follow;
mod loose;
mod question;
mod request;
mod search;
mod session;
mod twice;

pub use core::{Engine, EngineOptions, State};
pub use decided::Decided;
pub use decision::{Decision, Reason, Verdict};
pub use explain::{
    Change, Changed, Explained, Explanation, Lack, Near, Read, Remedy, Unexplained, Way,
};
pub use follow::{Failing, Health};
pub use loose::{Denial, Members, Named, Parts, Refusal};
pub use question::{Malformed, Question};
pub use request::{
    Body, Draft, Drafted, Headers, HttpRequest, RequestDecision, RequestLimits, Routed, Unrouted,
};
pub use search::{
    ActionSearch, Found, Part, Residual, ResidualPolicy, Search, SearchParts, Sought, Wanted,
};
pub use session::{Failure, Session};
pub use twice::Twice;
