//! The migrations of a server's database.

use crate::migration::Migration;

/// A database notes each that was run in `tenancy_migration`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration;

    #[test]
    fn every_file_is_a_migration() {
        migration::assert_complete(
            MIGRATIONS,
            "../../schema/postgres/migrations",
            |version, name| format!("V{version}__{name}.sql"),
        );
    }

    /// Those that additions have made are gone while a migration runs.
    #[test]
    fn a_view_is_dropped_only_if_it_exists() {
        for migration in MIGRATIONS.iter().filter(|it| it.version > 7) {
            let name = migration.name;
            assert!(!migration.sql.contains("DROP VIEW \""), "{name}");
        }
    }
}
