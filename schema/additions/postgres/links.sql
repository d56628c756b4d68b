-- Links of templates: a grant is a row. Copy it to `migrations/`, and write `stored = true` in `policies/links.toml`.
-- This file itself is not read. A view of this name over tables of your own does as well; they need such triggers.

CREATE TABLE template_link (
  link           text COLLATE "C" PRIMARY KEY,
  template       text COLLATE "C" NOT NULL,
  -- The entities for `?principal` and `?resource`; NULL for a slot that the template does not have.
  principal_type text COLLATE "C",
  principal_id   text COLLATE "C",
  resource_type  text COLLATE "C",
  resource_id    text COLLATE "C",
  CHECK ((principal_type IS NULL) = (principal_id IS NULL)),
  CHECK ((resource_type IS NULL) = (resource_id IS NULL)),
  CHECK (principal_type IS NOT NULL OR resource_type IS NOT NULL)
);

CREATE TRIGGER template_link_changed_by_insert
AFTER INSERT ON template_link REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('template_link', 'link', '');
CREATE TRIGGER template_link_changed_by_update
AFTER UPDATE ON template_link REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('template_link', 'link', '');
CREATE TRIGGER template_link_changed_by_delete
AFTER DELETE ON template_link REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('template_link', 'link', '');
CREATE TRIGGER template_link_changed_by_truncate
AFTER TRUNCATE ON template_link
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_truncated('template_link');
ALTER TABLE template_link ENABLE ALWAYS TRIGGER template_link_changed_by_insert;
ALTER TABLE template_link ENABLE ALWAYS TRIGGER template_link_changed_by_update;
ALTER TABLE template_link ENABLE ALWAYS TRIGGER template_link_changed_by_delete;
ALTER TABLE template_link ENABLE ALWAYS TRIGGER template_link_changed_by_truncate;
