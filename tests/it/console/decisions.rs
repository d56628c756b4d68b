//! The decision log in the console.

use super::*;
use crate::eventually::until;

#[test]
fn a_line_is_found_decided_again_and_explained() {
    let start = local();
    let log = format!("file:{}", start.path("decisions.log").display());
    let start = start.with(&["--decision-log", &log, "--log-slice"]);
    let sidecar = start
        .variable("PEPPOL_AUTHZ_DECISION_LOG__PERSONAL", "plain")
        .start();
    let mut browser = Browser::at(&sidecar);
    browser.open(ALLOWED);
    browser.open(DENIED);
    let mut page = browser.open("/console/decisions");
    until("both lines are written", || {
        page = browser.open("/console/decisions");
        page.text.matches("<time ").count() == 2
    });
    assert!(
        page.text.contains("<svg") && page.text.contains(">console<"),
        "{}",
        page.text
    );
    let denied = browser.open("/console/decisions?code=AT-1120&decision=Deny&principal=anna");
    assert_eq!(denied.text.matches("<time ").count(), 1, "{}", denied.text);
    for none in [
        "code=AT-1",
        "principal=mia",
        "revision=0000",
        "from=2999",
        "to=2000-01-01",
        "action=sendDocument",
    ] {
        let found = browser.open(&format!("/console/decisions?{none}"));
        assert_eq!(
            found.text.matches("<time ").count(),
            0,
            "{none}: {}",
            found.text
        );
    }
    let (_, day) = page.text.split_once("datetime=\"").unwrap();
    let whole = browser.open(&format!(
        "/console/decisions?from={0}&to={0}",
        day.get(..10).unwrap()
    ));
    assert_eq!(whole.text.matches("<time ").count(), 2, "{}", whole.text);
    let (_, rest) = denied.text.split_once("replay=").unwrap();
    let (id, _) = rest.split_once('"').unwrap();
    let again = browser.open(&format!("/console/decisions?replay={id}"));
    for told in ["Decided again: the same.", "AT-1120", "<mark>"] {
        assert!(again.text.contains(told), "{told}: {}", again.text);
    }
    assert!(
        browser
            .open("/console/decisions?replay=0")
            .text
            .contains("NOT_FOUND")
    );
}

#[test]
fn without_a_log_the_page_says_how_to_have_one() {
    let sidecar = local().start();
    let page = Browser::at(&sidecar).open("/console/decisions");
    assert!(page.text.contains("decision_log.to"), "{}", page.text);
}
