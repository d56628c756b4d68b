//! A question that demands the newest state is never answered from before: the file is looked at.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{ENTITIES, TAKEN, anna, replace, shipped_schema, verdict, with_entities, without_anna};
use crate::eventually::eventually;
use crate::sidecar::{Reply, Sidecar};

/// Reads the file again only when it is told to, and would answer from memory for an hour.
fn start() -> Sidecar {
    with_entities(ENTITIES)
        .variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false")
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .start()
}

fn within(age: &str) -> Value {
    let mut demanding = anna();
    demanding["maxAge"] = json!(age);
    demanding
}

/// Every way to ask with that demand.
fn demanding(sidecar: &Sidecar) -> [Reply; 5] {
    let text = anna().to_string();
    let evaluation = json!({
        "subject": {"type": "User", "id": "anna"},
        "action": {"name": "listCertificates"},
        "resource": {"type": "Organisation", "id": "acme"},
    });
    let search = json!({
        "principal": {"type": "Peppol::User"},
        "action": anna()["action"],
        "resource": anna()["resource"],
        "maxAge": "0s",
    });
    let header = [("tenancy-max-age", "0s")];
    let evaluation = evaluation.to_string();
    [
        sidecar.post("/v1/is_authorized", &within("0s")),
        sidecar.send("/v1/is_authorized", &header, text.as_bytes()),
        sidecar.post(
            "/v1/batch_is_authorized",
            &json!({"requests": [anna()], "maxAge": "0s"}),
        ),
        sidecar.send("/access/v1/evaluation", &header, evaluation.as_bytes()),
        sidecar.post("/v1/search", &search),
    ]
}

#[track_caller]
fn are_refused(sidecar: &Sidecar, how: &str) {
    for reply in demanding(sidecar) {
        assert_eq!(reply.status, 503, "{how}: {}", reply.text);
    }
    // A question without a demand is answered from memory.
    assert_eq!(verdict(sidecar).0, "Allow", "{how}");
    assert_eq!(sidecar.ask(&within("1h"))["decision"], "Allow", "{how}");
}

#[track_caller]
fn are_answered(sidecar: &Sidecar, how: &str) {
    for reply in demanding(sidecar) {
        assert_eq!(reply.status, 200, "{how}: {}", reply.text);
        let is_allowed = ["\"Allow\"", "\"decision\":true", "\"id\":\"anna\""]
            .iter()
            .any(|word| reply.text.contains(word));
        assert!(is_allowed, "{how}: {}", reply.text);
    }
}

/// In place, as long as before, and with the time of before.
fn unseen(file: &Path) {
    let modified = fs::metadata(file).unwrap().modified().unwrap();
    let other = ENTITIES.replace("\"id\": \"anna\"}", "\"id\": \"anno\"}");
    assert_eq!(other.len(), ENTITIES.len());
    assert_ne!(other, ENTITIES);
    fs::write(file, other).unwrap();
    let times = FileTimes::new().set_modified(modified);
    File::options()
        .append(true)
        .open(file)
        .unwrap()
        .set_times(times)
        .unwrap();
}

fn linked(file: &Path, to: &Path) {
    fs::remove_file(file).unwrap();
    symlink(to, file).unwrap();
}

type Changed = fn(&Path);

const CHANGES: [(&str, Changed); 10] = [
    ("in place", |file| fs::write(file, without_anna()).unwrap()),
    ("by a rename", |file| replace(file, &without_anna())),
    ("unseen", unseen),
    ("by a link", |file| {
        let other = file.with_extension("other");
        fs::write(&other, without_anna()).unwrap();
        linked(file, &other);
    }),
    ("truncated", |file| {
        let half = ENTITIES.split_at(ENTITIES.len() / 2).0;
        fs::write(file, half).unwrap();
    }),
    ("emptied", |file| fs::write(file, "").unwrap()),
    ("gone", |file| fs::remove_file(file).unwrap()),
    ("a pipe", |file| {
        fs::remove_file(file).unwrap();
        let made = Command::new("mkfifo").arg(file).status();
        assert!(made.unwrap().success());
    }),
    ("a loop of links", |file| linked(file, file)),
    ("a directory", |file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    }),
];

#[test]
fn a_file_that_has_changed_is_noticed() {
    let sidecar = start();
    let file = sidecar.path("entities.json");
    are_answered(&sidecar, "at first");
    for (how, change) in CHANGES {
        change(&file);
        are_refused(&sidecar, how);
        if file.is_dir() {
            fs::remove_dir(&file).unwrap();
        }
        // As it was, and another file.
        replace(&file, ENTITIES);
        are_answered(&sidecar, how);
    }
    replace(&file, &without_anna());
    sidecar.signal("HUP");
    sidecar.wait_for_log(TAKEN);
    assert_eq!(sidecar.ask(&within("0s"))["decision"], "Deny");
    assert_eq!(verdict(&sidecar).0, "Deny");
}

/// From the write on there is no answer from before.
#[test]
fn an_answer_is_of_the_new_file_or_none() {
    let sidecar = super::with_notices(ENTITIES).start();
    for _ in 0..3 {
        assert_eq!(verdict(&sidecar).0, "Allow");
        replace(&sidecar.path("entities.json"), &without_anna());
        eventually("it is denied", || {
            let reply = sidecar.post("/v1/is_authorized", &within("0s"));
            let answer = reply.json();
            match (reply.status, answer["decision"].as_str()) {
                (200, Some("Deny")) => Ok(()),
                (503, None) => Err(reply.text),
                _ => panic!("{}", reply.text),
            }
        });
        replace(&sidecar.path("entities.json"), ENTITIES);
        sidecar.wait_for_log(TAKEN);
        sidecar.wait_for_log(TAKEN);
    }
}

/// Where every question looks, none is answered from before; nor is one of an action that says so.
#[test]
fn settings_and_actions_may_want_the_newest() {
    let each = with_entities(ENTITIES)
        .variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false")
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "0s")
        .start();
    let start = with_entities(ENTITIES).variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false");
    let schema = start.path("s.cedarschema");
    let action = "action listCertificates appliesTo";
    let shipped = shipped_schema();
    assert!(shipped.contains(action));
    fs::write(
        &schema,
        shipped.replace(action, &format!("@maxStale(\"0s\") {action}")),
    )
    .unwrap();
    let of_action = start.with(&["--schema", schema.to_str().unwrap()]).start();
    for sidecar in [&each, &of_action] {
        assert_eq!(verdict(sidecar).0, "Allow");
        replace(&sidecar.path("entities.json"), &without_anna());
        let reply = sidecar.post("/v1/is_authorized", &anna());
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert_eq!(reply.json()["code"], "STORE_BEHIND", "{}", reply.text);
        sidecar.signal("HUP");
        sidecar.wait_for_log(TAKEN);
        assert_eq!(verdict(sidecar).0, "Deny");
    }
    // Another action is answered from what is in force.
    replace(&of_action.path("entities.json"), "[");
    let mut other = anna();
    other["action"] = json!("Peppol::Action::\"getOrganisation\"");
    assert_eq!(of_action.ask(&other)["decision"], "Deny");
}
