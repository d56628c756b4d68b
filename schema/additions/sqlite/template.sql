-- A table of a new type: copy it to `migrations/`, and put your names in the place of `thing` and
-- `Peppol::Thing`. This file itself is not read.

CREATE TABLE thing (
  id              TEXT PRIMARY KEY NOT NULL,
  organisation_id TEXT NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
  name            TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX thing_organisation ON thing (organisation_id);

-- Each row that changes is a change of the entity of its id, and that id has to be the one which the view shows:
-- nobody notices a trigger that records another, and the entity is then answered from before the change. A second key (UNIQUE) would need BEFORE
-- triggers too, since INSERT OR REPLACE takes a row away without a trigger.
CREATE TRIGGER thing_inserted AFTER INSERT ON thing
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Thing', NEW.id);
END;
CREATE TRIGGER thing_updated AFTER UPDATE ON thing
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Thing', NEW.id);
  INSERT INTO tenancy_change (entity_type, entity_id) SELECT 'Peppol::Thing', OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER thing_deleted AFTER DELETE ON thing
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Thing', OLD.id);
END;

-- The triggers count only with this line, one for each type whose views read the table.
INSERT INTO tenancy_noted (name, entity_type) VALUES ('thing', 'Peppol::Thing');
