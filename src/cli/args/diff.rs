//! `diff` and what it takes.

use std::path::PathBuf;

use clap::Args;

use super::prove::SolverArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
OLD and NEW are directories or revisions of the git repository around the working directory. A directory holds
policies, or `policies/` and `schema/peppol.cedarschema`. Of a revision the same two paths are taken, or those that
`--policies` and `--schema` name. Each kind of request is compared, for all entities that fit the schema.
Exit codes: 0 compared, 4 with `--no-wider` where anything may be allowed that was not, 1 not all is proved.")]
pub(in crate::cli) struct DiffArgs {
    /// The policies as they are: a directory or a git revision
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: String,
    /// The policies as they are to be [default: those of the working directory]
    #[arg(value_name = "NEW", default_value = ".")]
    pub(in crate::cli) new: String,
    /// Fail where anything may be allowed that was not
    #[arg(long)]
    pub(in crate::cli) no_wider: bool,
    /// Where a revision has its policies
    #[arg(long, value_name = "DIR", default_value = "policies")]
    pub(in crate::cli) policies: PathBuf,
    /// The schema, where a directory or revision has none of its own [default: `schema/peppol.cedarschema` where it exists, else the shipped one]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) schema: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) solver: SolverArgs,
    /// Answer in JSON, one object an action
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
