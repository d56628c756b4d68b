//! Random schemas, policies, entities and questions: what the engine answers is what Cedar answers, but
//! for who is not there (GEN-1) and policies that fail (GEN-2).

mod model;
mod searches;
mod sets;

use peppol_authz_engine::Verdict;
use serde_json::json;

use self::model::Model;
use self::sets::{policies, templates};
use super::stored::{LinksDatabase, assert_same};
use super::{BothSides, uid};
use crate::deciding::codes;
use crate::rules::rng::Rng;
use crate::search_agrees::seed;

/// Sets in a run of the suite; `PROPERTY_ROUNDS` makes it longer.
const SETS: u64 = 40;

#[derive(Default)]
struct Counts {
    sets: usize,
    allowed: usize,
    denied: usize,
    failed: usize,
    absent: usize,
    /// Decisions that rest on links.
    linked: usize,
    /// Entities that searches have found.
    found: usize,
}

fn hold(rng: &mut Rng, counts: &mut Counts, database: &LinksDatabase) {
    let model = Model::random(rng);
    let schema = model.schema();
    let policies = policies(rng, &model, &schema);
    let (templates, links) = templates(rng, &model, &schema);
    let policies = policies + &templates;
    if policies.is_empty() {
        return;
    }
    counts.sets += 1;
    let sides = BothSides::with_links(&schema, &policies, &links);
    let entities = model.entities(rng);
    let cedar = sides.read(&entities).unwrap();
    let engine = sides.engine(&entities).unwrap();
    let stored = database.engine((&schema, &policies, &links), &sides.bundle, &entities);
    counts.found += searches::hold(rng, &model, &stored);
    for _ in 0..30 {
        let (principal, resource) = (rng.pick([2, 3]), rng.pick([1, 3]));
        let question = json!({
            "principal": model.uid(rng, principal),
            "action": uid("Action", rng.pick(["see", "do"])),
            "resource": model.uid(rng, resource),
            "context": model.values(rng, &model.context),
        });
        let decision = engine.decide(&question);
        assert_same(&decision, &stored.decide(&question), &question);
        if codes(&decision)
            .iter()
            .any(|code| code.starts_with("UNKNOWN_"))
        {
            assert_eq!(decision.verdict, Verdict::Deny);
            assert!(!decision.absent.is_empty(), "{question}");
            assert!(decision.absent.iter().all(|uid| cedar.get(uid).is_none()));
            counts.absent += 1;
            continue;
        }
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            sides.assert_agree(&engine, &cedar, &question)
        }));
        let answer = answer
            .unwrap_or_else(|_| panic!("{schema}\n{policies}\n{links:?}\n{entities}\n{question}"));
        let by_link = answer.determining.iter().any(|id| id.starts_with("l/"));
        counts.linked += usize::from(by_link);
        counts.allowed += usize::from(answer.allowed);
        counts.denied += usize::from(!answer.allowed && !answer.failed);
        counts.failed += usize::from(answer.failed);
    }
}

#[test]
fn random_sets_are_decided_as_by_cedar() {
    let rounds = std::env::var("PROPERTY_ROUNDS").ok();
    let rounds = rounds.and_then(|text| text.parse().ok()).unwrap_or(SETS);
    let mut counts = Counts::default();
    let database = LinksDatabase::new();
    for number in 0..rounds {
        let mut rng = Rng::new(seed() * 1_000_003 + number);
        hold(&mut rng, &mut counts, &database);
    }
    let Counts {
        sets,
        allowed,
        denied,
        failed,
        absent,
        linked,
        found,
    } = counts;
    let said = format!(
        "{sets} sets, {} questions: {allowed} allowed, {denied} denied, {failed} failed, {absent} of who is not \
         there, {linked} by links, {found} found by searches\n",
        allowed + denied + failed + absent
    );
    // For a long run, which `--nocapture` shows.
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
    let least = usize::try_from(rounds).unwrap();
    assert!(sets * 2 > least, "{sets} of {rounds}");
    for count in [allowed, denied, failed, absent, 2 * linked, found] {
        assert!(count > least, "{said}");
    }
}
