-- A line of `tenancy_noted` may be written without a type, as before there were types. It counts for
-- none, and the log names it.
CREATE TABLE tenancy_noted_before AS SELECT name, entity_type, derived FROM tenancy_noted;
DROP TABLE tenancy_noted;

-- Of which tables each row that is inserted, updated or deleted writes records, and for
-- which type of the schema. Whoever adds a table that a view reads, or reads one for
-- another type, writes triggers and a row here for each type; without, entities are kept in
-- memory only until anything at all is written. The triggers count where they are
-- AFTER INSERT, UPDATE and DELETE, without WHEN, name the type as 'Peppol::User' and insert
-- into `tenancy_change`; where no trigger of the table may RAISE(IGNORE); and where
-- INSERT OR REPLACE takes no row of another entity away, or BEFORE triggers record it.
CREATE TABLE tenancy_noted (
  name        TEXT NOT NULL,
  -- As 'Peppol::User'; the row counts for no other.
  entity_type TEXT NOT NULL DEFAULT '',
  -- 1: triggers of the other tables here write it and its records, and nobody else
  -- writes it. Of the rows here already alone.
  derived     INTEGER NOT NULL DEFAULT 0 CHECK (derived IN (0, 1)),
  PRIMARY KEY (name, entity_type)
) STRICT, WITHOUT ROWID;
INSERT INTO tenancy_noted (name, entity_type, derived)
SELECT name, entity_type, derived FROM tenancy_noted_before;
DROP TABLE tenancy_noted_before;
