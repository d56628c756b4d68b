//! Sign-in, sessions and forms.

use super::*;
use crate::eventually::until;

#[test]
fn a_session_is_begun_by_a_key_and_shows_what_its_caller_may_ask() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut browser = Browser::by_tls(&sidecar, &ours);
    // Nobody is shown anything before.
    let before = browser.open(DENIED);
    assert_eq!(before.status, 401);
    assert!(
        !before.text.contains("AT-1120") && before.text.contains("type=\"password\""),
        "{}",
        before.text
    );
    for (name, status) in [("nobody", 401), ("service", 403)] {
        let refused = browser.sign_in(&key(name));
        assert_eq!(refused.status, status, "{}", refused.text);
        assert_eq!(browser.session(), None);
    }
    let signed_in = browser.sign_in(&key("support"));
    assert_eq!(
        (signed_in.status, signed_in.header("location")),
        (303, Some("/console/ask"))
    );
    let cookies: Vec<_> = signed_in
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .collect();
    let (_, cookie) = cookies
        .iter()
        .find(|(_, value)| value.starts_with("peppol-authz-session="))
        .unwrap();
    for part in [
        "; HttpOnly",
        "; SameSite=Strict",
        "; Secure",
        "; Path=/console",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // 256 bits in base64.
    assert_eq!(browser.session().unwrap().len(), 43);
    let page = browser.open(DENIED);
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("AT-1120") && page.text.contains("key:support"),
        "{}",
        page.text
    );
    assert!(page.text.contains("<mark>"), "{}", page.text);
    // It is no operator: no link, no page, no id of the store.
    assert!(
        !page.text.contains("href=\"/console/state\""),
        "{}",
        page.text
    );
    for target in [
        "/console/state",
        "/console/policies",
        "/console/decisions",
        "/console/complete?type=Peppol::User&q=a",
    ] {
        assert_eq!(browser.open(target).status, 403, "{target}");
    }
    assert_eq!(
        browser.open("/console/complete?type=Peppol::Mode").status,
        200
    );
    // And it may not search.
    let rights = browser.open("/console/rights?resource-type=Peppol::Organisation&resource=acme");
    assert!(
        rights.text.contains("CALLER_NOT_ALLOWED") && !rights.text.contains("anna"),
        "{}",
        rights.text
    );
}

#[test]
fn an_explanation_and_its_entities_are_for_who_may_have_them() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut browser = Browser::by_tls(&sidecar, &ours);
    browser.sign_in(&key("plain"));
    let page = browser.open(DENIED);
    assert!(page.text.contains("AT-1120"), "{}", page.text);
    for told in ["<mark>", "<svg", "contactTypes", "when {"] {
        assert!(!page.text.contains(told), "{told}: {}", page.text);
    }
    // Of what it may not ask at all, it is told nothing.
    let mut browser = Browser::by_tls(&sidecar, &ours);
    browser.sign_in(&key("operator"));
    let page = browser.open(DENIED);
    assert!(
        page.text.contains("CALLER_NOT_ALLOWED") && !page.text.contains("AT-1120"),
        "{}",
        page.text
    );
    assert_eq!(browser.open("/console/state").status, 200);
    let ids = browser
        .open("/console/complete?type=Peppol::User&q=an")
        .json();
    assert_eq!(ids["ids"], serde_json::json!(["anna"]));
}

#[test]
fn a_session_ends_with_its_key() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut browser = Browser::by_tls(&sidecar, &ours);
    browser.sign_in(&key("support"));
    assert_eq!(browser.open("/console/ask").status, 200);
    let name = browser.session().unwrap().to_owned();
    let file = sidecar.path("callers.toml");
    let other = entry("support", &key("newer"), &["console", "decide", "explain"]);
    std::fs::write(&file, other).unwrap();
    until("the session ends", || {
        browser.open("/console/ask").status == 401
    });
    assert_eq!(browser.session(), None);
    // Also for who has kept the cookie, and after the key has come back.
    std::fs::write(
        &file,
        entry("support", &key("support"), &["console", "decide"]),
    )
    .unwrap();
    until("the key is back", || {
        let mut again = Browser::by_tls(&sidecar, &ours);
        again.sign_in(&key("support")).status == 303
    });
    let mut kept = Browser::by_tls(&sidecar, &ours);
    kept.set_session(&name);
    assert_eq!(kept.open("/console/ask").status, 401);
}

