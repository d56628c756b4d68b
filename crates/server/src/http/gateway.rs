//! `/authz/…`: what gateways ask before they let a request through.
//!
//! Each endpoint reads method and target from what its gateway sets, and from nothing else: a
//! client can write every other header, and the gateways pass them on. What leaves here is 200, 401,
//! 403 or a server error, as the gateways make something else of everything else: nginx a 500 of a
//! 404, Envoy an answer to the client of a 204.

mod answer;
mod caller;
mod certificate;
mod check;
mod decided;
mod denial;
mod endpoint;
mod endpoints;
mod family;
mod grpc;
mod observed;
mod outcome;
mod payload;
mod refusal;
mod request;
mod settings;
mod trusted;
mod written;

pub(super) use endpoints::{refusal, routes, unrouted};
pub use grpc::{messages, serve_envoy};
pub use settings::Gateway;
