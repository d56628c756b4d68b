//! Work that takes long: begun by a form, shown where it was begun, and of the policies in force.

use serde_json::json;

use super::*;
use crate::eventually::{eventually, until};

const SUITES: &str = "/console/policies/suites";
const PROOFS: &str = "/console/policies/proofs";
const CHECKS: &str = "/console/state/checks";

const SCHEMA: &str =
    "entity User = { age: Long }; action see appliesTo { principal: User, resource: User };";
const POLICIES: &str = "@id(\"grown\") permit (principal, action, resource) when { principal.age > 10 };
@id(\"never\") @code(\"OLD\") @message(\"too old\") forbid (principal, action, resource) when { principal.age > 900 };
";
const SUITE: &str = "fixture = \"entities.json\"\n[[case]]\nname = \"who is grown sees\"\nprincipal = 'User::\"a\"'\naction = \"see\"\nresource = 'User::\"a\"'\nallow = true\n";
/// Somebody of age is asked nothing more.
const INVARIANT: &str = "// Who is allowed is grown.\n@id(\"grown-alone\")\n@invariant(\"implies\")\npermit (principal, action == Action::\"see\", resource is User)\nwhen { principal.age > AGE };\n";

/// One of a small schema, with a suite and an invariant.
fn small(age: &str) -> Start {
    let entities =
        json!([{"uid": {"type": "User", "id": "a"}, "attrs": {"age": 20}, "parents": []}]);
    let start = Start::new()
        .with(&["--console"])
        .policies(SCHEMA, POLICIES)
        .entities(&entities);
    let suites = start.path("suites");
    std::fs::create_dir(&suites).unwrap();
    std::fs::write(suites.join("entities.json"), entities.to_string()).unwrap();
    std::fs::write(suites.join("a.toml"), SUITE).unwrap();
    let invariants = start.path("policies/invariants");
    std::fs::create_dir(&invariants).unwrap();
    let invariant = INVARIANT.replace("AGE", age);
    std::fs::write(invariants.join("grown-alone.cedar"), invariant).unwrap();
    let start = start.with(&["--reload-suites", suites.to_str().unwrap()]);
    start.variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "100ms")
}

/// Begins an errand by its form, and waits for what the page says then.
#[track_caller]
fn done(browser: &mut Browser<'_>, place: &str, told: &str) -> Reply {
    let page = browser.open(place);
    let mark = mark_in(&page.text, place);
    // Another may still give its turn back.
    until("it is begun", || {
        let begun = browser.submit(place, &format!("form={mark}"));
        assert!([303, 409].contains(&begun.status), "{}", begun.text);
        begun.header("location") == Some(place)
    });
    eventually(told, || {
        let page = browser.open(place);
        match page.text.contains("data-running") || !page.text.contains(told) {
            true => Err(page.text),
            false => Ok(page),
        }
    })
}

