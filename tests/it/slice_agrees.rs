//! The slice never changes a decision: random questions over random entities
//! get from the engine, which loads a few, the answer that Cedar gives over all
//! of them, resting on the same policies.

mod devices;
mod folders;
mod members;
mod twice;

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, EntityUid, PolicyId, PolicySet, Request,
    Response, Schema,
};
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_engine::{Decision, Verdict};
use serde_json::{Value, json};

use crate::deciding::{Deciding, Refused, bundle, codes};
use crate::rules::rng::Rng;

/// Questions about one schema in one run.
const TENANCIES: u64 = 40;
const QUESTIONS: usize = 60;

/// A schema with its policies, and the world that they are about.
struct PolicyWorld {
    schema: &'static str,
    policies: &'static str,
    entities: fn(&mut Rng, &IdChoice) -> Vec<Value>,
    question: fn(&mut Rng, &IdChoice) -> Value,
}

/// The choice of ids.
struct IdChoice {
    /// The number of ids in 100 that belong to no entity.
    ghosts: usize,
}

impl IdChoice {
    /// One of `count` ids of this kind, or one that is not there.
    fn any(&self, rng: &mut Rng, kind: &str, count: usize) -> Value {
        let name = kind.rsplit("::").next().unwrap_or(kind).to_lowercase();
        if rng.percent(self.ghosts) {
            return uid(kind, "ghost");
        }
        uid(kind, &format!("{name}{}", rng.below(count)))
    }

    /// Several of them.
    fn some(&self, rng: &mut Rng, kind: &str, count: usize) -> Value {
        (0..rng.below(3))
            .map(|_| self.any(rng, kind, count))
            .collect()
    }
}

/// An entity as a value.
fn uid(kind: &str, id: &str) -> Value {
    json!({"__entity": {"type": kind, "id": id}})
}

fn extension(function: &str, text: &str) -> Value {
    json!({"__extn": {"fn": function, "arg": text}})
}

/// Cedar over everything.
struct Reference {
    schema: Schema,
    policies: PolicySet,
}

impl Reference {
    fn new(world: &PolicyWorld) -> Self {
        let (schema, _) = Schema::from_cedarschema_str(world.schema).unwrap();
        let parsed: PolicySet = world.policies.parse().unwrap();
        let named = parsed.policies().map(|policy| {
            let id = policy.annotation("id").unwrap();
            policy.new_id(PolicyId::new(id))
        });
        let policies = PolicySet::from_policies(named).unwrap();
        Self { schema, policies }
    }

    fn answer(&self, question: &Value, entities: &Entities) -> Response {
        let uid = |member: &str| EntityUid::from_json(question[member].clone()).unwrap();
        let action = uid("action");
        let context = question["context"].clone();
        let context = Context::from_json_value(context, Some((&self.schema, &action))).unwrap();
        let schema = Some(&self.schema);
        let request = Request::new(uid("principal"), action, uid("resource"), context, schema);
        Authorizer::new().is_authorized(&request.unwrap(), &self.policies, entities)
    }
}

fn ids<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> BTreeSet<String> {
    ids.map(ToString::to_string).collect()
}

/// The engine's answer is Cedar's: but for a policy that failed, which denies.
fn assert_agree(decision: &Decision, response: &Response, question: &Value) {
    let failed = response.diagnostics().errors().map(|error| {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        error.policy_id()
    });
    let failed = ids(failed);
    let reasons = ids(response.diagnostics().reason());
    let cedar = format!("{:?} {reasons:?} failed {failed:?}", response.decision());
    let found = format!("{:?} {:?}", decision.verdict, decision.reasons);
    let said = || format!("{question}\ncedar  {cedar}\nengine {found}");
    let of_code = |code: &str| -> BTreeSet<String> {
        let reasons = decision.reasons.iter();
        reasons
            .filter(|reason| reason.code.as_deref() == Some(code))
            .filter_map(|reason| reason.policy.as_deref().map(str::to_owned))
            .collect()
    };
    assert_eq!(of_code("EVALUATION_ERROR"), failed, "{}", said());
    let allowed = response.decision() == cedar_policy::Decision::Allow;
    let verdict = match allowed && failed.is_empty() {
        true => Verdict::Allow,
        false => Verdict::Deny,
    };
    assert_eq!(decision.verdict, verdict, "{}", said());
    if failed.is_empty() {
        let determining: BTreeSet<_> = decision
            .determining
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(determining, reasons, "{}", said());
        let nothing = verdict == Verdict::Deny && reasons.is_empty();
        assert_eq!(codes(decision) == ["NOT_PERMITTED"], nothing, "{}", said());
    }
}

