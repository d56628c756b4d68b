//! Tables that are rewritten while they are read: by `TRUNCATE`, or by an `ALTER TABLE` that changes each row.
//!
//! Such a table looks empty to whoever took a snapshot before. The snapshot still has the row of
//! the catalog with the file that the table was in, and the server knows the file that it reads.

use std::future::Future;

use deadpool_postgres::Object;

use super::failure::store_error;
use super::relations::oids;
use peppol_authz_engine::store::StoreError;

/// The condition that one of these relations is in another file than the snapshot has it. One that was read is
/// locked by then: nobody rewrites it until the end of the transaction.
pub(super) fn rewritten(relations: impl Iterator<Item = u32>) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = ANY ('{}'::oid[]) AND relfilenode <> 0 \
         AND relfilenode IS DISTINCT FROM pg_relation_filenode(oid))",
        oids(relations)
    )
}

/// Reads, and checks that no table was rewritten since the snapshot, by a statement that is sent behind those that
/// read. `condition` is that of [`rewritten`].
///
/// # Errors
/// A table that was, and what reading fails with.
pub(super) async fn unless_rewritten<T>(
    client: &Object,
    condition: &str,
    read: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    // In this order: the first to be polled is the first to be sent.
    let (found, checked) = tokio::join!(biased; read, check(client, condition));
    match checked {
        // Rows that are misread of an empty table may not fit either.
        Err(moved @ StoreError::Moved(_)) => Err(moved),
        checked => {
            let found = found?;
            checked.map(|()| found)
        }
    }
}

async fn check(client: &Object, condition: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT {condition}");
    // Prepared: to plan it takes longer than to run it.
    let statement = client.prepare_cached(&sql).await.map_err(store_error)?;
    let row = client.query_one(&statement, &[]).await;
    match row.and_then(|row| row.try_get(0)).map_err(store_error)? {
        false => Ok(()),
        true => Err(StoreError::Moved("a table is in another file".to_owned())),
    }
}
