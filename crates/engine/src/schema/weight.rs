//! The memory that values and entities take, with the same values as Cedar keeps them.
//!
//! The numbers are measured, on 64 bits with glibc's allocator: a test compares a setting of memory
//! with what the process takes.

use super::entities::Row;
use super::value::{Record, Value};

/// An entity without its values: the row, Cedar's entity, and their ids.
const ENTITY: usize = 900;

/// A part of a map. It has room for eleven members, and is made whole for one.
const MAP_PART: usize = 1900;

/// The members in a part of a large map, which is not full.
const MEMBERS: usize = 8;

/// An element of a set, which Cedar keeps in two orders.
const ELEMENT: usize = 200;

/// A value that names an entity.
const UID: usize = 390;

/// An ancestor.
const ANCESTOR: usize = 350;

/// A value of an extension type.
const EXTENSION: usize = 600;

/// A text, without its letters.
const TEXT: usize = 24;

impl Value {
    /// About how many bytes it takes in memory, with Cedar's form of it.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Bool(_) | Self::Long(_) => 0,
            Self::String(text) => 2 * (TEXT + text.len()),
            Self::Extension(_, text) => EXTENSION + 2 * text.len(),
            Self::Entity(uid) => UID + 2 * AsRef::<str>::as_ref(uid.id()).len(),
            Self::Set(values) => {
                let values = values.iter().map(|value| ELEMENT + value.weight());
                ELEMENT + values.sum::<usize>()
            }
            Self::Record(record) => record_weight(record),
        }
    }
}

/// About how many bytes a record takes in memory, with Cedar's form of it.
#[must_use]
pub fn record_weight(record: &Record) -> usize {
    let members = record.iter();
    let members = members.map(|(name, value)| 2 * (TEXT + name.len()) + value.weight());
    MAP_PART * record.len().div_ceil(MEMBERS) + members.sum::<usize>()
}

impl Row {
    /// About how many bytes it takes in memory, with the Cedar entity made of it.
    #[must_use]
    pub fn weight(&self) -> usize {
        let id = |uid: &cedar_policy::EntityUid| AsRef::<str>::as_ref(uid.id()).len();
        let ancestors = self.ancestors.iter().map(|uid| ANCESTOR + 2 * id(uid));
        ENTITY
            + 3 * id(&self.uid)
            + record_weight(&self.attributes)
            + record_weight(&self.tags)
            + ancestors.sum::<usize>()
    }
}
