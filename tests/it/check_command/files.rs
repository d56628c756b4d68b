//! A byte order mark and lines that end as on Windows are no part of what a file says.

use serde_json::{Value, json};

use super::json;
use crate::author::{Author, POLICIES, RULES, SCHEMA};
use crate::sidecar::program;

const MARK: &str = "\u{feff}";

/// The ways in which an editor may write a text.
fn spellings(text: &str) -> [String; 3] {
    let windows = text.replace('\n', "\r\n");
    [format!("{MARK}{text}"), format!("{MARK}{windows}"), windows]
}

#[test]
fn policies_schema_and_rules_mean_the_same() {
    for file in [POLICIES, SCHEMA, RULES] {
        let author = Author::new();
        // A string may have several lines.
        author.edit(
            SCHEMA,
            "entity User",
            "@doc(\"in two\nlines\")\nentity User",
        );
        for text in spellings(&author.read(file)) {
            let author = Author::new();
            author.write(file, &text);
            let ended = author.run(&["check", "--json"]);
            assert_eq!(ended.code, Some(0), "{file}: {ended:?}");
            assert_eq!(ended.stdout, "", "{file}: {ended:?}");
            // There is nothing to format, so that the file stays as it is.
            assert_eq!(author.run(&["check", "--fix"]).code, Some(0));
            assert_eq!(author.read(file), text);
        }
    }
}

#[test]
fn a_fault_is_where_it_is() {
    let plain = Author::new();
    plain.edit(POLICIES, "principal.active", "principal.awake");
    let wanted = json(&plain.run(&["check", "--json"]));
    for text in spellings(&plain.read(POLICIES)) {
        let author = Author::new();
        author.write(POLICIES, &text);
        let found = json(&author.run(&["check", "--json"]));
        let place = |faults: &[Value]| -> Vec<Value> {
            let parts = ["file", "line", "column", "endLine", "endColumn", "message"];
            faults
                .iter()
                .map(|fault| json!(parts.map(|part| &fault[part])))
                .collect()
        };
        assert_eq!(place(&found), place(&wanted));
    }
}

#[test]
fn what_is_to_be_formatted_keeps_the_ends_of_its_lines() {
    let tidy = Author::new().read(POLICIES);
    let untidy = tidy.replace(
        "unless { principal.active };",
        "unless   {principal.active };",
    );
    let author = Author::new();
    author.write(POLICIES, &untidy.replace('\n', "\r\n"));
    let ended = author.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(json(&ended)[0]["line"], 25);
    assert_eq!(author.run(&["check", "--fix"]).code, Some(0));
    assert_eq!(author.read(POLICIES), tidy.replace('\n', "\r\n"));
}

#[test]
fn a_manifest_lists_the_file_as_it_is() {
    for text in spellings(&Author::new().read(POLICIES)) {
        let author = Author::new();
        author.write(POLICIES, &text);
        let sums = std::process::Command::new("sha256sum")
            .args(["desk.cedar", "rules.toml"])
            .current_dir(author.path("policies"))
            .output()
            .unwrap();
        author.write(
            "policies/policies.sha256",
            &String::from_utf8(sums.stdout).unwrap(),
        );
        let ended = author.run(&["check"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        author.write(POLICIES, &(text + "\n"));
        assert_eq!(author.run(&["check"]).code, Some(3));
    }
}

#[test]
fn a_text_of_another_encoding_is_said_to_be_one() {
    let author = Author::new();
    let text = author.read(POLICIES);
    let words: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(author.path(POLICIES), [&[0xff, 0xfe][..], &words].concat()).unwrap();
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("UTF-16"), "{ended:?}");
}

/// A table of routes, settings, entities, documents and a question.
#[test]
fn all_other_files_mean_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let entities = "[\n{\"uid\": {\"type\": \"User\", \"id\": \"ann\"}, \"parents\": [],\n\
                    \"attrs\": {\"active\": true, \"name\": \"Ann\"}},\n\
                    {\"uid\": {\"type\": \"Desk\", \"id\": \"red\"}, \"parents\": [],\n\
                    \"attrs\": {\"owner\": \"ann\", \"key\": \"red\"}}\n]\n";
    let question = "{\n\"principal\": \"User::\\\"ann\\\"\", \"action\": \"Action::\\\"open\\\"\",\n\
                    \"resource\": \"Desk::\\\"red\\\"\"}\n";
    let routes = "[[route]]\nrequest = \"GET /desks/{desk}\"\n\n[[route.ask]]\naction = \"open\"\n\
                  resource = { Desk = \"{path.desk}\" }\n";
    let author = Author::new();
    for i in 0..3 {
        let of = |text: &str| spellings(text)[i].clone();
        let tenancy = format!("entities:{}", write("e.json", &of(entities)));
        let config = write(
            "c.toml",
            &of(&format!("tenancy = \"{tenancy}\"\n[server]\nworkers = 1\n")),
        );
        let question = write("q.json", &of(question));
        author.write("schema/routes.toml", &of(routes));
        let ended = author.run(&["authorize", "--config", &config, &question]);
        assert_eq!(ended.code, Some(0), "{i}: {ended:?}");
        let ended = author.run(&["route", "GET", "/desks/red"]);
        assert_eq!(ended.code, Some(0), "{i}: {ended:?}");
        let documents = "{\"type\":\"USER\",\"id\":\"u\",\"email\":\"u@x\",\n\
                         \"emailVerified\":true,\"superadmin\":false}\n";
        let documents = write("d.ndjson", &of(documents));
        let database = format!(
            "sqlite:{}",
            directory.path().join(format!("{i}.db")).display()
        );
        let imported = program()
            .args(["import", "--strict", "--tenancy", &database, &documents])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&imported.stdout).into_owned();
        assert!(said.starts_with("imported 1 document\n"), "{imported:?}");
    }
}

#[test]
fn what_may_be_policies_and_cannot_be_read_is_named() {
    let json = r#"{"staticPolicies": {"a": {}}}"#;
    let author = Author::new();
    author.write("policies/more.cedar.json", json);
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("more.cedar.json"), "{ended:?}");
    let author = Author::new();
    author.write("set/policies.json", json);
    let ended = author.run(&["check", "--policies", "set"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let said = &ended.stderr;
    assert!(said.contains("`set/policies.json`"), "{said}");
    assert!(said.contains("missing field `effect`"), "{said}");
    let ended = author.run(&["check", "--policies", "set/policies.json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("policies.json"), "{ended:?}");
}
