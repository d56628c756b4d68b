//! The arguments of `convert`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz convert policies/users.cedar
  peppol-authz convert schema/peppol.cedarschema
  peppol-authz convert dump/*.json --links links.toml")]
pub(in crate::cli) struct ConvertArgs {
    /// Policies or a schema, in Cedar's own syntax or in JSON
    ///
    /// Or all files of a policy store, as the command line of Amazon Verified Permissions writes them; the policies of cedar-agent; or links, as Cedar's command line keeps them.
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The links of templates: read with policies in Cedar's own syntax, written with all others
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) links: Option<PathBuf>,
    /// Take the file for a schema, whatever it is called; of the files of a policy store, take the schema
    #[arg(long)]
    pub(in crate::cli) is_schema: bool,
}
