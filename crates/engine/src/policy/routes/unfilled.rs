//! Places of an entry that are still to be filled in.

/// The beginning of a text that stands for one that an author has yet to write.
pub const UNFILLED: &str = "TODO";

/// Refuses such a text.
pub(super) fn check_filled(text: &str) -> Result<(), &'static str> {
    if text.trim_start().starts_with(UNFILLED) {
        Err("a place that is still to be filled in")
    } else {
        Ok(())
    }
}
