//! A SQLite database that was written out as statements, and read into a new file.

use std::path::Path;

use rusqlite::Connection;

use super::noted::sql;
use super::{GRANT, asked, assert_of_another_history, decision, revision};
use crate::sidecar::{Sidecar, Start, program};

/// As `.dump` of SQLite's shell writes it, with its marks left out.
fn reload(from: &Path, to: &Path) {
    let connection = Connection::open(to).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = off; ATTACH '{}' AS other",
            from.display()
        ))
        .unwrap();
    let objects = |kinds: &str| -> Vec<(String, String)> {
        let sql = format!(
            "SELECT name, sql FROM other.sqlite_schema
             WHERE type IN ({kinds}) AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        );
        let mut statement = connection.prepare(&sql).unwrap();
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        found.unwrap().map(Result::unwrap).collect()
    };
    for (name, text) in objects("'table'") {
        connection
            .execute_batch(&format!(
                "{text}; INSERT INTO main.{name} SELECT * FROM other.{name}"
            ))
            .unwrap();
    }
    connection
        .execute_batch(
            "DELETE FROM main.sqlite_sequence;
             INSERT INTO main.sqlite_sequence SELECT * FROM other.sqlite_sequence",
        )
        .unwrap();
    for (_, text) in objects("'view', 'index', 'trigger'") {
        connection.execute_batch(&text).unwrap();
    }
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let _ = std::fs::remove_file(file);
    }
}

/// The statements that the refusal names.
fn said(text: &str) -> &str {
    let mut parts = text.split('"');
    let found = parts.find(|part| part.starts_with("PRAGMA"));
    found.unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn a_file_that_was_read_in_again_is_another_history() {
    let sidecar: Sidecar = Start::quickstart().start();
    let path = sidecar.path("tenancy.db");
    let other = sidecar.path("other.db");
    reload(&path, &other);
    let lost = revision(&sidecar);
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    // A start is refused, and so is every other command.
    let source = format!("sqlite:{}", other.display());
    let (code, text) = Start::new().with(&["--tenancy", &source]).fails();
    assert_eq!(code, 1, "{text}");
    for command in ["migrate", "import"] {
        let output = program()
            .args([command, "--tenancy", &source])
            .args((command == "import").then_some("/dev/null"))
            .output()
            .unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("application_id"), "{text}");
    }
    // In the place of the file that is read: nothing is answered, and it is said why.
    remove(&path);
    std::fs::rename(&other, &path).unwrap();
    let reply = sidecar.post("/v1/is_authorized", &asked());
    assert_eq!(reply.status, 503, "{}", reply.text);
    // It may have looked while there was no file.
    let cause = loop {
        let logged = sidecar.wait_for_log("the tenancy store cannot be read");
        let cause = logged["cause"].as_str().unwrap().to_owned();
        if cause.contains("application_id") {
            break cause;
        }
    };
    sql(&path, said(&cause));
    crate::eventually::until("it is read", || {
        sidecar.post("/v1/is_authorized", &asked()).status == 200
    });
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    assert_of_another_history(&sidecar, &lost);
    sql(&path, GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
}
