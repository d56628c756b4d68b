//! `config.default.toml` says what [`Config::default`] does.

use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../config.default.toml");

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
fn the_document_holds_the_defaults() {
    assert_eq!(
        toml::from_str::<Config>(DOCUMENT).unwrap(),
        Config::default()
    );
}

#[test]
fn the_document_shows_every_setting_and_no_other() {
    let mut settings = BTreeSet::new();
    for (name, value) in serde_json::to_value(Config::default())
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
