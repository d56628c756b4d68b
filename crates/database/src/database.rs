//! The stores that documents can be imported into.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::entities::statements;
use crate::export::{ExportError, Exported};
use crate::import::{Import, ImportError, Imported};
use crate::migration::Upgrade;
use crate::postgres::Postgres;
use crate::sql::SqlDialect;
use crate::sqlite::{Sqlite, SqliteOptions, make_of_entities};
use peppol_authz_engine::schema::{Row, Schema};
use peppol_authz_engine::store::{Store, StoreError};

/// A database.
#[derive(Clone, Debug)]
pub enum Database {
    /// In a file.
    Sqlite(Arc<Sqlite>),
    /// On a server.
    Postgres(Arc<Postgres>),
}

impl Database {
    /// To read from.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Returns when the database takes connections.
    ///
    /// # Errors
    /// A server that cannot be reached, or refuses the role.
    pub async fn reach(&self) -> Result<(), StoreError> {
        match self {
            // When it was opened.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(store) => store.reach().await,
        }
    }

    /// Returns true if the database has all that this program would give it; none where another program
    /// has made it. Nothing is changed.
    ///
    /// # Errors
    /// One that has other additions, or cannot be read.
    pub async fn is_up_to_date(&self) -> Result<Option<bool>, StoreError> {
        match self {
            // When it was opened.
            Self::Sqlite(_) => Ok(Some(true)),
            Self::Postgres(store) => store.is_up_to_date().await,
        }
    }

    /// The clock of the database's machine, if it has one of its own.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub async fn clock(&self) -> Result<Option<SystemTime>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(store) => store.clock().await.map(Some),
        }
    }

    /// Deletes records of changes that are older, and returns how many; `None` where that is not for this
    /// program to do: SQLite keeps few by itself, and on a server it may be another's.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub async fn prune(&self, older_than: Duration) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(store) => store.prune(older_than).await,
        }
    }

    /// Imports documents from streams with names, and blocks meanwhile. `progress` is
    /// told how many bytes have been read, in all.
    ///
    /// # Errors
    /// The first document that is wrong, with its line; nothing is changed then.
    pub fn import<R: BufRead>(
        &self,
        import: &Import,
        inputs: Vec<(String, R)>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, ImportError> {
        match self {
            Self::Sqlite(store) => store.import(import, inputs, progress),
            Self::Postgres(store) => runtime()?.block_on(store.import(import, inputs, progress)),
        }
    }

    /// Exports all documents, one a line, from one state, and blocks meanwhile. An import of them
    /// makes the same store.
    ///
    /// # Errors
    /// Anything in the store that documents do not tell of. What was written by then is not whole.
    pub fn export(&self, import: &Import, to: &mut dyn Write) -> Result<Exported, ExportError> {
        match self {
            Self::Sqlite(store) => store.export(import, to),
            Self::Postgres(store) => runtime()?.block_on(store.export(import, to)),
        }
    }

    /// Makes the tables in an empty database, or brings older ones up to date, and
    /// blocks meanwhile.
    ///
    /// # Errors
    /// A database that cannot be reached, may not be changed, or is of a newer
    /// version.
    pub fn migrate(&self) -> Result<Upgrade, StoreError> {
        match self {
            // When it was opened.
            Self::Sqlite(store) => Ok(store.upgrade().clone()),
            Self::Postgres(store) => runtime()?.block_on(store.migrate()),
        }
    }
}

/// An empty database.
#[derive(Clone, Copy, Debug)]
pub enum EmptyDatabase<'a> {
    /// A file, which is made where it is missing.
    Sqlite(&'a Path, &'a SqliteOptions),
    /// On a server.
    Postgres(&'a Postgres),
}

impl EmptyDatabase<'_> {
    /// Makes tables of these entities, and blocks meanwhile. The `ancestors` of rows are the parents that
    /// are written.
    ///
    /// # Errors
    /// The first entity, attribute or name that the database would not hold as it is, and a database
    /// that holds something. Nothing is changed then.
    pub fn import_entities(self, schema: &Schema, rows: &[Row]) -> Result<(), ImportError> {
        let refused = ImportError::Refused;
        match self {
            Self::Sqlite(path, options) => {
                let statements = statements(schema, rows, SqlDialect::Sqlite).map_err(refused)?;
                make_of_entities(path, options, &statements)
            }
            Self::Postgres(store) => {
                let statements = statements(schema, rows, SqlDialect::Postgres).map_err(refused)?;
                runtime()?.block_on(store.make_of_entities(&statements))
            }
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, StoreError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}
