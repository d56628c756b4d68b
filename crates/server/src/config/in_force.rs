//! The settings as they are in force, for people.

use serde_json::Value as Json;

use super::Config;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingInForce {
    /// Its dotted key.
    pub key: String,
    /// Its value, without secrets; null where it is not set.
    pub value: Json,
    /// The file, variable or flag that it comes from, or `the defaults`.
    pub origin: String,
}

impl SettingInForce {
    /// The origin of what nobody has set.
    pub const DEFAULTS: &str = "the defaults";

    /// True if nobody has set it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.origin == Self::DEFAULTS
    }

    /// Its value, for people.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.value {
            // It would look like one that is forgotten.
            Json::String(text) if text.is_empty() => "\"\"".to_owned(),
            Json::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// Settings that hold what callers prove themselves by, if only as a hash.
const HIDDEN: [&str; 2] = ["api_keys.key", "callers.key"];

impl Config {
    /// All settings, in the order of their keys, without origins.
    #[must_use]
    pub fn values(&self) -> Vec<SettingInForce> {
        let mut all = Vec::new();
        if let Ok(json) = serde_json::to_value(self) {
            flatten(&json, "", &mut all);
        }
        all.sort_by(|one, other| one.key.cmp(&other.key));
        all
    }
}

fn flatten(json: &Json, key: &str, all: &mut Vec<SettingInForce>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match key {
                    "" => flatten(value, name, all),
                    key => flatten(value, &format!("{key}.{name}"), all),
                }
            }
        }
        value => all.push(SettingInForce {
            key: key.to_owned(),
            value: match value {
                Json::Array(values) if HIDDEN.contains(&key) => {
                    values.iter().map(|_| "hidden").collect()
                }
                value => value.clone(),
            },
            origin: String::new(),
        }),
    }
}
