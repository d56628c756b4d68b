//! The policies of a shadow are checked at the start and taken over while it runs, and nothing of
//! that is a matter of the first.

use std::path::Path;

use serde_json::{Value, json};

use super::{CLOSED, all_are, allowed, disagreements, looked, of_result, policies, shadow_of};
use crate::eventually::eventually;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start, project};

const TAKEN: &str = "changed policies of the shadow are in force";
const REFUSED: &str = "changed policies of the shadow are refused; those before stay in force";

/// Learns of changes by notices alone, and soon.
fn start() -> Start {
    Start::quickstart()
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "10ms")
}

fn write(directory: &Path, text: &str) {
    std::fs::write(
        directory.join("next.cedar"),
        crate::author::without_rules(text),
    )
    .unwrap();
}

#[track_caller]
fn is_ready(sidecar: &Sidecar) {
    let ready = sidecar.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({"ready": true, "missing": []}))
    );
}

/// The number of Anna's Allows that the shadow forbids.
fn closed(samples: &Samples) -> f64 {
    let first = ["Allow", "", "organisation/orgadmin-manages"];
    let shadow = ["Deny", "DEMO_NO_CERTIFICATES", "next/closed"];
    disagreements(samples, "verdict", first, shadow)
}

fn revision(sidecar: &Sidecar) -> Value {
    sidecar.get("/version").json()["policyRevision"].clone()
}

#[test]
fn a_change_is_taken_over_by_the_shadow_alone() {
    let (start, directory) = shadow_of(start(), "");
    let sidecar = start.start();
    let before = revision(&sidecar);
    sidecar.ask(&allowed());
    all_are(&looked(&sidecar, 1), "agreed");
    write(&directory, CLOSED);
    let record = sidecar.wait_for_log(TAKEN);
    assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    let samples = looked(&sidecar, 2);
    assert_eq!(closed(&samples), 1.0);
    assert_eq!(revision(&sidecar), before);
    let now = record["policies"].as_str().unwrap();
    assert_eq!(samples.value("shadow_policies", &[("revision", now)]), 1.0);
    assert_eq!(samples.sum("shadow_policies"), 1.0);
    assert_eq!(
        samples.value("shadow_reloads_total", &[("result", "taken")]),
        2.0
    );
    assert_eq!(samples.value("reloads_total", &[("result", "taken")]), 1.0);
}

#[test]
fn an_invalid_change_is_refused_and_the_last_ones_look_on() {
    let (start, directory) = shadow_of(start(), CLOSED);
    let sidecar = start.start();
    write(&directory, "permit (");
    let record = sidecar.wait_for_log(REFUSED);
    assert_eq!(record["level"], "ERROR");
    assert!(record["fault"].as_str().unwrap().contains("next.cedar:1:"));
    is_ready(&sidecar);
    sidecar.ask(&allowed());
    let samples = looked(&sidecar, 1);
    assert_eq!(closed(&samples), 1.0);
    assert_eq!(samples.value("shadow_reload_refused", &[]), 1.0);
    assert_eq!(
        samples.value("shadow_reloads_total", &[("result", "refused")]),
        1.0
    );
    assert_eq!(samples.value("reload_refused", &[]), 0.0);
    write(
        &directory,
        &CLOSED.replace("DEMO_NO_CERTIFICATES", "MENDED"),
    );
    sidecar.wait_for_log(TAKEN);
    sidecar.ask(&allowed());
    let samples = looked(&sidecar, 2);
    assert_eq!(samples.value("shadow_reload_refused", &[]), 0.0);
    assert_eq!(
        (closed(&samples), of_result(&samples, "disagreed")),
        (1.0, 2.0)
    );
}

