//! The solver, and the questions that it is asked.

mod solver;

use std::time::Duration;

use cedar_policy::{Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::err::Error as SymccError;
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};

use super::error::ProofError;
use solver::compiler;

/// The options of a solver.
#[derive(Clone, Debug)]
pub struct ProofOptions {
    /// The time limit for one formula.
    pub timeout: Duration,
}

/// A solver at work.
pub struct Prover {
    compiler: CedarSymCompiler<LocalSolver>,
    options: ProofOptions,
}

/// A kind of request, and the schema that it is of.
#[derive(Clone, Copy)]
struct KindUnderSchema<'a> {
    schema: &'a Schema,
    kind: &'a RequestEnv,
}

/// Puts one question to the solver. `Some` is a counterexample.
macro_rules! check {
    ($prover:expr, $method:ident($($of:expr),+)) => {{
        let limit = $prover.limit();
        let answer = tokio::time::timeout(limit, $prover.compiler.$method($($of),+)).await;
        $prover.answered(answer)
    }};
}

impl Prover {
    /// Starts the solver.
    ///
    /// # Errors
    /// [`ProofError::NoSolver`].
    pub fn start(options: ProofOptions) -> Result<Self, ProofError> {
        let compiler = compiler(options.timeout)?;
        Ok(Self { compiler, options })
    }

    /// Proves that all that `some` allows is allowed by `other`. `Some` is a request that only
    /// `some` allows.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub(super) async fn implies(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        some: &PolicySet,
        other: &PolicySet,
    ) -> Result<Option<Env>, ProofError> {
        let about = KindUnderSchema { schema, kind };
        let (some, other) = (about.set(some)?, about.set(other)?);
        check!(self, check_implies_with_counterexample_opt(&some, &other))
    }

    /// Proves that nothing is allowed by both. `Some` is a request that is.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub(super) async fn disjoint(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        some: &PolicySet,
        other: &PolicySet,
    ) -> Result<Option<Env>, ProofError> {
        let about = KindUnderSchema { schema, kind };
        let (some, other) = (about.set(some)?, about.set(other)?);
        check!(self, check_disjoint_with_counterexample_opt(&some, &other))
    }

    /// Proves that a policy never fails. `Some` is a request on which it does.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub(super) async fn never_fails(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        policy: &Policy,
    ) -> Result<Option<Env>, ProofError> {
        let policy = KindUnderSchema { schema, kind }.policy(policy)?;
        check!(self, check_never_errors_with_counterexample_opt(&policy))
    }

    /// Proves that a policy applies to nothing. `Some` is a request to which it does.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub(super) async fn never_matches(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        policy: &Policy,
    ) -> Result<Option<Env>, ProofError> {
        let policy = KindUnderSchema { schema, kind }.policy(policy)?;
        check!(self, check_never_matches_with_counterexample_opt(&policy))
    }

    /// The solver keeps its own limit. This one is longer, for a solver that does not.
    fn limit(&self) -> Duration {
        self.options.timeout + Duration::from_secs(1)
    }

    fn answered<T>(
        &mut self,
        answer: Result<cedar_policy_symcc::err::Result<T>, tokio::time::error::Elapsed>,
    ) -> Result<T, ProofError> {
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Err(_) => ProofError::TimedOut(self.options.timeout),
            // The solver says the same when its time is up.
            Ok(Err(SymccError::SolverUnknown)) => return Err(ProofError::Unknown),
            Ok(Err(error)) => ProofError::from(&error),
        };
        // The solver's next answer could be the late one to this question.
        self.compiler = compiler(self.options.timeout)?;
        Err(error)
    }
}

impl KindUnderSchema<'_> {
    fn set(self, set: &PolicySet) -> Result<CompiledPolicySet, ProofError> {
        CompiledPolicySet::compile(set, self.kind, self.schema)
            .map_err(|error| ProofError::from(&error))
    }

    fn policy(self, policy: &Policy) -> Result<CompiledPolicy, ProofError> {
        CompiledPolicy::compile(policy, self.kind, self.schema)
            .map_err(|error| ProofError::from(&error))
    }
}
