//! Access reviews in the console.

use super::*;
use serde_json::Value;

fn made(browser: &mut Browser<'_>, fields: &str) -> Reply {
    let page = browser.open("/console/review");
    let mark = mark_in(&page.text, "/console/review");
    browser.submit("/console/review", &format!("form={mark}&{fields}"))
}

#[test]
fn a_review_is_a_file_in_three_forms() {
    let start = local();
    let log = format!("file:{}", start.path("d.log").display());
    let sidecar = start.with(&["--decision-log", &log]).start();
    let mut browser = Browser::at(&sidecar);
    let reply = made(&mut browser, "organisation=acme&format=json");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.header("content-disposition"),
        Some("attachment; filename=\"review.json\"")
    );
    let review: Value = serde_json::from_str(&reply.text).unwrap();
    let rights = review["rights"].as_array().unwrap();
    assert_eq!(review["count"], rights.len());
    assert!(
        rights
            .iter()
            .any(|it| it["action"] == "Peppol::Action::\"getOrganisation\"")
    );
    assert!(
        rights
            .iter()
            .all(|it| it["lastUsed"].is_null() && !it["values"].as_array().unwrap().is_empty())
    );
    let reply = made(&mut browser, "organisation=acme&format=csv");
    assert!(reply.text.starts_with("kind,principal,"), "{}", reply.text);
    let reply = made(
        &mut browser,
        "principal=Peppol%3A%3AUser%3A%3A%22anna%22&format=html",
    );
    assert!(
        reply.text.ends_with("</main></body></html>\n"),
        "{}",
        reply.text
    );
    assert!(!reply.text.contains("mia"), "{}", reply.text);
}

#[test]
fn what_is_no_scope_is_said_in_the_page() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    for (fields, told) in [
        ("organisation=nobody", "there is no Peppol::Organisation"),
        ("principal=nobody", "`principal`: "),
        (
            "principal=Peppol%3A%3AUser%3A%3A%22%3Cscript%3E%22",
            "&lt;script&gt;",
        ),
    ] {
        let reply = made(&mut browser, fields);
        assert_eq!(reply.status, 400, "{fields}: {}", reply.text);
        assert!(reply.text.contains(told), "{fields}: {}", reply.text);
    }
    // No page of the console has sent it.
    let reply = browser.submit("/console/review", "organisation=acme");
    assert_eq!(reply.status, 403, "{}", reply.text);
}

#[test]
fn only_who_may_read_all_data_has_a_review() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut browser = Browser::by_tls(&sidecar, &ours);
    browser.sign_in(&key("support"));
    let page = browser.open("/console/review");
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(
        !browser
            .open("/console/ask")
            .text
            .contains("/console/review")
    );
    let mut operator = Browser::by_tls(&sidecar, &ours);
    operator.sign_in(&key("operator"));
    let reply = made(&mut operator, "organisation=acme&format=csv");
    assert_eq!(reply.status, 200, "{}", reply.text);
}
