//! Spellings of an id that are the same, and the one that is stored.
//!
//! An e-mail address is the same in upper and lower case; of a Peppol
//! participant identifier (Policy for use of Identifiers 4.4.0) only the value
//! after the scheme is, and the identification scheme that it begins with has a code and a
//! name. Cedar compares ids byte by byte, so an id is brought
//! into its canonical spelling wherever it enters. Otherwise a rule could be evaded by
//! writing `0088:ABC` or `GLN:abc` for `0088:abc`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cedar_policy::{EntityId, EntityUid};

use super::characters::check_characters;
use super::code_list::CodeList;
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
    codes: Option<ValueCodes>,
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

/// The codes that values begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ValueCodes {
    list: Arc<CodeList>,
    /// True if a number that is not in the list is refused.
    only_listed: bool,
}

impl IdentifierRule {
    /// Reads the annotations of an entity type. `list` finds a list of codes by its name.
    pub(super) fn from_annotations(
        of: &str,
        annotations: &BTreeMap<String, String>,
        list: impl Fn(&str) -> Result<Option<Arc<CodeList>>, SchemaError>,
    ) -> Result<Self, SchemaError> {
        let wrong = |annotation: &'static str, problem: String| SchemaError::Annotation {
            annotation,
            of: of.to_owned(),
            problem,
        };
        let case = match annotations.get("lowercaseId").map(String::as_str) {
            None => Case::Kept,
            Some("all") => Case::Lower,
            Some("afterScheme") => Case::LowerAfterScheme,
            Some(other) => {
                let problem = format!("`{other}` is neither `all` nor `afterScheme`");
                return Err(wrong("lowercaseId", problem));
            }
        };
        // Ids that it made one would be two, and nobody would notice.
        if annotations.contains_key("samePrefixes") {
            let problem = "is not read any more: name a list of codes, `@codeList`";
            return Err(wrong("samePrefixes", problem.to_owned()));
        }
        let only_listed = annotations.contains_key("onlyListed");
        let codes = match annotations.get("codeList") {
            None if only_listed => {
                let problem = "is for ids with a `@codeList`".to_owned();
                return Err(wrong("onlyListed", problem));
            }
            None => None,
            Some(_) if case != Case::LowerAfterScheme => {
                let problem = "is for ids with `@lowercaseId(\"afterScheme\")`".to_owned();
                return Err(wrong("codeList", problem));
            }
            Some(name) => match list(name)? {
                Some(list) => Some(ValueCodes { list, only_listed }),
                None => {
                    let problem = format!("no type `{name}` with `@codes` in the namespace");
                    return Err(wrong("codeList", problem));
                }
            },
        };
        Ok(Self {
            case,
            default_scheme: annotations.get("defaultScheme").cloned(),
            codes,
        })
    }

    /// Returns true if each id has only one spelling.
    #[must_use]
    pub fn keeps_all(&self) -> bool {
        self.case == Case::Kept
    }

    /// The canonical spelling of an id. Applying it twice changes nothing.
    ///
    /// # Errors
    /// A text that is no id: one with characters that nobody sees, and a value that begins with the
    /// name of a code which is not in the list of the schema.
    pub fn canonical<'a>(&self, id: &'a str) -> Result<Cow<'a, str>, Misfit> {
        check_characters(id)?;
        let default = self.default_scheme.as_deref();
        Ok(match self.case {
            Case::Kept => Cow::Borrowed(id),
            Case::Lower => lower(id),
            Case::LowerAfterScheme => match (id.split_once("::"), default) {
                (Some((scheme, _)), _) if self.is_code(scheme) => {
                    return Err(Misfit::new("has one `:` too many behind its code"));
                }
                (Some((scheme, value)), _) => match self.value(value, default == Some(scheme))? {
                    Cow::Borrowed(_) => Cow::Borrowed(id),
                    Cow::Owned(value) => Cow::Owned(format!("{scheme}::{value}")),
                },
                (None, Some(scheme)) => Cow::Owned(format!("{scheme}::{}", self.value(id, true)?)),
                (None, None) => Cow::Borrowed(id),
            },
        })
    }

    fn is_code(&self, text: &str) -> bool {
        let codes = self.codes.as_ref();
        codes.is_some_and(|codes| codes.list.has(text))
    }

    /// The value behind a scheme. The list is that of the default scheme; behind another one its
    /// codes have names too, and what it does not have may be anything.
    fn value<'a>(&self, value: &'a str, is_default: bool) -> Result<Cow<'a, str>, Misfit> {
        let Some(codes) = &self.codes else {
            return Ok(lower(value));
        };
        // In full width a digit is another one to some, and the same to others.
        if value.contains(|c: char| matches!(c, '\u{ff01}'..='\u{ff5e}')) {
            return Err(Misfit::new("has a character of full width"));
        }
        match codes.list.split(value) {
            Some((_, rest)) if rest.is_empty() || rest.starts_with([':', ' ']) => {
                Err(Misfit::new("has nothing behind its code and one `:`"))
            }
            Some((code, rest)) => Ok(match (strip_code(value, code), lower(rest)) {
                (Some(_), Cow::Borrowed(_)) => Cow::Borrowed(value),
                (_, rest) => Cow::Owned(format!("{code}:{rest}")),
            }),
            None if is_default && codes.is_named(value) => Err(codes.unlisted()),
            None => Ok(lower(value)),
        }
    }

    /// Checks that the value of a canonical id begins with a code, where the scheme is that of the
    /// list.
    pub(super) fn check_listed(&self, canonical: &str) -> Result<(), Misfit> {
        let (Some(codes), Some(default)) = (&self.codes, self.default_scheme.as_deref()) else {
            return Ok(());
        };
        let Some((_, value)) = canonical.split_once("::").filter(|(it, _)| *it == default) else {
            return Ok(());
        };
        let number = value.split_once(':').map_or("", |(number, _)| number);
        if codes.list.split(value).is_some() || codes.takes_number(number) {
            Ok(())
        } else {
            Err(codes.unlisted())
        }
    }

    /// Checks that something new can be called by a canonical id: the same, and its scheme is not
    /// the default one in other case, which not everybody could tell from it.
    pub(super) fn check_new(&self, canonical: &str) -> Result<(), Misfit> {
        self.check_listed(canonical)?;
        let (Some(_), Some(default)) = (&self.codes, self.default_scheme.as_deref()) else {
            return Ok(());
        };
        match canonical.split_once("::") {
            Some((scheme, _)) if scheme != default && lower(scheme) == lower(default) => {
                Err(Misfit::new(format!("the scheme `{default}` is wanted")))
            }
            _ => Ok(()),
        }
    }

    /// An id that has a name in it, for entities that are made up.
    #[must_use]
    pub fn named(&self, name: &str) -> String {
        match &self.codes {
            Some(codes) => format!("{}:{name}", codes.list.first()),
            None => name.to_owned(),
        }
    }

    /// The entity under the canonical spelling of its id.
    ///
    /// # Errors
    /// As [`IdentifierRule::canonical`].
    pub fn canonical_uid(&self, uid: EntityUid) -> Result<EntityUid, Misfit> {
        let id: &str = uid.id().as_ref();
        Ok(match self.canonical(id)? {
            Cow::Borrowed(_) => uid,
            Cow::Owned(id) => {
                EntityUid::from_type_name_and_id(uid.type_name().clone(), EntityId::new(id))
            }
        })
    }
}

