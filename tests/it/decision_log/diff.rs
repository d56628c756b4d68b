//! Decisions of a log that other policies change: `diff --log`.

use std::path::Path;

use serde_json::{Value, json};

use super::{get_acme, lines, logging};
use crate::author::Ended;
use crate::sidecar::{Sidecar, program, project};

/// Anna asks for a mode, which needs a contact that there is not.
fn request_mode() -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": "anna"},
        "action": {"type": "Peppol::Action", "id": "requestModeChange"},
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
        "context": {"requestedMode": "SHARED"},
    })
}

fn unknown() -> Value {
    let mut question = get_acme();
    question["principal"]["id"] = json!("nobody");
    question
}

/// A log of an Allow, a denial by a rule and one of an unknown principal.
fn logged(more: &[&str]) -> Sidecar {
    let mut sidecar = logging(more).start();
    for question in [get_acme(), request_mode(), unknown()] {
        sidecar.ask(&question);
    }
    sidecar.stop();
    assert_eq!(lines(&sidecar.path("d.log")).len(), 3);
    sidecar
}

/// The shipped policies, one file changed.
fn changed(sidecar: &Sidecar, file: &str, old: &str, new: &str) -> String {
    let to = sidecar.path("changed");
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(project("policies")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    let text = std::fs::read_to_string(to.join(file)).unwrap();
    assert!(text.contains(old), "{file}");
    std::fs::write(to.join(file), text.replacen(old, new, 1)).unwrap();
    to.to_str().unwrap().to_owned()
}

fn diff(new: &str, log: &Path, more: &[&str]) -> Ended {
    let output = program()
        .current_dir(project("."))
        .args(["diff", "policies", new, "--log"])
        .arg(log)
        .args(more)
        .output();
    Ended::from(output.unwrap())
}

/// The last line of `--json`, which is of the logs.
fn of_log(ended: &Ended) -> Value {
    let last = ended.stdout.lines().last().unwrap();
    serde_json::from_str::<Value>(last).unwrap()["log"].clone()
}

#[test]
fn the_same_policies_change_none() {
    let sidecar = logged(&["--log-slice"]);
    let ended = diff("policies", &sidecar.path("d.log"), &["--no-wider"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "logged decisions: 3 the same, 0 changed, 0 not decided\n";
    assert!(ended.stdout.ends_with(said), "{ended:?}");
}

#[test]
fn a_decision_that_is_another_is_named() {
    let sidecar = logged(&["--log-slice"]);
    let contact = r#"resource.contactTypes.contains("BUSINESS")"#;
    let wider = changed(
        &sidecar,
        "organisation.cedar",
        contact,
        &format!(r#"{contact} || resource.mode == Peppol::Mode::"DEMO""#),
    );
    let log = sidecar.path("d.log");
    let id = lines(&log)[1]["id"].as_str().unwrap().to_owned();
    let ended = diff(&wider, &log, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = format!(
        "{}:2: {id} is decided otherwise\n  asked  Peppol::User::\"anna\" \
         Peppol::Action::\"requestModeChange\" Peppol::Organisation::\"acme\"\n  \
         old    Deny AT-1120\n  new    Allow\n\
         logged decisions: 2 the same, 1 changed, 0 not decided\n",
        log.display()
    );
    assert!(ended.stdout.ends_with(&said), "{ended:?}");
    let ended = diff(&wider, &log, &["--no-wider", "--json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let found = of_log(&ended);
    assert_eq!(found["same"], 2, "{found}");
    assert_eq!(
        found["changed"][0]["old"],
        json!({"decision": "Deny", "codes": ["AT-1120"]})
    );
    assert_eq!(
        found["changed"][0]["new"],
        json!({"decision": "Allow", "codes": []})
    );
}

/// The proof says that nothing else is allowed; the log, that a caller would hear another code.
#[test]
fn a_code_that_is_another_is_named_too() {
    let sidecar = logged(&["--log-slice"]);
    let other = changed(&sidecar, "organisation.cedar", "AT-1120", "AT-1121");
    let rules = sidecar.path("changed/rules.toml");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, text.replace("AT-1120", "AT-1121")).unwrap();
    let ended = diff(&other, &sidecar.path("d.log"), &["--no-wider"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("51 actions: 51 same"), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("old    Deny AT-1120\n  new    Deny AT-1121"),
        "{ended:?}"
    );
}

/// A line that cannot be decided does not count as equal.
#[test]
fn lines_that_cannot_be_decided_are_named() {
    let sidecar = logged(&[]);
    let log = sidecar.path("d.log");
    let ended = diff("policies", &log, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "logged decisions: 0 the same, 0 changed, 3 not decided\n";
    assert!(ended.stdout.ends_with(said), "{ended:?}");
    // From the store they can be.
    let tenancy = format!("sqlite:{}", sidecar.path("tenancy.db").display());
    let ended = diff("policies", &log, &["--tenancy", &tenancy]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "logged decisions: 3 the same, 0 changed, 0 not decided\n";
    assert!(ended.stdout.ends_with(said), "{ended:?}");

    let mut text = std::fs::read_to_string(&log).unwrap();
    text.push_str("{\"id\":\"torn");
    std::fs::write(&log, text).unwrap();
    let ended = diff("policies", &log, &["--tenancy", &tenancy]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("d.log:4: not decided: "), "{ended:?}");
    let ended = diff("policies", &sidecar.path("none.log"), &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("none.log`"), "{ended:?}");
}

/// Policies that look at what was not looked at cannot be asked from the lines alone.
#[test]
fn what_a_line_does_not_hold_is_not_taken_for_absent() {
    let sidecar = logged(&["--log-slice"]);
    let other = changed(
        &sidecar,
        "organisation.cedar",
        "when { principal.superadmin };",
        "when { principal.superadmin || principal.email.registered };",
    );
    let ended = diff(&other, &sidecar.path("d.log"), &["--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let found = of_log(&ended);
    let problem = found["undecided"][0]["problem"].as_str().unwrap();
    assert!(problem.starts_with("by the new policies: "), "{found}");
}
