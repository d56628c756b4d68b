//! Authorization for Peppol Access Points and SMPs: Cedar policies over the tenancy store.
//!
//! ```text
//! gateways    ┐
//! AuthZEN     ┤                        ┌── Bundle: policies, schema, routes; immutable, swapped whole
//! POST /v1/…  ┼─► Question ─► engine ◄─┤
//! authorize   ┤       │                └── slice: the entities one question needs ◄── cache ◄── store
//! test        ┘       ▼
//!                 Decision ─► answer, metrics, decision log
//! ```
//!
//! Surfaces translate, the engine decides: [`engine::Engine`] has all that a decision needs,
//! [`http::router`] is one surface around it, [`cli::run`] puts a program together. Imports run one
//! way, `cli → http → shadow → decision_log → engine → slice → {policy, store} → schema`.

pub mod cli;
pub mod config;
pub mod decision_log;
pub mod engine;
pub mod http;
pub mod identity;
pub mod policy;
pub mod proof;
pub mod schema;
pub mod shadow;
pub mod slice;
pub mod store;
pub mod suite;
mod text;
