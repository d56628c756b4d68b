-- A table is noted for a type: a view of another type that reads it is not told of its
-- changes. The records name entities, and those of one type say nothing of another.
CREATE TABLE tenancy_noted_before AS SELECT name FROM tenancy_noted;
DROP TABLE tenancy_noted;

-- Of which tables each row that is inserted, updated or deleted writes records, and for
-- which type of the schema. Whoever adds a table that a view reads writes triggers as
-- those of the other tables, and a row here for each type; without, entities are kept in
-- memory only until anything at all is written. A table without triggers that write
-- records counts as one that is not here.
CREATE TABLE tenancy_noted (
  name        TEXT NOT NULL,
  -- As 'Peppol::User'; the row counts for no other.
  entity_type TEXT NOT NULL,
  -- 1: triggers of the other tables here write it and its records, and nobody else
  -- writes it.
  derived     INTEGER NOT NULL DEFAULT 0 CHECK (derived IN (0, 1)),
  PRIMARY KEY (name, entity_type)
) STRICT, WITHOUT ROWID;
INSERT INTO tenancy_noted (name, entity_type, derived)
VALUES
  ('registered_user', 'Peppol::User', 0),
  ('organisation', 'Peppol::Organisation', 0),
  ('membership', 'Peppol::User', 0),
  ('access_point', 'Peppol::AccessPoint', 0),
  ('participant', 'Peppol::Participant', 0),
  ('participant', 'Peppol::ParticipantIdentifier', 0),
  ('party_authorization', 'Peppol::Participant', 0),
  ('legal_entity', 'Peppol::LegalEntity', 0),
  ('sub_account', 'Peppol::SubAccount', 0),
  ('sub_account_legal_entity', 'Peppol::SubAccount', 0),
  ('account', 'Peppol::EmailAddress', 0),
  ('account', 'Peppol::User', 0),
  ('account', 'Peppol::SubAccount', 0),
  ('document', 'Peppol::Document', 0),
  ('derived_organisation', 'Peppol::Organisation', 1),
  ('derived_participant', 'Peppol::Organisation', 1),
  ('derived_participant', 'Peppol::Participant', 1);

-- An operator's own, whose types only the operator knows.
INSERT INTO tenancy_noted (name, entity_type)
SELECT name, '' FROM tenancy_noted_before
WHERE name NOT IN (SELECT name FROM tenancy_noted);
DROP TABLE tenancy_noted_before;
