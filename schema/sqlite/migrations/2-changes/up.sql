-- Change records: which entities a write has changed, for whoever keeps copies
-- of them. They number the states of the database, as tenancy_revision did.

-- Every row that any program inserts, deletes or really changes in a base table,
-- where a view reads it, writes records in the same transaction: one for each
-- entity whose row in a view or in its view of tags that changes, also through
-- derived values. An entity may have several, and one may have a record and be
-- as it was.
CREATE TABLE tenancy_change (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The name of the type in the schema, as 'Peppol::User'. Null: anything may
  -- have changed.
  entity_type TEXT,
  -- Null: any of the type.
  entity_id   TEXT
) STRICT;

-- One row: the greatest number that was ever pruned. Whoever has seen the records
-- up to a lesser number only has missed some, and takes everything as changed.
-- Of the writes before this migration there are no records.
--
-- Records up to a number are pruned, in one transaction, with
--   UPDATE tenancy_horizon SET pruned_to = ?1
--     WHERE pruned_to < ?1 AND ?1 <= (SELECT revision FROM tenancy_revision);
--   DELETE FROM tenancy_change WHERE number <= (SELECT pruned_to FROM tenancy_horizon);
CREATE TABLE tenancy_horizon (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  pruned_to INTEGER NOT NULL
) STRICT;
INSERT INTO tenancy_horizon (one, pruned_to) SELECT 1, revision FROM tenancy_revision;

-- === Revision ===
--
-- The greatest number that a record ever had, which goes on from the number that
-- was counted before. SQLite keeps it, also when the records are pruned.

INSERT INTO sqlite_sequence (name, seq) SELECT 'tenancy_change', revision FROM tenancy_revision;

DROP TRIGGER registered_user_inserted;
DROP TRIGGER registered_user_updated;
DROP TRIGGER registered_user_deleted;
DROP TRIGGER organisation_inserted;
DROP TRIGGER organisation_updated;
DROP TRIGGER organisation_deleted;
DROP TRIGGER membership_inserted;
DROP TRIGGER membership_updated;
DROP TRIGGER membership_deleted;
DROP TRIGGER access_point_inserted;
DROP TRIGGER access_point_updated;
DROP TRIGGER access_point_deleted;
DROP TRIGGER participant_inserted;
DROP TRIGGER participant_updated;
DROP TRIGGER participant_deleted;
DROP TRIGGER party_authorization_inserted;
DROP TRIGGER party_authorization_updated;
DROP TRIGGER party_authorization_deleted;
DROP TRIGGER legal_entity_inserted;
DROP TRIGGER legal_entity_updated;
DROP TRIGGER legal_entity_deleted;
DROP TRIGGER sub_account_inserted;
DROP TRIGGER sub_account_updated;
DROP TRIGGER sub_account_deleted;
DROP TRIGGER sub_account_legal_entity_inserted;
DROP TRIGGER sub_account_legal_entity_updated;
DROP TRIGGER sub_account_legal_entity_deleted;
DROP TRIGGER account_inserted;
DROP TRIGGER account_updated;
DROP TRIGGER account_deleted;
DROP TRIGGER document_inserted;
DROP TRIGGER document_updated;
DROP TRIGGER document_deleted;
DROP TABLE tenancy_revision;

CREATE VIEW tenancy_revision AS
SELECT seq AS revision FROM sqlite_sequence WHERE name = 'tenancy_change';

-- === Base tables ===

CREATE TRIGGER registered_user_inserted AFTER INSERT ON registered_user
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', NEW.id);
END;
CREATE TRIGGER registered_user_updated AFTER UPDATE ON registered_user
WHEN (OLD.id, OLD.email_verified, OLD.superadmin) IS NOT (NEW.id, NEW.email_verified, NEW.superadmin)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::User', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER registered_user_deleted AFTER DELETE ON registered_user
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', OLD.id);
END;

-- A program that replaces rows fires no delete triggers for them: a row that
-- gives way for its legal identifier is another organisation's.
CREATE TRIGGER organisation_replacing_insert BEFORE INSERT ON organisation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::Organisation', id
  FROM organisation
  WHERE legal_identifier_code = NEW.legal_identifier_code AND legal_identifier = NEW.legal_identifier
    AND id <> NEW.id;
