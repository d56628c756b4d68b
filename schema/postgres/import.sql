-- Moves tenancy documents from `staged` into the base tables.
--
-- The program has made, filled and analysed, in the same transaction,
--   CREATE TEMP TABLE staged (kind, key, file, line, document jsonb, PRIMARY KEY (kind, key))
-- with documents that fit schema/documents.cedarschema, ids and e-mails in their
-- canonical spelling and optional members left out where they are null, the last
-- one of each key. Constraints are deferred: the program looks for references to
-- nothing afterwards.
--
-- A SELECT returns faults as (file, line, fault); any row aborts the import.
-- Every other statement writes what differs and nothing else, so that importing
-- the same documents again writes no change record. The program runs statement by
-- statement, and takes a semicolon that ends a line for the end of one.

-- === Uniqueness, of the state that this import leads to ===
--
-- What a staged document claims may be held neither by another staged one nor by
-- something in the store that stays as it is. What is staged itself does not
-- count as stored: it will hold what its own document claims, and no more.

CREATE TEMP TABLE staged_account (
  email text COLLATE "C" NOT NULL,
  file  bigint NOT NULL,
  line  bigint NOT NULL,
  kind  text COLLATE "C" NOT NULL,
  id    text COLLATE "C" NOT NULL
) ON COMMIT DROP;

INSERT INTO staged_account (email, file, line, kind, id)
SELECT document ->> 'email', file, line, kind, document ->> 'id'
FROM staged
WHERE kind IN ('USER', 'SUB_ACCOUNT');

CREATE INDEX ON staged_account (kind, id);
ANALYZE staged_account;

SELECT
  file,
  line,
  '`email` `' || email || '` is registered already, for ' || holder_kind || ' `' || holder_id || '`' AS fault
FROM (
  SELECT
    file, line, email,
    lag(kind) OVER earlier AS holder_kind,
    lag(id) OVER earlier AS holder_id
  FROM staged_account
  WINDOW earlier AS (PARTITION BY email ORDER BY file, line, kind, id)
  UNION ALL
  SELECT claim.file, claim.line, claim.email, holder.kind, holder.id
  FROM staged_account AS claim
  JOIN account AS held ON held.email = claim.email
  CROSS JOIN LATERAL (
    SELECT
      CASE WHEN held.user_id IS NULL THEN 'SUB_ACCOUNT' ELSE 'USER' END AS kind,
      coalesce(held.user_id, held.sub_account_id) AS id
  ) AS holder
  WHERE (holder.kind, holder.id) IS DISTINCT FROM (claim.kind, claim.id)
    AND NOT EXISTS (
      SELECT FROM staged_account AS leaving WHERE leaving.kind = holder.kind AND leaving.id = holder.id
    )
) AS claimed
WHERE holder_id IS NOT NULL
ORDER BY file, line
LIMIT 1;

CREATE TEMP TABLE staged_legal_identifier (
  code       text COLLATE "C" NOT NULL,
  identifier text COLLATE "C" NOT NULL,
  file       bigint NOT NULL,
  line       bigint NOT NULL,
  id         text COLLATE "C" NOT NULL
) ON COMMIT DROP;

INSERT INTO staged_legal_identifier (code, identifier, file, line, id)
SELECT document ->> 'legalIdentifierCode', document ->> 'legalIdentifier', file, line, document ->> 'id'
FROM staged
WHERE kind = 'ORGANISATION';

CREATE INDEX ON staged_legal_identifier (id);
ANALYZE staged_legal_identifier;

SELECT
  file,
  line,
  '`legalIdentifier` `' || identifier || '` of `legalIdentifierCode` `' || code
    || '` is registered already, for ORGANISATION `' || holder_id || '`' AS fault
FROM (
  SELECT
    file, line, code, identifier,
    lag(id) OVER earlier AS holder_id
  FROM staged_legal_identifier
  WINDOW earlier AS (PARTITION BY code, identifier ORDER BY file, line, id)
  UNION ALL
  SELECT claim.file, claim.line, claim.code, claim.identifier, held.id
  FROM staged_legal_identifier AS claim
  JOIN organisation AS held
    ON held.legal_identifier_code = claim.code AND held.legal_identifier = claim.identifier
  WHERE held.id <> claim.id
    AND NOT EXISTS (SELECT FROM staged_legal_identifier AS leaving WHERE leaving.id = held.id)
) AS claimed
WHERE holder_id IS NOT NULL
ORDER BY file, line
LIMIT 1;

