//! The arguments of `convert`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct ConvertArgs {
    /// Policies or a schema, in Cedar's own syntax or in Cedar's JSON; a schema is a file `….cedarschema` or `….cedarschema.json`
    pub(in crate::cli) file: PathBuf,
    /// The links of templates: read with policies in Cedar's own syntax, written with those in JSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) links: Option<PathBuf>,
    /// Take the file for a schema, whatever it is called
    #[arg(long)]
    pub(in crate::cli) is_schema: bool,
}
