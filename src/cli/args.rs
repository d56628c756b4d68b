//! The command line.

mod diff;
mod prove;
mod replay;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use super::Exit;
use super::policies::load_policies;
use peppol_authz_engine::policy::{Bundle, Sources};
use peppol_authz_server::config::Flags;
use prove::SolverArgs;

pub(super) use diff::DiffArgs;
pub(super) use prove::ProveArgs;
pub(super) use replay::ReplayArgs;

/// Authorization for Peppol Access Points and SMPs: Cedar policies over the tenancy store.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
Exit codes: 0 done, or allowed; 1 failed; 2 denied; 3 policies, schema or routes are not valid; \
4 a policy test failed, something is not proved, or decisions changed; 64 wrong usage."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Answer questions over HTTP until told to stop
    Serve(ServeArgs),
    /// Read tenancy documents into the store, in one transaction
    Import(ImportArgs),
    /// Make the tables of the store, or bring them up to date, and do nothing else
    Migrate(MigrateArgs),
    /// Parse, validate and lint policies, schema and routes
    Check(CheckArgs),
    /// Run policy suites
    Test(TestArgs),
    /// Ask one question, and get the reasons
    Authorize(AuthorizeArgs),
    /// Ask one question, and get the policies, the values that they read, and what a denial lacks
    Explain(AuthorizeArgs),
    /// Find whom, on what, or what the policies allow
    Search(SearchArgs),
    /// Show what a request to a gateway is asked as
    Route(RouteArgs),
    /// Prove what has to hold for all requests and entities of the schema
    Prove(ProveArgs),
    /// Say what other policies allow more or less
    Diff(DiffArgs),
    /// Decide the decisions of a log again, and name those that change
    Replay(ReplayArgs),
}

/// Which policies, schema and routes.
#[derive(Clone, Debug, Args)]
pub(super) struct PolicyArgs {
    /// A directory of policies [default: the shipped ones; for authors' commands `policies` where it exists]
    #[arg(long, value_name = "DIR")]
    pub(super) policies: Option<PathBuf>,
    /// A Cedar schema [default: the shipped one; for authors' commands `schema/peppol.cedarschema` where it exists]
    #[arg(long, value_name = "FILE")]
    pub(super) schema: Option<PathBuf>,
    /// A route table for gateways [default: with the shipped schema the shipped one, else none; for authors' commands `schema/routes.toml` where it exists and no schema is named]
    #[arg(long, value_name = "FILE")]
    pub(super) routes: Option<PathBuf>,
}

/// Settings that the configuration file and variables have as well.
#[derive(Clone, Debug, Args)]
pub(super) struct SourceArgs {
    /// Where entities come from: `sqlite:PATH`, `postgres://…` or `entities:FILE` [default: sqlite:tenancy.db]
    #[arg(long, value_name = "SOURCE")]
    pub(super) tenancy: Option<String>,
    /// A TOML file with settings; flags and `PEPPOL_AUTHZ_…` variables win over it
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// `ADDRESS:PORT` or `unix:PATH` [default: 127.0.0.1:8180]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Tenancy documents to read into the store before it is ready; may be given again
    #[arg(long, value_name = "FILE")]
    import: Vec<PathBuf>,
    /// A directory of policies that look on: what they would decide otherwise is counted [default: none]
    #[arg(long, value_name = "DIR")]
    shadow: Option<PathBuf>,
    /// Write a line for each decision: `stdout`, `file:PATH` or `off` [default: off]
    #[arg(long, value_name = "TO")]
    decision_log: Option<String>,
    /// Write into it the entities too that the policies could look at
    #[arg(long)]
    log_slice: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// Files of tenancy documents; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    pub(super) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// Write the policies as the formatter does
    #[arg(long)]
    pub(super) fix: bool,
    /// One JSON object a fault, for editors and CI
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Suites, or directories of them [default: tests/policies]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// Write the results as JUnit XML too
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Say which policies, rules and actions no case tests, and fail if there are any
    #[arg(long)]
    pub(super) coverage: bool,
    /// Leave each policy out in turn, and fail if no case notices
    #[arg(long)]
    pub(super) drop_one: bool,
    /// Make small mistakes in the policies, one at a time, and fail if no case notices one
    #[arg(long)]
    pub(super) mutate: bool,
    #[command(flatten)]
    pub(super) solver: SolverArgs,
    /// Write the golden matrices anew
    #[arg(long)]
    pub(super) update: bool,
}

