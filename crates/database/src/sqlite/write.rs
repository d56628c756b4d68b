//! Importing tenancy documents, in one transaction.

use std::io::BufRead;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection, OptionalExtension, TransactionBehavior, params};

use super::{Sqlite, changes, connection, failure, migrate};
use crate::documents::Documents;
use crate::ignored::Ignored;
use crate::import::{Import, ImportError, Imported, Reference, document_error};
use crate::sql::{SqlDialect, statements};
use peppol_authz_engine::store::{Store, StoreError};

static IMPORT: &str = include_str!("../../../../schema/sqlite/import.sql");

/// How often progress is told, in documents.
const PROGRESS_EVERY: u64 = 1024;

impl Sqlite {
    /// Imports documents from streams with names. `progress` is told how many
    /// bytes have been read, in all.
    ///
    /// # Errors
    /// The first document that is wrong, with its line; nothing is changed then.
    pub fn import<R: BufRead>(
        &self,
        import: &Import,
        inputs: Vec<(String, R)>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, ImportError> {
        let path = &self.inner.path;
        let mut connection = connection::open_writer(path, &self.inner.options)?;
        let is_ours = migrate::is_ours(&connection);
        let is_ours = is_ours.map_err(|error| failure::unavailable(path, &error))?;
        let imported = self.import_on(&mut connection, import, inputs, progress);
        match imported {
            Err(ImportError::Store(StoreError::Unavailable(text))) if !is_ours => {
                Err(ImportError::Refused(format!(
                    "nothing can be imported into `{}`: {text}; an import writes into the tables \
                     that this program makes in an empty database: where views of your own take \
                     their place, write into the tables under these",
                    path.display()
                )))
            }
            imported => imported,
        }
    }

    fn import_on<R: BufRead>(
        &self,
        connection: &mut Connection,
        import: &Import,
        inputs: Vec<(String, R)>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, ImportError> {
        connection
            // KiB: the statements of an import work on all of it at once.
            .execute_batch("PRAGMA main.cache_size = -131072; PRAGMA temp.cache_size = -131072")
            .map_err(unavailable)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failure::unavailable(&self.inner.path, &error))?;
        let before = changes::newest(&transaction).map_err(unavailable)?;
        let files: Vec<String> = inputs.iter().map(|(name, _)| name.clone()).collect();
        let (documents, ignored) = stage(&transaction, import, inputs, progress)?;
        apply(&transaction, IMPORT, &files)?;
        apply_added(&transaction, import, &files)?;
        for reference in import.references(&|name| self.serves(name)) {
            check_reference(&transaction, import, &reference, &files)?;
        }
        transaction
            .execute_batch("DROP TABLE temp.staged")
            .map_err(unavailable)?;
        let revision = changes::prune(&transaction, before).map_err(unavailable)?;
        transaction.commit().map_err(unavailable)?;
        Ok(Imported {
            documents,
            revision,
            ignored,
        })
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the argument of `map_err`"
)]
fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(failure::said(&error))
}

/// Reads all documents into a temporary table, the last of each key.
fn stage<R: BufRead>(
    connection: &Connection,
    import: &Import,
    inputs: Vec<(String, R)>,
    progress: &mut dyn FnMut(u64),
) -> Result<(u64, Ignored), ImportError> {
    connection
        .execute_batch(
            "PRAGMA defer_foreign_keys = ON;
             DROP TABLE IF EXISTS temp.staged;
             CREATE TEMP TABLE staged (kind TEXT NOT NULL, key TEXT NOT NULL, file INTEGER NOT NULL, \
             line INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
        )
        .map_err(unavailable)?;
    let mut statement = connection
        .prepare("REPLACE INTO temp.staged (kind, key, file, line, document) VALUES (?1, ?2, ?3, ?4, ?5)")
        .map_err(unavailable)?;
    let (mut count, mut read_before) = (0_u64, 0_u64);
    let mut ignored = Ignored::default();
    for (file, (name, input)) in inputs.into_iter().enumerate() {
        let mut documents = Documents::new(input);
        while let Some(document) = import
            .next(&name, &mut documents, &mut ignored)
            .map_err(|error| Import::fault(&name, error))?
        {
            let (file, line) = (
                file as i64,
                i64::try_from(document.line).unwrap_or(i64::MAX),
            );
            statement
                .execute(params![
                    document.kind,
                    document.key,
                    file,
                    line,
                    document.text
                ])
                .map_err(unavailable)?;
            count += 1;
            if count.is_multiple_of(PROGRESS_EVERY) {
                progress(read_before + documents.bytes_read());
            }
        }
        read_before += documents.bytes_read();
        progress(read_before);
    }
    Ok((count, ignored))
}

/// Runs the statements of `import.sql`; a row that one returns is a fault.
fn apply(connection: &Connection, sql: &str, files: &[String]) -> Result<(), ImportError> {
    let mut batch = Batch::new(connection, sql);
    while let Some(mut statement) = batch.next().map_err(unavailable)? {
        if statement.column_count() == 0 {
            statement.execute([]).map_err(unavailable)?;
            continue;
        }
        let fault = statement
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()
            .map_err(unavailable)?;
        if let Some((file, line, problem)) = fault {
            return Err(document_error(files, file, line, problem));
        }
    }
    Ok(())
}

/// Runs the statements of additions; one that fails is named by its place.
fn apply_added(
    connection: &Connection,
    import: &Import,
    files: &[String],
) -> Result<(), ImportError> {
    let file = import.additions().and_then(|it| it.sqlite.import.as_ref());
    let statements = file
        .iter()
        .flat_map(|file| statements(&file.text, SqlDialect::Sqlite));
    for statement in statements {
        apply(connection, statement.text, files).map_err(|error| match (error, file) {
            (ImportError::Store(StoreError::Unavailable(text)), Some(file)) => {
                let (line, _) = file.place(statement.at);
                ImportError::Refused(format!("{}:{line}: {text}", file.name))
            }
            (error, _) => error,
        })?;
    }
    Ok(())
}

/// Looks for a staged document that refers to nothing.
fn check_reference(
    connection: &Connection,
    import: &Import,
    reference: &Reference,
    files: &[String],
) -> Result<(), ImportError> {
    // The names are those of a schema inside the binary.
    let view = format!("\"{}\"", reference.entity_type);
    let (source, id) = if reference.many {
        (
            "staged, json_each(staged.document, ?2) AS named",
            "named.value",
        )
    } else {
        ("staged", "staged.document ->> ?2")
    };
    let sql = format!(
        "SELECT file, line, {id} FROM {source} WHERE kind = ?1 AND {id} IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM {view} AS held WHERE held.id = {id}) \
         ORDER BY file, line LIMIT 1"
    );
    let path = format!("$.{}", reference.member);
    let missing = connection
        .query_row(&sql, params![reference.kind, path], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })
        .optional()
        .map_err(unavailable)?;
    match missing {
        None => Ok(()),
        Some((file, line, id)) => {
            let problem = import.missing(reference, &id);
            Err(document_error(files, file, line, problem))
        }
    }
}
