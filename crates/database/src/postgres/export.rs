//! Exporting tenancy documents, from one state.

use std::io::Write;
use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::failure::{said, store_error};
use super::options::PostgresOptions;
use super::{Postgres, upgrade};
use crate::export::{ExportError, ExportStatement, Exported, export_statements, write_document};
use crate::import::Import;
use crate::sql::SqlDialect;
use peppol_authz_engine::store::{Revision, StoreError};

static EXPORT: &str = include_str!("../../../../schema/postgres/export.sql");

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off";

impl Postgres {
    /// Writes all documents, one a line. Nothing has a time limit: a million documents take what
    /// they take.
    ///
    /// # Errors
    /// Anything in the store that documents do not tell of.
    pub async fn export(
        &self,
        import: &Import,
        to: &mut dyn Write,
    ) -> Result<Exported, ExportError> {
        let statements = export_statements(EXPORT, import, SqlDialect::Postgres)?;
        let (client, connection) = self.connector.connect().await.map_err(store_error)?;
        let task = tokio::spawn(connection);
        check(&client, &self.options).await?;
        let exported = export_on(&client, import, &statements, to).await;
        drop(client);
        task.abort();
        exported
    }
}

/// Checks that the tables are those that are exported.
async fn check(client: &Client, options: &PostgresOptions) -> Result<(), ExportError> {
    let problem = match upgrade::is_up_to_date(client, options).await? {
        Some(true) => return Ok(()),
        Some(false) => "they are not up to date: run `peppol-authz migrate`",
        None => {
            "an export reads the tables that this program makes in an empty database, and another has \
             made these"
        }
    };
    Err(ExportError::Refused(format!(
        "nothing can be exported from the tables of the tenancy store: {problem}"
    )))
}

async fn export_on(
    client: &Client,
    import: &Import,
    statements: &[ExportStatement],
    to: &mut dyn Write,
) -> Result<Exported, ExportError> {
    client.batch_execute(BEGIN).await.map_err(store_error)?;
    let row = client
        .query_typed_one("SELECT tenancy_revision()", &[])
        .await
        .map_err(store_error)?;
    let name: String = row.try_get(0).map_err(store_error)?;
    let revision = Revision::parse(&name)
        .ok_or_else(|| StoreError::Misfit(format!("`{name}` is no revision")))?;
    let mut documents = 0;
    for export in statements {
        let failed = |error: tokio_postgres::Error| export.failed(&said(&error));
        let none: [(&(dyn ToSql + Sync), Type); 0] = [];
        let rows = client.query_typed_raw(&export.sql, none).await;
        // A few rows are on the way at a time, and never all of them.
        let mut rows = pin!(rows.map_err(failed)?);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let text: &str = row.try_get(0).map_err(failed)?;
            write_document(import, export, text, to)?;
            documents += 1;
        }
    }
    client.batch_execute("COMMIT").await.map_err(store_error)?;
    Ok(Exported {
        documents,
        revision,
    })
}
