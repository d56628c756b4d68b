-- The tenancy store: what the policies know of tenants.
--
--   base tables   facts, written by `import` and by any other program
--   derived_…     what triggers keep from the facts; never write these
--   tenancy_…     which entities have changed, for whoever keeps copies of them
--   views         what `peppol-authz` reads, one per entity type of the schema:
--                 the view's name is the type's, a column is an attribute; a
--                 view `….tags` has one row per tag
--
-- Everything goes into the first schema of the search_path. Run it as one
-- transaction.
--
-- Ids and e-mails are compared byte by byte (COLLATE "C", whatever the
-- database's collation) and arrive in their one canonical spelling; nothing here
-- changes their case.
--
-- Views, and the functions of triggers, run with their owner's rights. A role
-- that only reads needs
--   GRANT USAGE ON SCHEMA … TO reader;
--   GRANT SELECT ON tenancy_change, tenancy_horizon, "Peppol::User", … TO reader;
--   GRANT EXECUTE ON FUNCTION tenancy_revision() TO reader;
-- with each of the views, and nothing on the base tables. A role that writes
-- needs USAGE and its rights on the base tables it writes, and nothing else; one
-- that prunes or writes records of its own, EXECUTE on tenancy_prune(interval) or
-- tenancy_record(text, text).

-- Functions take this path with them, so that it makes no difference what path
-- a writer has. Temporary tables last: a writer's own never stand in for these.
SELECT
  set_config('tenancy.search_path_before', current_setting('search_path'), true),
  set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- === Base tables ===

CREATE TABLE registered_user (
  id             text COLLATE "C" PRIMARY KEY,
  email_verified boolean NOT NULL,
  superadmin     boolean NOT NULL
);

CREATE TABLE organisation (
  id                    text COLLATE "C" PRIMARY KEY,
  -- Null where there is none.
  legal_identifier_code text COLLATE "C",
  legal_identifier      text COLLATE "C",
  mode                  text COLLATE "C" NOT NULL CHECK (mode IN ('DEMO', 'SHARED', 'WHITELABEL')),
  mode_change_request   text COLLATE "C" CHECK (mode_change_request IN ('DEMO', 'SHARED', 'WHITELABEL')),
  -- The distinct contactTypes of its contacts.
  contact_types         text[] COLLATE "C" NOT NULL DEFAULT '{}'
    CHECK (array_position(contact_types, NULL) IS NULL),
  -- Null: the default limit.
  participant_limit     bigint,
  CHECK ((legal_identifier_code IS NULL) = (legal_identifier IS NULL)),
  -- Deferrable: looked at when the statement ends, so that two may be exchanged.
  CONSTRAINT organisation_legal_identifier UNIQUE (legal_identifier_code, legal_identifier)
    DEFERRABLE INITIALLY IMMEDIATE
);

-- A member role per row: a user may hold several in one organisation.
CREATE TABLE membership (
  user_id         text COLLATE "C" NOT NULL
    REFERENCES registered_user (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  organisation_id text COLLATE "C" NOT NULL
    REFERENCES organisation (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  member_role     text COLLATE "C" NOT NULL
    CHECK (member_role IN ('orgadmin', 'orgmember', 'ApManager', 'ApUser')),
  PRIMARY KEY (user_id, organisation_id, member_role)
);

CREATE TABLE access_point (
  id              text COLLATE "C" PRIMARY KEY,
  environment     text COLLATE "C" NOT NULL CHECK (environment IN ('TEST', 'PRODUCTION')),
  -- Null: the platform runs it.
  organisation_id text COLLATE "C"
    REFERENCES organisation (id) ON DELETE RESTRICT DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE participant (
  id              text COLLATE "C" PRIMARY KEY,
  organisation_id text COLLATE "C" NOT NULL
    REFERENCES organisation (id) ON DELETE RESTRICT DEFERRABLE INITIALLY IMMEDIATE,
  environment     text COLLATE "C" NOT NULL CHECK (environment IN ('TEST', 'PRODUCTION'))
);

CREATE TABLE party_authorization (
  participant_id       text COLLATE "C" NOT NULL
    REFERENCES participant (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  user_id              text COLLATE "C" NOT NULL
    REFERENCES registered_user (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  name                 text COLLATE "C" NOT NULL,
  can_send_document    boolean NOT NULL,
  can_receive_document boolean NOT NULL,
  can_remove_document  boolean NOT NULL,
  can_manage_hook      boolean NOT NULL,
  PRIMARY KEY (participant_id, user_id)
);

CREATE TABLE legal_entity (
  id              text COLLATE "C" PRIMARY KEY,
  organisation_id text COLLATE "C" NOT NULL
    REFERENCES organisation (id) ON DELETE RESTRICT DEFERRABLE INITIALLY IMMEDIATE
);

CREATE TABLE sub_account (
  id              text COLLATE "C" PRIMARY KEY,
  organisation_id text COLLATE "C" NOT NULL
    REFERENCES organisation (id) ON DELETE RESTRICT DEFERRABLE INITIALLY IMMEDIATE,
  full_access     boolean NOT NULL
);

CREATE TABLE sub_account_legal_entity (
  sub_account_id  text COLLATE "C" NOT NULL
    REFERENCES sub_account (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  legal_entity_id text COLLATE "C" NOT NULL
    REFERENCES legal_entity (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  PRIMARY KEY (sub_account_id, legal_entity_id)
);

-- The e-mail of every user and sub-account: one table, so that it is unique
-- among both. A user or sub-account without a row here is not registered.
CREATE TABLE account (
  email          text COLLATE "C" PRIMARY KEY,
  user_id        text COLLATE "C"
    REFERENCES registered_user (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  sub_account_id text COLLATE "C"
    REFERENCES sub_account (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  CHECK ((user_id IS NULL) <> (sub_account_id IS NULL))
);

CREATE TABLE document (
  id              text COLLATE "C" PRIMARY KEY,
  legal_entity_id text COLLATE "C" NOT NULL
    REFERENCES legal_entity (id) ON DELETE RESTRICT DEFERRABLE INITIALLY IMMEDIATE,
  direction       text COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX account_user ON account (user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX account_sub_account ON account (sub_account_id) WHERE sub_account_id IS NOT NULL;

-- A foreign key without an index scans its table for each row deleted there.
CREATE INDEX membership_organisation ON membership (organisation_id);
CREATE INDEX access_point_organisation ON access_point (organisation_id) WHERE organisation_id IS NOT NULL;
CREATE INDEX participant_organisation ON participant (organisation_id);
CREATE INDEX party_authorization_user ON party_authorization (user_id);
CREATE INDEX legal_entity_organisation ON legal_entity (organisation_id);
CREATE INDEX sub_account_organisation ON sub_account (organisation_id);
CREATE INDEX sub_account_legal_entity_legal_entity ON sub_account_legal_entity (legal_entity_id);
CREATE INDEX document_legal_entity ON document (legal_entity_id);

-- === Change records ===
--
-- Every write that changes what a view says of an entity, or whether it is
-- there, writes a record of it in the same transaction.

CREATE TABLE tenancy_change (
  number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  -- The name of the type in the schema, as 'Peppol::User'. Null: anything may
  -- have changed.
  entity_type text COLLATE "C",
  -- Null: any of the type.
  entity_id   text COLLATE "C",
  written_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- For what a snapshot did not see: from its xmin on.
CREATE INDEX tenancy_change_transaction ON tenancy_change (transaction);

-- The greatest `transaction` of which a record has been pruned. Whoever last
-- looked with a snapshot whose xmin is not greater may have missed some, and has
-- to take everything as changed.
CREATE TABLE tenancy_horizon (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  pruned_to xid8 NOT NULL
);
INSERT INTO tenancy_horizon (pruned_to) VALUES ('0');

-- The state that the caller sees: its own transaction where it has written, else
-- its snapshot. Gives no id to a transaction that only reads, and so works on a
-- replica too.
CREATE FUNCTION tenancy_revision() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
AS $$
  SELECT coalesce(pg_current_xact_id_if_assigned()::text, pg_current_snapshot()::text)
$$;

-- Deletes records that are older, and returns how many.
CREATE FUNCTION tenancy_prune(older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  pruned bigint;
  last   xid8;
BEGIN
  WITH deleted AS (
    DELETE FROM tenancy_change WHERE written_at < clock_timestamp() - older_than RETURNING transaction
  )
  SELECT (SELECT count(*) FROM deleted), (SELECT transaction FROM deleted ORDER BY transaction DESC LIMIT 1)
  INTO pruned, last;
  UPDATE tenancy_horizon SET pruned_to = last WHERE pruned_to < last;
  RETURN pruned;
END
$$;

-- Writes a record for each pair, or a single one of everything where they are
-- more than 10,000, and wakes whoever listens once they are committed.
CREATE FUNCTION tenancy_record(entity_types text[], entity_ids text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  IF coalesce(cardinality(entity_types), 0) = 0 THEN
    RETURN;
  ELSIF cardinality(entity_types) > 10000 THEN
    INSERT INTO tenancy_change (entity_type, entity_id) VALUES (NULL, NULL);
  ELSE
    INSERT INTO tenancy_change (entity_type, entity_id) SELECT * FROM unnest(entity_types, entity_ids);
  END IF;
  PERFORM pg_notify('tenancy_change', '');
END
$$;

-- Writes one record, nulls as above: for an operator's own triggers, under
-- tables that an operator's own views read.
CREATE FUNCTION tenancy_record(entity_type text, entity_id text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path FROM CURRENT
AS $$
  SELECT tenancy_record(ARRAY[entity_type], ARRAY[entity_id])
$$;

-- A trigger that writes the records of its statement. Its arguments come in
-- threes: an entity type, the column with the entity's id (in a row where it is
-- null, no entity), and the other columns that views of the entity read. Updated
-- rows that are equal in these are no change. It is made as
--   AFTER INSERT … REFERENCING NEW TABLE AS new_rows
--   AFTER UPDATE … REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
--   AFTER DELETE … REFERENCING OLD TABLE AS old_rows
-- each FOR EACH STATEMENT.
CREATE FUNCTION tenancy_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  compared text;
  touched  text;
  parts    text[] := '{}';
  types    text[];
  ids      text[];
BEGIN
  FOR i IN 0 .. TG_NARGS - 1 BY 3 LOOP
    SELECT string_agg(quote_ident(name), ', ')
    INTO compared
    FROM unnest(TG_ARGV[i + 1] || string_to_array(TG_ARGV[i + 2], ', ')) AS name;
    touched := CASE TG_OP
      WHEN 'INSERT' THEN 'new_rows'
      WHEN 'DELETE' THEN 'old_rows'
      ELSE format(
        '((SELECT %1$s FROM old_rows EXCEPT SELECT %1$s FROM new_rows)'
          ' UNION ALL (SELECT %1$s FROM new_rows EXCEPT SELECT %1$s FROM old_rows)) AS differing',
        compared
      )
    END;
    parts := parts || format(
      'SELECT DISTINCT %L::text AS entity_type, %I::text AS entity_id FROM %s WHERE %2$I IS NOT NULL',
      TG_ARGV[i], TG_ARGV[i + 1], touched
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

-- === Derived values ===
--
-- Right whoever else writes at the same time. A statement that touches what a
-- participant's row here is made from locks that row, in the order of ids, and
-- only then looks at the facts, in a statement of its own: at READ COMMITTED
-- that sees what those wrote that had the lock before. It always writes the row,
-- changed or not, so that at REPEATABLE READ whoever looked too early fails.

-- Each participant with the user who alone is authorized for it, if one is. The
-- organisation is null where the participant has yet to come.
CREATE TABLE derived_participant (
  participant_id  text COLLATE "C" PRIMARY KEY,
  organisation_id text COLLATE "C",
  only_user_id    text COLLATE "C"
) WITH (fillfactor = 70);

-- How many participants an organisation holds; no row for none.
CREATE TABLE derived_organisation (
  organisation_id text COLLATE "C" PRIMARY KEY,
  participants    bigint NOT NULL
) WITH (fillfactor = 70);

-- Of how many participants of an organisation a user is the only one; no row
-- for none.
CREATE TABLE derived_only_user (
  organisation_id text COLLATE "C" NOT NULL,
  user_id         text COLLATE "C" NOT NULL,
  participants    bigint NOT NULL,
  PRIMARY KEY (organisation_id, user_id)
) WITH (fillfactor = 70);

-- A trigger on a table that derived_participant is made from. Its arguments: the
-- column with the participant's id, and the other one that matters.
CREATE FUNCTION tenancy_derive() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched text := format(
    CASE TG_OP
      WHEN 'INSERT' THEN 'SELECT DISTINCT %1$I AS id FROM new_rows'
      WHEN 'DELETE' THEN 'SELECT DISTINCT %1$I AS id FROM old_rows'
      ELSE 'SELECT DISTINCT %1$I AS id FROM ('
        '(SELECT %1$I, %2$I FROM old_rows EXCEPT SELECT %1$I, %2$I FROM new_rows)'
        ' UNION ALL (SELECT %1$I, %2$I FROM new_rows EXCEPT SELECT %1$I, %2$I FROM old_rows)) AS differing'
    END,
    TG_ARGV[0], TG_ARGV[1]
  );
  anything boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (%s)', touched) INTO anything;
  IF NOT anything THEN
    RETURN NULL;
  END IF;
  -- A row to lock, also where an authorization comes before its participant.
  IF TG_OP <> 'DELETE' THEN
    EXECUTE format(
      'INSERT INTO derived_participant (participant_id)
       SELECT id FROM (%s) AS touched ORDER BY id
       ON CONFLICT (participant_id) DO NOTHING',
      touched
    );
  END IF;
  EXECUTE format(
    'SELECT count(*) FROM (
       SELECT FROM derived_participant AS derived
       JOIN (%s) AS touched ON touched.id = derived.participant_id
       ORDER BY derived.participant_id
       FOR UPDATE OF derived
     ) AS locked',
    touched
  );
  -- Two authorizations tell "one" from "several", however many there are.
  EXECUTE format(
    'UPDATE derived_participant AS derived
     SET
       organisation_id = participant.organisation_id,
       only_user_id = (
         SELECT min(user_id)
         FROM (SELECT user_id FROM party_authorization WHERE participant_id = participant.id LIMIT 2) AS held
         HAVING count(*) = 1
       )
     FROM (%s) AS touched
     LEFT JOIN participant ON participant.id = touched.id
     WHERE derived.participant_id = touched.id',
    touched
  );
  EXECUTE format(
    'DELETE FROM derived_participant AS derived
     USING (%s) AS touched
     WHERE derived.participant_id = touched.id
       AND derived.organisation_id IS NULL
       AND NOT EXISTS (SELECT FROM party_authorization AS held WHERE held.participant_id = touched.id)',
    touched
  );
  RETURN NULL;
END
$$;

-- Counts what an UPDATE of derived_participant has changed: no row there is
-- inserted or deleted while it has an organisation. By differences: they add up
-- in whatever order they come.
CREATE FUNCTION tenancy_derive_counts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  counted text[];
  alone   text[];
  users   text[];
  changed text[];
BEGIN
  WITH difference AS (
    SELECT organisation_id, sum(one) AS participants
    FROM (
      SELECT organisation_id, 1 AS one FROM new_rows
      UNION ALL
      SELECT organisation_id, -1 FROM old_rows
    ) AS moved
    WHERE organisation_id IS NOT NULL
    GROUP BY organisation_id
    HAVING sum(one) <> 0
  ),
  written AS (
    INSERT INTO derived_organisation AS held (organisation_id, participants)
    SELECT organisation_id, participants FROM difference ORDER BY organisation_id
    ON CONFLICT (organisation_id) DO UPDATE SET participants = held.participants + excluded.participants
    RETURNING held.organisation_id
  )
  SELECT array_agg(organisation_id) INTO counted FROM written;
  DELETE FROM derived_organisation WHERE organisation_id = ANY (counted) AND participants = 0;

  -- Only whether there are any is to be seen in a view.
  WITH difference AS MATERIALIZED (
    SELECT organisation_id, only_user_id, sum(one) AS participants
    FROM (
      SELECT organisation_id, only_user_id, 1 AS one FROM new_rows
      UNION ALL
      SELECT organisation_id, only_user_id, -1 FROM old_rows
    ) AS moved
    WHERE organisation_id IS NOT NULL AND only_user_id IS NOT NULL
    GROUP BY organisation_id, only_user_id
    HAVING sum(one) <> 0
  ),
  written AS (
    INSERT INTO derived_only_user AS held (organisation_id, user_id, participants)
    SELECT organisation_id, only_user_id, participants FROM difference ORDER BY organisation_id, only_user_id
    ON CONFLICT (organisation_id, user_id) DO UPDATE SET participants = held.participants + excluded.participants
    RETURNING held.organisation_id, held.user_id, held.participants
  ),
  known AS (
    SELECT organisation_id, user_id, participants AS now, 0 AS difference FROM written
    UNION ALL
    SELECT organisation_id, only_user_id, 0, participants FROM difference
  ),
  turned AS (
    SELECT organisation_id, user_id
    FROM known
    GROUP BY organisation_id, user_id
    HAVING (sum(now) = 0) <> (sum(now) - sum(difference) = 0)
  )
  SELECT array_agg(organisation_id), array_agg(user_id) INTO alone, users FROM turned;
  DELETE FROM derived_only_user AS held
  USING unnest(alone, users) AS known (organisation_id, user_id)
  WHERE (held.organisation_id, held.user_id) = (known.organisation_id, known.user_id)
    AND held.participants = 0;

  SELECT coalesce(array_agg(id), '{}') INTO changed
  FROM (SELECT unnest(counted) UNION SELECT unnest(alone) LIMIT 10001) AS organisations (id);
  PERFORM tenancy_record(array_fill('Peppol::Organisation'::text, ARRAY[cardinality(changed)]), changed);
  RETURN NULL;
END
$$;

-- TRUNCATE tells no rows: everything may have changed. (Nor does it heed older
-- snapshots: to one from before it, the table is empty, the record not there yet.)
CREATE FUNCTION tenancy_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  IF TG_ARGV[0] IN ('participant', 'party_authorization') THEN
    -- An older snapshot would leave derived rows that it does not see as they are.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
      RAISE EXCEPTION '% can be truncated at READ COMMITTED only', TG_ARGV[0]
        USING ERRCODE = 'feature_not_supported';
    END IF;
    -- Through the trigger that counts. Rows that wait for a participant that has
    -- yet to come do so no more.
    UPDATE derived_participant
    SET
      organisation_id = CASE TG_ARGV[0] WHEN 'party_authorization' THEN organisation_id END,
      only_user_id = NULL
    WHERE TG_ARGV[0] = 'participant' OR only_user_id IS NOT NULL;
    DELETE FROM derived_participant WHERE organisation_id IS NULL;
  END IF;
  PERFORM tenancy_record(NULL::text, NULL::text);
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION
  tenancy_prune(interval), tenancy_record(text[], text[]), tenancy_record(text, text),
  tenancy_changed(), tenancy_derive(), tenancy_derive_counts(), tenancy_truncated()
FROM PUBLIC;

-- === Triggers ===
--
-- Of statements, so that a million rows cost one call. Always, also where rows
-- are replayed for a replica. (A subscription of logical replication runs no
-- triggers of statements after its first copy: publish derived_… along with the
-- base tables then. Tables that it writes tell nothing of their changes.)

DO $$
DECLARE
  made record;
BEGIN
  FOR made IN
    WITH recorded (on_table, arguments) AS (
      VALUES
        ('registered_user', ARRAY['Peppol::User', 'id', 'email_verified, superadmin']),
        ('organisation', ARRAY[
          'Peppol::Organisation', 'id', 'mode, mode_change_request, contact_types, participant_limit'
        ]),
        ('membership', ARRAY['Peppol::User', 'user_id', 'organisation_id, member_role']),
        ('access_point', ARRAY['Peppol::AccessPoint', 'id', 'environment, organisation_id']),
        ('participant', ARRAY['Peppol::Participant', 'id', 'organisation_id, environment']),
        ('party_authorization', ARRAY[
          'Peppol::Participant', 'participant_id',
          'user_id, can_send_document, can_receive_document, can_remove_document, can_manage_hook'
        ]),
        ('legal_entity', ARRAY['Peppol::LegalEntity', 'id', 'organisation_id']),
        ('sub_account', ARRAY['Peppol::SubAccount', 'id', 'organisation_id, full_access']),
        ('sub_account_legal_entity', ARRAY['Peppol::SubAccount', 'sub_account_id', 'legal_entity_id']),
        ('account', ARRAY[
          'Peppol::EmailAddress', 'email', '',
          'Peppol::User', 'user_id', 'email',
          'Peppol::SubAccount', 'sub_account_id', 'email'
        ]),
        ('document', ARRAY['Peppol::Document', 'id', 'legal_entity_id, direction'])
    ),
    called (on_table, purpose, events, function, arguments) AS (
      SELECT on_table, 'changed', ARRAY['INSERT', 'UPDATE', 'DELETE'], 'tenancy_changed', arguments FROM recorded
      UNION ALL
      SELECT on_table, 'changed', ARRAY['TRUNCATE'], 'tenancy_truncated', ARRAY[on_table] FROM recorded
      UNION ALL
      VALUES
        ('participant', 'derived', ARRAY['INSERT', 'UPDATE', 'DELETE'], 'tenancy_derive',
          ARRAY['id', 'organisation_id']),
        ('party_authorization', 'derived', ARRAY['INSERT', 'UPDATE', 'DELETE'], 'tenancy_derive',
          ARRAY['participant_id', 'user_id']),
        ('derived_participant', 'counted', ARRAY['UPDATE'], 'tenancy_derive_counts', ARRAY[]::text[])
    )
    SELECT
      on_table,
      concat_ws('_', on_table, purpose, 'by', lower(event)) AS name,
      event,
      CASE event
        WHEN 'INSERT' THEN 'REFERENCING NEW TABLE AS new_rows'
        WHEN 'UPDATE' THEN 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
        WHEN 'DELETE' THEN 'REFERENCING OLD TABLE AS old_rows'
        ELSE ''
      END AS rows,
      function,
      (SELECT string_agg(quote_literal(argument), ', ') FROM unnest(arguments) AS argument) AS arguments
    FROM called
    CROSS JOIN unnest(events) AS event
  LOOP
    EXECUTE format(
      'CREATE TRIGGER %I AFTER %s ON %I %s FOR EACH STATEMENT EXECUTE FUNCTION %I(%s)',
      made.name, made.event, made.on_table, made.rows, made.function, made.arguments
    );
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', made.on_table, made.name);
  END LOOP;
END
$$;

-- === Views ===
--
-- An entity is its bare id, a set an array of text, a record jsonb, an optional
-- attribute that is absent NULL. Each answers `WHERE id = ANY (…)`, and each view
-- of tags also `WHERE (id, key) IN (SELECT …)`, from an index at any size.

CREATE VIEW "Peppol::EmailAddress" AS
SELECT email AS id, true AS registered FROM account;

CREATE VIEW "Peppol::User" AS
SELECT
  registered_user.id AS id,
  account.email AS email,
  registered_user.email_verified AS "emailVerified",
  registered_user.superadmin AS superadmin
FROM registered_user
JOIN account ON account.user_id = registered_user.id;

-- The member roles held, by organisation. Not by GROUP BY, nor with NOT EXISTS:
-- all the groups, or all memberships, would be made or read first where this
-- view is joined.
CREATE VIEW "Peppol::User.tags" AS
SELECT
  user_id AS id,
  organisation_id AS key,
  ARRAY(
    SELECT member_role
    FROM membership AS held
    WHERE held.user_id = membership.user_id AND held.organisation_id = membership.organisation_id
    ORDER BY member_role
  ) AS value
FROM membership
WHERE member_role = (
  SELECT member_role
  FROM membership AS least
  WHERE least.user_id = membership.user_id AND least.organisation_id = membership.organisation_id
  ORDER BY member_role
  LIMIT 1
);

CREATE VIEW "Peppol::Organisation" AS
SELECT
  id,
  mode,
  mode_change_request AS "modeChangeRequest",
  contact_types AS "contactTypes",
  coalesce(participant_limit, 10) AS "participantLimit",
  coalesce(
    (SELECT participants FROM derived_organisation WHERE organisation_id = organisation.id), 0
  ) AS participants
FROM organisation;

-- Whoever is the only user of a participant.
CREATE VIEW "Peppol::Organisation.tags" AS
SELECT organisation_id AS id, user_id AS key, true AS value FROM derived_only_user;

CREATE VIEW "Peppol::AccessPoint" AS
SELECT id, environment, organisation_id AS organisation FROM access_point;

CREATE VIEW "Peppol::Participant" AS
SELECT
  id,
  organisation_id AS organisation,
  environment,
  (SELECT only_user_id FROM derived_participant WHERE participant_id = participant.id) AS "onlyUser"
FROM participant;

-- The party authorizations, by user.
CREATE VIEW "Peppol::Participant.tags" AS
SELECT
  participant_id AS id,
  user_id AS key,
  jsonb_build_object(
    'canSendDocument', can_send_document,
    'canReceiveDocument', can_receive_document,
    'canRemoveDocument', can_remove_document,
    'canManageHook', can_manage_hook
  ) AS value
FROM party_authorization;

CREATE VIEW "Peppol::LegalEntity" AS
SELECT id, organisation_id AS organisation FROM legal_entity;

CREATE VIEW "Peppol::SubAccount" AS
SELECT
  sub_account.id AS id,
  account.email AS email,
  sub_account.organisation_id AS organisation,
  sub_account.full_access AS "fullAccess"
FROM sub_account
JOIN account ON account.sub_account_id = sub_account.id;

-- The legal entities whose documents it may view.
CREATE VIEW "Peppol::SubAccount.tags" AS
SELECT sub_account_id AS id, legal_entity_id AS key, legal_entity_id AS value FROM sub_account_legal_entity;

CREATE VIEW "Peppol::Document" AS
SELECT id, legal_entity_id AS "legalEntity", direction FROM document;

-- === Done ===

SELECT set_config('search_path', current_setting('tenancy.search_path_before'), true);
