//! The names in a policy directory, and what each means.

use std::ffi::OsStr;
use std::path::Path;

/// The file that lists rules and codes.
pub(in crate::policy) const RULES: &str = "rules.toml";

/// The file that lists the digests of the others, as `sha256sum` writes it.
pub(in crate::policy) const MANIFEST: &str = "policies.sha256";

/// The file with the links of templates.
pub(in crate::policy) const LINKS: &str = "links.toml";

/// The ending of a policy file.
const POLICY: &str = "cedar";

/// The ending of a file in JSON, which may hold policies.
const JSON: &str = "json";

/// The directory that holds invariants. They decide nothing and are no part of a revision.
pub(super) const INVARIANTS: &str = "invariants";

/// The directory that holds the policies by which callers may ask. They are no part of the set either.
pub(super) const CALLERS: &str = "callers";

/// The meaning of a name in a policy directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    /// A policy file.
    Policy,
    /// A file that may hold policies in Cedar's JSON.
    Json,
    /// The list of rules.
    Rules,
    /// The links of templates.
    Links,
    /// The list of digests.
    Manifest,
    /// A directory for something else than the policies themselves.
    Beside,
    /// A hidden name.
    Hidden,
    /// One of the names that are read, in other letters.
    Misspelt(&'static str),
    /// Any other name.
    Other,
}

impl NameKind {
    /// The kind of a path's last part.
    pub(super) fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            return Self::Hidden;
        }
        let ending = path.extension();
        let is = |text: &str| name == OsStr::new(text);
        if ending == Some(OsStr::new(POLICY)) {
            Self::Policy
        } else if ending == Some(OsStr::new(JSON)) {
            Self::Json
        } else if is(RULES) {
            Self::Rules
        } else if is(LINKS) {
            Self::Links
        } else if is(MANIFEST) {
            Self::Manifest
        } else if is(INVARIANTS) || is(CALLERS) {
            Self::Beside
        } else {
            Self::of_unread(&name.to_string_lossy())
        }
    }

    fn of_unread(name: &str) -> Self {
        let name = name.trim().to_lowercase();
        if name.ends_with(".cedar") || name.ends_with(".cedar.json") {
            return Self::Misspelt("….cedar");
        }
        let mut names = [RULES, LINKS, MANIFEST].into_iter();
        match names.find(|known| *known == name) {
            Some(meant) => Self::Misspelt(meant),
            None => Self::Other,
        }
    }

    /// True if an entry of that name can change the set, or make it be refused.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::Hidden | Self::Other)
    }
}
