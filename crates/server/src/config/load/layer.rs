//! The values of one origin: the defaults, the file, one variable, one flag.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::service_link;
use crate::config::{Config, ConfigError, Fault, Flags, SettingInForce};
use peppol_authz_engine::file::read_text_once;
use peppol_authz_engine::text::nearest;

/// The values of one origin. Each variable and each flag is a layer of its own, so that figment can
/// tell them apart.
pub(super) struct Layer {
    origin: String,
    values: Dict,
}

const PREFIX: &str = "PEPPOL_AUTHZ_";

/// The default of every setting that has one.
const DEFAULT_FILE: &str = include_str!("../../../../../config.default.toml");

/// The origin of the defaults, as faults name it.
pub(super) const DEFAULTS: &str = SettingInForce::DEFAULTS;

/// The variable that names the file.
pub(super) const CONFIG: &str = "PEPPOL_AUTHZ_CONFIG";

// === impl Layer ===

impl Layer {
    /// The defaults, out of the file that is inside the program.
    pub(super) fn of_defaults() -> Result<Self, ConfigError> {
        match toml::from_str(DEFAULT_FILE) {
            Ok(values) => Ok(Self {
                origin: DEFAULTS.to_owned(),
                values,
            }),
            Err(error) => Err(ConfigError {
                faults: vec![Fault::new("config", DEFAULTS, error.to_string())],
            }),
        }
    }

