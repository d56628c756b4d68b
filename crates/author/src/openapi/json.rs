//! JSON, with places.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::tree::{Content, MAX_DEPTH, Member, TextPlace, Tree, Unreadable};

/// The members of an object, in order.
struct RawMembers<'t>(Vec<(RawName<'t>, &'t RawValue)>);

/// The name of a member; borrowed where it is written without an escape.
struct RawName<'t>(Cow<'t, str>);

struct JsonReader<'t> {
    text: &'t str,
    tree: Tree,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Tree, Unreadable> {
    let mut reader = JsonReader {
        text,
        tree: Tree::default(),
    };
    let whole: &RawValue =
        serde_json::from_str(text).map_err(|error| unreadable(&error, text, 0))?;
    let root = reader.value(whole, 0)?;
    Ok(reader.tree.with_root(root))
}

impl<'t> JsonReader<'t> {
    fn value(&mut self, raw: &'t RawValue, depth: usize) -> Result<usize, Unreadable> {
        let place = self.place(raw.get());
        if depth > MAX_DEPTH {
            let text = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Unreadable::new(text, place.start..place.start + 1));
        }
        let text = raw.get();
        let wrong = |error: serde_json::Error| unreadable(&error, text, place.start);
        let content = match text.bytes().next() {
            Some(b'{') => {
                let RawMembers(raw) = serde_json::from_str(text).map_err(wrong)?;
                let mut members = BTreeMap::new();
                for (RawName(name), value) in raw {
                    let name_place = match &name {
                        Cow::Borrowed(name) => self.place(name),
                        // Where it was escaped, its value is next to it.
                        Cow::Owned(_) => self.place(value.get()),
                    };
                    let value = self.value(value, depth + 1)?;
                    if members.contains_key(&*name) {
                        let text = format!("a second member `{name}`");
                        return Err(Unreadable::new(text, name_place));
                    }
                    let place = name_place;
                    members.insert(Box::from(name), Member { place, value });
                }
                Content::Map(members)
            }
            Some(b'[') => {
                let raw: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
                let elements = raw.into_iter().map(|raw| self.value(raw, depth + 1));
                Content::List(elements.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Content::Text(serde_json::from_str(text).map_err(wrong)?),
            Some(b't') => Content::Truth(true),
            Some(b'f') => Content::Truth(false),
            Some(b'n') | None => Content::Null,
            Some(_) => Content::Number(Box::from(text)),
        };
        self.tree.add(content, place)
    }

    /// Where a part of the text stands in it.
    fn place(&self, part: &str) -> TextPlace {
        let start = part
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr());
        start..start + part.len()
    }
}

/// The error of a part that begins at `start` of the whole text.
fn unreadable(error: &serde_json::Error, text: &str, start: usize) -> Unreadable {
    let before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let line: usize = before.map(str::len).sum();
    let mut at = (line + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let whole = error.to_string();
    let problem = whole.split(" at line ").next().unwrap_or_default();
    Unreadable::new(problem, start + at..start + at)
}

impl<'de> Deserialize<'de> for RawName<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = RawName<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(RawName(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RawName(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(RawMembers(all))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let wrong = read(text).unwrap_err();
        format!("{} at {}", wrong.problem, wrong.place.start)
    }

    #[test]
    fn everything_has_its_place() {
        let text = "{ \"a\": [1, \"ä\", null],\n  \"b\\u0041\": {\"c/d\": true} }";
        let tree = read(text).unwrap();
        for (pointer, expected) in [
            ("/a/0", "1"),
            ("/a/1", "\"ä\""),
            ("/a/2", "null"),
            ("/bA/c~1d", "true"),
        ] {
            let node = tree.at(pointer).unwrap();
            assert_eq!(text.get(node.place()), Some(expected), "{pointer}");
        }
        assert!(tree.at("/a/3").is_none() && tree.at("a").is_none() && tree.at("/a/x").is_none());
        let names: Vec<_> = tree.root().members().collect();
        assert_eq!(text.get(names[0].1.clone()), Some("a"));
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_ends() {
        assert_eq!(problem("{\"a\": }"), "expected value at 6");
        assert_eq!(problem("{\n\"a\": 1,\n}"), "key must be a string at 10");
        assert_eq!(
            problem("{\"a\": {\"x\": 1, \"x\": 2}}"),
            "a second member `x` at 16"
        );
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(problem(&deep).starts_with("nested deeper than 100 levels at 101"));
        let far = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(
            problem(&far).starts_with("nested deeper"),
            "no stack overflow"
        );
    }
}
