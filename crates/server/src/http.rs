//! The surfaces: wire to question, `engine.decide`, decision to wire.
//!
//! [`router`] needs no port, [`serve`] needs no router of a certain kind: tests
//! use either alone. Every decision goes the way of `exchange`. One function, [`Problem::status`],
//! turns an error into a status.

mod accept;
mod admission;
mod agent;
mod apart;
mod app;
mod authzen;
mod avp;
mod body;
mod cerbos;
mod connection;
mod connection_caller;
mod connection_peer;
mod delay;
mod denials;
mod exchange;
mod explanation;
mod framing;
mod freshness;
mod front;
mod gateway;
mod handed;
mod header_text;
mod json;
mod limits;
mod listener;
mod metrics;
mod middleware;
mod native;
mod openapi;
mod operations;
mod page;
mod panic;
mod peers;
mod place;
mod plan;
mod plan_text;
mod plans;
mod problem;
mod readiness;
mod reason;
mod refusals;
mod request;
mod residual;
mod router;
mod search;
mod secured;
mod serve;
mod turns;

pub use apart::WorkApart;
pub use app::App;
pub use authzen::Authzen;
pub use denials::Denials;
pub use explanation::{ExplainKey, Explainers};
pub use front::Front;
pub use gateway::{Gateway, messages as envoy, serve_envoy};
pub use handed::HandedPlans;
pub use limits::Limits;
pub use listener::Listener;
pub use metrics::Metrics;
pub use native::answer_json;
pub use openapi::Document;
pub use page::Pages;
pub use plan::plan_json;
pub use plans::Plans;
pub use problem::Problem;
pub use readiness::Readiness;
pub use refusals::Refusals;
pub use router::{router, router_of_administration, router_of_questions};
pub use search::search_json;
pub use serve::serve;
