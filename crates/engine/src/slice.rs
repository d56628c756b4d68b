//! The entities that one question needs: complete to the level that the policies
//! were validated for, or an error.
//!
//! A `StateReading` is one state of the store. Starting from the principal, the
//! resource and the entities of the context, `StateReading::gather` walks the plan of the
//! policies (`policy/reading_plan.rs`): it follows the attributes that they follow and asks for the
//! tags that they ask for. What is not in memory, `StateReading::load` reads, for all
//! questions of a batch together. What was loaded stays in the [`Cache`] for as long
//! as the [`Timeline`] shows no change of it, so that a warm question touches no
//! database.

mod cache;
mod described;
mod error;
mod freshness;
mod gather;
mod links;
mod loaded;
mod look;
mod lookup;
mod reading;
mod timeline;
mod uid_index;
mod waits;
mod walk;

pub use cache::{Cache, CacheStats, ENTRY_BYTES};
pub use described::Described;
pub use freshness::{Demand, Freshness};
pub use links::LinkTable;
pub use loaded::{Loaded, SeenEntity};
pub use look::{Known, Look};
pub(crate) use timeline::MarkPlace;
pub use timeline::Timeline;
pub use waits::WaitLimits;

pub(crate) use error::{LookupError, ReadingError, SliceError};
pub(crate) use gather::{AbsentEntities, Gathered};
pub(crate) use loaded::{Held, Missing};
pub(crate) use lookup::{Holder, Lookup};
pub(crate) use reading::{
    InState, Moved, ReadingSources, StateReading, links_misfit, unread_links,
};
pub(crate) use waits::StoreWaits;
pub(crate) use walk::{Absent, NamedEntities, RowSource, RowState, Walked, walk};
