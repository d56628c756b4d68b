-- What peppol-authz reads: a view for each type of schema/peppol.cedarschema that
-- this database knows of. The view's name is the type's, `id` its id as text, and a
-- column is an attribute. Other entities are named by their bare ids.

-- Ids are looked up by `id = ANY (…)` over text. Where the table has another type
-- than text or varchar, an index of that text answers it.
CREATE INDEX company_id_text ON company ((company_id::text));
CREATE INDEX person_id_text ON person ((person_id::text));
CREATE INDEX employment_text ON employment ((person_id::text), (company_id::text));
CREATE INDEX party_right_text ON party_right (party_id, (person_id::text));
CREATE INDEX branch_id_text ON branch ((branch_id::text));
CREATE INDEX reader_id_text ON reader ((reader_id::text));
CREATE INDEX reader_branch_text ON reader_branch ((reader_id::text), (branch_id::text));
CREATE INDEX invoice_id_text ON invoice ((invoice_id::text));
CREATE INDEX employment_admin ON employment (company_id) WHERE job = 'admin';

-- UNION and not UNION ALL: an id has one row at most.
CREATE VIEW "Peppol::EmailAddress" AS
SELECT mail AS id, true AS registered FROM person
UNION
SELECT mail, true FROM reader;

CREATE VIEW "Peppol::User" AS
SELECT
  person_id::text AS id,
  mail AS email,
  mail_confirmed_at IS NOT NULL AS "emailVerified",
  is_operator AS superadmin,
  CASE WHEN (SELECT min(company_id::text) FROM employment WHERE employment.person_id = person.person_id)
      = (SELECT max(company_id::text) FROM employment WHERE employment.person_id = person.person_id)
    THEN (SELECT min(company_id::text) FROM employment WHERE employment.person_id = person.person_id)
  END AS "onlyOrganisation",
  coalesce(
    (SELECT min(company_id::text) FROM employment WHERE employment.person_id = person.person_id)
      < (SELECT max(company_id::text) FROM employment WHERE employment.person_id = person.person_id),
    false
  ) AS "severalOrganisations"
FROM person;

-- A row for each person and company, with all jobs held there: that of the first.
CREATE VIEW "Peppol::User.tags" AS
SELECT
  person_id::text AS id,
  company_id::text AS key,
  ARRAY(
    SELECT CASE job
      WHEN 'admin' THEN 'orgadmin'
      WHEN 'member' THEN 'orgmember'
      WHEN 'ap_manager' THEN 'ApManager'
      WHEN 'ap_user' THEN 'ApUser'
    END
    FROM employment AS held
    WHERE held.person_id = employment.person_id AND held.company_id = employment.company_id
  ) AS value
FROM employment
WHERE job = (
  SELECT min(job)
  FROM employment AS least
  WHERE least.person_id = employment.person_id AND least.company_id = employment.company_id
);

-- The parties are counted with every look-up. Where a company has very many, keep
-- the number in a column.
CREATE VIEW "Peppol::Organisation" AS
SELECT
  company_id::text AS id,
  upper(stage::text) AS mode,
  upper(wanted_stage::text) AS "modeChangeRequest",
  ARRAY(SELECT DISTINCT upper(kind) FROM contact WHERE contact.company_id = company.company_id) AS "contactTypes",
  coalesce(max_parties, 10) AS "participantLimit",
  (SELECT count(*) FROM party WHERE party.company_id = company.company_id) AS participants,
  (
    SELECT min(person_id::text) FROM employment
    WHERE employment.company_id = company.company_id AND job = 'admin'
    HAVING count(*) = 1
  ) AS "onlyOrgadmin"
FROM company;

-- Whoever alone has rights for a party of the company.
CREATE VIEW "Peppol::Organisation.tags" AS
SELECT DISTINCT party.company_id::text AS id, held.person_id::text AS key, true AS value
FROM party_right AS held
JOIN party ON party.party_id = held.party_id
WHERE NOT EXISTS (
  SELECT FROM party_right AS other
  WHERE other.party_id = held.party_id AND other.person_id <> held.person_id
);

CREATE VIEW "Peppol::AccessPoint" AS
SELECT
  code AS id,
  CASE WHEN production THEN 'PRODUCTION' ELSE 'TEST' END AS environment,
  company_id AS organisation
FROM gateway;

CREATE VIEW "Peppol::Participant" AS
SELECT
  party_id AS id,
  company_id AS organisation,
  CASE WHEN production THEN 'PRODUCTION' ELSE 'TEST' END AS environment,
  (
    SELECT min(person_id::text) FROM party_right WHERE party_right.party_id = party.party_id
    HAVING count(*) = 1
  ) AS "onlyUser"
FROM party;

-- Whoever registers a party has to choose another identifier than these.
CREATE VIEW "Peppol::ParticipantIdentifier" AS
SELECT party_id AS id, true AS registered FROM party;

CREATE VIEW "Peppol::Participant.tags" AS
SELECT
  party_id AS id,
  person_id::text AS key,
  jsonb_build_object(
    'canSendDocument', send,
    'canReceiveDocument', receive,
    'canRemoveDocument', remove,
    'canManageHook', hooks
  ) AS value
FROM party_right;

CREATE VIEW "Peppol::LegalEntity" AS
SELECT branch_id::text AS id, company_id AS organisation FROM branch;

CREATE VIEW "Peppol::SubAccount" AS
SELECT reader_id::text AS id, mail AS email, company_id AS organisation, sees_all AS "fullAccess" FROM reader;

CREATE VIEW "Peppol::SubAccount.tags" AS
SELECT reader_id::text AS id, branch_id::text AS key, branch_id AS value FROM reader_branch;

CREATE VIEW "Peppol::Document" AS
SELECT
  invoice_id::text AS id,
  branch_id AS "legalEntity",
  CASE WHEN incoming THEN 'RECEIVED' ELSE 'SENT' END AS direction
FROM invoice;
