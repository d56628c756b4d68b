//! The shape of a parameter: text in which `*` stands for any text.

use std::collections::{HashSet, VecDeque};

/// A shape, cut at its `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// Never empty; one piece is a text without `*`.
    pieces: Vec<Box<str>>,
}

/// The parts of a shape, for the walk of two at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GlobPart {
    Letter(char),
    Any,
}

/// A step of a walk through two shapes: the places in both, the number of letters so far, up to
/// three, and true if these are all dots. A segment is none of "", "." and "..".
type GlobWalk = (usize, usize, u8, bool);

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        Self {
            pieces: text.split('*').map(Box::from).collect(),
        }
    }

    /// Returns true if a text has this shape.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (Some(first), Some(last)) = (self.pieces.first(), self.pieces.last()) else {
            return false;
        };
        if self.pieces.len() == 1 {
            return **first == *text;
        }
        let inner = text.strip_prefix(&**first);
        let Some(mut inner) = inner.and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        // The leftmost place leaves most for what follows.
        for piece in self.pieces.iter().take(self.pieces.len() - 1).skip(1) {
            match inner.split_once(&**piece) {
                Some((_, rest)) => inner = rest,
                None => return false,
            }
        }
        true
    }

    /// Returns true if every text has this shape.
    pub(super) fn is_any(&self) -> bool {
        self.pieces.iter().all(|piece| piece.is_empty())
    }

    /// Returns true if surely every text of the other shape has this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        // A `*` of the other is in no piece of this one, so it can only be a part of what a `*` here stands for.
        self.matches(&other.pieces.join("*"))
    }

    /// Steps that [`Self::common`] may take.
    pub(super) fn steps(&self, other: &Self) -> u64 {
        let (ours, theirs) = (self.tokens(), other.tokens());
        let letters: HashSet<char> = ours
            .iter()
            .chain(&theirs)
            .filter_map(|token| match token {
                GlobPart::Letter(letter) => Some(*letter),
                GlobPart::Any => None,
            })
            .collect();
        let places = ours.len() as u64 * theirs.len() as u64;
        // Each step copies the text so far.
        let longest = ours.len().max(theirs.len()) as u64;
        places
            .saturating_mul(1 + letters.len() as u64)
            .saturating_mul(1 + longest / 64)
    }

    /// A segment that has both shapes, one of the shortest; `None` where there is none.
    pub(super) fn common(&self, other: &Self) -> Option<String> {
        let (ours, theirs) = (self.tokens(), other.tokens());
        // First a letter for `*` that makes an example easy to read, then the letters of both
        // texts.
        let mut alphabet = vec!['x'];
        for token in ours.iter().chain(&theirs) {
            if let GlobPart::Letter(letter) = *token
                && !alphabet.contains(&letter)
            {
                alphabet.push(letter);
            }
        }
        let is_end = |(i, j, length, dots): GlobWalk| {
            i == ours.len() && j == theirs.len() && length > 0 && !(dots && length < 3)
        };
        let start: GlobWalk = (0, 0, 0, true);
        let mut seen = HashSet::new();
        let mut queue = VecDeque::from([(start, String::new())]);
        while let Some((state, text)) = queue.pop_front() {
            if !seen.insert(state) {
                continue;
            }
            let (i, j, length, dots) = state;
            if is_end(state) {
                return Some(text);
            }
            // Out of a `*` without a letter. First in the queue: the text is no longer.
            if ours.get(i) == Some(&GlobPart::Any) {
                queue.push_front(((i + 1, j, length, dots), text.clone()));
            }
            if theirs.get(j) == Some(&GlobPart::Any) {
                queue.push_front(((i, j + 1, length, dots), text.clone()));
            }
            for &letter in &alphabet {
                if let (Some(i), Some(j)) = (step(&ours, i, letter), step(&theirs, j, letter)) {
                    let next = (i, j, (length + 1).min(3), dots && letter == '.');
                    let mut text = text.clone();
                    text.push(letter);
                    queue.push_back((next, text));
                }
            }
        }
        None
    }

    fn tokens(&self) -> Vec<GlobPart> {
        let mut tokens = Vec::new();
        for (number, piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                tokens.push(GlobPart::Any);
            }
            tokens.extend(piece.chars().map(GlobPart::Letter));
        }
        tokens
    }
}

