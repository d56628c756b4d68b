//! The stores that commands are pointed at, and what they cannot write.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::sidecar::{Start, program, project};

const ASK: [&str; 4] = [
    "--principal",
    "Peppol::User::\"anna\"",
    "--resource",
    "Peppol::Organisation::\"acme\"",
];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A question to a mistyped database would be answered that nobody is known there.
#[test]
fn a_database_that_is_missing_is_not_made_by_who_asks() {
    let directory = tempfile::tempdir().unwrap();
    let typo = directory.path().join("typo.db");
    let tenancy = format!("sqlite:{}", typo.display());
    let ask = [&ASK[..], &["--action", "getOrganisation"]].concat();
    let found: [(&str, &[&str]); 4] = [
        ("authorize", &ask),
        ("explain", &ask),
        ("search", &ASK),
        ("route", &["GET", "/orgs/acme"]),
    ];
    for (command, arguments) in found {
        let ended = program()
            .args([command, "--tenancy", &tenancy])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{command}: {said}");
        assert!(
            said.contains("typo.db` does not exist"),
            "{command}: {said}"
        );
        assert_eq!(directory.path().read_dir().unwrap().count(), 0, "{command}");
    }
}

/// The program as somebody who owns nothing here.
fn stranger() -> Command {
    let program = program();
    if !is_root() {
        return program;
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program.get_program());
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// Files of a database that was closed, or of one whose program was killed.
#[test]
fn reading_needs_no_right_to_write() {
    for is_left_open in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("db");
        std::fs::create_dir(&place).unwrap();
        let file = place.join("t.db");
        let tenancy = format!("sqlite:{}", file.display());
        let imported = program()
            .args(["import", "--tenancy", &tenancy])
            .arg(project("examples/quickstart/tenancy.ndjson"))
            .output()
            .unwrap();
        assert!(imported.status.success(), "{imported:?}");
        let writer = rusqlite::Connection::open(&file).unwrap();
        writer
            .execute_batch("UPDATE registered_user SET email_verified = 0 WHERE id = 'mia'")
            .unwrap();
        let held = is_left_open.then_some(writer);
        for entry in std::fs::read_dir(&place).unwrap() {
            let only_read = Permissions::from_mode(0o444);
            std::fs::set_permissions(entry.unwrap().path(), only_read).unwrap();
        }
        std::fs::set_permissions(&place, Permissions::from_mode(0o555)).unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let before = std::fs::read_dir(&place).unwrap().count();
        let ask = [&ASK[..], &["--action", "getOrganisation"]].concat();
        let found: [(&str, &[&str], &str); 3] = [
            ("authorize", &ask, "Allow"),
            ("explain", &ask, "Allow"),
            ("search", &ASK, "getOrganisation"),
        ];
        for (command, arguments, words) in found {
            let ended = stranger()
                .args([command, "--tenancy", &tenancy])
                .args(arguments)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ended.stdout).into_owned();
            assert_eq!(ended.status.code(), Some(0), "{command}: {ended:?}");
            assert!(said.contains(words), "{command}: {said}");
        }
        // The last write is seen.
        let ended = stranger()
            .args(["authorize", "--tenancy", &tenancy])
            .args([
                "--principal",
                "Peppol::User::\"mia\"",
                "--action",
                "createOrganisation",
            ])
            .args(["--resource", "Peppol::Platform::\"platform\""])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(said.contains("EMAIL_NOT_VERIFIED"), "{ended:?}");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), before);
        // To write needs the right, and says so.
        let ended = stranger()
            .args(["import", "--tenancy", &tenancy])
            .arg(project("examples/quickstart/tenancy.ndjson"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("have to be writable"), "{said}");
        drop(held);
        std::fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_database_says_what_bringing_it_up_to_date_came_to() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.db");
    let tenancy = format!("sqlite:{}", file.display());
    let migrated = || {
        let ended = program()
            .args(["migrate", "--tenancy", &tenancy])
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    };
    let made = migrated();
    assert!(
        made.contains("`: at version ") && made.ends_with(" (made now)\n"),
        "{made}"
    );
    let again = migrated();
    assert!(again.contains("`: already at version "), "{again}");
    std::fs::remove_file(&file).unwrap();
    let first = std::fs::read_to_string(project("schema/sqlite/migrations/1-tenancy/up.sql"));
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch(&first.unwrap()).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 0x7065415A")
        .unwrap();
    drop(connection);
    let upgraded = migrated();
    assert!(
        upgraded.ends_with(" (upgraded now, from 1)\n"),
        "{upgraded}"
    );
    // Another program's is left as it is.
    std::fs::remove_file(&file).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch("CREATE VIEW tenancy_revision AS SELECT 1 AS revision")
        .unwrap();
    drop(connection);
    let foreign = migrated();
    assert!(foreign.contains("made by another program"), "{foreign}");
    let ended = program()
        .args(["import", "--tenancy", &tenancy])
        .arg(project("examples/quickstart/tenancy.ndjson"))
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("write into the tables under these"), "{said}");
}

/// It holds addresses: nobody else on the machine reads it.
#[test]
fn a_database_that_is_made_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let documents = project("examples/quickstart/tenancy.ndjson");
    let documents = documents.display().to_string();
    for (command, arguments) in [("import", &[documents.as_str()][..]), ("migrate", &[])] {
        let path = directory.path().join(command);
        let ended = program()
            .args([command, "--tenancy", &format!("sqlite:{}", path.display())])
            .args(arguments)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(mode(&path), 0o600, "{command}");
    }
    let mut sidecar = Start::quickstart().start();
    for name in ["tenancy.db", "tenancy.db-wal", "tenancy.db-shm"] {
        assert_eq!(mode(&sidecar.path(name)), 0o600, "{name}");
    }
    sidecar.stop();
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let tenancy = format!("sqlite:{}", directory.path().join("t.db").display());
    let documents = project("examples/quickstart/tenancy.ndjson");
    let imported = program()
        .args(["import", "--tenancy", &tenancy])
        .arg(documents)
        .output()
        .unwrap();
    assert!(imported.status.success());
    let ask = [&ASK[..], &["--action", "getOrganisation"]].concat();
    let of_store = [("search", &ASK[..]), ("authorize", &ask), ("explain", &ask)];
    let of_store = of_store
        .map(|(command, arguments)| [&[command, "--tenancy", &tenancy], arguments].concat());
    let others = [
        &["--help"][..],
        &["--version"],
        &["completions", "bash"],
        &["check", "-h"],
    ];
    let others = others.map(<[&str]>::to_vec);
    for arguments in of_store.into_iter().chain(others) {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = program().args(&arguments).stdout(full).output().unwrap();
        let command = arguments[0];
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("standard output: "), "{command}: {said}");
    }
}

#[test]
fn a_limit_of_nothing_is_wrong_usage() {
    let ended = program()
        .args(["search", "--limit", "0"])
        .args(ASK)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(64));
}

/// The words of an error may hold a part of a password.
#[test]
fn a_url_that_cannot_be_read_is_not_shown() {
    for url in [
        "postgres://me:hunter?x2=1@127.0.0.1/db",
        "postgres://me:hunter/2@127.0.0.1/db",
        "postgres://me:hunter#2@127.0.0.1:1/db",
        "postgres://me:hunter@2@127.0.0.1:x/db",
    ] {
        let ended = program()
            .args(["migrate", "--tenancy", url])
            .env("PEPPOL_AUTHZ_STORE__TIMEOUT", "1s")
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(!said.contains("hunter") && !said.contains("x2"), "{said}");
    }
}
