-- The last orgadmin of an organisation, the organisations of a user, and invitations.

SELECT
  set_config('tenancy.search_path_before', current_setting('search_path'), true),
  set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- === Invitations ===

CREATE TABLE invitation (
  id              text COLLATE "C" PRIMARY KEY,
  organisation_id text COLLATE "C" NOT NULL
    REFERENCES organisation (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  -- Nobody need be registered under it, and several invitations may name it.
  email           text COLLATE "C" NOT NULL,
  member_role     text COLLATE "C" NOT NULL CHECK (member_role IN ('orgadmin', 'orgmember'))
);

CREATE INDEX invitation_organisation ON invitation (organisation_id);
CREATE INDEX invitation_email ON invitation (email);

CREATE TRIGGER invitation_changed_by_insert
AFTER INSERT ON invitation REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::Invitation', 'id', '');
CREATE TRIGGER invitation_changed_by_update
AFTER UPDATE ON invitation REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::Invitation', 'id', '');
CREATE TRIGGER invitation_changed_by_delete
AFTER DELETE ON invitation REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::Invitation', 'id', '');
CREATE TRIGGER invitation_changed_by_truncate
AFTER TRUNCATE ON invitation
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_truncated('invitation');
ALTER TABLE invitation ENABLE ALWAYS TRIGGER invitation_changed_by_insert;
ALTER TABLE invitation ENABLE ALWAYS TRIGGER invitation_changed_by_update;
ALTER TABLE invitation ENABLE ALWAYS TRIGGER invitation_changed_by_delete;
ALTER TABLE invitation ENABLE ALWAYS TRIGGER invitation_changed_by_truncate;

CREATE VIEW "Peppol::Invitation" AS
SELECT id, organisation_id AS organisation, email, member_role AS "memberRole" FROM invitation;

-- === The last orgadmin ===

CREATE INDEX membership_orgadmin ON membership (organisation_id, user_id) WHERE member_role = 'orgadmin';

-- Each organisation that has orgadmins, with the user who alone is one, if only one is.
CREATE TABLE derived_orgadmin (
  organisation_id text COLLATE "C" PRIMARY KEY,
  only_user_id    text COLLATE "C"
) WITH (fillfactor = 70);

-- A trigger on the memberships, as tenancy_derive() is on authorizations: it locks the rows of the
-- organisations in the order of their ids, and only then looks.
CREATE FUNCTION tenancy_derive_orgadmins() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched text[];
  changed text[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT organisation_id) INTO touched FROM new_rows WHERE member_role = 'orgadmin';
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT organisation_id) INTO touched FROM old_rows WHERE member_role = 'orgadmin';
  ELSE
    SELECT array_agg(DISTINCT organisation_id)
    INTO touched
    FROM (
      SELECT organisation_id FROM old_rows WHERE member_role = 'orgadmin'
      UNION ALL
      SELECT organisation_id FROM new_rows WHERE member_role = 'orgadmin'
    ) AS both_rows;
  END IF;
  IF touched IS NULL THEN
    RETURN NULL;
  END IF;
  -- A row to lock, also where an orgadmin is the first one.
  INSERT INTO derived_orgadmin (organisation_id)
  SELECT id FROM unnest(touched) AS id ORDER BY id
  ON CONFLICT (organisation_id) DO NOTHING;
  PERFORM FROM derived_orgadmin
  WHERE organisation_id = ANY (touched)
  ORDER BY organisation_id
  FOR UPDATE;
  -- Two orgadmins tell "one" from "several", however many there are.
  WITH before AS MATERIALIZED (
    SELECT organisation_id, only_user_id FROM derived_orgadmin WHERE organisation_id = ANY (touched)
  ),
  written AS (
    UPDATE derived_orgadmin AS derived
    SET only_user_id = (
      SELECT min(user_id)
      FROM (
        SELECT user_id FROM membership
        WHERE organisation_id = derived.organisation_id AND member_role = 'orgadmin'
        LIMIT 2
      ) AS held
      HAVING count(*) = 1
    )
    WHERE organisation_id = ANY (touched)
    RETURNING organisation_id, only_user_id
  )
  SELECT array_agg(written.organisation_id)
  INTO changed
  FROM written
  JOIN before USING (organisation_id)
  WHERE before.only_user_id IS DISTINCT FROM written.only_user_id;
  DELETE FROM derived_orgadmin AS derived
  WHERE organisation_id = ANY (touched)
    AND NOT EXISTS (
      SELECT FROM membership
      WHERE organisation_id = derived.organisation_id AND member_role = 'orgadmin'
    );
  IF changed IS NOT NULL THEN
    PERFORM tenancy_record(array_fill('Peppol::Organisation'::text, ARRAY[cardinality(changed)]), changed);
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION tenancy_derive_orgadmins() FROM PUBLIC;