-- === Users ===

INSERT INTO registered_user AS held (id, email_verified, superadmin)
SELECT document ->> 'id', (document ->> 'emailVerified')::boolean, coalesce((document ->> 'superadmin')::boolean, false)
FROM staged
WHERE kind = 'USER'
ON CONFLICT (id) DO UPDATE SET
  email_verified = excluded.email_verified,
  superadmin = excluded.superadmin
WHERE (held.email_verified, held.superadmin)
  IS DISTINCT FROM (excluded.email_verified, excluded.superadmin);

-- === Organisations ===

INSERT INTO organisation AS held (
  id, legal_identifier_code, legal_identifier, mode, mode_change_request, contact_types, participant_limit
)
SELECT
  document ->> 'id',
  document ->> 'legalIdentifierCode',
  document ->> 'legalIdentifier',
  document ->> 'organisationMode',
  document ->> 'modeChangeRequest',
  -- Sorted, so that the same contacts in another order are no change.
  ARRAY(
    SELECT DISTINCT (contact ->> 'contactType') COLLATE "C" AS contact_type
    FROM jsonb_array_elements(document -> 'contacts') AS contact
    ORDER BY contact_type
  ),
  (document ->> 'participantLimit')::bigint
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
  held.legal_identifier_code, held.legal_identifier, held.mode,
  held.mode_change_request, held.contact_types, held.participant_limit
) IS DISTINCT FROM (
  excluded.legal_identifier_code, excluded.legal_identifier, excluded.mode,
  excluded.mode_change_request, excluded.contact_types, excluded.participant_limit
);

-- A membership is its key: there is nothing to update.
INSERT INTO membership (user_id, organisation_id, member_role)
SELECT document ->> 'userId', document ->> 'organisationId', document ->> 'memberRole'
FROM staged
WHERE kind = 'MEMBERSHIP'
ON CONFLICT (user_id, organisation_id, member_role) DO NOTHING;

INSERT INTO invitation AS held (id, organisation_id, email, member_role)
SELECT document ->> 'id', document ->> 'organisationId', document ->> 'email', document ->> 'memberRole'
FROM staged
WHERE kind = 'INVITATION'
ON CONFLICT (id) DO UPDATE SET
  organisation_id = excluded.organisation_id,
  email = excluded.email,
  member_role = excluded.member_role
WHERE (held.organisation_id, held.email, held.member_role)
  IS DISTINCT FROM (excluded.organisation_id, excluded.email, excluded.member_role);

-- === Access Points and participants ===

INSERT INTO access_point AS held (id, environment, organisation_id)
SELECT document ->> 'id', document ->> 'environment', document ->> 'organisationId'
FROM staged
WHERE kind = 'ACCESS_POINT'
ON CONFLICT (id) DO UPDATE SET
  environment = excluded.environment,
  organisation_id = excluded.organisation_id
WHERE (held.environment, held.organisation_id)
  IS DISTINCT FROM (excluded.environment, excluded.organisation_id);

INSERT INTO participant AS held (id, organisation_id, environment)
SELECT document ->> 'id', document ->> 'organisationId', document ->> 'environment'
FROM staged
WHERE kind = 'PARTICIPANT'
ON CONFLICT (id) DO UPDATE SET
  organisation_id = excluded.organisation_id,
  environment = excluded.environment
WHERE (held.organisation_id, held.environment)
  IS DISTINCT FROM (excluded.organisation_id, excluded.environment);

