//! The command line.

mod ask;
mod author;
mod convert;
mod diff;
mod doctor;
mod export;
mod health;
mod init;
mod key;
mod manual;
mod policy;
mod prove;
mod replay;
mod review;
mod serve;

use clap::{Parser, Subcommand};

pub(super) use ask::{AuthorizeArgs, PlanArgs, RouteArgs, SearchArgs};
pub(super) use author::{CheckArgs, TestArgs};
pub(super) use convert::ConvertArgs;
pub(super) use diff::DiffArgs;
pub(super) use doctor::DoctorArgs;
pub(super) use export::ExportArgs;
pub(super) use health::HealthArgs;
pub(super) use init::InitArgs;
pub(super) use key::KeyArgs;
pub(super) use manual::{CompletionsArgs, ManArgs};
pub(super) use policy::{PolicyArgs, SETTINGS, SourceArgs};
pub(super) use prove::ProveArgs;
pub(super) use replay::ReplayArgs;
pub(super) use review::{ReviewArgs, ReviewFormat};
pub(super) use serve::{ImportArgs, MigrateArgs, ServeCommand};

/// Authorization for Peppol Access Points and SMPs: Cedar policies over the tenancy store.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
Exit codes: 0 done, or allowed; 1 failed; 2 denied; 3 policies, schema or routes are not valid; \
4 a policy test failed, something is not proved, or decisions changed; 64 wrong usage.",
    after_long_help = "\
Examples:
  peppol-authz import --tenancy sqlite:tenancy.db tenancy.ndjson
  peppol-authz serve --tenancy sqlite:tenancy.db

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
    Serve(ServeCommand),
    /// Read tenancy documents into the store, in one transaction
    Import(ImportArgs),
    /// Write what the store holds, as documents that `import` reads or as Cedar's entities
    Export(ExportArgs),
    /// Create the tables of the store, or bring them up to date
    Migrate(MigrateArgs),
    /// Write the shipped policies, schema, suites and settings as a project to edit; or make a project of another Cedar set
    Init(InitArgs),
    /// Parse, validate and lint policies, schema and routes
    Check(CheckArgs),
    /// Run policy suites
    Test(TestArgs),
    /// Convert policies or a schema between Cedar's syntax and JSON, or from the files of other programs
    Convert(ConvertArgs),
    /// Decide one question, and show the reasons
    #[command(after_long_help = "\
Examples:
  peppol-authz authorize --principal 'Peppol::User::\"anna\"' --action getOrganisation --resource 'Peppol::Organisation::\"acme\"'
  peppol-authz authorize --json question.json

Exit codes: 0 allowed; 2 denied.")]
    Authorize(AuthorizeArgs),
    /// Decide one question, and show why: the policies, the values that they read, and the values that a denial lacks
    #[command(after_long_help = "\
Examples:
  peppol-authz explain --principal 'Peppol::User::\"anna\"' --action getOrganisation --resource 'Peppol::Organisation::\"acme\"'
  peppol-authz explain --json question.json

Exit codes: 0 allowed; 2 denied.")]
    Explain(AuthorizeArgs),
    /// Find the principals, resources or actions that the policies allow
    Search(SearchArgs),
    /// Show the condition by which your own database finds what the policies allow
    Plan(PlanArgs),
    /// Show the questions that a request to a gateway becomes
    Route(RouteArgs),
    /// Prove invariants for all requests and all entities of the schema
    Prove(ProveArgs),
    /// Compare two sets of policies, and show the requests that only one of them allows
    Diff(DiffArgs),
    /// Decide the lines of a decision log again, and show those that change
    Replay(ReplayArgs),
    /// Show every right, and the policies that give it, for an audit
    Review(ReviewArgs),
    /// Show the settings in force, and check everything that they name
    Doctor(DoctorArgs),
    /// Ask a running sidecar if it is well
    Health(HealthArgs),
    /// Make a key for a caller, and show it with its hash
    Key(KeyArgs),
    /// Write the completions of a shell to standard output
    Completions(CompletionsArgs),
    /// Write the manual pages of all commands into a directory
    Man(ManArgs),
}
