//! Cedar sets that other programs keep: files of Cedar's command line, dumps of Amazon Verified Permissions, the
//! data files of cedar-agent.
//!
//! INVARIANT: no policy is left out in silence. A file that may hold one is read, or it is an error, or it is named
//! as left out; a policy or template that a list names and that is not there is an error.

mod amazon;
mod candidates;
mod directory;
mod entity_json;
mod json;
mod numbered;
mod pinned;
mod sample;
mod set;
mod statement;
mod values;

pub use pinned::pinned_suite;
pub use sample::sample_entities;
pub use set::{BroughtError, BroughtPlaces, BroughtQuestion, BroughtSet, is_brought, is_schema};
