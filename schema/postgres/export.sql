-- Gives the tenancy documents that import.sql would make the same tables of.
--
-- Below each line `-- document TYPE` stands one SELECT, which gives documents of
-- that type, without the member `type`, as JSON in one column of text: one a row,
-- in the order of their keys. A member that is null is left out where it may be.
-- The program holds each to schema/documents.cedarschema, and reads all of them in
-- one transaction. A row that no document can tell of is given as it is, with a
-- null that its type does not take: the program refuses it by its name.

-- document USER
SELECT json_build_object(
  'id', registered_user.id,
  'email', account.email,
  'emailVerified', email_verified,
  'superadmin', superadmin
)::text
FROM registered_user
LEFT JOIN account ON account.user_id = registered_user.id
ORDER BY registered_user.id;

-- document ORGANISATION
SELECT json_build_object(
  'id', id,
  'legalIdentifierCode', legal_identifier_code,
  'legalIdentifier', legal_identifier,
  'organisationMode', mode,
  'modeChangeRequest', mode_change_request,
  'contacts', (
    SELECT coalesce(json_agg(json_build_object('contactType', contact)), '[]')
    FROM unnest(contact_types) AS contact
  ),
  'participantLimit', participant_limit
)::text
FROM organisation
ORDER BY id;

-- document MEMBERSHIP
SELECT json_build_object('userId', user_id, 'organisationId', organisation_id, 'memberRole', member_role)::text
FROM membership
ORDER BY user_id, organisation_id, member_role;

-- document INVITATION
SELECT json_build_object(
  'id', id, 'organisationId', organisation_id, 'email', email, 'memberRole', member_role
)::text
FROM invitation
ORDER BY id;

-- document ACCESS_POINT
SELECT json_build_object('id', id, 'environment', environment, 'organisationId', organisation_id)::text
FROM access_point
ORDER BY id;

-- document PARTICIPANT
SELECT json_build_object('id', id, 'organisationId', organisation_id, 'environment', environment)::text
FROM participant
ORDER BY id;

-- document PARTY_AUTHORIZATION
SELECT json_build_object(
  'userId', user_id,
  'participantId', participant_id,
  'name', name,
  'permissions', json_build_object(
    'canSendDocument', can_send_document,
    'canReceiveDocument', can_receive_document,
    'canRemoveDocument', can_remove_document,
    'canManageHook', can_manage_hook
  )
)::text
FROM party_authorization
ORDER BY participant_id, user_id;

-- document LEGAL_ENTITY
SELECT json_build_object('id', id, 'organisationId', organisation_id)::text
FROM legal_entity
ORDER BY id;

-- document SUB_ACCOUNT
SELECT json_build_object(
  'id', sub_account.id,
  'email', account.email,
  'organisationId', organisation_id,
  'fullAccess', full_access,
  'legalEntityIds', (
    SELECT coalesce(json_agg(legal_entity_id ORDER BY legal_entity_id), '[]')
    FROM sub_account_legal_entity
    WHERE sub_account_id = sub_account.id
  )
)::text
FROM sub_account
LEFT JOIN account ON account.sub_account_id = sub_account.id
ORDER BY sub_account.id;

-- document DOCUMENT
SELECT json_build_object('id', id, 'legalEntityId', legal_entity_id, 'direction', direction)::text
FROM document
ORDER BY id;
