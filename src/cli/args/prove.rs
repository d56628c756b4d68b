//! The arguments of `prove`, and those of all commands that ask the solver.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::policy::PolicyArgs;

/// The limits of the solver.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SolverArgs {
    /// The longest time for one formula, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(in crate::cli) timeout: Duration,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz prove
  peppol-authz prove pty-4-flags-decide --write refuted

Invariants are read from `invariants/` in the directory of policies. Each file is a policy set whose policies carry
one `@invariant`, which states how the policies relate to the set:
  never allows      no policy allows a request that the forbids of the set describe
  always denies     such a request is forbidden with their `@code`, so that no further permit can allow it
  implies           each allowed request is allowed by the set, for the actions that the set is about
  is implied by     each request that the set allows is allowed
  equals            both of the last two
  is disjoint from  no request that the set allows is allowed
In addition no policy may ever fail. The solver is `cvc5`: `apt-get install cvc5`, or the path in the variable CVC5.
Exit codes: 0 all is proved; 4 something is refuted or not proved; 1 the proof could not be tried.")]
pub(in crate::cli) struct ProveArgs {
    /// Invariants, by the names of their files without extension [default: all]
    #[arg(value_name = "NAME")]
    pub(in crate::cli) names: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    #[command(flatten)]
    pub(in crate::cli) solver: SolverArgs,
    /// A directory into which each refutation is written, as a policy suite with one case that fails
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) write: Option<PathBuf>,
    /// Write one JSON object for each invariant
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number of seconds from 1 to 86400".to_owned()),
    }
}
