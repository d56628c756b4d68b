//! The dependency rule, read off the `use` lines: imports run one way, and each
//! big dependency has one home.

mod circles;
mod code;
mod console;

use std::path::{Path, PathBuf};

use crate::sidecar::project;

/// Modules, each with those that it may use beside itself.
type Modules = &'static [(&'static str, &'static [&'static str])];

/// The modules of each crate, with those that they may use beside themselves. The compiler holds
/// which crate may use which.
const MAY_USE: [(&str, Modules); 5] = [
    (
        "crates/engine/src",
        &[
            ("file", &["moment", "text"]),
            ("moment", &[]),
            ("priority", &[]),
            ("text", &[]),
            ("combine", &[]),
            ("turn", &[]),
            ("stages", &[]),
            ("schema", &["text"]),
            ("policy", &["file", "schema", "text"]),
            ("store", &["combine", "file", "moment", "schema", "text"]),
            (
                "slice",
                &["moment", "policy", "schema", "stages", "store", "turn"],
            ),
            (
                "decide",
                &[
                    "policy", "schema", "slice", "stages", "store", "text", "turn",
                ],
            ),
            (
                "search",
                &["decide", "policy", "schema", "slice", "store", "turn"],
            ),
            (
                "row_plan",
                &[
                    "combine", "decide", "moment", "policy", "schema", "search", "slice", "store",
                    "turn",
                ],
            ),
            (
                "review",
                &[
                    "decide", "explain", "policy", "schema", "search", "slice", "store",
                ],
            ),
            ("explain", &["decide", "policy", "schema", "slice", "store"]),
            ("request", &["decide", "policy", "schema", "slice", "store"]),
        ],
    ),
    (
        "crates/database/src",
        &[
            ("additions", &["sql"]),
            ("documents", &[]),
            ("migration", &["additions"]),
            ("sql", &[]),
            ("views", &[]),
            ("ignored", &[]),
            ("added_documents", &["additions"]),
            (
                "import",
                &["added_documents", "additions", "documents", "ignored"],
            ),
            ("export", &["import", "sql"]),
            ("entities", &["import", "sql", "views"]),
            ("roots", &[]),
            ("tls_advice", &[]),
            // Its tests write statements of SQLite.
            ("select", &["sqlite", "views"]),
            (
                "sqlite",
                &[
                    "additions",
                    "documents",
                    "entities",
                    "export",
                    "ignored",
                    "import",
                    "migration",
                    "select",
                    "sql",
                    "views",
                ],
            ),
            (
                "postgres",
                &[
                    "additions",
                    "documents",
                    "entities",
                    "export",
                    "ignored",
                    "import",
                    "migration",
                    "roots",
                    "select",
                    "sql",
                    "tls_advice",
                    "views",
                ],
            ),
            ("row_sql", &["postgres", "select", "sqlite", "views"]),
            (
                "database",
                &[
                    "entities",
                    "export",
                    "import",
                    "migration",
                    "postgres",
                    "sql",
                    "sqlite",
                ],
            ),
            (
                "project",
                &[
                    "added_documents",
                    "additions",
                    "import",
                    "sql",
                    "sqlite",
                    "views",
                ],
            ),
        ],
    ),
    (
        "crates/author/src",
        &[
            ("brought", &["suite"]),
            ("git", &[]),
            ("lint", &[]),
            ("mutant", &[]),
            ("openapi", &[]),
            ("proof", &[]),
            ("suite", &["mutant"]),
        ],
    ),
    (
        "crates/server/src",
        &[
            ("config", &[]),
            ("telemetry", &["config"]),
            ("instant", &[]),
            ("watch", &[]),
            ("followed", &["config"]),
            ("tls", &["config", "followed", "loads"]),
            ("callers", &["config", "identity", "loads", "tls"]),
            (
                "identity",
                &["config", "followed", "keyed_hash", "loads", "telemetry"],
            ),
            ("keyed_hash", &[]),
            ("loads", &[]),
            (
                "decision_log",
                &["config", "instant", "keyed_hash", "telemetry"],
            ),
            ("review", &["decision_log", "instant"]),
            ("shadow", &["decision_log"]),
            (
                "http",
                &[
                    "callers",
                    "config",
                    "decision_log",
                    "identity",
                    "instant",
                    "keyed_hash",
                    "loads",
                    "review",
                    "shadow",
                    "telemetry",
                    "tls",
                ],
            ),
        ],
    ),
    ("crates/console/src", console::MAY_USE),
];

