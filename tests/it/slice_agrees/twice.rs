//! Other policies say the same from the slice of a decision, or from one that two sets share, as
//! they say when they are asked alone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_engine::{Decided, Decision, Failure, Question, RequestMarks, Twice};
use serde_json::Value;

use super::{IdChoice, PolicyWorld, QUESTIONS, devices, folders, members};
use crate::deciding::{Deciding, bundle, codes};
use crate::rules::rng::Rng;

const TENANCIES: u64 = 30;

/// Some of the policies of a world.
fn some_of(world: &PolicyWorld, rng: &mut Rng) -> Arc<Bundle> {
    let all: cedar_policy::PolicySet = world.policies.parse().unwrap();
    let mut texts: Vec<String> = all
        .policies()
        .map(|policy| policy.to_cedar().unwrap())
        .collect();
    texts.sort();
    let last = texts.pop().unwrap();
    texts.retain(|_| rng.percent(60));
    texts.push(last);
    bundle(world.schema, &texts.join("\n"))
}

/// The part of a decision that a caller learns.
fn told(decision: &Decision) -> impl PartialEq + std::fmt::Debug {
    (
        decision.verdict,
        decision.reasons.clone(),
        decision.determining.clone(),
        decision.obligations.clone(),
    )
}

async fn decide(
    engine: &peppol_authz_engine::Engine,
    json: &Value,
) -> (Question, Result<Decision, Failure>) {
    let session = engine.session();
    let (question, options) = session.question(json, 100).unwrap();
    let decision = session.decide(&question, &options.demand).await;
    (question, decision)
}

/// The ways in which the other policies' decisions were made.
#[derive(Debug, Default)]
struct SettledCounts {
    from_the_slice: usize,
    from_one_slice: usize,
    different: usize,
    absent: usize,
}

fn agree(world: &PolicyWorld, names: &IdChoice) -> SettledCounts {
    let mut seen = SettledCounts::default();
    for seed in 0..TENANCIES {
        let mut rng = Rng::new(seed + 1);
        let (first, other) = (some_of(world, &mut rng), some_of(world, &mut rng));
        let json = Value::Array((world.entities)(&mut rng, names)).to_string();
        let of = |bundle: &Arc<Bundle>| {
            let store = EntitiesFile::parse(json.as_bytes()).unwrap();
            Deciding::over(store, Arc::clone(bundle))
        };
        let (asked, alone, both) = (of(&first), of(&other), of(&other));
        for _ in 0..QUESTIONS {
            let json = (world.question)(&mut rng, names);
            let text = json.clone();
            let (question, given) = asked.work(async move |engine| decide(&engine, &text).await);
            let text = json.clone();
            let (_, fresh) = alone.work(async move |engine| decide(&engine, &text).await);
            let (Ok(given), Ok(fresh)) = (given, fresh) else {
                continue;
            };
            let decided = Decided {
                id: uuid::Uuid::now_v7(),
                surface: "native",
                at: SystemTime::UNIX_EPOCH,
                elapsed: Duration::ZERO,
                question: Some(question.clone()),
                said: Value::Null,
                marks: RequestMarks::default(),
                decision: given.clone(),
                bundle: Arc::clone(&first),
            };
            let other = Arc::clone(&other);
            let again = asked.work(async move |_| decided.again(&other));
            if let Some(again) = again {
                assert_eq!(told(&again.unwrap()), told(&fresh), "{json}");
                seen.from_the_slice += 1;
            }
            let first = Arc::clone(&first);
            let twice = both.work(async move |engine| {
                let session = engine.session();
                Twice::decide(&session, &question, &first, &Demand::default()).await
            });
            match twice {
                Ok(twice) => {
                    assert_eq!(told(&twice.own), told(&fresh), "{json}");
                    assert_eq!(told(&twice.other), told(&given), "{json}");
                    seen.from_one_slice += 1;
                }
                // Entities that neither needs alone may be missing for both together.
                Err(Failure::Tenancy(_)) if names.ghosts > 0 => {}
                Err(failure) => panic!("{failure}\n{json}"),
            }
            seen.different += usize::from(told(&given) != told(&fresh));
            let is_absent = codes(&given)
                .iter()
                .any(|code| code.starts_with("UNKNOWN_"));
            seen.absent += usize::from(is_absent);
        }
    }
    seen
}

fn holds(world: &PolicyWorld) {
    let whole = agree(world, &IdChoice { ghosts: 0 });
    assert!(
        whole.from_the_slice > 50 && whole.from_one_slice > whole.from_the_slice,
        "{whole:?}"
    );
    assert!(whole.different > 50, "{whole:?}");
    let ghosts = agree(world, &IdChoice { ghosts: 4 });
    assert!(
        ghosts.absent > 10 && ghosts.from_the_slice > 50,
        "{ghosts:?}"
    );
}

#[test]
fn other_policies_of_folders_say_the_same() {
    holds(&folders::WORLD);
}

#[test]
fn other_policies_of_members_say_the_same() {
    holds(&members::WORLD);
}

#[test]
fn other_policies_of_devices_say_the_same() {
    holds(&devices::WORLD);
}
