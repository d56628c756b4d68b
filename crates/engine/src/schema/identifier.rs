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

use super::characters::{check_characters, check_normal};
use super::code_list::CodeList;
use super::error::SchemaError;
use super::look_alike::{check_letters, check_mailbox};
use super::misfit::Misfit;
use super::value_pattern::ValuePattern;

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
    /// The rest of a value behind its code, where something new is called so.
    pattern: Option<ValuePattern>,
    /// True if ids are e-mail addresses.
    is_mailbox: bool,
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
        let pattern = annotations.get("valuePattern").map(|text| {
            if codes.is_none() {
                return Err("is for ids with a `@codeList`".to_owned());
            }
            ValuePattern::parse(text)
        });
        let pattern = pattern.transpose();
        Ok(Self {
            case,
            default_scheme: annotations.get("defaultScheme").cloned(),
            codes,
            pattern: pattern.map_err(|problem| wrong("valuePattern", problem))?,
            is_mailbox: annotations.contains_key("mailbox"),
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

    /// Checks that something new can be called by a canonical id: in any other form, or with letters that
    /// look like others, it could be taken for something that is there. Where there is a list of codes, its value begins with a code, and
    /// the rest is as the pattern says. Under another scheme it is another thing, if nobody can take
    /// that scheme for the default one.
    pub(super) fn check_new(&self, canonical: &str) -> Result<(), Misfit> {
        check_normal(canonical)?;
        check_letters(canonical)?;
        if self.is_mailbox {
            check_mailbox(canonical)?;
        }
        let (Some(codes), Some(default)) = (&self.codes, self.default_scheme.as_deref()) else {
            return Ok(());
        };
        let (scheme, value) = canonical.split_once("::").unwrap_or(("", canonical));
        if scheme != default {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let fits = |part: &str| {
                !part.is_empty() && self.pattern.as_ref().is_none_or(|it| it.fits(part))
            };
            let is_another = !scheme.is_empty()
                && scheme.chars().all(is_plain)
                && !shares_a_word(scheme, default)
                // `it::iva:…` is no scheme `it`.
                && codes.list.split(&format!("{scheme}:{value}")).is_none();
            return match is_another && value.split(':').all(fits) {
                true => Ok(()),
                false => Err(Misfit::new(format!("has another scheme than `{default}`"))),
            };
        }
        let rest = match (codes.list.split(value), value.split_once(':')) {
            (Some((_, rest)), _) => rest,
            (None, Some((number, rest))) if codes.takes_number(number) => rest,
            _ => return Err(codes.unlisted()),
        };
        match &self.pattern {
            Some(pattern) if !pattern.fits(rest) => {
                Err(Misfit::new(format!("has another value than `{pattern}`")))
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

/// True if one scheme could be taken for the other, as `busdox-actorid-upis` for
/// `iso6523-actorid-upis`.
fn shares_a_word(scheme: &str, other: &str) -> bool {
    scheme
        .split('-')
        .any(|word| !word.is_empty() && other.split('-').any(|it| it == word))
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
mod tests;
