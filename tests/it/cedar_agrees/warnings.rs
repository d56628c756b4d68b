//! A warning of Cedar's refuses a set, unless a setting says otherwise.

use crate::author::{Author, POLICIES};
use crate::sidecar::Start;

/// The policies of an author, with one more.
fn with(policy: &str) -> Author {
    let author = Author::new();
    author.edit(
        POLICIES,
        "@id(\"desk/not-barred\")",
        &format!("{policy}\n\n@id(\"desk/not-barred\")"),
    );
    author
}

fn forbid(condition: &str) -> String {
    format!(
        "@id(\"desk/more\")\n@rule(\"DSK-3\")\n@code(\"BARRED\")\n@message(\"no\")\n\
         forbid (principal, action, resource)\nwhen {{ {condition} }};"
    )
}

#[test]
fn a_warning_refuses_a_set_unless_it_is_to_be_logged() {
    for (condition, kind, other) in [
        (
            "principal.name == \"Ольга-admin\"",
            "mixed_script",
            "impossible",
        ),
        ("resource is User", "impossible", "mixed_script"),
    ] {
        let author = with(&forbid(condition));
        let refused = author.run(&["check"]);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains("for this warning"), "{refused:?}");
        let setting = format!("`policy_warnings.{kind}`");
        assert!(refused.stderr.contains(&setting), "{refused:?}");
        for kinds in [
            "log",
            &format!("{kind}=log"),
            &format!("{kind}=log,{other}=deny"),
        ] {
            let taken = author.run(&["check", "--policy-warnings", kinds]);
            // Other faults, as a list of rules that is not complete, stay what they are.
            assert!(!taken.stderr.contains("for this warning"), "{taken:?}");
        }
        let refused = author.run(&["check", "--policy-warnings", &format!("{other}=log")]);
        assert!(refused.stderr.contains("for this warning"), "{refused:?}");
    }
    let author = with(&forbid("principal.name == \"a\u{202e}b\""));
    for arguments in [&["check"][..], &["check", "--policy-warnings", "log"]] {
        let refused = author.run(arguments);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains("always refused"), "{refused:?}");
    }
    for (fate, says) in [
        ("no", "expected `deny`, `log` or kinds"),
        ("imposible=log", "did you mean `impossible`?"),
        ("bidi=log", "always refused"),
    ] {
        let wrong = author.run(&["check", "--policy-warnings", fate]);
        assert_eq!(wrong.code, Some(64), "{wrong:?}");
        assert!(wrong.stderr.contains(says), "{wrong:?}");
    }
}

const SCHEMA: &str = "
entity User = { name: String };
action see appliesTo { principal: User, resource: User };
";

const POLICY: &str = r#"
@id("p/see") permit (principal, action, resource) when { principal.name == "株式会社ABC" };
@id("p/off") forbid (principal, action, resource) when { false };
"#;

const ENTITIES: &str =
    r#"[{"uid": {"type": "User", "id": "u"}, "attrs": {"name": "株式会社ABC"}, "parents": []}]"#;

fn start() -> Start {
    let entities = serde_json::from_str(ENTITIES).unwrap();
    Start::new().policies(SCHEMA, POLICY).entities(&entities)
}

#[test]
fn a_sidecar_takes_such_a_set_where_it_is_told_to() {
    let (code, said) = start().fails();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("policy_warnings.mixed_script"), "{said}");
    let sidecar = start()
        .variable("PEPPOL_AUTHZ_POLICY_WARNINGS", "mixed_script=log")
        .start();
    let asked =
        r#"{"principal": "User::\"u\"", "action": "Action::\"see\"", "resource": "User::\"u\""}"#;
    let reply = sidecar.send("/v1/is_authorized", &[], asked.as_bytes());
    assert_eq!(reply.json()["decision"], "Allow", "{}", reply.text);
    let mut sidecar = sidecar;
    let log = sidecar.stop();
    let warned: Vec<String> = log
        .iter()
        .filter_map(|record| record["message"].as_str())
        .filter(|message| message.starts_with("taken with a warning"))
        .map(str::to_owned)
        .collect();
    assert_eq!(warned.len(), 2, "{warned:?}");
    assert!(
        warned
            .iter()
            .any(|text| text.contains("`p/off` is switched off")),
        "{warned:?}"
    );
}
