//! A suite as it is written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use cedar_policy::EntityUid;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::error::SuiteError;
use super::lines::{line_at, line_of, lines_of_cases};
use peppol_authz_engine::file::read_text;
use peppol_authz_engine::store::LinkRow;

/// A suite file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuiteFile {
    /// Tenancy documents (`….ndjson`) or Cedar entities (`….json`), beside it.
    pub(super) fixture: PathBuf,
    /// The context of an action, for cases that do not give one.
    #[serde(default)]
    pub(super) context: BTreeMap<String, toml::Table>,
    #[serde(default, rename = "case")]
    pub(super) cases: Vec<Case>,
    #[serde(default)]
    pub(super) matrix: Option<Matrix>,
    /// Links of templates that the store holds beside the entities, in the words of `links.toml`.
    #[serde(default, rename = "link")]
    pub(super) links: Option<Vec<Spanned<SuiteLink>>>,
    /// Its text, for the lines of its parts.
    #[serde(skip)]
    text: String,
}

/// A link of a template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuiteLink {
    id: String,
    template: String,
    #[serde(default)]
    principal: Option<String>,
    #[serde(default)]
    resource: Option<String>,
}

impl SuiteLink {
    /// The row that a store would have for it.
    fn row(&self) -> Result<LinkRow, String> {
        let columns = |name: &str, text: &Option<String>| match text {
            None => Ok((None, None)),
            Some(text) => {
                let uid: Result<EntityUid, _> = text.parse();
                let uid = uid.map_err(|error| format!("`{name}`: {error}"))?;
                let (of, id) = (uid.type_name().to_string(), uid.id().unescaped().to_owned());
                Ok::<_, String>((Some(of), Some(id)))
            }
        };
        let (principal_type, principal_id) = columns("principal", &self.principal)?;
        let (resource_type, resource_id) = columns("resource", &self.resource)?;
        Ok(LinkRow {
            link: Some(self.id.clone()),
            template: Some(self.template.clone()),
            principal_type,
            principal_id,
            resource_type,
            resource_id,
        })
    }
}

/// One case: either a question with its answer, or (without `action`) all that
/// a principal may do on a resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// The rules of `rules.toml` that it is about, where no policy carries them.
    #[serde(default)]
    pub(super) covers: Vec<String>,
    pub(super) principal: String,
    pub(super) resource: String,
    #[serde(default)]
    pub(super) action: Option<String>,
    /// The context of `action`, or contexts by action where there is none.
    #[serde(default)]
    pub(super) context: Option<toml::Table>,
    /// The actions that are allowed; with `action`, `true`.
    #[serde(default)]
    pub(super) allow: Option<AllowMember>,
    /// The codes of the denial: these and no others.
    #[serde(default)]
    pub(super) deny: Option<Vec<String>>,
    /// The rules of the denial, or of the permits: these and no others.
    #[serde(default)]
    pub(super) rules: Option<Vec<String>>,
    /// The obligations of the permit: these and no others.
    #[serde(default)]
    pub(super) obligations: Option<Vec<String>>,
    /// The code of the error that the question is refused with.
    #[serde(default)]
    pub(super) malformed: Option<String>,
    /// Entities that the caller describes, in Cedar's JSON form.
    #[serde(default)]
    pub(super) entities: Vec<toml::Value>,
    /// The line of its name.
    #[serde(skip)]
    pub(super) line: usize,
}

#[derive(Clone, Debug)]
pub(super) enum AllowMember {
    /// `allow = true`
    Yes(bool),
    /// `allow = ["getOrganisation"]`
    Actions(Vec<String>),
}

