-- Optional: which entities have changed, so that sidecars follow the database and
-- keep the rest in memory. Each write records, in its own transaction, the entities
-- whose views it changes. A record without an id is of anything.

CREATE TABLE tenancy_change (
  number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  entity_type text,
  entity_id   text,
  written_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON tenancy_change (transaction);

-- The greatest transaction of which a record has been deleted.
CREATE TABLE tenancy_horizon (pruned_to xid8 NOT NULL);
INSERT INTO tenancy_horizon VALUES ('0');

-- The tables under the views, with each type that a view of reads them: the triggers below
-- record it. A type whose views read another table too is not taken for told. `others`: where a view reads
-- a table more than once, or gathers rows, a row may change other entities than its own, and these triggers record
-- them all. Without that word each change of the type drops all that sidecars have in memory.
CREATE TABLE tenancy_noted (
  name text, entity_type text, others boolean NOT NULL DEFAULT false, PRIMARY KEY (name, entity_type)
);
INSERT INTO tenancy_noted (name, entity_type) VALUES
  ('company', 'Peppol::Organisation'),
  ('contact', 'Peppol::Organisation'),
  ('person', 'Peppol::User'), ('person', 'Peppol::EmailAddress'),
  ('employment', 'Peppol::User'), ('employment', 'Peppol::Organisation'),
  ('gateway', 'Peppol::AccessPoint'),
  ('party', 'Peppol::Participant'), ('party', 'Peppol::ParticipantIdentifier'), ('party', 'Peppol::Organisation'),
  ('party_right', 'Peppol::Participant'), ('party_right', 'Peppol::Organisation'),
  ('branch', 'Peppol::LegalEntity'),
  ('reader', 'Peppol::SubAccount'), ('reader', 'Peppol::EmailAddress'),
  ('reader_branch', 'Peppol::SubAccount'),
  ('invoice', 'Peppol::Document');
UPDATE tenancy_noted SET others = true;

-- The history that the name of a state begins with: a restore writes the row anew, a
-- promoted replica has another timeline.
CREATE TABLE tenancy_history (one boolean PRIMARY KEY);
INSERT INTO tenancy_history VALUES (true);
CREATE FUNCTION tenancy_history() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT lpad(to_hex(hashtextextended(concat_ws('/',
    (SELECT system_identifier FROM pg_control_system()),
    (SELECT timeline_id FROM pg_control_checkpoint()),
    history.tableoid, history.xmin
  ), 0)), 16, '0')
  FROM tenancy_history AS history
$$;

-- The name of a transaction's write, as a question's `atLeast` takes it.
CREATE FUNCTION tenancy_revision() RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT tenancy_history() || '-' || pg_current_xact_id()
$$;

-- A trigger of rows. Its arguments come in pairs: an entity type, and the column
-- with the entity's id.
CREATE FUNCTION record_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  before jsonb := to_jsonb(OLD);
  after  jsonb := to_jsonb(NEW);
BEGIN
  IF before IS NOT DISTINCT FROM after THEN
    RETURN NULL;
  END IF;
  FOR i IN 0 .. TG_NARGS - 1 BY 2 LOOP
    INSERT INTO tenancy_change (entity_type, entity_id)
    SELECT DISTINCT TG_ARGV[i], id
    FROM unnest(ARRAY[before ->> TG_ARGV[i + 1], after ->> TG_ARGV[i + 1]]) AS id
    WHERE id IS NOT NULL;
  END LOOP;
  -- Wakes the sidecars once this is committed; PostgreSQL sends equal ones once.
  NOTIFY tenancy_change;
  RETURN NULL;
END
$$;

-- Who is the only user of a party is to be seen in its company.
CREATE FUNCTION record_company_of_party() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT DISTINCT 'Peppol::Organisation', company_id::text
  FROM party
  WHERE party_id IN (OLD.party_id, NEW.party_id);
  NOTIFY tenancy_change;
  RETURN NULL;
END
$$;

-- TRUNCATE tells no rows.
CREATE FUNCTION record_everything() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES (NULL, NULL);
  NOTIFY tenancy_change;
  RETURN NULL;
END
$$;

CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON company
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::Organisation', 'company_id');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON contact
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::Organisation', 'company_id');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON person
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::User', 'person_id', 'Peppol::EmailAddress', 'mail');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON employment
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::User', 'person_id', 'Peppol::Organisation', 'company_id');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON gateway
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::AccessPoint', 'code');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON party
FOR EACH ROW EXECUTE FUNCTION record_changes(
  'Peppol::Participant', 'party_id', 'Peppol::ParticipantIdentifier', 'party_id', 'Peppol::Organisation', 'company_id'
);
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON party_right
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::Participant', 'party_id');
CREATE TRIGGER record_company AFTER INSERT OR UPDATE OR DELETE ON party_right
FOR EACH ROW EXECUTE FUNCTION record_company_of_party();
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON branch
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::LegalEntity', 'branch_id');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON reader
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::SubAccount', 'reader_id', 'Peppol::EmailAddress', 'mail');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON reader_branch
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::SubAccount', 'reader_id');
CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON invoice
FOR EACH ROW EXECUTE FUNCTION record_changes('Peppol::Document', 'invoice_id');

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'company', 'contact', 'person', 'employment', 'gateway', 'party', 'party_right', 'branch', 'reader',
    'reader_branch', 'invoice'
  ] LOOP
    EXECUTE format(
      'CREATE TRIGGER record_truncate AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION record_everything()',
      name
    );
  END LOOP;
END
$$;
