-- Under which identifiers is a participant registered? By any organisation, in any SMP.

CREATE VIEW "Peppol::ParticipantIdentifier" AS
SELECT id, true AS registered FROM participant;

-- Beside the triggers that record the participants themselves. TRUNCATE is recorded there, as a
-- change of everything.
CREATE TRIGGER participant_identifier_changed_by_insert
AFTER INSERT ON participant REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::ParticipantIdentifier', 'id', '');
CREATE TRIGGER participant_identifier_changed_by_update
AFTER UPDATE ON participant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::ParticipantIdentifier', 'id', '');
CREATE TRIGGER participant_identifier_changed_by_delete
AFTER DELETE ON participant REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('Peppol::ParticipantIdentifier', 'id', '');
ALTER TABLE participant ENABLE ALWAYS TRIGGER participant_identifier_changed_by_insert;
ALTER TABLE participant ENABLE ALWAYS TRIGGER participant_identifier_changed_by_update;
ALTER TABLE participant ENABLE ALWAYS TRIGGER participant_identifier_changed_by_delete;
