//! `diff` and what it takes.

use std::path::PathBuf;

use clap::Args;

use super::SourceArgs;
use super::prove::SolverArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
OLD and NEW are directories or revisions of the git repository around the working directory. A directory holds
policies, or `policies/` and `schema/peppol.cedarschema`. Of a revision the same two paths are taken, or those that
`--policies` and `--schema` name. Each kind of request is compared, for all entities that fit the schema.
With `--log` both decide the questions of a decision log, from the entities that its lines hold, or else from the
store that `--tenancy` names.
Exit codes: 0 compared, 4 with `--no-wider` where anything may be allowed that was not, 1 not all is proved,
or a line of a log could not be decided.")]
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
    /// Say too which decisions of a decision log change; may be given again
    #[arg(long, value_name = "LOG")]
    pub(in crate::cli) log: Vec<PathBuf>,
    /// The key of the hashes in the logs [default: `decision_log.key_file` of the settings]
    #[arg(long, value_name = "FILE", requires = "log")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) solver: SolverArgs,
    /// Answer in JSON, one object an action
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
