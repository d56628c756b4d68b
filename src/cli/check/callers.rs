//! Policies of callers, as `check` sees them: they are a set of their own, with another schema.

use std::path::PathBuf;

use crate::cli::args::PolicyArgs;
use peppol_authz_author::lint;
use peppol_authz_engine::policy::{Fault, SourceError, Sources, Warnings, load, on_large_stack};
use peppol_authz_server::config::{Config, Flags};

/// The settings of a project, as `init` writes them.
const SETTINGS: &str = "peppol-authz.toml";

/// The policies of callers that the settings of the project name, if they do. A set that is named by a
/// flag is one of its own.
pub(super) fn of_project(
    named: &PolicyArgs,
    warnings: Warnings,
) -> Result<Option<Sources>, SourceError> {
    let is_project = named.policies.is_none() && named.schema.is_none();
    let Some(path) = is_project.then(named_by_settings).flatten() else {
        return Ok(None);
    };
    let sources = Sources::of_callers(Some(&path))?;
    Ok(Some(sources.with_warnings(warnings)))
}

/// Faults of the settings are for `doctor`.
fn named_by_settings() -> Option<PathBuf> {
    let path = Some(PathBuf::from(SETTINGS)).filter(|path| path.is_file())?;
    let flags = Flags {
        config: Some(path),
        ..Flags::default()
    };
    Config::load(&flags).ok()?.callers.policies
}

/// Their faults.
pub(super) fn check(sources: &Sources) -> Vec<Fault> {
    let loaded = load(sources);
    let found = on_large_stack(|| lint(sources, loaded.as_ref().ok()));
    let mut faults = match loaded {
        Ok(bundle) => bundle.warnings.clone(),
        Err(faults) => faults,
    };
    faults.extend(found.unwrap_or_default());
    faults.extend(sources.left_out());
    faults
}
