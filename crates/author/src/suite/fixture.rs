//! The tenancies that suites ask about.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::error::SuiteError;
use peppol_authz_database::{Import, Sqlite, SqliteOptions};
use peppol_authz_engine::file::open_file;
use peppol_authz_engine::schema::LINKS_VIEW;
use peppol_authz_engine::store::{EntitiesFile, EntitiesLimits, LinkRow, Store};

/// The tenancy of a suite: imported documents, or a file of entities.
pub(super) struct Fixture {
    pub(super) store: Arc<dyn Store>,
    /// Holds the database's files for as long as the store is used.
    _directory: Option<tempfile::TempDir>,
}

impl Fixture {
    /// Opens Cedar entities (`….json`), with links beside them, or imports tenancy documents (any other ending).
    /// `links` are those of a suite that gives some.
    pub(super) fn open(
        path: &Path,
        links: Option<Vec<LinkRow>>,
        import: &Import,
    ) -> Result<Self, SuiteError> {
        match (has_entities(path), links) {
            (true, links) => entities(path, links),
            (false, None) => documents(path, import),
            (false, Some(_)) => {
                let problem = format!(
                    "`link`: links go with a fixture of entities; where it is documents, they are those of the view `{LINKS_VIEW}`"
                );
                Err(SuiteError::new(path, problem))
            }
        }
    }
}

fn has_entities(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

fn entities(path: &Path, links: Option<Vec<LinkRow>>) -> Result<Fixture, SuiteError> {
    let store = EntitiesFile::open(path, EntitiesLimits::default())
        .map_err(|error| SuiteError::new(path, error))?;
    let store = match links {
        Some(links) => store.with_links(links),
        None => store.leaving_out_links(),
    };
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
