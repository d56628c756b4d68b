//! The arguments of `export`.

use std::path::PathBuf;

use clap::Args;

use super::policy::SourceArgs;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz export --tenancy sqlite:tenancy.db tenancy.ndjson
  peppol-authz export --tenancy sqlite:tenancy.db | peppol-authz import --tenancy postgres://… -
  peppol-authz export --tenancy postgres://… --cedar entities.json

All of it is of one state, which the last line on standard error names. An import of the documents into an \
empty store makes the same store. If documents cannot say something that the store holds, the exit code is 1 and no \
file is written; standard output may have a part then.")]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    /// The file to write, whole or not at all; one that is there is replaced. `-` is standard output
    #[arg(value_name = "FILE", default_value = "-")]
    pub(in crate::cli) file: PathBuf,
    /// Write no documents but the entities that policies see, in Cedar's JSON, as `--tenancy entities:FILE` reads them
    #[arg(long)]
    pub(in crate::cli) cedar: bool,
    /// The schema of the entities, for `--cedar` [default: the setting `schema`]
    #[arg(long, value_name = "FILE", requires = "cedar")]
    pub(in crate::cli) schema: Option<PathBuf>,
}
