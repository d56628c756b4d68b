//! Access reviews in the console.

use super::*;
use crate::eventually::until;
use crate::sidecar::program;
use serde_json::{Value, json};

const BOUNDARY: &str = "----a";

/// A form as a browser sends it, with a file.
fn form(fields: &[(&str, &str)], since: &str) -> String {
    let part = |head: String, text: &str| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {head}\r\n\r\n{text}\r\n")
    };
    let fields = fields.iter();
    let fields = fields.map(|(name, text)| part(format!("name=\"{name}\""), text));
    let fields: String = fields.collect();
    let name = if since.is_empty() { "" } else { "before.json" };
    let file = part(format!("name=\"since\"; filename=\"{name}\""), since);
    format!("{fields}{file}--{BOUNDARY}--\r\n")
}

fn send(browser: &mut Browser<'_>, body: &str) -> Reply {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let origin = browser.origin;
    let headers = [
        ("origin", origin),
        ("sec-fetch-site", "same-origin"),
        ("content-type", &kind),
    ];
    browser.send("POST /console/review", &headers, body)
}

fn made_since(browser: &mut Browser<'_>, fields: &[(&str, &str)], since: &str) -> Reply {
    let page = browser.open("/console/review");
    let mark = mark_in(&page.text, "/console/review");
    let fields = [&[("form", &*mark)], fields].concat();
    send(browser, &form(&fields, since))
}

fn made(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> Reply {
    made_since(browser, fields, "")
}

#[test]
fn a_review_is_a_file_in_three_forms() {
    let start = local();
    let log = format!("file:{}", start.path("d.log").display());
    let sidecar = start.with(&["--decision-log", &log]).start();
    let mut browser = Browser::at(&sidecar);
    let reply = made(
        &mut browser,
        &[("organisation", "acme"), ("format", "json")],
    );
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
    let reply = made(&mut browser, &[("organisation", "acme"), ("format", "csv")]);
    assert!(reply.text.starts_with("kind,principal,"), "{}", reply.text);
    let anna = [("principal-type", "Peppol::User"), ("principal", "anna")];
    let reply = made(&mut browser, &[&anna[..], &[("format", "html")]].concat());
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
    let user = ("principal-type", "Peppol::User");
    for (fields, told) in [
        (
            [user, ("organisation", "nobody")],
            "there is no Peppol::Organisation",
        ),
        ([user, ("principal", "nobody")], "there is no Peppol::User"),
        (
            [("principal-type", "Use"), ("principal", "anna")],
            "`principal-type`: no such type",
        ),
        ([user, ("principal", "<script>")], "&lt;script&gt;"),
    ] {
        let reply = made(&mut browser, &fields);
        assert_eq!(reply.status, 400, "{told}: {}", reply.text);
        assert!(reply.text.contains(told), "{told}: {}", reply.text);
    }
}

#[test]
fn a_form_that_no_page_has_sent_is_refused_before_its_file() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    let page = browser.open("/console/review");
    let mark = mark_in(&page.text, "/console/review");
    let acme = ("organisation", "acme");
    let before_it = form(&[], "a file");
    for body in [
        form(&[acme], ""),
        form(&[("form", "wrong"), acme], ""),
        // The mark has to be the first.
        form(&[acme, ("form", &mark)], ""),
        before_it.replace(&format!("--{BOUNDARY}--"), &form(&[("form", &mark)], "")),
    ] {
        let reply = send(&mut browser, &body);
        assert_eq!(reply.status, 403, "{body}: {}", reply.text);
    }
    let reply = browser.submit("/console/review", &format!("form={mark}&organisation=acme"));
    assert_eq!(reply.status, 403, "{}", reply.text);
    // By a page of somebody else, with the mark.
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let headers = [("sec-fetch-site", "cross-site"), ("content-type", &kind)];
    let body = form(&[("form", &mark), acme], "");
    let reply = browser.send("POST /console/review", &headers, &body);
    assert_eq!(reply.status, 403, "{}", reply.text);
    // A part of one.
    let whole = form(&[("form", &mark), acme], "a file");
    let (part, _) = whole.split_at(whole.len() - 20);
    let reply = send(&mut browser, part);
    assert_eq!(reply.status, 408, "{}", reply.text);
    // A field that is longer than any is.
    let long = "x".repeat(10_000);
    let reply = send(
        &mut browser,
        &form(&[("form", &mark), ("organisation", &long)], ""),
    );
    assert_eq!(reply.status, 413, "{}", reply.text);
}

