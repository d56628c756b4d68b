//! Documents that are wrong: which line of which file is said, and the store is
//! as it was.

use serde_json::{Value, json};

use super::{Target, fixture, lines, organisation, user};
use crate::sidecar::program;

/// Imports documents behind two good lines of a second file into a store that
/// holds something, and expects that nothing comes of it. Returns what was said.
fn refused(target: &Target, text: &str, line: usize) -> String {
    let good = target.file("good.ndjson", &lines(&[user("other", "other@x")]));
    let two = lines(&[organisation("first"), organisation("second")]);
    let bad = target.file("bad.ndjson", &(two + text));
    let before = target.rows();
    let ended = target.import(&[&good, &bad]);
    assert_eq!(ended.code, Some(1), "{text}: {ended:?}");
    assert!(
        !ended.stdout.contains("tenancyRevision"),
        "{text}: {ended:?}"
    );
    let place = format!("{}:{}: ", bad.display(), line + 2);
    assert!(
        ended.stderr.contains(&place),
        "{text}: {place} in {ended:?}"
    );
    assert_eq!(target.rows(), before, "{text}");
    ended.stderr
}

fn held() -> Target {
    let target = Target::new();
    target.import_all(&fixture());
    target
}

fn of_kind(kind: &str) -> Value {
    let document = fixture().into_iter().find(|it| it["type"] == kind);
    document.unwrap_or_else(|| panic!("no {kind}"))
}

/// Each kind, and its members that have to be there.
const KINDS: [(&str, &[&str]); 9] = [
    ("USER", &["id", "email", "emailVerified"]),
    (
        "ORGANISATION",
        &[
            "id",
            "legalIdentifierCode",
            "legalIdentifier",
            "organisationMode",
        ],
    ),
    ("MEMBERSHIP", &["userId", "organisationId", "memberRole"]),
    ("ACCESS_POINT", &["id", "environment", "organisationId"]),
    ("PARTICIPANT", &["id", "organisationId", "environment"]),
    (
        "PARTY_AUTHORIZATION",
        &["userId", "participantId", "name", "permissions"],
    ),
    ("LEGAL_ENTITY", &["id", "organisationId"]),
    (
        "SUB_ACCOUNT",
        &["id", "email", "organisationId", "legalEntityIds"],
    ),
    ("DOCUMENT", &["id", "legalEntityId", "direction"]),
];

#[test]
fn a_member_that_is_missing() {
    let target = held();
    for (kind, members) in KINDS {
        for member in members {
            let mut document = of_kind(kind);
            document.as_object_mut().unwrap().remove(*member);
            let said = refused(&target, &lines(&[document]), 1);
            assert!(
                said.contains(kind) && said.contains(&format!("`{member}`")),
                "{said}"
            );
        }
    }
    for flag in [
        "canSendDocument",
        "canReceiveDocument",
        "canRemoveDocument",
        "canManageHook",
    ] {
        let mut document = of_kind("PARTY_AUTHORIZATION");
        document["permissions"]
            .as_object_mut()
            .unwrap()
            .remove(flag);
        let said = refused(&target, &lines(&[document]), 1);
        assert!(said.contains(&format!("permissions.{flag}")), "{said}");
    }
}

#[test]
fn a_member_of_another_type() {
    let target = held();
    for (kind, members) in KINDS {
        for member in members {
            // Null is no value where one has to be.
            let nullable = (kind, *member) == ("ACCESS_POINT", "organisationId");
            for wrong in [json!(null), json!(7), json!({}), json!([[]]), json!([1])] {
                if wrong.is_null() && nullable {
                    continue;
                }
                let mut document = of_kind(kind);
                document[member] = wrong;
                let said = refused(&target, &lines(&[document]), 1);
                assert!(said.contains(kind) && said.contains(member), "{said}");
            }
        }
    }
    for (kind, member, wrong) in [
        ("USER", "emailVerified", json!("true")),
        ("USER", "superadmin", json!(1)),
        ("SUB_ACCOUNT", "fullAccess", json!("true")),
        ("ORGANISATION", "participantLimit", json!("10")),
        ("ORGANISATION", "participantLimit", json!(2.5)),
        (
            "ORGANISATION",
            "participantLimit",
            json!(9_223_372_036_854_775_808_u64),
        ),
        (
            "ORGANISATION",
            "contacts",
            json!({"contactType": "BUSINESS"}),
        ),
        ("ORGANISATION", "contacts", json!([{"name": "no type"}])),
        ("ORGANISATION", "contacts", json!([{"contactType": 1}])),
        ("SUB_ACCOUNT", "legalEntityIds", json!("le-1")),
        ("PARTY_AUTHORIZATION", "permissions", json!("all")),
    ] {
        let mut document = of_kind(kind);
        document[member] = wrong;
        let said = refused(&target, &lines(&[document]), 1);
        assert!(said.contains(kind) && said.contains(member), "{said}");
    }
    let mut document = of_kind("PARTY_AUTHORIZATION");
    document["permissions"]["canManageHook"] = json!("true");
    let said = refused(&target, &lines(&[document]), 1);
    assert!(said.contains("canManageHook"), "{said}");
}

