//! Flags of the command line that are settings.

use std::path::PathBuf;

use peppol_authz_engine::policy::{MaxLevel, Warnings};

/// The flags of a command line. They win over variables and the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The TOML file; without it `PEPPOL_AUTHZ_CONFIG` names it, and without that there is none.
    pub config: Option<PathBuf>,
    /// `--listen`, not parsed yet, so that its faults are reported with the others.
    pub listen: Option<String>,
    /// `--tenancy`, not parsed yet either.
    pub tenancy: Option<String>,
    /// `--policies`.
    pub policies: Option<PathBuf>,
    /// `--schema`.
    pub schema: Option<PathBuf>,
    /// `--policy-warnings`.
    pub policy_warnings: Option<Warnings>,
    /// `--policy-level`.
    pub policy_level: Option<MaxLevel>,
    /// `--routes`.
    pub routes: Option<PathBuf>,
    /// `--additions`.
    pub additions: Option<PathBuf>,
    /// `--import`, as often as it was given; never given, the file or variable counts.
    pub import: Vec<PathBuf>,
    /// `--reload-suites`.
    pub reload_suites: Option<PathBuf>,
    /// `--shadow`.
    pub shadow: Option<PathBuf>,
    /// `--decision-log`, not parsed yet.
    pub decision_log: Option<String>,
    /// `--log-slice`; not given, the file or variable counts.
    pub log_slice: bool,
    /// `--console`; not given, the file or variable counts.
    pub console: bool,
}
