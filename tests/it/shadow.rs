//! A second set of policies that looks on: what it would decide otherwise is counted, and what is
//! answered is what would be answered without it.
//!
//! `kinds` has in what two decisions differ, `surfaces` that all are looked at, `writes` a store
//! that changes meanwhile, `reload` how its policies are taken, `trouble` a shadow that fails or is
//! slow, and `schema` one that is written for another schema, `postgres` a
//! server that is slow or changes.

mod kinds;
mod postgres;
mod priority;
mod reload;
mod schema;
mod surfaces;
mod trouble;
mod writes;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::connection::ALLOWED;
use crate::eventually::eventually;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start, project};

/// Forbids what the shipped policies allow.
pub(crate) const CLOSED: &str = r#"
@id("next/closed")
@rule("MOD-1")
@code("DEMO_NO_CERTIFICATES")
forbid (
  principal,
  action == Peppol::Action::"getOrganisation",
  resource is Peppol::Organisation
)
when { resource.mode == Peppol::Mode::"DEMO" };
"#;

/// Allows what they do not.
const OPEN: &str = r#"
@id("next/open")
@rule("USR-3")
permit (
  principal is Peppol::User,
  action == Peppol::Action::"getOrganisation",
  resource is Peppol::Organisation
);
"#;

/// Never applies, and looks at what no other policy looks at for this.
const WIDER: &str = r#"
@id("next/wider")
@rule("USR-1")
@code("EMAIL_UNREGISTERED")
forbid (
  principal is Peppol::User,
  action == Peppol::Action::"getOrganisation",
  resource is Peppol::Organisation
)
unless { principal.email.registered };
"#;

/// The shipped policies, with more. Without their list of rules: what is added is of no rule.
pub(crate) fn policies(to: &Path, more: &str) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(project("policies")).unwrap() {
        let entry = entry.unwrap();
        if entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "cedar")
        {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            std::fs::write(
                to.join(entry.file_name()),
                crate::author::without_rules(&text),
            )
            .unwrap();
        }
    }
    if !more.is_empty() {
        std::fs::write(to.join("next.cedar"), crate::author::without_rules(more)).unwrap();
    }
}

/// A sidecar over the tenancy of the examples, whose shadow has these policies more.
fn shadowed(more: &str) -> Sidecar {
    shadow_of(Start::quickstart(), more).0.start()
}

fn shadow_of(start: Start, more: &str) -> (Start, PathBuf) {
    let directory = start.path("shadow");
    policies(&directory, more);
    let start = start.with(&["--shadow", directory.to_str().unwrap()]);
    (start, directory)
}

/// Anna, of her own organisation.
fn allowed() -> Value {
    serde_json::from_str(ALLOWED).unwrap()
}

/// Mia, of one that she has nothing to do with.
fn denied() -> Value {
    let mut question = allowed();
    question["principal"] = "Peppol::User::\"mia\"".into();
    question
}

/// Waits until the shadow is done with so many decisions, those that it dropped among them.
#[track_caller]
fn looked(sidecar: &Sidecar, decisions: u32) -> Samples {
    let done = format!("the shadow is done with {decisions}");
    let (samples, seen) = eventually(&done, || {
        let samples = Samples::of(sidecar);
        let seen = samples.sum("shadow_decisions_total") + samples.sum("shadow_dropped_total");
        let are_all = seen >= f64::from(decisions);
        if are_all {
            Ok((samples, seen))
        } else {
            Err(seen)
        }
    });
    assert_eq!(seen, f64::from(decisions));
    samples
}

#[track_caller]
fn of_result(samples: &Samples, result: &str) -> f64 {
    samples.value("shadow_decisions_total", &[("result", result)])
}

/// All that came of them is this.
#[track_caller]
fn all_are(samples: &Samples, result: &str) {
    let all = samples.sum("shadow_decisions_total");
    assert_eq!(of_result(samples, result), all, "{result}");
    assert_eq!(samples.sum("shadow_dropped_total"), 0.0);
}

