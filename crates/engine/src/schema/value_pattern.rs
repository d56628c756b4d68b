//! The form of a value: the characters that it may have, and how many.
//!
//! A schema writes it as a regular expression of one class, `[0-9A-Za-z._~-]{1,130}`.

use std::fmt;
use std::ops::RangeInclusive;

/// The characters that a value may have, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ValuePattern {
    text: String,
    characters: Vec<RangeInclusive<char>>,
    length: RangeInclusive<usize>,
}

impl ValuePattern {
    /// Reads the text of `@valuePattern`.
    ///
    /// # Errors
    /// A text in another form.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no pattern as `[0-9a-z-]{{1,20}}`");
        let parts = text.strip_prefix('[').and_then(|it| it.strip_suffix('}'));
        let parts = parts.and_then(|it| it.split_once("]{"));
        let (class, counts) = parts.ok_or_else(wrong)?;
        let (least, most) = counts.split_once(',').ok_or_else(wrong)?;
        let (least, most) = least
            .parse()
            .ok()
            .zip(most.parse().ok())
            .ok_or_else(wrong)?;
        let characters = ranges(class).ok_or_else(wrong)?;
        if characters.is_empty() || least > most {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            characters,
            length: least..=most,
        })
    }

    /// Returns true if a value has this form.
    pub(super) fn fits(&self, value: &str) -> bool {
        let is_of_class = |c: char| self.characters.iter().any(|range| range.contains(&c));
        value.chars().all(is_of_class) && self.length.contains(&value.chars().count())
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The characters of a class; `None` for a class that some would read in another way.
fn ranges(class: &str) -> Option<Vec<RangeInclusive<char>>> {
    let is_plain = |c: char| c.is_ascii_graphic() && !"[]\\^&".contains(c);
    if !class.chars().all(is_plain) {
        return None;
    }
    let (class, ends_with_minus) = match class.strip_suffix('-') {
        Some(class) => (class, true),
        None => (class, false),
    };
    let mut found = Vec::new();
    let mut rest = class.chars().peekable();
    while let Some(first) = rest.next() {
        let last = match rest.next_if_eq(&'-') {
            Some(_) => rest.next()?,
            None => first,
        };
        if first == '-' || last == '-' || first > last {
            return None;
        }
        found.push(first..=last);
    }
    if ends_with_minus {
        found.push('-'..='-');
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_characters_of_the_class_and_so_many() {
        let pattern = ValuePattern::parse("[0-9A-Za-z._~-]{1,4}").unwrap();
        for value in ["0", "9", "aZ", "._~-", "----"] {
            assert!(pattern.fits(value), "{value}");
        }
        for value in [
            "", "aaaaa", "a b", "a/", "#", "a%", "\u{e5}", "\u{665}", "a\n", ":", "a,",
        ] {
            assert!(!pattern.fits(value), "{value}");
        }
    }

    #[test]
    fn what_is_no_pattern_of_one_class_is_refused() {
        for text in [
            "",
            "[]{1,2}",
            "a{1,2}",
            "[a]",
            "[a]{1}",
            "[a]{2,1}",
            "[a]{1,}",
            "[z-a]{1,2}",
            "[a--]{1,2}",
            "[^a]{1,2}",
            "[\\d]{1,2}",
            "[a b]{1,2}",
            "[a]]{1,2}",
            "[-a]{1,2}",
            "[a]{1,2}x",
            "[\u{e5}]{1,2}",
        ] {
            assert!(ValuePattern::parse(text).is_err(), "{text}");
        }
        assert!(ValuePattern::parse("[-]{1,2}").unwrap().fits("-"));
    }
}
