//! The rules of the domain, as properties: random questions over random
//! tenancies get the answer that an independent formulation of the rules gives.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::postgres::server::SHARED;
use crate::rules::avp;
use crate::rules::evaluation::{evaluation, is_whole, malformed_evaluation};
use crate::rules::malformed::Malformed;
use crate::rules::oracle::{Expected, answer};
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;
use crate::sidecar::{Sidecar, Start};

/// The size of a run: tenancies, and questions and malformed questions about each.
struct Run {
    tenancies: u64,
    questions: usize,
    malformed: usize,
    /// True if nobody else writes. A write in any database of a PostgreSQL server is another
    /// state of all of them.
    alone: bool,
}

/// `PROPERTY_SEED` starts elsewhere; the default keeps CI the same from run to
/// run.
fn seed() -> u64 {
    std::env::var("PROPERTY_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1)
}

fn strings<'a>(values: &'a Value, member: Option<&str>) -> BTreeSet<&'a str> {
    let one = |value: &'a Value| member.map_or(value, |member| &value[member]).as_str();
    values
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(one)
        .collect()
}

fn compare(question: &Question, expected: &Expected, found: &Value) {
    let context = || format!("{question:?}\nexpected {expected:?}\ngot {found}");
    let verdict = if expected.allow { "Allow" } else { "Deny" };
    assert_eq!(found["decision"], verdict, "{}", context());
    assert_eq!(
        strings(&found["obligations"], None),
        expected.obligations,
        "{}",
        context()
    );
    let codes: BTreeSet<&str> = strings(&found["reasons"], Some("code"));
    assert_eq!(codes, expected.codes, "{}", context());
    if !expected.allow {
        assert_eq!(
            strings(&found["reasons"], Some("rule")),
            expected.rules,
            "{}",
            context()
        );
    }
}

#[test]
fn random_questions_over_random_tenancies_are_answered_by_the_rules() {
    let run = Run {
        tenancies: 40,
        questions: 1000,
        malformed: 50,
        alone: true,
    };
    hold(&run, |start| start);
}

#[test]
fn random_questions_over_random_tenancies_on_postgres_are_answered_by_the_rules() {
    let run = Run {
        tenancies: 8,
        questions: 400,
        malformed: 10,
        alone: false,
    };
    hold(&run, |start| {
        start.with(&["--tenancy", &SHARED.database().url()])
    });
}

