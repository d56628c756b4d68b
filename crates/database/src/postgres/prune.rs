//! Records of changes that nobody needs any more.

use std::time::Duration;

use tokio_postgres::types::Type;

use super::Postgres;
use super::failure::{limited, store_error};
use peppol_authz_engine::store::StoreError;

/// The lock of the one that prunes, of many sidecars. "peAP".
const LOCK: i64 = 0x7065_4150;

/// The function that prunes, if it is that of the records' owner, and this role may call it here. In a
/// schema where others make functions, theirs would run with the rights of this role.
const MAY: &str = "\
SELECT count(*) FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_class AS c ON c.relname = 'tenancy_change' AND c.relnamespace = n.oid AND c.relowner = p.proowner
WHERE n.nspname = $1 AND p.proname = 'tenancy_prune' AND p.proargtypes::text = 'interval'::regtype::oid::text
  AND has_function_privilege(p.oid, 'EXECUTE') AND NOT pg_is_in_recovery()";

impl Postgres {
    /// Deletes the records that are older, and returns how many; `None` where this role may not, the
    /// server is a replica, or another sidecar is at it. Whoever looked last before them takes everything as
    /// changed.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub async fn prune(&self, older_than: Duration) -> Result<Option<u64>, StoreError> {
        let description = self.description();
        let records = description.as_ref().and_then(|it| it.records.as_ref());
        let Some(records) = records else {
            return Ok(None);
        };
        // Beside the pool: nobody waits for it, however long it takes.
        let connected = limited(self.options.timeout, self.connector.connect()).await;
        let (mut client, connection) = connected.map_err(|failed| failed.error)?;
        let task = tokio::spawn(connection);
        let pruned = async {
            let may = client
                .query_typed_one(MAY, &[(&records.schema, Type::TEXT)])
                .await?;
            if may.try_get::<_, i64>(0)? == 0 {
                return Ok(None);
            }
            let transaction = client.transaction().await?;
            let locked = "SELECT pg_try_advisory_xact_lock($1)";
            let locked = transaction
                .query_typed_one(locked, &[(&LOCK, Type::INT8)])
                .await?;
            if !locked.try_get::<_, bool>(0)? {
                return Ok(None);
            }
            let schema = records.quoted_schema();
            let prune = format!("SELECT {schema}.tenancy_prune(make_interval(secs => $1))");
            let seconds = older_than.as_secs_f64();
            let pruned = transaction
                .query_typed_one(&prune, &[(&seconds, Type::FLOAT8)])
                .await?;
            let pruned: i64 = pruned.try_get(0)?;
            transaction.commit().await?;
            Ok(Some(pruned.unsigned_abs()))
        }
        .await;
        drop(client);
        task.abort();
        pruned.map_err(store_error)
    }
}
