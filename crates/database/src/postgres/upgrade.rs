//! Bringing the tables of an empty or older database up to date, and then its additions.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::additions;
use super::applied::{applied, clear_statements};
use super::connect::Connector;
use super::failure::{limited, said, store_error};
use super::migrate::MIGRATIONS;
use super::options::PostgresOptions;
use crate::additions::Applied;
use crate::migration::{self, Migrated, Migration, Upgrade};
use peppol_authz_engine::store::StoreError;

const HISTORY: &str = "tenancy_migration";

/// An older version of this program has made it with one more column, that may be null.
const MAKE_HISTORY: &str = "\
CREATE TABLE IF NOT EXISTS tenancy_migration (
  version integer PRIMARY KEY,
  name varchar(255),
  applied_on varchar(255)
)";

const NOTE: &str = "\
INSERT INTO tenancy_migration (version, name, applied_on)
VALUES ($1, $2, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))";

/// The lock that a migration holds, since several may start at once. "peAZ".
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

/// The state of a database.
enum DatabaseState {
    /// It was made by this program, to that version, or nothing is in it yet: 0.
    Version(i32),
    /// It was made by another program.
    Foreign,
    /// Its version cannot be read: this role lacks this right.
    Denied { role: String, right: String },
}

/// Brings the tables up to date. Another program's database is left as it is, and so
/// is one that is up to date already, without asking for more than to read.
///
/// # Errors
/// A database of a newer version of this program, and one that is not up to date and
/// may not be changed.
pub(super) async fn upgrade(
    connector: &Connector,
    options: &PostgresOptions,
) -> Result<Upgrade, StoreError> {
    let (newest, timeout) = (migration::newest(MIGRATIONS), options.timeout);
    let additions = options.additions.as_deref();
    let only = Upgrade::of_tables;
    let connected = async {
        let (client, connection) = connector.connect().await?;
        Ok((client, tokio::spawn(connection)))
    };
    let (mut client, task) = limited(timeout, connected)
        .await
        .map_err(|failed| failed.error)?;
    let result = async {
        match version(&client, timeout, newest).await? {
            None => {
                additions::check_foreign(additions)?;
                return Ok(only(Migrated::Foreign));
            }
            Some(version) if version == newest => {
                let planned = additions::planned(&client, additions);
                let planned = tokio::time::timeout(timeout, planned).await;
                let late = |_| StoreError::Unavailable("no answer in time".to_owned());
                if planned.map_err(late)??.is_empty() {
                    return Ok(only(Migrated::Already(version)));
                }
            }
            Some(_) => {}
        }
        client
            .execute_typed("SELECT pg_advisory_lock($1)", &[(&LOCK, Type::INT8)])
            .await
            .map_err(store_error)?;
        // Another may have done it while this one waited.
        let Some(before) = version(&client, timeout, newest).await? else {
            return Ok(only(Migrated::Foreign));
        };
        // A database whose additions are not these is not upgraded either.
        additions::planned(&client, additions).await?;
        let grants = additions::grants(&client, additions).await;
        let grants = grants.map_err(store_error)?;
        let mut version = before;
        while let Some(migration) = migration::next(MIGRATIONS, version) {
            let applied = applied(&client).await?;
            step(&mut client, version, migration, &applied)
                .await
                .map_err(|error| {
                    StoreError::Version(format!(
                        "the tables of the tenancy store cannot be brought to version {newest}: {}; \
                         run `peppol-authz migrate` once as a role that may create tables",
                        said(&error)
                    ))
                })?;
            version = migration.version;
        }
        if before < newest {
            tracing::info!(version = newest, "made or upgraded the tenancy tables");
        }
        let mut upgrade = Upgrade::of_tables(Migrated::between(before, newest));
        additions::apply(&client, additions, &grants, &mut upgrade).await?;
        let Upgrade {
            additions, views, ..
        } = &upgrade;
        if !additions.is_empty() || !views.is_empty() {
            let (additions, views) = (additions.join(", "), views.join(", "));
            tracing::info!(additions, views, "applied the additions");
        }
        Ok(upgrade)
    }
    .await;
    // The lock ends with the connection.
    drop(client);
    task.abort();
    result
}

/// Returns true if a database has all that this program would give it; none where another program has
/// made it. Nothing is changed.
///
/// # Errors
/// One that has other additions, or cannot be read.
pub(super) async fn is_up_to_date(
    client: &Client,
    options: &PostgresOptions,
) -> Result<Option<bool>, StoreError> {
    let newest = migration::newest(MIGRATIONS);
    match version(client, options.timeout, newest).await? {
        None => Ok(None),
        Some(version) if version < newest => Ok(Some(false)),
        Some(_) => {
            let planned = additions::planned(client, options.additions.as_deref());
            Ok(Some(planned.await?.is_empty()))
        }
    }
}

/// Brings a database a version further.
async fn step(
    client: &mut Client,
    version: i32,
    migration: &Migration,
    applied: &[Applied],
) -> Result<(), tokio_postgres::Error> {
    let clear = match version {
        0 => None,
        _ => clear_statements(applied),
    };
    let transaction = client.transaction().await?;
    if let Some(clear) = clear {
        transaction.batch_execute(&clear).await?;
    }
    if version == 0 {
        transaction.batch_execute(MAKE_HISTORY).await?;
    }
    transaction.batch_execute(migration.sql).await?;
    let note: [(&(dyn ToSql + Sync), Type); 2] = [
        (&migration.version, Type::INT4),
        (&migration.name, Type::TEXT),
    ];
    transaction.execute_typed(NOTE, &note).await?;
    transaction.commit().await
}

/// The version of a database; none where another program has made it.
async fn version(
    client: &Client,
    timeout: Duration,
    newest: i32,
) -> Result<Option<i32>, StoreError> {
    match limited(timeout, found(client))
        .await
        .map_err(|failed| failed.error)?
    {
        DatabaseState::Foreign => Ok(None),
        DatabaseState::Denied { role, right } => Err(StoreError::Misfit(format!(
            "the role `{role}` may not read what it needs: GRANT {right} TO \"{role}\""
        ))),
        DatabaseState::Version(version) if version > newest => Err(StoreError::Version(format!(
            "the tenancy store was made by a newer version of this program, with schema \
             {version}; this one knows {newest}"
        ))),
        DatabaseState::Version(version) => Ok(Some(version)),
    }
}

async fn found(client: &Client) -> Result<DatabaseState, tokio_postgres::Error> {
    let row = client.query_typed_one(VERSION, &[]).await?;
    let (ours, readable): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    let (role, filled): (String, bool) = (row.try_get(2)?, row.try_get(3)?);
    if let Some(schema) = row.try_get::<_, Option<String>>(4)? {
        let right = format!("USAGE ON SCHEMA {schema}");
        return Ok(DatabaseState::Denied { role, right });
    }
    if !readable {
        let right = format!("SELECT ON {HISTORY}");
        return Ok(DatabaseState::Denied { role, right });
    }
    if !ours {
        return Ok(if filled {
            DatabaseState::Foreign
        } else {
            DatabaseState::Version(0)
        });
    }
    let sql = format!("SELECT coalesce(max(version), 0)::int4 FROM {HISTORY}");
    let row = client.query_typed_one(&sql, &[]).await?;
    Ok(DatabaseState::Version(row.try_get(0)?))
}
