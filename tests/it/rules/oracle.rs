//! The rules, written down a second time: one function a rule, with the rule's id in its name.
//! A rule with a code says when it forbids, a rule without one says when it permits.

use std::collections::BTreeSet;

use super::case::Case;
use super::question::{Question, action_of};
use super::tenancy::{Flags, Tenancy};
use super::vocabulary::{Environment, Kind, Mode, Role};

/// The answer that a question must get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// True if it is allowed.
    pub(crate) allow: bool,
    /// The codes of a denial.
    pub(crate) codes: BTreeSet<&'static str>,
    /// The ids of the rules of a denial.
    pub(crate) rules: BTreeSet<&'static str>,
    /// The obligations of a permit.
    pub(crate) obligations: BTreeSet<&'static str>,
}

type Forbids = (&'static str, &'static str, fn(&Case<'_>) -> bool);

const FORBIDS: [Forbids; 19] = [
    ("USR-1", "EMAIL_NOT_VERIFIED", usr_1_email_not_verified),
    ("MEM-1", "LAST_ORGADMIN", mem_1_last_orgadmin),
    ("MOD-1", "DEMO_NO_CERTIFICATES", mod_1_demo_certificate),
    ("MOD-2", "DEMO_NO_ACCESS_POINTS", mod_2_demo_access_point),
    ("MOD-3", "DEMO_NO_PRODUCTION", mod_3_demo_production),
    ("MOD-4", "DEMO_PARTICIPANT_LIMIT", mod_4_demo_limit),
    (
        "MOD-5",
        "WHITELABEL_NO_PLATFORM_PRODUCTION",
        mod_5_whitelabel_platform_production,
    ),
    ("MOD-8", "FOREIGN_ACCESS_POINT", mod_8_foreign_access_point),
    ("MCH-1", "INVALID_MODE_TRANSITION", mch_1_invalid_transition),
    ("MCH-2", "AT-1120", mch_2_no_business_contact),
    ("PTY-1", "NOT_YOUR_AP_USER", pty_1_not_your_ap_user),
    ("PTY-3", "NOT_YOUR_AP_USER", pty_3_not_your_ap_user),
    ("PTY-7", "LAST_AP_USER", pty_7_last_ap_user),
    ("PTY-8", "USER_HAS_OTHER_ROLES", pty_8_other_roles),
    ("PTY-9", "NOT_A_MEMBER", pty_9_not_a_member),
    ("PAR-1", "PARTICIPANT_TAKEN", par_1_participant_taken),
    (
        "SUB-2",
        "SUB_ACCOUNT_MANAGES_NOTHING",
        sub_2_sub_account_manages,
    ),
    ("SUB-5", "FOREIGN_SUB_ACCOUNT", sub_5_foreign_sub_account),
    ("SUB-6", "EMAIL_ALREADY_REGISTERED", sub_6_email_registered),
];

const PERMITS: [fn(&Case<'_>) -> bool; 22] = [
    usr_2_create_organisation,
    usr_3_orgadmin,
    usr_5_member,
    usr_6_superadmin,
    mem_2_orgadmin_invites,
    mem_2_invited_accepts,
    mem_3_leaves,
    mch_3_orgadmin_requests,
    mch_3_superadmin_sets,
    mch_4_superadmin_rejects,
    pty_1_manager_of_users,
    pty_2_manager_of_participants,
    pty_3_manager_of_authorizations,
    pty_4_ap_user,
    pty_9_orgadmin_appoints,
    sub_1_orgadmin_of_legal_entities,
    sub_3_associated,
    sub_4_full_access,
    sub_5_orgadmin_of_sub_accounts,
    sub_8_orgadmin_lists,
    sub_9_superadmin_sets,
    doc_1_lists,
];

/// The answer to a well-formed question about this tenancy.
pub(crate) fn answer(tenancy: &Tenancy, question: &Question) -> Expected {
    let unknown = gen_1_unknown(tenancy, question);
    if !unknown.is_empty() {
        return denial(unknown);
    }
    let case = Case::new(tenancy, question);
    let forbidding = FORBIDS.iter().filter(|(_, _, forbids)| forbids(&case));
    let forbidding: Vec<_> = forbidding.map(|(rule, code, _)| (*rule, *code)).collect();
    if !forbidding.is_empty() {
        return denial(forbidding);
    }
    if !PERMITS.iter().any(|permits| permits(&case)) {
        return denial(vec![("GEN-3", "NOT_PERMITTED")]);
    }
    Expected {
        allow: true,
        obligations: obligations(&case).into_iter().collect(),
        ..Expected::default()
    }
}

fn denial(forbidding: Vec<(&'static str, &'static str)>) -> Expected {
    let (rules, codes) = forbidding.into_iter().unzip();
    Expected {
        rules,
        codes,
        ..Expected::default()
    }
}

/// The obligation of a permit of USR-2, MEM-2, MCH-3, MCH-4 and DOC-1.
fn obligations(case: &Case<'_>) -> Option<&'static str> {
    match case.action {
        "createOrganisation" => Some("GRANT_ORGADMIN"),
        "acceptInvitation" => Some("GRANT_MEMBERSHIP"),
        "listDocuments" => Some("FILTER_DOCUMENTS"),
        "setOrganisationMode" | "rejectModeChange" => Some("CLEAR_MODE_CHANGE_REQUEST"),
        _ => None,
    }
}

fn gen_1_unknown(tenancy: &Tenancy, question: &Question) -> Vec<(&'static str, &'static str)> {
    let holds = |kind: &str, id: &str| match kind {
        "Platform" => id == "platform",
        "Participant" => tenancy.participant(id).is_some(),
        "EmailAddress" | "ParticipantIdentifier" => true,
        kind => tenancy.ids(kind).contains(&id),
    };
    let members = action_of(question.action).map_or([].as_slice(), |action| action.context);
    let unknown_member = members.iter().any(|member| {
        let id = question.context.get(member.name).and_then(|it| it.as_str());
        matches!((member.kind, id), (Kind::Entity(kind), Some(id)) if !holds(kind, id))
    });
    let mut unknown = Vec::new();
    if !holds(question.principal.0, &question.principal.1) {
        unknown.push(("GEN-1", "UNKNOWN_PRINCIPAL"));
    }
    if !holds(question.resource.0, &question.resource.1) {
        unknown.push(("GEN-1", "UNKNOWN_RESOURCE"));
    }
    if unknown_member {
        unknown.push(("GEN-1", "UNKNOWN_ENTITY"));
    }
    unknown
}

fn usr_1_email_not_verified(case: &Case<'_>) -> bool {
    case.user.is_some_and(|user| !user.verified)
}

fn usr_2_create_organisation(case: &Case<'_>) -> bool {
    case.is(&["createOrganisation"]) && case.user.is_some()
}

fn usr_3_orgadmin(case: &Case<'_>) -> bool {
    let reads = case.is(&["getOrganisation", "updateOrganisation", "listMembers"]);
    let members = case.is(&["grantMembership", "changeMemberRole", "revokeMembership"]);
    (reads || members) && case.asker_is(Role::OrgAdmin)
}

fn usr_5_member(case: &Case<'_>) -> bool {
    let certificates = case.is(&["uploadCertificate", "listCertificates", "deleteCertificate"]);
    let access_points = case.is(&[
        "createAccessPoint",
        "getAccessPoint",
        "updateAccessPoint",
        "deleteAccessPoint",
    ]);
    let operation = certificates
        || access_points
        || manages_participants(case)
        || case.sends_or_receives()
        || case.is(&["viewDocument"]);
    operation && (case.asker_is(Role::OrgAdmin) || case.asker_is(Role::OrgMember))
}

fn manages_participants(case: &Case<'_>) -> bool {
    case.is(&[
        "createParticipant",
        "listParticipants",
        "getParticipant",
        "updateParticipant",
        "deleteParticipant",
    ])
}

fn usr_6_superadmin(case: &Case<'_>) -> bool {
    case.is(&["getOrganisation", "updateOrganisation"]) && case.asker_is_superadmin()
}

fn mem_1_last_orgadmin(case: &Case<'_>) -> bool {
    let ends = match case.action {
        "revokeMembership" => case.about_user,
        "leaveOrganisation" => case.user,
        "changeMemberRole" if case.word("memberRole") == Some("orgmember") => case.about_user,
        _ => return false,
    };
    let (Some(user), Some(it)) = (ends, case.organisation) else {
        return false;
    };
    case.tenancy.orgadmins_of(&it.id) == [user.id.as_str()]
}

fn mem_2_orgadmin_invites(case: &Case<'_>) -> bool {
    let invites = case.is(&["inviteMember", "listInvitations", "withdrawInvitation"]);
    invites && case.asker_is(Role::OrgAdmin)
}

fn mem_2_invited_accepts(case: &Case<'_>) -> bool {
    let (Some(user), Some(invitation)) = (case.user, case.invitation) else {
        return false;
    };
    case.is(&["acceptInvitation"]) && user.email == invitation.email
}

fn mem_3_leaves(case: &Case<'_>) -> bool {
    let any_role = Role::ALL.iter().any(|role| case.asker_is(*role));
    case.is(&["leaveOrganisation"]) && any_role
}

fn mod_1_demo_certificate(case: &Case<'_>) -> bool {
    case.organisation_is(Mode::Demo) && case.is(&["uploadCertificate"])
}

fn mod_2_demo_access_point(case: &Case<'_>) -> bool {
    let writes = case.is(&[
        "createAccessPoint",
        "updateAccessPoint",
        "deleteAccessPoint",
    ]);
    case.organisation_is(Mode::Demo) && writes
}

fn mod_3_demo_production(case: &Case<'_>) -> bool {
    let registered = case.participant.map(|it| it.environment);
    let in_production = match case.action {
        "createParticipant" => {
            case.word("environment") == Some("PRODUCTION") || case.through_production()
        }
        "updateParticipant" => {
            registered == Some(Environment::Production) || case.through_production()
        }
        "deleteParticipant" => registered == Some(Environment::Production),
        "sendDocument" | "receiveDocument" => case.through_production(),
        _ => false,
    };
    case.organisation_is(Mode::Demo) && in_production
}

fn mod_4_demo_limit(case: &Case<'_>) -> bool {
    let full = case.organisation.is_some_and(|it| {
        let held = case.tenancy.participants_of(&it.id).len();
        held >= it.limit.unwrap_or(10)
    });
    case.organisation_is(Mode::Demo) && case.is(&["createParticipant"]) && full
}

fn mod_5_whitelabel_platform_production(case: &Case<'_>) -> bool {
    let platform_runs_it = case.through.is_some_and(|it| it.organisation.is_none());
    case.organisation_is(Mode::Whitelabel)
        && (case.sends_or_receives() || case.registers())
        && platform_runs_it
        && case.through_production()
}

fn mod_8_foreign_access_point(case: &Case<'_>) -> bool {
    let runs_it = case.through.and_then(|it| it.organisation.as_deref());
    let own = case.organisation.map(|it| it.id.as_str());
    let uses_it = case.sends_or_receives() || case.registers();
    uses_it && runs_it.is_some() && runs_it != own
}

fn mch_1_invalid_transition(case: &Case<'_>) -> bool {
    let wanted = match case.action {
        "requestModeChange" => case.word("requestedMode"),
        "setOrganisationMode" => case.word("mode"),
        _ => return false,
    };
    let now = case.organisation.map(|it| it.mode);
    !matches!(
        (now, wanted),
        (Some(Mode::Demo), Some("SHARED" | "WHITELABEL"))
            | (Some(Mode::Whitelabel), Some("SHARED"))
    )
}

fn mch_2_no_business_contact(case: &Case<'_>) -> bool {
    let business = case
        .organisation
        .is_some_and(|it| it.contacts.contains(&"BUSINESS"));
    case.is(&["requestModeChange"]) && !business
}

fn mch_3_orgadmin_requests(case: &Case<'_>) -> bool {
    case.is(&["requestModeChange"]) && case.asker_is(Role::OrgAdmin)
}

fn mch_3_superadmin_sets(case: &Case<'_>) -> bool {
    case.is(&["setOrganisationMode"]) && case.asker_is_superadmin()
}

fn mch_4_superadmin_rejects(case: &Case<'_>) -> bool {
    case.is(&["rejectModeChange"]) && case.asker_is_superadmin()
}

fn pty_1_manager_of_users(case: &Case<'_>) -> bool {
    case.is(&["listUsers", "putUser", "deleteUser"]) && case.asker_is(Role::ApManager)
}

fn pty_1_not_your_ap_user(case: &Case<'_>) -> bool {
    case.is(&["putUser", "deleteUser"]) && about_no_ap_user(case)
}

fn about_no_ap_user(case: &Case<'_>) -> bool {
    case.about_user.is_some() && !case.holds(case.about_user, Role::ApUser)
}

fn pty_2_manager_of_participants(case: &Case<'_>) -> bool {
    manages_participants(case) && case.asker_is(Role::ApManager)
}

fn handles_authorizations(case: &Case<'_>) -> bool {
    case.is(&[
        "listPartyAuthorizations",
        "putPartyAuthorization",
        "removePartyAuthorization",
    ])
}

fn pty_3_manager_of_authorizations(case: &Case<'_>) -> bool {
    handles_authorizations(case) && case.asker_is(Role::ApManager)
}

fn pty_3_not_your_ap_user(case: &Case<'_>) -> bool {
    handles_authorizations(case) && about_no_ap_user(case)
}

fn pty_4_ap_user(case: &Case<'_>) -> bool {
    let flag: fn(&Flags) -> bool = match case.action {
        "sendDocument" => |flags| flags.send,
        "receiveDocument" => |flags| flags.receive,
        "removeDocument" => |flags| flags.remove,
        "manageHook" => |flags| flags.hook,
        _ => return false,
    };
    let (Some(user), Some(party)) = (case.user, case.participant) else {
        return false;
    };
    let key = (user.id.clone(), party.id.clone());
    let authorization = case.tenancy.authorizations.get(&key);
    case.asker_is(Role::ApUser) && authorization.is_some_and(flag)
}

fn pty_7_last_ap_user(case: &Case<'_>) -> bool {
    let parties = match (case.action, case.participant, case.organisation) {
        ("removePartyAuthorization", Some(party), _) => vec![party],
        ("deleteUser" | "revokeMembership" | "leaveOrganisation", _, Some(it)) => {
            case.tenancy.participants_of(&it.id)
        }
        _ => return false,
    };
    let goes = match case.action {
        "leaveOrganisation" => case.user,
        _ => case.about_user,
    };
    let Some(user) = goes else {
        return false;
    };
    let mut parties = parties.iter();
    parties.any(|party| case.tenancy.users_of_party(&party.id) == [user.id.as_str()])
}

fn pty_8_other_roles(case: &Case<'_>) -> bool {
    let (Some(user), Some(own)) = (case.about_user, case.organisation) else {
        return false;
    };
    let other_roles = [Role::OrgAdmin, Role::OrgMember, Role::ApManager];
    let here = other_roles.iter().any(|role| case.holds(Some(user), *role));
    let mut held_in = case.tenancy.organisations_of(&user.id).into_iter();
    let elsewhere = held_in.any(|organisation| organisation != own.id);
    case.is(&["putUser", "deleteUser"]) && (here || elsewhere || user.superadmin)
}

fn appoints(case: &Case<'_>) -> bool {
    case.is(&["grantApManager", "revokeApManager"])
}

fn pty_9_orgadmin_appoints(case: &Case<'_>) -> bool {
    appoints(case) && case.asker_is(Role::OrgAdmin)
}

fn pty_9_not_a_member(case: &Case<'_>) -> bool {
    let mut roles = Role::ALL.iter();
    appoints(case) && !roles.any(|role| case.holds(case.about_user, *role))
}

fn par_1_participant_taken(case: &Case<'_>) -> bool {
    let identifier = case.word("participant");
    case.is(&["createParticipant"])
        && identifier.is_some_and(|it| case.tenancy.participant(it).is_some())
}

fn sub_1_orgadmin_of_legal_entities(case: &Case<'_>) -> bool {
    let of_organisation = case.is(&["createLegalEntity", "listLegalEntities"]);
    let of_one = case.is(&["getLegalEntity", "updateLegalEntity", "deleteLegalEntity"]);
    (of_organisation || of_one) && case.asker_is(Role::OrgAdmin)
}

fn sub_2_sub_account_manages(case: &Case<'_>) -> bool {
    let legal_entities = case.is(&[
        "createLegalEntity",
        "updateLegalEntity",
        "deleteLegalEntity",
    ]);
    let sub_accounts = case.is(&["createSubAccount", "addSubAccount", "removeSubAccount"]);
    let manages = legal_entities || sub_accounts || case.is(&["createOrganisation"]);
    case.sub_account.is_some() && manages
}

fn sub_3_associated(case: &Case<'_>) -> bool {
    let (Some(asker), Some(document)) = (case.sub_account, case.document) else {
        return false;
    };
    case.is(&["viewDocument"]) && asker.legal_entities.contains(&document.legal_entity)
}

fn sub_4_full_access(case: &Case<'_>) -> bool {
    let (Some(asker), Some(own)) = (case.sub_account, case.organisation) else {
        return false;
    };
    case.is(&["viewDocument"]) && asker.full_access && asker.organisation == own.id
}

fn sub_5_orgadmin_of_sub_accounts(case: &Case<'_>) -> bool {
    let manages = case.is(&["createSubAccount", "addSubAccount", "removeSubAccount"]);
    manages && case.asker_is(Role::OrgAdmin)
}

fn sub_5_foreign_sub_account(case: &Case<'_>) -> bool {
    let (Some(sub_account), Some(legal_entity)) = (case.about_sub_account, case.legal_entity)
    else {
        return false;
    };
    case.is(&["addSubAccount", "removeSubAccount"])
        && sub_account.organisation != legal_entity.organisation
}

fn sub_6_email_registered(case: &Case<'_>) -> bool {
    let email = case.word("email");
    case.is(&["createSubAccount"]) && email.is_some_and(|it| case.tenancy.is_registered(it))
}

fn sub_8_orgadmin_lists(case: &Case<'_>) -> bool {
    case.is(&["listSubAccounts"]) && case.asker_is(Role::OrgAdmin)
}

fn sub_9_superadmin_sets(case: &Case<'_>) -> bool {
    case.is(&["setFullAccess"]) && case.asker_is_superadmin()
}

fn doc_1_lists(case: &Case<'_>) -> bool {
    let member = case.asker_is(Role::OrgAdmin) || case.asker_is(Role::OrgMember);
    let own = case.organisation.map(|it| it.id.as_str());
    let account = case
        .sub_account
        .is_some_and(|it| Some(it.organisation.as_str()) == own);
    case.is(&["listDocuments"]) && (member || account)
}
