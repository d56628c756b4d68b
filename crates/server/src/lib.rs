//! The sidecar around the engine: settings, identity, surfaces over HTTP and gRPC, the decision log
//! and the shadow.
//!
//! Surfaces translate, the engine decides. Imports run one way,
//! `http → {callers, shadow → decision_log} → {identity → telemetry, tls} → config`.

pub mod callers;
pub mod config;
pub mod decision_log;
mod followed;
pub mod http;
pub mod identity;
pub mod instant;
mod keyed_hash;
pub mod loads;
pub mod review;
pub mod shadow;
pub mod telemetry;
pub mod tls;
pub mod watch;

/// The program's name, as its answers give it.
pub(crate) const PROGRAM: &str = "peppol-authz";

/// The program in one sentence, for its OpenAPI document.
pub(crate) const DESCRIPTION: &str = "Authorization sidecar for Peppol Access Points and SMPs: Cedar policies over the tenancy store";
