-- A table of a new type: copy it to `migrations/`, and put your names in the place of `thing` and
-- `Peppol::Thing`. This file itself is not read.

CREATE TABLE thing (
  id              text COLLATE "C" PRIMARY KEY,
  organisation_id text COLLATE "C" NOT NULL
    REFERENCES organisation (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  name            text COLLATE "C" NOT NULL
);

CREATE INDEX thing_organisation ON thing (organisation_id);

-- Each row that changes is a change of the entity of its id, and that id has to be the one which the view shows: nobody
-- notices a trigger that records another, and the entity is then answered from before the change. Further threes of type, column and '' are of
-- further types whose views read the table.
CREATE TRIGGER thing_changed_by_insert
AFTER INSERT ON thing REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::Thing', 'id', '');
CREATE TRIGGER thing_changed_by_update
AFTER UPDATE ON thing REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::Thing', 'id', '');
CREATE TRIGGER thing_changed_by_delete
AFTER DELETE ON thing REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::Thing', 'id', '');
CREATE TRIGGER thing_changed_by_truncate
AFTER TRUNCATE ON thing
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_truncated('thing');
ALTER TABLE thing ENABLE ALWAYS TRIGGER thing_changed_by_insert;
ALTER TABLE thing ENABLE ALWAYS TRIGGER thing_changed_by_update;
ALTER TABLE thing ENABLE ALWAYS TRIGGER thing_changed_by_delete;
ALTER TABLE thing ENABLE ALWAYS TRIGGER thing_changed_by_truncate;