/// A decision is compared as what it was: one that was given by the policies before, also after
/// they have been replaced.
#[test]
fn a_change_of_the_first_policies_is_seen() {
    let start = start();
    let first = start.path("first");
    policies(&first, "");
    let (start, _) = shadow_of(start.with(&["--policies", first.to_str().unwrap()]), "");
    let sidecar = start.start();
    sidecar.ask(&allowed());
    write(&first, CLOSED);
    sidecar.wait_for_log("changed policies are in force");
    assert_eq!(sidecar.ask(&allowed())["decision"], "Deny");
    let samples = looked(&sidecar, 2);
    assert_eq!(of_result(&samples, "agreed"), 1.0);
    let shadow = ["Allow", "", "organisation/orgadmin-manages"];
    let first = ["Deny", "DEMO_NO_CERTIFICATES", "next/closed"];
    assert_eq!(disagreements(&samples, "verdict", first, shadow), 1.0);
}

/// While the two are of different schemas, and nobody has said that they should be, nothing can be
/// said of their policies.
#[test]
fn a_change_of_the_schema_is_for_both() {
    const MORE: &str =
        "action archiveOrganisation appliesTo { principal: User, resource: Organisation };";
    let shipped = std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap();
    let more = format!(
        "{}{MORE}\n}}",
        shipped.trim_end().strip_suffix('}').unwrap()
    );
    let start = start();
    let schema = start.path("peppol.cedarschema");
    std::fs::write(&schema, &more).unwrap();
    let archive = "@id(\"next/archive\") @rule(\"USR-6\") permit (
        principal is Peppol::User, action == Peppol::Action::\"archiveOrganisation\", resource);";
    let (start, directory) = shadow_of(start, archive);
    let sidecar = start.with(&["--schema", schema.to_str().unwrap()]).start();
    sidecar.ask(&allowed());
    all_are(&looked(&sidecar, 1), "agreed");
    // The shadow has a policy for what is no action any more.
    std::fs::write(&schema, &shipped).unwrap();
    until_reloaded(&sidecar, [2.0, 1.0, 1.0]);
    sidecar.ask(&allowed());
    let samples = looked(&sidecar, 2);
    assert_eq!(of_result(&samples, "unsettled"), 1.0);
    assert_eq!(samples.sum("shadow_disagreements_total"), 0.0);
    std::fs::remove_file(directory.join("next.cedar")).unwrap();
    until_reloaded(&sidecar, [2.0, 2.0, 1.0]);
    sidecar.ask(&allowed());
    assert_eq!(of_result(&looked(&sidecar, 3), "agreed"), 2.0);
}

/// Waits until the first have been taken, and the shadow's have been taken and refused, so often.
#[track_caller]
fn until_reloaded(sidecar: &Sidecar, reloads: [f64; 3]) {
    eventually(&format!("reloads are {reloads:?}"), || {
        let samples = Samples::of(sidecar);
        let found = [
            samples.value("reloads_total", &[("result", "taken")]),
            samples.value("shadow_reloads_total", &[("result", "taken")]),
            samples.value("shadow_reloads_total", &[("result", "refused")]),
        ];
        let are_equal = found == reloads;
        are_equal.then_some(()).ok_or(format!("{found:?}"))
    });
}

#[test]
fn a_hangup_has_the_shadow_look_at_its_files() {
    let (start, directory) = shadow_of(start(), "");
    // Nobody is told of a file in a directory that is linked from elsewhere.
    let link = start.path("link");
    let (old, new) = (start.path("old"), start.path("new"));
    policies(&old, "");
    policies(&new, CLOSED);
    std::fs::remove_dir_all(&directory).unwrap();
    std::os::unix::fs::symlink(&old, &directory).unwrap();
    let sidecar = start.start();
    std::os::unix::fs::symlink(&new, &link).unwrap();
    std::fs::rename(&link, &directory).unwrap();
    sidecar.signal("HUP");
    sidecar.wait_for_log(TAKEN);
    sidecar.ask(&allowed());
    assert_eq!(closed(&looked(&sidecar, 1)), 1.0);
}

#[test]
fn a_start_with_invalid_policies_fails_and_shows_why() {
    let (start, _) = shadow_of(Start::quickstart(), "permit (principal, action, nothing);");
    let (code, said) = start.fails();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("next.cedar"), "{said}");
}

#[test]
fn a_start_without_the_directory_fails() {
    let (code, said) = Start::quickstart()
        .with(&["--shadow", "no/such/directory"])
        .fails();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no/such/directory"), "{said}");
}
