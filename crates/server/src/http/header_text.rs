//! Text in the values of headers.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Characters that would not arrive as they are. Blanks at either end of a header are taken off, and
/// `%` marks encoded characters.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Printable ASCII, whatever the text is.
pub(super) fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, ENCODED).into()
}