END;
CREATE TRIGGER organisation_replacing_update
BEFORE UPDATE OF id, legal_identifier_code, legal_identifier ON organisation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::Organisation', id
  FROM organisation
  WHERE legal_identifier_code = NEW.legal_identifier_code AND legal_identifier = NEW.legal_identifier
    AND id NOT IN (OLD.id, NEW.id);
END;
CREATE TRIGGER organisation_inserted AFTER INSERT ON organisation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.id);
END;
CREATE TRIGGER organisation_updated AFTER UPDATE ON organisation
WHEN (
    OLD.id, OLD.mode, OLD.mode_change_request,
    OLD.contact_types, OLD.participant_limit
  ) IS NOT (
    NEW.id, NEW.mode, NEW.mode_change_request,
    NEW.contact_types, NEW.participant_limit
  )
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Organisation', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER organisation_deleted AFTER DELETE ON organisation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', OLD.id);
END;

CREATE TRIGGER membership_inserted AFTER INSERT ON membership
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', NEW.user_id);
END;
CREATE TRIGGER membership_updated AFTER UPDATE ON membership
WHEN (
    OLD.user_id, OLD.organisation_id,
    OLD.member_role
  ) IS NOT (
    NEW.user_id, NEW.organisation_id,
    NEW.member_role
  )
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', NEW.user_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::User', OLD.user_id WHERE OLD.user_id <> NEW.user_id;
END;
CREATE TRIGGER membership_deleted AFTER DELETE ON membership
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::User', OLD.user_id);
END;

CREATE TRIGGER access_point_inserted AFTER INSERT ON access_point
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::AccessPoint', NEW.id);
END;
CREATE TRIGGER access_point_updated AFTER UPDATE ON access_point
WHEN (OLD.id, OLD.environment, OLD.organisation_id) IS NOT (NEW.id, NEW.environment, NEW.organisation_id)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::AccessPoint', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::AccessPoint', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER access_point_deleted AFTER DELETE ON access_point
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::AccessPoint', OLD.id);
END;

CREATE TRIGGER participant_inserted AFTER INSERT ON participant
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', NEW.id);
END;
CREATE TRIGGER participant_updated AFTER UPDATE ON participant
WHEN (OLD.id, OLD.organisation_id, OLD.environment) IS NOT (NEW.id, NEW.organisation_id, NEW.environment)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Participant', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER participant_deleted AFTER DELETE ON participant
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', OLD.id);
END;

CREATE TRIGGER party_authorization_inserted AFTER INSERT ON party_authorization
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', NEW.participant_id);
END;
CREATE TRIGGER party_authorization_updated AFTER UPDATE ON party_authorization
WHEN (
    OLD.participant_id, OLD.user_id, OLD.can_send_document,
    OLD.can_receive_document, OLD.can_remove_document, OLD.can_manage_hook
  ) IS NOT (
    NEW.participant_id, NEW.user_id, NEW.can_send_document,
    NEW.can_receive_document, NEW.can_remove_document, NEW.can_manage_hook
  )
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', NEW.participant_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::Participant', OLD.participant_id WHERE OLD.participant_id <> NEW.participant_id;
END;
CREATE TRIGGER party_authorization_deleted AFTER DELETE ON party_authorization
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Participant', OLD.participant_id);
END;

CREATE TRIGGER legal_entity_inserted AFTER INSERT ON legal_entity
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::LegalEntity', NEW.id);
END;
CREATE TRIGGER legal_entity_updated AFTER UPDATE ON legal_entity
WHEN (OLD.id, OLD.organisation_id) IS NOT (NEW.id, NEW.organisation_id)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::LegalEntity', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::LegalEntity', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER legal_entity_deleted AFTER DELETE ON legal_entity
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::LegalEntity', OLD.id);
END;

CREATE TRIGGER sub_account_inserted AFTER INSERT ON sub_account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', NEW.id);
END;
CREATE TRIGGER sub_account_updated AFTER UPDATE ON sub_account
WHEN (OLD.id, OLD.organisation_id, OLD.full_access) IS NOT (NEW.id, NEW.organisation_id, NEW.full_access)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::SubAccount', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER sub_account_deleted AFTER DELETE ON sub_account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', OLD.id);
END;

