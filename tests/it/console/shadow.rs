//! The disagreements of the shadow in the console.

use serde_json::json;

use super::*;
use crate::eventually::until;
use crate::shadow::{CLOSED, policies};

const PLACE: &str = "/console/decisions/shadow";

#[test]
fn a_disagreement_is_counted_found_decided_again_and_explained_by_both() {
    let start = local();
    let directory = start.path("shadow");
    policies(&directory, CLOSED);
    let log = start.path("decisions.log");
    let to = format!("file:{}", log.display());
    let sidecar = start
        .with(&[
            "--shadow",
            directory.to_str().unwrap(),
            "--decision-log",
            &to,
            "--log-slice",
        ])
        .start();
    let mut browser = Browser::at(&sidecar);
    let empty = browser.open(PLACE);
    assert!(
        empty.text.contains("The shadow has agreed so far"),
        "{}",
        empty.text
    );
    let question = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    // A kept decision too, and one on which both agree.
    sidecar.ask(&question);
    sidecar.ask(&question);
    browser.open(DENIED);
    let mut page = browser.open(PLACE);
    until("both are kept", || {
        page = browser.open(PLACE);
        page.text.contains("2 disagreements are kept")
    });
    assert!(
        page.text.contains("<td class=\"number\">2</td>"),
        "{}",
        page.text
    );
    for (filter, found) in [
        ("principal=anna&decision=Allow", 2),
        // The code is the shadow's.
        ("code=DEMO_NO_CERTIFICATES&action=getOrganisation", 2),
        ("code=AT-1120", 0),
        ("resource=globex", 0),
        ("from=2999", 0),
        ("decision=Deny", 0),
    ] {
        let text = browser.open(&format!("{PLACE}?{filter}")).text;
        assert_eq!(
            text.matches("Decide again</a>").count(),
            found,
            "{filter}: {text}"
        );
    }
    let (_, rest) = page.text.split_once("replay=").unwrap();
    let (id, _) = rest.split_once('"').unwrap();
    let again = browser.open(&format!("{PLACE}?replay={id}")).text;
    let (_, again) = again.split_once("by the policies in force").unwrap();
    let (first, shadow) = again.split_once("by the policies of the shadow").unwrap();
    assert!(
        first.contains("<strong>Allow</strong>") && first.contains("organisation/orgadmin-manages"),
        "{first}"
    );
    for told in ["<strong>Deny</strong>", "next/closed", "<mark>", "= <bdi>"] {
        assert!(shadow.contains(told), "{told}: {shadow}");
    }
    assert!(
        browser
            .open(&format!("{PLACE}?replay=0"))
            .text
            .contains("NOT_FOUND")
    );
    // The kept ones have the addresses. The log has not, though each writes of a decision that is kept.
    assert!(first.contains("anna@acme.example"), "{first}");
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(
        written.contains("anna") && !written.contains("@acme.example"),
        "{written}"
    );
}

#[test]
fn other_policies_of_the_shadow_begin_anew() {
    let start = local();
    let directory = start.path("shadow");
    policies(&directory, CLOSED);
    let sidecar = start
        .with(&["--shadow", directory.to_str().unwrap()])
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "100ms")
        .start();
    let mut browser = Browser::at(&sidecar);
    browser.open(ALLOWED);
    until("it is kept", || {
        browser
            .open(PLACE)
            .text
            .contains("1 disagreements are kept")
    });
    // Acme is in no such mode: all agree.
    let other = crate::author::without_rules(&CLOSED.replace("DEMO\" }", "SHARED\" }"));
    std::fs::write(directory.join("next.cedar"), other).unwrap();
    sidecar.wait_for_log("changed policies of the shadow are in force");
    let page = browser.open(PLACE).text;
    assert!(page.contains("0 disagreements are kept"), "{page}");
    assert!(
        browser
            .open("/console/state")
            .text
            .contains("Policies of the shadow")
    );
}

#[test]
fn without_a_shadow_the_page_says_how_to_have_one() {
    let sidecar = local().start();
    let page = Browser::at(&sidecar).open(PLACE);
    assert!(page.text.contains("shadow.policies"), "{}", page.text);
}
