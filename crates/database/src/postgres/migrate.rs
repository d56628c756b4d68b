//! Bringing the tables of an empty or older database up to date.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::connect::Connector;
use super::failure::{limited, said, store_error};
use crate::migration::{self, Migrated, Migration};
use peppol_authz_engine::store::StoreError;

/// A database notes each that was run in [`HISTORY`].
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "tenancy",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V1__tenancy.sql"
        )),
    },
    Migration {
        version: 2,
        name: "search",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V2__search.sql"
        )),
    },
    Migration {
        version: 3,
        name: "history",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V3__history.sql"
        )),
    },
    Migration {
        version: 4,
        name: "participant_identifiers",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V4__participant_identifiers.sql"
        )),
    },
    Migration {
        version: 5,
        name: "one_name",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V5__one_name.sql"
        )),
    },
    Migration {
        version: 6,
        name: "noted_types",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V6__noted_types.sql"
        )),
    },
    Migration {
        version: 7,
        name: "members_and_invitations",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/postgres/migrations/V7__members_and_invitations.sql"
        )),
    },
];

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
pub(super) async fn migrate(
    connector: &Connector,
    timeout: Duration,
) -> Result<Migrated, StoreError> {
    let newest = migration::newest(MIGRATIONS);
    let connected = async {
        let (client, connection) = connector.connect().await?;
        Ok((client, tokio::spawn(connection)))
    };
    let (mut client, task) = limited(timeout, connected)
        .await
        .map_err(|failed| failed.error)?;
    let result = async {
        match version(&client, timeout, newest).await? {
            None => return Ok(Migrated::Foreign),
            Some(version) if version == newest => return Ok(Migrated::Already(version)),
            Some(_) => {}
        }
        client
            .execute_typed("SELECT pg_advisory_lock($1)", &[(&LOCK, Type::INT8)])
            .await
            .map_err(store_error)?;
        // Another may have done it while this one waited.
        let Some(before) = version(&client, timeout, newest).await? else {
            return Ok(Migrated::Foreign);
        };
        let mut version = before;
        while let Some(migration) = migration::next(MIGRATIONS, version) {
            step(&mut client, version, migration)
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
        Ok(Migrated::between(before, newest))
    }
    .await;
    // The lock ends with the connection.
    drop(client);
    task.abort();
    result
}

/// Brings a database a version further.
async fn step(
    client: &mut Client,
    version: i32,
    migration: &Migration,
) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_migration() {
        migration::assert_complete(
            MIGRATIONS,
            "../../schema/postgres/migrations",
            |version, name| format!("V{version}__{name}.sql"),
        );
    }
}
