//! The statements that describe the views of a database, and what these depend on.

/// The views and tables that a connection can name without a schema, by column.
pub(super) const RELATIONS: &str = "\
SELECT c.relname::text, a.attname::text, has_column_privilege(c.oid, a.attnum, 'SELECT'), current_user::text,
  a.atttypid, a.attcollation, coalesce(k.collisdeterministic, true),
  n.nspname::text, c.relowner::regrole::text, c.oid,
  coalesce((SELECT string_agg(concat(r.oid, '.', r.xmin), ' ' ORDER BY r.oid)
    FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid), ''),
  current_setting('search_path')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation AS k ON k.oid = a.attcollation
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_temp%'
  AND pg_catalog.pg_table_is_visible(c.oid)";

/// The functions that name a history (`tenancy_history`), and those of the triggers that this
/// program makes (`tenancy_changed`), by schema and owner.
pub(super) const FUNCTIONS: &str = "\
SELECT p.proname::text, n.nspname::text, p.proowner::regrole::text
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.proname IN ('tenancy_history', 'tenancy_changed') AND p.pronargs = 0";

/// The relations that these ($1) depend on, through views, and the functions that their rules
/// call which may give something else for the same rows.
///
/// A rule is kept as a tree of nodes. Of the functions in it those count that are volatile, that
/// read a clock or a setting, or that are stable and no part of PostgreSQL.
pub(super) const DEPENDENCE: &str = "\
WITH RECURSIVE used (relation) AS (
  SELECT unnest($1::text::oid[])
  UNION
  SELECT d.refobjid
  FROM used
  JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = used.relation
  JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class
),
rules (tree) AS (
  SELECT r.ev_action::text
  FROM used
  JOIN pg_catalog.pg_class AS c ON c.oid = used.relation AND c.relkind = 'v'
  JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid
)
SELECT 'relation', c.oid, n.nspname::text, c.relname::text
FROM used
JOIN pg_catalog.pg_class AS c ON c.oid = used.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind <> 'v'
UNION ALL
SELECT DISTINCT 'function', 0::oid, n.nspname::text, p.proname::text
FROM rules
CROSS JOIN LATERAL regexp_matches(tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([1-9][0-9]*)', 'g') AS called
JOIN pg_catalog.pg_proc AS p ON p.oid = called[1]::oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.provolatile = 'v'
  OR p.provolatile = 's' AND (
    n.nspname <> 'pg_catalog'
    OR p.proname IN (
      'now', 'transaction_timestamp', 'statement_timestamp', 'age', 'current_setting', 'getdatabaseencoding',
      'inet_client_addr', 'inet_client_port', 'inet_server_addr', 'inet_server_port', 'pg_backend_pid',
      'pg_current_snapshot', 'pg_current_xact_id_if_assigned', 'pg_is_in_recovery', 'pg_postmaster_start_time',
      'pg_visible_in_snapshot', 'txid_current_snapshot', 'txid_current_if_assigned', 'txid_visible_in_snapshot',
      'pg_relation_size', 'pg_total_relation_size', 'pg_database_size', 'has_table_privilege',
      'pg_has_role', 'current_user', 'session_user', 'current_schema', 'current_schemas'
    )
  )
UNION ALL
SELECT DISTINCT 'function', 0::oid, 'pg_catalog', 'current_timestamp and the like'
FROM rules
WHERE tree LIKE '%{SQLVALUEFUNCTION %'
UNION ALL
SELECT DISTINCT 'function', 0::oid, 'pg_catalog', 'a text that is read as a time'
FROM rules
WHERE tree ~ '[{]COERCEVIAIO ' AND tree ~ ':resulttype (1082|1083|1114|1184|1266) '
UNION ALL
SELECT DISTINCT 'function', 0::oid, n.nspname::text, 'row security of ' || c.relname::text
FROM used
JOIN pg_catalog.pg_class AS c ON c.oid = used.relation AND c.relrowsecurity
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT DISTINCT 'function', 0::oid, n.nspname::text, 'what inherits from ' || c.relname::text
FROM used
JOIN pg_catalog.pg_inherits AS i ON i.inhparent = used.relation
JOIN pg_catalog.pg_class AS c ON c.oid = used.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace";

/// Of relations ($2), those whose rows nothing notes when they change: neither three triggers of
/// `tenancy_changed` of this schema ($1), nor a line in its `tenancy_noted`. The second column is
/// true for one that should have the triggers. The first row has no name if `tenancy_noted` is empty.
pub(super) fn unnoted(schema: &str, has_noted: bool) -> String {
    let (table, empty) = if has_noted {
        let table = format!(
            "(SELECT name::text, coalesce(to_jsonb(noted) ->> 'triggers', 'false') AS triggers FROM {schema}.tenancy_noted AS noted)"
        );
        let empty = format!(
            "SELECT NULL::text, true WHERE NOT EXISTS (SELECT FROM {schema}.tenancy_noted) UNION ALL"
        );
        (table, empty)
    } else {
        let none = "(SELECT NULL::text AS name, NULL::text AS triggers WHERE false)";
        (none.to_owned(), String::new())
    };
    format!(
        "{empty}
        (SELECT c.relname::text, coalesce(noted.triggers, 'false') = 'true'
        FROM pg_catalog.pg_class AS c
        LEFT JOIN {table} AS noted ON noted.name = c.relname::text
        WHERE c.oid = ANY ($2::text::oid[])
          AND coalesce(noted.triggers, 'true') = 'true'
          AND coalesce((
            SELECT bit_or(t.tgtype::integer)
            FROM pg_catalog.pg_trigger AS t
            JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
              AND t.tgattr::text = '' AND p.proname = 'tenancy_changed' AND n.nspname = $1::text
          ), 0) & 28 <> 28
        ORDER BY 1)"
    )
}
