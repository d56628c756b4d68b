//! `prove` and what it takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::PolicyArgs;

/// What the commands take that ask the solver.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SolverArgs {
    /// How long the solver may think about one formula, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(in crate::cli) timeout: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Invariants are read from `invariants/` in the directory of policies: each file a policy set whose policies carry
one `@invariant`, which is what is said of the policies with respect to it:
  never allows      what its forbids describe is never allowed
  always denies     what its forbids describe is forbidden with their `@code`, so that no further permit can allow it
  implies           what is allowed is allowed by this set, for the actions that it is about
  is implied by     what this set allows is allowed
  equals            the last two at once
  is disjoint from  nothing that this set allows is allowed
And no policy may ever fail. The solver is `cvc5`: `apt-get install cvc5`, or the variable CVC5 says where it is.
Exit codes: 0 all is proved, 4 something is refuted or not proved, 1 it could not be tried.")]
pub(in crate::cli) struct ProveArgs {
    /// Invariants, by the names of their files without ending [default: all]
    #[arg(value_name = "NAME")]
    pub(in crate::cli) names: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    #[command(flatten)]
    pub(in crate::cli) solver: SolverArgs,
    /// Write each refutation as a policy suite of one case, which fails, into this directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) write: Option<PathBuf>,
    /// One JSON object an invariant
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds from 1 to 86400 is wanted".to_owned()),
    }
}
