//! A tenancy as plain values: what the store holds, in Rust.

use std::collections::{BTreeMap, BTreeSet};

use super::rng::Rng;
use super::vocabulary::{Environment, Mode, Role};

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// Its id.
    pub(crate) id: String,
    /// Its e-mail address, lower case.
    pub(crate) email: String,
    /// True if the address is verified.
    pub(crate) verified: bool,
    /// True if it is a superadmin.
    pub(crate) superadmin: bool,
}

/// An organisation.
#[derive(Clone, Debug)]
pub(crate) struct Organisation {
    /// Its id.
    pub(crate) id: String,
    /// `legalIdentifierCode` and `legalIdentifier`.
    pub(crate) legal_identifier: (&'static str, String),
    /// Its mode.
    pub(crate) mode: Mode,
    /// The mode that it has asked for.
    pub(crate) request: Option<Mode>,
    /// The types of its contacts.
    pub(crate) contacts: Vec<&'static str>,
    /// Its `participantLimit`, where one is set.
    pub(crate) limit: Option<usize>,
}

/// An invitation.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    /// Its id.
    pub(crate) id: String,
    /// The organisation that invites.
    pub(crate) organisation: String,
    /// The address that it names, lower case.
    pub(crate) email: String,
    /// The role that it offers.
    pub(crate) role: Role,
}

/// An access point.
#[derive(Clone, Debug)]
pub(crate) struct AccessPoint {
    /// Its id.
    pub(crate) id: String,
    /// Its environment.
    pub(crate) environment: Environment,
    /// Its organisation; none where the platform runs it.
    pub(crate) organisation: Option<String>,
}

/// A participant.
#[derive(Clone, Debug)]
pub(crate) struct Participant {
    /// Its identifier, the value in lower case.
    pub(crate) id: String,
    /// Its organisation.
    pub(crate) organisation: String,
    /// The SMP that it is registered in.
    pub(crate) environment: Environment,
}

/// The permissions of a user for a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `canSendDocument`
    pub(crate) send: bool,
    /// `canReceiveDocument`
    pub(crate) receive: bool,
    /// `canRemoveDocument`
    pub(crate) remove: bool,
    /// `canManageHook`
    pub(crate) hook: bool,
}

/// A legal entity.
#[derive(Clone, Debug)]
pub(crate) struct LegalEntity {
    /// Its id.
    pub(crate) id: String,
    /// Its organisation.
    pub(crate) organisation: String,
}

/// A sub-account.
#[derive(Clone, Debug)]
pub(crate) struct SubAccount {
    /// Its id.
    pub(crate) id: String,
    /// Its e-mail address, lower case.
    pub(crate) email: String,
    /// Its organisation.
    pub(crate) organisation: String,
    /// True if it sees every document of its organisation.
    pub(crate) full_access: bool,
    /// The legal entities that it is associated with.
    pub(crate) legal_entities: BTreeSet<String>,
}

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its id.
    pub(crate) id: String,
    /// Its legal entity.
    pub(crate) legal_entity: String,
    /// `SENT` or `RECEIVED`.
    pub(crate) direction: &'static str,
}

/// A whole tenancy. [`Tenancy::random`] makes one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenancy {
    /// The users.
    pub(crate) users: Vec<User>,
    /// The organisations.
    pub(crate) organisations: Vec<Organisation>,
    /// User, organisation, role.
    pub(crate) roles: BTreeSet<(String, String, Role)>,
    /// The invitations.
    pub(crate) invitations: Vec<Invitation>,
    /// The access points.
    pub(crate) access_points: Vec<AccessPoint>,
    /// The participants.
    pub(crate) participants: Vec<Participant>,
    /// User and participant, with the flags.
    pub(crate) authorizations: BTreeMap<(String, String), Flags>,
    /// The legal entities.
    pub(crate) legal_entities: Vec<LegalEntity>,
    /// The sub-accounts.
    pub(crate) sub_accounts: Vec<SubAccount>,
    /// The documents that legal entities sent and received.
    pub(crate) invoices: Vec<Document>,
    /// Decides how [`Tenancy::documents`] spells what can be spelled in several ways.
    pub(crate) spelling: u64,
}

/// Codes of identification schemes, with their names.
const SCHEMES: [(&str, &str); 2] = [("0007", "SE:ORGNR"), ("9915", "AT:GOV")];

/// The one spelling of a participant identifier: the value, after the scheme, in lower case, with
/// the code of its identification scheme.
pub(crate) fn participant_id(spelling: &str) -> String {
    let Some((scheme, value)) = spelling.split_once("::") else {
        return spelling.to_owned();
    };
    let value = value.to_lowercase();
    for (code, name) in SCHEMES {
        for name in [name.to_lowercase(), name.to_lowercase().replace(':', "_")] {
            if let Some(rest) = value.strip_prefix(&format!("{name}:")) {
                return format!("{scheme}::{code}:{rest}");
            }
        }
    }
    format!("{scheme}::{value}")
}

