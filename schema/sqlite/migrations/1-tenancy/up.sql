-- The tenancy store: what the policies know of tenants.
--
--   base tables   facts, written by `import` and by any other program
--   derived_…     what triggers keep from the facts; never write these
--   views         what `peppol-authz` reads, one per entity type of the schema:
--                 the view's name is the type's, a column is an attribute; a
--                 view `….tags` has one row per tag
--
-- Ids and e-mails are compared byte by byte and arrive in their one canonical
-- spelling; nothing here changes their case.
--
-- Triggers that insert use ON CONFLICT clauses, never INSERT OR …: the conflict
-- rule of the statement that fires a trigger replaces the latter.

-- === Base tables ===

CREATE TABLE registered_user (
  id             TEXT PRIMARY KEY NOT NULL,
  email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
  superadmin     INTEGER NOT NULL CHECK (superadmin IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE organisation (
  id                    TEXT PRIMARY KEY NOT NULL,
  -- Null where there is none, and while an import hands it to another one:
  -- SQLite checks uniqueness row by row, so that a swap needs a step between.
  legal_identifier_code TEXT,
  legal_identifier      TEXT,
  mode                  TEXT NOT NULL CHECK (mode IN ('DEMO', 'SHARED', 'WHITELABEL')),
  mode_change_request   TEXT CHECK (mode_change_request IN ('DEMO', 'SHARED', 'WHITELABEL')),
  -- The distinct contactTypes of its contacts, a JSON array of strings.
  contact_types         TEXT NOT NULL DEFAULT '[]'
    CHECK (json_valid(contact_types) AND json_type(contact_types) = 'array'),
  -- Null: the default limit.
  participant_limit     INTEGER,
  CHECK ((legal_identifier_code IS NULL) = (legal_identifier IS NULL))
) STRICT, WITHOUT ROWID;

-- A member role per row: a user may hold several in one organisation.
CREATE TABLE membership (
  user_id         TEXT NOT NULL REFERENCES registered_user (id) ON DELETE CASCADE,
  organisation_id TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  member_role     TEXT NOT NULL CHECK (member_role IN ('orgadmin', 'orgmember', 'ApManager', 'ApUser')),
  PRIMARY KEY (user_id, organisation_id, member_role)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_point (
  id              TEXT PRIMARY KEY NOT NULL,
  environment     TEXT NOT NULL CHECK (environment IN ('TEST', 'PRODUCTION')),
  -- Null: the platform runs it.
  organisation_id TEXT REFERENCES organisation (id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE TABLE participant (
  id              TEXT PRIMARY KEY NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisation (id) ON DELETE RESTRICT,
  environment     TEXT NOT NULL CHECK (environment IN ('TEST', 'PRODUCTION'))
) STRICT, WITHOUT ROWID;

CREATE TABLE party_authorization (
  participant_id       TEXT NOT NULL REFERENCES participant (id) ON DELETE CASCADE,
  user_id              TEXT NOT NULL REFERENCES registered_user (id) ON DELETE CASCADE,
  name                 TEXT NOT NULL,
  can_send_document    INTEGER NOT NULL CHECK (can_send_document IN (0, 1)),
  can_receive_document INTEGER NOT NULL CHECK (can_receive_document IN (0, 1)),
  can_remove_document  INTEGER NOT NULL CHECK (can_remove_document IN (0, 1)),
  can_manage_hook      INTEGER NOT NULL CHECK (can_manage_hook IN (0, 1)),
  PRIMARY KEY (participant_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE legal_entity (
  id              TEXT PRIMARY KEY NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisation (id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE TABLE sub_account (
  id              TEXT PRIMARY KEY NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisation (id) ON DELETE RESTRICT,
  full_access     INTEGER NOT NULL CHECK (full_access IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE sub_account_legal_entity (
  sub_account_id  TEXT NOT NULL REFERENCES sub_account (id) ON DELETE CASCADE,
  legal_entity_id TEXT NOT NULL REFERENCES legal_entity (id) ON DELETE CASCADE,
  PRIMARY KEY (sub_account_id, legal_entity_id)
) STRICT, WITHOUT ROWID;

-- The e-mail of every user and sub-account: one table, so that it is unique
-- among both. A user or sub-account without a row here is not registered.
CREATE TABLE account (
  email          TEXT PRIMARY KEY NOT NULL,
  user_id        TEXT REFERENCES registered_user (id) ON DELETE CASCADE,
  sub_account_id TEXT REFERENCES sub_account (id) ON DELETE CASCADE,
  CHECK ((user_id IS NULL) <> (sub_account_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
  id              TEXT PRIMARY KEY NOT NULL,
  legal_entity_id TEXT NOT NULL REFERENCES legal_entity (id) ON DELETE RESTRICT,
  direction       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Not UNIQUE in the tables: only of an index that is made afterwards does SQLite
-- know that it holds the primary key too, and spares the second look-up.
CREATE UNIQUE INDEX organisation_legal_identifier ON organisation (legal_identifier_code, legal_identifier)
  WHERE legal_identifier IS NOT NULL;
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

-- === Derived values ===
--
-- In tables of their own, because INSERT OR REPLACE fires no delete triggers: a
-- participant is counted when its row in derived_participant is made, moved or
-- removed, and a participant that is replaced finds that row still there. Nor
-- does a program that writes whole rows ever write over them.

-- Each participant with the user who alone is authorized for it, if one is.
CREATE TABLE derived_participant (
  participant_id  TEXT PRIMARY KEY NOT NULL,
  organisation_id TEXT NOT NULL,
  only_user_id    TEXT
) STRICT, WITHOUT ROWID;

-- Is this user the only one of some participant of this organisation?
CREATE INDEX derived_participant_only_user ON derived_participant (organisation_id, only_user_id)
  WHERE only_user_id IS NOT NULL;

-- How many participants an organisation holds; no row for none.
CREATE TABLE derived_organisation (
  organisation_id TEXT PRIMARY KEY NOT NULL,
  participants    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Two authorizations tell "one" from "several", however many there are.
CREATE VIEW participant_only_user AS
SELECT
  id AS participant_id,
  (
    SELECT min(user_id)
    FROM (SELECT user_id FROM party_authorization WHERE participant_id = participant.id LIMIT 2)
    HAVING count(*) = 1
  ) AS user_id
FROM participant;

CREATE TRIGGER participant_derive_inserted AFTER INSERT ON participant
BEGIN
  INSERT INTO derived_participant (participant_id, organisation_id, only_user_id)
  SELECT NEW.id, NEW.organisation_id, user_id FROM participant_only_user WHERE participant_id = NEW.id
  ON CONFLICT (participant_id) DO UPDATE
    SET organisation_id = excluded.organisation_id, only_user_id = excluded.only_user_id;
END;

CREATE TRIGGER participant_derive_updated AFTER UPDATE OF id, organisation_id ON participant
WHEN (OLD.id, OLD.organisation_id) IS NOT (NEW.id, NEW.organisation_id)
BEGIN
  DELETE FROM derived_participant WHERE participant_id = OLD.id AND OLD.id IS NOT NEW.id;
  INSERT INTO derived_participant (participant_id, organisation_id, only_user_id)
  SELECT NEW.id, NEW.organisation_id, user_id FROM participant_only_user WHERE participant_id = NEW.id
  ON CONFLICT (participant_id) DO UPDATE
    SET organisation_id = excluded.organisation_id, only_user_id = excluded.only_user_id;
END;

CREATE TRIGGER participant_derive_deleted AFTER DELETE ON participant
BEGIN
  DELETE FROM derived_participant WHERE participant_id = OLD.id;
END;

CREATE TRIGGER party_authorization_derive_inserted AFTER INSERT ON party_authorization
BEGIN
  UPDATE derived_participant
  SET only_user_id = (SELECT user_id FROM participant_only_user WHERE participant_id = NEW.participant_id)
  WHERE participant_id = NEW.participant_id;
END;

CREATE TRIGGER party_authorization_derive_updated AFTER UPDATE OF participant_id, user_id ON party_authorization
WHEN (OLD.participant_id, OLD.user_id) IS NOT (NEW.participant_id, NEW.user_id)
BEGIN
  UPDATE derived_participant
  SET only_user_id = (SELECT user_id FROM participant_only_user WHERE participant_id = OLD.participant_id)
  WHERE participant_id = OLD.participant_id;
  UPDATE derived_participant
  SET only_user_id = (SELECT user_id FROM participant_only_user WHERE participant_id = NEW.participant_id)
  WHERE participant_id = NEW.participant_id;
END;

CREATE TRIGGER party_authorization_derive_deleted AFTER DELETE ON party_authorization
BEGIN
  UPDATE derived_participant
  SET only_user_id = (SELECT user_id FROM participant_only_user WHERE participant_id = OLD.participant_id)
  WHERE participant_id = OLD.participant_id;
END;

CREATE TRIGGER derived_participant_count_inserted AFTER INSERT ON derived_participant
BEGIN
  INSERT INTO derived_organisation (organisation_id, participants) VALUES (NEW.organisation_id, 1)
  ON CONFLICT (organisation_id) DO UPDATE SET participants = participants + 1;
END;

CREATE TRIGGER derived_participant_count_updated AFTER UPDATE OF organisation_id ON derived_participant
WHEN OLD.organisation_id IS NOT NEW.organisation_id
BEGIN
  UPDATE derived_organisation SET participants = participants - 1 WHERE organisation_id = OLD.organisation_id;
  DELETE FROM derived_organisation WHERE organisation_id = OLD.organisation_id AND participants = 0;
  INSERT INTO derived_organisation (organisation_id, participants) VALUES (NEW.organisation_id, 1)
  ON CONFLICT (organisation_id) DO UPDATE SET participants = participants + 1;
END;

CREATE TRIGGER derived_participant_count_deleted AFTER DELETE ON derived_participant
BEGIN
  UPDATE derived_organisation SET participants = participants - 1 WHERE organisation_id = OLD.organisation_id;
  DELETE FROM derived_organisation WHERE organisation_id = OLD.organisation_id AND participants = 0;
END;

-- === Revision ===
--
-- One row. Every row that any program inserts, deletes or really changes in a
-- base table counts it up, in the same transaction.

CREATE TABLE tenancy_revision (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO tenancy_revision (one, revision) VALUES (1, 0);

CREATE TRIGGER registered_user_inserted AFTER INSERT ON registered_user
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER registered_user_updated AFTER UPDATE ON registered_user
WHEN (OLD.id, OLD.email_verified, OLD.superadmin) IS NOT (NEW.id, NEW.email_verified, NEW.superadmin)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER registered_user_deleted AFTER DELETE ON registered_user
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER organisation_inserted AFTER INSERT ON organisation
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER organisation_updated AFTER UPDATE ON organisation
WHEN (
  OLD.id, OLD.legal_identifier_code, OLD.legal_identifier, OLD.mode,
  OLD.mode_change_request, OLD.contact_types, OLD.participant_limit
) IS NOT (
  NEW.id, NEW.legal_identifier_code, NEW.legal_identifier, NEW.mode,
  NEW.mode_change_request, NEW.contact_types, NEW.participant_limit
)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER organisation_deleted AFTER DELETE ON organisation
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER membership_inserted AFTER INSERT ON membership
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER membership_updated AFTER UPDATE ON membership
WHEN (OLD.user_id, OLD.organisation_id, OLD.member_role) IS NOT (NEW.user_id, NEW.organisation_id, NEW.member_role)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER membership_deleted AFTER DELETE ON membership
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER access_point_inserted AFTER INSERT ON access_point
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER access_point_updated AFTER UPDATE ON access_point
WHEN (OLD.id, OLD.environment, OLD.organisation_id) IS NOT (NEW.id, NEW.environment, NEW.organisation_id)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER access_point_deleted AFTER DELETE ON access_point
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER participant_inserted AFTER INSERT ON participant
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER participant_updated AFTER UPDATE ON participant
WHEN (OLD.id, OLD.organisation_id, OLD.environment) IS NOT (NEW.id, NEW.organisation_id, NEW.environment)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER participant_deleted AFTER DELETE ON participant
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER party_authorization_inserted AFTER INSERT ON party_authorization
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER party_authorization_updated AFTER UPDATE ON party_authorization
WHEN (
  OLD.participant_id, OLD.user_id, OLD.name, OLD.can_send_document,
  OLD.can_receive_document, OLD.can_remove_document, OLD.can_manage_hook
) IS NOT (
  NEW.participant_id, NEW.user_id, NEW.name, NEW.can_send_document,
  NEW.can_receive_document, NEW.can_remove_document, NEW.can_manage_hook
)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER party_authorization_deleted AFTER DELETE ON party_authorization
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER legal_entity_inserted AFTER INSERT ON legal_entity
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER legal_entity_updated AFTER UPDATE ON legal_entity
WHEN (OLD.id, OLD.organisation_id) IS NOT (NEW.id, NEW.organisation_id)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER legal_entity_deleted AFTER DELETE ON legal_entity
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER sub_account_inserted AFTER INSERT ON sub_account
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER sub_account_updated AFTER UPDATE ON sub_account
WHEN (OLD.id, OLD.organisation_id, OLD.full_access) IS NOT (NEW.id, NEW.organisation_id, NEW.full_access)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER sub_account_deleted AFTER DELETE ON sub_account
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER sub_account_legal_entity_inserted AFTER INSERT ON sub_account_legal_entity
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER sub_account_legal_entity_updated AFTER UPDATE ON sub_account_legal_entity
WHEN (OLD.sub_account_id, OLD.legal_entity_id) IS NOT (NEW.sub_account_id, NEW.legal_entity_id)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER sub_account_legal_entity_deleted AFTER DELETE ON sub_account_legal_entity
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER account_inserted AFTER INSERT ON account
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER account_updated AFTER UPDATE ON account
WHEN (OLD.email, OLD.user_id, OLD.sub_account_id) IS NOT (NEW.email, NEW.user_id, NEW.sub_account_id)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER account_deleted AFTER DELETE ON account
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

CREATE TRIGGER document_inserted AFTER INSERT ON document
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER document_updated AFTER UPDATE ON document
WHEN (OLD.id, OLD.legal_entity_id, OLD.direction) IS NOT (NEW.id, NEW.legal_entity_id, NEW.direction)
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;
CREATE TRIGGER document_deleted AFTER DELETE ON document
BEGIN
  UPDATE tenancy_revision SET revision = revision + 1 WHERE one = 1;
END;

-- === Views ===
--
-- Bool is 0 or 1, an entity its bare id, a Set or Record JSON text, an optional
-- attribute that is absent NULL. Each answers `WHERE id = ?`, and each view of
-- tags also `WHERE id = ? AND key = ?`, from an index at any size.

CREATE VIEW "Peppol::EmailAddress" AS
SELECT email AS id, 1 AS registered FROM account;

CREATE VIEW "Peppol::User" AS
SELECT
  registered_user.id AS id,
  account.email AS email,
  registered_user.email_verified AS "emailVerified",
  registered_user.superadmin AS superadmin
FROM registered_user
JOIN account ON account.user_id = registered_user.id;

-- The member roles held, by organisation. Not by GROUP BY: SQLite would make
-- all the groups first where this view is joined.
CREATE VIEW "Peppol::User.tags" AS
SELECT
  user_id AS id,
  organisation_id AS key,
  (
    SELECT json_group_array(member_role)
    FROM membership AS held
    WHERE held.user_id = membership.user_id AND held.organisation_id = membership.organisation_id
  ) AS value
FROM membership
WHERE NOT EXISTS (
  SELECT 1
  FROM membership AS lesser
  WHERE lesser.user_id = membership.user_id
    AND lesser.organisation_id = membership.organisation_id
    AND lesser.member_role < membership.member_role
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

-- Whoever is the only user of a participant, once for each such participant.
CREATE VIEW "Peppol::Organisation.tags" AS
SELECT organisation_id AS id, only_user_id AS key, 1 AS value
FROM derived_participant
WHERE only_user_id IS NOT NULL;

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
  json_object(
    'canSendDocument', json(iif(can_send_document, 'true', 'false')),
    'canReceiveDocument', json(iif(can_receive_document, 'true', 'false')),
    'canRemoveDocument', json(iif(can_remove_document, 'true', 'false')),
    'canManageHook', json(iif(can_manage_hook, 'true', 'false'))
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
