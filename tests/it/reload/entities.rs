//! A file of entities that changes while it is in use: it is taken whole or not at all, and what was
//! in memory of the one before is gone.

mod apart;
mod mapped;
mod newest;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::layout::{mount, relink};
use super::{ARCHIVE, append, replace, schema_with, shipped_policies, shipped_schema};
use crate::eventually::{eventually, until};
use crate::http::described::{ENTITIES, document, view_document, with_entities};
use crate::sidecar::{Sidecar, Start};

const TAKEN: &str = "changed entities are in force";
const REFUSED: &str = "changed entities are refused; those before stay in force";

/// May Anna, a member of `acme`, look at its certificates?
fn anna() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"listCertificates\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

/// The same entities, without Anna.
fn without_anna() -> String {
    let mut entities: Vec<Value> = serde_json::from_str(ENTITIES).unwrap();
    entities.retain(|entity| entity["uid"]["type"] != "Peppol::User");
    json!(entities).to_string()
}

fn with_notices(entities: &str) -> Start {
    with_entities(entities).variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h")
}

fn verdict(sidecar: &Sidecar) -> (String, String) {
    let answer = sidecar.ask(&anna());
    let text = |member: &str| answer[member].as_str().unwrap().to_owned();
    (text("decision"), text("tenancyRevision"))
}

#[track_caller]
fn is_ready(sidecar: &Sidecar) {
    let ready = sidecar.get("/readyz");
    assert_eq!(ready.json(), json!({"ready": true, "missing": []}));
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_reload_refused 0\n"),
        "{metrics}"
    );
}

/// Waits until a file was refused, for that; nothing else has changed.
#[track_caller]
fn is_refused(sidecar: &Sidecar, before: &(String, String), word: &str) {
    let fault = sidecar.wait_for_log(REFUSED)["fault"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        fault.contains(word) && fault.contains("entities.json"),
        "{fault}"
    );
    let ready = eventually("it warns", || {
        let ready = sidecar.get("/readyz");
        if ready.status == 200 && ready.json()["warnings"].is_array() {
            Ok(ready.text)
        } else {
            Err(ready.text)
        }
    });
    assert!(
        ready.contains("entities: the last change was refused"),
        "{ready}"
    );
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_reload_refused 1\n"),
        "{metrics}"
    );
    assert_eq!(verdict(sidecar), *before);
}

#[test]
fn a_user_who_is_taken_out_is_unknown() {
    let sidecar = with_notices(ENTITIES).start();
    let file = sidecar.path("entities.json");
    let before = verdict(&sidecar);
    assert_eq!(before.0, "Allow");
    for _ in 0..2 {
        replace(&file, &without_anna());
        sidecar.wait_for_log(TAKEN);
        let answer = sidecar.ask(&anna());
        assert_eq!(
            answer["reasons"][0]["code"], "UNKNOWN_PRINCIPAL",
            "{answer}"
        );
        assert_ne!(answer["tenancyRevision"], *before.1);
        is_ready(&sidecar);
        // A state of the file before is none that this one could hold.
        let mut demanding = anna();
        demanding["atLeast"] = before.1.clone().into();
        let reply = sidecar.post("/v1/is_authorized", &demanding);
        assert!((400..504).contains(&reply.status), "{}", reply.text);
        std::fs::write(&file, ENTITIES).unwrap();
        sidecar.wait_for_log(TAKEN);
        assert_eq!(verdict(&sidecar), before);
        is_ready(&sidecar);
    }
}

#[test]
fn a_config_map_that_is_swapped_is_taken() {
    let start = Start::new().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h");
    let volume = start.path("volume");
    for (version, text) in [("..1", ENTITIES.to_owned()), ("..2", without_anna())] {
        std::fs::create_dir_all(volume.join(version)).unwrap();
        std::fs::write(volume.join(version).join("entities.json"), text).unwrap();
    }
    mount(&volume, "..1");
    let tenancy = format!("entities:{}", volume.join("entities.json").display());
    let sidecar = start.with(&["--tenancy", &tenancy]).start();
    assert_eq!(verdict(&sidecar).0, "Allow");
    relink(&volume.join("..data"), "..2");
    sidecar.wait_for_log(TAKEN);
    assert_eq!(verdict(&sidecar).0, "Deny");
}

#[test]
fn it_is_polled_where_there_are_no_notices() {
    let start = Start::new().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "20ms");
    // A link in the middle of the path, of which no notice comes.
    let (real, link) = (start.path("real"), start.path("link"));
    std::fs::create_dir(&real).unwrap();
    std::fs::write(real.join("entities.json"), ENTITIES).unwrap();
    std::os::unix::fs::symlink("real", &link).unwrap();
    let other = start.path("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("entities.json"), without_anna()).unwrap();
    let tenancy = format!("entities:{}", link.join("entities.json").display());
    let sidecar = start.with(&["--tenancy", &tenancy]).start();
    assert_eq!(verdict(&sidecar).0, "Allow");
    relink(&link, "other");
    sidecar.wait_for_log(TAKEN);
    assert_eq!(verdict(&sidecar).0, "Deny");
}

#[test]
fn what_is_broken_is_refused_until_it_is_repaired() {
    let sidecar = with_notices(ENTITIES).start();
    let file = sidecar.path("entities.json");
    let before = verdict(&sidecar);
    let unfit = without_anna().replace("\"registered\":true", "\"registered\":1");
    assert_ne!(unfit, without_anna());
    let half = ENTITIES.split_at(ENTITIES.len() / 2).0;
    for (broken, word) in [
        (half, ""),
        ("", ""),
        ("{}", "array"),
        (&unfit, "registered"),
    ] {
        std::fs::write(&file, broken).unwrap();
        is_refused(&sidecar, &before, word);
        std::fs::write(&file, ENTITIES).unwrap();
        until("it is well again", || sidecar.get("/readyz").status == 200);
        assert_eq!(verdict(&sidecar), before);
    }
    // Gone, and a pipe.
    std::fs::remove_file(&file).unwrap();
    is_refused(&sidecar, &before, "No such file");
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    is_refused(&sidecar, &before, "it is a pipe");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, without_anna()).unwrap();
    sidecar.wait_for_log(TAKEN);
    assert_eq!(verdict(&sidecar).0, "Deny");
}