/// The number of disagreements about getOrganisation of this kind: verdicts, codes and policies,
/// of the answer and of the shadow.
fn disagreements(
    samples: &Samples,
    kind: &str,
    [from, codes, policies]: [&str; 3],
    [to, shadow_codes, shadow_policies]: [&str; 3],
) -> f64 {
    let labels = [
        ("action", "getOrganisation"),
        ("kind", kind),
        ("from", from),
        ("to", to),
        ("codes", codes),
        ("policies", policies),
        ("shadow_codes", shadow_codes),
        ("shadow_policies", shadow_policies),
    ];
    samples.value("shadow_disagreements_total", &labels)
}

/// An answer without what is another one each time.
fn without_id(answer: &str) -> String {
    let (before, rest) = answer.split_once("\"decisionId\":\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{after}")
}

#[test]
fn the_same_policies_agree_and_have_the_same_revision() {
    let (start, directory) = shadow_of(Start::quickstart(), "");
    // Equal in all that a revision is of.
    for entry in std::fs::read_dir(project("policies")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
        }
    }
    let sidecar = start.start();
    for question in [allowed(), denied(), allowed()] {
        sidecar.ask(&question);
    }
    let samples = looked(&sidecar, 3);
    all_are(&samples, "agreed");
    assert_eq!(samples.sum("shadow_disagreements_total"), 0.0);
    let version = sidecar.get("/version").json();
    let revision = version["policyRevision"].as_str().unwrap();
    assert_eq!(
        samples.value("shadow_policies", &[("revision", revision)]),
        1.0
    );
}

#[test]
fn stricter_policies_are_counted_by_action_codes_and_policies() {
    let sidecar = shadowed(CLOSED);
    for question in [allowed(), denied(), allowed()] {
        sidecar.ask(&question);
    }
    let samples = looked(&sidecar, 3);
    let first = ["Allow", "", "organisation/orgadmin-manages"];
    let shadow = ["Deny", "DEMO_NO_CERTIFICATES", "next/closed"];
    assert_eq!(disagreements(&samples, "verdict", first, shadow), 2.0);
    let first = ["Deny", "NOT_PERMITTED", ""];
    assert_eq!(disagreements(&samples, "codes", first, shadow), 1.0);
    assert_eq!(samples.sum("shadow_disagreements_total"), 3.0);
    all_are(&samples, "disagreed");
}

#[test]
fn wider_policies_are_counted_and_policies_alone_are_no_disagreement() {
    let sidecar = shadowed(OPEN);
    for question in [allowed(), denied(), denied()] {
        sidecar.ask(&question);
    }
    let samples = looked(&sidecar, 3);
    let first = ["Deny", "NOT_PERMITTED", ""];
    let shadow = ["Allow", "", "next/open"];
    assert_eq!(disagreements(&samples, "verdict", first, shadow), 2.0);
    // Anna is allowed by one policy more.
    assert_eq!(of_result(&samples, "agreed"), 1.0);
    assert_eq!(samples.sum("shadow_disagreements_total"), 2.0);
}

/// The shadow reads by itself what the answered questions did not look at.
#[test]
fn a_shadow_may_look_at_what_the_first_does_not() {
    let unregistered = WIDER.replace("unless", "when");
    let sidecar = shadowed(&unregistered);
    for _ in 0..3 {
        sidecar.ask(&allowed());
    }
    let samples = looked(&sidecar, 3);
    let first = ["Allow", "", "organisation/orgadmin-manages"];
    let shadow = ["Deny", "EMAIL_UNREGISTERED", "next/wider"];
    assert_eq!(disagreements(&samples, "verdict", first, shadow), 3.0);
    // And where it finds nothing in it to forbid, it agrees.
    let sidecar = shadowed(WIDER);
    for question in [allowed(), denied()] {
        sidecar.ask(&question);
    }
    all_are(&looked(&sidecar, 2), "agreed");
}

