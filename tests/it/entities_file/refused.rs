//! Uses that a file of entities does not have are refused before anything starts.

use super::{ENTITIES, POLICIES, SCHEMA, path};
use crate::sidecar::program;

/// Exit code and output of `serve` with these arguments.
fn serve(arguments: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = program()
        .current_dir(directory.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_file_that_does_not_fit_the_schema() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("entities.json");
    let user = r#"[{"uid": {"type": "Photos::User", "id": "u"}, "attrs": {}, "parents": []}]"#;
    for (text, word) in [(user, "attrs"), ("{}", "array"), ("[", ""), ("[]]", "")] {
        std::fs::write(&file, text).unwrap();
        let tenancy = format!("entities:{}", file.display());
        let (policies, schema) = (path(POLICIES), path(SCHEMA));
        let own = ["--policies", &policies, "--schema", &schema];
        let (code, said) = serve(&[&["--tenancy", &tenancy], &own[..]].concat());
        assert_eq!(code, Some(1), "{text}: {said}");
        assert!(said.contains(word), "{text}: {said}");
    }
    // Nor under the shipped schema.
    let tenancy = format!("entities:{}", path(ENTITIES));
    let (code, said) = serve(&["--tenancy", &tenancy]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_file_that_is_missing() {
    let (code, said) = serve(&["--tenancy", "entities:missing.json"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("missing.json"), "{said}");
    let (code, said) = serve(&["--tenancy", "entities:"]);
    assert_eq!(code, Some(64), "{said}");
}

#[test]
fn nothing_is_imported_into_a_file() {
    let tenancy = format!("entities:{}", path(ENTITIES));
    let (code, said) = serve(&["--tenancy", &tenancy, "--import", "x.ndjson"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("import"), "{said}");
}
