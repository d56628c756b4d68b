-- Moves tenancy documents from `staged` into the base tables.
--
-- The program has made and filled, in the same transaction,
--   CREATE TEMP TABLE staged (kind, key, file, line, document, PRIMARY KEY (kind, key))
-- with documents that fit schema/documents.cedarschema, ids and e-mails in their
-- canonical spelling, optional members left out where they are null, and `key`
-- an array as json_array() writes it. Foreign keys are deferred: the program
-- looks for references to nothing afterwards.
--
-- A SELECT returns faults as (file, line, fault); any row aborts the import.
-- Every other statement writes what differs and nothing else, so that importing
-- the same documents again leaves the revision as it was. CROSS JOIN keeps the
-- staged side the outer one: a small import into a large store stays small.

-- === Uniqueness, of the state that this import leads to ===
--
-- What a staged document claims may be held neither by another staged one nor by
-- something in the store that stays as it is. What is staged itself does not
-- count as stored: it will hold what its own document claims, and no more.
--
-- The claims are sorted first: out of order, filling these tables costs double.

CREATE TEMP TABLE staged_account (
  email TEXT NOT NULL,
  file  INTEGER NOT NULL,
  line  INTEGER NOT NULL,
  kind  TEXT NOT NULL,
  id    TEXT NOT NULL,
  PRIMARY KEY (email, file, line, kind, id)
) WITHOUT ROWID;

INSERT INTO temp.staged_account (email, file, line, kind, id)
SELECT document ->> 'email', file, line, kind, document ->> 'id'
FROM staged
WHERE kind IN ('USER', 'SUB_ACCOUNT')
ORDER BY 1, 2, 3, 4, 5;

SELECT
  file,
  line,
  '`email` `' || email || '` is registered already, for ' || holder_kind || ' `' || holder_id || '`' AS fault
FROM (
  SELECT
    file, line, email,
    lag(kind) OVER earlier AS holder_kind,
    lag(id) OVER earlier AS holder_id
  FROM temp.staged_account
  WINDOW earlier AS (PARTITION BY email ORDER BY file, line, kind, id)
  UNION ALL
  SELECT
    claim.file, claim.line, claim.email,
    iif(held.user_id IS NULL, 'SUB_ACCOUNT', 'USER') AS holder_kind,
    coalesce(held.user_id, held.sub_account_id) AS holder_id
  FROM temp.staged_account AS claim
  CROSS JOIN account AS held ON held.email = claim.email
  WHERE (holder_kind, holder_id) IS NOT (claim.kind, claim.id)
    AND NOT EXISTS (SELECT 1 FROM staged WHERE kind = holder_kind AND key = json_array(holder_id))
)
WHERE holder_id IS NOT NULL
ORDER BY file, line
LIMIT 1;

CREATE TEMP TABLE staged_legal_identifier (
  code       TEXT NOT NULL,
  identifier TEXT NOT NULL,
  file       INTEGER NOT NULL,
  line       INTEGER NOT NULL,
  id         TEXT NOT NULL,
  PRIMARY KEY (code, identifier, file, line, id)
) WITHOUT ROWID;

INSERT INTO temp.staged_legal_identifier (code, identifier, file, line, id)
SELECT document ->> 'legalIdentifierCode', document ->> 'legalIdentifier', file, line, document ->> 'id'
FROM staged
WHERE kind = 'ORGANISATION'
ORDER BY 1, 2, 3, 4, 5;

SELECT
  file,
  line,
  '`legalIdentifier` `' || identifier || '` of `legalIdentifierCode` `' || code
    || '` is registered already, for ORGANISATION `' || holder_id || '`' AS fault
FROM (
  SELECT
    file, line, code, identifier,
    lag(id) OVER earlier AS holder_id
  FROM temp.staged_legal_identifier
  WINDOW earlier AS (PARTITION BY code, identifier ORDER BY file, line, id)
  UNION ALL
  SELECT claim.file, claim.line, claim.code, claim.identifier, held.id
  FROM temp.staged_legal_identifier AS claim
  CROSS JOIN organisation AS held
    ON held.legal_identifier_code = claim.code AND held.legal_identifier = claim.identifier
  WHERE held.id <> claim.id
    AND NOT EXISTS (SELECT 1 FROM staged WHERE kind = 'ORGANISATION' AND key = json_array(held.id))
)
WHERE holder_id IS NOT NULL
ORDER BY file, line
LIMIT 1;

-- === Users ===

