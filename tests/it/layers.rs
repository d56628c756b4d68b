//! The dependency rule, read off the `use` lines: imports run one way, and each
//! big dependency has one home.

use std::path::{Path, PathBuf};

use crate::sidecar::project;

/// What each module may use of the crate, beside what is in itself.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("text", &[]),
    ("config", &["text"]),
    ("schema", &["text"]),
    ("identity", &["config", "schema", "text"]),
    ("policy", &["schema", "text"]),
    ("store", &["schema", "text"]),
    ("slice", &["policy", "schema", "store"]),
    ("engine", &["policy", "schema", "slice", "store", "text"]),
    (
        "decision_log",
        &[
            "config", "engine", "policy", "schema", "slice", "store", "text",
        ],
    ),
    (
        "shadow",
        &[
            "decision_log",
            "engine",
            "policy",
            "schema",
            "slice",
            "store",
        ],
    ),
    (
        "http",
        &[
            "config",
            "decision_log",
            "engine",
            "identity",
            "policy",
            "schema",
            "shadow",
            "slice",
            "store",
            "text",
        ],
    ),
    (
        "proof",
        &["engine", "policy", "schema", "slice", "store", "text"],
    ),
    ("suite", &["engine", "policy", "schema", "slice", "store"]),
    (
        "cli",
        &[
            "config",
            "decision_log",
            "engine",
            "http",
            "identity",
            "policy",
            "proof",
            "schema",
            "shadow",
            "slice",
            "store",
            "suite",
        ],
    ),
];

/// Where a dependency may be named.
const HOMES: [(&str, &[&str]); 20] = [
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("tonic", &["http"]),
    ("prost", &["http"]),
    ("prometheus_client", &["http", "shadow"]),
    ("utoipa", &["http"]),
    ("utoipa_axum", &["http"]),
    ("rusqlite", &["store"]),
    ("tokio_postgres", &["store"]),
    ("deadpool_postgres", &["store"]),
    ("moka", &["identity", "slice"]),
    ("ring", &["identity"]),
    ("ureq", &["identity"]),
    ("cedar_policy_core", &["engine", "policy", "schema"]),
    ("cedar_policy_symcc", &["proof"]),
    ("chrono", &["text"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("figment", &["config"]),
];

pub(crate) fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The modules of the crate that a text names, `crate::a::…` and `crate::{a, b}`.
fn named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let list = rest
            .strip_prefix('{')
            .and_then(|list| list.split_once('}'))
            .map_or(rest, |(list, _)| list);
        let parts = if rest.starts_with('{') {
            list.split(',').collect()
        } else {
            vec![list]
        };
        for part in parts {
            let name: String = part
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn imports_run_one_way_and_dependencies_have_one_home() {
    let source = project("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    assert!(found.len() > 40);
    let mut faults = Vec::new();
    for path in found {
        let relative = path.strip_prefix(&source).unwrap();
        let module = relative
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, allowed) = MAY_USE
            .into_iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module}"));
        for name in named(&text) {
            let known = MAY_USE.iter().any(|(other, _)| *other == name);
            if known && name != module && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: uses `{name}`", relative.display()));
            }
        }
        for (dependency, homes) in HOMES {
            let uses = [
                format!("use {dependency}::"),
                format!(" {dependency}::"),
                format!("({dependency}::"),
            ];
            if !homes.contains(&module.as_str())
                && uses.iter().any(|used| text.contains(used.as_str()))
            {
                faults.push(format!(
                    "{}: names `{dependency}`, whose home is {homes:?}",
                    relative.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
