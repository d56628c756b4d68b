//! The Unix socket.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::connection::Connection;
use crate::sidecar::Start;

/// The sidecar listens in a directory that is not its own: a test may start several there.
fn directory() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", directory.path().join("authz.sock").display());
    (directory, address)
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn questions_are_answered_on_a_socket_that_owner_and_group_may_use() {
    let (directory, address) = directory();
    let mut sidecar = Start::quickstart().with(&["--listen", &address]).start();
    assert_eq!(sidecar.address, address);
    let socket = directory.path().join("authz.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o660);
    let mut connection = Connection::open(&sidecar);
    connection.is_served();
    assert_eq!(connection.get("/readyz").status, 200);
    sidecar.stop();
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[test]
fn a_socket_that_a_killed_process_left_is_replaced() {
    let (directory, address) = directory();
    let mut killed = Start::quickstart().with(&["--listen", &address]).start();
    killed.signal("KILL");
    killed.ended();
    assert_eq!(files(directory.path()), ["authz.sock"]);
    let sidecar = Start::quickstart().with(&["--listen", &address]).start();
    Connection::open(&sidecar).is_served();
    assert_eq!(files(directory.path()), ["authz.sock"]);
}

#[test]
fn a_socket_that_someone_answers_on_is_refused_and_left_to_them() {
    let (_directory, address) = directory();
    let first = Start::quickstart().with(&["--listen", &address]).start();
    let (code, text) = Start::quickstart().with(&["--listen", &address]).fails();
    assert_eq!(code, 1, "{text}");
    let message = format!("error: cannot listen on `{address}`: another server answers there");
    assert!(text.contains(&message), "{text}");
    Connection::open(&first).is_served();
}

#[test]
fn a_file_that_is_no_socket_is_refused_and_left_alone() {
    let (directory, address) = directory();
    let path = directory.path().join("authz.sock");
    std::fs::write(&path, "precious").unwrap();
    let (code, text) = Start::quickstart().with(&["--listen", &address]).fails();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("the file is there and is not a socket"),
        "{text}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_start_that_fails_later_leaves_no_socket_behind() {
    let (directory, address) = directory();
    let arguments = ["--listen", &address, "--import", "/nowhere/tenancy.ndjson"];
    let (code, text) = Start::new().with(&arguments).fails();
    assert_eq!(code, 1, "{text}");
    assert_eq!(files(directory.path()), Vec::<String>::new());
}
