//! The arguments of `replay`.

use std::path::PathBuf;

use clap::Args;

use super::{PolicyArgs, SourceArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
A line with `slice` is decided from the entities that it holds; any other from the store that \
`--tenancy` or the settings name. Exit codes: 0 every decision is the same, byte for byte; 4 some \
decision is another one; 1 all that could be decided is the same, and some line could not be.")]
pub(crate) struct ReplayArgs {
    /// Decision logs; `-` is standard input
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// The key of the hashes in the logs [default: `decision_log.key_file` of the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}
