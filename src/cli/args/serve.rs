//! The arguments of `serve`, `import` and `migrate`.

use std::path::PathBuf;

use clap::Args;

use super::policy::{PolicyArgs, SourceArgs};
use peppol_authz_server::config::Flags;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz serve --tenancy sqlite:tenancy.db
  peppol-authz serve --config /etc/peppol-authz/peppol-authz.toml --check
  peppol-authz serve --schema own.cedarschema --policies policies --tenancy entities:entities.json")]
pub(in crate::cli) struct ServeCommand {
    #[command(flatten)]
    pub(in crate::cli) start: ServeArgs,
    /// Try a start, and end: nothing is listened on, made or imported
    #[arg(long)]
    pub(in crate::cli) check: bool,
}

/// The flags of a start.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    /// The address to answer on: `IP:PORT` or `unix:PATH` [default: the setting `listen`]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Tenancy documents to read into the store before the program is ready; may be given again
    #[arg(long, value_name = "FILE")]
    import: Vec<PathBuf>,
    /// A directory of suites that policies have to pass, at the start and with each change
    #[arg(long, value_name = "DIR")]
    reload_suites: Option<PathBuf>,
    /// A directory of policies for the shadow: they decide every question too, and differences are counted
    #[arg(long, value_name = "DIR")]
    shadow: Option<PathBuf>,
    /// Where the decision log goes, one line for each decision: `stdout`, `file:PATH`, `syslog…`, `otlp` or `off` [default: the setting `decision_log.to`]
    #[arg(long, value_name = "TO")]
    decision_log: Option<String>,
    /// Write into the decision log also the entities that the policies could look at
    #[arg(long)]
    log_slice: bool,
    /// Have the console, pages for people at `/console` [default: the setting `console.enabled`]
    #[arg(long)]
    console: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz import --tenancy sqlite:tenancy.db examples/quickstart/tenancy.ndjson
  peppol-authz export --tenancy sqlite:tenancy.db | peppol-authz import --tenancy postgres://… -
  peppol-authz import --cedar --schema own.cedarschema --tenancy sqlite:own.db entities.json")]
pub(in crate::cli) struct ImportArgs {
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
    /// Files of tenancy documents; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Refuse a document with a member that nothing reads; without this such members are named at the end
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Make a database of entities in Cedar's JSON, as `export --cedar` writes them; it has to be empty
    #[arg(long, conflicts_with = "strict")]
    pub(in crate::cli) cedar: bool,
    /// The schema of the entities, for `--cedar` [default: the setting `schema`]
    #[arg(long, value_name = "FILE", requires = "cedar")]
    pub(in crate::cli) schema: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  peppol-authz migrate --tenancy sqlite:tenancy.db
  peppol-authz migrate --tenancy postgres://… --additions schema/additions")]
pub(in crate::cli) struct MigrateArgs {
    #[command(flatten)]
    pub(in crate::cli) source: SourceArgs,
}

// === impl ServeArgs ===

impl ServeArgs {
    /// The same as flags of the settings.
    pub(in crate::cli) fn flags(&self) -> Flags {
        Flags {
            config: self.source.config.clone(),
            listen: self.listen.clone(),
            tenancy: self.source.tenancy.clone(),
            policies: self.policy.policies.clone(),
            schema: self.policy.schema.clone(),
            policy_warnings: self.policy.policy_warnings,
            policy_level: self.policy.policy_level,
            routes: self.policy.routes.clone(),
            additions: self.source.additions.clone(),
            import: self.import.clone(),
            reload_suites: self.reload_suites.clone(),
            shadow: self.shadow.clone(),
            decision_log: self.decision_log.clone(),
            log_slice: self.log_slice,
            console: self.console,
        }
    }
}
