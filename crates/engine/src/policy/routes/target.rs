//! A request target as a client sent it: decoded once, segment by segment.
//!
//! A target that two programs could read differently is refused, so that the service behind
//! the gateway acts on the path that was decided.

use std::borrow::Cow;
use std::sync::Arc;

use crate::schema::{Misfit, could_mean};

/// Length of a target, in bytes.
const MAX_LENGTH: usize = 8192;

/// The path, in decoded segments, and the query.
#[derive(Debug)]
pub struct RequestTarget<'a> {
    segments: Vec<Cow<'a, str>>,
    query: Option<&'a str>,
}

/// The parameters of the path of one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Captures(pub(super) Vec<(Arc<str>, Box<str>)>);

impl Captures {
    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(found, _)| **found == *name)
            .map(|(_, text)| &**text)
    }
}

impl<'a> RequestTarget<'a> {
    /// Reads a target in origin form, `/a%3A%3Ab/c?x=1`.
    ///
    /// # Errors
    /// The problem; never the contents of the target.
    pub fn parse(text: &'a str) -> Result<Self, Misfit> {
        let refused = |problem: &str| Misfit::new(problem).within("path");
        if text.len() > MAX_LENGTH {
            return Err(refused("longer than 8192 bytes"));
        }
        check_raw(text).map_err(refused)?;
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        let Some(path) = path.strip_prefix('/') else {
            return Err(refused("does not start with `/`"));
        };
        let segments = if path.is_empty() {
            Vec::new()
        } else {
            let segments = path.split('/').map(segment);
            segments.collect::<Result<_, _>>().map_err(refused)?
        };
        Ok(Self { segments, query })
    }

    /// The parameter of a name in the query; `None` if the query does not have it.
    ///
    /// # Errors
    /// A name that occurs twice, or a query in which it cannot be told.
    pub fn query(&self, name: &str) -> Result<Option<Cow<'_, str>>, Misfit> {
        // The caller names the place.
        let refused = |problem: &str| Misfit::new(problem);
        let query = self.query.unwrap_or_default();
        if query.contains(';') {
            return Err(refused("a `;`, which parts parameters for some"));
        }
        let mut found = None;
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Any key that cannot be read could be this one to somebody else.
            let key = form(key).map_err(refused)?;
            if key != name {
                // `Ap`, `a_p`, `ap[]` and `ap ` are `ap` to others.
                let alike = key.split('[').next().unwrap_or_default();
                if could_mean(alike, name) {
                    return Err(refused("occurs in another spelling"));
                }
                continue;
            }
            if found.is_some() {
                return Err(refused("occurs twice"));
            }
            found = Some(form(value).map_err(refused)?);
        }
        Ok(found)
    }

    /// Returns true if the query has a parameter of that name, in any case.
    #[must_use]
    pub fn has_parameter(&self, name: &str) -> bool {
        let mut keys = self.query.unwrap_or_default().split(['&', ';']);
        keys.any(|pair| {
            let key = pair.split('=').next().unwrap_or_default();
            form(key).is_ok_and(|key| folded(key.trim()) == folded(name))
        })
    }

    /// The decoded segments of the path; none of `/`.
    pub(super) fn segments(&self) -> &[Cow<'a, str>] {
        &self.segments
    }
}

/// A name without regard to case, as services compare names that ignore it.
pub(crate) fn folded(name: &str) -> String {
    let upper = name.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

/// Refuses characters that no part of a target may hold undecoded.
fn check_raw(text: &str) -> Result<(), &'static str> {
    for byte in text.bytes() {
        match byte {
            b'#' => return Err("a fragment"),
            b' ' => return Err("a space"),
            0x80.. => return Err("a character that is not ASCII"),
            _ if byte.is_ascii_control() => return Err("a control character"),
            _ => {}
        }
    }
    Ok(())
}

/// One segment of a path.
fn segment(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if raw.is_empty() {
        return Err("an empty segment");
    }
    if raw.contains('\\') {
        return Err("a backslash");
    }
    if raw.contains(';') {
        return Err("a parameter behind `;`");
    }
    let text = decoded(raw)?;
    check_segment(&text)?;
    Ok(text)
}

