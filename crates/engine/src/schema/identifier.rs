//! Spellings of an id that are the same, and the one that is stored.
//!
//! An e-mail address is the same in upper and lower case; of a Peppol
//! participant identifier (Policy for use of Identifiers 4.4.0) only the value
//! after the scheme is. Cedar compares ids byte by byte, so an id is brought
//! into its canonical spelling wherever it enters. Otherwise a rule could be evaded by
//! writing `0088:ABC` for `0088:abc`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use cedar_policy::{EntityId, EntityUid};

use super::error::SchemaError;
use super::misfit::Misfit;

/// The greatest length of an id, in bytes.
static LONGEST_ID: AtomicUsize = AtomicUsize::new(1024);

/// Sets the greatest length of an id that comes from outside, in bytes; it is 1024 at first. It is
/// one for all of the process: an id that one part takes and another refuses would be in a store
/// and could not be asked about.
pub fn set_longest_id(bytes: usize) {
    LONGEST_ID.store(bytes, Ordering::Relaxed);
}

/// Checks an id or the name of a type or an action that comes from outside: from a question, a
/// document, a file of entities.
///
/// # Errors
/// One that is too long. A question names it many times, and so do its log and its answer.
pub fn check_id(id: &str) -> Result<(), Misfit> {
    let longest = LONGEST_ID.load(Ordering::Relaxed);
    if id.len() > longest {
        let text = format!("is longer than the {longest} bytes that an id or a name may have");
        return Err(Misfit::new(text));
    }
    Ok(())
}

/// How ids of an entity type are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentifierRule {
    case: Case,
    default_scheme: Option<String>,
    /// Beginnings of values, in lower case, each with the beginning that it stands for.
    prefixes: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Case {
    /// Byte by byte.
    #[default]
    Kept,
    /// In lower case.
    Lower,
    /// `scheme::value`, the value in lower case.
    LowerAfterScheme,
}

impl IdentifierRule {
    pub(super) fn from_annotations(
        of: &str,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, SchemaError> {
        let case = match annotations.get("lowercaseId").map(String::as_str) {
            None => Case::Kept,
            Some("all") => Case::Lower,
            Some("afterScheme") => Case::LowerAfterScheme,
            Some(other) => {
                return Err(SchemaError::Annotation {
                    annotation: "lowercaseId",
                    of: of.to_owned(),
                    problem: format!("`{other}` is neither `all` nor `afterScheme`"),
                });
            }
        };
        let prefixes = match annotations.get("samePrefixes") {
            None => Vec::new(),
            Some(_) if case != Case::LowerAfterScheme => {
                return Err(SchemaError::Annotation {
                    annotation: "samePrefixes",
                    of: of.to_owned(),
                    problem: "is for ids with `@lowercaseId(\"afterScheme\")`".to_owned(),
                });
            }
            Some(text) => prefixes(of, text)?,
        };
        Ok(Self {
            case,
            default_scheme: annotations.get("defaultScheme").cloned(),
            prefixes,
        })
    }

    /// Returns true if each id has only one spelling.
    #[must_use]
    pub fn keeps_all(&self) -> bool {
        self.case == Case::Kept
    }

    /// The canonical spelling of an id. Applying it twice changes nothing.
    #[must_use]
    pub fn canonical<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match self.case {
            Case::Kept => Cow::Borrowed(id),
            Case::Lower => lower(id),
            Case::LowerAfterScheme => match id.split_once("::") {
                Some((scheme, value)) => match self.value(value) {
                    Cow::Borrowed(_) => Cow::Borrowed(id),
                    Cow::Owned(value) => Cow::Owned(format!("{scheme}::{value}")),
                },
                None => match &self.default_scheme {
                    Some(scheme) => Cow::Owned(format!("{scheme}::{}", self.value(id))),
                    None => Cow::Borrowed(id),
                },
            },
        }
    }

    /// The value behind a scheme.
    fn value<'a>(&self, value: &'a str) -> Cow<'a, str> {
        let lower = lower(value);
        let mut prefixes = self.prefixes.iter();
        match prefixes.find_map(|(from, to)| Some((to, lower.strip_prefix(from.as_str())?))) {
            Some((to, rest)) => Cow::Owned(format!("{to}{rest}")),
            None => lower,
        }
    }

    /// The entity under the canonical spelling of its id.
    #[must_use]
    pub fn canonical_uid(&self, uid: EntityUid) -> EntityUid {
        if self.case == Case::Kept {
            return uid;
        }
        let id: &str = uid.id().as_ref();
        match self.canonical(id) {
            Cow::Borrowed(_) => uid,
            Cow::Owned(id) => {
                EntityUid::from_type_name_and_id(uid.type_name().clone(), EntityId::new(id))
            }
        }
    }
}

