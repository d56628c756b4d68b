//! The arguments of `authorize`, `explain`, `search`, `plan` and `route`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::policy::{PolicyArgs, SourceArgs};

#[derive(Debug, Args)]
pub(in crate::cli) struct AuthorizeArgs {
    /// A question in JSON, as `POST /v1/is_authorized` takes it; `-` is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    pub(in crate::cli) question: Option<PathBuf>,
    /// The principal: `Peppol::User::"u-1"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "question")]
    pub(in crate::cli) principal: Option<String>,
    /// The action: `Peppol::Action::"getOrganisation"`, or only `getOrganisation`
    #[arg(long, value_name = "ACTION", required_unless_present = "question")]
    pub(in crate::cli) action: Option<String>,
    /// The resource: `Peppol::Organisation::"o-1"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "question")]
    pub(in crate::cli) resource: Option<String>,
    /// The context, a JSON object [default: {}]
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) context: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// Write the answer in JSON, as `POST /v1/is_authorized` does
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz search --principal Peppol::User --action getOrganisation --resource 'Peppol::Organisation::\"acme\"'
  peppol-authz search --principal 'Peppol::SubAccount::\"s-1\"' --resource Peppol::Document --action viewDocument --limit 10

The search is for the one of principal, action and resource that is open: an entity with its type \
alone, or the action if it is left out. Results are written one a line, with the obligations of their \
permits after a tab.")]
pub(in crate::cli) struct SearchArgs {
    /// A search in JSON, as `POST /v1/search` takes it; `-` is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    pub(in crate::cli) search: Option<PathBuf>,
    /// The principal: `Peppol::User::"u-1"`; or the type to search for: `Peppol::User`
    #[arg(long, value_name = "ENTITY|TYPE", required_unless_present = "search")]
    pub(in crate::cli) principal: Option<String>,
    /// The action: `Peppol::Action::"viewDocument"`, or only `viewDocument`
    #[arg(long, value_name = "ACTION")]
    pub(in crate::cli) action: Option<String>,
    /// The resource: `Peppol::Document::"d-1"`; or the type to search for: `Peppol::Document`
    #[arg(long, value_name = "ENTITY|TYPE", required_unless_present = "search")]
    pub(in crate::cli) resource: Option<String>,
    /// The context, a JSON object [default: {}]
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) context: Option<String>,
    /// The highest number of results [default: all]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) limit: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// Show first the conditions of the policies that depend on the open part, and the statement for the store
    #[arg(long)]
    pub(in crate::cli) residual: bool,
    /// Write the answer in JSON, as `POST /v1/search` does
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz plan --principal 'Peppol::SubAccount::\"s-1\"' --action viewDocument --resource Peppol::Document --dialect postgresql

The answer says if it is `always`, `never` or `conditional`, the condition as a tree, and the same as a part of a \
`WHERE` with its parameters. Exit codes: 0 some rows may be allowed; 2 none is.")]
pub(in crate::cli) struct PlanArgs {
    /// A request in JSON, as `POST /v1/plan` takes it; `-` is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    pub(in crate::cli) request: Option<PathBuf>,
    /// The principal: `Peppol::User::"u-1"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "request")]
    pub(in crate::cli) principal: Option<String>,
    /// The action: `Peppol::Action::"viewDocument"`, or only `viewDocument`
    #[arg(long, value_name = "ACTION", required_unless_present = "request")]
    pub(in crate::cli) action: Option<String>,
    /// The type of the resources: `Peppol::Document`
    #[arg(long, value_name = "TYPE", required_unless_present = "request")]
    pub(in crate::cli) resource: Option<String>,
    /// The context, a JSON object [default: {}]
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) context: Option<String>,
    /// A TOML file with the names of tables and columns, as the setting `plan.columns` names one [default: that one]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) columns: Option<PathBuf>,
    /// The database that the condition is for, `postgresql` or `sqlite` [default: the setting `plan.dialect`]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) dialect: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// Show first the conditions of the policies that depend on the resource, even if there is no plan
    #[arg(long)]
    pub(in crate::cli) residual: bool,
    /// Write the answer in JSON, as `POST /v1/plan` does
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz route GET /orgs/acme --principal 'Peppol::User::\"anna\"' --tenancy sqlite:tenancy.db

With `--principal` the request is decided too, over the store of `--tenancy` or of the settings. Without both \
flags no store is read, and questions that depend on it are marked. Exit codes: 0 the request is allowed, or could be; 2 it is \
denied.")]
pub(in crate::cli) struct RouteArgs {
    /// The method of the request
    #[arg(value_name = "METHOD")]
    pub(in crate::cli) method: String,
    /// The path and query of the request, as a client sends them: `/orgs/o-1?x=1`
    #[arg(value_name = "PATH")]
    pub(in crate::cli) target: String,
    /// The body of the request; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) body: Option<PathBuf>,
    /// A header of the request, `NAME: VALUE`; may be given again
    #[arg(long = "header", value_name = "HEADER")]
    pub(in crate::cli) headers: Vec<String>,
    /// The claims of the request's token, a JSON object
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) claims: Option<String>,
    /// The sender of the request, for whom it is decided: `Peppol::User::"u-1"`
    #[arg(long, value_name = "ENTITY")]
    pub(in crate::cli) principal: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    #[command(flatten)]
    pub(in crate::cli) policy: PolicyArgs,
    /// Write the answer in JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
