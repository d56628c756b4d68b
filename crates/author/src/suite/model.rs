//! A suite as it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::SuiteError;
use peppol_authz_engine::file::read_text;

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
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum AllowMember {
    /// `allow = true`
    Yes(bool),
    /// `allow = ["getOrganisation"]`
    Actions(Vec<String>),
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
        let suite: Self = toml::from_str(&text).map_err(|error| SuiteError::new(path, error))?;
        let mut names = std::collections::BTreeSet::new();
        for case in &suite.cases {
            if !names.insert(case.name.as_str()) {
                return Err(SuiteError::new(
                    path,
                    format!("two cases are named \"{}\"", case.name),
                ));
            }
            case.check().map_err(|problem| {
                SuiteError::new(path, format!("case \"{}\": {problem}", case.name))
            })?;
        }
        Ok(suite)
    }

    /// Names of actions that the schema does not have, wherever one is named.
    pub(super) fn unknown_actions(&self, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let listed = self.cases.iter().filter(|case| case.action.is_none());
        let in_cases =
            listed.flat_map(|case| case.context.iter().flat_map(|context| context.keys()));
        let asked = self.cases.iter().filter_map(|case| case.action.as_ref());
        let matrix = self.matrix.iter().flat_map(|matrix| matrix.contexts.keys());
        let all = self
            .context
            .keys()
            .chain(in_cases)
            .chain(matrix)
            .chain(asked);
        all.filter(|name| !is_known(name)).cloned().collect()
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
