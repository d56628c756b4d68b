//! `export`: an import of what it writes makes the same store, on either database.

mod additions;
mod entities;
mod refused;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use peppol_authz_engine::policy::{Bundle, Sources, load};
use peppol_authz_engine::store::{EntitiesFile, EntitiesLimits};
use rusqlite::Connection;
use rusqlite::types::Value as Column;
use serde_json::Value;
use tempfile::TempDir;

use crate::deciding::{Deciding, open};
use crate::postgres::server::SHARED;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;
use crate::sidecar::program;

/// A directory for databases and exports.
struct Place {
    directory: TempDir,
}

/// The end of a command.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Done {
    /// Its standard output, once it has succeeded.
    fn text(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The state that it names at the end.
    fn revision(&self) -> &str {
        let said = [&*self.stdout, &*self.stderr].into_iter();
        let mut lines = said.flat_map(str::lines);
        let found = lines.find_map(|line| line.strip_prefix("tenancyRevision "));
        found.unwrap_or_else(|| panic!("{self:?}"))
    }
}

fn run(arguments: &[&str]) -> Done {
    let output = program().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn export(source: &str) -> String {
    run(&["export", "--tenancy", source]).text()
}

fn export_cedar(source: &str) -> String {
    run(&["export", "--cedar", "--tenancy", source]).text()
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sqlite(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Imports a text into a source.
    fn import(&self, source: &str, text: &str) -> Done {
        let file = self.file("import.ndjson", text);
        let done = run(&["import", "--tenancy", source, &file]);
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    }
}

/// All rows of all tables and views, without what tells of the past: histories and changes.
fn rows(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')
             AND name NOT LIKE 'tenancy\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0));
    let names: Vec<String> = names.unwrap().map(Result::unwrap).collect();
    assert!(names.len() > 20, "{names:?}");
    let mut all = Vec::new();
    for name in names {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM \"{name}\""))
            .unwrap();
        let columns = statement.column_count();
        let found = statement.query_map([], |row| {
            (0..columns)
                .map(|i| row.get::<_, Column>(i))
                .collect::<Result<Vec<_>, _>>()
        });
        all.extend(
            found
                .unwrap()
                .map(|row| format!("{name} {:?}", row.unwrap())),
        );
    }
    all.sort();
    all
}

fn documents(tenancy: &Tenancy) -> String {
    let lines = tenancy.documents();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_import_of_an_export_is_the_same_store() {
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    for number in 0..4 {
        let place = Place::new();
        let mut rng = Rng::new(7_000_003 + number);
        let tenancy = Tenancy::random(&mut rng, 5);
        let first = place.sqlite("first.db");
        let imported = place.import(&first, &documents(&tenancy));
        let exported = run(&["export", "--tenancy", &first]);
        assert_eq!(exported.revision(), imported.revision());
        let text = exported.text();
        let second = place.sqlite("second.db");
        place.import(&second, &text);
        let [one, other] = ["first.db", "second.db"].map(|name| rows(&place.path(name)));
        assert_eq!(one, other, "tenancy {number}");
        assert_eq!(export(&second), text, "tenancy {number}");
        decides_alike(&place, &bundle, &mut rng, &tenancy);
    }
}

/// The entities in a file decide as the store does that they are of.
fn decides_alike(place: &Place, bundle: &Arc<Bundle>, rng: &mut Rng, tenancy: &Tenancy) {
    let file = place.path("entities.json");
    let named = file.display().to_string();
    run(&[
        "export",
        "--tenancy",
        &place.sqlite("first.db"),
        "--cedar",
        &named,
    ])
    .text();
    let limits = EntitiesLimits {
        bytes: u64::MAX,
        ancestors: usize::MAX,
    };
    let entities = EntitiesFile::open(&file, limits).unwrap();
    let one = Deciding::over(open(&place.path("first.db")), Arc::clone(bundle));
    let other = Deciding::over(entities, Arc::clone(bundle));
    for _ in 0..60 {
        let question: Value = Question::random(rng, tenancy).to_json(rng);
        let [one, other] = [&one, &other].map(|it| it.decide(&question));
        assert_eq!(one.verdict, other.verdict, "{question}");
        assert_eq!(one.reasons, other.reasons, "{question}");
        assert_eq!(one.obligations, other.obligations, "{question}");
    }
}

#[test]
fn a_tenancy_moves_from_one_database_to_the_other_and_back() {
    for number in 0..2 {
        let place = Place::new();
        let tenancy = Tenancy::random(&mut Rng::new(8_000_009 + number), 5);
        let first = place.sqlite("first.db");
        place.import(&first, &documents(&tenancy));
        let (text, entities) = (export(&first), export_cedar(&first));
        let server = SHARED.database().url();
        let imported = place.import(&server, &text);
        let exported = run(&["export", "--tenancy", &server]);
        // Others write on this server: only the history is certain to be the same.
        let history = |done: &Done| done.revision().split('-').next().unwrap().to_owned();
        assert_eq!(history(&exported), history(&imported));
        assert_eq!(exported.text(), text, "tenancy {number}");
        assert_eq!(export_cedar(&server), entities, "tenancy {number}");
        let back = place.sqlite("back.db");
        place.import(&back, &text);
        let [one, other] = ["first.db", "back.db"].map(|name| rows(&place.path(name)));
        assert_eq!(one, other, "tenancy {number}");
    }
}

#[test]
fn a_pipe_takes_it_from_one_to_the_other() {
    let place = Place::new();
    let tenancy = Tenancy::random(&mut Rng::new(9), 4);
    let (first, second) = (place.sqlite("first.db"), place.sqlite("second.db"));
    place.import(&first, &documents(&tenancy));
    let mut from = program()
        .args(["export", "--tenancy", &first])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let to = program()
        .args(["import", "--strict", "--tenancy", &second, "-"])
        .stdin(from.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(from.wait().unwrap().success());
    assert!(to.status.success(), "{to:?}");
    assert_eq!(export(&first), export(&second));
}
