//! Policies and schema, from text to the [`Bundle`] that the engine decides with.
//!
//! [`Sources`] are read whole, checked whole ([`load`]), and become one
//! immutable [`Bundle`] or a list of [`Fault`]s with file, line and caret. A set that may be half of
//! one never becomes a Bundle either: a rule of the list that no policy holds, a file that the
//! manifest does not list, an entry of the directory that may be a policy. A text that is not
//! strictly valid or that is nested too deep never becomes a Bundle: Cedar skips a policy that it cannot
//! evaluate, even one that forbids. Nor does one that Cedar warns about, unless [`Warnings`] say so.

mod bundle;
mod convert;
mod directory;
mod fault;
mod fragments;
mod info;
mod level;
mod link;
mod load;
mod reading_plan;
pub mod routes;
mod rules;
mod scan;
mod scope;
mod shard;
mod side;
mod source_file;
mod sources;
mod stack;
mod stamp;
mod stored;
mod template;
mod warnings;
mod weight;

pub use bundle::{Bundle, BundleError, QuestionKind};
pub use convert::{PolicyText, policies_to_json, policies_to_text, schema_converted};
pub use directory::{Entry, EntryKind, PolicyDirectory, UnreadEntry, invariant_files};
pub use fault::{Fault, Severity};
pub use fragments::{Fragment, SchemaText};
pub use info::PolicyInfo;
pub use level::MaxLevel;
pub use link::{Link, LinkText, links_to_toml};
pub use load::{MAX_CONDITIONALS, MAX_POLICIES, load};
pub use reading_plan::{MAX_DEPTH, ReadingPlanError};
pub(crate) use reading_plan::{Path, ReadingPlan, Root, TagKey};
pub use rules::{HeldBy, Rule, Rules};
pub(crate) use shard::OneSided;
pub use shard::Shard;
pub use source_file::{SourceError, SourceFile};
pub use sources::Sources;
pub use stack::on_large_stack;
pub use stamp::Stamp;
pub use stored::StoredLink;
pub use template::{PolicyTemplate, linked_policies};
pub use warnings::{WarningKind, Warnings};
