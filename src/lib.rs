//! x
pub mod cli;
pub mod config;
pub mod engine;
pub mod http;
pub mod identity;
pub mod policy;
pub mod schema;
pub mod slice;
pub mod store;
pub mod suite;
mod text;
