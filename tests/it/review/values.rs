//! The values behind rights.

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::{Explanation, Right, Session};
use serde_json::{Value, json};

use super::{Reviewed, membership, organisation, user};

/// A review looks for values once for many rights; one right alone has to have the same.
pub(super) async fn are_those_of_the_explanation(
    bundle: &Bundle,
    session: &Session,
    right: &Right,
) {
    let question = json!({
        "principal": right.principal.to_string(),
        "action": right.action.to_string(),
        "resource": right.resource.to_string(),
        "context": right.context,
    });
    let (question, options) = session.question(&question, 0).unwrap();
    let decision = session.decide(&question, &options.demand).await.unwrap();
    let explained = Explanation::of(bundle, &question, &decision).unwrap();
    assert_eq!(explained.policies.len(), right.values.len(), "{right:?}");
    for (explained, values) in explained.policies.iter().zip(right.values.iter()) {
        assert_eq!(explained.info.id, values.policy, "{right:?}");
        assert_eq!(explained.values, values.read, "{right:?}");
        assert!(!values.cut);
    }
}

fn values<'a>(review: &'a Value, principal: &str, action: &str, expression: &str) -> &'a str {
    let principal = format!("Peppol::User::\"{principal}\"");
    let action = format!("Peppol::Action::\"{action}\"");
    let mut rights = review["rights"].as_array().unwrap().iter();
    let right = rights.find(|it| it["principal"] == principal && it["action"] == action);
    let right = right.unwrap_or_else(|| panic!("{principal} {action}: {review}"));
    let mut values = right["values"].as_array().unwrap().iter();
    let value = values.find(|it| it["expression"] == expression);
    value.unwrap_or_else(|| panic!("{right}"))["value"]
        .as_str()
        .unwrap()
}

#[test]
fn each_right_says_by_which_values_it_is_given() {
    let mut documents = vec![organisation("acme", "SHARED")];
    for (name, role) in [
        ("anna", "orgadmin"),
        ("bob", "orgmember"),
        ("cleo", "orgadmin"),
        ("dan", "orgmember"),
    ] {
        documents.extend([user(name, false), membership(name, "acme", role)]);
    }
    let reviewed = Reviewed::of(&documents);
    let review = reviewed.json(&["--organisation", "acme"]);
    let roles = "principal.getTag(resource.id)";
    for (name, role) in [
        ("anna", "orgadmin"),
        ("bob", "orgmember"),
        ("cleo", "orgadmin"),
        ("dan", "orgmember"),
    ] {
        let read = values(&review, name, "listParticipants", roles);
        assert_eq!(read, format!("[Peppol::MemberRole::\"{role}\"]"), "{name}");
    }
    let table = reviewed.run(&["--organisation", "acme"]).stdout;
    let told = "principal.getTag(resource.id) = [Peppol::MemberRole::\"\"orgadmin\"\"]";
    assert!(table.contains(told), "{table}");
    let page = reviewed.run(&["--organisation", "acme", "--format", "html"]);
    let told = "<code>principal.getTag(resource.id) = [Peppol::<wbr>MemberRole::<wbr>&quot;orgadmin&quot;]</code>";
    assert!(page.stdout.contains(told), "{page:?}");
}

#[test]
fn the_digest_is_of_the_values_too() {
    let reviewed = Reviewed::of(&[
        user("anna", false),
        organisation("acme", "SHARED"),
        membership("anna", "acme", "orgadmin"),
    ]);
    let before = reviewed.json(&["--organisation", "acme"]);
    let again = reviewed.json(&["--organisation", "acme"]);
    assert_eq!(before["digest"], again["digest"]);
    // A second role that gives nothing more: other values, the same rights.
    reviewed.import(&[membership("anna", "acme", "orgmember")]);
    let after = reviewed.json(&["--organisation", "acme"]);
    assert_eq!(before["count"], after["count"]);
    assert_ne!(before["digest"], after["digest"]);
}
