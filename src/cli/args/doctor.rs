//! The arguments of `doctor`.

use clap::Args;

use super::serve::ServeArgs;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz doctor --config peppol-authz.toml
  peppol-authz doctor --json | jq '.checks[] | select(.state == \"wrong\")'

It takes the flags of `serve`, reads what `serve` would read, and changes nothing. Secrets are hidden. Exit codes: 0 \
nothing is wrong; 1 something is; 64 the settings cannot be read.")]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) serve: ServeArgs,
    /// Write the settings and the checks in JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
