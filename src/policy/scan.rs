//! A look at a text before it is parsed.
//!
//! Cedar's parser and evaluator are recursive: a text that is nested deeply
//! enough ends the process, and no error can be caught. So nesting and the
//! number of operators are counted first, which needs no recursion. The same
//! pass finds where each policy starts and ends.

use std::ops::Range;

/// Brackets inside brackets that a policy or a schema may have.
const MAX_BRACKETS: usize = 64;
/// Operators that one policy may have; long lists are sets, and not counted.
const MAX_OPERATORS: usize = 4096;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The statements: what stands up to a `;` outside of strings and comments.
    pub(super) statements: Vec<Range<usize>>,
    /// The first place where the text is nested too deep, and what of.
    pub(super) too_deep: Option<(usize, &'static str)>,
}

pub(super) fn scan(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let mut found = Scan::default();
    let (mut depth, mut operators) = (0_usize, 0_usize);
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
            b'(' | b'[' | b'{' | b'<' => {
                depth += 1;
                if depth > MAX_BRACKETS {
                    found.too_deep.get_or_insert((here, "brackets"));
                }
            }
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            b'|' | b'&' | b'!' | b'-' | b'+' | b'*' | b'.' | b'?' => operators += 1,
            b'i' if bytes.get(here..here + 3) == Some(b"if ") => operators += 1,
            _ => {}
        }
        if operators > MAX_OPERATORS {
            found.too_deep.get_or_insert((here, "operators"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_outside_of_strings_and_comments() {
        let text = "// a; b\n@id(\"x;\\\"y\") permit (principal, action, resource);\n\nforbid (principal, action, resource);";
        let found = scan(text);
        let parts: Vec<_> = found
            .statements
            .iter()
            .map(|range| &text[range.clone()])
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
    fn depth_is_counted_without_recursion() {
        assert!(scan(&"(".repeat(1_000_000)).too_deep.is_some());
        assert!(scan(&"a||".repeat(100_000)).too_deep.is_some());
        assert!(
            scan(&format!("[{}]", "\"a\",".repeat(10_000)))
                .too_deep
                .is_none()
        );
        assert!(
            scan("\"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\"")
                .too_deep
                .is_none()
        );
    }
}
