-- Histories: a state has a name that no other history of the database gives.
--
-- A dump that is restored goes on with contents from before, a promoted replica with
-- numbers of transactions that were given out already. So the name of a state begins
-- with its history: the server, its timeline, and the table and transaction that one
-- row was written by. Whatever makes another history changes one of them.

SELECT
  set_config('tenancy.search_path_before', current_setting('search_path'), true),
  set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- One row, which is never changed. A restore writes it anew, by another transaction.
CREATE TABLE tenancy_history (
  one boolean PRIMARY KEY DEFAULT true CHECK (one)
);
INSERT INTO tenancy_history DEFAULT VALUES;

-- The history of the state that the caller sees. A replica sees its timeline where its
-- owner may read pg_stat_wal_receiver (GRANT pg_read_all_stats), else with its next
-- restart point.
CREATE FUNCTION tenancy_history() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path FROM CURRENT
AS $$
  SELECT lpad(to_hex(hashtextextended(concat_ws('/',
    (SELECT system_identifier FROM pg_control_system()),
    (SELECT oid FROM pg_database WHERE datname = current_database()),
    CASE WHEN pg_is_in_recovery()
      THEN greatest(
        (SELECT timeline_id FROM pg_control_checkpoint()),
        (SELECT received_tli FROM pg_stat_wal_receiver)
      )
      ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
    END,
    history.tableoid, history.xmin
  ), 0)), 16, '0')
  FROM tenancy_history AS history
$$;

-- The state that the caller sees, as a question's `atLeast` takes it: its own
-- transaction where it has written, else its snapshot. Gives no id to a transaction that
-- only reads, and so works on a replica too.
CREATE OR REPLACE FUNCTION tenancy_revision() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path FROM CURRENT
AS $$
  SELECT tenancy_history() || '-'
    || coalesce(pg_current_xact_id_if_assigned()::text, pg_current_snapshot()::text)
$$;

-- Which tables note each row that is inserted, updated or deleted. Views over such tables
-- alone tell what changes. Whoever has triggers of their own that call tenancy_record()
-- under a view writes the table's name here; without, entities are kept in memory for
-- `freshness.untold_max_age`. Where a table should have the triggers of tenancy_changed()
-- and has not, nothing is answered: a restore is going on.
CREATE TABLE tenancy_noted (
  name     text COLLATE "C" PRIMARY KEY,
  triggers boolean NOT NULL DEFAULT false
);
INSERT INTO tenancy_noted (name, triggers)
SELECT DISTINCT c.relname::text, true
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE t.tgfoid = 'tenancy_changed()'::regprocedure
  AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema());
INSERT INTO tenancy_noted (name)
VALUES ('derived_participant'), ('derived_organisation'), ('derived_only_user');
-- Names of tables, and nothing of anybody: whoever reads the views may know them.
GRANT SELECT ON tenancy_noted TO PUBLIC;

-- Whole rows are compared, as text: a view may read a column that was added to its table
-- later. The third of each three arguments is not read any more.
CREATE OR REPLACE FUNCTION tenancy_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched text;
  parts   text[] := '{}';
  types   text[];
  ids     text[];
BEGIN
  FOR i IN 0 .. TG_NARGS - 1 BY 3 LOOP
    touched := CASE TG_OP
      WHEN 'INSERT' THEN 'SELECT %1$I::text AS id FROM new_rows'
      WHEN 'DELETE' THEN 'SELECT %1$I::text AS id FROM old_rows'
      ELSE
        'SELECT id FROM ('
        '(SELECT %1$I::text AS id, ROW(r.*)::text FROM old_rows AS r'
          ' EXCEPT SELECT %1$I::text, ROW(r.*)::text FROM new_rows AS r)'
        ' UNION ALL (SELECT %1$I::text, ROW(r.*)::text FROM new_rows AS r'
          ' EXCEPT SELECT %1$I::text, ROW(r.*)::text FROM old_rows AS r)) AS differing'
    END;
    parts := parts || format(
      'SELECT DISTINCT %L::text AS entity_type, id AS entity_id FROM (%s) AS touched WHERE id IS NOT NULL',
      TG_ARGV[i], format(touched, TG_ARGV[i + 1])
    );
  END LOOP;
  EXECUTE format(
    'SELECT array_agg(entity_type), array_agg(entity_id) FROM (%s LIMIT 10001) AS changed',
    array_to_string(parts, ' UNION ALL ')
  ) INTO types, ids;
  PERFORM tenancy_record(types, ids);
  RETURN NULL;
END
$$;

SELECT set_config('search_path', current_setting('tenancy.search_path_before'), true);