INSERT INTO party_authorization AS held (
  participant_id, user_id, name,
  can_send_document, can_receive_document, can_remove_document, can_manage_hook
)
SELECT
  document ->> 'participantId',
  document ->> 'userId',
  document ->> 'name',
  (document #>> '{permissions,canSendDocument}')::boolean,
  (document #>> '{permissions,canReceiveDocument}')::boolean,
  (document #>> '{permissions,canRemoveDocument}')::boolean,
  (document #>> '{permissions,canManageHook}')::boolean
FROM staged
WHERE kind = 'PARTY_AUTHORIZATION'
ON CONFLICT (participant_id, user_id) DO UPDATE SET
  name = excluded.name,
  can_send_document = excluded.can_send_document,
  can_receive_document = excluded.can_receive_document,
  can_remove_document = excluded.can_remove_document,
  can_manage_hook = excluded.can_manage_hook
WHERE (
  held.name, held.can_send_document, held.can_receive_document,
  held.can_remove_document, held.can_manage_hook
) IS DISTINCT FROM (
  excluded.name, excluded.can_send_document, excluded.can_receive_document,
  excluded.can_remove_document, excluded.can_manage_hook
);

-- === Legal entities, sub-accounts and documents ===

INSERT INTO legal_entity AS held (id, organisation_id)
SELECT document ->> 'id', document ->> 'organisationId'
FROM staged
WHERE kind = 'LEGAL_ENTITY'
ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id
WHERE held.organisation_id <> excluded.organisation_id;

INSERT INTO sub_account AS held (id, organisation_id, full_access)
SELECT document ->> 'id', document ->> 'organisationId', coalesce((document ->> 'fullAccess')::boolean, false)
FROM staged
WHERE kind = 'SUB_ACCOUNT'
ON CONFLICT (id) DO UPDATE SET
  organisation_id = excluded.organisation_id,
  full_access = excluded.full_access
WHERE (held.organisation_id, held.full_access)
  IS DISTINCT FROM (excluded.organisation_id, excluded.full_access);

-- A sub-account's document names all of its legal entities.
CREATE TEMP TABLE staged_legal_entity (
  sub_account_id  text COLLATE "C" NOT NULL,
  legal_entity_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (sub_account_id, legal_entity_id)
) ON COMMIT DROP;

INSERT INTO staged_legal_entity (sub_account_id, legal_entity_id)
SELECT DISTINCT document ->> 'id', named
FROM staged
CROSS JOIN LATERAL jsonb_array_elements_text(document -> 'legalEntityIds') AS named
WHERE kind = 'SUB_ACCOUNT';

ANALYZE staged_legal_entity;

DELETE FROM sub_account_legal_entity AS held
USING staged_account AS claim
WHERE claim.kind = 'SUB_ACCOUNT'
  AND held.sub_account_id = claim.id
  AND NOT EXISTS (
    SELECT FROM staged_legal_entity AS named
    WHERE named.sub_account_id = held.sub_account_id AND named.legal_entity_id = held.legal_entity_id
  );

INSERT INTO sub_account_legal_entity (sub_account_id, legal_entity_id)
SELECT sub_account_id, legal_entity_id
FROM staged_legal_entity
ON CONFLICT (sub_account_id, legal_entity_id) DO NOTHING;

INSERT INTO document AS held (id, legal_entity_id, direction)
SELECT document ->> 'id', document ->> 'legalEntityId', document ->> 'direction'
FROM staged
WHERE kind = 'DOCUMENT'
ON CONFLICT (id) DO UPDATE SET
  legal_entity_id = excluded.legal_entity_id,
  direction = excluded.direction
WHERE (held.legal_entity_id, held.direction)
  IS DISTINCT FROM (excluded.legal_entity_id, excluded.direction);

-- === E-mails ===

-- Those that change hands are let go first: two may be exchanged.
DELETE FROM account AS held
USING staged_account AS claim
WHERE held.email = claim.email
  AND (held.user_id, held.sub_account_id) IS DISTINCT FROM (
    CASE claim.kind WHEN 'USER' THEN claim.id END,
    CASE claim.kind WHEN 'SUB_ACCOUNT' THEN claim.id END
  );

INSERT INTO account AS held (email, user_id)
SELECT email, id
FROM staged_account
WHERE kind = 'USER'
ON CONFLICT (user_id) WHERE user_id IS NOT NULL DO UPDATE SET email = excluded.email
WHERE held.email <> excluded.email;

INSERT INTO account AS held (email, sub_account_id)
SELECT email, id
FROM staged_account
WHERE kind = 'SUB_ACCOUNT'
ON CONFLICT (sub_account_id) WHERE sub_account_id IS NOT NULL DO UPDATE SET email = excluded.email
WHERE held.email <> excluded.email;

-- === Done ===

DROP TABLE staged_legal_entity, staged_legal_identifier, staged_account;
