//! Tables that are rewritten while they are read: by `TRUNCATE`, or by an `ALTER TABLE` that changes each row.
//!
//! Such a table looks empty to whoever took a snapshot before. The snapshot still has the row of
//! the catalog with the file that the table was in, and the server knows the file that it reads.

use std::future::Future;

use deadpool_postgres::Object;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::failure::store_error;
use super::relations::oids;
use super::session::Session;
use peppol_authz_engine::store::StoreError;

/// The files of tables ($1), as the snapshot has them. What has no file of its own cannot be rewritten.
const FILES: &str = "\
SELECT oid, relfilenode FROM pg_catalog.pg_class WHERE oid = ANY ($1::text::oid[]) AND relfilenode <> 0";

/// The condition that one of these relations is in another file than now. One that was read is locked by then:
/// nobody rewrites it until the end of the transaction. In any later state that has the same digest, the
/// snapshot has the relations in the same files.
pub(super) async fn rewritten(
    client: &Object,
    relations: impl Iterator<Item = u32>,
) -> Result<String, tokio_postgres::Error> {
    let relations = oids(relations);
    let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&relations, SqlType::TEXT)];
    let (mut held, mut files) = (Vec::new(), Vec::new());
    for row in client.query_typed(FILES, &parameters).await? {
        held.push(row.try_get::<_, u32>(0)?);
        files.push(row.try_get::<_, u32>(1)?);
    }
    // By what the server knows of them now, and not by rows of the catalog: that is soon done.
    Ok(format!(
        "EXISTS (SELECT FROM unnest('{}'::oid[], '{}'::oid[]) AS held (relation, file) \
         WHERE pg_relation_filenode(relation) IS DISTINCT FROM file)",
        oids(held),
        oids(files)
    ))
}

/// Reads, and checks that no table was rewritten since the snapshot, by a statement that is sent behind those that
/// read. `condition` is that of [`rewritten`].
///
/// # Errors
/// A table that was, and what reading fails with.
pub(super) async fn unless_rewritten<T>(
    session: Session<'_>,
    condition: &str,
    read: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    // In this order: the first to be polled is the first to be sent.
    let (found, checked) = tokio::join!(biased; read, check(session, condition));
    match checked {
        // Rows that are misread of an empty table may not fit either.
        Err(moved @ StoreError::Moved(_)) => Err(moved),
        checked => {
            let found = found?;
            checked.map(|()| found)
        }
    }
}

async fn check(session: Session<'_>, condition: &str) -> Result<(), StoreError> {
    let statement = session.statement(format!("SELECT {condition}"), &[]);
    let rows = session.rows(&statement, &[]).await.map_err(store_error)?;
    let is_rewritten = rows.first().map(|row| row.try_get(0));
    match is_rewritten.transpose().map_err(store_error)? {
        Some(false) => Ok(()),
        _ => Err(StoreError::Moved("a table is in another file".to_owned())),
    }
}
