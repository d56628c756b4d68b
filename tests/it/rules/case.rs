//! A question with everything looked up that the rules ask about.

use super::question::Question;
use super::tenancy::{
    AccessPoint, Document, Invitation, LegalEntity, Organisation, Participant, SubAccount, Tenancy,
    User,
};
use super::vocabulary::{Environment, Mode, Role};

/// A question with the entities that it is about looked up.
pub(crate) struct Case<'a> {
    /// The tenancy.
    pub(crate) tenancy: &'a Tenancy,
    /// The question.
    pub(crate) question: &'a Question,
    /// Its action.
    pub(crate) action: &'static str,
    /// The principal, where it is a user.
    pub(crate) user: Option<&'a User>,
    /// The principal, where it is a sub-account.
    pub(crate) sub_account: Option<&'a SubAccount>,
    /// The organisation that the resource is or belongs to.
    pub(crate) organisation: Option<&'a Organisation>,
    /// The resource, where it is an invitation.
    pub(crate) invitation: Option<&'a Invitation>,
    /// The resource, where it is a participant.
    pub(crate) participant: Option<&'a Participant>,
    /// The resource, where it is a legal entity.
    pub(crate) legal_entity: Option<&'a LegalEntity>,
    /// The resource, where it is a document.
    pub(crate) document: Option<&'a Document>,
    /// `context.user`
    pub(crate) about_user: Option<&'a User>,
    /// `context.subAccount`
    pub(crate) about_sub_account: Option<&'a SubAccount>,
    /// `context.accessPoint`
    pub(crate) through: Option<&'a AccessPoint>,
}

impl<'a> Case<'a> {
    /// Looks the entities of a question up.
    pub(crate) fn new(tenancy: &'a Tenancy, question: &'a Question) -> Self {
        let (asker, asker_id) = (question.principal.0, question.principal.1.as_str());
        let (kind, id) = (question.resource.0, question.resource.1.as_str());
        let named = |member: &str| question.context.get(member).and_then(|it| it.as_str());
        Self {
            tenancy,
            question,
            action: question.action,
            user: tenancy.user(asker_id).filter(|_| asker == "User"),
            sub_account: tenancy
                .sub_account(asker_id)
                .filter(|_| asker == "SubAccount"),
            organisation: tenancy.organisation_of(kind, id),
            invitation: tenancy.invitation(id).filter(|_| kind == "Invitation"),
            participant: tenancy.participant(id).filter(|_| kind == "Participant"),
            legal_entity: tenancy.legal_entity(id).filter(|_| kind == "LegalEntity"),
            document: tenancy.document(id).filter(|_| kind == "Document"),
            about_user: named("user").and_then(|id| tenancy.user(id)),
            about_sub_account: named("subAccount").and_then(|id| tenancy.sub_account(id)),
            through: named("accessPoint").and_then(|id| tenancy.access_point(id)),
        }
    }

    /// True if it is one of these actions.
    pub(crate) fn is(&self, actions: &[&str]) -> bool {
        actions.contains(&self.action)
    }

    /// A member of the context that is a word, an e-mail address or a participant identifier.
    pub(crate) fn word(&self, member: &str) -> Option<&str> {
        self.question.context.get(member)?.as_str()
    }

    /// True if this user holds the role in the organisation of the resource (GEN-5).
    pub(crate) fn holds(&self, user: Option<&User>, role: Role) -> bool {
        match (user, self.organisation) {
            (Some(user), Some(it)) => self.tenancy.has_role(&user.id, &it.id, role),
            _ => false,
        }
    }

    /// True if the asker is a user with this role in the organisation of the resource.
    pub(crate) fn asker_is(&self, role: Role) -> bool {
        self.holds(self.user, role)
    }

    /// True if the asker is a superadmin.
    pub(crate) fn asker_is_superadmin(&self) -> bool {
        self.user.is_some_and(|user| user.superadmin)
    }

    /// True if the organisation of the resource is in this mode.
    pub(crate) fn organisation_is(&self, mode: Mode) -> bool {
        self.organisation.is_some_and(|it| it.mode == mode)
    }

    /// True if the document goes through a production access point, or the participant is registered
    /// at one.
    pub(crate) fn through_production(&self) -> bool {
        self.through
            .is_some_and(|it| it.environment == Environment::Production)
    }

    /// True if a participant is registered, or moved, at an access point or without one.
    pub(crate) fn registers(&self) -> bool {
        self.is(&["createParticipant", "updateParticipant"])
    }

    /// True if a document is sent or received.
    pub(crate) fn sends_or_receives(&self) -> bool {
        self.is(&["sendDocument", "receiveDocument"])
    }
}
