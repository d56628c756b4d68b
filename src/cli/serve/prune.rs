//! Records of changes that are deleted while the program runs.

use std::time::Duration;

use peppol_authz_database::Database;

/// How often they are looked at within the time for which they are kept.
const LOOKS: u32 = 24;

/// The bounds of the time between two looks.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(3600);

/// Deletes records that are older than that, again and again; 0 keeps all.
pub(super) fn follow(database: Database, keep: Duration) {
    if keep.is_zero() || matches!(database, Database::Sqlite(_)) {
        return;
    }
    let pause = (keep / LOOKS).clamp(LEAST, MOST);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(pause).await;
            match database.prune(keep).await {
                Ok(None | Some(0)) => {}
                Ok(Some(records)) => tracing::info!(records, "deleted old records of changes"),
                // Looks go on, and say what is wrong.
                Err(error) => tracing::debug!(%error, "old records of changes are not deleted"),
            }
        }
    });
}
