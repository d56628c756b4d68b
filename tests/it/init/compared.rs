//! The additions of a database are held against those of the program that reads it: whoever only reads brings
//! nothing up to date, and answers nothing from views of others.

use serde_json::{Value, json};

use super::authoring::{Target, add_column, documents};
use super::project;
use crate::author::Author;
use crate::eventually::until;
use crate::postgres::client::{until_missing, until_ready};
use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

const ASK: [&str; 6] = [
    "--principal",
    "Peppol::User::\"anna\"",
    "--action",
    "getOrganisation",
    "--resource",
    "Peppol::Organisation::\"acme\"",
];

fn with_column() -> Author {
    let author = project();
    add_column(&author);
    // Of a slow machine it is not the time that is told.
    let behind = "\n\n# A PEM file of root certificates for the PostgreSQL server";
    let [short, long] = ["#timeout = \"2s\"", "timeout = \"1m\""].map(|it| format!("{it}{behind}"));
    author.edit("peppol-authz.toml", &short, &long);
    author.write("documents.ndjson", &documents(false));
    author
}

fn over(target: &Target) -> [String; 4] {
    [
        "--config",
        "peppol-authz.toml",
        "--tenancy",
        &target.source(),
    ]
    .map(str::to_owned)
}

#[track_caller]
fn runs(author: &Author, command: &[&str], target: &Target, code: i32, words: &str) {
    let over = over(target);
    let more: Vec<&str> = over.iter().map(String::as_str).collect();
    let arguments = [&command[..1], &more, &command[1..]].concat();
    let ended = author.run(&arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains(words), "{arguments:?}: {ended:?}");
}

/// Those that ask, each with what it needs.
fn questions() -> [Vec<&'static str>; 3] {
    let ask = |command| [&[command][..], &ASK].concat();
    [
        ask("authorize"),
        ask("explain"),
        [&["search"][..], &ASK[..2], &ASK[4..]].concat(),
    ]
}

#[test]
fn who_reads_brings_nothing_up_to_date() {
    let author = with_column();
    for target in Target::both(&author) {
        runs(
            &author,
            &["import", "documents.ndjson"],
            &target,
            0,
            "imported",
        );
        let tables = match target {
            Target::Sqlite(_) => "SELECT count(*) FROM sqlite_schema",
            Target::Postgres(_) => "SELECT count(*) FROM pg_class",
        };
        let before = target.value(tables);
        let directory = target.directory();
        let [more, views] =
            ["migrations/2-more.sql", "views.sql"].map(|it| format!("{directory}/{it}"));
        author.write(&more, "CREATE TABLE more (id text PRIMARY KEY);\n");
        for question in questions() {
            runs(&author, &question, &target, 1, "`peppol-authz migrate`");
        }
        std::fs::remove_file(author.path(&more)).unwrap();
        let text = author.read(&views);
        author.write(&views, &text.replace(", 10) AS", ", 99) AS"));
        for question in questions() {
            runs(&author, &question, &target, 1, "`peppol-authz migrate`");
        }
        assert_eq!(target.value(tables), before);
        author.write(&views, &text);
        for question in questions() {
            runs(&author, &question, &target, 0, "");
        }
    }
    // Nor are the tables themselves made or upgraded.
    let [sqlite, postgres] = [
        Target::Sqlite(author.path("older.db")),
        Target::Postgres(SHARED.database()),
    ];
    let first = author.read("schema/sqlite/migrations/1-tenancy/up.sql");
    sqlite.sql(&format!(
        "{first}; PRAGMA user_version = 1; PRAGMA application_id = 0x7065415A"
    ));
    for question in questions() {
        for target in [&sqlite, &postgres] {
            runs(&author, &question, target, 1, "`peppol-authz migrate`");
        }
    }
    assert_eq!(sqlite.value("PRAGMA user_version"), "1");
    let made = "SELECT count(*) FROM pg_class WHERE relname LIKE 'tenancy%'";
    assert_eq!(postgres.value(made), "0");
}

fn asked() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "maxAge": "0s",
    })
}

fn is_other(sidecar: &Sidecar) -> bool {
    sidecar.post("/v1/is_authorized", &asked()).status == 503
}

/// Two sidecars with additions of their own over one database: one of them has to stop.
#[test]
fn a_running_sidecar_takes_over_no_views_of_others() {
    let author = with_column();
    let target = Target::Postgres(SHARED.database());
    runs(
        &author,
        &["import", "documents.ndjson"],
        &target,
        0,
        "imported",
    );
    let start = || {
        Start::new()
            .inside(&author.path("."))
            .with(&over(&target).each_ref().map(String::as_str))
            .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "0s")
    };
    let without_leave = || start().variable("PEPPOL_AUTHZ_STORE__MIGRATE", "false");
    let (one, reader) = (start().start(), without_leave().start());
    let views = format!("{}/views.sql", target.directory());
    let text = author.read(&views);
    author.write(&views, &text.replace(", 10) AS", ", 99) AS"));
    // One that may not bring it up to date waits until somebody has.
    let late = without_leave().start_listening();
    until_missing(&late, &["`peppol-authz migrate`"]);
    assert!(!is_other(&one) && !is_other(&reader));
    runs(&author, &["migrate"], &target, 0, "were made anew");
    until_ready(&late);
    until("it is noticed", || is_other(&one) && is_other(&reader));
    until_missing(
        &one,
        &["the views `Peppol::Organisation` are not those of the additions"],
    );
    assert!(!is_other(&late));
    // The other way round.
    author.write(&views, &text);
    runs(&author, &["migrate"], &target, 0, "were made anew");
    until("they are its own again", || {
        !is_other(&one) && !is_other(&reader)
    });
    until("they are not those of the last", || is_other(&late));
}
