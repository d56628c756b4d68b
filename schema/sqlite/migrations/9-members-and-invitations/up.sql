-- The last orgadmin of an organisation, the organisations of a user, and invitations.

-- === Invitations ===

CREATE TABLE invitation (
  id              TEXT PRIMARY KEY NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  -- Nobody need be registered under it, and several invitations may name it.
  email           TEXT NOT NULL,
  member_role     TEXT NOT NULL CHECK (member_role IN ('orgadmin', 'orgmember'))
) STRICT, WITHOUT ROWID;

CREATE INDEX invitation_organisation ON invitation (organisation_id);
CREATE INDEX invitation_email ON invitation (email);

CREATE TRIGGER invitation_inserted AFTER INSERT ON invitation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Invitation', NEW.id);
END;
CREATE TRIGGER invitation_updated AFTER UPDATE ON invitation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Invitation', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Invitation', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER invitation_deleted AFTER DELETE ON invitation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Invitation', OLD.id);
END;

CREATE VIEW "Peppol::Invitation" AS
SELECT id, organisation_id AS organisation, email, member_role AS "memberRole" FROM invitation;

-- === The last orgadmin ===

CREATE INDEX membership_orgadmin ON membership (organisation_id, user_id) WHERE member_role = 'orgadmin';

-- Each organisation that has orgadmins, with the user who alone is one, if only one is.
CREATE TABLE derived_orgadmin (
  organisation_id TEXT PRIMARY KEY NOT NULL,
  only_user_id    TEXT
) STRICT, WITHOUT ROWID;

-- Two orgadmins tell "one" from "several", however many there are.
CREATE TRIGGER membership_derive_inserted AFTER INSERT ON membership
WHEN NEW.member_role = 'orgadmin'
BEGIN
  INSERT INTO derived_orgadmin (organisation_id, only_user_id)
  SELECT NEW.organisation_id, iif(count(*) = 1, min(user_id), NULL)
  FROM (
    SELECT user_id FROM membership
    WHERE organisation_id = NEW.organisation_id AND member_role = 'orgadmin'
    LIMIT 2
  )
  WHERE true
  ON CONFLICT (organisation_id) DO UPDATE SET only_user_id = excluded.only_user_id
    WHERE only_user_id IS NOT excluded.only_user_id;
END;

CREATE TRIGGER membership_derive_deleted AFTER DELETE ON membership
WHEN OLD.member_role = 'orgadmin'
BEGIN
  UPDATE derived_orgadmin
  SET only_user_id = (
    SELECT iif(count(*) = 1, min(user_id), NULL)
    FROM (
      SELECT user_id FROM membership
      WHERE organisation_id = OLD.organisation_id AND member_role = 'orgadmin'
      LIMIT 2
    )
  )
  WHERE organisation_id = OLD.organisation_id;
  DELETE FROM derived_orgadmin
  WHERE organisation_id = OLD.organisation_id
    AND NOT EXISTS (
      SELECT 1 FROM membership WHERE organisation_id = OLD.organisation_id AND member_role = 'orgadmin'
    );
END;

CREATE TRIGGER membership_derive_updated AFTER UPDATE OF user_id, organisation_id, member_role ON membership
WHEN OLD.member_role = 'orgadmin' OR NEW.member_role = 'orgadmin'
BEGIN
  INSERT INTO derived_orgadmin (organisation_id, only_user_id)
  SELECT touched.id, (
    SELECT iif(count(*) = 1, min(user_id), NULL)
    FROM (
      SELECT user_id FROM membership
      WHERE organisation_id = touched.id AND member_role = 'orgadmin'
      LIMIT 2
    )
  )
  FROM (SELECT OLD.organisation_id AS id UNION SELECT NEW.organisation_id) AS touched
  WHERE true
  ON CONFLICT (organisation_id) DO UPDATE SET only_user_id = excluded.only_user_id
    WHERE only_user_id IS NOT excluded.only_user_id;
  DELETE FROM derived_orgadmin
  WHERE organisation_id IN (OLD.organisation_id, NEW.organisation_id)
    AND NOT EXISTS (
      SELECT 1 FROM membership
      WHERE organisation_id = derived_orgadmin.organisation_id AND member_role = 'orgadmin'
    );
END;

INSERT INTO derived_orgadmin (organisation_id, only_user_id)
SELECT organisation_id, iif(count(*) = 1, min(user_id), NULL)
FROM membership
WHERE member_role = 'orgadmin'
GROUP BY organisation_id;

CREATE TRIGGER derived_orgadmin_inserted AFTER INSERT ON derived_orgadmin
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.organisation_id);
END;
CREATE TRIGGER derived_orgadmin_updated AFTER UPDATE ON derived_orgadmin
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  VALUES ('Peppol::Organisation', NEW.organisation_id), ('Peppol::Organisation', OLD.organisation_id);
END;
CREATE TRIGGER derived_orgadmin_deleted AFTER DELETE ON derived_orgadmin
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', OLD.organisation_id);
END;

DROP VIEW "Peppol::Organisation";
CREATE VIEW "Peppol::Organisation" AS
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
DROP VIEW "Peppol::User";
CREATE VIEW "Peppol::User" AS
SELECT
  registered_user.id AS id,
  account.email AS email,
  registered_user.email_verified AS "emailVerified",
  registered_user.superadmin AS superadmin,
  iif(
    (SELECT min(organisation_id) FROM membership WHERE user_id = registered_user.id)
      = (SELECT max(organisation_id) FROM membership WHERE user_id = registered_user.id),
    (SELECT min(organisation_id) FROM membership WHERE user_id = registered_user.id),
    NULL
  ) AS "onlyOrganisation",
  coalesce(
    (SELECT min(organisation_id) FROM membership WHERE user_id = registered_user.id)
      < (SELECT max(organisation_id) FROM membership WHERE user_id = registered_user.id),
    0
  ) AS "severalOrganisations"
FROM registered_user
JOIN account ON account.user_id = registered_user.id;

-- === Notes ===

INSERT INTO tenancy_noted (name, entity_type, derived)
VALUES
  ('invitation', 'Peppol::Invitation', 0),
  ('derived_orgadmin', 'Peppol::Organisation', 1);
