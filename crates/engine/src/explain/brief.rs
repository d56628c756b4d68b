//! Truncation of long texts.

use std::fmt::{Display, Error, Write};

/// The most characters of a value or of an id.
pub(super) const VALUE: usize = 1_000;

/// The most characters of an expression.
pub(super) const EXPRESSION: usize = 10_000;

/// Text of so many characters, and true if there were more.
struct TruncatedText {
    text: String,
    left: usize,
    is_cut: bool,
}

impl Write for TruncatedText {
    fn write_str(&mut self, more: &str) -> Result<(), Error> {
        for char in more.chars() {
            if self.left == 0 {
                self.is_cut = true;
                // Ends the writing.
                return Err(Error);
            }
            self.left -= 1;
            self.text.push(char);
        }
        Ok(())
    }
}

fn cut(what: &dyn Display, most: usize) -> TruncatedText {
    let mut cut = TruncatedText {
        text: String::new(),
        left: most,
        is_cut: false,
    };
    // Writing fails only where the text is cut.
    let _ = write!(cut, "{what}");
    cut
}

/// A text, truncated with `…` at the end where it is longer.
pub(super) fn brief(what: &dyn Display, most: usize) -> String {
    let mut cut = cut(what, most);
    if cut.is_cut {
        cut.text.push('…');
    }
    cut.text
}

/// Returns true if a text is longer.
pub(super) fn is_longer(what: &dyn Display, most: usize) -> bool {
    cut(what, most).is_cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_is_cut_and_nothing_else() {
        assert_eq!(brief(&"äöü", 3), "äöü");
        assert_eq!(brief(&"äöüß", 3), "äöü…");
        assert_eq!(brief(&"", 0), "");
        assert!(is_longer(&12345, 4) && !is_longer(&12345, 5));
    }
}
