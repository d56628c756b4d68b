//! The limits of a file of entities.

use crate::file::Length;

/// The limits of a file of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntitiesLimits {
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// The ancestors of one entity, near and far.
    pub ancestors: usize,
}

impl EntitiesLimits {
    /// No limits, for entities that the program itself makes.
    pub const NONE: Self = Self {
        bytes: u64::MAX,
        ancestors: usize::MAX,
    };

    pub(super) fn length(&self) -> Length {
        Length {
            bytes: self.bytes,
            setting: Some("entities.bytes"),
        }
    }
}

/// The defaults of the program, a test says.
impl Default for EntitiesLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            ancestors: 1000,
        }
    }
}
