//! The arguments of `completions` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz completions bash > /etc/bash_completion.d/peppol-authz
  peppol-authz completions zsh > /usr/local/share/zsh/site-functions/_peppol-authz")]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(in crate::cli) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz man /usr/local/share/man/man1
  man -l /usr/local/share/man/man1/peppol-authz-serve.1")]
pub(in crate::cli) struct ManArgs {
    /// The directory, which is made where it is missing; pages that are there are replaced
    #[arg(value_name = "DIR")]
    pub(in crate::cli) directory: PathBuf,
}
