//! `config.default.toml` is whole, and can be used.

use std::collections::BTreeSet;

use super::*;
use peppol_authz_engine::store::EntitiesLimits;

const DOCUMENT: &str = include_str!("../../../../config.default.toml");

/// Loads a file of this text; without faults, or with one line for each.
pub(super) fn load_text(text: &str) -> Result<Config, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authz.toml");
    std::fs::write(&path, text).unwrap();
    let flags = Flags {
        config: Some(path),
        ..Flags::default()
    };
    let line = |fault: Fault| format!("{}: {}", fault.key, fault.problem);
    let lines = |error: ConfigError| error.faults.into_iter().map(line).collect();
    Config::load_from(&flags, []).map_err(lines)
}

/// The settings that the document shows, as `section.key`; the ones without a default are commented
/// out by a bare `#`.
fn documented() -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in DOCUMENT.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = format!("{name}.");
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ")
            && !key.contains(' ')
        {
            keys.insert(format!("{section}{key}"));
        }
    }
    keys
}

#[test]
fn the_document_holds_a_default_of_every_setting_that_is_not_commented_out() {
    let config = Config::defaults().unwrap();
    assert_eq!(config, toml::from_str(DOCUMENT).unwrap());
    assert_eq!((config.policies, config.jwt.jwks), (None, None));
    assert!(config.jwt.issuer.is_empty() && config.gateway.header.is_empty());
}

/// A file of entities that is read without settings has the same limits.
#[test]
fn the_limits_of_entities_are_those_of_the_engine() {
    let (set, own) = (
        Config::defaults().unwrap().entities,
        EntitiesLimits::default(),
    );
    assert_eq!((set.bytes, set.ancestors), (own.bytes, own.ancestors));
}

#[test]
fn the_document_shows_every_setting_and_no_other() {
    let mut settings = BTreeSet::new();
    for (name, value) in serde_json::to_value(Config::defaults().unwrap())
        .unwrap()
        .as_object()
        .unwrap()
    {
        match value.as_object() {
            Some(section) => settings.extend(section.keys().map(|key| format!("{name}.{key}"))),
            None => drop(settings.insert(name.clone())),
        }
    }
    assert_eq!(documented(), settings);
}

#[test]
fn what_the_document_comments_out_can_be_commented_in() {
    let shown: String = DOCUMENT
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with([' ', '#']) && !rest.is_empty() => {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let config: Config = toml::from_str(&shown).unwrap();
    assert!(config.policies.is_some() && config.schema.is_some() && config.routes.is_some());
}