/// Where Cedar would have skipped a policy, the answer is a denial; all else is Cedar's answer.
fn assert_no_laxer(
    answer: &Result<Decision, Refused>,
    response: &Response,
    question: &Value,
    entities: &Entities,
) {
    let absent = named(question)
        .iter()
        .any(|uid| entities.get(uid).is_none());
    match answer {
        Ok(decision) if absent => {
            assert_eq!(decision.verdict, Verdict::Deny, "{question}");
            let codes = codes(decision);
            assert!(!codes.is_empty(), "{question}");
            assert!(
                codes.iter().all(|code| code.starts_with("UNKNOWN_")),
                "{question}: {codes:?}"
            );
        }
        Ok(decision) => assert_agree(decision, response, question),
        Err(other) => panic!("{other:?}\n{question}"),
    }
}

/// The entities that a question names, but for actions and words of a vocabulary.
fn named(question: &Value) -> Vec<EntityUid> {
    fn collect(value: &Value, found: &mut Vec<EntityUid>) {
        match value {
            Value::Object(members) if members.contains_key("__entity") => {
                found.push(EntityUid::from_json(value.clone()).unwrap());
            }
            Value::Object(members) => members.values().for_each(|inner| collect(inner, found)),
            Value::Array(values) => values.iter().for_each(|inner| collect(inner, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for member in ["principal", "resource", "context"] {
        collect(&question[member], &mut found);
    }
    found.retain(|uid| !uid.type_name().to_string().ends_with("Word"));
    found
}

/// Counts of decisions and their policies, so that a world that asks nothing is noticed.
#[derive(Default)]
struct DecisionCounts {
    determining: BTreeSet<String>,
    failed: usize,
    allowed: usize,
    denied: usize,
    refused: usize,
}

impl DecisionCounts {
    fn count(&mut self, answer: &Result<Decision, Refused>) {
        let Ok(decision) = answer else {
            self.refused += 1;
            return;
        };
        let ids = decision.determining.iter().map(ToString::to_string);
        self.determining.extend(ids);
        self.failed += usize::from(codes(decision).contains(&"EVALUATION_ERROR"));
        match decision.verdict {
            Verdict::Allow => self.allowed += 1,
            Verdict::Deny => self.denied += 1,
        }
    }
}

fn run(world: &PolicyWorld, names: &IdChoice) -> DecisionCounts {
    let reference = Reference::new(world);
    let bundle = bundle(world.schema, world.policies);
    let mut seen = DecisionCounts::default();
    for seed in 0..TENANCIES {
        let mut rng = Rng::new(seed + 1);
        let json = Value::Array((world.entities)(&mut rng, names));
        let all = Entities::from_json_value(json.clone(), Some(&reference.schema)).unwrap();
        let store = EntitiesFile::parse(json.to_string().as_bytes()).unwrap();
        // Without what was loaded before, every other time.
        let cache_bytes = (seed % 2) * (64 << 20);
        let deciding = Deciding::with_cache(store, Arc::clone(&bundle), cache_bytes);
        for _ in 0..QUESTIONS {
            let question = (world.question)(&mut rng, names);
            let response = reference.answer(&question, &all);
            let answer = deciding.ask(&question);
            assert_no_laxer(&answer, &response, &question, &all);
            seen.count(&answer);
        }
    }
    seen
}

/// Every policy decides something, and questions are of every kind.
fn agree(world: &PolicyWorld) {
    let seen = run(world, &IdChoice { ghosts: 0 });
    assert_eq!(seen.refused, 0);
    assert!(
        seen.allowed > 100 && seen.denied > 100,
        "{} {}",
        seen.allowed,
        seen.denied
    );
    let all: BTreeSet<String> = ids(Reference::new(world)
        .policies
        .policies()
        .map(cedar_policy::Policy::id));
    let idle: Vec<_> = all.difference(&seen.determining).collect();
    assert!(idle.is_empty(), "never decide: {idle:?}");
    // With entities that are missing here and there.
    let seen = run(world, &IdChoice { ghosts: 4 });
    assert!(
        seen.refused == 0 && seen.allowed > 100,
        "{} {}",
        seen.refused,
        seen.allowed
    );
}

#[test]
fn over_groups_sets_and_records() {
    agree(&folders::WORLD);
}

#[test]
fn over_extension_types_and_vocabularies() {
    agree(&devices::WORLD);
}

#[test]
fn over_tags_and_two_types_of_principals() {
    agree(&members::WORLD);
}
