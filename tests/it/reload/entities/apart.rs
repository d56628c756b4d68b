//! Entities that are good are taken, whatever is wrong with the policies beside them. Where they
//! cannot be, nothing is answered from those before for long.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::super::{REFUSED as POLICIES_REFUSED, TAKEN as POLICIES_TAKEN};
use super::{
    ENTITIES, TAKEN, anna, append, replace, shipped_policies, shipped_schema, verdict,
    with_notices, without_anna,
};
use crate::eventually::{eventually, until};
use crate::sidecar::{Sidecar, Start};

fn start() -> (Sidecar, PathBuf) {
    start_with(with_notices(ENTITIES))
}

fn start_with(start: Start) -> (Sidecar, PathBuf) {
    let policies = start.path("policies");
    shipped_policies(&policies);
    let arguments = ["--policies", policies.to_str().unwrap()];
    (start.with(&arguments).start(), policies)
}

#[track_caller]
fn she_is_unknown(sidecar: &Sidecar) {
    let answer = sidecar.ask(&anna());
    assert_eq!(
        answer["reasons"][0]["code"], "UNKNOWN_PRINCIPAL",
        "{answer}"
    );
}

/// The refusal of the policies is said, and nothing else.
#[track_caller]
fn policies_are_refused(sidecar: &Sidecar) {
    let ready = eventually("it warns", || {
        let ready = sidecar.get("/readyz");
        match ready.json()["warnings"][0].as_str() {
            Some(warning) => Ok(warning.to_owned()),
            None => Err(ready.text),
        }
    });
    assert!(ready.starts_with("policies: "), "{ready}");
    assert!(!ready.contains("entities: "), "{ready}");
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_reload_refused 1\n"),
        "{metrics}"
    );
}

type Spoiled = fn(&Path);

const SPOILED: [(&str, Spoiled, Spoiled); 4] = [
    (
        "a pipe",
        |policies| {
            let made = Command::new("mkfifo")
                .arg(policies.join("x.cedar"))
                .status();
            assert!(made.unwrap().success());
        },
        |policies| fs::remove_file(policies.join("x.cedar")).unwrap(),
    ),
    (
        "a typo",
        |policies| fs::write(policies.join("x.cedar"), "permit (").unwrap(),
        |policies| fs::remove_file(policies.join("x.cedar")).unwrap(),
    ),
    (
        "a list of rules that is gone",
        |policies| fs::rename(policies.join("rules.toml"), policies.join("../r")).unwrap(),
        |policies| fs::rename(policies.join("../r"), policies.join("rules.toml")).unwrap(),
    ),
    (
        "no directory",
        |policies| fs::rename(policies, policies.with_extension("away")).unwrap(),
        |policies| fs::rename(policies.with_extension("away"), policies).unwrap(),
    ),
];

/// Both orders: the policies are spoiled with the entities, or before.
#[test]
fn whatever_is_wrong_with_the_policies() {
    let (sidecar, policies) = start();
    let file = sidecar.path("entities.json");
    let before = verdict(&sidecar);
    for (what, spoil, repair) in SPOILED {
        spoil(&policies);
        replace(&file, &without_anna());
        sidecar.wait_for_log(TAKEN);
        she_is_unknown(&sidecar);
        policies_are_refused(&sidecar);
        replace(&file, ENTITIES);
        sidecar.wait_for_log(TAKEN);
        assert_eq!(verdict(&sidecar), before, "{what}");
        policies_are_refused(&sidecar);
        repair(&policies);
        sidecar.wait_for_log(POLICIES_TAKEN);
        super::is_ready(&sidecar);
        assert_eq!(verdict(&sidecar), before, "{what}");
    }
}

#[test]
fn suites_that_policies_do_not_pass() {
    let start = with_notices(ENTITIES);
    let suites = start.path("suites");
    fs::create_dir(&suites).unwrap();
    fs::write(suites.join("tenancy.json"), ENTITIES).unwrap();
    let suite = r#"
        fixture = "tenancy.json"

        [[case]]
        name = "anna lists certificates"
        principal = 'Peppol::User::"anna"'
        action = "listCertificates"
        resource = 'Peppol::Organisation::"acme"'
        allow = true
    "#;
    fs::write(suites.join("s.toml"), suite).unwrap();
    let (sidecar, policies) =
        start_with(start.with(&["--reload-suites", suites.to_str().unwrap()]));
    assert_eq!(verdict(&sidecar).0, "Allow");
    append(
        &policies.join("modes.cedar"),
        &super::super::CLOSED.replace("getOrganisation", "listCertificates"),
    );
    replace(&sidecar.path("entities.json"), &without_anna());
    sidecar.wait_for_log(TAKEN);
    she_is_unknown(&sidecar);
    policies_are_refused(&sidecar);
}