impl ValueCodes {
    /// Returns true for four digits, as international code designators are, where these need not
    /// be in the list.
    fn takes_number(&self, text: &str) -> bool {
        !self.only_listed && text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Returns true if a value that begins with no listed code begins with what could be one.
    fn is_named(&self, value: &str) -> bool {
        let name = value.split_once(':').map(|(name, _)| name);
        name.is_some_and(|name| self.list.is_alike(name) && !self.takes_number(name))
    }

    fn unlisted(&self) -> Misfit {
        let name = &self.list.name;
        Misfit::new(format!(
            "begins with no code and no name of `{name}`, and a `:`"
        ))
    }
}

/// The rest of a text behind a code and a `:`, where it begins with these.
fn strip_code<'a>(text: &'a str, code: &str) -> Option<&'a str> {
    text.strip_prefix(code)?.strip_prefix(':')
}

/// Letters whose small letter is one of ASCII, or begins with one: to fold them would make an
/// address that is written with them another one's. They stay as they are.
const TO_ASCII: [char; 2] = ['\u{130}', '\u{212a}'];

fn lower(text: &str) -> Cow<'_, str> {
    let already = |c: char| {
        if c.is_ascii() {
            !c.is_ascii_uppercase()
        } else {
            TO_ASCII.contains(&c) || c.to_lowercase().eq([c])
        }
    };
    if text.chars().all(already) {
        return Cow::Borrowed(text);
    }
    let parts = text.split_inclusive(TO_ASCII).map(|part| {
        let mut chars = part.chars();
        match chars.next_back() {
            Some(last) if TO_ASCII.contains(&last) => {
                let mut folded = chars.as_str().to_lowercase();
                folded.push(last);
                folded
            }
            _ => part.to_lowercase(),
        }
    });
    Cow::Owned(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: &str = "0007 SE:ORGNR\n0088 GLN\n0106 NL:KVK\n0211 IT:IVA";

    fn read(annotations: &[(&str, &str)]) -> Result<IdentifierRule, SchemaError> {
        let annotations = annotations
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        IdentifierRule::from_annotations("T", &annotations, |name| {
            let list = CodeList::parse(name, CODES).unwrap();
            Ok((name == "Codes").then(|| Arc::new(list)))
        })
    }

    fn rule(annotations: &[(&str, &str)]) -> IdentifierRule {
        read(annotations).unwrap()
    }

    fn canonical(rule: &IdentifierRule, id: &str) -> String {
        rule.canonical(id).unwrap().into_owned()
    }

    #[test]
    fn the_scheme_keeps_its_case_and_the_value_does_not() {
        let rule = rule(&[
            ("lowercaseId", "afterScheme"),
            ("defaultScheme", "iso6523-actorid-upis"),
        ]);
        for (id, wanted) in [
            (
                "iso6523-actorid-upis::0088:AbC",
                "iso6523-actorid-upis::0088:abc",
            ),
            (
                "ISO6523-actorid-upis::0088:A::B",
                "ISO6523-actorid-upis::0088:a::b",
            ),
            ("0088:AbC", "iso6523-actorid-upis::0088:abc"),
        ] {
            assert_eq!(canonical(&rule, id), wanted);
        }
    }

    const LISTED: [(&str, &str); 4] = [
        ("lowercaseId", "afterScheme"),
        ("defaultScheme", "s"),
        ("codeList", "Codes"),
        ("onlyListed", ""),
    ];

    #[test]
    fn what_a_value_begins_with_has_a_code_and_a_name() {
        let rule = rule(&LISTED);
        for (id, wanted) in [
            ("NL:KVK:123", "s::0106:123"),
            ("nl_kvk:123", "s::0106:123"),
            ("t::Gln:A", "t::0088:a"),
            ("0106:123", "s::0106:123"),
            ("GLN:GLN:1", "s::0088:gln:1"),
            ("s::IT:IVA:IT02551570308", "s::0211:it02551570308"),
        ] {
            assert_eq!(canonical(&rule, id), wanted);
            assert_eq!(canonical(&rule, wanted), wanted);
        }
    }

    #[test]
    fn what_begins_with_the_name_of_no_code_of_the_list_is_refused() {
        let rule = rule(&LISTED);
        for id in [
            "XGLN:1",
            "XX:FOO:1",
            "xx_foo:1",
            "IT-IVA:1",
            "IT.IVA:1",
            "9999:1",
            "NL:KVK",
            "s::XX:FOO:1",
            "s::s2::0088:1",
            "s:0211:1",
            ":1",
            "s::0211 :1",
            "0211::1",
            "s::0211::1",
            "IT:IVA::1",
            "0211:",
            "s::gln:",
            "0211: 1",
            // In full width.
            "\u{ff10}\u{ff12}\u{ff11}\u{ff11}:1",
            "0211:\u{ff11}",
            "t::0211:\u{ff11}",
        ] {
            assert!(rule.canonical(id).is_err(), "{id}");
        }
    }

    /// They are no names of anything in the store, and so unknown.
    #[test]
    fn what_is_no_name_of_a_code_is_an_id_that_nothing_new_has() {
        let rule = rule(&LISTED);
        for id in [
            "nobody",
            "123",
            "a-b-c:0211:1",
            "{\"id\":1}",
            "s::",
            "S::0211:1",
        ] {
            let canonical = canonical(&rule, id);
            assert!(rule.check_new(&canonical).is_err(), "{id}");
        }
        // Another scheme has values of its own.
        for id in ["t::XX:FOO:1", "0211:a b", "0211:å", "gln:1"] {
            let canonical = canonical(&rule, id);
            assert_eq!(rule.check_new(&canonical), Ok(()), "{id}");
        }
    }

    #[test]
    fn a_number_that_is_not_listed_is_one_where_the_schema_says_so() {
        let rule = rule(&LISTED[..3]);
        for (id, wanted) in [("9999:A", "s::9999:a"), ("gln:A", "s::0088:a")] {
            assert_eq!(canonical(&rule, id), wanted);
            assert_eq!(rule.check_new(wanted), Ok(()));
        }
        for id in ["99999:a", "XX:FOO:1", "x999:1"] {
            assert!(rule.canonical(id).is_err(), "{id}");
        }
    }

    #[test]
    fn a_list_is_of_a_type_of_the_schema_and_for_values_behind_a_scheme() {
        for annotations in [
            &[("lowercaseId", "afterScheme"), ("codeList", "Others")][..],
            &[("lowercaseId", "all"), ("codeList", "Codes")],
            &[("codeList", "Codes")],
            &[("lowercaseId", "afterScheme"), ("onlyListed", "")],
            &[
                ("lowercaseId", "afterScheme"),
                ("samePrefixes", "GLN:=0088:"),
            ],
            &[("lowercaseId", "none")],
        ] {
            assert!(read(annotations).is_err(), "{annotations:?}");
        }
    }

    #[test]
    fn without_an_annotation_an_id_is_opaque() {
        assert_eq!(canonical(&rule(&[]), "U-1::X"), "U-1::X");
        assert!(rule(&[]).canonical("victim\u{1f}").is_err());
    }

    /// Kelvin's sign is no `k`, and a dotted capital I no `i`: whoever can have such an address is
    /// not whoever has the other.
    #[test]
    fn no_other_letter_becomes_one_of_ascii() {
        let rule = rule(&[("lowercaseId", "all")]);
        for (id, wanted) in [
            ("MIKE@X", "mike@x"),
            ("MI\u{212a}E@X", "mi\u{212a}e@x"),
            ("mi\u{212a}e@x", "mi\u{212a}e@x"),
            ("\u{130}DA@X\u{130}", "\u{130}da@x\u{130}"),
            ("\u{17f}AM@x", "\u{17f}am@x"),
            ("JÖRG@x", "jörg@x"),
            ("\u{ff2d}@x", "\u{ff4d}@x"),
        ] {
            assert_eq!(canonical(&rule, id), wanted);
            assert_eq!(canonical(&rule, wanted), wanted);
        }
        for letter in (128..=0x10_ffff).filter_map(char::from_u32) {
            let text = letter.to_string();
            let folded = lower(&text);
            assert!(
                !folded.contains(|c: char| c.is_ascii()),
                "{letter:?} {folded}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn canonical_is_idempotent(id in "(0211:|it:iva:|GLN:)?[\\PC\u{130}\u{212a}]{0,12}(::)?\\PC{0,12}") {
            for annotations in [&[("lowercaseId", "all")][..], &LISTED[..2], &LISTED[..3], &LISTED] {
                let rule = rule(annotations);
                if let Ok(once) = rule.canonical(&id) {
                    let twice = rule.canonical(&once).map(Cow::into_owned);
                    proptest::prop_assert_eq!(twice, Ok(once.clone().into_owned()));
                }
            }
        }
    }
}