INSERT INTO registered_user (id, email_verified, superadmin)
SELECT document ->> 'id', document ->> 'emailVerified', coalesce(document ->> 'superadmin', 0)
FROM staged
WHERE kind = 'USER'
ON CONFLICT (id) DO UPDATE SET
  email_verified = excluded.email_verified,
  superadmin = excluded.superadmin
WHERE (registered_user.email_verified, registered_user.superadmin)
  IS NOT (excluded.email_verified, excluded.superadmin);

-- === Organisations ===

-- Legal identifiers that change hands are let go first: two may be exchanged.
UPDATE organisation
SET legal_identifier_code = NULL, legal_identifier = NULL
WHERE id IN (
  SELECT held.id
  FROM temp.staged_legal_identifier AS claim
  CROSS JOIN organisation AS held
    ON held.legal_identifier_code = claim.code AND held.legal_identifier = claim.identifier
  WHERE held.id <> claim.id
);

INSERT INTO organisation (
  id, legal_identifier_code, legal_identifier, mode, mode_change_request, contact_types, participant_limit
)
SELECT
  document ->> 'id',
  document ->> 'legalIdentifierCode',
  document ->> 'legalIdentifier',
  document ->> 'organisationMode',
  document ->> 'modeChangeRequest',
  -- Sorted, so that the same contacts in another order are no change.
  (
    SELECT json_group_array(contact_type)
    FROM (
      SELECT DISTINCT contact.value ->> 'contactType' AS contact_type
      FROM json_each(staged.document, '$.contacts') AS contact
      ORDER BY contact_type
    )
  ),
  document ->> 'participantLimit'
FROM staged
WHERE kind = 'ORGANISATION'
ON CONFLICT (id) DO UPDATE SET
  legal_identifier_code = excluded.legal_identifier_code,
  legal_identifier = excluded.legal_identifier,
  mode = excluded.mode,
  mode_change_request = excluded.mode_change_request,
  contact_types = excluded.contact_types,
  participant_limit = excluded.participant_limit
WHERE (
  organisation.legal_identifier_code, organisation.legal_identifier, organisation.mode,
  organisation.mode_change_request, organisation.contact_types, organisation.participant_limit
) IS NOT (
  excluded.legal_identifier_code, excluded.legal_identifier, excluded.mode,
  excluded.mode_change_request, excluded.contact_types, excluded.participant_limit
);

-- A membership is its key: there is nothing to update.
INSERT INTO membership (user_id, organisation_id, member_role)
SELECT document ->> 'userId', document ->> 'organisationId', document ->> 'memberRole'
FROM staged
WHERE kind = 'MEMBERSHIP'
ON CONFLICT (user_id, organisation_id, member_role) DO NOTHING;

INSERT INTO invitation (id, organisation_id, email, member_role)
SELECT document ->> 'id', document ->> 'organisationId', document ->> 'email', document ->> 'memberRole'
FROM staged
WHERE kind = 'INVITATION'
ON CONFLICT (id) DO UPDATE SET
  organisation_id = excluded.organisation_id,
  email = excluded.email,
  member_role = excluded.member_role
WHERE (invitation.organisation_id, invitation.email, invitation.member_role)
  IS NOT (excluded.organisation_id, excluded.email, excluded.member_role);

-- === Access Points and participants ===

INSERT INTO access_point (id, environment, organisation_id)
SELECT document ->> 'id', document ->> 'environment', document ->> 'organisationId'
FROM staged
WHERE kind = 'ACCESS_POINT'
ON CONFLICT (id) DO UPDATE SET
  environment = excluded.environment,
  organisation_id = excluded.organisation_id
WHERE (access_point.environment, access_point.organisation_id)
  IS NOT (excluded.environment, excluded.organisation_id);

INSERT INTO participant (id, organisation_id, environment)
SELECT document ->> 'id', document ->> 'organisationId', document ->> 'environment'
FROM staged
WHERE kind = 'PARTICIPANT'
ON CONFLICT (id) DO UPDATE SET
  organisation_id = excluded.organisation_id,
  environment = excluded.environment
WHERE (participant.organisation_id, participant.environment)
  IS NOT (excluded.organisation_id, excluded.environment);

INSERT INTO party_authorization (
  participant_id, user_id, name,
  can_send_document, can_receive_document, can_remove_document, can_manage_hook
)
SELECT
  document ->> 'participantId',
  document ->> 'userId',
  document ->> 'name',
  document ->> '$.permissions.canSendDocument',
  document ->> '$.permissions.canReceiveDocument',
  document ->> '$.permissions.canRemoveDocument',
  document ->> '$.permissions.canManageHook'