CREATE TRIGGER sub_account_legal_entity_inserted AFTER INSERT ON sub_account_legal_entity
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', NEW.sub_account_id);
END;
CREATE TRIGGER sub_account_legal_entity_updated AFTER UPDATE ON sub_account_legal_entity
WHEN (OLD.sub_account_id, OLD.legal_entity_id) IS NOT (NEW.sub_account_id, NEW.legal_entity_id)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', NEW.sub_account_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::SubAccount', OLD.sub_account_id WHERE OLD.sub_account_id <> NEW.sub_account_id;
END;
CREATE TRIGGER sub_account_legal_entity_deleted AFTER DELETE ON sub_account_legal_entity
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::SubAccount', OLD.sub_account_id);
END;

CREATE TRIGGER document_inserted AFTER INSERT ON document
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Document', NEW.id);
END;
CREATE TRIGGER document_updated AFTER UPDATE ON document
WHEN (OLD.id, OLD.legal_entity_id, OLD.direction) IS NOT (NEW.id, NEW.legal_entity_id, NEW.direction)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Document', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Document', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER document_deleted AFTER DELETE ON document
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Document', OLD.id);
END;

-- Rows that are replaced without delete triggers: one of the same e-mail is that
-- of another user or sub-account, one of the same user or sub-account has another
-- e-mail.
CREATE TRIGGER account_replacing_insert BEFORE INSERT ON account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT iif(user_id IS NULL, 'Peppol::SubAccount', 'Peppol::User'), coalesce(user_id, sub_account_id)
  FROM account
  WHERE email = NEW.email AND (user_id, sub_account_id) IS NOT (NEW.user_id, NEW.sub_account_id);
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::EmailAddress', email FROM account WHERE user_id = NEW.user_id AND email <> NEW.email;
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::EmailAddress', email FROM account WHERE sub_account_id = NEW.sub_account_id AND email <> NEW.email;
END;
CREATE TRIGGER account_replacing_update BEFORE UPDATE ON account
WHEN (OLD.email, OLD.user_id, OLD.sub_account_id) IS NOT (NEW.email, NEW.user_id, NEW.sub_account_id)
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT iif(user_id IS NULL, 'Peppol::SubAccount', 'Peppol::User'), coalesce(user_id, sub_account_id)
  FROM account
  WHERE email = NEW.email AND email <> OLD.email;
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::EmailAddress', email FROM account WHERE user_id = NEW.user_id AND email <> OLD.email;
  INSERT INTO tenancy_change (entity_type, entity_id)
  SELECT 'Peppol::EmailAddress', email FROM account WHERE sub_account_id = NEW.sub_account_id AND email <> OLD.email;
END;
CREATE TRIGGER account_inserted AFTER INSERT ON account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  VALUES
    ('Peppol::EmailAddress', NEW.email),
    (iif(NEW.user_id IS NULL, 'Peppol::SubAccount', 'Peppol::User'), coalesce(NEW.user_id, NEW.sub_account_id));
END;
CREATE TRIGGER account_updated AFTER UPDATE ON account
WHEN (OLD.email, OLD.user_id, OLD.sub_account_id) IS NOT (NEW.email, NEW.user_id, NEW.sub_account_id)
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
CREATE TRIGGER account_deleted AFTER DELETE ON account
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  VALUES
    ('Peppol::EmailAddress', OLD.email),
    (iif(OLD.user_id IS NULL, 'Peppol::SubAccount', 'Peppol::User'), coalesce(OLD.user_id, OLD.sub_account_id));
END;

-- === Derived values ===

-- A count that becomes 0 is written before its row goes. Nor is an organisation
-- recorded twice where a participant comes, goes or moves together with its only
-- user: its count changes then.
CREATE TRIGGER derived_organisation_inserted AFTER INSERT ON derived_organisation
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.organisation_id);
END;
CREATE TRIGGER derived_organisation_updated AFTER UPDATE ON derived_organisation
WHEN OLD.participants <> NEW.participants
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.organisation_id);
END;
CREATE TRIGGER derived_participant_only_user_updated AFTER UPDATE OF only_user_id ON derived_participant
WHEN OLD.only_user_id IS NOT NEW.only_user_id AND OLD.organisation_id = NEW.organisation_id
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Organisation', NEW.organisation_id);
END;
