//! The arguments of `replay`.

use std::path::PathBuf;

use clap::Args;

use super::policy::{PolicyArgs, SourceArgs};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz replay decisions.ndjson
  peppol-authz replay decisions.ndjson --policies next --json

A line with `slice` is decided from the entities in it; every other line from the store that \
`--tenancy` or the settings name. Exit codes: 0 every decision is the same, byte for byte; 4 a \
decision has changed; 1 no decision has changed, but a line could not be decided.")]
pub(in crate::cli) struct ReplayArgs {
    /// Decision logs; `-` is standard input
    #[arg(required = true, value_name = "LOG")]
    pub(in crate::cli) logs: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// The key of the hashes in the logs [default: the setting `decision_log.key_file`]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// Write the answer in JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
