//! A migration goes on where it was killed.

use std::path::Path;

use rusqlite::Connection;

use super::{Kills, time};
use crate::living::{done, exported};
use crate::postgres::migrations::BACK_TO_2;
use crate::postgres::server::{Database, SHARED};
use crate::sidecar::{program, project};

/// Rows of a store of an older version: all that its steps have to work on.
const ROWS: &str = "\
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO organisation (id, legal_identifier_code, legal_identifier, mode)
SELECT 'o' || i, 'SE:ORGNR', i, 'SHARED' FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO participant (id, organisation_id, environment)
SELECT 'iso6523-actorid-upis::0007:' || i, 'o' || i, 'TEST' FROM n;";

/// A database as version 3 has made it.
fn old(path: &Path) {
    let connection = Connection::open(path).unwrap();
    for step in ["1-tenancy", "2-changes", "3-search"] {
        let file = project(&format!("schema/sqlite/migrations/{step}/up.sql"));
        let sql = std::fs::read_to_string(file).unwrap();
        connection.execute_batch(&sql).unwrap();
    }
    connection.execute_batch(ROWS).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 3; PRAGMA application_id = 1885684058;")
        .unwrap();
}

fn version(path: &Path) -> i32 {
    let connection = Connection::open(path).unwrap();
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    version.unwrap()
}

#[test]
fn of_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("old.db");
    old(&kept);
    let copied = |name: &str| {
        let path = directory.path().join(name);
        std::fs::copy(&kept, &path).unwrap();
        path
    };
    let source = |path: &Path| format!("sqlite:{}", path.display());
    let whole = copied("whole.db");
    let (_, time) = time(|| done(&["migrate", "--tenancy", &source(&whole)]));
    let (newest, wanted) = (version(&whole), exported(&source(&whole)));
    assert!(wanted.lines().count() >= 6000);
    let mut kills = Kills::new();
    for number in 0..kills.number() {
        let path = copied(&format!("{number}.db"));
        let migrate = ["migrate", "--tenancy", &source(&path)];
        kills.kill(program().args(migrate), time.mul_f64(1.1));
        let found = version(&path);
        assert!((3..=newest).contains(&found), "{found}");
        eprintln!("killed at version {found}");
        done(&migrate);
        assert_eq!(version(&path), newest);
        assert!(exported(&source(&path)) == wanted);
    }
}

/// All that a migration makes.
fn made(database: &Database) -> String {
    database.sql(
        "SELECT 'relation ' || relname || ' ' || relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
         UNION ALL SELECT 'function ' || p.oid::regprocedure::text || md5(prosrc) FROM pg_proc AS p WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT 'trigger ' || tgname || ' ' || tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT 'step ' || version || ' ' || name FROM tenancy_migration
         ORDER BY 1",
    )
}

#[test]
fn of_postgres() {
    let whole = SHARED.database();
    let migrate = |database: &Database| done(&["migrate", "--tenancy", &database.url()]);
    let (_, time) = time(|| migrate(&whole));
    let wanted = made(&whole);
    let old = SHARED.database_with(&format!("TEMPLATE {}", whole.name));
    old.sql(BACK_TO_2);
    let mut kills = Kills::new();
    for number in 0..kills.number() {
        // From nothing, and from an older version.
        let database = match number % 2 {
            0 => SHARED.database(),
            _ => SHARED.database_with(&format!("TEMPLATE {}", old.name)),
        };
        let url = database.url();
        kills.kill(
            program().args(["migrate", "--tenancy", &url]),
            time.mul_f64(1.1),
        );
        migrate(&database);
        assert_eq!(made(&database), wanted);
    }
}
