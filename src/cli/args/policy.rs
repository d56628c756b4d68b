//! Arguments that name policies, settings and the store.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::cli::exit::Exit;
use crate::cli::output::misused;
use crate::cli::policies::{Loaded, load_policies};
use peppol_authz_engine::file::read_text;
use peppol_authz_engine::policy::{MaxLevel, Warnings};
use peppol_authz_server::config::Flags;

/// The settings of a project, in its directory.
pub(in crate::cli) const SETTINGS: &str = "peppol-authz.toml";

/// The settings of the project in the working directory that authors' commands go by. All others are for
/// commands with settings.
#[derive(Default, Deserialize)]
struct ProjectSettings {
    policies: Option<PathBuf>,
    schema: Option<PathBuf>,
    routes: Option<PathBuf>,
    policy_warnings: Option<Warnings>,
    policy_level: Option<MaxLevel>,
}

/// Policies, schema and routes.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PolicyArgs {
    /// A directory of Cedar policies [default: the shipped ones]
    ///
    /// The commands of authors take the one that `peppol-authz.toml` names, or `policies`, where there is one.
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) policies: Option<PathBuf>,
    /// A Cedar schema, or a directory of its fragments `….cedarschema` [default: the shipped one]
    ///
    /// The commands of authors take the one that `peppol-authz.toml` names, or `schema/peppol.cedarschema`, where there is one.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) schema: Option<PathBuf>,
    /// A route table for gateways [default: the shipped one with the shipped schema, else none]
    ///
    /// The commands of authors take the one that `peppol-authz.toml` names, or `schema/routes.toml`, where there is one and no schema is named.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) routes: Option<PathBuf>,
    /// The fate of policies that Cedar warns of: `deny`, or `log`, or by kind, as `impossible=log` [default: the setting `policy_warnings`]
    #[arg(long, value_name = "FATE")]
    pub(in crate::cli) policy_warnings: Option<Warnings>,
    /// The most references that a policy may follow, 0 to 20 [default: the setting `policy_level`]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) policy_level: Option<MaxLevel>,
}

/// The additions to the store, for commands without settings.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct AdditionsArgs {
    /// A directory of migrations, views and documents beside the shipped ones [default: `schema/additions` if it exists and no schema is named]
    #[arg(long, value_name = "DIR")]
    additions: Option<PathBuf>,
}

/// The settings, and the source of the entities.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SourceArgs {
    /// The source of entities: `sqlite:PATH`, `postgres://…` or `entities:FILE` [default: the setting `tenancy`]
    #[arg(long, value_name = "SOURCE")]
    pub(in crate::cli) tenancy: Option<String>,
    /// A directory of migrations, views and documents beside the shipped ones [default: the setting `additions`]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) additions: Option<PathBuf>,
    /// A TOML file of settings; flags and `PEPPOL_AUTHZ_…` variables win over it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
}

// === impl ProjectSettings ===

impl ProjectSettings {
    fn read() -> Result<Self, Error> {
        let told = |error: &dyn std::fmt::Display| Error::other(format!("`{SETTINGS}`: {error}"));
        match read_text(Path::new(SETTINGS)) {
            Ok(text) => toml::from_str(&text).map_err(|error| told(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(told(&error)),
        }
    }
}

// === impl PolicyArgs ===

impl PolicyArgs {
    /// The arguments of an author, with the files in the working directory where no others are
    /// named: those of its settings, else those of the usual names.
    pub(in crate::cli) fn for_author(&self) -> Result<Self, Exit> {
        let settings = ProjectSettings::read().map_err(misused)?;
        Ok(self.with(&settings))
    }

    /// The same for a command that may be told which settings count.
    pub(in crate::cli) fn for_author_with(&self, config: Option<&Path>) -> Result<Self, Exit> {
        match config {
            Some(_) => Ok(self.with(&ProjectSettings::default())),
            None => self.for_author(),
        }
    }

    fn with(&self, settings: &ProjectSettings) -> Self {
        let unless_named = |named: &Option<PathBuf>, set: &Option<PathBuf>, usual: &str| {
            let usual = || Some(PathBuf::from(usual)).filter(|path| path.exists());
            named.clone().or_else(|| set.clone()).or_else(usual)
        };
        // The table and the fate of the set belong to the schema that lies beside them.
        let of_schema = self.schema.is_none();
        Self {
            policies: unless_named(&self.policies, &settings.policies, "policies"),
            schema: unless_named(&self.schema, &settings.schema, "schema/peppol.cedarschema"),
            routes: match of_schema {
                true => unless_named(&self.routes, &settings.routes, "schema/routes.toml"),
                false => self.routes.clone(),
            },
            policy_warnings: self
                .policy_warnings
                .or(settings.policy_warnings.filter(|_| of_schema)),
            policy_level: self
                .policy_level
                .or(settings.policy_level.filter(|_| of_schema)),
        }
    }

    /// Reads and checks the files; their faults are written.
    pub(in crate::cli) fn load(&self) -> Result<Loaded, Exit> {
        load_policies(
            self.policies.as_deref(),
            self.schema.as_deref(),
            self.routes.as_deref(),
            self.policy_warnings.unwrap_or_default(),
            self.policy_level.unwrap_or_default(),
        )
    }
}

// === impl AdditionsArgs ===

impl AdditionsArgs {
    /// The directory that is named, or that in the working directory, which belongs to the schema that lies
    /// beside it.
    pub(in crate::cli) fn for_author(&self, policy: &PolicyArgs) -> Option<PathBuf> {
        let usual = || Some(PathBuf::from("schema/additions")).filter(|path| path.is_dir());
        match (&self.additions, &policy.schema) {
            (Some(named), _) => Some(named.clone()),
            (None, None) => usual(),
            (None, Some(_)) => None,
        }
    }
}

// === impl SourceArgs ===

impl SourceArgs {
    /// The same as flags of the settings.
    pub(in crate::cli) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            tenancy: self.tenancy.clone(),
            additions: self.additions.clone(),
            ..Flags::default()
        }
    }
}
