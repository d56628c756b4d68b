//! Changed policies and schema are taken over while it runs: whole, or not at all.
//!
//! `layout` has the ways in which files are put in place, `kept` entities in memory, `listed` and `whole` sets that
//! are not whole, `things` what is no policy file, `entities` a file of entities, `suites` those that gate a change, `routes`
//! the route table, `traffic` the questions that are asked meanwhile.

mod bounded;
mod cost;
mod entities;
mod kept;
mod layout;
mod listed;
mod routes;
mod suites;
mod things;
mod traffic;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::connection::ALLOWED;
use crate::eventually::{eventually, until};
use crate::http::described::{ENTITIES, with_entities};
use crate::sidecar::{Sidecar, Start, project};

/// Forbids what is allowed otherwise: a change that shows.
const CLOSED: &str = r#"
@id("modes/closed")
@rule("MOD-1")
@code("DEMO_NO_CERTIFICATES")
@message("closed")
forbid (
  principal,
  action == Peppol::Action::"getOrganisation",
  resource is Peppol::Organisation
)
when { resource.mode == Peppol::Mode::"DEMO" };
"#;

/// An action that the shipped schema does not have.
const ARCHIVE: &str = r"
  action archiveOrganisation appliesTo { principal: User, resource: Organisation };
}
";

const TAKEN: &str = "changed policies are in force";
const REFUSED: &str = "changed policies are refused; those before stay in force";

fn shipped_policies(to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(project("policies")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == "rules.toml" {
            let list: toml::Table = std::fs::read_to_string(entry.path())
                .unwrap()
                .parse()
                .unwrap();
            // As `list_policies` writes it, so that what is taken back is the same text.
            std::fs::write(to.join("rules.toml"), list.to_string()).unwrap();
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn shipped_schema() -> String {
    std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap()
}

/// The shipped schema with something in place of its closing bracket.
fn schema_with(end: &str) -> String {
    let schema = shipped_schema();
    format!("{}{end}", schema.trim_end().strip_suffix('}').unwrap())
}

fn append(file: &Path, text: &str) {
    let before = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, before + text).unwrap();
    list_policies(file.parent().unwrap());
}

/// Lists the policies of a directory in its list of rules, as `check` asks for it.
pub(crate) fn list_policies(policies: &Path) {
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(policies).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let is_hidden = name.to_string_lossy().starts_with('.');
        if !is_hidden && path.extension().is_some_and(|ending| ending == "cedar") {
            let text = std::fs::read_to_string(path).unwrap();
            let policies = text.split("@id(\"").skip(1);
            for (id, rest) in policies.filter_map(|one| one.split_once('"')) {
                let rule = rest.split('"').nth(1).unwrap_or_default();
                held.entry(rule.to_owned()).or_default().push(id.to_owned());
            }
        }
    }
    let path = policies.join("rules.toml");
    let Ok(before) = std::fs::read_to_string(&path) else {
        return;
    };
    let mut rules: toml::Table = before.parse().unwrap();
    for (id, rule) in rules["rules"].as_table_mut().unwrap() {
        let rule = rule.as_table_mut().unwrap();
        if let Some(mut ids) = held.remove(id) {
            ids.sort();
            rule.insert("policies".to_owned(), ids.into());
        }
    }
    if rules != before.parse::<toml::Table>().unwrap() {
        std::fs::write(path, rules.to_string()).unwrap();
    }
}

/// As editors save: a new file, renamed over the old one.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// A sidecar with policies and a schema of its own, which learns of changes by notices alone.
fn start() -> (Sidecar, PathBuf, PathBuf) {
    start_with(Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h"))
}

fn start_with(start: Start) -> (Sidecar, PathBuf, PathBuf) {
    let (policies, schema) = (start.path("policies"), start.path("peppol.cedarschema"));
    shipped_policies(&policies);
    std::fs::write(&schema, shipped_schema()).unwrap();
    let arguments = [
        "--policies",
        policies.to_str().unwrap(),
        "--schema",
        schema.to_str().unwrap(),
    ];
    (start.with(&arguments).start(), policies, schema)
}

fn allowed() -> Value {
    serde_json::from_str(ALLOWED).unwrap()
}

/// Decision and policy revision of [`allowed`].
fn ask(sidecar: &Sidecar) -> (String, String) {
    let answer = sidecar.ask(&allowed());
    let text = |member: &str| answer[member].as_str().unwrap().to_owned();
    (text("decision"), text("policyRevision"))
}

/// Waits until a change was taken; the log, the version and an answer agree on what it was.
#[track_caller]
fn is_taken(sidecar: &Sidecar, decision: &str) -> String {
    let record = sidecar.wait_for_log(TAKEN);
    let (found, revision) = ask(sidecar);
    assert_eq!(found, decision);
    assert_eq!(record["policies"], *revision);
    assert_eq!(sidecar.get("/version").json()["policyRevision"], *revision);
    is_ready(sidecar);
    revision
}

#[track_caller]
fn is_ready(sidecar: &Sidecar) {
    let ready = sidecar.get("/readyz");
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({"ready": true, "missing": []}))
    );
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_reload_refused 0\n"),
        "{metrics}"
    );
}

