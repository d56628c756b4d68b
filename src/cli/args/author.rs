//! The arguments of `check` and `test`.

use std::path::PathBuf;

use clap::Args;

use super::policy::{AdditionsArgs, PolicyArgs};
use super::prove::SolverArgs;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz check
  peppol-authz check --policies next --fix
  peppol-authz check --openapi openapi.yaml --json")]
pub(in crate::cli) struct CheckArgs {
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    #[command(flatten)]
    pub(in crate::cli) additions: AdditionsArgs,
    /// Format the policies in their files
    #[arg(long)]
    pub(in crate::cli) fix: bool,
    /// Write one JSON object for each fault, for editors and CI
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Hold the route table to an OpenAPI description (3.0 or 3.1, JSON or YAML) of a service behind the gateway; may be given again
    ///
    /// Each of its operations needs an entry, and an entry may read only what it describes.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) openapi: Vec<PathBuf>,
    /// The path in front of those in the descriptions [default: that of their `servers`]
    #[arg(long, value_name = "PATH", requires = "openapi")]
    pub(in crate::cli) openapi_base: Option<String>,
    /// The descriptions are of a part of the services: an entry that is in none of them is no fault
    #[arg(long, requires = "openapi")]
    pub(in crate::cli) openapi_partial: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz test --coverage --drop-one
  peppol-authz test tests/policies/documents.toml --junit report.xml")]
pub(in crate::cli) struct TestArgs {
    /// Suites, or directories of suites [default: tests/policies]
    #[arg(value_name = "PATH")]
    pub(in crate::cli) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    #[command(flatten)]
    pub(in crate::cli) additions: AdditionsArgs,
    /// Write the results also as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) junit: Option<PathBuf>,
    /// Show the policies, rules and actions that no case tests, and fail if there are any
    #[arg(long)]
    pub(in crate::cli) coverage: bool,
    /// Leave out each policy in turn, and fail if no case notices
    #[arg(long)]
    pub(in crate::cli) drop_one: bool,
    /// Make small mistakes in the policies, one at a time, and fail if no case notices one
    #[arg(long)]
    pub(in crate::cli) mutate: bool,
    #[command(flatten)]
    pub(in crate::cli) solver: SolverArgs,
    /// Keep the new results as the golden matrices
    #[arg(long)]
    pub(in crate::cli) update: bool,
}
