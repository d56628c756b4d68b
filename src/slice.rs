//! The entities that one question needs: complete to the level that the
//! policies were validated for, or an error.
//!
//! Starting from the principal, the resource and the entities of the context,
//! [`assemble`] loads rows, follows the attributes that the policies follow
//! ([`crate::policy::Plan`]) and asks for the tags that they ask for. What it
//! has loaded stays in the [`Cache`] under the state of the store that it was
//! read from, so that a warm question touches no table.

mod assemble;
mod cache;

pub use assemble::{Absent, Asked, Slice, SliceError, assemble};
pub use cache::{Cache, CacheStats, Loaded};