/// Waits until a change was refused, and returns why; nothing else has changed.
#[track_caller]
fn is_refused(sidecar: &Sidecar, before: &(String, String)) -> String {
    let record = sidecar.wait_for_log(REFUSED);
    assert_eq!(record["level"], "ERROR");
    let fault = record["fault"].as_str().unwrap().to_owned();
    // The log comes before the readiness.
    until(
        "it is ready, and says why it is not what it should be",
        || {
            let ready = sidecar.get("/readyz");
            let json = ready.json();
            let warning = json["warnings"][0].as_str().unwrap_or_default();
            let is_said = warning.starts_with("policies: the last change was refused");
            ready.status == 200 && is_said && warning.contains(&fault)
        },
    );
    assert_eq!(ask(sidecar), *before);
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("\npeppol_authz_reload_refused 1\n"),
        "{metrics}"
    );
    fault
}

#[test]
fn a_policy_file_that_is_changed_in_place_is_taken() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    assert_eq!(before.0, "Allow");
    append(&policies.join("modes.cedar"), CLOSED);
    let revision = is_taken(&sidecar, "Deny");
    assert_ne!(revision, before.1);
    let answer = sidecar.ask(&allowed());
    assert_eq!(answer["reasons"][0]["policy"], "modes/closed");
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("peppol_authz_reloads_total{result=\"taken\"} 2\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains(&format!(
            "peppol_authz_policies{{revision=\"{revision}\"}} 1\n"
        )),
        "{metrics}"
    );
    assert!(!metrics.contains(&before.1), "{metrics}");
}

#[test]
fn a_policy_file_that_is_replaced_by_a_rename_is_taken_again_and_again() {
    let (sidecar, policies, _) = start();
    let file = policies.join("modes.cedar");
    let shipped = std::fs::read_to_string(&file).unwrap();
    let before = ask(&sidecar);
    for _ in 0..2 {
        replace(&file, &format!("{shipped}{CLOSED}"));
        list_policies(&policies);
        is_taken(&sidecar, "Deny");
        replace(&file, &shipped);
        list_policies(&policies);
        // The same texts have the same revision.
        assert_eq!(is_taken(&sidecar, "Allow"), before.1);
    }
}

#[test]
fn a_policy_file_that_is_added_or_removed_is_taken() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    let added = policies.join("closed.cedar");
    std::fs::write(&added, CLOSED.replace("modes/closed", "closed/closed")).unwrap();
    list_policies(&policies);
    is_taken(&sidecar, "Deny");
    std::fs::remove_file(&added).unwrap();
    list_policies(&policies);
    assert_eq!(is_taken(&sidecar, "Allow"), before.1);
}

#[test]
fn a_schema_file_that_is_changed_is_taken() {
    let (sidecar, _, schema) = start();
    let mut archive = allowed();
    archive["action"] = "Peppol::Action::\"archiveOrganisation\"".into();
    let reply = sidecar.post("/v1/is_authorized", &archive);
    assert_eq!(reply.json()["code"], "UNKNOWN_ACTION");
    std::fs::write(&schema, schema_with(ARCHIVE)).unwrap();
    is_taken(&sidecar, "Allow");
    assert_eq!(sidecar.ask(&archive)["reasons"][0]["code"], "NOT_PERMITTED");
    replace(&schema, &shipped_schema());
    is_taken(&sidecar, "Allow");
    assert_eq!(sidecar.post("/v1/is_authorized", &archive).status, 400);
}

#[test]
fn what_is_broken_is_refused_until_it_is_repaired() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    let file = policies.join("modes.cedar");
    let shipped = std::fs::read_to_string(&file).unwrap();
    for (broken, place, part) in [
        ("permit (".to_owned(), "modes.cedar:1:", ""),
        (
            format!("{CLOSED}{CLOSED}"),
            "modes.cedar:",
            "`modes/closed` is taken",
        ),
        (
            CLOSED.replace("resource.mode", "resource.moed"),
            "modes.cedar:",
            "moed",
        ),
        (
            CLOSED.replace("\"DEMO\"", "\"DEMOS\""),
            "modes.cedar:",
            "DEMOS",
        ),
        (
            CLOSED.replace("when { ", "when { false && "),
            "modes.cedar:",
            "",
        ),
    ] {
        replace(&file, &broken);
        let fault = is_refused(&sidecar, &before);
        assert!(fault.contains(place) && fault.contains(part), "{fault}");
        replace(&file, &shipped);
        assert_eq!(is_taken(&sidecar, "Allow"), before.1);
    }
    let metrics = sidecar.get("/metrics").text;
    assert!(
        metrics.contains("peppol_authz_reloads_total{result=\"refused\"} 5\n"),
        "{metrics}"
    );
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    std::fs::write(policies.join("noise.cedar"), b"\xff\xfe\x00").unwrap();
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("noise.cedar"), "{fault}");
    std::fs::remove_file(policies.join("noise.cedar")).unwrap();
    is_taken(&sidecar, "Allow");
}

