//! Bringing the tables of an empty or older database up to date.

use std::sync::LazyLock;
use std::time::Duration;

use include_dir::{Dir, include_dir};
use refinery::{Migration, Runner};
use tokio_postgres::Client;

use super::connect::Connector;
use super::failure::{error_text, limited, store_error};
use peppol_authz_engine::store::StoreError;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../schema/postgres/migrations");

static MIGRATIONS: LazyLock<Result<Vec<Migration>, String>> = LazyLock::new(|| {
    FILES
        .files()
        .map(|file| {
            let name = file.path().file_stem().and_then(|name| name.to_str());
            let sql = file.contents_utf8();
            let (name, sql) = name.zip(sql).ok_or("a migration is no text")?;
            Migration::unapplied(name, sql).map_err(|error| error.to_string())
        })
        .collect()
});

/// Where refinery keeps what has been applied.
const HISTORY: &str = "tenancy_migration";

/// Whoever migrates holds it: several may start at once. "peAZ".
const LOCK: i64 = 0x7065_415A;

/// Of an empty database: no relation in the schema that objects would be made in.
/// With the history: the version. Else another program's: left as it is. A schema
/// that the role may not use is as if it were not in the search_path; where it is,
/// and holds the history, it is not empty.
const VERSION: &str = "\
SELECT
  to_regclass('tenancy_migration') IS NOT NULL,
  coalesce(has_table_privilege(to_regclass('tenancy_migration'), 'SELECT'), true),
  current_user::text,
  EXISTS (
    SELECT FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
      AND relkind IN ('r', 'v', 'm', 'f', 'p')
  ),
  (
    SELECT quote_ident(nspname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relname = 'tenancy_migration'
      AND to_regclass('tenancy_migration') IS NULL
      AND NOT has_schema_privilege(pg_namespace.oid, 'USAGE')
      AND nspname = ANY (
        SELECT replace(btrim(part, ' \"'), '$user', current_user)
        FROM unnest(string_to_array(current_setting('search_path'), ',')) AS part
      )
    LIMIT 1
  )";

/// What a database is.
enum Found {
    /// Nothing is in it.
    Empty,
    /// It was made by this program, to that version.
    Version(i32),
    /// It is somebody else's.
    Foreign,
    /// What version it is of, this role may not read without this right.
    Denied { role: String, right: String },
}

/// Brings the tables up to date. Another program's database is left as it is, and so
/// is one that is up to date already, without asking for more than to read.
///
/// # Errors
/// A database of a newer version of this program, and one that is not up to date and
/// may not be changed.
pub(super) async fn migrate(connector: &Connector, timeout: Duration) -> Result<(), StoreError> {
    let migrations = MIGRATIONS
        .as_ref()
        .map_err(|error| StoreError::Version(error.clone()))?;
    let newest = migrations.iter().map(Migration::version).max().unwrap_or(0);
    let connected = async {
        let (client, connection) = connector.connect().await?;
        Ok((client, tokio::spawn(connection)))
    };
    let (mut client, task) = limited(timeout, connected)
        .await
        .map_err(|failed| failed.error)?;
    let result = async {
        if is_up_to_date(&client, timeout, newest).await? {
            return Ok(());
        }
        client
            .execute_typed(
                "SELECT pg_advisory_lock($1)",
                &[(&LOCK, tokio_postgres::types::Type::INT8)],
            )
            .await
            .map_err(store_error)?;
        // Another may have done it while this one waited.
        if is_up_to_date(&client, timeout, newest).await? {
            return Ok(());
        }
        Runner::new(migrations)
            .set_grouped(true)
            .set_migration_table_name(HISTORY)
            .run_async(&mut client)
            .await
            .map_err(|error| {
                StoreError::Version(format!(
                    "the tables of the tenancy store cannot be brought to version {newest}: {}; \
                     run `peppol-authz migrate` once as a role that may create tables",
                    error_text(&error)
                ))
            })?;
        tracing::info!(version = newest, "made or upgraded the tenancy tables");
        Ok(())
    }
    .await;
    // The lock ends with the connection.
    drop(client);
    task.abort();
    result
}

async fn is_up_to_date(
    client: &Client,
    timeout: Duration,
    newest: i32,
) -> Result<bool, StoreError> {
    match limited(timeout, found(client))
        .await
        .map_err(|failed| failed.error)?
    {
        Found::Foreign => Ok(true),
        Found::Empty => Ok(false),
        Found::Denied { role, right } => Err(StoreError::Misfit(format!(
            "the role `{role}` may not read what it needs: GRANT {right} TO \"{role}\""
        ))),
        Found::Version(version) if version > newest => Err(StoreError::Version(format!(
            "the tenancy store was made by a newer version of this program, with schema \
             {version}; this one knows {newest}"
        ))),
        Found::Version(version) => Ok(version == newest),
    }
}

async fn found(client: &Client) -> Result<Found, tokio_postgres::Error> {
    let row = client.query_typed_one(VERSION, &[]).await?;
    let (ours, readable): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    let (role, filled): (String, bool) = (row.try_get(2)?, row.try_get(3)?);
    if let Some(schema) = row.try_get::<_, Option<String>>(4)? {
        let right = format!("USAGE ON SCHEMA {schema}");
        return Ok(Found::Denied { role, right });
    }
    if !readable {
        let right = format!("SELECT ON {HISTORY}");
        return Ok(Found::Denied { role, right });
    }
    if !ours {
        return Ok(if filled { Found::Foreign } else { Found::Empty });
    }
    let sql = format!("SELECT coalesce(max(version), 0)::int4 FROM {HISTORY}");
    let row = client.query_typed_one(&sql, &[]).await?;
    Ok(Found::Version(row.try_get(0)?))
}
