//! From flags, variables and a file to a [`Config`], or to every fault that they have.
//!
//! Each origin becomes a layer of a [`Figment`], so that a fault can name it. A value that does not
//! fit is noted, taken out, and the rest is read again, until nothing is left to complain of.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use figment::error::{Actual, Kind, OneOf};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};
use serde::Deserialize;

use super::{Config, range};
use layer::Layer;

mod layer;

/// What the command line says; it wins over variables and the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The TOML file; without it `PEPPOL_AUTHZ_CONFIG` names it, and without that there is none.
    pub config: Option<PathBuf>,
    /// `--listen`, not parsed yet, so that its faults are reported with the others.
    pub listen: Option<String>,
    /// `--tenancy`, not parsed yet either.
    pub tenancy: Option<String>,
    /// `--policies`.
    pub policies: Option<PathBuf>,
    /// `--schema`.
    pub schema: Option<PathBuf>,
    /// `--routes`.
    pub routes: Option<PathBuf>,
    /// `--import`, as often as it was given; never given, the file or variable counts.
    pub import: Vec<PathBuf>,
    /// `--shadow`.
    pub shadow: Option<PathBuf>,
    /// `--decision-log`, not parsed yet.
    pub decision_log: Option<String>,
    /// `--log-slice`; not given, the file or variable counts.
    pub log_slice: bool,
}

/// All that is wrong with a configuration, at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of: file, variables, flags, values that do not fit, values out of range.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` from `{origin}`: {problem}")]
pub struct Fault {
    /// The setting, as `server.workers`.
    pub key: String,
    /// The file, variable or flag that set it.
    pub origin: String,
    /// What is wrong with it.
    pub problem: String,
}

// === impl Config ===

impl Config {
    /// The settings from `flags`, the variables of this process, and the file that one of them
    /// names.
    ///
    /// # Errors
    ///
    /// All faults of all settings, each with the file, variable or flag that it comes from. A value
    /// that another one overrides is not looked at.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_from(flags, std::env::vars_os())
    }

    /// [`Config::load`] with these `variables` in place of the process's own.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_from(
        flags: &Flags,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut faults = Vec::new();
        let (variables, named) = Layer::of_variables(variables, &mut faults);
        let file = match (&flags.config, &named) {
            (Some(path), _) => Layer::of_file("--config", path, &mut faults),
            (None, Some(path)) => Layer::of_file(layer::CONFIG, path, &mut faults),
            (None, None) => None,
        };
        let flags = Layer::of_flags(flags, &mut faults);

        let layers = file.into_iter().chain(variables).chain(flags);
        let config = read(&layers.fold(Figment::new(), Figment::merge), &mut faults);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { faults })
        }
    }
}

/// The settings in `figment`; where there are faults, the defaults are in place of what is wrong.
fn read(figment: &Figment, faults: &mut Vec<Fault>) -> Config {
    let origin = |value: Option<&Value>| {
        let metadata = value.and_then(|value| figment.get_metadata(value.tag()));
        metadata.map_or_else(
            || "the defaults".to_owned(),
            |metadata| metadata.name.to_string(),
        )
    };
    let layers = figment.data().ok();
    let mut values = layers
        .and_then(|mut all| all.remove(&Profile::Default))
        .unwrap_or_default();

    let config = loop {
        let error = match Config::deserialize(&Value::from(values.clone())) {
            Ok(config) => break config,
            Err(error) => error,
        };
        let taken = take(&mut values, &error.path);
        faults.push(Fault::new(
            error.path.join("."),
            origin(taken.as_ref()),
            problem(&error.kind),
        ));
        // INVARIANT: the loop ends, as each turn makes `values` smaller.
        if taken.is_none() {
            break Config::default();
        }
    };

    let values = Value::from(values);
    for (key, problem) in range::faults(&config) {
        faults.push(Fault::new(key, origin(values.find_ref(key)), problem));
    }
    config
}

/// Removes what is at `path`, or the longest part of it that exists.
fn take(values: &mut Dict, path: &[String]) -> Option<Value> {
    let (key, rest) = path.split_first()?;
    match values.get_mut(key) {
        Some(Value::Dict(_, inner)) if !rest.is_empty() => take(inner, rest),
        _ => values.remove(key),
    }
}

/// What serde's complaint means for someone who wrote a file.
fn problem(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(_, known) => format!("unknown key, expected {}", OneOf(known)),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = match expected.as_str() {
                "usize" | "u64" => "a whole number",
                "path string" => "a path",
                table if table.starts_with("struct ") => "a table",
                other => other,
            };
            let found = match found {
                Actual::Str(text) => format!("`{text}`"),
                Actual::Unsigned(number) => format!("`{number}`"),
                Actual::Signed(number) => format!("`{number}`"),
                Actual::Bool(truth) => format!("`{truth}`"),
                other => other.to_string(),
            };
            format!("expected {expected}, found {found}")
        }
        Kind::UnknownVariant(found, known) => format!("expected {}, found `{found}`", OneOf(known)),
        other => other.to_string(),
    }
}

// === impl Fault ===

impl Fault {
    fn new(key: impl Into<String>, origin: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            origin: origin.into(),
            problem: problem.into(),
        }
    }
}

// === impl ConfigError ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [fault] => write!(f, "invalid configuration: {fault}"),
            faults => {
                write!(f, "invalid configuration, {} faults:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