#[test]
fn an_id_that_is_empty() {
    let target = held();
    for (kind, member) in [
        ("USER", "id"),
        ("USER", "email"),
        ("ORGANISATION", "id"),
        ("ACCESS_POINT", "id"),
        ("PARTICIPANT", "id"),
        ("LEGAL_ENTITY", "id"),
        ("SUB_ACCOUNT", "id"),
        ("DOCUMENT", "id"),
        ("MEMBERSHIP", "userId"),
    ] {
        let mut document = of_kind(kind);
        // Nor one that some databases would cut.
        for wrong in ["", "a\0b"] {
            document[member] = json!(wrong);
            let said = refused(&target, &lines(std::slice::from_ref(&document)), 1);
            assert!(said.contains(member), "{said}");
        }
    }
}

#[test]
fn a_value_outside_its_vocabulary() {
    let target = held();
    for (kind, member, known, others) in [
        (
            "ORGANISATION",
            "organisationMode",
            "WHITELABEL",
            ["demo", "SANDBOX", "SHARED "],
        ),
        (
            "ORGANISATION",
            "modeChangeRequest",
            "WHITELABEL",
            ["shared", "NONE", ""],
        ),
        (
            "MEMBERSHIP",
            "memberRole",
            "orgadmin",
            ["ORGADMIN", "owner", "apUser"],
        ),
        (
            "ACCESS_POINT",
            "environment",
            "PRODUCTION",
            ["PROD", "Test", ""],
        ),
        (
            "PARTICIPANT",
            "environment",
            "PRODUCTION",
            ["PROD", "test", " TEST"],
        ),
    ] {
        for other in others {
            let mut document = of_kind(kind);
            document[member] = json!(other);
            let said = refused(&target, &lines(&[document]), 1);
            assert!(said.contains(member) && said.contains(known), "{said}");
        }
    }
}

#[test]
fn a_kind_that_is_none() {
    let target = held();
    let good = user("x", "x@x");
    for other in [
        json!("PERSON"),
        json!("user"),
        json!("User"),
        json!(""),
        json!(1),
        Value::Null,
    ] {
        let mut document = good.clone();
        document["type"] = other;
        let said = refused(&target, &lines(&[document]), 1);
        assert!(said.contains("`type`"), "{said}");
    }
    let mut document = good;
    document.as_object_mut().unwrap().remove("type");
    refused(&target, &lines(&[document]), 1);
}

#[test]
fn text_that_is_not_json() {
    let target = held();
    let good = user("x", "x@x").to_string();
    for (text, line) in [
        ("{\"type\":\"USER\"\n".to_owned(), 1),
        (format!("{good}\n{{\"type\": }}\n{good}\n"), 2),
        (format!("{good}\n\n\n{{type: \"USER\"}}\n"), 4),
        ("null\n".to_owned(), 1),
        ("\"USER\"\n".to_owned(), 1),
        (format!("{good}\n}}\n"), 2),
        ("{\"type\":\"USER\",\"id\":\"a\nb\"}\n".to_owned(), 1),
        ("{\"type\":\"USER\",}\n".to_owned(), 1),
        ("{'type':'USER'}\n".to_owned(), 1),
        (
            format!(
                "{{\n\"a\": 1,\n\"b\": {}\n}}\n",
                "[".repeat(200) + &"]".repeat(200)
            ),
            1,
        ),
        (good.replace("\"x@x\"", "\"\\ud800\"") + "\n", 1),
        (good.replace("\"x@x\"", "NaN") + "\n", 1),
    ] {
        refused(&target, &text, line);
    }
    // Not UTF-8.
    let bad = target.path("bytes.ndjson");
    let mut bytes = good.into_bytes();
    let place = bytes.iter().position(|byte| *byte == b'@').unwrap();
    bytes[place] = 0xff;
    std::fs::write(&bad, bytes).unwrap();
    let before = target.rows();
    let ended = target.import(&[&bad]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("bytes.ndjson:1: "), "{ended:?}");
    assert_eq!(target.rows(), before);
}