FROM staged
WHERE kind = 'PARTY_AUTHORIZATION'
ON CONFLICT (participant_id, user_id) DO UPDATE SET
  name = excluded.name,
  can_send_document = excluded.can_send_document,
  can_receive_document = excluded.can_receive_document,
  can_remove_document = excluded.can_remove_document,
  can_manage_hook = excluded.can_manage_hook
WHERE (
  party_authorization.name, party_authorization.can_send_document, party_authorization.can_receive_document,
  party_authorization.can_remove_document, party_authorization.can_manage_hook
) IS NOT (
  excluded.name, excluded.can_send_document, excluded.can_receive_document,
  excluded.can_remove_document, excluded.can_manage_hook
);

-- === Legal entities, sub-accounts and documents ===

INSERT INTO legal_entity (id, organisation_id)
SELECT document ->> 'id', document ->> 'organisationId'
FROM staged
WHERE kind = 'LEGAL_ENTITY'
ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id
WHERE legal_entity.organisation_id IS NOT excluded.organisation_id;

INSERT INTO sub_account (id, organisation_id, full_access)
SELECT document ->> 'id', document ->> 'organisationId', coalesce(document ->> 'fullAccess', 0)
FROM staged
WHERE kind = 'SUB_ACCOUNT'
ON CONFLICT (id) DO UPDATE SET
  organisation_id = excluded.organisation_id,
  full_access = excluded.full_access
WHERE (sub_account.organisation_id, sub_account.full_access)
  IS NOT (excluded.organisation_id, excluded.full_access);

-- A sub-account's document names all of its legal entities.
CREATE TEMP TABLE staged_legal_entity (
  sub_account_id  TEXT NOT NULL,
  legal_entity_id TEXT NOT NULL,
  PRIMARY KEY (sub_account_id, legal_entity_id)
) WITHOUT ROWID;

INSERT INTO temp.staged_legal_entity (sub_account_id, legal_entity_id)
SELECT staged.document ->> 'id', named.value
FROM staged
CROSS JOIN json_each(staged.document, '$.legalEntityIds') AS named
WHERE staged.kind = 'SUB_ACCOUNT'
ON CONFLICT (sub_account_id, legal_entity_id) DO NOTHING;

DELETE FROM sub_account_legal_entity
WHERE sub_account_id IN (SELECT document ->> 'id' FROM staged WHERE kind = 'SUB_ACCOUNT')
  AND NOT EXISTS (
    SELECT 1 FROM temp.staged_legal_entity AS named
    WHERE named.sub_account_id = sub_account_legal_entity.sub_account_id
      AND named.legal_entity_id = sub_account_legal_entity.legal_entity_id
  );

INSERT INTO sub_account_legal_entity (sub_account_id, legal_entity_id)
SELECT sub_account_id, legal_entity_id
FROM temp.staged_legal_entity
WHERE true
ON CONFLICT (sub_account_id, legal_entity_id) DO NOTHING;

INSERT INTO document (id, legal_entity_id, direction)
SELECT document ->> 'id', document ->> 'legalEntityId', document ->> 'direction'
FROM staged
WHERE kind = 'DOCUMENT'
ON CONFLICT (id) DO UPDATE SET
  legal_entity_id = excluded.legal_entity_id,
  direction = excluded.direction
WHERE (document.legal_entity_id, document.direction)
  IS NOT (excluded.legal_entity_id, excluded.direction);

-- === E-mails ===

-- Those that change hands are let go first: two may be exchanged.
DELETE FROM account
WHERE email IN (
  SELECT claim.email
  FROM temp.staged_account AS claim
  CROSS JOIN account AS held ON held.email = claim.email
  WHERE coalesce(held.user_id, held.sub_account_id) <> claim.id
    OR iif(held.user_id IS NULL, 'SUB_ACCOUNT', 'USER') <> claim.kind
);

INSERT INTO account (email, user_id, sub_account_id)
SELECT email, iif(kind = 'USER', id, NULL), iif(kind = 'SUB_ACCOUNT', id, NULL)
FROM temp.staged_account
WHERE true
ON CONFLICT (user_id) WHERE user_id IS NOT NULL DO UPDATE SET email = excluded.email
  WHERE account.email <> excluded.email
ON CONFLICT (sub_account_id) WHERE sub_account_id IS NOT NULL DO UPDATE SET email = excluded.email
  WHERE account.email <> excluded.email;

-- === Done ===

DROP TABLE temp.staged_legal_entity;
DROP TABLE temp.staged_legal_identifier;
DROP TABLE temp.staged_account;
