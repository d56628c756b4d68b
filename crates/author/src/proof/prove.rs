//! Invariants against the policies, kind of request by kind of request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cedar_policy::{Authorizer, Decision, EntityUid, PolicyId, PolicySet};
use cedar_policy_symcc::Env;

use super::case::Wanted;
use super::counterexample::Counterexample;
use super::invariant::{Invariant, Statement, as_permits, forbids_alone};
use super::kind::Kind;
use super::prover::{ProofError, Prover};
use super::world::{World, rename};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Schema;

/// What came of one invariant.
#[derive(Debug)]
pub struct Proved {
    /// What was to be proved.
    pub name: Arc<str>,
    /// The rule that it is about.
    pub rule: Option<Arc<str>>,
    /// What was said of the policies; `None` for what always has to hold.
    pub statement: Option<Statement>,
    /// In words.
    pub text: String,
    /// How many kinds of request it is about.
    pub kinds: usize,
    /// What stands against it; nothing where it is proved.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What stands against an invariant.
#[derive(Debug)]
pub struct Finding {
    /// For which kind of request; `None` for all of it.
    pub kind: Option<Kind>,
    /// What it is.
    pub wrong: Wrong,
    /// What should be decided of a counterexample.
    pub wanted: Wanted,
}

/// Why an invariant is not proved.
#[derive(Debug)]
pub enum Wrong {
    /// It does not hold, as the engine confirms.
    Refuted(Box<Counterexample>),
    /// It does not hold by the solver, and the engine decides otherwise.
    Unconfirmed(Box<Counterexample>),
    /// It may hold or not.
    NotProved(ProofError),
    /// These policies of it are about no request at all.
    Empty(Vec<Arc<str>>),
}

/// What the solver is asked about one kind of request.
enum Question {
    /// Nothing is allowed by both.
    Disjoint(PolicySet, PolicySet),
    /// What the first allows, the second allows.
    Implies(PolicySet, PolicySet),
}

/// What the engine has to say of a counterexample to confirm it.
enum Confirmed {
    Allowed,
    Denied,
    /// Allowed, or denied without this code.
    Without(Arc<str>),
}

/// Proves one invariant.
///
/// # Errors
/// [`ProofError::NoSolver`]; all else is a finding.
pub async fn prove(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
    invariant: &Invariant,
) -> Result<Proved, ProofError> {
    let started = Instant::now();
    let code = invariant.code.clone();
    let denied = Wanted::Deny(code.unwrap_or_else(|| Arc::from("NOT_PERMITTED")));
    let mut findings = Vec::new();
    let mut kinds = 0;
    // Policies of the invariant that are about some request.
    let mut speaking = BTreeSet::new();
    for kind in Kind::all(bundle) {
        let own = kind.of(&invariant.bundle);
        if own.is_empty() {
            continue;
        }
        kinds += 1;
        let not_proved = |error| Finding::new(&kind, Wrong::NotProved(error), denied.clone());
        match begin(prover, bundle, &kind, invariant, &own, &mut speaking).await {
            Ok(()) => {}
            Err(error @ ProofError::NoSolver { .. }) => return Err(error),
            Err(error) => {
                findings.push(not_proved(error));
                continue;
            }
        }
        let Some(questions) = questions(invariant, &kind.policies, &own) else {
            let text = "an invariant has to be written out as permits".to_owned();
            findings.push(not_proved(ProofError::Unsupported(text)));
            continue;
        };
        let schema = bundle.schema.cedar();
        for (question, confirmed) in questions {
            let answer = match &question {
                Question::Disjoint(a, b) => prover.disjoint(schema, &kind.env, a, b).await,
                Question::Implies(a, b) => prover.implies(schema, &kind.env, a, b).await,
            };
            let wrong = match answer {
                Ok(None) => continue,
                Ok(Some(env)) => {
                    let sets = [&kind.policies, &own];
                    let shows = |world: &World| question.is_refuted_by(world, &bundle.schema);
                    let found = readable(&env, bundle, &sets, &shows);
                    refuted(found, bundle, &confirmed).await
                }
                Err(error @ ProofError::NoSolver { .. }) => return Err(error),
                Err(error) => Wrong::NotProved(error),
            };
            let wanted = match confirmed {
                Confirmed::Denied => Wanted::Allow,
                Confirmed::Allowed | Confirmed::Without(_) => denied.clone(),
            };
            findings.push(Finding::new(&kind, wrong, wanted));
        }
    }
    let policies = invariant.bundle.policies();
    let silent = policies
        .iter()
        .filter(|info| !speaking.contains(info.policy.id()));
    let silent: Vec<Arc<str>> = silent.map(|info| Arc::clone(&info.id)).collect();
    if !silent.is_empty() {
        findings.push(Finding {
            kind: None,
            wrong: Wrong::Empty(silent),
            wanted: denied,
        });
    }
    Ok(Proved {
        name: Arc::clone(&invariant.name),
        rule: invariant.rule.clone(),
        statement: Some(invariant.statement),
        text: invariant.text.clone(),
        kinds,
        findings,
        elapsed: started.elapsed(),
    })
}

/// Proves that no policy fails, whatever entities that fit the schema it looks at: one
/// that does is skipped by Cedar.
///
/// # Errors
/// [`ProofError::NoSolver`]; all else is a finding.
pub async fn never_fails(prover: &mut Prover, bundle: &Arc<Bundle>) -> Result<Proved, ProofError> {
    let started = Instant::now();
    let mut findings = Vec::new();
    let kinds = Kind::all(bundle);
    for kind in &kinds {
        for policy in kind.policies.policies() {
            let schema = bundle.schema.cedar();
            let wrong = match prover.never_fails(schema, &kind.env, policy).await {
                Ok(None) => continue,
                Ok(Some(env)) => {
                    let one = PolicySet::from_policies([policy.clone()]).unwrap_or_default();
                    let shows = |world: &World| fails(&one, world, &bundle.schema);
                    let found = readable(&env, bundle, &[&one], &shows);
                    let found = decided(found, bundle).await;
                    if found.codes().contains(&"EVALUATION_ERROR") {
                        Wrong::Refuted(Box::new(found))
                    } else {
                        Wrong::Unconfirmed(Box::new(found))
                    }
                }
                Err(error @ ProofError::NoSolver { .. }) => return Err(error),
                Err(error) => Wrong::NotProved(error),
            };
            let wanted = Wanted::Deny(Arc::from("NOT_PERMITTED"));
            findings.push(Finding::new(kind, wrong, wanted));
        }
    }
    Ok(Proved {
        name: Arc::from("no-policy-fails"),
        rule: None,
        statement: None,
        text: "No policy fails on entities that fit the schema.".to_owned(),
        kinds: kinds.len(),
        findings,
        elapsed: started.elapsed(),
    })
}

/// Sees that nothing is proved of what fails, and which policies of the invariant are about
/// requests of this kind. An error is what stands in the way of a proof.
async fn begin(
    prover: &mut Prover,
    bundle: &Bundle,
    kind: &Kind,
    invariant: &Invariant,
    own: &PolicySet,
    speaking: &mut BTreeSet<PolicyId>,
) -> Result<(), ProofError> {
    let schema = bundle.schema.cedar();
    for policy in own.policies() {
        if prover
            .never_fails(schema, &kind.env, policy)
            .await?
            .is_some()
        {
            let text = format!("the invariant itself can fail: `{}`", policy.id());
            return Err(ProofError::Unsupported(text));
        }
        let is_new = !speaking.contains(policy.id());
        if is_new
            && prover
                .never_matches(schema, &kind.env, policy)
                .await?
                .is_some()
        {
            speaking.insert(policy.id().clone());
        }
    }
    // Where one fails the engine denies what should be allowed.
    if matches!(
        invariant.statement,
        Statement::IsImpliedBy | Statement::Equals
    ) {
        for policy in kind.policies.policies() {
            if prover
                .never_fails(schema, &kind.env, policy)
                .await?
                .is_some()
            {
                let text = format!("`{}` can fail, which is a denial", policy.id());
                return Err(ProofError::Unsupported(text));
            }
        }
    }
    Ok(())
}

impl Finding {
    fn new(kind: &Kind, wrong: Wrong, wanted: Wanted) -> Self {
        Self {
            kind: Some(kind.clone()),
            wrong,
            wanted,
        }
    }
}

impl Proved {
    /// Whether nothing stands against it.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What has to be asked of one kind of request; `None` where it cannot be said.
fn questions(
    invariant: &Invariant,
    policies: &PolicySet,
    own: &PolicySet,
) -> Option<Vec<(Question, Confirmed)>> {
    let own = if invariant.statement.is_of_forbids() {
        as_permits(own)?
    } else {
        own.clone()
    };
    let theirs = policies.clone();
    let only_ours = (
        Question::Implies(theirs.clone(), own.clone()),
        Confirmed::Allowed,
    );
    let only_theirs = (
        Question::Implies(own.clone(), theirs.clone()),
        Confirmed::Denied,
    );
    Some(match invariant.statement {
        Statement::NeverAllows | Statement::IsDisjointFrom => {
            vec![(Question::Disjoint(theirs, own), Confirmed::Allowed)]
        }
        Statement::AlwaysDenies => {
            let code = invariant.code.clone()?;
            let forbids = forbids_alone(policies, &code)?;
            let question = Question::Disjoint(forbids, own);
            vec![(question, Confirmed::Without(code))]
        }
        Statement::Implies => vec![only_ours],
        Statement::IsImpliedBy => vec![only_theirs],
        Statement::Equals => vec![only_ours, only_theirs],
    })
}

impl Question {
    fn is_refuted_by(&self, world: &World, schema: &Schema) -> bool {
        let (a, b, wanted) = match self {
            Self::Disjoint(a, b) => (a, b, Decision::Allow),
            Self::Implies(a, b) => (a, b, Decision::Deny),
        };
        let Some((request, entities)) = world.to_cedar(schema) else {
            return false;
        };
        let says = |set| {
            Authorizer::new()
                .is_authorized(&request, set, &entities)
                .decision()
        };
        says(a) == Decision::Allow && says(b) == wanted
    }
}

fn fails(set: &PolicySet, world: &World, schema: &Schema) -> bool {
    world.to_cedar(schema).is_some_and(|(request, entities)| {
        let response = Authorizer::new().is_authorized(&request, set, &entities);
        response.diagnostics().errors().next().is_some()
    })
}

/// What the solver found, small and with names, for as long as it `shows` the same.
pub(super) fn readable(
    env: &Env,
    bundle: &Bundle,
    sets: &[&PolicySet],
    shows: &dyn Fn(&World) -> bool,
) -> Option<World> {
    let world = World::of(env, &bundle.schema)?;
    let policies = sets.iter().flat_map(|set| set.policies());
    let literals: BTreeSet<EntityUid> = policies.flat_map(|p| p.entity_literals()).collect();
    let small = world.shrunk(shows);
    let named = rename(&small, &bundle.schema, &literals);
    Some(if shows(&named) { named } else { small })
}

async fn decided(found: Option<World>, bundle: &Arc<Bundle>) -> Counterexample {
    match found {
        Some(world) => Counterexample::decided(&world, bundle).await,
        None => Counterexample {
            question: serde_json::Value::Null,
            entities: serde_json::Value::Null,
            decision: Err("what the solver found is not whole".to_owned()),
        },
    }
}

async fn refuted(found: Option<World>, bundle: &Arc<Bundle>, wanted: &Confirmed) -> Wrong {
    let found = decided(found, bundle).await;
    let is_confirmed = match wanted {
        Confirmed::Allowed => found.is_allowed(),
        Confirmed::Denied => found.is_denied(),
        Confirmed::Without(code) => {
            let is_decided = found.decision.as_ref().is_ok_and(|d| d.errors.is_empty());
            is_decided && !found.codes().contains(&&**code)
        }
    };
    if is_confirmed {
        Wrong::Refuted(Box::new(found))
    } else {
        Wrong::Unconfirmed(Box::new(found))
    }
}
