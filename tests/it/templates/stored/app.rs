//! A database with teams, folders and plans that additions make beside the tables of this program, and with
//! the links that are shipped as a template.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peppol_authz_database::{Additions, Postgres, PostgresOptions, Sqlite, SqliteOptions};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::Store;
use rusqlite::Connection;

use crate::deciding::linked_bundle;
use crate::eventually::PATIENCE;
use crate::postgres::server::{Database, SHARED};
use crate::sidecar::project;
use crate::store::runtime;
use crate::templates::{POLICIES, SCHEMA};

/// Table, the type of its rows, the column of their id, and all columns.
const TABLES: [(&str, &str, &str, &str); 6] = [
    ("app_team", "Team", "id", "id TEXT PRIMARY KEY NOT NULL"),
    (
        "app_user",
        "User",
        "id",
        "id TEXT PRIMARY KEY NOT NULL, blocked TRUTH NOT NULL",
    ),
    (
        "user_team",
        "User",
        "user_id",
        "user_id TEXT NOT NULL, team_id TEXT NOT NULL, PRIMARY KEY (user_id, team_id)",
    ),
    (
        "app_folder",
        "Folder",
        "id",
        "id TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL",
    ),
    (
        "folder_in",
        "Folder",
        "folder_id",
        "folder_id TEXT PRIMARY KEY NOT NULL, above TEXT NOT NULL",
    ),
    (
        "app_plan",
        "Plan",
        "id",
        "id TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL, open TRUTH NOT NULL, within TEXT NOT NULL",
    ),
];

const VIEWS: &str = r#"
CREATE VIEW "Team" AS SELECT id FROM app_team;
CREATE VIEW "User" AS SELECT id, blocked FROM app_user;
CREATE VIEW "User.parents" AS SELECT user_id AS id, 'Team' AS type, team_id AS parent FROM user_team;
CREATE VIEW "Folder" AS SELECT id, owner FROM app_folder;
CREATE VIEW "Folder.parents" AS SELECT folder_id AS id, 'Folder' AS type, above AS parent FROM folder_in;
CREATE VIEW "Plan" AS SELECT id, owner, open FROM app_plan;
CREATE VIEW "Plan.parents" AS SELECT id, 'Folder' AS type, within AS parent FROM app_plan;
"#;

const ROWS: &str = "
INSERT INTO app_team VALUES ('a'), ('b');
INSERT INTO app_user VALUES ('anna', FALSE), ('bea', FALSE), ('carl', FALSE), ('dora', TRUE), ('olga', FALSE);
INSERT INTO user_team VALUES ('anna', 'a'), ('bea', 'b'), ('carl', 'a'), ('dora', 'a'), ('olga', 'b');
INSERT INTO app_folder VALUES ('top', 'olga'), ('a', 'olga'), ('else', 'olga');
INSERT INTO folder_in VALUES ('a', 'top');
INSERT INTO app_plan VALUES ('p', 'olga', TRUE, 'a'), ('shut', 'olga', FALSE, 'top');
";

pub(super) const USERS: [&str; 5] = ["anna", "bea", "carl", "dora", "olga"];

/// The database.
pub(crate) struct App {
    directory: tempfile::TempDir,
    postgres: Option<Database>,
}

/// Triggers as the template of a new type has them.
fn triggers(database: &str, table: &str, of: &str, id: &str) -> String {
    let mut text = String::new();
    if database == "sqlite" {
        for (event, rows) in [
            ("INSERT", &["NEW"][..]),
            ("UPDATE", &["NEW", "OLD"]),
            ("DELETE", &["OLD"]),
        ] {
            let _ = write!(
                text,
                "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN "
            );
            for row in rows {
                let _ = write!(
                    text,
                    "INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('{of}', {row}.{id}); "
                );
            }
            text += "END;\n";
        }
        let _ = writeln!(
            text,
            "INSERT INTO tenancy_noted (name, entity_type) VALUES ('{table}', '{of}');"
        );
        return text;
    }
    let (new, old) = ("NEW TABLE AS new_rows", "OLD TABLE AS old_rows");
    for (event, rows) in [
        ("insert", new.to_owned()),
        ("update", format!("{old} {new}")),
        ("delete", old.to_owned()),
    ] {
        let _ = writeln!(
            text,
            "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} REFERENCING {rows}
             FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('{of}', '{id}', '');
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{event};"
        );
    }
    text
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn additions(directory: &Path) {
    for database in ["sqlite", "postgres"] {
        let (text_type, truth) = match database {
            "sqlite" => ("TEXT", "INTEGER"),
            _ => ("text COLLATE \"C\"", "boolean"),
        };
        let mut tables = String::new();
        for (table, of, id, columns) in TABLES {
            let columns = columns.replace("TEXT", text_type).replace("TRUTH", truth);
            let _ = writeln!(tables, "CREATE TABLE {table} ({columns});");
            tables += &triggers(database, table, of, id);
        }
        let part = directory.join(database);
        write(&part.join("migrations/1-app.sql"), &(tables + ROWS));
        let links = project(&format!("schema/additions/{database}/links.sql"));
        let links = std::fs::read_to_string(links).unwrap();
        write(&part.join("migrations/2-links.sql"), &links);
        write(&part.join("views.sql"), VIEWS);
    }
}

impl App {
    pub(crate) fn sqlite() -> Self {
        Self::with(None)
    }

    pub(crate) fn postgres() -> Self {
        Self::with(Some(SHARED.database()))
    }

    fn with(postgres: Option<Database>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        additions(&directory.path().join("additions"));
        let app = Self {
            directory,
            postgres,
        };
        drop(app.store());
        app
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The database, opened once more.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let additions = Additions::read(&self.path("additions"));
        let additions = Some(Arc::new(
            additions.unwrap_or_else(|error| panic!("{error}")),
        ));
        match &self.postgres {
            None => {
                let options = SqliteOptions {
                    additions,
                    ..SqliteOptions::default()
                };
                Arc::new(Sqlite::open(&self.path("app.db"), options).unwrap())
            }
            Some(database) => {
                let options = PostgresOptions {
                    additions,
                    timeout: PATIENCE,
                    ..PostgresOptions::default()
                };
                let store = Postgres::new(&database.url(), options).unwrap();
                runtime().block_on(store.migrate()).unwrap();
                Arc::new(store)
            }
        }
    }

    pub(crate) fn sql(&self, sql: &str) {
        match &self.postgres {
            None => {
                let connection = Connection::open(self.path("app.db")).unwrap();
                let run = connection.execute_batch(sql);
                run.unwrap_or_else(|error| panic!("{error}: {sql}"));
            }
            Some(database) => {
                database.sql(sql);
            }
        }
    }

    /// The policies of the templates' tests, with their links in the store.
    pub(crate) fn bundle(&self) -> Arc<Bundle> {
        linked_bundle(SCHEMA, POLICIES, Some("stored = true"))
    }
}