/// Asks over a database of each tenancy's own, which `over` may name.
fn hold(run: &Run, over: impl Fn(Start) -> Start) {
    for number in 0..run.tenancies {
        let mut rng = Rng::new(seed() * 1_000_003 + number);
        let tenancy = Tenancy::random(&mut rng, 4);
        // Without a cache every other time: it must make no difference.
        let cache = if number % 2 == 0 { "true" } else { "false" };
        let sidecar = over(Start::new())
            .documents(&tenancy.documents())
            .variable("PEPPOL_AUTHZ_CACHE__ENABLED", cache)
            .start();
        let questions: Vec<Question> = (0..run.questions)
            .map(|_| Question::random(&mut rng, &tenancy))
            .collect();
        let requests: Vec<Value> = questions
            .iter()
            .map(|question| question.to_json(&mut rng))
            .collect();
        let reply = sidecar.post("/v1/batch_is_authorized", &json!({"requests": requests}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        let results = reply.json();
        let results = results["results"].as_array().unwrap();
        assert_eq!(results.len(), questions.len());
        for (question, found) in questions.iter().zip(results) {
            compare(question, &answer(&tenancy, question), found);
        }
        // One at a time says the same as a batch.
        for (request, found) in requests.iter().zip(results).take(50) {
            let mut alone = sidecar.ask(request);
            alone["decisionId"] = found["decisionId"].clone();
            if !run.alone {
                alone["tenancyRevision"] = found["tenancyRevision"].clone();
            }
            assert_eq!(alone, *found);
        }
        // Amazon Verified Permissions' wire says the same.
        for (question, found) in questions.iter().zip(results).skip(50).take(100) {
            avp::asked(&sidecar, question, found);
        }
        hold_for_evaluations(&mut rng, &sidecar, &tenancy, &questions);
        for _ in 0..run.malformed {
            let malformed = Malformed::random(&mut rng, &tenancy);
            let reply = sidecar.post("/v1/is_authorized", &malformed.json);
            assert_eq!(
                reply.status, 400,
                "{}: {}\n{}",
                malformed.why, malformed.json, reply.text
            );
            assert_eq!(
                reply.header("content-type"),
                Some("application/problem+json")
            );
            no_fault_is_a_permit(&sidecar, &tenancy, &malformed);
        }
    }
}

/// The same questions through AuthZEN, all together and some alone.
fn hold_for_evaluations(
    rng: &mut Rng,
    sidecar: &Sidecar,
    tenancy: &Tenancy,
    questions: &[Question],
) {
    let evaluations: Vec<Value> = questions
        .iter()
        .map(|question| evaluation(rng, question))
        .collect();
    let reply = sidecar.post(
        "/access/v1/evaluations",
        &json!({"evaluations": evaluations}),
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reply = reply.json();
    let found = reply["evaluations"].as_array().unwrap();
    assert_eq!(found.len(), questions.len());
    for ((question, evaluation), found) in questions.iter().zip(&evaluations).zip(found) {
        let expected = answer(tenancy, question);
        let context = || format!("{evaluation}\nexpected {expected:?}\ngot {found}");
        let said = &found["context"];
        assert_eq!(found["decision"], expected.allow, "{}", context());
        assert_eq!(
            strings(&said["codes"], None),
            expected.codes,
            "{}",
            context()
        );
        let obligations = strings(&said["obligations"], Some("id"));
        assert_eq!(obligations, expected.obligations, "{}", context());
    }
    for (evaluation, found) in evaluations.iter().zip(found).take(50) {
        let mut alone = sidecar.post("/access/v1/evaluation", evaluation).json();
        alone["context"]["id"] = found["context"]["id"].clone();
        assert_eq!(alone, *found, "{evaluation}");
    }
}

/// Faults that AuthZEN ignores, so that the question is the one that it was before.
const IGNORED: [&str; 3] = [
    "a surplus context member",
    "a surplus flag",
    "an entity of a type that the store serves",
];

/// A malformed native question is malformed, a denial or the original one through AuthZEN.
fn no_fault_is_a_permit(sidecar: &Sidecar, tenancy: &Tenancy, malformed: &Malformed) {
    let evaluation = malformed_evaluation(malformed);
    let reply = sidecar.post("/access/v1/evaluation", &evaluation);
    let why = malformed.why;
    let context = || format!("{why}: {evaluation}\n{}", reply.text);
    let before = answer(tenancy, &malformed.question).allow;
    if IGNORED.contains(&why) {
        let is_ignored = why != "a surplus context member" || is_whole(&malformed.question);
        assert_eq!(
            reply.json()["decision"],
            is_ignored && before,
            "{}",
            context()
        );
        return;
    }
    // Some names are malformed natively and valid here.
    let subject = &evaluation["subject"];
    let may_be_allowed = match (why, subject["type"].as_str(), subject["id"].as_str()) {
        ("an unknown action", ..) => before,
        ("no entity where one is needed", Some("User" | "peppol::user"), Some(id)) => {
            let principal = ("User", id.to_owned());
            let question = Question {
                principal,
                ..malformed.question.clone()
            };
            answer(tenancy, &question).allow
        }
        _ => false,
    };
    match reply.status {
        400 => assert_eq!(reply.json()["decision"], Value::Null, "{}", context()),
        200 if may_be_allowed => {}
        200 => assert_eq!(reply.json()["decision"], false, "{}", context()),
        _ => panic!("{}", context()),
    }
}
