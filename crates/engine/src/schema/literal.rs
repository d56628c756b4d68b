//! Entities written as Cedar writes them: `Type::"id"`.
//!
//! `EntityUid::from_str` takes only the one escaped form that Cedar itself
//! prints: not `User::"o'brien"`, which every policy may say. Callers write what
//! a policy may say.

/// The type and the id of a literal; `None` for another text.
pub(super) fn parse(literal: &str) -> Option<(&str, String)> {
    let (name, rest) = literal.split_once("::\"")?;
    let inner = rest.strip_suffix('"')?;
    Some((name.trim(), unescape(inner)?))
}

/// Cedar's escapes, which are Rust's; `None` for another one and for a quote
/// that is not escaped.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                c @ ('\\' | '\'' | '"') => c,
                'x' => {
                    let code = hexadecimal(chars.by_ref().take(2), 2)?;
                    char::from_u32(code).filter(char::is_ascii)?
                }
                'u' => {
                    let (digits, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = rest.chars();
                    char::from_u32(hexadecimal(digits.chars(), digits.len())?)?
                }
                _ => return None,
            },
            c => c,
        });
    }
    Some(plain)
}

fn hexadecimal(digits: impl Iterator<Item = char>, len: usize) -> Option<u32> {
    let text: String = digits.collect();
    let valid =
        text.len() == len && (1..=6).contains(&len) && text.chars().all(|c| c.is_ascii_hexdigit());
    valid.then(|| u32::from_str_radix(&text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use cedar_policy::{EntityId, EntityTypeName, EntityUid};

    use super::*;

    #[test]
    fn what_a_policy_may_say_is_read() {
        for (literal, id) in [
            (r#"A::B::"o'brien""#, "o'brien"),
            (r#"A::B::"a\"b\\c""#, "a\"b\\c"),
            (r#"A::B::"\u{e9}\x41\n""#, "éA\n"),
            (r#"A::B::"x::\"y""#, "x::\"y"),
        ] {
            assert_eq!(parse(literal), Some(("A::B", id.to_owned())), "{literal}");
        }
        for literal in [
            "A::B",
            "A::\"a",
            "A::\"a\"b\"",
            r#"A::"\q""#,
            r#"A::"\x80""#,
            r#"A::"\u{110000}""#,
            r#"A::"\""#,
            "\"a\"",
        ] {
            assert_eq!(parse(literal), None, "{literal}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_cedar_prints_is_read_back(id in "\\PC*|[\\x00-\\x7f]*") {
            let uid = EntityUid::from_type_name_and_id(EntityTypeName::from_str("A::B").unwrap(), EntityId::new(&id));
            let printed = uid.to_string();
            proptest::prop_assert_eq!(parse(&printed), Some(("A::B", id)));
        }
    }
}