#[test]
fn no_form_of_a_stranger_counts() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut browser = Browser::by_tls(&sidecar, &ours);
    browser.sign_in(&key("support"));
    let page = browser.open("/console/ask");
    let mark = mark_in(&page.text, "/console/sign-out");
    let own = [
        ("origin", "https://127.0.0.1"),
        ("sec-fetch-site", "same-origin"),
    ];
    let post = "POST /console/sign-out";
    let body = format!("form={mark}");
    let longer = format!("form={mark}A");
    for (headers, body) in [
        (&own[..], ""),
        (&own[..], "form=AAAA"),
        (&own[..], longer.as_str()),
        (&[][..], body.as_str()),
        (&[("origin", "https://evil.example")][..], body.as_str()),
        (&[("origin", "null")][..], body.as_str()),
        (
            &[
                ("origin", "https://127.0.0.1"),
                ("sec-fetch-site", "cross-site"),
            ][..],
            body.as_str(),
        ),
        (&[("sec-fetch-site", "same-site")][..], body.as_str()),
    ] {
        assert_eq!(
            browser.send(post, headers, body).status,
            403,
            "{headers:?} {body}"
        );
        assert_eq!(browser.open("/console/ask").status, 200);
    }
    // The mark of another session.
    let mut other = Browser::by_tls(&sidecar, &ours);
    other.sign_in(&key("plain"));
    assert_eq!(other.submit("/console/sign-out", &body).status, 403);
    assert_eq!(other.open("/console/ask").status, 200);
    assert_eq!(browser.submit("/console/sign-out", &body).status, 303);
    assert_eq!(browser.open("/console/ask").status, 401);
    // Nor is anybody signed in by one.
    let mut victim = Browser::by_tls(&sidecar, &ours);
    let page = other.open("/console/sign-in");
    assert!(page.text.contains("<code>Authorization: Bearer</code>"));
    assert!(!page.text.contains('`'), "{}", page.text);
    let mark = mark_in(&page.text, "/console/sign-in");
    let body = format!("form={mark}&credential={}", key("support"));
    assert_eq!(victim.submit("/console/sign-in", &body).status, 403);
    assert_eq!(victim.session(), None);
}

#[test]
fn there_are_no_more_sessions_than_the_setting_says() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut all: Vec<_> = (0..4)
        .map(|_| {
            let mut browser = Browser::by_tls(&sidecar, &ours);
            assert_eq!(browser.sign_in(&key("support")).status, 303);
            browser
        })
        .collect();
    let statuses: Vec<_> = all
        .iter_mut()
        .map(|it| it.open("/console/ask").status)
        .collect();
    assert_eq!(statuses, [401, 200, 200, 200]);
}

#[test]
fn on_this_machine_a_key_gives_more_and_a_wrong_one_nothing() {
    let start = local();
    let file = start.path("callers.toml");
    std::fs::write(&file, entry("support", &key("support"), &["explain"])).unwrap();
    let sidecar = start
        .variable("PEPPOL_AUTHZ_CALLERS__FILE", file.to_str().unwrap())
        .start();
    let mut browser = Browser::at(&sidecar);
    let page = browser.open(DENIED);
    assert!(
        page.text.contains("AT-1120") && !page.text.contains("<mark>"),
        "{}",
        page.text
    );
    assert_eq!(browser.sign_in(&key("wrong")).status, 401);
    assert_eq!(browser.session(), None);
    assert_eq!(browser.sign_in(&key("support")).status, 303);
    assert!(browser.open(DENIED).text.contains("<mark>"));
    // A cookie that names no session is none that the connection stands in for.
    let mut forged = Browser::at(&sidecar);
    forged.set_session("AAAA");
    assert_eq!(forged.open("/console/ask").status, 401);
}
