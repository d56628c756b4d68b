-- Under which identifiers is a participant registered? By any organisation, in any SMP.

CREATE VIEW "Peppol::ParticipantIdentifier" AS
SELECT id, 1 AS registered FROM participant;

-- A row that is replaced without a delete trigger gives way to one of the same id.
CREATE TRIGGER participant_identifier_inserted AFTER INSERT ON participant
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::ParticipantIdentifier', NEW.id);
END;
CREATE TRIGGER participant_identifier_updated AFTER UPDATE ON participant
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id)
  VALUES ('Peppol::ParticipantIdentifier', OLD.id), ('Peppol::ParticipantIdentifier', NEW.id);
END;
CREATE TRIGGER participant_identifier_deleted AFTER DELETE ON participant
BEGIN
  INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::ParticipantIdentifier', OLD.id);
END;
