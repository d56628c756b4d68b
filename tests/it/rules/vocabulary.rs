//! The closed vocabularies, and what a question of each action looks like.

/// The three modes of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `DEMO`
    Demo,
    /// `SHARED`
    Shared,
    /// `WHITELABEL`
    Whitelabel,
}

impl Mode {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Demo, Self::Shared, Self::Whitelabel];

    /// Its name in documents and questions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Demo => "DEMO",
            Self::Shared => "SHARED",
            Self::Whitelabel => "WHITELABEL",
        }
    }
}

/// The environment of an access point, or of the SMP that a participant is registered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// `TEST`
    Test,
    /// `PRODUCTION`
    Production,
}

impl Environment {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Test, Self::Production];

    /// Its name in documents and questions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "TEST",
            Self::Production => "PRODUCTION",
        }
    }
}

/// A user's role in an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// `orgadmin`
    OrgAdmin,
    /// `orgmember`
    OrgMember,
    /// `ApManager`
    ApManager,
    /// `ApUser`
    ApUser,
}

impl Role {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [
        Self::OrgAdmin,
        Self::OrgMember,
        Self::ApManager,
        Self::ApUser,
    ];

    /// Its name in documents and questions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OrgAdmin => "orgadmin",
            Self::OrgMember => "orgmember",
            Self::ApManager => "ApManager",
            Self::ApUser => "ApUser",
        }
    }
}

/// The type of a member of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An entity of this type.
    Entity(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// The four flags of a party authorization.
    Flags,
    /// True or false.
    Bool,
}

/// A member of the context of an action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Kind,
    /// True if a question may leave it out.
    pub(crate) optional: bool,
}

/// The parts of a question of an action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    /// Its id.
    pub(crate) name: &'static str,
    /// The type of its resource.
    pub(crate) resource: &'static str,
    /// True if a sub-account may ask it, besides a user.
    pub(crate) sub_account: bool,
    /// Its context.
    pub(crate) context: &'static [Member],
}

/// The names of the four flags.
pub(crate) const FLAGS: [&str; 4] = [
    "canSendDocument",
    "canReceiveDocument",
    "canRemoveDocument",
    "canManageHook",
];

const MODES: Kind = Kind::Word(&["DEMO", "SHARED", "WHITELABEL"]);
const USER: Member = member("user", Kind::Entity("User"));
const SUB_ACCOUNT: Member = member("subAccount", Kind::Entity("SubAccount"));
const ACCESS_POINT: Member = member("accessPoint", Kind::Entity("AccessPoint"));
const ENVIRONMENT: Member = member("environment", Kind::Word(&["TEST", "PRODUCTION"]));
const EMAIL: Member = member("email", Kind::Entity("EmailAddress"));
const MEMBER_ROLE: Member = member("memberRole", Kind::Word(&["orgadmin", "orgmember"]));

const fn member(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        optional: false,
    }
}

const fn optional(member: Member) -> Member {
    Member {
        optional: true,
        ..member
    }
}

const fn action(name: &'static str, resource: &'static str, context: &'static [Member]) -> Action {
    Action {
        name,
        resource,
        sub_account: false,
        context,
    }
}

const fn also_sub_account(action: Action) -> Action {
    Action {
        sub_account: true,
        ..action
    }
}

/// Every action.
pub(crate) const ACTIONS: [Action; 51] = [
    also_sub_account(action("createOrganisation", "Platform", &[])),
    action("getOrganisation", "Organisation", &[]),
    action("updateOrganisation", "Organisation", &[]),
    action(
        "requestModeChange",
        "Organisation",
        &[member("requestedMode", MODES)],
    ),
    action(
        "setOrganisationMode",
        "Organisation",
        &[member("mode", MODES)],
    ),
    action("rejectModeChange", "Organisation", &[]),
    action("listMembers", "Organisation", &[]),
    action("grantMembership", "Organisation", &[USER, MEMBER_ROLE]),
    action("changeMemberRole", "Organisation", &[USER, MEMBER_ROLE]),
    action("revokeMembership", "Organisation", &[USER]),
    action("leaveOrganisation", "Organisation", &[]),
    action("inviteMember", "Organisation", &[EMAIL, MEMBER_ROLE]),
    action("listInvitations", "Organisation", &[]),
    action("withdrawInvitation", "Invitation", &[]),
    action("acceptInvitation", "Invitation", &[]),
    action("grantApManager", "Organisation", &[USER]),
    action("revokeApManager", "Organisation", &[USER]),
    action("uploadCertificate", "Organisation", &[]),
    action("listCertificates", "Organisation", &[]),
    action("deleteCertificate", "Organisation", &[]),
    action("createAccessPoint", "Organisation", &[ENVIRONMENT]),
    action("getAccessPoint", "AccessPoint", &[]),
    action("updateAccessPoint", "AccessPoint", &[]),
    action("deleteAccessPoint", "AccessPoint", &[]),
    action(
        "createParticipant",
        "Organisation",
        &[
            ENVIRONMENT,
            member("participant", Kind::Entity("ParticipantIdentifier")),
            optional(ACCESS_POINT),
        ],
    ),
    action("listParticipants", "Organisation", &[]),
    action("getParticipant", "Participant", &[]),
    action(
        "updateParticipant",
        "Participant",
        &[optional(ACCESS_POINT)],
    ),
    action("deleteParticipant", "Participant", &[]),
    action("sendDocument", "Participant", &[ACCESS_POINT]),
    action("receiveDocument", "Participant", &[ACCESS_POINT]),
    action("removeDocument", "Participant", &[]),
    action("manageHook", "Participant", &[]),
    action("listUsers", "Organisation", &[]),
    action("putUser", "Organisation", &[optional(USER)]),
    action("deleteUser", "Organisation", &[USER]),
    action("listPartyAuthorizations", "Organisation", &[USER]),
    action(
        "putPartyAuthorization",
        "Participant",
        &[USER, member("permissions", Kind::Flags)],
    ),
    action("removePartyAuthorization", "Participant", &[USER]),
    also_sub_account(action("createLegalEntity", "Organisation", &[])),
    also_sub_account(action("listLegalEntities", "Organisation", &[])),
    also_sub_account(action("getLegalEntity", "LegalEntity", &[])),
    also_sub_account(action("updateLegalEntity", "LegalEntity", &[])),
    also_sub_account(action("deleteLegalEntity", "LegalEntity", &[])),
    also_sub_account(action("createSubAccount", "LegalEntity", &[EMAIL])),
    also_sub_account(action("listSubAccounts", "LegalEntity", &[])),
    action(
        "setFullAccess",
        "SubAccount",
        &[member("fullAccess", Kind::Bool)],
    ),
    also_sub_account(action("listDocuments", "Organisation", &[])),
    also_sub_account(action("addSubAccount", "LegalEntity", &[SUB_ACCOUNT])),
    also_sub_account(action("removeSubAccount", "LegalEntity", &[SUB_ACCOUNT])),
    also_sub_account(action("viewDocument", "Document", &[])),
];