/// Where a dependency may be named.
const HOMES: [(&str, &[&str]); 29] = [
    (
        "axum",
        &[
            "server/http",
            "console/ask",
            "console/assets",
            "console/complete",
            "console/decisions",
            "console/errand_form",
            "console/frame",
            "console/guard",
            "console/language",
            "console/policies",
            "console/refusal",
            "console/review",
            "console/rights",
            "console/routes",
            "console/sign_in",
            "console/sign_in_form",
            "console/state",
            "console/visit",
        ],
    ),
    ("hyper", &["server/http", "server/telemetry"]),
    ("hyper_util", &["server/http", "server/telemetry"]),
    ("tonic", &["server/http", "server/telemetry"]),
    ("prost", &["server/http", "server/telemetry"]),
    ("prometheus_client", &["server/http", "server/shadow"]),
    ("utoipa", &["server/http"]),
    ("utoipa_axum", &["server/http"]),
    ("rusqlite", &["database/sqlite"]),
    ("tokio_postgres", &["database/postgres"]),
    ("deadpool_postgres", &["database/postgres"]),
    (
        "moka",
        &[
            "engine/decide",
            "engine/slice",
            "server/callers",
            "server/identity",
        ],
    ),
    ("aho_corasick", &["server/decision_log"]),
    ("ring", &["server/identity"]),
    (
        "rustix",
        &["engine/file", "engine/moment", "engine/priority", "src/cli"],
    ),
    ("tokio_util", &["server/http"]),
    ("saphyr_parser", &["author/openapi"]),
    ("tokio_rustls", &["server/telemetry", "server/tls"]),
    ("x509_cert", &["server/tls"]),
    ("ureq", &["server/identity"]),
    (
        "cedar_policy_core",
        &[
            "author/mutant",
            "engine/explain",
            "engine/policy",
            "engine/schema",
        ],
    ),
    ("cedar_policy_symcc", &["author/proof"]),
    ("chrono", &["engine/schema", "server/instant"]),
    ("clap", &["src/cli"]),
    ("clap_complete", &["src/cli"]),
    ("clap_mangen", &["src/cli"]),
    ("indicatif", &["src/cli"]),
    ("figment", &["server/config"]),
    (
        "maud",
        &[
            "console/ask",
            "console/cedar",
            "console/decisions",
            "console/entity",
            "console/errand_form",
            "console/frame",
            "console/graph",
            "console/policies",
            "console/policy_title",
            "console/refusal",
            "console/review",
            "console/rights",
            "console/routes",
            "console/sign_in_form",
            "console/state",
        ],
    ),
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

/// Files of Rust with the module that each is of, as `engine/slice`.
fn modules() -> Vec<(String, PathBuf)> {
    let sources = ["author", "console", "database", "engine", "server"].map(|name| {
        let source = project(&format!("crates/{name}/src"));
        (name, source)
    });
    let mut all = Vec::new();
    for (name, source) in sources.into_iter().chain([("src", project("src"))]) {
        let mut found = Vec::new();
        files(&source, &mut found);
        for path in found {
            let relative = path.strip_prefix(&source).unwrap();
            let module = relative.iter().next().unwrap().to_str().unwrap();
            let module = module.trim_end_matches(".rs");
            all.push((format!("{name}/{module}"), path));
        }
    }
    assert!(all.len() > 200);
    all
}

#[test]
fn imports_run_one_way() {
    let mut faults = Vec::new();
    let mut read = 0;
    for (directory, modules) in MAY_USE {
        let source = project(directory);
        let mut found = Vec::new();
        files(&source, &mut found);
        for path in found {
            let relative = path.strip_prefix(&source).unwrap();
            let module = relative.iter().next().unwrap().to_str().unwrap();
            let module = module.trim_end_matches(".rs");
            if module == "lib" {
                continue;
            }
            read += 1;
            let allowed = modules.iter().find(|(name, _)| *name == module);
            let (_, allowed) = allowed.unwrap_or_else(|| panic!("{module}"));
            for name in named(&std::fs::read_to_string(&path).unwrap()) {
                let known = modules.iter().any(|(other, _)| *other == name);
                if known && name != module && !allowed.contains(&name.as_str()) {
                    faults.push(format!("{}: uses `{name}`", path.display()));
                }
            }
        }
    }
    assert!(read > 150);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn dependencies_have_one_home() {
    let mut faults = Vec::new();
    for (module, path) in modules() {
        let text = std::fs::read_to_string(&path).unwrap();
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
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
