//! Values as text.

pub mod duration;
pub mod instant;

use std::fmt::Write;

/// The first `len` bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8], len: usize) -> String {
    bytes
        .iter()
        .take(len)
        .fold(String::with_capacity(2 * len), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
