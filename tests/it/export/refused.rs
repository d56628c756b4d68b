//! Rows that no export can tell of: each is refused by name, and nothing is written.

use std::os::unix::fs::PermissionsExt;

use super::{Place, run};

const USER: &str =
    r#"{"type":"USER","id":"u","email":"u@acme.example","emailVerified":true,"superadmin":false}"#;

fn with_user() -> Place {
    let place = Place::new();
    place.import(&place.sqlite("tenancy.db"), USER);
    place
}

#[test]
fn a_file_is_written_whole_or_stays_as_it_was() {
    let place = with_user();
    let (source, file) = (place.sqlite("tenancy.db"), place.path("out.ndjson"));
    let name = file.display().to_string();
    let written = run(&["export", "--tenancy", &source, &name]);
    assert!(
        written
            .stderr
            .starts_with("exported 1 document\ntenancyRevision ")
    );
    assert_eq!(written.text(), "");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        text,
        format!(
            "{}\n",
            USER.replace(
                "\"id\":\"u\",\"email\":\"u@acme.example\",\"emailVerified\":true,",
                "\"email\":\"u@acme.example\",\"emailVerified\":true,\"id\":\"u\","
            )
        )
    );
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds addresses");

    // A user without an address is none of a document.
    let connection = rusqlite::Connection::open(place.path("tenancy.db")).unwrap();
    connection
        .execute_batch("INSERT INTO registered_user VALUES ('lost', 1, 0)")
        .unwrap();
    let refused = run(&["export", "--tenancy", &source, &name]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for part in ["USER cannot be exported", "`email`", "\"lost\""] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let entries = std::fs::read_dir(file.parent().unwrap()).unwrap();
    let left: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn what_an_import_would_read_as_something_else_is_refused() {
    let place = with_user();
    let connection = rusqlite::Connection::open(place.path("tenancy.db")).unwrap();
    connection
        .execute_batch("UPDATE account SET email = 'U@acme.example'")
        .unwrap();
    let refused = run(&["export", "--tenancy", &place.sqlite("tenancy.db")]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("an import would read"),
        "{refused:?}"
    );
}

#[test]
fn what_is_no_database_of_this_program_is_refused() {
    let place = with_user();
    let entities = place.file("entities.json", "[]");
    let source = format!("entities:{entities}");
    let refused = run(&["export", "--tenancy", &source]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("`--cedar`"), "{refused:?}");
    assert_eq!(
        run(&["export", "--cedar", "--tenancy", &source]).text(),
        "[\n]\n"
    );

    let missing = run(&["export", "--tenancy", &place.sqlite("missing.db")]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(!place.path("missing.db").exists());

    let foreign = place.path("foreign.db");
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE tenancy_revision (revision INTEGER); INSERT INTO tenancy_revision VALUES (1);
             CREATE TABLE u (id TEXT);",
        )
        .unwrap();
    let refused = run(&["export", "--tenancy", &place.sqlite("foreign.db")]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("another has made"), "{refused:?}");

    let nowhere = place.path("nowhere/out.ndjson").display().to_string();
    let refused = run(&["export", "--tenancy", &place.sqlite("tenancy.db"), &nowhere]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
}
