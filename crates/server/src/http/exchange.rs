//! The one way from a request to an answer.
//!
//! A surface is two functions: one makes questions of bytes, one makes bytes of decisions. All that
//! lies between happens here, once for all surfaces:
//!
//! 1. [`answered`] checks that the server is ready, starts the deadline and reads the body.
//! 2. An [`Exchange`] holds one state of the policies. The surface makes its questions by it.
//! 3. [`Exchange::demand`] reads how new the state of the store has to be; without a [`DemandedState`]
//!    nothing is decided.
//! 4. [`Exchange::one`], [`Exchange::many`] and [`Exchange::request`] decide.
//! 5. The policies of callers say if the caller may know it.
//! 6. Each decision is explained where that is asked for, then taken by the decision log, then
//!    counted, then offered to the shadow. What the log refuses is neither counted nor offered.
//! 7. The surface writes a [`GivenDecision`], and there is no other way to a decision.
//!
//! A request to a gateway has no body to begin with and several questions for one answer; it opens
//! its own exchange ([`Exchange::open`]), and what it may answer is a [`ReleasedAnswer`].

mod given;
mod many;
mod one;
mod open;
mod permission;
mod plan;
mod question;
mod released;
mod request;
mod search;
mod surface;

pub(super) use given::GivenDecision;
pub(super) use open::{Answering, Exchange, answered, refused};
pub(super) use question::{DemandedState, PermittedQuestion, QuestionItem};
pub(super) use released::ReleasedAnswer;
pub(super) use request::SettledAnswer;
pub(super) use search::SearchForm;
pub(super) use surface::Surface;

#[cfg(test)]
mod tests;
