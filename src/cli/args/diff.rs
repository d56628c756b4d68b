//! The arguments of `diff`.

use std::path::PathBuf;

use clap::Args;

use super::policy::SourceArgs;
use super::prove::SolverArgs;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz diff main --no-wider
  peppol-authz diff policies next --log decisions.ndjson

OLD and NEW are directories, or revisions of the git repository around the working directory. A directory holds
policies, or `policies/` and `schema/peppol.cedarschema`. Of a revision the same two paths are read, or those that
`--policies` and `--schema` name. Each kind of request is compared, for all entities that fit the schema.
With `--log` both sets decide the questions of a decision log, from the entities in its lines, or else from the
store that `--tenancy` names.
Exit codes: 0 compared; 4 with `--no-wider`, something may be allowed that was not; 1 not all is proved, or a line
of a log could not be decided.")]
pub(in crate::cli) struct DiffArgs {
    /// The old policies: a directory or a git revision
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: String,
    /// The new policies: a directory or a git revision [default: the working directory]
    #[arg(value_name = "NEW", default_value = ".", hide_default_value = true)]
    pub(in crate::cli) new: String,
    /// Fail if something may be allowed that was not
    #[arg(long)]
    pub(in crate::cli) no_wider: bool,
    /// The directory of policies in a revision
    #[arg(long, value_name = "DIR", default_value = "policies")]
    pub(in crate::cli) policies: PathBuf,
    /// The schema, if a directory or revision has none of its own [default: `schema/peppol.cedarschema` if it exists, else the shipped schema]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) schema: Option<PathBuf>,
    /// A decision log, to show the decisions in it that change; may be given again
    #[arg(long, value_name = "LOG")]
    pub(in crate::cli) log: Vec<PathBuf>,
    /// The key of the hashes in the logs [default: the setting `decision_log.key_file`]
    #[arg(long, value_name = "FILE", requires = "log")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) solver: SolverArgs,
    /// Write one JSON object for each action
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
