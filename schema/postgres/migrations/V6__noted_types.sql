-- Which tables note their changes for which entity types, and histories that end with a crash.

SELECT
  set_config('tenancy.search_path_before', current_setting('search_path'), true),
  set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- A line without a type counts for none, unless the types are the arguments of triggers. The schema is
-- that of this table where it is null.
ALTER TABLE tenancy_noted DROP CONSTRAINT tenancy_noted_pkey;
ALTER TABLE tenancy_noted
  ADD COLUMN schema text COLLATE "C",
  ADD COLUMN entity_type text COLLATE "C";
CREATE UNIQUE INDEX tenancy_noted_line ON tenancy_noted (name, coalesce(schema, ''), coalesce(entity_type, ''));
UPDATE tenancy_noted
SET entity_type = CASE name WHEN 'derived_participant' THEN 'Peppol::Participant' ELSE 'Peppol::Organisation' END
WHERE name IN ('derived_participant', 'derived_organisation', 'derived_only_user');

-- Since when the server has lost nothing that it had committed: its statistics begin anew with each
-- recovery from a crash. Without, a number of a transaction that was lost would be given out again
-- in the same history. Null before version 15, which would read a file for it.
CREATE FUNCTION tenancy_whole_since() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path FROM CURRENT
AS $$
  SELECT CASE WHEN current_setting('server_version_num')::integer >= 150000
    THEN extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text
  END
$$;

-- What a replica names the history by. The first write that is recorded after a crash brings it up to
-- date.
ALTER TABLE tenancy_history ADD COLUMN whole_since text;
UPDATE tenancy_history SET whole_since = tenancy_whole_since();

CREATE OR REPLACE FUNCTION tenancy_history() RETURNS text
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
    history.tableoid, history.xmin,
    -- As tenancy_whole_since(), which each state would have to wait for.
    CASE
      WHEN pg_is_in_recovery() THEN history.whole_since
      WHEN current_setting('server_version_num')::integer >= 150000
        THEN extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text
    END
  ), 0)), 16, '0')
  FROM tenancy_history AS history
$$;

CREATE OR REPLACE FUNCTION tenancy_record(entity_types text[], entity_ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  IF coalesce(cardinality(entity_types), 0) = 0 THEN
    RETURN;
  END IF;
  -- Nobody waits for another who does it.
  IF EXISTS (SELECT FROM tenancy_history WHERE whole_since IS DISTINCT FROM tenancy_whole_since()) THEN
    UPDATE tenancy_history SET whole_since = tenancy_whole_since()
    WHERE one IN (SELECT one FROM tenancy_history FOR UPDATE SKIP LOCKED);
  END IF;
  IF cardinality(entity_types) > 10000 THEN
    INSERT INTO tenancy_change (entity_type, entity_id) VALUES (NULL, NULL);
  ELSE
    INSERT INTO tenancy_change (entity_type, entity_id) SELECT * FROM unnest(entity_types, entity_ids);
  END IF;
  PERFORM pg_notify('tenancy_change', '');
END
$$;

SELECT set_config('search_path', current_setting('tenancy.search_path_before'), true);
