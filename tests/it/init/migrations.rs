//! Migrations of additions: applied all or none, noted with their digests, and never against what the
//! records of changes rest on.

use super::authoring::{Target, add_column};
use super::project;
use crate::author::{Author, Ended};

fn migrate(author: &Author, target: &Target) -> Ended {
    let source = target.source();
    author.run(&[
        "migrate",
        "--config",
        "peppol-authz.toml",
        "--tenancy",
        &source,
    ])
}

#[track_caller]
fn is_done(author: &Author, target: &Target, words: &str) {
    let ended = migrate(author, target);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(words), "{ended:?}");
}

#[track_caller]
fn is_refused(author: &Author, target: &Target, words: &[&str]) {
    let ended = migrate(author, target);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in words {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}

/// Writes a migration for either database.
fn write(author: &Author, name: &str, text: &str) {
    for database in ["sqlite", "postgres"] {
        author.write(
            &format!("schema/additions/{database}/migrations/{name}.sql"),
            text,
        );
    }
}

/// How many migrations and views a database notes.
fn noted(target: &Target) -> String {
    target.value("SELECT count(*) FROM tenancy_addition")
}

fn with_column() -> Author {
    let author = project();
    add_column(&author);
    author
}

#[test]
fn they_are_applied_once() {
    let author = with_column();
    for target in Target::both(&author) {
        is_done(
            &author,
            &target,
            "(made now); the additions `1-suspended` were applied now",
        );
        assert_eq!(noted(&target), "2");
        let ended = migrate(&author, &target);
        assert!(!ended.stdout.contains("suspended"), "{ended:?}");
        assert!(ended.stdout.contains("already"), "{ended:?}");
    }
    write(
        &author,
        "2-more",
        "CREATE TABLE more (id text PRIMARY KEY);\n",
    );
    for target in Target::both(&author).into_iter().take(1) {
        is_done(
            &author,
            &target,
            "; the additions `2-more` were applied now",
        );
        assert_eq!(noted(&target), "3");
    }
}

#[test]
fn one_that_was_applied_stays_as_it_is() {
    let author = with_column();
    for target in Target::both(&author) {
        is_done(&author, &target, "`1-suspended`");
        let name = format!("{}/migrations/1-suspended.sql", target.directory());
        let text = author.read(&name);
        author.write(&name, &format!("{text}-- more\n"));
        is_refused(&author, &target, &[&name, "has been changed since"]);
        // However its lines end.
        author.write(&name, &text.replace('\n', "\r\n"));
        is_done(&author, &target, "already");
        author.write(
            &format!("{}/migrations/1-other.sql", target.directory()),
            &text,
        );
        std::fs::remove_file(author.path(&name)).unwrap();
        is_refused(
            &author,
            &target,
            &["`1-suspended` was applied to it, and is not among the additions"],
        );
        std::fs::remove_file(
            author.path(&format!("{}/migrations/1-other.sql", target.directory())),
        )
        .unwrap();
        author.write(&name, &text);
        is_done(&author, &target, "already");
    }
}

/// Else a program without them would drop what it does not know of.
#[test]
fn a_database_with_additions_is_used_by_nobody_without_them() {
    let author = with_column();
    author.write("none.ndjson", "");
    for target in Target::both(&author) {
        is_done(&author, &target, "`1-suspended`");
        let source = target.source();
        for command in [&["migrate"][..], &["import", "none.ndjson"]] {
            let ended = author.run(&[command, &["--tenancy", &source]].concat());
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(
                ended.stderr.contains("see the setting `additions`"),
                "{ended:?}"
            );
            let more = ["--tenancy", &source, "--additions", "schema/additions"];
            let ended = author.run(&[command, &more].concat());
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
    }
}

#[test]
fn one_that_fails_changes_nothing() {
    let author = with_column();
    for target in Target::both(&author) {
        is_done(&author, &target, "`1-suspended`");
        write(
            &author,
            "2-good",
            "CREATE TABLE good (id text PRIMARY KEY);\n",
        );
        write(
            &author,
            "3-broken",
            "CREATE TABLE half (id text PRIMARY KEY);\n\nINSERT INTO nothing VALUES (1);\n",
        );
        let place = format!("{}/migrations/3-broken.sql:3: ", target.directory());
        is_refused(
            &author,
            &target,
            &[&place, "nothing", "no addition was applied"],
        );
        assert_eq!(noted(&target), "2");
        let tables = match target {
            Target::Sqlite(_) => {
                "SELECT count(*) FROM sqlite_schema WHERE name IN ('good', 'half')"
            }
            Target::Postgres(_) => {
                "SELECT count(*) FROM pg_class WHERE relname IN ('good', 'half')"
            }
        };
        assert_eq!(target.value(tables), "0");
        for database in ["sqlite", "postgres"] {
            let path = format!("schema/additions/{database}/migrations");
            std::fs::remove_file(author.path(&format!("{path}/3-broken.sql"))).unwrap();
        }
        is_done(&author, &target, "`2-good`");
        // For the other database.
        for database in ["sqlite", "postgres"] {
            let path = format!("schema/additions/{database}/migrations");
            std::fs::remove_file(author.path(&format!("{path}/2-good.sql"))).unwrap();
        }
    }
}

#[test]
fn what_the_records_rest_on_stays() {
    let author = project();
    let [sqlite, postgres] = Target::both(&author);
    let trigger =
        "CREATE TRIGGER other AFTER UPDATE ON organisation BEGIN SELECT RAISE(IGNORE); END;";
    for (target, changes) in [
        (
            &sqlite,
            &[
                (
                    "DROP TRIGGER organisation_updated;",
                    "the trigger `organisation_updated` is not there",
                ),
                (trigger, "the trigger `other` is on `organisation`"),
                (
                    "CREATE UNIQUE INDEX other ON organisation (participant_limit);",
                    "the table `organisation` has the unique key `other`",
                ),
                (
                    "ALTER TABLE organisation DROP COLUMN participant_limit;",
                    "participant_limit",
                ),
                (
                    "DROP VIEW \"Peppol::Organisation\";",
                    "the view `Peppol::Organisation` is not there",
                ),
                ("DROP TABLE document;", "the table `document` is not there"),
            ][..],
        ),
        (
            &postgres,
            &[
                (
                    "DROP TRIGGER organisation_changed_by_update ON organisation;",
                    "the trigger `organisation_changed_by_update` of `organisation`",
                ),
                (
                    "ALTER TABLE organisation DISABLE TRIGGER ALL;",
                    "the trigger `organisation_changed_by_update` of `organisation`",
                ),
                (
                    "CREATE OR REPLACE FUNCTION tenancy_changed() RETURNS trigger LANGUAGE plpgsql \
                     AS $$ BEGIN RETURN NULL; END; $$;",
                    "the function `tenancy_changed()`",
                ),
                (
                    "ALTER TABLE organisation RENAME COLUMN mode TO other;",
                    "the column `mode` of `organisation`",
                ),
                (
                    "ALTER TABLE tenancy_change ENABLE ROW LEVEL SECURITY;",
                    "the table `tenancy_change`",
                ),
                (
                    "CREATE RULE other AS ON UPDATE TO organisation DO INSTEAD NOTHING;",
                    "the rule `other` of `organisation`",
                ),
                (
                    "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
                     CREATE TRIGGER other BEFORE INSERT ON membership FOR EACH ROW EXECUTE FUNCTION other();",
                    "the trigger `other` of `membership`",
                ),
                (
                    "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
                     CREATE TRIGGER other AFTER INSERT ON tenancy_change FOR EACH ROW EXECUTE FUNCTION other();",
                    "the trigger `other` of `tenancy_change`",
                ),
                (
                    "CREATE TABLE other () INHERITS (organisation);",
                    "the heir `other` of `organisation`",
                ),
            ],
        ),
    ] {
        let name = format!("{}/migrations/1-other.sql", target.directory());
        for (change, words) in changes {
            author.write(&name, change);
            is_refused(&author, target, &[words, "no addition was applied"]);
        }
        std::fs::remove_file(author.path(&name)).unwrap();
        is_done(&author, target, "at version");
    }
}

#[test]
fn they_neither_begin_nor_end_a_transaction() {
    let author = project();
    for target in Target::both(&author) {
        let name = format!("{}/migrations/1-other.sql", target.directory());
        for text in [
            "SELECT 1;\nCOMMIT;\n",
            "SELECT 1;\n/* ; */ Begin;",
            "SELECT 1;\n PRAGMA user_version = 99;",
            "CREATE TABLE atomic (id text PRIMARY KEY);\nCOMMIT;\n",
        ] {
            author.write(&name, text);
            is_refused(
                &author,
                &target,
                &[&format!("{name}:2: "), "one transaction"],
            );
        }
        std::fs::remove_file(author.path(&name)).unwrap();
    }
    // A text that looks like a body in one database, and is none in the other.
    let [_, target] = Target::both(&author);
    let name = format!("{}/migrations/1-other.sql", target.directory());
    for text in [
        "CREATE TRIGGER begin AFTER INSERT ON organisation EXECUTE FUNCTION tenancy_changed();\nCOMMIT;",
        "CREATE FUNCTION atomic() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;\nCOMMIT;",
    ] {
        author.write(&name, text);
        is_refused(
            &author,
            &target,
            &[&format!("{name}:2: "), "one transaction"],
        );
        assert_eq!(
            target.value("SELECT count(*) FROM pg_proc WHERE proname = 'atomic'"),
            "0"
        );
    }
    // A body is one statement.
    author.write(
        &name,
        "CREATE FUNCTION a() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\nSELECT a();",
    );
    is_done(&author, &target, "`1-other`");
}

#[test]
fn nothing_in_the_directory_is_passed_over() {
    let author = project();
    let [target, _] = Target::both(&author);
    for name in [
        "schema/additions/document.cedarschema",
        "schema/additions/sqlite/view.sql",
        "schema/additions/sqlite/migrations/suspended.sql",
        "schema/additions/sqlite/migrations/01-suspended.sql",
        "schema/additions/postgres/migrations/2-suspended.sql",
        "schema/additions/postgres/migrations/1-suspended.sql.new",
    ] {
        author.write(name, "SELECT 1;\n");
        is_refused(&author, &target, &[name]);
        let ended = author.run(&["check"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains(name), "{ended:?}");
        std::fs::remove_file(author.path(name)).unwrap();
    }
    author.write("schema/additions/notes.md", "for us");
    author.write("schema/additions/sqlite/.views.sql.swp", "an editor's");
    is_done(&author, &target, "made now");
}

#[test]
fn views_are_made_anew_when_their_text_changes() {
    let author = with_column();
    for target in Target::both(&author) {
        is_done(&author, &target, "`1-suspended`");
        if let Target::Postgres(database) = &target {
            database.sql("DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN; GRANT SELECT ON \"Peppol::Organisation\" TO looker");
        }
        let name = format!("{}/views.sql", target.directory());
        let text = author.read(&name);
        author.write(
            &name,
            &text.replace(
                ", 10) AS \"participantLimit\"",
                ", 99) AS \"participantLimit\"",
            ),
        );
        is_done(
            &author,
            &target,
            "; the views `Peppol::Organisation` were made anew",
        );
        target.sql("INSERT INTO organisation (id, mode) VALUES ('acme', 'SHARED')");
        let limit = "SELECT \"participantLimit\" FROM \"Peppol::Organisation\" WHERE id = 'acme'";
        assert_eq!(target.value(limit), "99");
        if let Target::Postgres(database) = &target {
            let right =
                "SELECT has_table_privilege('looker', '\"Peppol::Organisation\"', 'SELECT')";
            assert_eq!(database.sql(right), "t");
            author.edit(&name, "CREATE VIEW", "CREATE OR REPLACE VIEW");
            is_done(&author, &target, "made anew");
        } else {
            author.edit(&name, "CREATE VIEW", "CREATE OR REPLACE VIEW");
            is_refused(&author, &target, &[&format!("{name}:1: "), "SQLite has no"]);
            author.edit(&name, "CREATE OR REPLACE VIEW", "CREATE VIEW");
        }
        author.write(&name, "-- none\n");
        is_refused(
            &author,
            &target,
            &["the view `Peppol::Organisation` was made by the additions"],
        );
        author.write(
            &name,
            "CREATE VIEW \"Peppol::Organisation\" AS SELECT id, nothing FROM organisation;\n",
        );
        is_refused(&author, &target, &[&format!("{name}:1: "), "nothing"]);
        author.write(&name, "SELECT 1;\nDROP TABLE organisation;\n");
        is_refused(
            &author,
            &target,
            &[
                &format!("{name}:1: "),
                &format!("{name}:2: "),
                "only `CREATE VIEW`",
            ],
        );
        assert_eq!(target.value(limit), "99");
        author.write(&name, &text);
    }
}

#[test]
fn the_tables_of_another_program_get_none() {
    let author = with_column();
    let [sqlite, postgres] = Target::both(&author);
    for target in [sqlite, postgres] {
        target.sql("CREATE TABLE theirs (id text PRIMARY KEY)");
        is_refused(&author, &target, &["another program has made"]);
    }
}

/// The statements of shipped migrations up to a version, and those that a database of it with additions would have.
fn older(author: &Author, target: &Target, digest: &str) -> String {
    let mut text = String::new();
    let (shipped, newest) = match target {
        Target::Sqlite(_) => ("schema/sqlite/migrations", 8),
        Target::Postgres(_) => ("schema/postgres/migrations", 6),
    };
    for version in 1..=newest {
        let entries = std::fs::read_dir(author.path(shipped)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let starts = [format!("{version}-"), format!("V{version}__")];
        let mut names = names.filter(|name| starts.iter().any(|start| name.starts_with(start)));
        let name = format!("{shipped}/{}", names.next().unwrap());
        text += &match target {
            Target::Sqlite(_) => author.read(&format!("{name}/up.sql")),
            Target::Postgres(_) => format!("BEGIN;\n{};\nCOMMIT;\n", author.read(&name)),
        };
    }
    text += match target {
        Target::Sqlite(_) => "PRAGMA user_version = 8; PRAGMA application_id = 1885684058;\n",
        Target::Postgres(_) => {
            "CREATE TABLE tenancy_migration (version integer PRIMARY KEY, name varchar(255), applied_on varchar(255));
             INSERT INTO tenancy_migration (version, name) VALUES (6, 'noted_types');\n"
        }
    };
    text += &author.read(&format!(
        "{}/migrations/1-suspended.sql",
        target.directory()
    ));
    text + &format!(
        "DROP VIEW \"Peppol::Organisation\";
         CREATE VIEW \"Peppol::Organisation\" AS SELECT suspended, id, mode FROM organisation;
         CREATE VIEW names AS SELECT id FROM \"Peppol::Organisation\";
         CREATE TABLE tenancy_addition (
           kind text NOT NULL, name text NOT NULL, digest text NOT NULL, applied_on text NOT NULL, PRIMARY KEY (kind, name)
         );
         INSERT INTO tenancy_addition VALUES ('migration', '1-suspended', '{digest}', ''),
           ('view', 'Peppol::Organisation', 'older', ''), ('view', 'names', 'older', '');
         INSERT INTO organisation (id, mode) VALUES ('acme', 'SHARED');"
    )
}

/// A newer program brings migrations of its own, and views that take the place of those that were replaced.
#[test]
fn they_stay_when_the_program_is_upgraded() {
    let author = with_column();
    for database in ["sqlite", "postgres"] {
        let name = format!("schema/additions/{database}/views.sql");
        let text = author.read(&name);
        author.write(
            &name,
            &(text + "CREATE VIEW names AS SELECT id FROM \"Peppol::Organisation\";\n"),
        );
    }
    let olds = [
        Target::Sqlite(author.path("older.db")),
        Target::Postgres(crate::postgres::server::SHARED.database()),
    ];
    for (target, old) in Target::both(&author).iter().zip(olds) {
        is_done(&author, target, "made now");
        let digest = target.value("SELECT digest FROM tenancy_addition WHERE kind = 'migration'");
        old.sql(&older(&author, &old, &digest));
        let ended = author.run(&["migrate", "--tenancy", &old.source()]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(old.value("SELECT id FROM names"), "acme");
        is_done(&author, &old, "upgraded now, from ");
        let both = "SELECT count(suspended) + count(participants) - count(\"onlyOrgadmin\") FROM \"Peppol::Organisation\"";
        assert_eq!(old.value(both), "2");
        assert_eq!(old.value("SELECT id FROM names"), "acme");
        is_done(&author, &old, "already");
    }
}
