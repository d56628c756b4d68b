//! From flags, variables and a file to a [`Config`], or to every fault that they have.
//!
//! Each origin becomes a layer of a [`Figment`], so that a fault can name it; the lowest layer is
//! `config.default.toml`. A value that does not fit is noted, replaced by its default, and all is
//! read again, until no fault is left.

use std::ffi::OsString;

use figment::error::{Actual, Kind, OneOf};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};
use serde::Deserialize;

use super::fault::{ConfigError, Fault};
use super::flags::Flags;
use super::range::SettingFaults;
use super::{Config, LogTarget, SettingInForce, exposure};
use layer::Layer;
use peppol_authz_engine::text::did_you_mean;

mod layer;
mod opentelemetry;
mod service_link;

// === impl Config ===

impl Config {
    /// The defaults: `config.default.toml` and nothing else.
    ///
    /// # Errors
    ///
    /// The defaults that are inside the program cannot be used. A test excludes that.
    pub fn defaults() -> Result<Self, ConfigError> {
        let defaults = Layer::of_defaults()?;
        Ok(read(&defaults, [], Vec::new())?.0)
    }

    /// The settings from `flags`, the variables of this process, and the file that one of them
    /// names; the defaults for all others.
    ///
    /// # Errors
    ///
    /// All faults of all settings, each with the file, variable or flag that it comes from. Values
    /// that another origin overrides are not checked.
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
        Ok(load(flags, variables)?.0)
    }

    /// [`Config::load`], with the origin of each setting.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_with_origins(flags: &Flags) -> Result<(Self, Vec<SettingInForce>), ConfigError> {
        let (config, values) = load(flags, std::env::vars_os())?;
        let mut settings = config.values();
        for setting in &mut settings {
            setting.origin = values.origin(&setting.key);
        }
        Ok((config, settings))
    }
}

/// The values of all layers, with the layer of each.
struct Origins {
    figment: Figment,
    values: Value,
}

impl Origins {
    fn of(&self, value: Option<&Value>) -> String {
        let metadata = value.and_then(|value| self.figment.get_metadata(value.tag()));
        metadata.map_or_else(
            || layer::DEFAULTS.to_owned(),
            |metadata| metadata.name.to_string(),
        )
    }

    /// The origin of a setting, or of the table that it is in.
    fn origin(&self, key: &str) -> String {
        self.of(self.values.find_ref(key))
    }
}

fn load(
    flags: &Flags,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Config, Origins), ConfigError> {
    let mut faults = Vec::new();
    let defaults = Layer::of_defaults()?;
    // They show which keys are settings, and of which type.
    let (known, _) = read(&defaults, [], Vec::new())?;
    let variables: Vec<_> = variables.into_iter().collect();
    let general = opentelemetry::layers(&variables, &mut faults);
    let (variables, named) = Layer::of_variables(variables, &known, &mut faults);
    let file = match (&flags.config, &named) {
        (Some(path), _) => Layer::of_file("--config", path, &mut faults),
        (None, Some(path)) => Layer::of_file(layer::CONFIG, path, &mut faults),
        (None, None) => None,
    };
    let flags = Layer::of_flags(flags, &mut faults);
    let layers = general.into_iter().chain(file);
    let layers = layers.chain(variables).chain(flags);
    read(&defaults, layers, faults)
}

/// The settings of `layers` over `defaults`. For each value that does not fit, a fault is noted and
/// the default put in its place, so that the other values are checked too.
fn read(
    defaults: &Layer,
    layers: impl IntoIterator<Item = Layer>,
    mut faults: Vec<Fault>,
) -> Result<(Config, Origins), ConfigError> {
    let layers = layers.into_iter();
    let figment = layers.fold(Figment::from(defaults), Figment::merge);
    let mut values = figment
        .data()
        .ok()
        .and_then(|mut all| all.remove(&Profile::Default))
        .unwrap_or_default();
    let mut origins = Origins {
        figment,
        values: Value::from(Dict::new()),
    };

    let config = loop {
        let error = match Config::deserialize(&Value::from(values.clone())) {
            Ok(config) => break config,
            Err(error) => error,
        };
        let taken = reset(&mut values, Some(defaults.values()), &error.path);
        faults.push(Fault::new(
            error.path.join("."),
            origins.of(taken.as_ref()),
            problem(&error.kind),
        ));
        // INVARIANT: the loop ends, as each turn gives up a value that is no default.
        if taken.is_none() {
            return Err(ConfigError { faults });
        }
    };

    origins.values = Value::from(values);
    for (key, problem) in unusable(&config).into_all() {
        faults.push(Fault::new(key, origins.origin(key), problem));
    }
    if faults.is_empty() {
        Ok((config, origins))
    } else {
        Err(ConfigError { faults })
    }
}

/// Puts the default in the place of what is at `path`, or at the longest part of it that exists.
/// Returns what was there; `None` if that was nothing, or the default itself.
fn reset(values: &mut Dict, defaults: Option<&Dict>, path: &[String]) -> Option<Value> {
    let (key, rest) = path.split_first()?;
    let default = defaults.and_then(|defaults| defaults.get(key));
    if let Some(Value::Dict(_, inner)) = values.get_mut(key)
        && !rest.is_empty()
    {
        return reset(inner, default.and_then(Value::as_dict), rest);
    }
    let taken = values.remove(key);
    if let Some(default) = default {
        values.insert(key.clone(), default.clone());
    }
    taken.filter(|taken| Some(taken) != default)
}

/// Checks the ranges of all settings, section by section.
fn unusable(config: &Config) -> SettingFaults {
    let mut faults = SettingFaults::default();
    faults.path("policies", config.policies.as_deref());
    faults.path("schema", config.schema.as_deref());
    faults.path("routes", config.routes.as_deref());
    faults.path("additions", config.additions.as_deref());
    for path in &config.import {
        faults.path("import", Some(path));
    }
    config.tls.check(&mut faults);
    let of_issuers = config.jwt.issuers.iter().flat_map(|it| &it.audience);
    let users = config.jwt.audience.iter().chain(of_issuers);
    let users = users.chain(&config.introspection.audience);
    let callers = &config.callers;
    callers.check(config.jwt.is_set(), users, &mut faults);
    config.admin.check(&mut faults);
    config.console.check(&mut faults);
    config.server.check(&mut faults);
    config.limits.check(&mut faults);
    config.search.check(&mut faults);
    config.plan.check(&mut faults);
    config.explain.check(&mut faults);
    config.gateway.check(&mut faults);
    config.jwt.check(&mut faults);
    config.introspection.check(&mut faults);
    config.api_keys.check(&mut faults);
    config.entities.check(&mut faults);
    config.store.check(&mut faults);
    config.freshness.check(&mut faults);
    config.reload.check(&mut faults);
    config.shadow.check(&mut faults);
    config.log.check(&mut faults);
    config.decision_log.check(&mut faults);
    let log = &config.decision_log;
    let decisions = (log.to == LogTarget::Otlp).then_some(log.allow_plain);
    config.otlp.check(decisions, &mut faults);
    exposure::check(config, &mut faults);
    faults
}

/// The words for a fault that serde found, for someone who wrote a file.
fn problem(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(written, known) => match did_you_mean(written, known.iter().copied()) {
            near if near.is_empty() => format!("unknown key, expected {}", OneOf(known)),
            near => format!("unknown key{near}"),
        },
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
        Kind::UnknownVariant(found, known) => {
            let near = did_you_mean(found, known.iter().copied());
            format!("expected {}, found `{found}`{near}", OneOf(known))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
