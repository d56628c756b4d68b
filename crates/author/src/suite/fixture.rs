//! The tenancies that suites ask about.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::error::SuiteError;
use peppol_authz_database::{Import, Sqlite, SqliteOptions};
use peppol_authz_engine::file::open_file;
use peppol_authz_engine::store::{EntitiesFile, EntitiesLimits, Store};

/// The tenancy of a suite: imported documents, or a file of entities.
pub(super) struct Fixture {
    pub(super) store: Arc<dyn Store>,
    /// Holds the database's files for as long as the store is used.
    _directory: Option<tempfile::TempDir>,
}

impl Fixture {
    /// Opens Cedar entities (`….json`), or imports tenancy documents (any other ending).
    pub(super) fn open(path: &Path, import: &Import) -> Result<Self, SuiteError> {
        if path.extension().is_some_and(|ending| ending == "json") {
            entities(path)
        } else {
            documents(path, import)
        }
    }
}

fn entities(path: &Path) -> Result<Fixture, SuiteError> {
    let store = EntitiesFile::open(path, EntitiesLimits::default())
        .map_err(|error| SuiteError::new(path, error))?
        .leaving_out_links();
    Ok(Fixture {
        store: Arc::new(store),
        _directory: None,
    })
}

fn documents(path: &Path, import: &Import) -> Result<Fixture, SuiteError> {
    let failed = |error: &dyn std::fmt::Display| SuiteError::new(path, error);
    let directory = tempfile::tempdir().map_err(|error| failed(&error))?;
    let database = directory.path().join("fixture.db");
    let options = SqliteOptions {
        additions: import.additions().cloned(),
        ..SqliteOptions::default()
    };
    let store = Sqlite::open(&database, options).map_err(|error| failed(&error))?;
    let documents = open_file(path).map_err(|error| failed(&error))?;
    let input = (path.display().to_string(), BufReader::new(documents));
    store
        .import(import, vec![input], &mut |_| {})
        .map_err(|error| failed(&error))?;
    Ok(Fixture {
        store: Arc::new(store),
        _directory: Some(directory),
    })
}