#[test]
fn a_review_says_what_has_changed_since_a_file() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    let acme = [("organisation", "acme"), ("format", "json")];
    let before = made(&mut browser, &acme).text;
    let reply = made_since(&mut browser, &acme, &before);
    let same: Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(
        (&same["wider"], &same["narrower"]),
        (&json!([]), &json!([]))
    );

    let bob = json!({"type": "USER", "id": "bob", "email": "bob@acme.example", "emailVerified": true, "superadmin": false});
    let member = json!({"type": "MEMBERSHIP", "userId": "bob", "organisationId": "acme", "memberRole": "orgmember"});
    let file = sidecar.path("bob.ndjson");
    std::fs::write(&file, format!("{bob}\n{member}\n")).unwrap();
    let tenancy = format!("sqlite:{}", sidecar.path("tenancy.db").display());
    let mut import = program();
    import.args(["import", "--tenancy", &tenancy]).arg(&file);
    assert!(import.status().unwrap().success());
    let reply = made_since(&mut browser, &acme, &before);
    let now: Value = serde_json::from_str(&reply.text).unwrap();
    let wider = now["wider"].as_array().unwrap();
    assert!(
        !wider.is_empty()
            && wider
                .iter()
                .all(|it| it["principal"] == "Peppol::User::\"bob\""),
        "{}",
        now["wider"]
    );
    let page = made_since(
        &mut browser,
        &[("organisation", "acme"), ("format", "html")],
        &before,
    );
    assert!(
        page.text.contains("<h2>Wider since then</h2>"),
        "{}",
        page.text
    );

    // Of another scope everything would look new, and a changed review is none.
    let globex = [("organisation", "globex"), ("format", "json")];
    let hostile = before.replacen("acme", "<script>\u{202e}", 1);
    for (fields, since, told) in [
        (&globex, before.clone(), "a review of another scope"),
        (
            &acme,
            before.replacen("anna", "anne", 1),
            "was changed since",
        ),
        (&acme, "<script>".to_owned(), "the earlier review"),
        (&acme, hostile, "&lt;script&gt;\\u202e"),
    ] {
        let reply = made_since(&mut browser, fields, &since);
        assert_eq!(reply.status, 400, "{told}: {}", reply.text);
        assert!(reply.text.contains(told), "{told}: {}", reply.text);
        assert!(!reply.text.contains("<script>"), "{}", reply.text);
        // The written lines are still there.
        assert!(
            reply.text.contains(&format!("value=\"{}\"", fields[0].1)),
            "{}",
            reply.text
        );
    }
}

#[test]
fn uses_are_found_in_files_that_rotations_have_left() {
    let start = local();
    let path = start.path("d.log");
    let log = format!("file:{}", path.display());
    let sidecar = start.with(&["--decision-log", &log]).start();
    let ask = |action: &str| {
        let question = json!({
            "principal": {"type": "Peppol::User", "id": "anna"},
            "action": {"type": "Peppol::Action", "id": action},
            "resource": {"type": "Peppol::Organisation", "id": "acme"},
        });
        sidecar.ask(&question)["decisionId"].clone()
    };
    let has_line = || std::fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'));
    let old = ask("getOrganisation");
    until("the line is written", has_line);
    std::fs::rename(&path, path.with_extension("log.1")).unwrap();
    let new = ask("updateOrganisation");
    until("the line is written", has_line);
    let mut browser = Browser::at(&sidecar);
    let reply = made(
        &mut browser,
        &[("organisation", "acme"), ("format", "json")],
    );
    let review: Value = serde_json::from_str(&reply.text).unwrap();
    let used = |action: &str| {
        let action = format!("Peppol::Action::\"{action}\"");
        let mut rights = review["rights"].as_array().unwrap().iter();
        let right =
            rights.find(|it| it["action"] == action && it["principal"] == "Peppol::User::\"anna\"");
        right.unwrap()["lastUsed"]["decisionId"].clone()
    };
    assert_eq!(
        (used("getOrganisation"), used("updateOrganisation")),
        (old, new)
    );
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
    // Nor is anything taken in.
    let reply = send(&mut browser, &form(&[("form", "any")], "a file"));
    assert_eq!(reply.status, 403, "{}", reply.text);
    let mut operator = Browser::by_tls(&sidecar, &ours);
    operator.sign_in(&key("operator"));
    let reply = made(
        &mut operator,
        &[("organisation", "acme"), ("format", "csv")],
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
}