#[derive(Debug, Args)]
pub(super) struct AuthorizeArgs {
    /// A question in JSON, as `POST /v1/is_authorized` takes it; `-` is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    pub(super) question: Option<PathBuf>,
    /// Who asks: `Peppol::User::"u-1"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "question")]
    pub(super) principal: Option<String>,
    /// What is asked: `Peppol::Action::"getOrganisation"`, or only `getOrganisation`
    #[arg(long, value_name = "ACTION", required_unless_present = "question")]
    pub(super) action: Option<String>,
    /// On what: `Peppol::Organisation::"o-1"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "question")]
    pub(super) resource: Option<String>,
    /// The context, a JSON object
    #[arg(long, value_name = "JSON")]
    pub(super) context: Option<String>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// Answer in JSON, as `POST /v1/is_authorized` does
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
One of principal, action and resource is looked for: an entity by its type alone, the action by
leaving it out. Entities are written one a line.")]
pub(super) struct SearchArgs {
    /// A search in JSON, as `POST /v1/search` takes it; `-` is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    pub(super) search: Option<PathBuf>,
    /// Who asks, `Peppol::User::"u-1"`; or who may, `Peppol::User`
    #[arg(long, value_name = "ENTITY|TYPE", required_unless_present = "search")]
    pub(super) principal: Option<String>,
    /// What is asked: `Peppol::Action::"viewDocument"`, or only `viewDocument`
    #[arg(long, value_name = "ACTION")]
    pub(super) action: Option<String>,
    /// On what, `Peppol::Document::"d-1"`; or on which, `Peppol::Document`
    #[arg(long, value_name = "ENTITY|TYPE", required_unless_present = "search")]
    pub(super) resource: Option<String>,
    /// The context, a JSON object
    #[arg(long, value_name = "JSON")]
    pub(super) context: Option<String>,
    /// How many are written, at most [default: all]
    #[arg(long, value_name = "NUMBER")]
    pub(super) limit: Option<usize>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// Say first what of the policies depends on what is looked for, and how the store looks for it
    #[arg(long)]
    pub(super) residual: bool,
    /// Answer in JSON, as `POST /v1/search` does
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without `--tenancy` the store is not looked at, and what depends on it is said. With `--principal` the \
request is decided as well. Exit codes: 0 it may pass or may be asked, 2 it is denied.")]
pub(super) struct RouteArgs {
    /// The method of the request
    #[arg(value_name = "METHOD")]
    pub(super) method: String,
    /// Its path and query, as a client sends them: `/orgs/o-1?x=1`
    #[arg(value_name = "PATH")]
    pub(super) target: String,
    /// Its body; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) body: Option<PathBuf>,
    /// A header of it, `NAME: VALUE`; may be given again
    #[arg(long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<String>,
    /// What the token of the request says, a JSON object
    #[arg(long, value_name = "JSON")]
    pub(super) claims: Option<String>,
    /// Decide it too, sent by this principal: `Peppol::User::"u-1"`
    #[arg(long, value_name = "ENTITY")]
    pub(super) principal: Option<String>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// Answer in JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl PolicyArgs {
    /// For an author: what lies in the working directory counts where nothing
    /// else is named.
    pub(super) fn for_author(&self) -> Self {
        let unless_named = |named: &Option<PathBuf>, usual: &str| {
            named
                .clone()
                .or_else(|| Some(PathBuf::from(usual)).filter(|path| path.exists()))
        };
        Self {
            policies: unless_named(&self.policies, "policies"),
            schema: unless_named(&self.schema, "schema/peppol.cedarschema"),
            // That of the schema which lies beside it.
            routes: match &self.schema {
                None => unless_named(&self.routes, "schema/routes.toml"),
                Some(_) => self.routes.clone(),
            },
        }
    }

    /// Reads and checks what they name; what is wrong with it is shown.
    pub(super) fn load(&self) -> Result<(Sources, Arc<Bundle>), Exit> {
        load_policies(
            self.policies.as_deref(),
            self.schema.as_deref(),
            self.routes.as_deref(),
        )
    }
}

impl SourceArgs {
    /// As the flags of a configuration.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            tenancy: self.tenancy.clone(),
            ..Flags::default()
        }
    }
}

impl ServeArgs {
    /// As the flags of a configuration.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            config: self.source.config.clone(),
            listen: self.listen.clone(),
            tenancy: self.source.tenancy.clone(),
            policies: self.policy.policies.clone(),
            schema: self.policy.schema.clone(),
            routes: self.policy.routes.clone(),
            import: self.import.clone(),
            shadow: self.shadow.clone(),
            decision_log: self.decision_log.clone(),
            log_slice: self.log_slice,
        }
    }
}
