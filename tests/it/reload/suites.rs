//! Suites that policies have to pass before they are taken.

use std::path::{Path, PathBuf};

use super::{CLOSED, append, ask, is_refused, is_taken, list_policies, shipped_policies};
use crate::author::Ended;
use crate::sidecar::{Sidecar, Start, program};

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
    for word in [
        "anna looks at acme",
        "expected Allow, got Deny",
        "modes/closed",
    ] {
        assert!(fault.contains(word), "{fault}");
    }
    // One that passes is taken.
    std::fs::write(&modes, format!("{shipped}\n// again\n")).unwrap();
    list_policies(modes.parent().unwrap());
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

/// Files that may be suites are run, refused or named.
#[test]
fn nothing_that_may_be_a_suite_is_passed_over() {
    let denied = SUITE.replace("allow = true", "deny = [\"DEMO_NO_CERTIFICATES\"]");
    type Made = fn(&Path, &str);
    let cases: [(Made, &str); 5] = [
        (
            |suites, text| write(&suites.join("inside/deep/x.toml"), text),
            "x.toml",
        ),
        (
            |suites, text| write(&suites.join("x.TOML"), text),
            "is `….toml` meant?",
        ),
        (
            |suites, text| write(&suites.join("inside/x.Toml "), text),
            "is `….toml` meant?",
        ),
        (
            |suites, _| std::fs::create_dir(suites.join("x.toml")).unwrap(),
            "it is a directory, and no file",
        ),
        (
            |suites, _| std::os::unix::fs::symlink("..", suites.join("up")).unwrap(),
            "it is a link to a directory that it lies in",
        ),
    ];
    for (make, word) in cases {
        let start = gated();
        // Beside the file that names it.
        let text = denied.replace("tenancy.ndjson", "../../tenancy.ndjson");
        make(&start.path("suites"), &text);
        let suites = start.path("suites").display().to_string();
        let policies = start.path("policies").display().to_string();
        let tested = program()
            .args(["test", &suites, "--policies", &policies])
            .output()
            .unwrap();
        let tested = Ended::from(tested);
        assert_ne!(tested.code, Some(0), "{word}: {tested:?}");
        let said = format!("{}{}", tested.stdout, tested.stderr);
        assert!(said.contains(word), "{word}: {tested:?}");
        let (code, said) = start.fails();
        assert_ne!(code, 0, "{word}: {said}");
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// A file that looks like a suite and is none is named, and stops nothing.
#[test]
fn what_is_left_out_of_the_suites_is_named() {
    let start = gated();
    let suites = start.path("suites");
    for name in ["anna.toml~", ".anna.toml.swp", "anna.toml.orig"] {
        write(&suites.join(name), "fixture = 1");
    }
    write(&suites.join(".hidden/x.toml"), "fixture = 1");
    write(&suites.join("README.md"), "");
    let place = suites.display().to_string();
    let tested = Ended::from(program().args(["test", &place]).output().unwrap());
    assert_eq!(tested.code, Some(0), "{tested:?}");
    let mut sidecar = start.start();
    let records = sidecar.stop();
    let named = |name: &str| {
        let mut texts = records
            .iter()
            .filter_map(|record| record["message"].as_str());
        texts.any(|text| text.starts_with("a suite is not run") && text.contains(name))
    };
    for name in ["anna.toml~", ".anna.toml.swp", "anna.toml.orig", ".hidden"] {
        assert!(tested.stderr.contains(name), "{name}: {tested:?}");
        assert!(named(name), "{name}: {records:#?}");
    }
    assert!(!tested.stderr.contains("README.md"), "{tested:?}");
}

/// Suites that are being copied are waited for, at the start and at a reload: with half of them the
/// set would be taken.
#[test]
fn suites_that_are_being_written_are_waited_for() {
    let start = gated().variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "2s");
    let suites = start.path("suites");
    append(&start.path("policies/modes.cedar"), CLOSED);
    // Only the second suite notices what is closed.
    let text = std::fs::read_to_string(suites.join("anna.toml")).unwrap();
    let other = SUITE
        .replace("getOrganisation", "uploadCertificate")
        .replace("allow = true", "deny = [\"DEMO_NO_CERTIFICATES\"]");
    write(&suites.join("anna.toml"), &other);
    let late = suites.join("late/late.toml");
    let copying = std::thread::spawn(move || {
        // As long as this goes on, they are not at rest.
        for _ in 0..40 {
            write(&suites.join("anna.toml"), &other);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        write(&late, &text.replace("tenancy.ndjson", "../tenancy.ndjson"));
    });
    let (code, said) = start.fails();
    copying.join().unwrap();
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("anna looks at acme"), "{said}");
}

/// A suite's fixture may lie elsewhere.
#[test]
fn a_fixture_elsewhere_is_a_part_of_the_suites() {
    let start = gated();
    let suites = start.path("suites");
    std::fs::rename(
        suites.join("tenancy.ndjson"),
        start.path("elsewhere.ndjson"),
    )
    .unwrap();
    let text = SUITE.replace("tenancy.ndjson", "../elsewhere.ndjson");
    write(&suites.join("anna.toml"), &text);
    let sidecar = start.start();
    assert_eq!(ask(&sidecar).0, "Allow");
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