CREATE TRIGGER membership_derived_by_insert
AFTER INSERT ON membership REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_derive_orgadmins();
CREATE TRIGGER membership_derived_by_update
AFTER UPDATE ON membership REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_derive_orgadmins();
CREATE TRIGGER membership_derived_by_delete
AFTER DELETE ON membership REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_derive_orgadmins();
ALTER TABLE membership ENABLE ALWAYS TRIGGER membership_derived_by_insert;
ALTER TABLE membership ENABLE ALWAYS TRIGGER membership_derived_by_update;
ALTER TABLE membership ENABLE ALWAYS TRIGGER membership_derived_by_delete;

-- Nobody writes memberships until this is done: the triggers have locked the table.
INSERT INTO derived_orgadmin (organisation_id, only_user_id)
SELECT organisation_id, CASE count(*) WHEN 1 THEN min(user_id) END
FROM membership
WHERE member_role = 'orgadmin'
GROUP BY organisation_id;

CREATE OR REPLACE FUNCTION tenancy_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  IF TG_ARGV[0] IN ('participant', 'party_authorization', 'membership') THEN
    -- An older snapshot would leave derived rows that it does not see as they are.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
      RAISE EXCEPTION '% can be truncated at READ COMMITTED only', TG_ARGV[0]
        USING ERRCODE = 'feature_not_supported';
    END IF;
  END IF;
  IF TG_ARGV[0] IN ('participant', 'party_authorization') THEN
    -- Through the trigger that counts. Rows that wait for a participant that has
    -- yet to come do so no more.
    UPDATE derived_participant
    SET
      organisation_id = CASE TG_ARGV[0] WHEN 'party_authorization' THEN organisation_id END,
      only_user_id = NULL
    WHERE TG_ARGV[0] = 'participant' OR only_user_id IS NOT NULL;
    DELETE FROM derived_participant WHERE organisation_id IS NULL;
  ELSIF TG_ARGV[0] = 'membership' THEN
    DELETE FROM derived_orgadmin;
  END IF;
  PERFORM tenancy_record(NULL::text, NULL::text);
  RETURN NULL;
END
$$;

CREATE OR REPLACE VIEW "Peppol::Organisation" AS
SELECT
  id,
  mode,
  mode_change_request AS "modeChangeRequest",
  contact_types AS "contactTypes",
  coalesce(participant_limit, 10) AS "participantLimit",
  coalesce(
    (SELECT participants FROM derived_organisation WHERE organisation_id = organisation.id), 0
  ) AS participants,
  (SELECT only_user_id FROM derived_orgadmin WHERE organisation_id = organisation.id) AS "onlyOrgadmin"
FROM organisation;

-- === The organisations of a user ===

-- The first and the last of its organisations are one, or they are several: two rows of an
-- index, however many there are.
CREATE OR REPLACE VIEW "Peppol::User" AS
SELECT
  registered_user.id AS id,
  account.email AS email,
  registered_user.email_verified AS "emailVerified",
  registered_user.superadmin AS superadmin,
  CASE
    WHEN (SELECT min(organisation_id) FROM membership WHERE user_id = registered_user.id)
      = (SELECT max(organisation_id) FROM membership WHERE user_id = registered_user.id)
    THEN (SELECT min(organisation_id) FROM membership WHERE user_id = registered_user.id)
  END AS "onlyOrganisation",
  coalesce(
    (SELECT min(organisation_id) FROM membership WHERE user_id = registered_user.id)
      < (SELECT max(organisation_id) FROM membership WHERE user_id = registered_user.id),
    false
  ) AS "severalOrganisations"
FROM registered_user
JOIN account ON account.user_id = registered_user.id;

-- === Notes ===

INSERT INTO tenancy_noted (name, triggers) VALUES ('invitation', true);
INSERT INTO tenancy_noted (name, entity_type) VALUES ('derived_orgadmin', 'Peppol::Organisation');

SELECT set_config('search_path', current_setting('tenancy.search_path_before'), true);
