//! The entities that one question needs: complete to the level that the policies
//! were validated for, or an error.
//!
//! A [`Reading`] is one state of the store. Starting from the principal, the
//! resource and the entities of the context, [`Reading::gather`] follows the
//! attributes that the policies follow ([`crate::policy::Plan`]) and asks for the
//! tags that they ask for; what is not in memory, [`Reading::load`] reads, for all
//! questions of a batch together. What was loaded stays in the [`Cache`] for as long
//! as the [`Timeline`] shows no change of it, so that a warm question touches no
//! database.

mod cache;
mod gather;
mod lookup;
mod reading;
mod timeline;

pub use cache::{Cache, CacheStats, Loaded};
pub use gather::{Absent, Asked, Gathered, Missing, Rows, Slice, SliceError};
pub use lookup::{Lookup, LookupError};
pub use reading::{Demand, Freshness, Moved, Reading, ReadingError, Sources};
pub use timeline::{Known, Look, Timeline};