/// Entities and a schema that fit only each other are taken together.
#[test]
fn entities_and_schema_change_together() {
    let start = Start::new().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h");
    let volume = start.path("volume");
    let version = |name: &str, schema: &str, entities: &str| -> PathBuf {
        let directory = volume.join(name);
        shipped_policies(&directory);
        std::fs::write(directory.join("peppol.cedarschema"), schema).unwrap();
        std::fs::write(directory.join("entities.json"), entities).unwrap();
        directory
    };
    let nickname =
        shipped_schema().replace("entity User = {", "entity User = {\n    nickname: String,");
    let named = ENTITIES.replace(
        "\"superadmin\": false",
        "\"superadmin\": false, \"nickname\": \"a\"",
    );
    version("..1", &shipped_schema(), ENTITIES);
    version("..2", &nickname, &named);
    // Only one of the two.
    version("..3", &schema_with(ARCHIVE), &named);
    mount(&volume, "..1");
    let place = |name: &str| volume.join(name).display().to_string();
    let tenancy = format!("entities:{}", place("entities.json"));
    let (policies, schema) = (place(""), place("peppol.cedarschema"));
    let sidecar = start
        .with(&[
            "--tenancy",
            &tenancy,
            "--policies",
            &policies,
            "--schema",
            &schema,
        ])
        .start();
    let before = verdict(&sidecar);
    relink(&volume.join("..data"), "..2");
    sidecar.wait_for_log(TAKEN);
    let after = verdict(&sidecar);
    assert_eq!((&*after.0, after.1 == before.1), ("Allow", false));
    is_ready(&sidecar);
    relink(&volume.join("..data"), "..3");
    sidecar.wait_for_log(super::REFUSED);
    assert_eq!(verdict(&sidecar), after);
    until("it warns", || {
        sidecar.get("/readyz").json()["warnings"].is_array()
    });
}

/// A change that was refused beside another one is not forgotten.
#[test]
fn policies_that_came_with_broken_entities_are_taken_with_the_next() {
    let start = with_notices(ENTITIES);
    let policies = start.path("policies");
    shipped_policies(&policies);
    let sidecar = start
        .with(&["--policies", policies.to_str().unwrap()])
        .start();
    let before = verdict(&sidecar);
    std::fs::write(sidecar.path("entities.json"), "[").unwrap();
    is_refused(&sidecar, &before, "");
    let closed = super::CLOSED.replace("getOrganisation", "listCertificates");
    append(&policies.join("modes.cedar"), &closed);
    is_refused(&sidecar, &before, "");
    std::fs::write(sidecar.path("entities.json"), ENTITIES).unwrap();
    sidecar.wait_for_log(super::TAKEN);
    assert_eq!(verdict(&sidecar), ("Deny".to_owned(), before.1));
}

/// The types that a caller may describe are those that the new file does not speak of.
#[test]
fn what_a_caller_may_describe_changes_with_the_file() {
    let sidecar = with_notices(ENTITIES).start();
    let mut described = view_document();
    described["entities"] = json!([document("d-0")]);
    assert_eq!(sidecar.ask(&described)["decision"], "Allow");
    let places = |sidecar: &Sidecar| {
        sidecar
            .get("/openapi.json")
            .text
            .contains("\"legalEntity\"")
    };
    assert!(places(&sidecar));
    let mut entities: Vec<Value> = serde_json::from_str(ENTITIES).unwrap();
    entities.push(document("d-1"));
    std::fs::write(sidecar.path("entities.json"), json!(entities).to_string()).unwrap();
    sidecar.wait_for_log(TAKEN);
    let reply = sidecar.post("/v1/is_authorized", &described);
    assert_eq!(
        reply.json()["code"],
        "ENTITY_OF_SERVED_TYPE",
        "{}",
        reply.text
    );
    assert!(!places(&sidecar));
}

/// A shadow looks at the same entities.
#[test]
fn a_shadow_follows() {
    let start = with_notices(ENTITIES);
    let policies = start.path("shadow");
    shipped_policies(&policies);
    let sidecar = start
        .with(&["--shadow", policies.to_str().unwrap()])
        .start();
    let agreed = |sidecar: &Sidecar, count: u32| {
        let line = format!("peppol_authz_shadow_decisions_total{{result=\"agreed\"}} {count}\n");
        until(&line, || sidecar.get("/metrics").text.contains(&line));
    };
    assert_eq!(verdict(&sidecar).0, "Allow");
    agreed(&sidecar, 1);
    replace(&sidecar.path("entities.json"), &without_anna());
    sidecar.wait_for_log(TAKEN);
    assert_eq!(verdict(&sidecar).0, "Deny");
    agreed(&sidecar, 2);
}

/// It is not watched where nothing is.
#[test]
fn it_stays_where_nothing_is_watched() {
    let start = with_entities(ENTITIES).variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false");
    let sidecar = start.start();
    assert_eq!(verdict(&sidecar).0, "Allow");
    replace(&sidecar.path("entities.json"), &without_anna());
    assert!(Path::new(&sidecar.path("entities.json")).exists());
    sidecar.signal("HUP");
    assert_eq!(verdict(&sidecar).0, "Allow");
}
