//! Questions as if the store had changes.

use super::*;
use crate::eventually::until;
use crate::samples::Samples;

const NEAR: &str = "/console/ask?action=getOrganisation&principal-type=Peppol::User&principal=mia\
                    &resource-type=Peppol::Organisation&resource=acme&ask=1";

/// The first target that supposes something.
fn supposing(page: &str) -> Option<String> {
    let (before, after) = page.split_once("suppose=")?;
    let (_, begin) = before.rsplit_once("href=\"")?;
    let (end, _) = after.split_once('"')?;
    Some(format!("{begin}suppose={end}").replace("&amp;", "&"))
}

fn explained() -> Start {
    local().variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all")
}

#[test]
fn a_change_of_the_store_is_tried_and_nothing_is_written() {
    let start = explained();
    let log = start.path("decisions.log");
    let to = format!("file:{}", log.display());
    let sidecar = start.with(&["--decision-log", &to]).start();
    let mut browser = Browser::at(&sidecar);
    let denied = browser.open(NEAR);
    let target = supposing(&denied.text).unwrap_or_else(|| panic!("{}", denied.text));
    let then = browser.open(&target);
    for told in [
        "As if",
        "As it is: <strong>Denied",
        "aria-hidden=\"true\">✓</span>Allowed</h2>",
        "Deciding policies",
    ] {
        assert!(then.text.contains(told), "{told}: {}", then.text);
    }
    // The form keeps the changes, and one link ends them.
    assert!(
        then.text.contains("type=\"hidden\" name=\"suppose\""),
        "{}",
        then.text
    );
    assert!(then.text.contains("Ask as it is"), "{}", then.text);
    // It was no decision: the question was asked as it is three times, and denied.
    assert!(browser.open(NEAR).text.contains("✕</span>Denied</h2>"));
    assert_eq!(Samples::of(&sidecar).sum("decisions_total"), 3.0);
    until("all are written", || {
        let lines = std::fs::read_to_string(&log).unwrap();
        lines.lines().count() == 3 && lines.matches("\"decision\":\"Deny\"").count() == 3
    });
}

#[test]
fn a_change_that_does_not_fit_the_schema_is_refused_by_its_name() {
    let sidecar = explained().start();
    let mut browser = Browser::at(&sidecar);
    for (changes, told) in [
        ("x", "a list of at most"),
        ("{}", "a list of at most"),
        ("[{}]", "an entity is wanted"),
        (
            r#"[{"of":"Peppol::Userr::\"mia\"","attribute":"superadmin","value":true}]"#,
            "Userr",
        ),
        (
            r#"[{"of":"Peppol::User::\"mia\"","attribute":"superadminn","value":true}]"#,
            "no attribute",
        ),
        (
            r#"[{"of":"Peppol::User::\"mia\"","attribute":"superadmin","value":"yes"}]"#,
            "suppose",
        ),
        (
            r#"[{"of":"Peppol::User::\"mia\"","attribute":"superadmin"}]"#,
            "never without",
        ),
        (
            r#"[{"of":"Peppol::Mode::\"DEMO\"","tag":"a","value":"x"}]"#,
            "no tags",
        ),
        (
            r#"[{"of":"Peppol::User::\"mia\"","parent":"Peppol::User::\"anna\""}]"#,
            "cannot be in",
        ),
    ] {
        let encoded: String = changes.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let page = browser.open(&format!("{NEAR}&suppose={encoded}"));
        assert!(
            page.text.contains(told) && page.text.contains("role=\"alert\""),
            "{changes}: {}",
            page.text
        );
        assert!(
            !page.text.contains("class=\"verdict"),
            "{changes}: {}",
            page.text
        );
    }
    let root = r#"[{"of":"Peppol::User::\"mia\"","attribute":"superadmin","value":true}]"#;
    let encoded: String = root.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let page = browser.open(&format!("{NEAR}&suppose={encoded}")).text;
    assert!(page.contains("class=\"verdict allow\""), "{page}");
}

