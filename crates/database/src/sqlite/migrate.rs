//! The migrations of a file.

use rusqlite::Connection;

use crate::migration::{self, Migration};
use crate::views::quoted;

/// A file notes the version of the last one in `PRAGMA user_version`.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "tenancy",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/1-tenancy/up.sql"
        )),
    },
    Migration {
        version: 2,
        name: "changes",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/2-changes/up.sql"
        )),
    },
    Migration {
        version: 3,
        name: "search",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/3-search/up.sql"
        )),
    },
    Migration {
        version: 4,
        name: "history",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/4-history/up.sql"
        )),
    },
    Migration {
        version: 5,
        name: "participant-identifiers",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/5-participant-identifiers/up.sql"
        )),
    },
    Migration {
        version: 6,
        name: "one-name",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/6-one-name/up.sql"
        )),
    },
    Migration {
        version: 7,
        name: "noted-types",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/7-noted-types/up.sql"
        )),
    },
    Migration {
        version: 8,
        name: "noted-lines",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/8-noted-lines/up.sql"
        )),
    },
    Migration {
        version: 9,
        name: "members-and-invitations",
        sql: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/sqlite/migrations/9-members-and-invitations/up.sql"
        )),
    },
];

/// Marks a file as this program's: "peAZ".
pub(super) const APPLICATION_ID: i32 = 0x7065_415A;

/// Returns true if the file was made by this program.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(id == i64::from(APPLICATION_ID))
}

/// Returns true if a migration makes a view of that name. It drops first what is there.
pub(super) fn is_shipped_view(name: &str) -> bool {
    let made = format!("CREATE VIEW {} ", quoted(name));
    MIGRATIONS.iter().any(|it| it.sql.contains(&made))
}

/// The newest version of the tables.
pub(super) fn newest() -> i32 {
    migration::newest(MIGRATIONS)
}

/// Makes all tables in a database that is empty.
pub(super) fn make_all(connection: &Connection) -> rusqlite::Result<()> {
    let mut migrations = MIGRATIONS.iter();
    migrations.try_for_each(|migration| connection.execute_batch(migration.sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_migration() {
        migration::assert_complete(
            MIGRATIONS,
            "../../schema/sqlite/migrations",
            |version, name| format!("{version}-{name}/up.sql"),
        );
    }
}
