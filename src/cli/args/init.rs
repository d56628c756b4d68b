//! The arguments of `init`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// The directory of the project, which is new or empty
    #[arg(value_name = "DIR")]
    pub(in crate::cli) directory: PathBuf,
}
