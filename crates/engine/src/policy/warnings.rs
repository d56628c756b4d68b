//! The fate of a set that Cedar warns of, by the kind of the warning.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::did_you_mean;

/// A kind of warnings that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// A policy, a template or a link that no question can fulfil.
    Impossible,
    /// A text or a name in several scripts.
    MixedScript,
    /// A name in the schema that another one is hidden by.
    ShadowedName,
}

/// The fate of a set for warnings of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    /// The set is refused.
    #[default]
    Deny,
    /// It is taken, and the log says so.
    Log,
}

/// The fate of a set that Cedar warns of, for each kind of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    impossible: Fate,
    mixed_script: Fate,
    shadowed_name: Fate,
}

/// The kinds for which a set is refused whatever is said.
const ALWAYS_REFUSED: [&str; 2] = [Warnings::BIDI, Warnings::CONFUSABLE];

// === impl WarningKind ===

impl WarningKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Impossible, Self::MixedScript, Self::ShadowedName];

    /// As it is written in the setting.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Impossible => "impossible",
            Self::MixedScript => "mixed_script",
            Self::ShadowedName => "shadowed_name",
        }
    }
}

impl FromStr for WarningKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.name() == text) {
            return Ok(kind);
        }
        if ALWAYS_REFUSED.contains(&text) {
            return Err(format!(
                "a set is always refused for warnings of the kind `{text}`: it cannot be set"
            ));
        }
        let names = Self::ALL.map(Self::name);
        let near = did_you_mean(text, names.into_iter().chain(ALWAYS_REFUSED));
        let near = match near.is_empty() {
            true => format!("; the kinds are `{}`", names.join("`, `")),
            false => near,
        };
        Err(format!("no kind of warnings is called `{text}`{near}"))
    }
}

// === impl Fate ===

impl Fate {
    const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Log => "log",
        }
    }
}

impl FromStr for Fate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "deny" => Ok(Self::Deny),
            "log" => Ok(Self::Log),
            _ => Err(format!("expected `deny` or `log`, found `{text}`")),
        }
    }
}

// === impl Warnings ===

impl Warnings {
    /// Characters that change the direction of a text. They are always refused.
    pub const BIDI: &str = "bidi";
    /// Names that look like others. They are always refused.
    pub const CONFUSABLE: &str = "confusable";

    /// Every warning that may be taken is taken.
    pub const LOG: Self = Self {
        impossible: Fate::Log,
        mixed_script: Fate::Log,
        shadowed_name: Fate::Log,
    };

    /// The same, but that a set is refused for warnings of `kind`.
    #[must_use]
    pub fn denied(mut self, kind: WarningKind) -> Self {
        *self.fate_mut(kind) = Fate::Deny;
        self
    }

    /// True if a set is taken that has warnings of `kind`.
    #[must_use]
    pub fn takes(self, kind: WarningKind) -> bool {
        self.fate(kind) == Fate::Log
    }

    /// As a value of the TOML file.
    #[must_use]
    pub fn toml(self) -> String {
        match self.one_word() {
            Some(word) => format!("\"{word}\""),
            None => {
                let taken = self
                    .taken()
                    .map(|kind| format!("{} = \"log\"", kind.name()));
                format!("{{ {} }}", taken.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn fate(mut self, kind: WarningKind) -> Fate {
        *self.fate_mut(kind)
    }

    fn fate_mut(&mut self, kind: WarningKind) -> &mut Fate {
        match kind {
            WarningKind::Impossible => &mut self.impossible,
            WarningKind::MixedScript => &mut self.mixed_script,
            WarningKind::ShadowedName => &mut self.shadowed_name,
        }
    }

    fn taken(self) -> impl Iterator<Item = WarningKind> {
        WarningKind::ALL
            .into_iter()
            .filter(move |kind| self.takes(*kind))
    }

    fn one_word(self) -> Option<&'static str> {
        match self {
            _ if self == Self::default() => Some(Fate::Deny.name()),
            Self::LOG => Some(Fate::Log.name()),
            _ => None,
        }
    }
}

/// As it is written in a flag and in a variable.
impl Display for Warnings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(word) = self.one_word() {
            return f.write_str(word);
        }
        for (number, kind) in self.taken().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}=log", kind.name())?;
        }
        Ok(())
    }
}

impl FromStr for Warnings {
    type Err = String;

    /// One word for all kinds, or `KIND=FATE,…`: kinds that are left out are denied.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(Fate::Deny) => return Ok(Self::default()),
            Ok(Fate::Log) => return Ok(Self::LOG),
            Err(_) => {}
        }
        let mut entries = Vec::new();
        for entry in text.split(',') {
            let Some((kind, fate)) = entry.split_once('=') else {
                return Err(format!(
                    "expected `deny`, `log` or kinds as `impossible=log`, found `{entry}`"
                ));
            };
            entries.push((kind.trim(), fate.trim()));
        }
        of_entries(entries)
    }
}

fn of_entries<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Warnings, String> {
    let (mut warnings, mut seen) = (Warnings::default(), Vec::new());
    for (name, fate) in entries {
        let kind: WarningKind = name.parse()?;
        if seen.contains(&kind) {
            return Err(format!("`{name}` stands twice"));
        }
        seen.push(kind);
        let fate = fate.parse().map_err(|error| format!("`{name}`: {error}"))?;
        *warnings.fate_mut(kind) = fate;
    }
    Ok(warnings)
}

impl Serialize for Warnings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Warnings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfWordOrTable)
    }
}

struct OfWordOrTable;

impl<'de> Visitor<'de> for OfWordOrTable {
    type Value = Warnings;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("`deny`, `log`, or a table of these by kind")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Warnings, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Warnings, A::Error> {
        let mut entries: Vec<(String, String)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        let entries = entries.iter().map(|(kind, fate)| (&**kind, &**fate));
        of_entries(entries).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Warnings, String> {
        text.parse()
    }

    #[test]
    fn a_word_or_kinds() {
        assert_eq!(parsed("deny"), Ok(Warnings::default()));
        assert_eq!(parsed("log"), Ok(Warnings::LOG));
        let one = parsed("impossible=log,mixed_script=deny").unwrap();
        assert!(one.takes(WarningKind::Impossible));
        assert!(!one.takes(WarningKind::MixedScript));
        assert!(!one.takes(WarningKind::ShadowedName));
        assert_eq!(one.toml(), "{ impossible = \"log\" }");
        let two = Warnings::LOG.denied(WarningKind::MixedScript);
        for warnings in [Warnings::default(), Warnings::LOG, one, two] {
            assert_eq!(parsed(&warnings.to_string()), Ok(warnings));
            let file = format!("warnings = {}", warnings.toml());
            let file: std::collections::BTreeMap<String, Warnings> = toml::from_str(&file).unwrap();
            assert_eq!(file["warnings"], warnings);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [
            ("no", "expected `deny`, `log` or kinds"),
            ("impossible", "expected `deny`, `log` or kinds"),
            ("impossibel=log", "did you mean `impossible`?"),
            (
                "odd=log",
                "the kinds are `impossible`, `mixed_script`, `shadowed_name`",
            ),
            ("bidi=log", "always refused for warnings of the kind `bidi`"),
            ("confusabel=log", "did you mean `confusable`?"),
            ("confusable=deny", "always refused"),
            (
                "impossible=off",
                "`impossible`: expected `deny` or `log`, found `off`",
            ),
            ("impossible=log,impossible=log", "`impossible` stands twice"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
