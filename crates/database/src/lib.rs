//! The tenancy store in a database: SQLite in a file, PostgreSQL on a server.
//!
//! Each has one view per entity type of the schema, reads consistent snapshots of them, tells
//! which entities have changed, and imports and exports tenancy documents. `schema/README.md` describes views,
//! tables and change records.

mod added_documents;
mod additions;
mod database;
mod documents;
mod entities;
mod export;
mod ignored;
mod import;
mod migration;
mod postgres;
mod project;
mod roots;
mod row_sql;
mod select;
mod sql;
mod sqlite;
mod tls_advice;
mod views;

pub use additions::{Additions, AdditionsError};
pub use database::{Database, EmptyDatabase};
pub use documents::{DocumentError, Documents};
pub use export::{ExportError, Exported};
pub use ignored::{Ignored, IgnoredMember};
pub use import::{Import, ImportError, Imported};
pub use migration::{Migrated, Upgrade};
pub use postgres::{Postgres, PostgresOptions};
pub use project::misfits;
pub use roots::{RootsError, root_certificates};
pub use row_sql::{RowColumns, RowDialect, RowParameter, RowSql};
pub use sqlite::{Sqlite, SqliteOptions};
pub use tls_advice::tls_advice;
