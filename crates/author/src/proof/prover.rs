//! The solver, and the questions that it is asked.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use cedar_policy::{Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::err::Error as SymccError;
use cedar_policy_symcc::solver::{LocalSolver, SolverError};
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env};
use tokio::process::Command;

/// Names the solver, where it is not `cvc5` on the `PATH`.
const VARIABLE: &str = "CVC5";

/// How a solver is run.
#[derive(Clone, Debug)]
pub struct ProofOptions {
    /// How long it may think about one formula.
    pub timeout: Duration,
}

/// Why nothing is proved and nothing refuted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no solver.
    #[error(
        "the solver `{}` cannot be run: {cause}; `apt-get install cvc5` (Debian, Ubuntu) or \
         https://cvc5.github.io gets it, and the variable `CVC5` says where it is",
        path.display()
    )]
    NoSolver {
        /// What was looked for.
        path: PathBuf,
        /// Why it does not run.
        cause: String,
    },
    /// It has thought for as long as it may.
    #[error("the solver has not answered within {0:?}")]
    TimedOut(Duration),
    /// It does not know.
    #[error("the solver cannot say")]
    Unknown,
    /// It has failed.
    #[error("the solver has failed: {0}")]
    Failed(String),
    /// The policies use what cannot be made a formula.
    #[error("the policies cannot be made a formula: {0}")]
    Unsupported(String),
    /// A policy may fail, which is a denial that the formulas do not know.
    #[error("a policy may fail")]
    MayFail,
}

/// A solver at work.
pub struct Prover {
    compiler: CedarSymCompiler<LocalSolver>,
    options: ProofOptions,
}

/// A kind of request, and the schema that it is of.
#[derive(Clone, Copy)]
struct About<'a> {
    schema: &'a Schema,
    kind: &'a RequestEnv,
}

/// One thing asked of the solver: `Some` is what stands against it.
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
        let compiler = compiler(&options)?;
        Ok(Self { compiler, options })
    }

    /// Whether all that `some` allows is allowed by `other`; `Some` is a request that
    /// only `some` allows.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn implies(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        some: &PolicySet,
        other: &PolicySet,
    ) -> Result<Option<Env>, ProofError> {
        let about = About { schema, kind };
        let (some, other) = (about.set(some)?, about.set(other)?);
        check!(self, check_implies_with_counterexample_opt(&some, &other))
    }

    /// Whether nothing is allowed by both; `Some` is a request that is.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn disjoint(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        some: &PolicySet,
        other: &PolicySet,
    ) -> Result<Option<Env>, ProofError> {
        let about = About { schema, kind };
        let (some, other) = (about.set(some)?, about.set(other)?);
        check!(self, check_disjoint_with_counterexample_opt(&some, &other))
    }

    /// Whether nothing is allowed; `Some` is a request that is.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn denies_all(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        set: &PolicySet,
    ) -> Result<Option<Env>, ProofError> {
        let set = About { schema, kind }.set(set)?;
        check!(self, check_always_denies_with_counterexample_opt(&set))
    }

    /// Whether a policy never fails; `Some` is a request on which it does.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn never_fails(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        policy: &Policy,
    ) -> Result<Option<Env>, ProofError> {
        let policy = About { schema, kind }.policy(policy)?;
        check!(self, check_never_errors_with_counterexample_opt(&policy))
    }

    /// Whether a policy applies to nothing; `Some` is a request to which it does.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn never_matches(
        &mut self,
        schema: &Schema,
        kind: &RequestEnv,
        policy: &Policy,
    ) -> Result<Option<Env>, ProofError> {
        let policy = About { schema, kind }.policy(policy)?;
        check!(self, check_never_matches_with_counterexample_opt(&policy))
    }

    /// The solver is told its limit; this is for one that does not hold it.
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
            // That is how it says that its time is up, too.
            Ok(Err(SymccError::SolverUnknown)) => return Err(ProofError::Unknown),
            Ok(Err(error)) => read(&error),
        };
        // What it would say next could be the answer to this.
        self.compiler = compiler(&self.options)?;
        Err(error)
    }
}

impl About<'_> {
    fn set(self, set: &PolicySet) -> Result<CompiledPolicySet, ProofError> {
        CompiledPolicySet::compile(set, self.kind, self.schema).map_err(|error| read(&error))
    }

    fn policy(self, policy: &Policy) -> Result<CompiledPolicy, ProofError> {
        CompiledPolicy::compile(policy, self.kind, self.schema).map_err(|error| read(&error))
    }
}

fn compiler(options: &ProofOptions) -> Result<CedarSymCompiler<LocalSolver>, ProofError> {
    let path = std::env::var_os(VARIABLE).map_or_else(|| PathBuf::from("cvc5"), PathBuf::from);
    let none = |cause: &dyn std::fmt::Display| ProofError::NoSolver {
        path: path.clone(),
        cause: cause.to_string(),
    };
    let mut command = Command::new(&path);
    command
        // Without the latter it takes no `like "*…*"`.
        .args(["--lang", "smt", "--strings-exp"])
        .arg(format!("--tlimit-per={}", options.timeout.as_millis()))
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    let solver = LocalSolver::from_command(&mut command).map_err(|error| match &error {
        SolverError::Io(cause) => none(cause),
        _ => none(&error),
    })?;
    CedarSymCompiler::new(solver).map_err(|error| none(&error))
}

fn read(error: &SymccError) -> ProofError {
    let text = error.to_string();
    match error {
        SymccError::SolverUnknown => ProofError::Unknown,
        SymccError::CompileError(_)
        | SymccError::PolicyNotWellTyped { .. }
        | SymccError::ActionNotInSchema(_)
        | SymccError::IncompleteSchema(_)
        | SymccError::EncodeError(_)
        | SymccError::NoPolicies => ProofError::Unsupported(text),
        SymccError::SolverError(_)
        | SymccError::DecodeModel(_)
        | SymccError::ConcretizeError(_)
        | SymccError::ModelInvalid { .. } => ProofError::Failed(text),
    }
}
