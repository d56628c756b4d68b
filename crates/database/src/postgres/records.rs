//! The records of changes, and the statements that read states and changes.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::relations::{Relation, Relations};
use crate::views::quoted;

/// The functions that name a history (`tenancy_history`), those of the triggers that this program
/// makes (`tenancy_changed`), and what these call.
pub(super) const FUNCTIONS: &str = "\
SELECT p.proname::text, n.nspname::text, p.proowner::regrole::text, p.oid, p.pronargs = 0,
  pg_get_function_identity_arguments(p.oid), p.prosrc,
  p.prosecdef AND p.proconfig = ARRAY['search_path=' || quote_ident(n.nspname) || ', pg_temp']
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.proname LIKE 'tenancy\\_%'";

/// The tables that hold the records.
pub(super) const RECORDS: [&str; 2] = ["tenancy_change", "tenancy_horizon"];

/// Why records ($1) may be lost on their way, or not be seen. Where they are this program's ($2) no
/// trigger is on them.
pub(super) const FAULTS: &str = "\
SELECT c.relname::text, CASE
  WHEN c.relkind NOT IN ('r', 'p') THEN 'it is no table'
  WHEN c.relpersistence <> 'p' THEN 'it is lost with a crash'
  WHEN c.relrowsecurity THEN 'it has row security'
  WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid) THEN 'it has rules'
  WHEN EXISTS (
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgrelid = c.oid AND NOT tgisinternal AND ($2::boolean OR tgtype & 2 <> 0)
  ) THEN 'it has triggers'
  WHEN $2::boolean AND c.relname = 'tenancy_change' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_attrdef AS d
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = c.oid AND a.attname = 'transaction'
      AND pg_get_expr(d.adbin, d.adrelid) = 'pg_current_xact_id()'
  ) THEN 'its `transaction` is not that of the writer'
END
FROM pg_catalog.pg_class AS c
WHERE c.oid = ANY ($1::text::oid[])";

/// Tables beside them.
const BESIDE: [&str; 2] = ["tenancy_noted", "tenancy_history"];

/// A function that matters here.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) schema: String,
    owner: String,
    pub(super) oid: u32,
    pub(super) has_no_arguments: bool,
    pub(super) arguments: String,
    pub(super) body: String,
    /// True if it runs with the rights of its owner, and in its schema alone.
    pub(super) is_bound: bool,
}

impl Function {
    /// Out of a row of [`FUNCTIONS`].
    pub(super) fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            name: row.try_get(0)?,
            schema: row.try_get(1)?,
            owner: row.try_get(2)?,
            oid: row.try_get(3)?,
            has_no_arguments: row.try_get(4)?,
            arguments: row.try_get(5)?,
            body: row.try_get(6)?,
            is_bound: row.try_get::<_, Option<bool>>(7)?.unwrap_or_default(),
        })
    }
}

/// The tables in which changes are recorded.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) schema: String,
    /// True if there is a function that names their history.
    pub(super) has_history: bool,
    /// True if that is as this program makes it, and depends on rows and on the place alone.
    pub(super) is_history_shipped: bool,
    /// True if there is a `tenancy_noted` that can be read.
    pub(super) has_noted: bool,
    /// The tables, by object id.
    pub(super) relations: Vec<u32>,
}

impl Records {
    /// The records that are kept with the views: in one schema, and by the owner of all of them.
    /// Anybody who may create a table could else make all that is in memory last for ever.
    pub(super) fn beside(
        views: &[&Relation],
        relations: &Relations,
        functions: &[Function],
    ) -> Result<Self, String> {
        let [Some(first), Some(second)] = RECORDS.map(|name| relations.get(name)) else {
            return Err("there are no records of changes".to_owned());
        };
        if !second.is_beside(first) || !views.iter().all(|view| view.is_beside(first)) {
            return Err(format!(
                "`tenancy_change` and `tenancy_horizon` of the schema `{}` belong to `{}`, and not \
                 to the owner of all views, or are in another schema: they do not count",
                first.schema, first.owner
            ));
        }
        let has_history = functions.iter().any(|function| {
            function.name == "tenancy_history"
                && function.has_no_arguments
                && (&function.schema, &function.owner) == (&first.schema, &first.owner)
        });
        let beside = BESIDE.iter().filter_map(|name| relations.get(name));
        let beside = beside.filter(|it| it.is_beside(first));
        let has_noted = relations
            .get(BESIDE[0])
            .is_some_and(|it| it.is_beside(first));
        Ok(Self {
            schema: first.schema.clone(),
            has_history,
            is_history_shipped: false,
            has_noted: has_noted && !relations.denied.contains(BESIDE[0]),
            relations: beside.chain([first, second]).map(|it| it.oid).collect(),
        })
    }

    /// Their schema, as SQL quotes it.
    pub(super) fn quoted_schema(&self) -> String {
        quoted(&self.schema)
    }
}

/// The statement for a state: the snapshot, its history where the records name one, the place
/// that it is read from, how far it is behind, the digest of what the views rest on, and the settings that count.
/// On a replica `pg_current_snapshot()` leaves out which transactions are running, so there only what all of them
/// come after counts as seen.
///
/// The place is the server, its timeline, its start and its last recovery from a crash, with which its
/// statistics begin anew (before version 15, where these are in a file: its last checkpoint). A server
/// that was promoted, restored or started anew may have given out numbers of transactions before.
///
/// The digest is NULL where the snapshot is `$1`, and so is a history of this program's: no transaction has ended
/// in between that could have changed them, if the place is the same too. To read them takes ten times as long
/// as all the rest. Not so on a replica, where the same text may be of two snapshots.
pub(super) fn state_statement(
    records: Option<&Records>,
    (digest, settings): (&str, &str),
) -> String {
    let history = match records {
        Some(
            records @ Records {
                has_history: true, ..
            },
        ) => {
            let history = format!("{}.tenancy_history()::text", records.quoted_schema());
            match records.is_history_shipped {
                true => format!("CASE WHEN known THEN NULL ELSE {history} END"),
                false => history,
            }
        }
        _ => "NULL::text".to_owned(),
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
            CASE WHEN current_setting('server_version_num')::integer >= 150000
              THEN extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text
              ELSE (SELECT checkpoint_lsn::text FROM pg_control_checkpoint())
            END),
          CASE WHEN replica
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
            ELSE 0 END,
          CASE WHEN known THEN NULL ELSE {digest} END,
          {settings}
        FROM (SELECT *, NOT replica AND snapshot::text = $1 AS known
          FROM (SELECT pg_current_snapshot() AS snapshot, pg_is_in_recovery() AS replica) AS now) AS state"
    )
}

/// The types of its parameters.
pub(super) const STATE_TYPES: [Type; 1] = [Type::TEXT];

/// The statement for the change records that a snapshot did not see. The first row has no type if
/// some of them may have been pruned, or their table was emptied beneath the snapshot, which is
/// the condition `rewritten`.
pub(super) fn since_statement(records: &Records, rewritten: &str) -> String {
    let schema = records.quoted_schema();
    format!(
        "SELECT NULL::text, NULL::text FROM {schema}.tenancy_horizon
        WHERE pruned_to >= pg_snapshot_xmin($1::text::pg_snapshot)
        UNION ALL SELECT NULL, NULL WHERE {rewritten}
        UNION ALL
        (SELECT entity_type::text, entity_id::text FROM {schema}.tenancy_change
        WHERE transaction >= pg_snapshot_xmin($1::text::pg_snapshot)
          AND NOT pg_visible_in_snapshot(transaction, $1::text::pg_snapshot)
        LIMIT $2)"
    )
}
