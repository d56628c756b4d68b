//! A shadow whose policies are written for another schema.

use std::path::PathBuf;

use serde_json::json;

use super::{CLOSED, WIDER, all_are, allowed, denied, disagreements, looked, of_result, policies};
use crate::sidecar::{Sidecar, Start, project};

/// An attribute that no table has, of a type that the store does not serve.
const MORE: &str = r"
  entity Badge = { colour: String };
  action readBadge appliesTo { principal: User, resource: Badge };
}
";

fn shipped() -> String {
    std::fs::read_to_string(project("schema/peppol.cedarschema")).unwrap()
}

fn with_more() -> String {
    format!("{}{MORE}", shipped().trim_end().strip_suffix('}').unwrap())
}

fn start(start: Start, schema: &str, more: &str) -> Sidecar {
    let (directory, path): (PathBuf, PathBuf) =
        (start.path("shadow"), start.path("next.cedarschema"));
    policies(&directory, more);
    std::fs::write(&path, schema).unwrap();
    start
        .with(&["--shadow", directory.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_SHADOW__SCHEMA", path.to_str().unwrap())
        .start()
}

#[test]
fn another_schema_reads_the_same_questions() {
    for (more, agreed) in [("", 3.0), (CLOSED, 1.0), (WIDER, 3.0)] {
        let sidecar = start(Start::quickstart(), &with_more(), more);
        let mut change = allowed();
        change["action"] = "Peppol::Action::\"requestModeChange\"".into();
        change["context"] = json!({"requestedMode": "SHARED"});
        for question in [allowed(), denied(), change] {
            sidecar.ask(&question);
        }
        let samples = looked(&sidecar, 3);
        assert_eq!(of_result(&samples, "agreed"), agreed, "{more}");
        assert_eq!(of_result(&samples, "disagreed"), 3.0 - agreed, "{more}");
    }
}

/// To the shadow there is no such action, or it takes another context.
#[test]
fn what_its_schema_does_not_take_is_a_disagreement_of_its_own_kind() {
    let text = shipped();
    let renamed = text.replace("getOrganisation", "readOrganisation");
    assert_ne!(renamed, text);
    let sidecar = start_renamed(&renamed);
    for _ in 0..2 {
        assert_eq!(sidecar.ask(&allowed())["decision"], "Allow");
    }
    let samples = looked(&sidecar, 2);
    all_are(&samples, "malformed");
    let first = ["Allow", "", "organisation/orgadmin-manages"];
    assert_eq!(
        disagreements(&samples, "malformed", first, ["None", "", ""]),
        2.0
    );
}

fn start_renamed(schema: &str) -> Sidecar {
    let start = Start::quickstart();
    let directory = start.path("shadow");
    policies(&directory, "");
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace("getOrganisation", "readOrganisation")).unwrap();
    }
    let path = start.path("next.cedarschema");
    std::fs::write(&path, schema).unwrap();
    start
        .with(&["--shadow", directory.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_SHADOW__SCHEMA", path.to_str().unwrap())
        .start()
}

/// Entities that a caller describes are a part of the question, for the shadow too.
#[test]
fn described_entities_belong_to_the_question() {
    let first = Start::quickstart();
    let (schema, directory) = (first.path("first.cedarschema"), first.path("first"));
    let badges = "@id(\"badges/red\") @rule(\"USR-3\")
        permit (principal is Peppol::User, action == Peppol::Action::\"readBadge\", resource is Peppol::Badge)
        when { resource.colour == \"red\" };";
    policies(&directory, badges);
    std::fs::write(&schema, with_more()).unwrap();
    let first = first
        .with(&["--schema", schema.to_str().unwrap()])
        .with(&["--policies", directory.to_str().unwrap()]);
    // Another text of the same schema, so that the question is read anew.
    let sidecar = start(first, &format!("// Again.\n{}", with_more()), badges);
    for (colour, decision) in [("red", "Allow"), ("blue", "Deny")] {
        let badge = json!({"type": "Peppol::Badge", "id": "b"});
        let answer = sidecar.ask(&json!({
            "principal": "Peppol::User::\"anna\"",
            "action": "Peppol::Action::\"readBadge\"",
            "resource": badge,
            "entities": [{"uid": badge, "attrs": {"colour": colour}, "parents": []}],
        }));
        assert_eq!(answer["decision"], decision);
    }
    all_are(&looked(&sidecar, 2), "agreed");
}
