//! Policies and schema, from text to the [`Bundle`] that the engine decides with.
//!
//! [`Sources`] are read whole, checked whole ([`load`]), and become one
//! immutable [`Bundle`] or a list of [`Fault`]s with file, line and caret. What
//! is not strictly valid, what Cedar warns about and what is nested too deep
//! never becomes a Bundle: Cedar skips a policy that it cannot evaluate, also
//! one that forbids.

mod bundle;
mod fault;
mod load;
mod plan;
pub mod routes;
mod rules;
mod scan;
mod source;

pub use bundle::{Bundle, BundleError, PolicyInfo, Reached, Shard};
pub use fault::{Fault, Severity};
pub use load::{MAX_DEPTH, MAX_LEVEL, load, on_large_stack, sorted};
pub use plan::{Path, Plan, PlanError, Probe, Root, TagKey};
pub use rules::{HeldBy, Rule, Rules};
pub use scan::{Language, Scan, scan};
pub use source::{SourceError, SourceFile, Sources, invariant_files, is_policy, is_rules};