    /// The variables that are settings, and the value of [`CONFIG`]. `known` has all settings.
    pub(super) fn of_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        known: &Config,
        faults: &mut Vec<Fault>,
    ) -> (Vec<Self>, Option<PathBuf>) {
        let known = Value::serialize(known).ok();
        let default = |key: &str| {
            let known = known.as_ref()?;
            // It may be a table too.
            let kind = key.strip_prefix("policy_warnings.");
            let key = kind.map_or(key, |_| "policy_warnings");
            match known.find_ref(key)? {
                Value::Dict(..) => None,
                value => Some(value),
            }
        };
        let mut keys = Vec::new();
        if let Some(known) = &known {
            each_key(known, "", &mut keys);
        }
        // The order of an environment is arbitrary; the order of faults should not be.
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();

        let (mut layers, mut file) = (Vec::new(), None);
        for (name, text) in variables {
            let name = name.to_string_lossy().into_owned();
            let Some(suffix) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if name == CONFIG {
                file = Some(text.into());
                continue;
            }
            let key = suffix.to_ascii_lowercase().replace("__", ".");
            // A setting is one, whatever it is called.
            if default(&key).is_none() && service_link::is_one(suffix, &text) {
                continue;
            }
            let problem = match (default(&key), text.into_string()) {
                (None, _) => {
                    let names = keys.iter().map(String::as_str);
                    let meant = nearest(&key, names).map(variable);
                    let meant = meant.map(|name| format!("; did you mean `{name}`?"));
                    format!("unknown key{}", meant.unwrap_or_default())
                }
                (Some(_), _) if suffix.contains(|c: char| c.is_ascii_lowercase()) => {
                    "unknown key, variables are in capitals".to_owned()
                }
                (Some(_), Err(_)) => "is not UTF-8".to_owned(),
                (Some(default), Ok(text)) => match typed(text, default) {
                    Some(value) => {
                        layers.push(Self::new(name, &key, value));
                        continue;
                    }
                    None => "is not an array in TOML's syntax".to_owned(),
                },
            };
            faults.push(Fault::new(key, name, problem));
        }
        (layers, file)
    }

    /// The TOML file at `path`, which `origin` names.
    pub(super) fn of_file(origin: &str, path: &Path, faults: &mut Vec<Fault>) -> Option<Self> {
        let path_shown = path.display();
        let values = match read_text_once(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                format!(
                    "`{path_shown}` is not TOML: {}",
                    error.to_string().trim_end()
                )
            }),
            Err(error) => Err(format!("`{path_shown}` cannot be read: {error}")),
        };
        match values {
            Ok(values) => Some(Self {
                origin: path_shown.to_string(),
                values,
            }),
            Err(problem) => {
                faults.push(Fault::new("config", origin, problem));
                None
            }
        }
    }

    /// The flags that were given.
    pub(super) fn of_flags(flags: &Flags, faults: &mut Vec<Fault>) -> Vec<Self> {
        let Flags {
            config: _,
            listen,
            tenancy,
            policies,
            schema,
            policy_warnings,
            policy_level,
            routes,
            additions,
            import,
            decision_log,
            log_slice,
            console,
            reload_suites,
            shadow,
        } = flags;
        // The outer option is `None` if the flag was not given, the inner one if its value is not
        // UTF-8, as every value of a layer is.
        let text = |text: &String| Some(Value::from(text.as_str()));
        let path = |path: &PathBuf| path.to_str().map(Value::from);
        let paths = || {
            import
                .iter()
                .map(path)
                .collect::<Option<Vec<_>>>()
                .map(Value::from)
        };
        let warnings = policy_warnings.map(|warnings| Some(Value::from(warnings.to_string())));
        let level = policy_level.map(|level| Some(Value::from(i64::from(level.get()))));
        let logged = decision_log.as_ref().map(text);
        let console = console.then(|| Some(Value::from(true)));
        let slice = log_slice.then(|| Some(Value::from(true)));
        let given = [
            ("listen", "listen", listen.as_ref().map(text)),
            ("tenancy", "tenancy", tenancy.as_ref().map(text)),
            ("policies", "policies", policies.as_ref().map(path)),
            ("schema", "schema", schema.as_ref().map(path)),
            ("policy_warnings", "policy-warnings", warnings),
            ("policy_level", "policy-level", level),
            ("routes", "routes", routes.as_ref().map(path)),
            ("additions", "additions", additions.as_ref().map(path)),
            ("import", "import", (!import.is_empty()).then(paths)),
            ("decision_log.to", "decision-log", logged),
            ("decision_log.slice", "log-slice", slice),
            ("console.enabled", "console", console),
            (
                "reload.suites",
                "reload-suites",
                reload_suites.as_ref().map(path),
            ),
            ("shadow.policies", "shadow", shadow.as_ref().map(path)),
        ];
        let mut layers = Vec::new();
        for (key, flag, value) in given {
            let origin = format!("--{flag}");
            match value {
                None => {}
                Some(None) => faults.push(Fault::new(key, origin, "is not UTF-8")),
                Some(Some(value)) => layers.push(Self::new(origin, key, value)),
            }
        }
        layers
    }

    /// The values, by key.
    pub(super) fn values(&self) -> &Dict {
        &self.values
    }

    /// A layer of one value, at a dotted `key`.
    pub(super) fn new(origin: String, key: &str, value: Value) -> Self {
        let values = match figment::util::nest(key, value) {
            Value::Dict(_, values) => values,
            _ => Dict::new(),
        };
        Self { origin, values }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// The dotted keys of all settings.
fn each_key(value: &Value, key: &str, keys: &mut Vec<String>) {
    match value {
        Value::Dict(_, inner) => {
            for (name, value) in inner {
                let key = match key {
                    "" => name.clone(),
                    key => format!("{key}.{name}"),
                };
                each_key(value, &key, keys);
            }
        }
        _ => keys.push(key.to_owned()),
    }
}

/// The variable of a setting.
fn variable(key: &str) -> String {
    let name = key.replace('.', "__").to_ascii_uppercase();
    format!("{PREFIX}{name}")
}

/// The text of a variable as a value of the type of `default`. A text that has another type stays a
/// text, so that the fault can name it. Only a text that begins as an array must be one, as any
/// text is a path.
fn typed(text: String, default: &Value) -> Option<Value> {
    let value = match default {
        Value::Bool(..) => text.parse::<bool>().ok().map(Value::from),
        Value::Num(..) => text.parse::<i64>().ok().map(Value::from),
        Value::Array(..) if text.starts_with('[') => {
            let mut parsed: Dict = toml::from_str(&format!("value = {text}")).ok()?;
            return parsed.remove("value");
        }
        _ => None,
    };
    Some(value.unwrap_or_else(|| text.into()))
}
