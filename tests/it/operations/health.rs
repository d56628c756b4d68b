//! `health`: the check of a container, by the program itself.

use std::net::TcpListener;

use crate::sidecar::{Sidecar, Start, program};

/// The exit code, and what it wrote to standard output and to standard error.
fn health(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = program()
        .arg("health")
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn assert_well(arguments: &[&str], variables: &[(&str, &str)]) {
    let ended = health(arguments, variables);
    let well = (Some(0), "ok\n".to_owned(), String::new());
    assert_eq!(ended, well, "{arguments:?}");
}

/// It is 1, with one line that says why.
fn assert_ill(arguments: &[&str], why: &str) {
    let (code, stdout, stderr) = health(arguments, &[]);
    assert_eq!((code, &*stdout), (Some(1), ""), "{arguments:?}: {stderr}");
    assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
}

#[test]
fn a_sidecar_that_is_well_is_found_however_its_address_is_named() {
    let sidecar = Start::quickstart().start();
    let address = sidecar.address.as_str();
    let url = format!("http://{address}/");
    let settings = sidecar.path("health.toml");
    std::fs::write(&settings, format!("listen = \"{address}\"\n")).unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let everywhere = format!("0.0.0.0:{port}");
    let by_name = format!("http://localhost:{port}");
    for ready in [&[][..], &["--ready"]] {
        let with = |more: &[&'static str]| [ready, more].concat();
        assert_well(&[ready, &["--url", &url]].concat(), &[]);
        assert_well(&[ready, &["--url", &by_name]].concat(), &[]);
        assert_well(&[ready, &["--listen", address]].concat(), &[]);
        assert_well(&[ready, &["--listen", &everywhere]].concat(), &[]);
        let file = settings.to_str().unwrap();
        assert_well(&[ready, &["--config", file]].concat(), &[]);
        assert_well(&with(&[]), &[("PEPPOL_AUTHZ_LISTEN", address)]);
    }
}

#[test]
fn a_socket_is_asked_as_well_and_one_that_is_left_behind_does_not_answer() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", directory.path().join("authz.sock").display());
    assert_ill(&["--listen", &address], "No such file");
    let start = Start::quickstart().with(&["--listen", &address]);
    let mut sidecar: Sidecar = start.start();
    assert_well(&["--ready", "--listen", &address], &[]);
    sidecar.signal("KILL");
    sidecar.ended();
    assert_ill(&["--listen", &address], "Connection refused");
}

#[test]
fn one_that_is_not_ready_is_alive_and_says_what_is_missing() {
    // Nobody listens on port 1: the store is never there.
    let store = "postgres://nobody@127.0.0.1:1/none";
    let sidecar = Start::new().with(&["--tenancy", store]).start_listening();
    assert_well(&["--listen", &sidecar.address], &[]);
    assert_ill(
        &["--ready", "--listen", &sidecar.address],
        "/readyz`: answers 503: {\"ready\":false",
    );
}

#[test]
fn whoever_does_not_answer_or_not_in_http_is_not_well() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    // It is connected to by the system, and nobody answers.
    let silent = ["--listen", &address, "--timeout", "300ms"];
    assert_ill(&silent, "no answer within 300ms");
    drop(free);
    assert_ill(&["--listen", &address], "Connection refused");
    for (arguments, why) in [
        (["--url", "ftp://sidecar"], "expected `http://HOST:PORT` or"),
        (["--url", "http://a b"], "expected `http://HOST:PORT`"),
        (
            ["--listen", "127.0.0.1:0"],
            "a port, which nobody else knows",
        ),
        (["--timeout", "soon"], "a length of time is wanted"),
    ] {
        let (code, _, stderr) = health(&arguments, &[]);
        assert_eq!(code, Some(64), "{arguments:?}: {stderr}");
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    }
}
