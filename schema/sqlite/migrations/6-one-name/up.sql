-- One name for one party: identification schemes that are written by their names become what a
-- question about them asks for. The codes are those of Peppol Code Lists, Participant identifier
-- schemes, version 9.7; the list that is read is in peppol.cedarschema.

CREATE TEMP TABLE scheme (code TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL) STRICT;

INSERT INTO temp.scheme (code, name) VALUES
  ('0002', 'FR:SIRENE'), ('0007', 'SE:ORGNR'), ('0009', 'FR:SIRET'), ('0037', 'FI:OVT'), ('0060', 'DUNS'),
  ('0088', 'GLN'), ('0096', 'DK:P'), ('0097', 'IT:FTI'), ('0106', 'NL:KVK'), ('0130', 'EU:NAL'),
  ('0135', 'IT:SIA'), ('0142', 'IT:SECETI'), ('0151', 'AU:ABN'), ('0158', 'SK:ICO'), ('0183', 'CH:UIDB'),
  ('0184', 'DK:DIGST'), ('0188', 'JP:SST'), ('0190', 'NL:OINO'), ('0191', 'EE:CC'), ('0192', 'NO:ORG'),
  ('0193', 'UBLBE'), ('0195', 'SG:UEN'), ('0196', 'IS:KTNR'), ('0198', 'DK:ERST'), ('0199', 'LEI'),
  ('0200', 'LT:LEC'), ('0201', 'IT:CUUO'), ('0204', 'DE:LWID'), ('0205', 'IT:COD'), ('0208', 'BE:EN'),
  ('0209', 'GS1'), ('0210', 'IT:CFI'), ('0211', 'IT:IVA'), ('0212', 'FI:ORG'), ('0213', 'FI:VAT'),
  ('0215', 'FI:NSI'), ('0216', 'FI:OVT2'), ('0218', 'LV:URN'), ('0221', 'JP:IIN'), ('0225', 'FR:CTC'),
  ('0230', 'MY:EIF'), ('0235', 'AE:TIN'), ('0240', 'LU:MAT'), ('0242', 'SPIS'), ('0244', 'NG:TID'),
  ('0245', 'SK:DIC'), ('0246', 'DE:GEBA'), ('0248', 'OM:VAT'), ('9901', 'DK:CPR'), ('9902', 'DK:CVR'),
  ('9904', 'DK:SE'), ('9905', 'DK:VANS'), ('9906', 'IT:VAT'), ('9907', 'IT:CF'), ('9908', 'NO:ORGNR'),
  ('9909', 'NO:VAT'), ('9910', 'HU:VAT'), ('9912', 'EU:VAT'), ('9913', 'EU:REID'), ('9914', 'AT:VAT'),
  ('9915', 'AT:GOV'), ('9916', 'AT:CID'), ('9917', 'IS:KT'), ('9918', 'IBAN'), ('9919', 'AT:KUR'),
  ('9920', 'ES:VAT'), ('9921', 'IT:IPA'), ('9922', 'AD:VAT'), ('9923', 'AL:VAT'), ('9924', 'BA:VAT'),
  ('9925', 'BE:VAT'), ('9926', 'BG:VAT'), ('9927', 'CH:VAT'), ('9928', 'CY:VAT'), ('9929', 'CZ:VAT'),
  ('9930', 'DE:VAT'), ('9931', 'EE:VAT'), ('9932', 'GB:VAT'), ('9933', 'GR:VAT'), ('9934', 'HR:VAT'),
  ('9935', 'IE:VAT'), ('9936', 'LI:VAT'), ('9937', 'LT:VAT'), ('9938', 'LU:VAT'), ('9939', 'LV:VAT'),
  ('9940', 'MC:VAT'), ('9941', 'ME:VAT'), ('9942', 'MK:VAT'), ('9943', 'MT:VAT'), ('9944', 'NL:VAT'),
  ('9945', 'PL:VAT'), ('9946', 'PT:VAT'), ('9947', 'RO:VAT'), ('9948', 'RS:VAT'), ('9949', 'SI:VAT'),
  ('9950', 'SK:VAT'), ('9951', 'SM:VAT'), ('9952', 'TR:VAT'), ('9953', 'VA:VAT'), ('9954', 'NL:OIN'),
  ('9955', 'SE:VAT'), ('9956', 'BE:CBE'), ('9957', 'FR:VAT'), ('9958', 'DE:LID'), ('9959', 'US:EIN');

-- Participants by the name of their scheme. One whose other name is held too stays as it is, and
-- nobody can ask about it: no statement can tell which of the two is meant.
CREATE TEMP TABLE renamed (old TEXT PRIMARY KEY NOT NULL, new TEXT NOT NULL) STRICT;

INSERT INTO temp.renamed (old, new)
SELECT old, new
FROM (
  SELECT
    participant.id AS old,
    'iso6523-actorid-upis::' || scheme.code || substr(participant.id, 23 + length(scheme.name)) AS new,
    row_number() OVER (
      PARTITION BY scheme.code, substr(participant.id, 23 + length(scheme.name)) ORDER BY participant.id
    ) AS place
  FROM participant
  JOIN temp.scheme AS scheme
    ON replace(substr(participant.id, 23, length(scheme.name) + 1), '_', ':') = lower(scheme.name) || ':'
  WHERE substr(participant.id, 1, 22) = 'iso6523-actorid-upis::'
    AND substr(participant.id, 23, 1) NOT BETWEEN '0' AND '9'
) AS named
WHERE place = 1 AND NOT EXISTS (SELECT 1 FROM participant WHERE id = named.new);

INSERT INTO participant (id, organisation_id, environment)
SELECT renamed.new, participant.organisation_id, participant.environment
FROM temp.renamed AS renamed
JOIN participant ON participant.id = renamed.old;

UPDATE party_authorization
SET participant_id = (SELECT new FROM temp.renamed AS renamed WHERE renamed.old = participant_id)
WHERE participant_id IN (SELECT old FROM temp.renamed);

DELETE FROM participant WHERE id IN (SELECT old FROM temp.renamed);

-- Codes of legal identifiers: the name of the scheme, in capitals and with `_`. Of several organisations
-- that one legal identifier belongs to in this sense the first has it; the others keep their spelling.
CREATE TEMP TABLE respelt (id TEXT PRIMARY KEY NOT NULL, code TEXT NOT NULL) STRICT;

INSERT INTO temp.respelt (id, code)
SELECT id, code
FROM (
  SELECT
    id, legal_identifier, code,
    row_number() OVER (PARTITION BY code, legal_identifier ORDER BY id) AS place
  FROM (
    SELECT
      id, legal_identifier, legal_identifier_code AS was,
      coalesce(
        (SELECT replace(name, ':', '_') FROM temp.scheme AS scheme WHERE scheme.code = legal_identifier_code),
        upper(replace(legal_identifier_code, ':', '_'))
      ) AS code
    FROM organisation
    WHERE legal_identifier IS NOT NULL
  ) AS spelt
  WHERE was <> code
) AS placed
WHERE place = 1
  AND NOT EXISTS (
    SELECT 1 FROM organisation AS held
    WHERE held.legal_identifier_code = placed.code AND held.legal_identifier = placed.legal_identifier
  );

UPDATE organisation
SET legal_identifier_code = (SELECT code FROM temp.respelt AS respelt WHERE respelt.id = organisation.id)
WHERE id IN (SELECT id FROM temp.respelt);

DROP TABLE temp.respelt;
DROP TABLE temp.renamed;
DROP TABLE temp.scheme;