#[test]
fn a_schema_that_is_broken_is_refused() {
    let (sidecar, _, schema) = start();
    let before = ask(&sidecar);
    replace(&schema, "namespace Peppol {");
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("peppol.cedarschema:"), "{fault}");
    replace(&schema, &shipped_schema());
    is_taken(&sidecar, "Allow");
    // One that is none for these policies.
    let other = "entity A; action a appliesTo { principal: A, resource: A };";
    replace(&schema, other);
    is_refused(&sidecar, &before);
    replace(&schema, &shipped_schema());
    is_taken(&sidecar, "Allow");
}

#[test]
fn a_schema_that_the_store_has_no_columns_for_is_refused() {
    let (sidecar, _, schema) = start();
    let before = ask(&sidecar);
    let nickname = "entity User = {\n    nickname: String,";
    replace(
        &schema,
        &shipped_schema().replace("entity User = {", nickname),
    );
    let fault = is_refused(&sidecar, &before);
    assert!(
        fault.contains("`Peppol::User` has no column `nickname`"),
        "{fault}"
    );
    replace(&schema, &shipped_schema());
    assert_eq!(is_taken(&sidecar, "Allow"), before.1);
}

#[test]
fn a_schema_without_what_names_who_asks_is_refused() {
    let header = "[[gateway.header]]\nendpoint = \"nginx\"\nname = \"X-User\"\nfrom = [\"unix\"]";
    let token = "[jwt]\njwks = \"/nowhere/jwks.json\"\nissuer = \"i\"\naudience = \"a\"\n\
                 [[jwt.principal]]\nclaim = \"email\"";
    // No policy reads it.
    let without = shipped_schema().replacen(
        "entity SubAccount = {\n    email: EmailAddress,\n",
        "entity SubAccount = {\n",
        1,
    );
    assert_ne!(without, shipped_schema());
    for (setting, rest) in [("gateway.header", header), ("jwt.principal", token)] {
        let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h");
        let config = start.path("config.toml");
        let text = format!("{rest}\ntype = \"SubAccount\"\nattribute = \"email\"\n");
        std::fs::write(&config, text).unwrap();
        let start = start.with(&["--config", config.to_str().unwrap()]);
        let (sidecar, _, schema) = start_with(start);
        let before = ask(&sidecar);
        replace(&schema, &without);
        assert_eq!(
            sidecar.wait_for_log(REFUSED)["fault"],
            format!("`{setting}`: a `Peppol::SubAccount` has no attribute `email`")
        );
        assert_eq!(ask(&sidecar), before);
    }
    // Where nobody is named by it, it is taken.
    let (sidecar, _, schema) = start();
    replace(&schema, &without);
    is_taken(&sidecar, "Allow");
}

#[test]
fn a_schema_that_the_entities_of_a_file_do_not_fit_is_refused() {
    let (sidecar, _, schema) = start_with(with_entities(ENTITIES));
    let before = ask(&sidecar);
    let nickname = "entity User = {\n    nickname: String,";
    replace(
        &schema,
        &shipped_schema().replace("entity User = {", nickname),
    );
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("nickname"), "{fault}");
    replace(&schema, &schema_with(ARCHIVE));
    is_taken(&sidecar, &before.0);
}

#[test]
fn a_refusal_makes_it_unready_where_that_is_the_setting() {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__REFUSED_IS_UNREADY", "true");
    let (sidecar, policies, _) = start_with(start);
    std::fs::write(policies.join("closed.cedar"), "permit (").unwrap();
    sidecar.wait_for_log(REFUSED);
    let shown = eventually("it is not ready", || {
        let ready = sidecar.get("/readyz");
        match ready.status {
            503 => Ok(ready.json()),
            _ => Err(ready.text),
        }
    });
    assert_eq!(shown["ready"], false);
    let missing = shown["missing"][0].as_str().unwrap();
    assert!(missing.contains("closed.cedar:1:"), "{missing}");
    std::fs::remove_file(policies.join("closed.cedar")).unwrap();
    is_taken(&sidecar, "Allow");
}

#[test]
fn what_editors_leave_beside_a_file_changes_nothing() {
    let (sidecar, policies, _) = start();
    std::fs::write(policies.join("modes.cedar~"), "permit (").unwrap();
    std::fs::write(policies.join(".modes.cedar.swp"), b"\xff\0").unwrap();
    std::fs::write(policies.join("4913"), "").unwrap();
    std::fs::create_dir(policies.join("drafts")).unwrap();
    std::fs::write(policies.join("drafts/draft.txt"), "permit (").unwrap();
    // Emacs marks a file that is being edited by a link that leads nowhere.
    std::os::unix::fs::symlink("someone@host.1234", policies.join(".#modes.cedar")).unwrap();
    append(&policies.join("modes.cedar"), CLOSED);
    is_taken(&sidecar, "Deny");
}
