//! The targets, and what must hold of each.

/// Takes an input and returns its outcome, or what is wrong with it.
pub(crate) type Check = Box<dyn FnMut(&[u8]) -> Result<String, String>>;

/// Something that reads bytes.
pub(crate) struct Target {
    /// Its name, and that of its corpus.
    pub(crate) name: &'static str,
    pub(crate) check: Check,
}
