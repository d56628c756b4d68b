//! The stores that commands are pointed at, and what they cannot write.

use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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
    for (command, arguments) in [("search", &ASK[..]), ("authorize", &ask), ("explain", &ask)] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ended = program()
            .args([command, "--tenancy", &tenancy])
            .args(arguments)
            .stdout(full)
            .output()
            .unwrap();
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