#[test]
fn an_answer_is_what_it_would_be_without_a_shadow() {
    let alone = Start::quickstart().start();
    let unknown = ALLOWED.replace("anna", "nobody");
    for more in [CLOSED, OPEN, WIDER] {
        let sidecar = shadowed(more);
        for text in [ALLOWED, &unknown, &denied().to_string()] {
            let answer = |sidecar: &Sidecar| {
                let reply = sidecar.send("/v1/is_authorized", &[], text.as_bytes());
                assert_eq!(reply.status, 200, "{}", reply.text);
                // Each has a store of its own, with a history of its own.
                let revision = reply.json()["tenancyRevision"].clone();
                without_id(&reply.text).replace(revision.as_str().unwrap(), "")
            };
            assert_eq!(answer(&sidecar), answer(&alone));
        }
        let samples = looked(&sidecar, 3);
        let decided = ["agreed", "disagreed"].map(|result| of_result(&samples, result));
        assert_eq!(decided.iter().sum::<f64>(), 3.0);
    }
}

#[test]
fn without_a_shadow_nothing_is_said_of_one() {
    let sidecar = Start::quickstart().start();
    sidecar.ask(&allowed());
    let metrics = sidecar.get("/metrics").text;
    assert!(!metrics.contains("shadow"), "{metrics}");
}

#[test]
fn some_disagreements_are_written_in_full_and_a_frequent_one_hides_no_rare_one() {
    let mut sidecar = shadowed(CLOSED);
    for _ in 0..5 {
        sidecar.ask(&allowed());
    }
    sidecar.ask(&denied());
    looked(&sidecar, 6);
    let log = sidecar.stop();
    let written: Vec<&Value> = log
        .iter()
        .filter(|record| record["message"] == "the shadow disagrees")
        .collect();
    let kinds: Vec<_> = written.iter().map(|record| &record["kind"]).collect();
    assert_eq!(kinds, ["verdict", "codes"]);
    let json = |member: &str| -> Value {
        serde_json::from_str(written[0][member].as_str().unwrap()).unwrap()
    };
    let (first, shadow) = (json("first"), json("shadow"));
    assert_eq!(first["decision"], "Allow");
    assert_eq!(
        first["reasons"][0]["policy"],
        "organisation/orgadmin-manages"
    );
    assert_eq!(shadow["decision"], "Deny");
    assert_eq!(shadow["reasons"][0]["code"], "DEMO_NO_CERTIFICATES");
    assert_ne!(first["policyRevision"], shadow["policyRevision"]);
    assert_eq!(first["tenancyRevision"], shadow["tenancyRevision"]);
    assert_eq!(written[0]["action"], "getOrganisation");
    assert_eq!(written[0]["surface"], "native");
    let question = json("question");
    assert_eq!(question["action"]["id"], "getOrganisation");
    assert_eq!(question["resource"]["id"], "acme");
    assert_eq!(question["principal"]["id"], "anna");
}

#[test]
fn who_somebody_is_is_not_written() {
    let forbidden = r#"@id("next/none") @rule("SUB-5") @code("NO_MORE")
        forbid (principal, action == Peppol::Action::"createSubAccount", resource);"#;
    let sales = json!({"type": "LEGAL_ENTITY", "id": "sales", "organisationId": "acme"});
    for (personal, is_written) in [("hash", false), ("plain", true)] {
        let start = Start::quickstart().documents(std::slice::from_ref(&sales));
        let (start, _) = shadow_of(start, forbidden);
        let mut sidecar = start
            .variable("PEPPOL_AUTHZ_DECISION_LOG__PERSONAL", personal)
            .start();
        let mut question = allowed();
        question["action"] = "Peppol::Action::\"createSubAccount\"".into();
        question["resource"] = "Peppol::LegalEntity::\"sales\"".into();
        question["context"] = json!({"email": "Someone@acme.example"});
        assert_eq!(sidecar.ask(&question)["decision"], "Allow");
        all_are(&looked(&sidecar, 1), "disagreed");
        let log = sidecar.stop();
        let mut records = log.iter();
        let record = records.find(|record| record["message"] == "the shadow disagrees");
        let text = record.unwrap().to_string();
        assert_eq!(text.contains("someone@acme.example"), is_written, "{text}");
        assert_eq!(text.contains("hmac-sha256:"), !is_written, "{text}");
    }
}
