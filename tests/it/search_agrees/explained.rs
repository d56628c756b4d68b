//! Explanations of random policies hold: with the changes made to the entities as they
//! are written, an engine of its own decides as the explanation says.

use std::sync::Arc;

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_engine::{Decision, NearPermit, Remedy, Verdict};
use serde_json::{Value as Json, json};

use super::shape::{self, ACTIONS};
use super::world::World;
use super::{policies, seed, worlds};
use crate::deciding::{Deciding, Refused, bundle, codes};
use crate::explain::applied::apply;
use crate::rules::rng::Rng;

/// Counts of the checks, so that a test that checks nothing is noticed.
#[derive(Debug, Default)]
struct ExplanationCounts {
    denied: usize,
    near: usize,
    /// Nearly matching permits with a known lack.
    told: usize,
    claimed: usize,
    /// Changes that the entities have no place for.
    unwritten: usize,
    /// Decisions that need several changes together.
    several: usize,
}

/// One question over entities that are written down.
struct WrittenQuestion<'a> {
    schema: &'a str,
    bundle: &'a Arc<Bundle>,
    entities: &'a Json,
    question: &'a Json,
}

fn over(entities: &Json, bundle: &Arc<Bundle>) -> Deciding {
    let store = EntitiesFile::parse(entities.to_string().as_bytes()).unwrap();
    Deciding::with_cache(store, Arc::clone(bundle), 0)
}

impl WrittenQuestion<'_> {
    /// The decision by these policies once the changes are made; `None` where they cannot be
    /// written down.
    fn after(&self, changes: &[peppol_authz_engine::Change], by: &Arc<Bundle>) -> Option<Decision> {
        let (mut entities, mut question) = (self.entities.clone(), self.question.clone());
        apply(changes, &mut entities, &mut question, &by.schema)?;
        let decision = over(&entities, by).ask(&question);
        Some(decision.unwrap_or_else(|refused| panic!("{refused:?}\n{question}\n{changes:#?}")))
    }

    fn check(
        &self,
        near: &NearPermit,
        remedy: &Remedy,
        lacks: usize,
        seen: &mut ExplanationCounts,
    ) {
        let said = || format!("{}\n{near:#?}\n{remedy:#?}", self.question);
        let Some(decision) = self.after(&remedy.changes, self.bundle) else {
            seen.unwritten += 1;
            return;
        };
        assert_eq!(decision.verdict, remedy.verdict, "{}", said());
        match decision.verdict {
            Verdict::Allow => assert!(decision.determining.contains(&near.info.id), "{}", said()),
            Verdict::Deny => {
                assert_eq!(decision.reasons, remedy.reasons, "{}", said());
                assert_ne!(codes(&decision), ["NOT_PERMITTED"], "{}", said());
            }
        }
        // By that permit alone, and by all of the changes.
        let alone = bundle(self.schema, near.info.source());
        let whole = self.after(&remedy.changes, &alone).unwrap();
        assert_eq!(whole.verdict, Verdict::Allow, "{}", said());
        seen.claimed += 1;
        if remedy.changes.len() != lacks {
            return;
        }
        seen.several += usize::from(lacks > 1);
        for left_out in 0..remedy.changes.len() {
            let mut fewer = remedy.changes.clone();
            fewer.remove(left_out);
            let part = self.after(&fewer, &alone).unwrap();
            assert_eq!(part.verdict, Verdict::Deny, "{left_out} {}", said());
        }
    }

    fn ask(&self, deciding: &Deciding, seen: &mut ExplanationCounts) {
        let (decision, why) = match deciding.explain(self.question) {
            Ok(explained) => explained,
            Err(Refused::Failed(_)) => return,
            Err(other) => panic!("{other:?}\n{}", self.question),
        };
        let why = why.unwrap_or_else(|error| panic!("{error}\n{}", self.question));
        if codes(&decision) != ["NOT_PERMITTED"] {
            assert!(why.near.is_empty(), "{why:#?}");
            return;
        }
        seen.denied += 1;
        assert!(why.policies.is_empty() && why.absent.is_empty() && why.permits.is_empty());
        for near in &why.near {
            seen.near += 1;
            seen.told += usize::from(!near.ways.is_empty());
            for way in &near.ways {
                assert!(!way.lacks.is_empty() && !way.met.is_empty(), "{near:#?}");
                for remedy in &way.met {
                    self.check(near, remedy, way.lacks.len(), seen);
                }
            }
        }
    }
}

#[test]
fn what_permits_are_said_to_lack_is_what_they_lack() {
    let schema = shape::schema();
    let mut seen = ExplanationCounts::default();
    for number in worlds(8) {
        let mut rng = Rng::new(seed() * 7_000_003 + number);
        let world = World::random(&mut rng, true);
        let entities = world.file(&mut rng, |kind| kind != "Outside");
        let (_, bundle) = policies::random(&mut rng, &world, &schema);
        let deciding = over(&entities, &bundle);
        for action in &ACTIONS {
            for _ in 0..12 {
                let principal = *rng.choose(action.principals).unwrap();
                let resource = *rng.choose(action.resources).unwrap();
                let question = json!({
                    "principal": {"type": principal, "id": world.id(&mut rng, principal, 0)},
                    "action": {"type": "Action", "id": action.name},
                    "resource": {"type": resource, "id": world.id(&mut rng, resource, 0)},
                    "context": world.context(&mut rng),
                    "entities": world.file(&mut rng, |kind| kind == "Outside"),
                });
                let case = WrittenQuestion {
                    schema: &schema,
                    bundle: &bundle,
                    entities: &entities,
                    question: &question,
                };
                case.ask(&deciding, &mut seen);
            }
        }
    }
    let found = [seen.near, seen.told, seen.claimed, seen.several * 4];
    let enough = seen.denied / 8;
    assert!(found.iter().all(|found| *found > enough), "{seen:?}");
    assert!(seen.unwritten < enough, "{seen:?}");
}