impl<'de> Deserialize<'de> for AllowMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = AllowMember;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, or an array of the actions that are allowed")
            }

            fn visit_bool<E>(self, value: bool) -> Result<AllowMember, E> {
                Ok(AllowMember::Yes(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<AllowMember, A::Error> {
                let actions = Vec::deserialize(SeqAccessDeserializer::new(seq));
                actions.map(AllowMember::Actions)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// Every actor, every action, every resource; the answers are kept in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matrix {
    /// The file, beside the suite.
    pub(super) golden: PathBuf,
    /// Principals by the name that the file shows.
    pub(super) actors: BTreeMap<String, String>,
    /// Resources, likewise.
    pub(super) resources: BTreeMap<String, String>,
    /// The contexts that an action is asked with, if it takes any.
    #[serde(default)]
    pub(super) contexts: BTreeMap<String, Vec<toml::Table>>,
}

impl SuiteFile {
    pub(super) fn read(path: &Path) -> Result<Self, SuiteError> {
        let text = read_text(path).map_err(|error| SuiteError::new(path, error))?;
        let mut suite: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| line_at(&text, span.start));
            SuiteError::new(path, format!("it is no suite in TOML: {}", error.message())).on(line)
        })?;
        let lines = lines_of_cases(&text);
        for (case, line) in suite.cases.iter_mut().zip(lines) {
            case.line = line;
        }
        suite.text = text;
        if suite.cases.is_empty() && suite.matrix.is_none() {
            let problem = "there is no case in it and no matrix, so that everything would pass";
            return Err(SuiteError::new(path, problem).on(1));
        }
        let mut names = std::collections::BTreeSet::new();
        for case in &suite.cases {
            if !names.insert(case.name.as_str()) {
                let problem = format!("two cases are named \"{}\"", case.name);
                return Err(SuiteError::new(path, problem).on(case.line));
            }
            case.check().map_err(|problem| {
                let problem = format!("case \"{}\": {problem}", case.name);
                SuiteError::new(path, problem).on(case.line)
            })?;
        }
        Ok(suite)
    }

    /// Its links, as a store has them; `None` where it says nothing of any.
    ///
    /// # Errors
    /// A link whose entities cannot be read.
    pub(super) fn link_rows(&self, path: &Path) -> Result<Option<Vec<LinkRow>>, SuiteError> {
        let Some(links) = &self.links else {
            return Ok(None);
        };
        let rows = links.iter().map(|link| {
            link.get_ref().row().map_err(|problem| {
                let line = line_at(&self.text, link.span().start);
                SuiteError::new(path, format!("link `{}`: {problem}", link.get_ref().id)).on(line)
            })
        });
        rows.collect::<Result<_, _>>().map(Some)
    }

    /// The line of its first link.
    pub(super) fn line_of_links(&self) -> Option<usize> {
        let first = self.links.as_ref()?.first()?;
        Some(line_at(&self.text, first.span().start))
    }

    /// The first name of an action that the schema does not have, wherever one is named, and its
    /// line.
    pub(super) fn unknown_action(
        &self,
        is_known: impl Fn(&str) -> bool,
    ) -> Option<(&str, Option<usize>)> {
        let unknown = |name: &&String| !is_known(name);
        let mut defaults = self.context.keys();
        if let Some(name) = defaults.find(unknown) {
            return Some((name, line_of(&self.text, &["context"], name)));
        }
        for case in &self.cases {
            let context = case.context.iter().filter(|_| case.action.is_none());
            let mut named = case.action.iter().chain(context.flat_map(|it| it.keys()));
            if let Some(name) = named.find(unknown) {
                return Some((name, Some(case.line)));
            }
        }
        let mut matrix = self.matrix.iter().flat_map(|matrix| matrix.contexts.keys());
        let name = matrix.find(unknown)?;
        Some((name, line_of(&self.text, &["matrix", "contexts"], name)))
    }
}

impl Case {
    /// Refuses members that would not be compared: a case must be able to fail.
    fn check(&self) -> Result<(), &'static str> {
        let extras = (self.rules.is_some(), self.obligations.is_some());
        match (
            &self.action,
            &self.allow,
            &self.deny,
            &self.malformed,
            extras,
        ) {
            (Some(_), Some(AllowMember::Yes(true)), None, None, _)
            | (Some(_), None, Some(_), None, (_, false))
            | (Some(_), None, None, Some(_), (false, false))
            | (None, Some(AllowMember::Actions(_)), None, None, (false, false)) => Ok(()),
            (Some(_), None, Some(_), None, (_, true)) => {
                Err("`obligations` go with `allow = true`")
            }
            (Some(_), ..) => Err(
                "with `action`, one of `allow = true`, `deny = [codes]` and `malformed = code` is wanted",
            ),
            (None, ..) => Err(
                "without `action`, `allow = [actions]` is wanted, and no `rules` or `obligations`",
            ),
        }
    }
}

/// A TOML value as JSON. Dates are not among the things that Cedar knows.
pub(super) fn to_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(value) => (*value).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.iter().map(to_json).collect(),
        toml::Value::Table(table) => table_to_json(table),
    }
}

pub(super) fn table_to_json(table: &toml::Table) -> serde_json::Value {
    table
        .iter()
        .map(|(name, value)| (name.clone(), to_json(value)))
        .collect()
}
