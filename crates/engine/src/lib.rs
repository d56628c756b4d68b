//! A policy decision point for Cedar, to embed in a service: `decide(question) -> Decision`, and
//! every way in which it fails closed.
//!
//! ```text
//! Sources ─► policy::load ─► Bundle ─┐
//! Question ──────────────────────────┼─► Engine::session ─► decide ─► Decision
//! Store ─► Snapshot ─► slice ────────┘            │
//!                                                 └─► search, row_plan, explain, request, review
//! ```
//!
//! A question is checked against the schema ([`Question::read`], [`Question::new`]), its slice is
//! assembled from one state of the store, and the policies that can apply are asked. Any obstacle
//! is a denial with a code or an error; there is no way from an error to an Allow.
//!
//! An [`Engine`] gives [`Session`]s, which hold one set of policies and can be sent to other
//! tasks. Searches ([`Wanted`]), requests at a gateway ([`Routed`]) and the shadow's comparison
//! ([`Twice`]) take a session. Threads that decide need [`DECISION_STACK_BYTES`] of stack, and the
//! engine refuses to decide on less. `examples/embed.rs` shows a decision from start to end.
//!
//! Imports run one way: `review → {search, explain}`, `row_plan → search`, `{search, explain, request} → decide → slice → {policy, store} → schema`.

mod combine;
mod decide;
mod explain;
pub mod file;
mod moment;
pub mod policy;
mod priority;
mod request;
mod review;
mod row_plan;
pub mod schema;
mod search;
pub mod slice;
mod stages;
pub mod store;
pub mod text;
mod turn;

pub use decide::{
    CheckedLinks, DECISION_STACK_BYTES, Decided, Decision, DecisionNotes, Denial,
    EXPLANATION_STACK_BYTES, Engine, EngineOptions, EngineState, Failing, Failure, Health,
    KeptStats, Malformed, Members, MembersOfContexts, NamedEntity, PartsReader, PartsSettings,
    Question, QuestionForm, QuestionOptions, QuestionParts, Reason, Recall, Refusal, RequestMarks,
    Session, SettledQuestion, Tenancies, Twice, Verdict, WORKER_STACK_BYTES, WrittenText,
};
pub use explain::{
    Change, ChangeKind, Explained, Explanation, MissingCondition, MissingConditions, NearPermit,
    ReadValue, Remedy, Unexplained, shown_value,
};
pub use moment::Moment;
pub use priority::behind_questions;
pub use request::{
    Body, Draft, Drafted, Headers, HttpRequest, RequestDecision, RequestLimits, Routed, Unrouted,
};
pub use review::{
    MakeOfRights, OpenAction, PermitValues, ReviewError, ReviewScope, Reviewed, Right,
    listed_contexts,
};
pub use row_plan::{
    ROW_ID, RelatedRow, RowAttribute, RowCondition, RowPlan, RowPlanOptions, RowPlanRequest,
    RowTest,
};
pub use search::{
    ActionSearch, Residual, ResidualPolicy, Search, SearchPage, SearchParts, SearchResult, Sought,
    Wanted,
};
pub use stages::{SeenStages, Stage, StageTime, Stages};
pub use turn::Turn;
