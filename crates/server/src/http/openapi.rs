//! `GET /openapi.json`: every route, with what it takes and answers.
//!
//! The parts that never change stand beside the handlers, `#[utoipa::path]`. The forms of questions
//! depend on the Cedar schema in force ([`question`]), so that a document is made for each schema. A
//! route without an annotation does not compile: `super::router` takes annotated handlers only.

mod answer;
mod authzen;
mod caller;
mod cerbos;
mod document;
mod gateway;
mod later;
mod model;
mod question;
mod schema;
mod search;
mod value;

pub(super) use answer::{
    AwsErrors, CerbosErrors, NoPlan, NoSuchPlan, NotExplained, OwnProblems, Problems, TooWide,
};
pub(super) use authzen::{Decision, Decisions, Evaluation, Evaluations, Metadata};
pub(super) use cerbos::{CerbosPlan, CerbosPlanRequest};
pub use document::Document;
pub(super) use document::head;
pub(super) use gateway::{Forwarded, GatewayAnswers, Original, OriginalUrl};
pub(super) use model::{AwsAnswer, AwsRequest};
pub(super) use question::{Batch, MaxAge, Question, TenancyRevision};
pub(super) use search::{
    ActionSearch, FoundActions, FoundEntities, Plan, ResourceSearch, Search, SubjectSearch,
};
