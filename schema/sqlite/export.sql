-- Gives the tenancy documents that import.sql would make the same tables of.
--
-- Below each line `-- document TYPE` stands one SELECT, which gives documents of
-- that type, without the member `type`, as JSON in one column: one a row, in the
-- order of their keys. A member that is null is left out where it may be. The
-- program holds each to schema/documents.cedarschema, and reads all of them in
-- one transaction. A row that no document can tell of is given as it is, with a
-- null that its type does not take: the program refuses it by its name.

-- document USER
SELECT json_object(
  'id', registered_user.id,
  'email', account.email,
  'emailVerified', json(iif(email_verified, 'true', 'false')),
  'superadmin', json(iif(superadmin, 'true', 'false'))
)
FROM registered_user
LEFT JOIN account ON account.user_id = registered_user.id
ORDER BY registered_user.id;

-- document ORGANISATION
SELECT json_object(
  'id', id,
  'legalIdentifierCode', legal_identifier_code,
  'legalIdentifier', legal_identifier,
  'organisationMode', mode,
  'modeChangeRequest', mode_change_request,
  'contacts', (
    SELECT json_group_array(json_object('contactType', contact.value))
    FROM json_each(organisation.contact_types) AS contact
  ),
  'participantLimit', participant_limit
)
FROM organisation
ORDER BY id;

-- document MEMBERSHIP
SELECT json_object('userId', user_id, 'organisationId', organisation_id, 'memberRole', member_role)
FROM membership
ORDER BY user_id, organisation_id, member_role;

-- document INVITATION
SELECT json_object('id', id, 'organisationId', organisation_id, 'email', email, 'memberRole', member_role)
FROM invitation
ORDER BY id;

-- document ACCESS_POINT
SELECT json_object('id', id, 'environment', environment, 'organisationId', organisation_id)
FROM access_point
ORDER BY id;

-- document PARTICIPANT
SELECT json_object('id', id, 'organisationId', organisation_id, 'environment', environment)
FROM participant
ORDER BY id;

-- document PARTY_AUTHORIZATION
SELECT json_object(
  'userId', user_id,
  'participantId', participant_id,
  'name', name,
  'permissions', json_object(
    'canSendDocument', json(iif(can_send_document, 'true', 'false')),
    'canReceiveDocument', json(iif(can_receive_document, 'true', 'false')),
    'canRemoveDocument', json(iif(can_remove_document, 'true', 'false')),
    'canManageHook', json(iif(can_manage_hook, 'true', 'false'))
  )
)
FROM party_authorization
ORDER BY participant_id, user_id;

-- document LEGAL_ENTITY
SELECT json_object('id', id, 'organisationId', organisation_id)
FROM legal_entity
ORDER BY id;

-- document SUB_ACCOUNT
SELECT json_object(
  'id', sub_account.id,
  'email', account.email,
  'organisationId', organisation_id,
  'fullAccess', json(iif(full_access, 'true', 'false')),
  'legalEntityIds', (
    SELECT json_group_array(legal_entity_id)
    FROM (
      SELECT legal_entity_id FROM sub_account_legal_entity
      WHERE sub_account_id = sub_account.id
      ORDER BY legal_entity_id
    )
  )
)
FROM sub_account
LEFT JOIN account ON account.sub_account_id = sub_account.id
ORDER BY sub_account.id;

-- document DOCUMENT
SELECT json_object('id', id, 'legalEntityId', legal_entity_id, 'direction', direction)
FROM document
ORDER BY id;
