-- Histories: a state has a name that no other history of the database gives.
--
-- A backup that is restored, or a file that is put in this one's place, goes on with
-- the same numbers and other contents. So each change record has a mark that is drawn
-- at random when it is written: two histories have a record with the same number, and
-- never one with the same number and mark.

-- One row: the name of the database's first state, drawn when the tables are made.
CREATE TABLE tenancy_history (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id  TEXT NOT NULL
) STRICT;
INSERT INTO tenancy_history (one, id) VALUES (1, lower(hex(randomblob(8))));

-- Which tables note each row that is inserted, updated or deleted. Views over these
-- alone tell what changes. Whoever adds a table that a view reads writes triggers as
-- those here, and its name into this table; without, entities are kept in memory only
-- until anything at all is written.
CREATE TABLE tenancy_noted (
  name TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tenancy_noted (name)
VALUES
  ('registered_user'), ('organisation'), ('membership'), ('access_point'), ('participant'),
  ('party_authorization'), ('legal_entity'), ('sub_account'), ('sub_account_legal_entity'),
  ('account'), ('document'), ('derived_organisation'), ('derived_participant');

-- === Records with marks ===
--
-- A record that is pruned loses its entity and keeps its mark, so that the state can
-- still be told from that of another history, as long as the row is there:
--   UPDATE tenancy_horizon SET pruned_to = ?1
--     WHERE pruned_to < ?1 AND ?1 <= (SELECT seq FROM sqlite_sequence WHERE name = 'tenancy_change');
--   UPDATE tenancy_change SET entity_type = NULL, entity_id = NULL
--     WHERE number <= (SELECT pruned_to FROM tenancy_horizon);
-- A row that is deleted takes the name of its state along: an `atLeast` with it is
-- refused from then on.

DROP VIEW tenancy_revision;
CREATE TABLE tenancy_change_before AS SELECT number, entity_type, entity_id FROM tenancy_change;
CREATE TABLE tenancy_revision_before AS SELECT seq FROM sqlite_sequence WHERE name = 'tenancy_change';
-- Not renamed: the triggers would follow it.
DROP TABLE tenancy_change;
CREATE TABLE tenancy_change (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The name of the type in the schema, as 'Peppol::User'. Null: anything may
  -- have changed.
  entity_type TEXT,
  -- Null: any of the type.
  entity_id   TEXT,
  mark        INTEGER NOT NULL DEFAULT (random())
) STRICT;
INSERT INTO tenancy_change (number, entity_type, entity_id)
SELECT number, entity_type, entity_id FROM tenancy_change_before;
DELETE FROM sqlite_sequence WHERE name = 'tenancy_change';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'tenancy_change', seq FROM tenancy_revision_before;
DROP TABLE tenancy_change_before;
DROP TABLE tenancy_revision_before;

-- The name of the newest state, as a question's `atLeast` takes it.
CREATE VIEW tenancy_revision AS
SELECT
  history.id || '-' || newest.seq || '.' || printf('%016x', coalesce(record.mark, 0)) AS revision
FROM tenancy_history AS history
JOIN sqlite_sequence AS newest ON newest.name = 'tenancy_change'
LEFT JOIN tenancy_change AS record ON record.number = newest.seq;

-- === Updates ===
--
-- Of every row that is updated, whatever column: a view may read one that was added
-- to its table later.

DROP TRIGGER registered_user_updated;
CREATE TRIGGER registered_user_updated AFTER UPDATE ON registered_user
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::User', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER organisation_updated;
CREATE TRIGGER organisation_updated AFTER UPDATE ON organisation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Organisation', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER membership_updated;
CREATE TRIGGER membership_updated AFTER UPDATE ON membership
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', NEW.user_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::User', OLD.user_id WHERE OLD.user_id <> NEW.user_id;
END;
DROP TRIGGER access_point_updated;
CREATE TRIGGER access_point_updated AFTER UPDATE ON access_point
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::AccessPoint', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::AccessPoint', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER participant_updated;
CREATE TRIGGER participant_updated AFTER UPDATE ON participant
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Participant', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER party_authorization_updated;
CREATE TRIGGER party_authorization_updated AFTER UPDATE ON party_authorization
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', NEW.participant_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::Participant', OLD.participant_id WHERE OLD.participant_id <> NEW.participant_id;
END;
DROP TRIGGER legal_entity_updated;
CREATE TRIGGER legal_entity_updated AFTER UPDATE ON legal_entity
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::LegalEntity', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::LegalEntity', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER sub_account_updated;
CREATE TRIGGER sub_account_updated AFTER UPDATE ON sub_account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::SubAccount', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER sub_account_legal_entity_updated;
CREATE TRIGGER sub_account_legal_entity_updated AFTER UPDATE ON sub_account_legal_entity
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', NEW.sub_account_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::SubAccount', OLD.sub_account_id WHERE OLD.sub_account_id <> NEW.sub_account_id;
END;
DROP TRIGGER document_updated;
CREATE TRIGGER document_updated AFTER UPDATE ON document
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Document', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Document', OLD.id WHERE OLD.id <> NEW.id;
END;
DROP TRIGGER account_updated;
CREATE TRIGGER account_updated AFTER UPDATE ON account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  VALUES
    ('Peppol::EmailAddress', OLD.email),
    (iif(OLD.user_id IS NULL, 'Peppol::SubAccount', 'Peppol::User'), coalesce(OLD.user_id, OLD.sub_account_id));
  INSERT INTO tenancy_change (entity_type, entity_id)
  VALUES
    ('Peppol::EmailAddress', NEW.email),
    (iif(NEW.user_id IS NULL, 'Peppol::SubAccount', 'Peppol::User'), coalesce(NEW.user_id, NEW.sub_account_id));
END;
