//! The records of changes, and the statements that read states and changes.

/// The tables in which changes are recorded.
#[derive(Debug)]
pub(super) struct Records {
    /// Their schema, as SQL quotes it.
    pub(super) schema: String,
    /// True if there is a function that names their history.
    pub(super) has_history: bool,
}

/// The statement for a state: the snapshot, its history where the records name one, the place
/// that it is read from, and how far it is behind. On a replica `pg_current_snapshot()` leaves
/// out which transactions are running, so there only what all of them come after counts as seen.
///
/// The place is the server, its timeline and its start, and the table of the records. A server
/// that was promoted, restored or started anew may have given out numbers of transactions before,
/// and so may the table.
pub(super) fn state_statement(records: Option<&Records>) -> String {
    let history = match records {
        Some(Records {
            schema,
            has_history: true,
        }) => format!("{schema}.tenancy_history()"),
        _ => "NULL::text".to_owned(),
    };
    let table = match records {
        Some(Records { schema, .. }) => format!(
            "(SELECT concat(oid, '.', relfilenode) FROM pg_catalog.pg_class \
             WHERE oid = '{}.tenancy_change'::regclass)",
            schema.replace('\'', "''")
        ),
        None => "''".to_owned(),
    };
    format!(
        "SELECT
          CASE WHEN replica THEN pg_snapshot_xmin(snapshot)::text || ':' || pg_snapshot_xmin(snapshot)::text || ':'
            ELSE snapshot::text END,
          {history},
          concat_ws('/',
            (SELECT system_identifier FROM pg_control_system()),
            (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()),
            CASE WHEN replica THEN 'replica' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
            extract(epoch FROM pg_postmaster_start_time()),
            {table}),
          CASE WHEN replica
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
            ELSE 0 END
        FROM (SELECT pg_current_snapshot() AS snapshot, pg_is_in_recovery() AS replica) AS state"
    )
}

/// The statement for the change records that a snapshot did not see. The first row has no type if
/// some of them may have been pruned.
pub(super) fn since_statement(records: &Records) -> String {
    let schema = &records.schema;
    format!(
        "SELECT NULL::text, NULL::text FROM {schema}.tenancy_horizon
        WHERE pruned_to >= pg_snapshot_xmin($1::text::pg_snapshot)
        UNION ALL
        (SELECT entity_type::text, entity_id::text FROM {schema}.tenancy_change
        WHERE transaction >= pg_snapshot_xmin($1::text::pg_snapshot)
          AND NOT pg_visible_in_snapshot(transaction, $1::text::pg_snapshot)
        LIMIT $2)"
    )
}