#[test]
fn a_member_that_occurs_twice() {
    let target = held();
    let good = user("x", "x@x").to_string();
    let twice = good.replacen('{', "{\"superadmin\":false,", 1);
    let said = refused(&target, &(twice + "\n"), 1);
    assert!(said.contains("twice"), "{said}");
    let escaped = good.replacen('{', "{\"superadmi\\u006e\":true,", 1);
    refused(&target, &(escaped + "\n"), 1);
    let document = of_kind("PARTY_AUTHORIZATION").to_string();
    let inner = document.replace(
        "\"canManageHook\"",
        "\"canManageHook\":true,\"canManageHook\"",
    );
    assert_ne!(inner, document);
    refused(&target, &(inner + "\n"), 1);
    // Also of one that nobody asked for.
    let surplus = good.replacen('{', "{\"a\":{\"b\":1,\"b\":1},", 1);
    refused(&target, &(surplus + "\n"), 1);
}

#[test]
fn a_reference_to_something_that_is_not_there() {
    let target = held();
    for (kind, member, wrong, named) in [
        ("MEMBERSHIP", "userId", json!("ghost"), "ghost"),
        ("MEMBERSHIP", "organisationId", json!("ghost"), "ghost"),
        ("ACCESS_POINT", "organisationId", json!("ghost"), "ghost"),
        ("PARTICIPANT", "organisationId", json!("ghost"), "ghost"),
        ("PARTY_AUTHORIZATION", "userId", json!("ghost"), "ghost"),
        (
            "PARTY_AUTHORIZATION",
            "participantId",
            json!("0088:GHOST"),
            "0088:ghost",
        ),
        ("LEGAL_ENTITY", "organisationId", json!("ghost"), "ghost"),
        ("SUB_ACCOUNT", "organisationId", json!("ghost"), "ghost"),
        (
            "SUB_ACCOUNT",
            "legalEntityIds",
            json!(["le-1", "ghost"]),
            "ghost",
        ),
        ("DOCUMENT", "legalEntityId", json!("ghost"), "ghost"),
        // Ids are compared byte by byte.
        ("LEGAL_ENTITY", "organisationId", json!("ACME"), "ACME"),
        ("MEMBERSHIP", "userId", json!("anna "), "anna "),
    ] {
        let mut document = of_kind(kind);
        document[member] = wrong;
        // Behind another line, so that it is this one that is named.
        let text = lines(&[organisation("third"), document]);
        let said = refused(&target, &text, 2);
        for part in [kind, member, named] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn the_line_is_where_the_document_begins() {
    let target = Target::new();
    let mut wrong = organisation("x");
    wrong["organisationMode"] = json!("demo");
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let good = pretty(&organisation("y"));
    let text = format!("[\n{good},\n\n{}\n]", pretty(&wrong));
    let ended = target.import_text(&text);
    let line = good.lines().count() + 3;
    let place = format!("documents.ndjson:{line}: ");
    assert!(ended.stderr.contains(&place), "{place} in {ended:?}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let target = held();
    let before = target.rows();
    let good = target.file("good.ndjson", &lines(&[user("x", "x@x")]));
    let missing = target.path("missing.ndjson");
    let ended = target.import(&[&good, &missing]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("missing.ndjson"), "{ended:?}");
    let directory = target.directory.path().to_owned();
    let ended = target.import(&[&good, &directory]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(target.rows(), before);
}

#[test]
fn usage_that_is_wrong_is_64() {
    let target = Target::new();
    let good = target.file("good.ndjson", "");
    let file = good.to_str().unwrap();
    let entities = format!("entities:{}", target.file("e.json", "[]").display());
    let arguments: [&[&str]; 6] = [
        &["import"],
        &["import", "--tenancy", &target.source()],
        &["import", "--tenancy", &entities, file],
        &["import", "--tenancy", "mysql://localhost/x", file],
        &["import", "--tenancy", "tenancy.db", file],
        &["import", "--nothing", file],
    ];
    for arguments in arguments {
        let output = program()
            .current_dir(target.directory.path())
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    assert!(!target.path("tenancy.db").exists());
}

#[test]
fn a_file_that_is_missing_makes_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("new.db");
    let good = directory.path().join("good.ndjson");
    std::fs::write(&good, lines(&[organisation("first")])).unwrap();
    let mut import = program();
    import.arg("import").arg("--tenancy");
    import.arg(format!("sqlite:{}", database.display()));
    let ended = import.arg(&good).arg("none.ndjson").output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("none.ndjson"), "{said}");
    assert!(!database.exists());
}
