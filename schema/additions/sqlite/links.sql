-- Links of templates: a grant is a row. Copy it to `migrations/`, and write `stored = true` in `policies/links.toml`.
-- This file itself is not read. A view of this name over tables of your own does as well; they need such triggers.

CREATE TABLE template_link (
  link           TEXT PRIMARY KEY NOT NULL,
  template       TEXT NOT NULL,
  -- The entities for `?principal` and `?resource`; NULL for a slot that the template does not have.
  principal_type TEXT,
  principal_id   TEXT,
  resource_type  TEXT,
  resource_id    TEXT,
  CHECK ((principal_type IS NULL) = (principal_id IS NULL)),
  CHECK ((resource_type IS NULL) = (resource_id IS NULL)),
  CHECK (principal_type IS NOT NULL OR resource_type IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER template_link_inserted AFTER INSERT ON template_link
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('template_link', NEW.link);
END;
CREATE TRIGGER template_link_updated AFTER UPDATE ON template_link
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('template_link', NEW.link);
END;
CREATE TRIGGER template_link_deleted AFTER DELETE ON template_link
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('template_link', OLD.link);
END;

-- The triggers count only with this line.
INSERT INTO tenancy_noted (name, entity_type) VALUES ('template_link', 'template_link');
