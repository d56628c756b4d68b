//! The arguments of `key`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz key
  peppol-authz key --hash erp.key")]
pub(in crate::cli) struct KeyArgs {
    /// Make no key, and show the hash of the one in this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) hash: Option<PathBuf>,
}