#[test]
fn suites_are_run_and_say_what_they_leave_untested() {
    let sidecar = small("10").start();
    let mut browser = Browser::at(&sidecar);
    assert!(
        browser
            .open(SUITES)
            .text
            .contains("Not run since the start")
    );
    let page = done(&mut browser, SUITES, "1 / 2 policies are tested");
    for told in [
        "a.toml",
        "<dt>Failed</dt><dd>0</dd>",
        "<code><bdi>never</bdi></code>",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    // Beside the source of each policy, too.
    let policies = browser.open("/console/policies").text;
    let place = |word: &str| {
        policies
            .find(word)
            .unwrap_or_else(|| panic!("{word}: {policies}"))
    };
    assert!(place("<bdi>grown</bdi>") < place(">tested<"), "{policies}");
    assert!(
        place("<bdi>never</bdi>") < place(">not tested<"),
        "{policies}"
    );
    // A case that fails is told in full.
    let wrong = SUITE.replace("allow = true", "deny = [\"OLD\"]");
    std::fs::write(sidecar.path("suites/a.toml"), wrong).unwrap();
    let page = done(&mut browser, SUITES, "FAILED");
    assert!(page.text.contains("who is grown sees"), "{}", page.text);
    // Suites that cannot be read are an error that is told, and nothing else.
    std::fs::write(sidecar.path("suites/a.toml"), "fixture = 1").unwrap();
    let page = done(&mut browser, SUITES, "It could not be done");
    assert!(page.text.contains("a.toml"), "{}", page.text);
}

#[test]
fn a_result_is_of_the_policies_in_force_and_of_no_others() {
    let sidecar = small("10").start();
    let mut browser = Browser::at(&sidecar);
    done(&mut browser, SUITES, "1 / 2 policies are tested");
    let other = POLICIES.replace("> 10", "> 11");
    std::fs::write(sidecar.path("policies/p.cedar"), other).unwrap();
    sidecar.wait_for_log("changed policies are in force");
    assert!(
        browser
            .open(SUITES)
            .text
            .contains("Not run since the start")
    );
    assert!(
        !browser
            .open("/console/policies")
            .text
            .contains(">not tested<")
    );
}

#[test]
fn without_suites_the_page_says_how_to_have_some() {
    let sidecar = local().start();
    let page = Browser::at(&sidecar).open(SUITES).text;
    assert!(
        page.contains("--reload-suites") && !page.contains("<button class=\"primary\""),
        "{page}"
    );
}

#[test]
fn invariants_are_proved_with_their_times() {
    let sidecar = small("10").start();
    let mut browser = Browser::at(&sidecar);
    let page = done(&mut browser, PROOFS, "2 / 2 proved");
    for told in [
        "no-policy-fails",
        "grown-alone",
        "Who is allowed is grown.",
        "implies",
        " s</td>",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let short = browser.open("/console/policies").text;
    assert!(short.contains("2 / 2 proved"), "{short}");
}

#[test]
fn an_invariant_that_does_not_hold_has_its_counterexample() {
    let sidecar = small("30").start();
    let mut browser = Browser::at(&sidecar);
    let page = done(&mut browser, PROOFS, "1 / 2 proved");
    assert!(
        page.text.contains("Refuted:") && page.text.contains("where User::"),
        "{}",
        page.text
    );
}

#[test]
fn without_a_solver_the_page_says_how_to_have_one() {
    let sidecar = small("10").variable("CVC5", "/nowhere/cvc5").start();
    let mut browser = Browser::at(&sidecar);
    let page = done(&mut browser, PROOFS, "It could not be done");
    assert!(
        page.text.contains("apt-get install cvc5") && page.text.contains("/nowhere/cvc5"),
        "{}",
        page.text
    );
}

/// Files on the disk may be refused: then nothing is proved of them under the name of those in force.
#[test]
fn nothing_is_proved_of_files_that_are_not_in_force() {
    let sidecar = small("10").start();
    // It fails its suite.
    std::fs::write(
        sidecar.path("policies/p.cedar"),
        POLICIES.replace("> 10", "> 100"),
    )
    .unwrap();
    sidecar.wait_for_log("changed policies are refused; those before stay in force");
    let mut browser = Browser::at(&sidecar);
    let page = done(&mut browser, PROOFS, "It could not be done");
    assert!(page.text.contains("not those in force"), "{}", page.text);
}

#[test]
fn the_checks_of_doctor_are_made() {
    let sidecar = small("10").start();
    let mut browser = Browser::at(&sidecar);
    let page = done(&mut browser, CHECKS, " checks, 0 wrong");
    for told in ["policies: valid, revision", "store: read in", "descriptors"] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let state = browser.open("/console/state").text;
    assert!(state.contains(" checks, "), "{state}");
}

#[test]
fn the_history_says_what_was_taken_and_why_something_was_refused() {
    let sidecar = small("10").start();
    let mut browser = Browser::at(&sidecar);
    std::fs::write(sidecar.path("policies/p.cedar"), "permit (<script>").unwrap();
    sidecar.wait_for_log("changed policies are refused; those before stay in force");
    std::fs::write(
        sidecar.path("policies/p.cedar"),
        POLICIES.replace("> 10", "> 12"),
    )
    .unwrap();
    sidecar.wait_for_log("changed policies are in force");
    let page = browser.open("/console/state").text;
    let (_, history) = page.split_once("id=\"history\"").unwrap();
    let (history, _) = history.split_once("</section>").unwrap();
    // The newest first, and the start last.
    let lines: Vec<&str> = history.split("<tr>").skip(2).collect();
    assert_eq!(lines.len(), 3, "{history}");
    assert!(
        lines[0].contains("in force") && lines[2].contains("in force"),
        "{history}"
    );
    assert!(
        lines[1].contains("refused") && lines[1].contains("p.cedar"),
        "{history}"
    );
    assert!(!history.contains("<script>"), "{history}");
}

#[test]
fn only_a_form_of_this_console_begins_something() {
    let sidecar = small("10").start();
    let mut browser = Browser::at(&sidecar);
    for place in [SUITES, PROOFS, CHECKS] {
        let mark = mark_in(&browser.open(place).text, place);
        let foreign = [
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        let body = format!("form={mark}");
        assert_eq!(
            browser
                .send(&format!("POST {place}"), &foreign, &body)
                .status,
            403,
            "{place}"
        );
        assert_eq!(browser.submit(place, "form=x").status, 403, "{place}");
        assert_eq!(browser.submit(place, "").status, 403, "{place}");
        // To look begins nothing.
        assert!(
            browser.open(place).text.contains("Not run since the start"),
            "{place}"
        );
    }
}

#[test]
fn who_does_not_administer_begins_nothing_and_sees_nothing() {
    let ours = Authority::new();
    let sidecar = keyed(&ours).start();
    let mut support = Browser::by_tls(&sidecar, &ours);
    support.sign_in(&key("support"));
    let mark = mark_in(&support.open("/console/ask").text, "/console/sign-out");
    for place in [SUITES, PROOFS, CHECKS] {
        assert_eq!(support.open(place).status, 403, "{place}");
        let begun = support.submit(place, &format!("form={mark}"));
        assert_eq!(begun.status, 403, "{place}");
    }
    assert_eq!(support.open("/console/decisions/shadow").status, 403);
    let mut operator = Browser::by_tls(&sidecar, &ours);
    operator.sign_in(&key("operator"));
    assert!(
        operator
            .open(CHECKS)
            .text
            .contains("Not run since the start")
    );
}
