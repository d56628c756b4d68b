//! A look at a text before it is parsed.
//!
//! Cedar's parser and evaluator are recursive: a text that is nested deeply
//! enough ends the process, and no error can be caught. So nesting and the
//! number of operators are counted first, which needs no recursion. The same
//! pass finds where each policy starts and ends.

use std::ops::Range;

/// Brackets inside brackets that a policy or a schema may have.
const MAX_BRACKETS: usize = 64;
/// Operators, attributes, conditions and clauses in one policy: they can nest. Long lists
/// are sets, and are not counted.
const MAX_OPERATORS: usize = 4096;
/// Common types in a schema: each may stand on the one before.
const MAX_TYPES: usize = 1000;
/// Attributes of one record in a schema: Cedar's parser looks at all of them for each one.
const MAX_WIDTH: usize = 4096;
/// Such looks in a schema: those of a few of the widest records.
const MAX_LOOKS: usize = 8 * MAX_WIDTH * MAX_WIDTH;

/// The language of a text. It decides what can nest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Policies.
    Policy,
    /// A schema.
    Schema,
    /// A schema in JSON.
    SchemaJson,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The statements: each ends with a `;` outside of strings and comments.
    pub(super) statements: Vec<Range<usize>>,
    /// The first place where the text is nested too deep, with the thing of which there is too
    /// much.
    pub(super) too_deep: Option<(usize, &'static str)>,
}

/// Finds the statements of a text, and the first place where it is nested too deep.
pub(super) fn scan(text: &str, language: Language) -> Scan {
    let policy = language == Language::Policy;
    let bytes = text.as_bytes();
    let mut found = Scan::default();
    let (mut depth, mut operators, mut types) = (0_usize, 0_usize, 0_usize);
    let mut widths = Widths::default();
    let mut start = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let here = at;
        at += 1;
        match byte {
            b'/' if bytes.get(at) == Some(&b'/') => {
                at += bytes
                    .get(at..)
                    .and_then(|rest| rest.iter().position(|b| *b == b'\n'))
                    .unwrap_or(bytes.len());
                continue;
            }
            b'"' => {
                while let Some(&inside) = bytes.get(at) {
                    at += if inside == b'\\' { 2 } else { 1 };
                    if inside == b'"' {
                        break;
                    }
                }
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                // An index and a clause nest without being inside of anything.
                operators += usize::from(byte != b'(');
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b':' if is_member(bytes, here) => widths.add(),
            b'<' if !policy => depth += 1,
            b'>' if !policy => depth = depth.saturating_sub(1),
            b'|' | b'&' | b'!' | b'-' | b'+' | b'*' | b'.' | b'?' => operators += 1,
            b'i' if is_word(bytes, here, b"if") => operators += 1,
            b't' if is_word(bytes, here, b"type") => types += 1,
            _ => {}
        }
        match byte {
            b'{' => widths.of_open.push(0),
            b'}' => drop(widths.of_open.pop()),
            _ => {}
        }
        if language == Language::Schema
            && let Some(what) = widths.too_many()
        {
            found.too_deep.get_or_insert((here, what));
        }
        if depth > MAX_BRACKETS {
            found
                .too_deep
                .get_or_insert((here, "brackets inside brackets"));
        }
        if policy && operators > MAX_OPERATORS {
            found.too_deep.get_or_insert((here, "operators"));
        }
        if !policy && types > MAX_TYPES {
            found.too_deep.get_or_insert((here, "common types"));
        }
        if byte == b';' {
            found.statements.push(start.take().unwrap_or(here)..at);
            (depth, operators) = (0, 0);
        } else if start.is_none() && !byte.is_ascii_whitespace() {
            start = Some(here);
        }
    }
    found
}

/// How many attributes records have.
#[derive(Default)]
struct Widths {
    /// Of each record that is open.
    of_open: Vec<usize>,
    /// Of all together, each as often as its record has some.
    looks: usize,
}

impl Widths {
    fn add(&mut self) {
        if let Some(width) = self.of_open.last_mut() {
            self.looks += 2 * *width + 1;
            *width += 1;
        }
    }

    fn too_many(&self) -> Option<&'static str> {
        if self.of_open.last().is_some_and(|width| *width > MAX_WIDTH) {
            Some("attributes of one record: 4096 are the most")
        } else {
            (self.looks > MAX_LOOKS).then_some("records of many attributes")
        }
    }
}

/// Returns true if the colon there is that of an attribute, and not of a namespace.
fn is_member(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    before != Some(&b':') && bytes.get(at + 1) != Some(&b':')
}

/// Returns true if a whole word stands there.
fn is_word(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let end = at + word.len();
    bytes.get(at..end) == Some(word) && !part(before) && !part(bytes.get(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_outside_of_strings_and_comments() {
        let text = "// a; b\n@id(\"x;\\\"y\") permit (principal, action, resource);\n\nforbid (principal, action, resource);";
        let found = scan(text, Language::Policy);
        let parts: Vec<_> = found
            .statements
            .iter()
            .map(|range| text.get(range.clone()).unwrap())
            .collect();
        assert_eq!(
            parts,
            [
                "@id(\"x;\\\"y\") permit (principal, action, resource);",
                "forbid (principal, action, resource);"
            ]
        );
    }

    #[test]
    fn the_attributes_of_each_record_are_counted() {
        let record = |width: usize| format!("{{ {} }}", "a: N::Long, ".repeat(width));
        let is_refused = |text: &str, language| scan(text, language).too_deep.is_some();
        let all = format!(
            "namespace N {{ {} }}",
            "entity E = { a: Long };".repeat(5000)
        );
        assert!(!is_refused(&all, Language::Schema));
        let entity = |width: usize| format!("entity E = {};", record(width));
        assert!(!is_refused(&entity(4096), Language::Schema));
        assert!(is_refused(&entity(4097), Language::Schema));
        assert!(!is_refused(&record(4097), Language::SchemaJson));
        assert!(!is_refused(&entity(4096).repeat(8), Language::Schema));
        assert!(is_refused(&entity(4096).repeat(9), Language::Schema));
    }

    #[test]
    fn depth_is_counted_without_recursion() {
        assert!(
            scan(&"(".repeat(1_000_000), Language::Policy)
                .too_deep
                .is_some()
        );
        assert!(
            scan(&"a||".repeat(100_000), Language::Policy)
                .too_deep
                .is_some()
        );
        assert!(
            scan(&format!("[{}]", "\"a\",".repeat(10_000)), Language::Policy)
                .too_deep
                .is_none()
        );
        assert!(
            scan(
                "\"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\"",
                Language::Policy
            )
            .too_deep
            .is_none()
        );
    }
}
