//! Exporting tenancy documents, from one state.

use std::io::Write;

use super::{Sqlite, connection, failure, migrate, revision};
use crate::export::{ExportError, Exported, export_statements, write_document};
use crate::import::Import;
use crate::sql::SqlDialect;

static EXPORT: &str = include_str!("../../../../schema/sqlite/export.sql");

impl Sqlite {
    /// Writes all documents, one a line.
    ///
    /// # Errors
    /// Anything in the store that documents do not tell of.
    pub fn export(&self, import: &Import, to: &mut dyn Write) -> Result<Exported, ExportError> {
        let path = &self.inner.path;
        let statements = export_statements(EXPORT, import, SqlDialect::Sqlite)?;
        let connection = connection::open_reader(path, &self.inner.options)?;
        let failed = |error: rusqlite::Error| failure::unavailable(path, &error);
        if !migrate::is_ours(&connection).map_err(failed)? {
            return Err(ExportError::Refused(format!(
                "nothing can be exported from `{}`: an export reads the tables that this program makes \
                 in an empty database, and another has made these",
                path.display()
            )));
        }
        connection.execute_batch("BEGIN").map_err(failed)?;
        let revision = revision::revision(&connection).map_err(failed)?;
        let mut documents = 0;
        for export in &statements {
            let failed = |error: rusqlite::Error| export.failed(&failure::said(&error));
            let mut statement = connection.prepare(&export.sql).map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let text = row.get_ref(0).map_err(failed)?;
                let text = text
                    .as_str()
                    .map_err(|error| export.failed(&error.to_string()))?;
                write_document(import, export, text, to)?;
                documents += 1;
            }
        }
        // It has the state of all of these, however many there were.
        connection.execute_batch("COMMIT").map_err(failed)?;
        Ok(Exported {
            documents,
            revision,
        })
    }
}
