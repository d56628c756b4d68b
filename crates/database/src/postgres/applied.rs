//! The additions that a database notes.

use tokio_postgres::Client;

use super::failure::store_error;
use crate::additions::{Applied, TABLE};
use crate::views::quoted;
use peppol_authz_engine::store::StoreError;

/// True if the table is there, false if it may not be read.
const READABLE: &str = "\
SELECT to_regclass('tenancy_addition') IS NOT NULL,
  coalesce(has_table_privilege(to_regclass('tenancy_addition'), 'SELECT'), true), current_user::text";

/// The lines of the table of additions, if there is one.
///
/// # Errors
/// A database that cannot be read.
pub(super) async fn applied(client: &Client) -> Result<Vec<Applied>, StoreError> {
    let row = client.query_typed_one(READABLE, &[]).await;
    let row = row.map_err(store_error)?;
    let is = |column: usize| row.try_get::<_, bool>(column).map_err(store_error);
    if !is(0)? {
        return Ok(Vec::new());
    }
    if !is(1)? {
        let role: String = row.try_get(2).map_err(store_error)?;
        return Err(StoreError::Misfit(format!(
            "the role `{role}` may not read what it needs: GRANT SELECT ON {TABLE} TO \"{role}\""
        )));
    }
    let sql = format!("SELECT kind = 'view', name, digest FROM {TABLE} ORDER BY kind, name");
    let rows = client.query_typed(&sql, &[]).await.map_err(store_error)?;
    let line = |row: &tokio_postgres::Row| {
        Ok(Applied {
            is_view: row.try_get(0)?,
            name: row.try_get(1)?,
            digest: row.try_get(2)?,
        })
    };
    let lines: Result<_, tokio_postgres::Error> = rows.iter().map(line).collect();
    lines.map_err(store_error)
}

/// The statement that drops views, which may read each other.
pub(super) fn drop_statement<'a>(views: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<_> = views.map(quoted).collect();
    (!names.is_empty()).then(|| format!("DROP VIEW IF EXISTS {}", names.join(", ")))
}

/// The statements that drop the views which additions have made: a migration of the program's own may change
/// what is under them, and makes shipped ones anew. They are made again afterwards.
pub(super) fn clear_statements(applied: &[Applied]) -> Option<String> {
    let views = applied.iter().filter(|was| was.is_view);
    let drop = drop_statement(views.map(|view| view.name.as_str()))?;
    Some(format!("{drop}; DELETE FROM {TABLE} WHERE kind = 'view'"))
}
