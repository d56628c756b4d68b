//! Names of tables and columns, of a request and of the settings: nothing in one ends its quotes.

use std::time::Duration;

use serde_json::json;

use super::dangling::{POLICIES, SCHEMA};
use super::{ROWS, documents_of_anna, max_age, planned, two_legal_entities, with};
use crate::eventually::eventually;
use crate::http::described::with_entities;
use crate::plans::table::Table;
use crate::sidecar::Start;

#[test]
fn a_column_has_whatever_name() {
    let sidecar = with_entities(&two_legal_entities()).start();
    for name in ["legal entity", "x\" OR TRUE --", "Ä'`[;", "select"] {
        let columns = json!({ "legalEntity": name });
        let wanted = with(documents_of_anna(), "columns", columns);
        let answer = planned(&sidecar, &with(wanted, "dialect", "sqlite"));
        let table = Table::of_documents(name, &ROWS);
        assert_eq!(table.found(&answer["sql"]), ["d-1", "d-4"], "{answer}");
    }
}

#[test]
fn names_of_the_settings_and_of_the_request() {
    let start = with_entities(&two_legal_entities());
    let path = start.path("columns.toml");
    std::fs::write(
        &path,
        "[\"Peppol::Document\"]\nlegalEntity = \"d.le\"\n\"$id\" = \"d.key\"\n",
    )
    .unwrap();
    let path = path.display().to_string();
    let sidecar = start
        .variable("PEPPOL_AUTHZ_PLAN__COLUMNS", &path)
        .variable("PEPPOL_AUTHZ_PLAN__DIALECT", "sqlite")
        .variable("PEPPOL_AUTHZ_PLAN__MAX_AGE", "3s")
        .start();
    let answer = planned(&sidecar, &documents_of_anna());
    assert!(max_age(&answer) <= Duration::from_secs(3), "{answer}");
    let table = Table::of_documents("le", &ROWS);
    assert_eq!(table.found(&answer["sql"]), ["d-1", "d-4"], "{answer}");
    let own = with(
        documents_of_anna(),
        "columns",
        json!({"legalEntity": "own"}),
    );
    let answer = planned(&sidecar, &own);
    let table = Table::of_documents("own", &ROWS);
    assert_eq!(table.found(&answer["sql"]), ["d-1", "d-4"], "{answer}");
}

#[test]
fn names_that_the_schema_does_not_have_are_told_at_the_start() {
    let start = with_entities(&two_legal_entities());
    let path = start.path("columns.toml");
    std::fs::write(&path, "[\"Peppol::Document\"]\nlegalEntiti = \"le\"\n").unwrap();
    let path = path.display().to_string();
    let (code, text) = start.variable("PEPPOL_AUTHZ_PLAN__COLUMNS", &path).fails();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("plan.columns") && text.contains("legalEntiti"),
        "{text}"
    );
}

/// A set that is taken while the server runs fits the names too, or is refused.
#[test]
fn names_that_a_changed_schema_does_not_have_refuse_the_change() {
    let start = Start::new()
        .policies(SCHEMA, POLICIES)
        .entities(&json!([]))
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "0s");
    let (path, schema) = (start.path("columns.toml"), start.path("test.cedarschema"));
    std::fs::write(&path, "[Document]\nfolder = \"f\"\n").unwrap();
    let path = path.display().to_string();
    let sidecar = start.variable("PEPPOL_AUTHZ_PLAN__COLUMNS", &path).start();
    let (before, after) = ("folder: Folder", "place: Folder");
    let policies = POLICIES.replace("resource.folder", "resource.place");
    std::fs::write(schema.with_file_name("policies").join("p.cedar"), policies).unwrap();
    std::fs::write(&schema, SCHEMA.replace(before, after)).unwrap();
    sidecar.signal("HUP");
    eventually("it is refused for the names", || {
        let ready = sidecar.get("/readyz").text;
        match ready.contains("`plan.columns`: `Document.folder`: `Document` has no such attribute")
        {
            true => Ok(()),
            false => Err(ready),
        }
    });
}
