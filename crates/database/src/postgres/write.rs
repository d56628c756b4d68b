//! Importing tenancy documents, in one transaction.

use std::collections::HashMap;
use std::io::BufRead;

use bytes::{BufMut, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::failure::store_error;
use super::refusal::{missing_rights, refused};
use super::{Postgres, upgrade};
use crate::documents::Documents;
use crate::ignored::Ignored;
use crate::import::{Document, Import, ImportError, Imported, Reference, document_error};
use crate::sql::{SqlDialect, statements};
use crate::views::quoted;
use peppol_authz_engine::store::{Revision, StoreError};

static IMPORT: &str = include_str!("../../../../schema/postgres/import.sql");

/// How often progress is told, in documents.
const PROGRESS_EVERY: u64 = 1024;

/// Bytes that are sent together.
const CHUNK: usize = 256 << 10;

/// The lock that an import holds until its transaction ends. "peAI".
pub(super) const LOCK: i64 = 0x7065_4149;

/// `incoming` takes all documents, `staged` the last of each key.
const PREPARE: &str = "\
CREATE TEMP TABLE incoming (
  number bigint, kind text COLLATE \"C\", key text COLLATE \"C\", file bigint, line bigint, document text
) ON COMMIT DROP";

const STAGE: &str = "\
CREATE TEMP TABLE staged (
  kind text COLLATE \"C\" NOT NULL, key text COLLATE \"C\" NOT NULL, file bigint NOT NULL,
  line bigint NOT NULL, document jsonb NOT NULL, PRIMARY KEY (kind, key)
) ON COMMIT DROP;
INSERT INTO staged (kind, key, file, line, document)
SELECT DISTINCT ON (kind, key) kind, key, file, line, document::jsonb
FROM incoming ORDER BY kind, key, number DESC;
DROP TABLE incoming;
ANALYZE staged;
SET CONSTRAINTS ALL DEFERRED";

impl Postgres {
    /// Imports documents from streams with names. `progress` is told how many bytes
    /// have been read, in all. Nothing has a time limit: a million documents take
    /// what they take.
    ///
    /// # Errors
    /// The first document that is wrong, with its line; nothing is changed then.
    pub async fn import<R: BufRead>(
        &self,
        import: &Import,
        inputs: Vec<(String, R)>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, ImportError> {
        upgrade::upgrade(&self.connector, &self.options).await?;
        let (mut client, connection) = self.connector.connect().await.map_err(store_error)?;
        let task = tokio::spawn(connection);
        let imported = import_on(&mut client, import, inputs, progress).await;
        // Ends the connection, and with it a transaction that was not committed.
        drop(client);
        if imported.is_err() {
            task.abort();
        }
        match imported {
            Err(ImportError::Refused(text)) => {
                let missing = missing_rights(&self.connector).await;
                let more = missing.map(|missing| format!("; {missing}"));
                Err(ImportError::Refused(text + &more.unwrap_or_default()))
            }
            imported => imported,
        }
    }
}

async fn import_on<R: BufRead>(
    client: &mut Client,
    import: &Import,
    inputs: Vec<(String, R)>,
    progress: &mut dyn FnMut(u64),
) -> Result<Imported, ImportError> {
    let files: Vec<String> = inputs.iter().map(|(name, _)| name.clone()).collect();
    execute(client, "BEGIN").await?;
    client
        .execute_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)])
        .await
        .map_err(refused)?;
    execute(client, PREPARE).await?;
    let (documents, ignored) = stage(client, import, inputs, progress).await?;
    execute(client, STAGE).await?;
    for statement in statements(IMPORT, SqlDialect::Postgres) {
        run(client, statement.text, &files).await?;
    }
    let added = import
        .additions()
        .and_then(|it| it.postgres.import.as_ref());
    for statement in added
        .iter()
        .flat_map(|file| statements(&file.text, SqlDialect::Postgres))
    {
        let run = run(client, statement.text, &files).await;
        run.map_err(|error| match (error, added) {
            (ImportError::Refused(text), Some(file)) => {
                let (line, _) = file.place(statement.at);
                ImportError::Refused(format!("{}:{line}: {text}", file.name))
            }
            (error, _) => error,
        })?;
    }
    let views = views(client).await?;
    for reference in import.references(&|name| views.contains_key(&name.to_string())) {
        check_reference(client, import, &reference, &files).await?;
    }
    let row = client
        .query_typed_one("SELECT tenancy_revision()", &[])
        .await
        .map_err(refused)?;
    let name: String = row.try_get(0).map_err(refused)?;
    let revision = Revision::parse(&name)
        .ok_or_else(|| StoreError::Misfit(format!("`{name}` is no revision")))?;
    execute(client, "COMMIT").await?;
    Ok(Imported {
        documents,
        revision,
        ignored,
    })
}