/// A file among the policies that is written without end does not hold them back without end.
#[test]
fn policies_that_never_rest() {
    let (sidecar, policies) = start();
    assert_eq!(verdict(&sidecar).0, "Allow");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0_u64.. {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                fs::write(policies.join("x.cedar"), format!("// {n}\n")).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        replace(&sidecar.path("entities.json"), &without_anna());
        until("she is gone", || verdict(&sidecar).0 == "Deny");
        ended.store(true, Ordering::Relaxed);
    });
}

/// Entities that only the new schema has room for.
fn of_the_new_schema() -> (String, String) {
    let schema =
        shipped_schema().replace("entity User = {", "entity User = {\n    nickname?: String,");
    let mut entities: Vec<Value> = serde_json::from_str(ENTITIES).unwrap();
    entities.retain(|entity| entity["uid"]["id"] != "anna");
    let mut other: Vec<Value> = serde_json::from_str(ENTITIES).unwrap();
    other.retain(|entity| entity["uid"]["id"] == "anna");
    other[0]["uid"]["id"] = json!("bob");
    other[0]["attrs"]["id"] = json!("bob");
    other[0]["attrs"]["nickname"] = json!("b");
    entities.extend(other);
    (schema, json!(entities).to_string())
}

fn with_schema(untold_max_age: &str) -> (Sidecar, PathBuf, PathBuf) {
    let start =
        with_notices(ENTITIES).variable("PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE", untold_max_age);
    let schema = start.path("peppol.cedarschema");
    fs::write(&schema, shipped_schema()).unwrap();
    let (sidecar, policies) = start_with(start.with(&["--schema", schema.to_str().unwrap()]));
    (sidecar, policies, schema)
}

#[test]
fn where_they_are_of_other_types_nothing_is_answered_from_those_before() {
    let (sidecar, policies, schema) = with_schema("0s");
    let file = sidecar.path("entities.json");
    let before = verdict(&sidecar);
    let (new_schema, entities) = of_the_new_schema();
    for _ in 0..2 {
        fs::write(policies.join("x.cedar"), "permit (").unwrap();
        fs::write(&schema, &new_schema).unwrap();
        replace(&file, &entities);
        sidecar.wait_for_log(POLICIES_REFUSED);
        let reply = eventually("it answers no more", || {
            let reply = sidecar.post("/v1/is_authorized", &anna());
            match reply.status {
                503 => Ok(reply),
                _ => Err(reply.text),
            }
        });
        assert_eq!(reply.json()["code"], "STORE_UNAVAILABLE", "{}", reply.text);
        let gateway = sidecar.get("/authz/nginx");
        assert_eq!(gateway.status, 503, "{}", gateway.text);
        let ready = sidecar.get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text);
        assert!(
            ready
                .text
                .contains("refused policies hold back changed entities"),
            "{}",
            ready.text
        );
        // Nor after one more fault.
        fs::write(&file, "[").unwrap();
        sidecar.wait_for_log(super::REFUSED);
        sidecar.wait_for_log(super::REFUSED);
        let reply = sidecar.post("/v1/is_authorized", &anna());
        assert_eq!(reply.status, 503, "{}", reply.text);
        // Those of before come back: they are the newest.
        replace(&file, ENTITIES);
        until("it answers again", || {
            sidecar.post("/v1/is_authorized", &anna()).status == 200
        });
        assert_eq!(verdict(&sidecar), before);
        fs::write(&schema, shipped_schema()).unwrap();
        fs::remove_file(policies.join("x.cedar")).unwrap();
        until("it is well", || {
            sidecar.get("/readyz").json() == json!({"ready": true, "missing": []})
        });
    }
    // Without the fault all is taken together.
    fs::write(&schema, &new_schema).unwrap();
    replace(&file, &entities);
    until("she is gone", || {
        let reply = sidecar.post("/v1/is_authorized", &anna());
        reply.json()["decision"] == "Deny"
    });
    super::is_ready(&sidecar);
}

#[test]
fn those_before_are_answered_from_for_as_long_as_is_set() {
    let (sidecar, policies, _) = with_schema("1h");
    fs::write(policies.join("x.cedar"), "permit (").unwrap();
    replace(&sidecar.path("entities.json"), &of_the_new_schema().1);
    sidecar.wait_for_log(super::REFUSED);
    assert_eq!(verdict(&sidecar).0, "Allow");
    let mut demanding = anna();
    demanding["maxAge"] = json!("0s");
    let reply = sidecar.post("/v1/is_authorized", &demanding);
    assert_eq!(reply.status, 503, "{}", reply.text);
}