/// `NL:KVK:=0106: GLN:=0088:`, in pairs with spaces between.
fn prefixes(of: &str, text: &str) -> Result<Vec<(String, String)>, SchemaError> {
    let wrong = |problem: String| SchemaError::Annotation {
        annotation: "samePrefixes",
        of: of.to_owned(),
        problem,
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in text.split_whitespace() {
        let Some((from, to)) = pair
            .split_once('=')
            .filter(|(from, to)| !from.is_empty() && !to.is_empty())
        else {
            return Err(wrong(format!("`{pair}` is no `PREFIX=PREFIX`")));
        };
        found.push((from.to_lowercase(), to.to_lowercase()));
    }
    // Or the spelling would depend on how often it was made canonical, or on the order.
    for (i, (from, to)) in found.iter().enumerate() {
        let others = || found.iter().enumerate().filter(move |(j, _)| *j != i);
        if found
            .iter()
            .any(|(other, _)| to.starts_with(other.as_str()) || other.starts_with(to.as_str()))
            || others().any(|(_, (other, _))| from.starts_with(other.as_str()))
        {
            return Err(wrong(format!("`{from}={to}` meets another prefix")));
        }
    }
    Ok(found)
}

fn lower(text: &str) -> Cow<'_, str> {
    let already = |c: char| {
        if c.is_ascii() {
            !c.is_ascii_uppercase()
        } else {
            c.to_lowercase().eq([c])
        }
    };
    if text.chars().all(already) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(annotations: &[(&str, &str)]) -> IdentifierRule {
        let annotations = annotations
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        IdentifierRule::from_annotations("T", &annotations).unwrap()
    }

    #[test]
    fn the_scheme_keeps_its_case_and_the_value_does_not() {
        let rule = rule(&[
            ("lowercaseId", "afterScheme"),
            ("defaultScheme", "iso6523-actorid-upis"),
        ]);
        assert_eq!(
            rule.canonical("iso6523-actorid-upis::0088:AbC"),
            "iso6523-actorid-upis::0088:abc"
        );
        assert_eq!(
            rule.canonical("ISO6523-actorid-upis::0088:A::B"),
            "ISO6523-actorid-upis::0088:a::b"
        );
        assert_eq!(rule.canonical("0088:AbC"), "iso6523-actorid-upis::0088:abc");
    }

    const PREFIXES: [(&str, &str); 3] = [
        ("lowercaseId", "afterScheme"),
        ("defaultScheme", "s"),
        ("samePrefixes", "NL:KVK:=0106: GLN:=0088:"),
    ];

    #[test]
    fn what_values_begin_with_may_have_two_names() {
        let rule = rule(&PREFIXES);
        for (id, canonical) in [
            ("NL:KVK:123", "s::0106:123"),
            ("nl:kvk:123", "s::0106:123"),
            ("t::Gln:A", "t::0088:a"),
            ("0106:123", "s::0106:123"),
            ("GLN:GLN:1", "s::0088:gln:1"),
            ("NL:KVK", "s::nl:kvk"),
            ("XGLN:1", "s::xgln:1"),
        ] {
            assert_eq!(rule.canonical(id), canonical);
            assert_eq!(rule.canonical(canonical), canonical);
        }
    }

    #[test]
    fn prefixes_that_meet_are_refused() {
        for text in ["A", "A=", "=A", "A=a", "A=B B=C", "A=B AB=C", "A=CD C=E"] {
            let annotations = [("lowercaseId", "afterScheme"), ("samePrefixes", text)];
            let annotations = annotations.map(|(k, v)| (k.to_owned(), v.to_owned()));
            let read = IdentifierRule::from_annotations("T", &annotations.into());
            assert!(read.is_err(), "{text}");
        }
        let alone = [("samePrefixes".to_owned(), "A=B".to_owned())];
        assert!(IdentifierRule::from_annotations("T", &alone.into()).is_err());
    }

    #[test]
    fn without_an_annotation_an_id_is_opaque() {
        assert_eq!(rule(&[]).canonical("U-1::X"), "U-1::X");
    }

    proptest::proptest! {
        #[test]
        fn canonical_is_idempotent(id in "\\PC{0,12}(::)?\\PC{0,12}") {
            for annotations in [&[("lowercaseId", "all")][..], &PREFIXES[..2], &PREFIXES] {
                let rule = rule(annotations);
                let once = rule.canonical(&id).into_owned();
                proptest::prop_assert_eq!(rule.canonical(&once), once.clone());
            }
        }
    }
}