/// Refuses what a decoded segment may not be.
pub(super) fn check_segment(text: &str) -> Result<(), &'static str> {
    match text {
        "" => return Err("an empty segment"),
        "." | ".." => return Err("a segment of dots"),
        _ => {}
    }
    if text.contains('/') {
        return Err("a slash within a segment");
    }
    if text.contains('\\') {
        return Err("a backslash");
    }
    Ok(())
}

/// A key or a value of a query.
fn form(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if raw.contains('+') {
        let spaced = raw.replace('+', " ");
        Ok(Cow::Owned(decoded(&spaced)?.into_owned()))
    } else {
        decoded(raw)
    }
}

/// Percent-decoded, once and strictly.
fn decoded(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err("a percent sign without two hexadecimal digits");
        };
        let byte = u8::try_from(high * 16 + low);
        bytes.push(byte.map_err(|_| "a percent sign without two hexadecimal digits")?);
    }
    // Overlong forms and surrogates are no UTF-8 either.
    let text = String::from_utf8(bytes).map_err(|_| "a byte sequence that is not UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err("a control character");
    }
    if is_encoded(&text) {
        return Err("a text that is encoded twice");
    }
    Ok(Cow::Owned(text))
}

/// Returns true if decoding it once more would change it.
fn is_encoded(text: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let mut places = text.match_indices('%').map(|(at, _)| at);
    places.any(|at| is_hex(bytes.get(at + 1)) && is_hex(bytes.get(at + 2)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(text: &str) -> Vec<String> {
        let target = RequestTarget::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let segments = target.segments.iter();
        segments.map(|segment| segment.to_string()).collect()
    }

    fn problem(text: &str) -> String {
        let misfit = RequestTarget::parse(text).map(|_| ()).unwrap_err();
        assert_eq!(misfit.member, "path");
        misfit.problem
    }

    #[test]
    fn a_path_is_decoded_once_segment_by_segment() {
        for (text, expected) in [
            ("/", &[][..]),
            ("/orgs", &["orgs"]),
            ("/orgs/o-1", &["orgs", "o-1"]),
            (
                "/iso6523-actorid-upis%3A%3a0088:1",
                &["iso6523-actorid-upis::0088:1"],
            ),
            ("/a/busdox%23%23b%3F", &["a", "busdox##b?"]),
            (
                "/sub-accounts/foo@bar.com",
                &["sub-accounts", "foo@bar.com"],
            ),
            ("/a+b/%20/%3B", &["a+b", " ", ";"]),
            ("/%C3%A4/%F0%9D%84%9E", &["ä", "𝄞"]),
            // A percent sign that nobody would decode again.
            ("/100%25", &["100%"]),
            ("/%25zz/%25", &["%zz", "%"]),
            ("/.../.a/a..", &["...", ".a", "a.."]),
            ("/?a=//..", &[]),
            ("/a?", &["a"]),
        ] {
            assert_eq!(segments(text), expected, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let escape = "a percent sign without two hexadecimal digits";
        let utf8 = "a byte sequence that is not UTF-8";
        let dots = "a segment of dots";
        for (text, expected) in [
            ("", "does not start with `/`"),
            ("orgs", "does not start with `/`"),
            ("?a", "does not start with `/`"),
            ("http://host/orgs", "does not start with `/`"),
            ("*", "does not start with `/`"),
            ("/a#b", "a fragment"),
            ("/a?b#c", "a fragment"),
            ("//", "an empty segment"),
            ("//a", "an empty segment"),
            ("/a//b", "an empty segment"),
            ("/a/", "an empty segment"),
            ("/a/?b", "an empty segment"),
            ("/.", dots),
            ("/a/../b", dots),
            ("/a/%2e%2E", dots),
            ("/a/.%2e/b", dots),
            ("/a/%2e", dots),
            ("/a%2fb", "a slash within a segment"),
            ("/a%2Fb", "a slash within a segment"),
            ("/a%5cb", "a backslash"),
            ("/a\\b", "a backslash"),
            ("/a;b=1/c", "a parameter behind `;`"),
            ("/..;/a", "a parameter behind `;`"),
            ("/a%", escape),
            ("/a%4", escape),
            ("/a%4g", escape),
            ("/a%u002f", escape),
            ("/a%-1", escape),
            ("/a%+1", escape),
            ("/a%00", "a control character"),
            ("/a%0d%0a", "a control character"),
            ("/a%7F", "a control character"),
            ("/a%C2%85", "a control character"),
            ("/a\u{0}", "a control character"),
            ("/a\tb", "a control character"),
            ("/a b", "a space"),
            ("/ä", "a character that is not ASCII"),
            ("/a?ä", "a character that is not ASCII"),
            ("/a%ff", utf8),
            // `/`, `.` and NUL, overlong.
            ("/a%c0%afb", utf8),
            ("/%c0%ae%c0%ae", utf8),
            ("/%e0%80%af", utf8),
            ("/%c0%80", utf8),
            // Half of a surrogate pair.
            ("/%ed%a0%80", utf8),
            ("/%c3", utf8),
            ("/a%252fb", "a text that is encoded twice"),
            ("/%252e%252e", "a text that is encoded twice"),
            ("/%253A%253a", "a text that is encoded twice"),
            ("/%2%35", escape),
            ("/%25%32%66", "a text that is encoded twice"),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
        let long = format!("/{}", "a".repeat(8191));
        assert_eq!(segments(&long).len(), 1);
        assert_eq!(problem(&format!("{long}a")), "longer than 8192 bytes");
    }

    #[test]
    fn a_query_is_read_where_it_is_asked_for() {
        let target = RequestTarget::parse("/a?x=1&y=%2F..%3B/&z=a+b%2B&empty=&bare&%78%32=3&l=a=b");
        let target = target.unwrap();
        for (name, expected) in [
            ("x", Some("1")),
            ("y", Some("/..;/")),
            ("z", Some("a b+")),
            ("empty", Some("")),
            ("bare", Some("")),
            ("x2", Some("3")),
            ("l", Some("a=b")),
            ("a", None),
        ] {
            assert_eq!(target.query(name).unwrap().as_deref(), expected, "{name}");
        }
        assert_eq!(RequestTarget::parse("/a").unwrap().query("x"), Ok(None));
    }

    #[test]
    fn a_query_in_which_a_name_cannot_be_told_is_refused() {
        for (query, expected) in [
            ("x=1&x=2", "occurs twice"),
            ("x=1&%78=1", "occurs twice"),
            ("x&x", "occurs twice"),
            ("X=1", "occurs in another spelling"),
            ("x=1&x[]=2", "occurs in another spelling"),
            ("x=1&+x=2", "occurs in another spelling"),
            ("y=1;x=2", "a `;`, which parts parameters for some"),
            ("x=%", "a percent sign without two hexadecimal digits"),
            ("x=1&%zz=2", "a percent sign without two hexadecimal digits"),
            ("x=%ff", "a byte sequence that is not UTF-8"),
            ("x=%00", "a control character"),
            ("x=%252f", "a text that is encoded twice"),
        ] {
            let text = format!("/a?{query}");
            let target = RequestTarget::parse(&text).unwrap();
            let misfit = target.query("x").unwrap_err();
            assert_eq!(misfit.to_string(), expected, "{query}");
        }
        // A parameter that the route does not read may occur more than once.
        let target = RequestTarget::parse("/a?x=1&y=1&y=%ff").unwrap();
        assert_eq!(target.query("x").unwrap().as_deref(), Some("1"));
        assert!(target.query("y").is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_by_the_book_is_read_as_it_was(text in "[^/\\\\%\\p{Cc}]{1,20}") {
            prop_assume!(text != "." && text != "..");
            let raw: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(segments(&format!("/a/{raw}")), ["a".to_owned(), text]);
        }

        #[test]
        fn no_segment_that_is_taken_could_be_another(text in "/[ -~]{0,12}") {
            if let Ok(target) = RequestTarget::parse(&text) {
                for segment in target.segments() {
                    prop_assert!(check_segment(segment).is_ok() && !is_encoded(segment));
                    prop_assert!(!segment.chars().any(char::is_control));
                }
            }
        }
    }
}