async fn execute(client: &Client, sql: &str) -> Result<(), ImportError> {
    client.batch_execute(sql).await.map_err(refused)
}

/// Copies all documents into the temporary table.
async fn stage<R: BufRead>(
    client: &Client,
    import: &Import,
    inputs: Vec<(String, R)>,
    progress: &mut dyn FnMut(u64),
) -> Result<(u64, Ignored), ImportError> {
    let sink = client
        .copy_in("COPY incoming FROM STDIN")
        .await
        .map_err(refused)?;
    let mut sink = std::pin::pin!(sink);
    let mut buffer = BytesMut::with_capacity(2 * CHUNK);
    let (mut count, mut read_before) = (0_u64, 0_u64);
    let mut ignored = Ignored::default();
    for (file, (name, input)) in inputs.into_iter().enumerate() {
        let mut documents = Documents::new(input);
        while let Some(document) = import
            .next(&name, &mut documents, &mut ignored)
            .map_err(|error| Import::fault(&name, error))?
        {
            if has_nul(&document.text) {
                let problem = "a NUL character, which PostgreSQL cannot hold".to_owned();
                return Err(ImportError::Document {
                    file: name,
                    line: document.line,
                    problem,
                });
            }
            put_row(&mut buffer, count, file, &document);
            if buffer.len() >= CHUNK {
                sink.send(buffer.split().freeze()).await.map_err(refused)?;
            }
            count += 1;
            if count.is_multiple_of(PROGRESS_EVERY) {
                progress(read_before + documents.bytes_read());
            }
        }
        read_before += documents.bytes_read();
        progress(read_before);
    }
    sink.send(buffer.freeze()).await.map_err(refused)?;
    sink.finish().await.map_err(refused)?;
    Ok((count, ignored))
}

/// Returns true if a JSON text has a NUL character in it: `\u0000`, after no backslash that
/// is itself escaped.
fn has_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let before = json.as_bytes().iter().take(at).rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

/// A row in the text format of `COPY`.
fn put_row(buffer: &mut BytesMut, number: u64, file: usize, document: &Document) {
    let Document {
        kind,
        key,
        line,
        text,
    } = document;
    for (i, column) in [
        number.to_string().as_str(),
        kind,
        key,
        file.to_string().as_str(),
        line.to_string().as_str(),
        text,
    ]
    .into_iter()
    .enumerate()
    {
        if i > 0 {
            buffer.put_u8(b'\t');
        }
        for byte in column.bytes() {
            match byte {
                b'\\' => buffer.put_slice(b"\\\\"),
                b'\t' => buffer.put_slice(b"\\t"),
                b'\n' => buffer.put_slice(b"\\n"),
                b'\r' => buffer.put_slice(b"\\r"),
                byte => buffer.put_u8(byte),
            }
        }
    }
    buffer.put_u8(b'\n');
}

/// Runs a statement; a row that it returns is a fault.
async fn run(client: &Client, sql: &str, files: &[String]) -> Result<(), ImportError> {
    let rows = client.query_typed(sql, &[]).await.map_err(refused)?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let (file, line, problem) = place(row).map_err(refused)?;
    Err(document_error(files, file, line, problem))
}

/// The views of entity types.
async fn views(client: &Client) -> Result<HashMap<String, ()>, ImportError> {
    let sql = "SELECT relname::text FROM pg_class WHERE relkind = 'v' AND pg_table_is_visible(oid)";
    let rows = client.query_typed(sql, &[]).await.map_err(refused)?;
    rows.iter()
        .map(|row| Ok((row.try_get(0).map_err(refused)?, ())))
        .collect()
}

/// Looks for a staged document that refers to nothing.
async fn check_reference(
    client: &Client,
    import: &Import,
    reference: &Reference,
    files: &[String],
) -> Result<(), ImportError> {
    let view = quoted(&reference.entity_type.to_string());
    let (source, id) = if reference.many {
        (
            "staged, jsonb_array_elements_text(staged.document -> $2) AS named (id)",
            "named.id",
        )
    } else {
        ("staged", "(staged.document ->> $2)")
    };
    let sql = format!(
        "SELECT file, line, {id} FROM {source} WHERE kind = $1 AND {id} IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM {view} AS held WHERE held.id = {id} COLLATE \"C\") \
         ORDER BY file, line LIMIT 1"
    );
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [
        (&reference.kind, Type::TEXT),
        (&reference.member, Type::TEXT),
    ];
    let rows = client
        .query_typed(&sql, &parameters)
        .await
        .map_err(refused)?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let (file, line, id) = place(row).map_err(refused)?;
    Err(document_error(
        files,
        file,
        line,
        import.missing(reference, &id),
    ))
}

/// The file and line of a document, and a text about it.
fn place(row: &Row) -> Result<(i64, i64, String), tokio_postgres::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}