/// Where a shape is after a letter.
fn step(tokens: &[GlobPart], at: usize, letter: char) -> Option<usize> {
    match tokens.get(at)? {
        GlobPart::Any => Some(at),
        GlobPart::Letter(expected) => (*expected == letter).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_has_a_shape_or_not() {
        for (glob, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a::b", true),
            ("*::*", "a::b", true),
            ("*::*", "::", true),
            ("*::*", "a:b", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "acb", false),
            ("*ab*ab*", "xabab", true),
            ("*ab*ab*", "xaba", false),
            ("*aa*a", "aa", false),
            ("**", "x", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn a_shape_covers_another_or_not() {
        for (one, other, expected) in [
            ("*", "*:cancel", true),
            ("*:*", "*:cancel", true),
            ("*:cancel", "*:*", false),
            ("a*", "*a", false),
            ("a*", "ab*", true),
            ("v*", "v*", true),
            ("*-*", "x", false),
        ] {
            let covers = Glob::new(one).covers(&Glob::new(other));
            assert_eq!(covers, expected, "{one} {other}");
        }
        assert!(Glob::new("**").is_any() && !Glob::new("*a").is_any());
    }

    #[test]
    fn two_shapes_have_a_segment_in_common_or_none() {
        for (one, other, expected) in [
            ("*", "*", Some("x")),
            ("*", "a", Some("a")),
            ("a", "b", None),
            ("a*", "*b", Some("ab")),
            ("a*", "b*", None),
            ("*::*", "*", Some("::")),
            ("*::*", "legal-entities", None),
            ("a*b", "ab*", Some("ab")),
            ("aa*", "*a", Some("aa")),
            ("a*c", "ab*bc", Some("abbc")),
            ("*.", ".*", Some(".x.")),
            (".*", "*", Some(".x")),
            ("..*", "*..", Some("...")),
            (".", "*", None),
            ("*", "..", None),
        ] {
            let common = Glob::new(one).common(&Glob::new(other));
            assert_eq!(common.as_deref(), expected, "{one} {other}");
        }
    }

    /// Every segment of up to `length` letters.
    fn segments(length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last
                .iter()
                .flat_map(|text| ['a', 'b', '.', 'x'].map(|letter| format!("{text}{letter}")))
                .collect();
            all.extend(last.iter().cloned());
        }
        all.retain(|text| !matches!(text.as_str(), "" | "." | ".."));
        all
    }

    /// The same by the definition.
    fn matches(glob: &[char], text: &[char]) -> bool {
        match glob.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            Some((letter, rest)) => text.first() == Some(letter) && matches(rest, &text[1..]),
        }
    }

    proptest! {
        // Letters of both, so none longer than the letters of both and one filling.
        #[test]
        fn nothing_else_is_common_than_what_trying_all_finds(
            one in "[ab.*]{1,4}",
            other in "[ab.*]{1,4}",
        ) {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let (a, b) = (letters(&one), letters(&other));
            let found = segments(6)
                .into_iter()
                .find(|text| matches(&a, &letters(text)) && matches(&b, &letters(text)));
            let common = Glob::new(&one).common(&Glob::new(&other));
            prop_assert_eq!(common.as_ref().map(String::len), found.map(|text| text.len()));
            if let Some(text) = common {
                prop_assert!(Glob::new(&one).matches(&text) && Glob::new(&other).matches(&text));
            }
        }

        #[test]
        fn a_shape_matches_as_the_definition_says(glob in "[ab*]{1,6}", text in "[ab]{0,8}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                Glob::new(&glob).matches(&text),
                matches(&letters(&glob), &letters(&text))
            );
        }
    }
}
