//! Layouts of policy files: mounts of Kubernetes, links to directories, and no notice at all.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{
    ARCHIVE, CLOSED, append, ask, is_refused, is_taken, schema_with, shipped_policies,
    shipped_schema, start_with,
};
use crate::sidecar::{Sidecar, Start};

const NOTICES_ONLY: &str = "1h";
const POLLED: &str = "50ms";

/// Makes a link lead elsewhere in one step.
pub(super) fn relink(link: &Path, target: &str) {
    let new = link.parent().unwrap().join("..data_tmp");
    symlink(target, &new).unwrap();
    std::fs::rename(new, link).unwrap();
}

/// A volume as Kubernetes mounts a ConfigMap: its files are links through `..data`, which leads to
/// the directory of one version.
pub(super) fn mount(volume: &Path, version: &str) {
    for entry in std::fs::read_dir(volume.join(version)).unwrap() {
        let name = entry.unwrap().file_name();
        symlink(Path::new("..data").join(&name), volume.join(&name)).unwrap();
    }
    symlink(version, volume.join("..data")).unwrap();
}

/// Policies and schema of one version.
fn version(volume: &Path, name: &str, schema: &str) {
    shipped_policies(&volume.join(name));
    std::fs::write(volume.join(name).join("peppol.cedarschema"), schema).unwrap();
}

/// Over a link to a directory, `current`, beside which are others.
fn over_link(poll_interval: &str) -> Sidecar {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", poll_interval);
    shipped_policies(&start.path("open"));
    shipped_policies(&start.path("closed"));
    append(&start.path("closed/modes.cedar"), CLOSED);
    std::fs::create_dir(start.path("empty")).unwrap();
    symlink("open", start.path("current")).unwrap();
    let policies = start.path("current").display().to_string();
    start.with(&["--policies", &policies]).start()
}

#[test]
fn a_config_map_that_is_swapped_is_taken_whole() {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", NOTICES_ONLY);
    let volume = start.path("volume");
    version(&volume, "..2026_11_21_1", &shipped_schema());
    version(&volume, "..2026_11_21_2", &schema_with(ARCHIVE));
    // Valid only with the other schema: half of the change would be refused.
    let archive = CLOSED.replace("\"getOrganisation\"", "\"archiveOrganisation\"");
    append(
        &volume.join("..2026_11_21_2/modes.cedar"),
        &format!(
            "{CLOSED}{}",
            archive.replace("modes/closed", "modes/archive")
        ),
    );
    mount(&volume, "..2026_11_21_1");
    let schema = volume.join("peppol.cedarschema").display().to_string();
    let volume = volume.display().to_string();
    let sidecar = start
        .with(&["--policies", &volume, "--schema", &schema])
        .start();
    let before = ask(&sidecar);
    assert_eq!(before.0, "Allow");
    relink(&Path::new(&volume).join("..data"), "..2026_11_21_2");
    is_taken(&sidecar, "Deny");
    let metrics = sidecar.get("/metrics").text;
    assert!(!metrics.contains("result=\"refused\""), "{metrics}");
    relink(&Path::new(&volume).join("..data"), "..2026_11_21_1");
    assert_eq!(is_taken(&sidecar, "Allow"), before.1);
    // A version that is not there any more.
    relink(&Path::new(&volume).join("..data"), "..2026_11_21_3");
    is_refused(&sidecar, &before);
}

#[test]
fn a_link_to_a_directory_that_leads_elsewhere_is_noticed_without_notices() {
    let sidecar = over_link(POLLED);
    let before = ask(&sidecar);
    relink(&sidecar.path("current"), "closed");
    is_taken(&sidecar, "Deny");
    relink(&sidecar.path("current"), "open");
    assert_eq!(is_taken(&sidecar, "Allow"), before.1);
}

#[test]
fn an_emptied_directory_is_refused() {
    let sidecar = over_link(POLLED);
    let before = ask(&sidecar);
    relink(&sidecar.path("current"), "empty");
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("there are no policies"), "{fault}");
    relink(&sidecar.path("current"), "open");
    assert_eq!(is_taken(&sidecar, "Allow"), before.1);
}

#[test]
fn a_directory_that_is_gone_is_refused_until_it_is_back() {
    let sidecar = over_link(POLLED);
    let before = ask(&sidecar);
    std::fs::rename(sidecar.path("open"), sidecar.path("away")).unwrap();
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("current"), "{fault}");
    append(&sidecar.path("away/modes.cedar"), CLOSED);
    std::fs::rename(sidecar.path("away"), sidecar.path("open")).unwrap();
    is_taken(&sidecar, "Deny");
    // The path is now another directory than the one that was watched.
    let shipped = std::fs::read_to_string(sidecar.path("closed/organisation.cedar")).unwrap();
    let without = shipped.replace("\"getOrganisation\"", "\"updateOrganisation\"");
    std::fs::write(sidecar.path("open/organisation.cedar"), without).unwrap();
    is_taken(&sidecar, "Deny");
}

#[test]
fn a_hangup_makes_it_look_at_once() {
    let sidecar = over_link(NOTICES_ONLY);
    let before = ask(&sidecar);
    // No notice comes, as the directory itself has not changed.
    relink(&sidecar.path("current"), "closed");
    assert_eq!(ask(&sidecar), before);
    sidecar.signal("HUP");
    is_taken(&sidecar, "Deny");
    // Nothing has changed since: nothing happens.
    sidecar.signal("HUP");
    relink(&sidecar.path("current"), "empty");
    sidecar.signal("HUP");
    let before = ask(&sidecar);
    is_refused(&sidecar, &before);
}

/// Without a watch nothing else does.
#[test]
fn a_hangup_reloads_where_nothing_is_watched() {
    let start = Start::quickstart()
        .variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false")
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "10ms");
    let (sidecar, policies, _) = start_with(start);
    let before = ask(&sidecar);
    std::fs::write(policies.join("closed.cedar"), "permit (").unwrap();
    sidecar.signal("HUP");
    is_refused(&sidecar, &before);
    std::fs::remove_file(policies.join("closed.cedar")).unwrap();
    sidecar.signal("HUP");
    is_taken(&sidecar, &before.0);
}

#[test]
fn a_hangup_does_not_end_it_where_there_is_nothing_to_look_at() {
    let start = Start::quickstart();
    let unwatched = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__WATCH", "false");
    let policies = unwatched.path("policies");
    shipped_policies(&policies);
    for start in [
        start,
        unwatched.with(&["--policies", policies.to_str().unwrap()]),
    ] {
        let mut sidecar = start.start();
        sidecar.signal("HUP");
        // Signals are delivered in the order of their numbers, and HUP is the first.
        sidecar.stop();
    }
}
