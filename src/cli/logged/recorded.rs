//! The store and the key for lines that hold no entities.

use std::path::Path;
use std::sync::Arc;

use crate::cli::args::SourceArgs;
use crate::cli::exit::Exit;
use crate::cli::output::{AnyError, failed, misused};
use crate::cli::source::{FileUse, open};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::Store;
use peppol_authz_server::config::{Config, Source};
use peppol_authz_server::decision_log::{Pseudonyms, Replay};

/// The store and the key for lines that hold no entities.
pub(in crate::cli) struct Recorded {
    store: Option<Arc<dyn Store>>,
    key: Option<Pseudonyms>,
}

/// The key that a flag or the settings name.
pub(in crate::cli) fn key_named(
    config: &Config,
    key_file: Option<&Path>,
) -> Result<Option<Pseudonyms>, Exit> {
    let key = match (key_file, &config.decision_log.key_file) {
        (Some(path), _) => Some(("--key-file", path)),
        (None, Some(path)) => Some(("decision_log.key_file", path.as_path())),
        (None, None) => None,
    };
    let key = key.map(|(name, path)| {
        Pseudonyms::by_file(path).map_err(|error| misused(format!("`{name}`: {error}")))
    });
    key.transpose()
}

impl Recorded {
    /// Opens what flags or settings name. The default store is used only if it exists.
    pub(in crate::cli) fn named(
        config: &Config,
        key_file: Option<&Path>,
        source: &SourceArgs,
    ) -> Result<Self, Exit> {
        let key = key_named(config, key_file)?;
        let defaults = Config::defaults().map_err(failed)?;
        let is_named = source.tenancy.is_some() || config.tenancy != defaults.tenancy;
        let is_there = match &config.tenancy {
            Source::Sqlite(path) => path.exists(),
            Source::Postgres(_) | Source::Entities(_) => true,
        };
        // A database that is not there would be made, and nobody would be in it.
        if is_named && !is_there {
            return Err(failed(format!(
                "`{}`: there is no such file",
                config.tenancy
            )));
        }
        let store = is_there
            .then(|| open(config, FileUse::ReadOnce))
            .transpose()
            .map_err(failed)?;
        let store = store.map(|(store, _)| store);
        Ok(Self { store, key })
    }

    /// Decides lines again by these policies.
    pub(in crate::cli) async fn replay(&self, bundle: Arc<Bundle>) -> Result<Replay, AnyError> {
        let replay = Replay::new(bundle)?;
        Ok(match &self.store {
            Some(store) => replay.over(Arc::clone(store), self.key.as_ref()).await?,
            None => replay,
        })
    }
}
