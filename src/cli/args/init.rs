//! The arguments of `init`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz init authz
  peppol-authz init photos --from ../cedar-examples/photos")]
pub(in crate::cli) struct InitArgs {
    /// The directory of the project, which is new or empty
    #[arg(value_name = "DIR")]
    pub(in crate::cli) directory: PathBuf,
    /// Make the project of another Cedar set, which is in this directory
    ///
    /// It has a schema and policies, and may have templates, links, entities and questions. The files are those of Cedar's own tools, of Amazon Verified Permissions or of cedar-agent.
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// The schema of that set: a file, or a directory of fragments [default: the only one in it]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(in crate::cli) schema: Option<PathBuf>,
    /// The policies of that set: a file, or a directory [default: all in it]
    #[arg(long, value_name = "PATH", requires = "from")]
    pub(in crate::cli) policies: Option<PathBuf>,
    /// The entities of that set [default: the only file of entities in it]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(in crate::cli) entities: Option<PathBuf>,
}
