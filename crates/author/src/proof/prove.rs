//! Invariants against the policies, kind of request by kind of request.

mod finding;
mod never_fails;
mod question;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use cedar_policy::{PolicyId, PolicySet};

use super::case::WantedDecision;
use super::counterexample::Counterexample;
use super::error::ProofError;
use super::invariant::{Invariant, InvariantStatement};
use super::kind::RequestKind;
use super::prover::Prover;
use super::readable::readable;
use super::scenario::Scenario;
use peppol_authz_engine::policy::Bundle;
use question::{Confirmation, SolverQuestion, questions};

pub use finding::{InvariantFinding, InvariantResult, NotProvedReason};
pub use never_fails::never_fails;

/// Proves one invariant.
///
/// # Errors
/// [`ProofError::NoSolver`]; all else is a finding.
pub async fn prove(
    prover: &mut Prover,
    bundle: &Arc<Bundle>,
    invariant: &Invariant,
) -> Result<InvariantResult, ProofError> {
    let started = Instant::now();
    let code = invariant.code.clone();
    let mut proof = InvariantProof {
        prover,
        bundle,
        invariant,
        denied: WantedDecision::Deny(code.unwrap_or_else(|| Arc::from("NOT_PERMITTED"))),
        speaking: BTreeSet::new(),
        findings: Vec::new(),
    };
    let mut kinds = 0;
    for kind in RequestKind::all(bundle) {
        let own = kind.of(&invariant.bundle);
        if !own.is_empty() {
            kinds += 1;
            proof.prove_kind(&kind, &own).await?;
        }
    }
    proof.find_silent_policies();
    Ok(InvariantResult {
        name: Arc::clone(&invariant.name),
        rule: invariant.rule.clone(),
        statement: Some(invariant.statement),
        text: invariant.text.clone(),
        kinds,
        findings: proof.findings,
        elapsed: started.elapsed(),
    })
}

/// The proof of one invariant, as far as it has come.
struct InvariantProof<'a> {
    prover: &'a mut Prover,
    bundle: &'a Arc<Bundle>,
    invariant: &'a Invariant,
    /// The denial that the invariant wants.
    denied: WantedDecision,
    /// Policies of the invariant that apply to some request.
    speaking: BTreeSet<PolicyId>,
    findings: Vec<InvariantFinding>,
}

impl InvariantProof<'_> {
    /// Proves the invariant for one kind of request. `own` are its policies of this kind.
    async fn prove_kind(&mut self, kind: &RequestKind, own: &PolicySet) -> Result<(), ProofError> {
        if let Err(error) = self.begin(kind, own).await {
            self.not_proved(kind, error.into_finding()?);
            return Ok(());
        }
        let Some(questions) = questions(self.invariant, &kind.policies, own) else {
            let text = "an invariant has to be written out as permits".to_owned();
            self.not_proved(kind, ProofError::Unsupported(text));
            return Ok(());
        };
        for (question, confirmation) in questions {
            let Some(wrong) = self.answer(kind, own, &question, &confirmation).await? else {
                continue;
            };
            let wanted = match confirmation {
                Confirmation::Denied => WantedDecision::Allow,
                Confirmation::Allowed | Confirmation::Without(_) => self.denied.clone(),
            };
            self.findings
                .push(InvariantFinding::new(kind, wrong, wanted));
        }
        Ok(())
    }

    /// Puts one question to the solver. `None` is a proof.
    async fn answer(
        &mut self,
        kind: &RequestKind,
        own: &PolicySet,
        question: &SolverQuestion,
        confirmation: &Confirmation,
    ) -> Result<Option<NotProvedReason>, ProofError> {
        let (prover, schema) = (&mut *self.prover, self.bundle.schema.cedar());
        let answer = match question {
            SolverQuestion::Disjoint(a, b) => prover.disjoint(schema, &kind.env, a, b).await,
            SolverQuestion::Implies(a, b) => prover.implies(schema, &kind.env, a, b).await,
        };
        let env = match answer {
            Ok(None) => return Ok(None),
            Ok(Some(env)) => env,
            Err(error) => return Ok(Some(NotProvedReason::NotProved(error.into_finding()?))),
        };
        let shows = |scenario: &Scenario| question.is_refuted_by(scenario, &self.bundle.schema);
        let found = readable(&env, self.bundle, &[&kind.policies, own], &shows);
        let found = Counterexample::of_finding(found, self.bundle).await;
        let is_confirmed = confirmation.is_given_by(&found);
        Ok(Some(NotProvedReason::refuted(found, is_confirmed)))
    }

    /// Notes which policies of the invariant apply to requests of this kind. An error
    /// stands in the way of a proof: nothing is proved of a policy that can fail.
    async fn begin(&mut self, kind: &RequestKind, own: &PolicySet) -> Result<(), ProofError> {
        for policy in own.policies() {
            if self.can_fail(kind, policy).await? {
                let text = format!("the invariant itself can fail: `{}`", policy.id());
                return Err(ProofError::Unsupported(text));
            }
            let is_new = !self.speaking.contains(policy.id());
            let schema = self.bundle.schema.cedar();
            if is_new
                && self
                    .prover
                    .never_matches(schema, &kind.env, policy)
                    .await?
                    .is_some()
            {
                self.speaking.insert(policy.id().clone());
            }
        }
        // Where a policy fails the engine denies, which may be what should be allowed.
        if matches!(
            self.invariant.statement,
            InvariantStatement::IsImpliedBy | InvariantStatement::Equals
        ) {
            for policy in kind.policies.policies() {
                if self.can_fail(kind, policy).await? {
                    let text = format!("`{}` can fail, which is a denial", policy.id());
                    return Err(ProofError::Unsupported(text));
                }
            }
        }
        Ok(())
    }

    async fn can_fail(
        &mut self,
        kind: &RequestKind,
        policy: &cedar_policy::Policy,
    ) -> Result<bool, ProofError> {
        let schema = self.bundle.schema.cedar();
        let failing = self.prover.never_fails(schema, &kind.env, policy).await?;
        Ok(failing.is_some())
    }

    fn not_proved(&mut self, kind: &RequestKind, error: ProofError) {
        let finding =
            InvariantFinding::new(kind, NotProvedReason::NotProved(error), self.denied.clone());
        self.findings.push(finding);
    }

    /// Adds a finding where policies of the invariant apply to no request at all.
    fn find_silent_policies(&mut self) {
        let policies = self.invariant.bundle.policies();
        let silent = policies
            .iter()
            .filter(|info| !self.speaking.contains(info.policy.id()));
        let silent: Vec<Arc<str>> = silent.map(|info| Arc::clone(&info.id)).collect();
        if !silent.is_empty() {
            self.findings.push(InvariantFinding {
                kind: None,
                wrong: NotProvedReason::Empty(silent),
                wanted: self.denied.clone(),
            });
        }
    }
}
