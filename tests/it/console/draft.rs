//! Drafts of policies, which are compared and never put in force.

use super::*;

/// The mark of the form that is sent, and the text in it.
fn form(page: &Reply) -> (String, String) {
    let (_, form) = page
        .text
        .split_once("method=\"post\" action=\"/console/policies/draft\"")
        .unwrap();
    let (_, rest) = form.split_once("name=\"form\" value=\"").unwrap();
    let mark = rest.split_once('"').unwrap().0.to_owned();
    let (_, rest) = form.split_once("<textarea").unwrap();
    let (_, text) = rest.split_once('>').unwrap();
    let text = text.split_once("</textarea>").unwrap().0;
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    (mark, text.trim_start_matches('\n').to_owned())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn a_draft_is_checked_and_held_against_the_log_and_not_put_in_force() {
    let schema =
        "entity User = { age: Long }; action see appliesTo { principal: User, resource: User };";
    let policies = "@id(\"p\") permit (principal, action, resource) when { principal.age > 10 };\n";
    let entities = serde_json::json!([{"uid": {"type": "User", "id": "a"}, "attrs": {"age": 20}, "parents": []}]);
    let start = Start::new()
        .with(&["--console", "--log-slice"])
        .policies(schema, policies)
        .entities(&entities);
    let log = format!("file:{}", start.path("decisions.log").display());
    let sidecar = start.with(&["--decision-log", &log]).start();
    let question = serde_json::json!({
        "principal": "User::\"a\"", "action": "Action::\"see\"", "resource": "User::\"a\"",
    });
    assert_eq!(sidecar.ask(&question)["decision"], "Allow");
    let mut browser = Browser::at(&sidecar);
    let page = browser.open("/console/policies/draft?file=p.cedar");
    let (mark, text) = form(&page);
    assert_eq!(text, policies);
    let body = |text: &str| format!("form={mark}&file=p.cedar&text={}", encoded(text));
    let target = "/console/policies/draft";
    let stricter = text.replace("> 10", "> 30");
    // A stranger's form is no draft.
    let foreign = [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    assert_eq!(
        browser
            .send(&format!("POST {target}"), &foreign, &body(&stricter))
            .status,
        403
    );
    let faulty = browser.submit(target, &body(&text.replace("age", "agee")));
    assert!(
        faulty.text.contains("would be refused") && faulty.text.contains("agee"),
        "{}",
        faulty.text
    );
    let compared = browser.submit(target, &body(&stricter));
    assert_eq!(compared.status, 200, "{}", compared.text);
    let (_, found) = compared
        .text
        .split_once("Of the newest decisions in the log")
        .unwrap();
    assert!(found.contains("<dt>Changed</dt><dd>1</dd>"), "{found}");
    assert!(found.contains("No longer allowed"), "{found}");
    assert_eq!(sidecar.ask(&question)["decision"], "Allow");
    let (_, again) = form(&browser.open("/console/policies/draft?file=p.cedar"));
    assert_eq!(again, policies);
}