/// To suppose is to read whatever a policy reads then, and so is for who may read the store.
#[test]
fn only_who_may_have_the_store_supposes_something_of_it() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut support = Browser::by_tls(&sidecar, &ours);
    support.sign_in(&key("support"));
    let page = support.open(NEAR);
    assert!(
        page.text.contains("Try it with this change") && supposing(&page.text).is_none(),
        "{}",
        page.text
    );
    let root = r#"[{"of":"Peppol::User::\"mia\"","attribute":"superadmin","value":true}]"#;
    let encoded: String = root.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let page = support.open(&format!("{NEAR}&suppose={encoded}"));
    assert!(
        page.text.contains("CALLER_NOT_ALLOWED") && !page.text.contains("verdict allow"),
        "{}",
        page.text
    );
}

/// Attributes, tags and parents, with what the parents are in.
#[test]
fn every_kind_of_change_is_supposed() {
    let schema = "entity Group in [Group];
entity User in [Group] = { nick?: String } tags String;
action named, tagged, inside appliesTo { principal: User, resource: User };";
    let policies = "@id(\"named\") permit (principal, action == Action::\"named\", resource) when { principal has nick };
@id(\"tagged\") permit (principal, action == Action::\"tagged\", resource)
when { principal.hasTag(\"k\") && principal.getTag(\"k\") == \"<script>\" };
@id(\"inside\") permit (principal, action == Action::\"inside\", resource) when { principal in Group::\"top\" };
";
    let entities = serde_json::json!([
        {"uid": {"type": "Group", "id": "top"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Group", "id": "g"}, "attrs": {}, "parents": [{"type": "Group", "id": "top"}]},
        {"uid": {"type": "User", "id": "bare"}, "attrs": {}, "parents": []},
        {"uid": {"type": "User", "id": "full"}, "attrs": {"nick": "n"}, "parents": [{"type": "Group", "id": "g"}], "tags": {"k": "<script>"}},
    ]);
    let start = Start::new().with(&["--console"]);
    let start = start.variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all");
    let sidecar = start.policies(schema, policies).entities(&entities).start();
    let mut browser = Browser::at(&sidecar);
    let bare = r#"{"type":"User","id":"bare"}"#;
    let full = r#"{"type":"User","id":"full"}"#;
    for (action, who, change, now, then) in [
        (
            "named",
            "bare",
            format!(r#"{{"of":{bare},"attribute":"nick","value":"b"}}"#),
            "Denied",
            "allow",
        ),
        (
            "named",
            "full",
            format!(r#"{{"of":{full},"attribute":"nick"}}"#),
            "Allowed",
            "deny",
        ),
        (
            "tagged",
            "bare",
            format!(r#"{{"of":{bare},"tag":"k","value":"<script>"}}"#),
            "Denied",
            "allow",
        ),
        (
            "tagged",
            "bare",
            format!(r#"{{"of":{bare},"tag":"other","value":"<script>"}}"#),
            "Denied",
            "deny",
        ),
        (
            "tagged",
            "full",
            format!(r#"{{"of":{full},"tag":"k"}}"#),
            "Allowed",
            "deny",
        ),
        (
            "inside",
            "bare",
            format!(r#"{{"of":{bare},"parent":{{"type":"Group","id":"g"}}}}"#),
            "Denied",
            "allow",
        ),
        // Of somebody else it says nothing.
        (
            "inside",
            "bare",
            format!(r#"{{"of":{full},"parent":{{"type":"Group","id":"top"}}}}"#),
            "Denied",
            "deny",
        ),
    ] {
        let changes = format!("[{change}]");
        let encoded: String = changes.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let page = browser.open(&format!(
            "/console/ask?action={action}&principal-type=User&principal={who}&resource-type=User&resource={who}&ask=1&suppose={encoded}"
        ));
        let text = &page.text;
        assert!(
            text.contains(&format!("As it is: <strong>{now}")),
            "{change}: {text}"
        );
        assert!(
            text.contains(&format!("verdict {then}\"")),
            "{change}: {text}"
        );
        assert!(!text.contains("<script>"), "{text}");
    }
}
