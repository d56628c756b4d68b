//! Suites that policies have to pass before they are taken.

use std::path::{Path, PathBuf};

use super::{CLOSED, append, ask, is_refused, is_taken, shipped_policies};
use crate::sidecar::{Sidecar, Start};

/// Anna may look at her organisation.
const SUITE: &str = r#"
fixture = "tenancy.ndjson"

[[case]]
name = "anna looks at acme"
principal = 'Peppol::User::"anna"'
action = "getOrganisation"
resource = 'Peppol::Organisation::"acme"'
allow = true
"#;

fn suites(to: &Path, suite: &str) {
    std::fs::create_dir_all(to).unwrap();
    let documents = crate::sidecar::project("examples/quickstart/tenancy.ndjson");
    std::fs::copy(documents, to.join("tenancy.ndjson")).unwrap();
    std::fs::write(to.join("anna.toml"), suite).unwrap();
}

fn gated() -> Start {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h");
    shipped_policies(&start.path("policies"));
    suites(&start.path("suites"), SUITE);
    let policies = start.path("policies").display().to_string();
    let directory = start.path("suites").display().to_string();
    start.with(&["--policies", &policies, "--reload-suites", &directory])
}

fn places(sidecar: &Sidecar) -> (PathBuf, PathBuf) {
    (
        sidecar.path("policies/modes.cedar"),
        sidecar.path("suites/anna.toml"),
    )
}

#[test]
fn a_set_that_fails_a_suite_is_refused() {
    let sidecar = gated().start();
    let (modes, _) = places(&sidecar);
    let before = ask(&sidecar);
    assert_eq!(before.0, "Allow");
    let shipped = std::fs::read_to_string(&modes).unwrap();
    append(&modes, CLOSED);
    let fault = is_refused(&sidecar, &before);
    for word in ["anna looks at acme", "expected  Allow", "modes/closed"] {
        assert!(fault.contains(word), "{fault}");
    }
    // One that passes is taken.
    std::fs::write(&modes, format!("{shipped}\n// again\n")).unwrap();
    assert_ne!(is_taken(&sidecar, "Allow").as_str(), before.1);
}

/// The suites may be behind: once they are as they should be, what was refused is looked at again.
#[test]
fn what_was_refused_is_tried_again_when_the_suites_change() {
    let sidecar = gated().start();
    let (modes, suite) = places(&sidecar);
    let before = ask(&sidecar);
    append(&modes, CLOSED);
    is_refused(&sidecar, &before);
    std::fs::write(&suite, "fixture = 1").unwrap();
    let fault = is_refused(&sidecar, &before);
    assert!(
        fault.contains("`reload.suites`") && fault.contains("anna.toml"),
        "{fault}"
    );
    let denied = SUITE.replace("allow = true", "deny = [\"DEMO_NO_CERTIFICATES\"]");
    std::fs::write(&suite, denied).unwrap();
    is_taken(&sidecar, "Deny");
}

/// A pipe among the suites makes nothing wait.
#[test]
fn a_suite_that_cannot_be_read_is_a_refusal() {
    let sidecar = gated().start();
    let (modes, suite) = places(&sidecar);
    let before = ask(&sidecar);
    std::fs::remove_file(&suite).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&suite).status();
    assert!(made.unwrap().success());
    append(&modes, "\n// again\n");
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("it is a pipe"), "{fault}");
    std::fs::remove_file(&suite).unwrap();
    suites(&sidecar.path("suites"), SUITE);
    is_taken(&sidecar, "Allow");
}

#[test]
fn a_set_that_fails_a_suite_does_not_start() {
    let start = gated();
    append(&start.path("policies/modes.cedar"), CLOSED);
    let (code, said) = start.fails();
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("anna looks at acme"), "{said}");
}

/// Suites that say nothing let nothing pass: they are being written, or were lost.
#[test]
fn suites_without_a_case_refuse_every_set() {
    let sidecar = gated().start();
    let (modes, suite) = places(&sidecar);
    let before = ask(&sidecar);
    std::fs::write(&suite, "fixture = \"tenancy.ndjson\"\n").unwrap();
    append(&modes, CLOSED);
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("there is no case in it"), "{fault}");
}
