//! Explanations of random policies hold: with the changes made to the entities as they
//! are written, an engine of its own decides as the explanation says.

use std::sync::Arc;

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_engine::{Decision, MissingConditions, Remedy, Verdict};
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
    /// Denials by policies.
    forbidden: usize,
    /// Changes with which the policies of such a denial allow.
    ways_out: usize,
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

    /// A remedy holds: by all policies, and by these alone, which allow only with all of its changes.
    /// `by` is the permit that it is for, if it is for one.
    fn check(
        &self,
        way: &MissingConditions,
        alone: &Arc<Bundle>,
        by: Option<&str>,
        seen: &mut ExplanationCounts,
    ) {
        assert!(!way.lacks.is_empty() && !way.met.is_empty(), "{way:#?}");
        for remedy in &way.met {
            self.check_remedy(remedy, way.lacks.len(), alone, by, seen);
        }
    }

    fn check_remedy(
        &self,
        remedy: &Remedy,
        lacks: usize,
        alone: &Arc<Bundle>,
        by: Option<&str>,
        seen: &mut ExplanationCounts,
    ) {
        let said = || format!("{}\n{by:?}\n{remedy:#?}", self.question);
        let Some(decision) = self.after(&remedy.changes, self.bundle) else {
            seen.unwritten += 1;
            return;
        };
        assert_eq!(decision.verdict, remedy.verdict, "{}", said());
        if decision.verdict == Verdict::Deny {
            assert_eq!(decision.reasons, remedy.reasons, "{}", said());
        }
        if let Some(by) = by {
            let by_it = decision.determining.iter().any(|id| &**id == by);
            let denied = decision.verdict == Verdict::Deny && codes(&decision) != ["NOT_PERMITTED"];
            assert!(by_it || denied, "{}", said());
        }
        let whole = self.after(&remedy.changes, alone).unwrap();
        assert_eq!(whole.verdict, Verdict::Allow, "{}", said());
        match by {
            Some(_) => seen.claimed += 1,
            None => seen.ways_out += 1,
        }
        if remedy.changes.len() != lacks {
            return;
        }
        seen.several += usize::from(lacks > 1);
        for left_out in 0..remedy.changes.len() {
            let mut fewer = remedy.changes.clone();
            fewer.remove(left_out);
            let part = self.after(&fewer, alone).unwrap();
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
        let by_default = codes(&decision) == ["NOT_PERMITTED"];
        let forbidden = decision.verdict == Verdict::Deny && !why.policies.is_empty();
        let nothing_permits = by_default || forbidden && why.permits.is_empty();
        assert!(nothing_permits || why.near.is_empty(), "{why:#?}");
        assert!(forbidden || why.ways.is_empty(), "{why:#?}");
        if by_default {
            seen.denied += 1;
            assert!(why.policies.is_empty() && why.absent.is_empty() && why.permits.is_empty());
        }
        seen.forbidden += usize::from(forbidden);
        for near in &why.near {
            seen.near += 1;
            seen.told += usize::from(!near.ways.is_empty());
            let alone = bundle(self.schema, near.info.source());
            for way in &near.ways {
                self.check(way, &alone, Some(&near.info.id), seen);
            }
        }
        if !why.ways.is_empty() {
            let forbids = why.policies.iter().map(|policy| policy.info.source());
            let all = "@id(\"all\") permit (principal, action, resource);";
            let alone = bundle(self.schema, &forbids.chain([all]).collect::<String>());
            for way in &why.ways {
                self.check(way, &alone, None, seen);
            }
        }
    }
}

#[test]
fn what_is_said_to_be_missing_is_what_is_missing() {
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
    assert!(seen.ways_out > seen.forbidden / 8, "{seen:?}");
}
