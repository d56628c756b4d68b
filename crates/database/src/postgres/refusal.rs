//! Why a server takes no import, with the right or the relation that is in the way.

use tokio_postgres::error::SqlState;

use super::connect::Connector;
use super::failure::{said, store_error};
use crate::import::ImportError;

/// The tables that an import may write, and the rights on them that the role lacks. They are those
/// beside `account`, of its owner; what the program itself notes is written by triggers.
const MISSING: &str = "\
SELECT current_user::text, string_agg(quote_ident(c.relname), ', ' ORDER BY c.relname)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_class AS a ON a.oid = to_regclass('account')
WHERE c.relkind = 'r' AND c.relnamespace = a.relnamespace AND c.relowner = a.relowner
  AND c.relname NOT LIKE 'tenancy\\_%'
  AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
    AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))";

/// The error of an import that an error of the server is.
pub(super) fn refused(error: tokio_postgres::Error) -> ImportError {
    let Some(code) = error.code() else {
        return store_error(error).into();
    };
    let is_a_right = [
        &SqlState::INSUFFICIENT_PRIVILEGE,
        &SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    if is_a_right.contains(&code) {
        return ImportError::Refused(format!("nothing can be imported: {}", said(&error)));
    }
    let is_a_relation = [
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::WRONG_OBJECT_TYPE,
        &SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        &SqlState::FEATURE_NOT_SUPPORTED,
    ];
    if is_a_relation.contains(&code) {
        return ImportError::Refused(format!(
            "nothing can be imported: {}; an import writes into the tables that `peppol-authz \
             migrate` makes in an empty database: where views of your own take their place, write \
             into the tables under these",
            said(&error)
        ));
    }
    store_error(error).into()
}

/// The statement that would give the role the rights which it lacks, if it lacks any.
pub(super) async fn missing_rights(connector: &Connector) -> Option<String> {
    let (client, connection) = connector.connect().await.ok()?;
    let task = tokio::spawn(connection);
    let row = client.query_typed_one(MISSING, &[]).await;
    task.abort();
    let row = row.ok()?;
    let (role, tables): (String, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
    Some(format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO \"{role}\""
    ))
}
