//! A database that is made of Cedar's entities.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Postgres;
use super::failure::{said, store_error};
use super::write::LOCK;
use crate::entities::{TableStatement, not_empty};
use crate::import::ImportError;

/// True if something is in the schema that tables are made in, or if tables of documents are in another one
/// that is looked into.
const IS_USED: &str = "\
SELECT to_regclass('tenancy_migration') IS NOT NULL OR EXISTS (
  SELECT FROM pg_class
  WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
    AND relkind IN ('r', 'v', 'm', 'f', 'p')
)";

impl Postgres {
    /// Runs the statements in one transaction, in a database that is empty. Nothing has a time limit.
    ///
    /// # Errors
    /// A database that holds something, and what it refuses. Nothing is changed then.
    pub(crate) async fn make_of_entities(
        &self,
        statements: &[TableStatement],
    ) -> Result<(), ImportError> {
        let (client, connection) = self.connector.connect().await.map_err(store_error)?;
        let task = tokio::spawn(connection);
        let made = make(&client, statements).await;
        // Ends the connection, and with it a transaction that was not committed.
        drop(client);
        if made.is_err() {
            task.abort();
        }
        made
    }
}

async fn make(client: &Client, statements: &[TableStatement]) -> Result<(), ImportError> {
    // By itself: a text is parsed before any of it is run.
    let begin = "BEGIN; SET LOCAL standard_conforming_strings = on";
    client.batch_execute(begin).await.map_err(store_error)?;
    client
        .execute_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)])
        .await
        .map_err(store_error)?;
    let row = client.query_typed_one(IS_USED, &[]).await;
    let is_used: bool = row.and_then(|row| row.try_get(0)).map_err(store_error)?;
    if is_used {
        return Err(not_empty());
    }
    for statement in statements {
        let done = client.batch_execute(&statement.sql).await;
        done.map_err(|error| statement.failed(&said(&error)))?;
    }
    client.batch_execute("COMMIT").await.map_err(store_error)?;
    Ok(())
}