/// Another spelling of the same participant identifier.
pub(crate) fn respell_participant(rng: &mut Rng, id: &str) -> String {
    let Some((scheme, value)) = id.split_once("::") else {
        return id.to_owned();
    };
    let mut value = value.to_owned();
    for (code, name) in SCHEMES {
        if let Some(rest) = value.strip_prefix(&format!("{code}:"))
            && rng.percent(30)
        {
            value = match rng.percent(50) {
                true => format!("{name}:{rest}"),
                false => format!("{}:{rest}", name.replace(':', "_")),
            };
        }
    }
    format!("{scheme}::{}", rng.respell(&value))
}

impl Tenancy {
    /// The user of this id.
    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The organisation of this id.
    pub(crate) fn organisation(&self, id: &str) -> Option<&Organisation> {
        self.organisations.iter().find(|it| it.id == id)
    }

    /// The invitation of this id.
    pub(crate) fn invitation(&self, id: &str) -> Option<&Invitation> {
        self.invitations.iter().find(|it| it.id == id)
    }

    /// The access point of this id.
    pub(crate) fn access_point(&self, id: &str) -> Option<&AccessPoint> {
        self.access_points.iter().find(|it| it.id == id)
    }

    /// The participant of this identifier, in any spelling.
    pub(crate) fn participant(&self, spelling: &str) -> Option<&Participant> {
        let id = participant_id(spelling);
        self.participants.iter().find(|it| it.id == id)
    }

    /// The legal entity of this id.
    pub(crate) fn legal_entity(&self, id: &str) -> Option<&LegalEntity> {
        self.legal_entities.iter().find(|it| it.id == id)
    }

    /// The sub-account of this id.
    pub(crate) fn sub_account(&self, id: &str) -> Option<&SubAccount> {
        self.sub_accounts.iter().find(|it| it.id == id)
    }

    /// The document of this id.
    pub(crate) fn document(&self, id: &str) -> Option<&Document> {
        self.invoices.iter().find(|it| it.id == id)
    }

    /// True if a user or a sub-account is registered under this address, in any spelling.
    pub(crate) fn is_registered(&self, spelling: &str) -> bool {
        let email = spelling.to_lowercase();
        let mut users = self.users.iter().map(|it| &it.email);
        let mut sub_accounts = self.sub_accounts.iter().map(|it| &it.email);
        users.any(|it| *it == email) || sub_accounts.any(|it| *it == email)
    }

    /// True if the user holds the role in the organisation.
    pub(crate) fn has_role(&self, user: &str, organisation: &str, role: Role) -> bool {
        let membership = (user.to_owned(), organisation.to_owned(), role);
        self.roles.contains(&membership)
    }

    /// The organisations in which the user holds a role.
    pub(crate) fn organisations_of(&self, user: &str) -> BTreeSet<&str> {
        let held = self.roles.iter().filter(|(holder, ..)| holder == user);
        held.map(|(_, organisation, _)| organisation.as_str())
            .collect()
    }

    /// The orgadmins of an organisation, whether their addresses are verified or not.
    pub(crate) fn orgadmins_of(&self, organisation: &str) -> Vec<&str> {
        let roles = self.roles.iter();
        roles
            .filter(|(_, it, role)| it == organisation && *role == Role::OrgAdmin)
            .map(|(user, ..)| user.as_str())
            .collect()
    }

    /// The participants of an organisation.
    pub(crate) fn participants_of(&self, organisation: &str) -> Vec<&Participant> {
        let all = self.participants.iter();
        all.filter(|it| it.organisation == organisation).collect()
    }

    /// The users with an authorization for a party, whatever its flags and their roles.
    pub(crate) fn users_of_party(&self, participant: &str) -> Vec<&str> {
        let keys = self.authorizations.keys();
        keys.filter(|(_, party)| party == participant)
            .map(|(user, _)| user.as_str())
            .collect()
    }

    /// The organisation that an entity of this type belongs to.
    pub(crate) fn organisation_of(&self, kind: &str, id: &str) -> Option<&Organisation> {
        let organisation = match kind {
            "Organisation" => id,
            "Invitation" => &self.invitation(id)?.organisation,
            "AccessPoint" => self.access_point(id)?.organisation.as_deref()?,
            "Participant" => &self.participant(id)?.organisation,
            "LegalEntity" => &self.legal_entity(id)?.organisation,
            "SubAccount" => &self.sub_account(id)?.organisation,
            "Document" => {
                let legal_entity = &self.document(id)?.legal_entity;
                &self.legal_entity(legal_entity)?.organisation
            }
            _ => return None,
        };
        self.organisation(organisation)
    }

    /// The ids of all entities of this type.
    pub(crate) fn ids(&self, kind: &str) -> Vec<&str> {
        match kind {
            "Platform" => vec!["platform"],
            "User" => self.users.iter().map(|it| it.id.as_str()).collect(),
            "Organisation" => self.organisations.iter().map(|it| it.id.as_str()).collect(),
            "Invitation" => self.invitations.iter().map(|it| it.id.as_str()).collect(),
            "AccessPoint" => self.access_points.iter().map(|it| it.id.as_str()).collect(),
            "Participant" => self.participants.iter().map(|it| it.id.as_str()).collect(),
            "LegalEntity" => self
                .legal_entities
                .iter()
                .map(|it| it.id.as_str())
                .collect(),
            "SubAccount" => self.sub_accounts.iter().map(|it| it.id.as_str()).collect(),
            "Document" => self.invoices.iter().map(|it| it.id.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}
