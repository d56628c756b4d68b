//! Something that a caller holds, and that is no part of who it is.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// Something that a caller holds. Callers are equal whatever they hold, and another caller begins anew.
#[derive(Default)]
pub(crate) struct Aside<T>(T);

impl<T> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Aside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside").finish_non_exhaustive()
    }
}

impl<T: Default> Clone for Aside<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Aside<T> {}

impl<T> Hash for Aside<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
