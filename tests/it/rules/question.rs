//! Questions that fit the schema, and how they are written.

use serde_json::{Map, Value, json};

use super::rng::Rng;
use super::tenancy::{Flags, Tenancy, User, respell_participant};
use super::vocabulary::{ACTIONS, Action, FLAGS, Kind, Member, Role};

/// A question. The types are without `Peppol::`, and context entities are their bare ids.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// `User` or `SubAccount`, and the id.
    pub(crate) principal: (&'static str, String),
    /// The action.
    pub(crate) action: &'static str,
    /// The type and id of the resource, in any spelling that means it.
    pub(crate) resource: (&'static str, String),
    /// The context.
    pub(crate) context: Map<String, Value>,
}

/// An action by its name.
pub(crate) fn action_of(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// An entity of a question in one of its forms, at random.
pub(crate) fn entity(rng: &mut Rng, kind: &str, id: &str) -> Value {
    let escapes = id.contains(|letter: char| matches!(letter, '"' | '\\') || letter.is_control());
    match rng.below(3) {
        0 if !escapes => json!(format!("Peppol::{kind}::\"{id}\"")),
        1 => json!({"__entity": {"type": format!("Peppol::{kind}"), "id": id}}),
        _ => json!({"type": format!("Peppol::{kind}"), "id": id}),
    }
}

impl Question {
    /// The question as JSON, each entity in a form taken at random.
    pub(crate) fn to_json(&self, rng: &mut Rng) -> Value {
        let mut context = Map::new();
        let members = action_of(self.action).map_or([].as_slice(), |action| action.context);
        for (name, value) in &self.context {
            let member = members.iter().find(|member| member.name == name);
            let value = match (member.map(|member| member.kind), value.as_str()) {
                (Some(Kind::Entity(kind)), Some(id)) => context_entity(rng, kind, id),
                _ => value.clone(),
            };
            context.insert(name.clone(), value);
        }
        let mut question = json!({
            "principal": entity(rng, self.principal.0, &self.principal.1),
            "action": entity(rng, "Action", self.action),
            "resource": entity(rng, self.resource.0, &self.resource.1),
        });
        if !context.is_empty() || rng.percent(50) {
            question["context"] = Value::Object(context);
        }
        question
    }

    /// A question of any action. Principal and context mostly belong to the resource, so that
    /// many questions are allowed.
    pub(crate) fn random(rng: &mut Rng, tenancy: &Tenancy) -> Self {
        let action = rng.pick(ACTIONS);
        Self::of_action(rng, tenancy, &action)
    }

    /// A question of this action.
    pub(crate) fn of_action(rng: &mut Rng, tenancy: &Tenancy, action: &Action) -> Self {
        let resource = some_id(rng, tenancy, action.resource);
        let at = At {
            tenancy,
            action: action.name,
            organisation: tenancy
                .organisation_of(action.resource, &resource)
                .map(|it| it.id.as_str()),
            resource: tenancy
                .participant(&resource)
                .filter(|_| action.resource == "Participant")
                .map_or(resource.as_str(), |it| it.id.as_str()),
        };
        let principal = at.principal(rng, action);
        let mut context = Map::new();
        for member in action.context {
            if !(member.optional && rng.percent(30)) {
                context.insert(member.name.to_owned(), at.member(rng, member));
            }
        }
        Self {
            principal,
            action: action.name,
            resource: (action.resource, resource),
            context,
        }
    }
}

fn context_entity(rng: &mut Rng, kind: &str, id: &str) -> Value {
    match rng.below(3) {
        0 => json!({"__entity": {"type": format!("Peppol::{kind}"), "id": id}}),
        1 => json!({"type": format!("Peppol::{kind}"), "id": id}),
        _ => json!(id),
    }
}

/// An id of this type, mostly a known one, in any spelling.
fn some_id(rng: &mut Rng, tenancy: &Tenancy, kind: &str) -> String {
    let ids = tenancy.ids(kind);
    let known = rng.choose(&ids).copied().unwrap_or("none");
    if kind != "Platform" && rng.percent(3) {
        return near(rng, tenancy, known);
    }
    match kind {
        "Participant" => respell_participant(rng, known),
        _ => known.to_owned(),
    }
}

/// An id that is like this one, and mostly unknown.
fn near(rng: &mut Rng, tenancy: &Tenancy, id: &str) -> String {
    let other_type = rng.pick([
        "User",
        "Organisation",
        "SubAccount",
        "LegalEntity",
        "AccessPoint",
    ]);
    let other = rng
        .choose(&tenancy.ids(other_type))
        .map(|id| (*id).to_owned());
    match rng.below(8) {
        0 => id.to_uppercase(),
        1 => format!("{id}\u{301}"),
        2 => id.replace("e\u{301}", "é").replace('%', "%25"),
        3 => format!("no-{id}"),
        4 => id.replace("::", ":"),
        5 => "nobody".to_owned(),
        _ => other.unwrap_or_else(|| "nobody".to_owned()),
    }
}

/// Where a question is asked.
struct At<'a> {
    tenancy: &'a Tenancy,
    action: &'static str,
    organisation: Option<&'a str>,
    resource: &'a str,
}

impl<'a> At<'a> {
    fn principal(&self, rng: &mut Rng, action: &Action) -> (&'static str, String) {
        let percent = if matches!(self.action, "viewDocument" | "listDocuments") {
            50
        } else {
            25
        };
        if action.sub_account && rng.percent(percent) {
            return ("SubAccount", self.sub_account(rng));
        }
        let fitting = self.users(|user| self.fits(user));
        let id = match rng.choose(&fitting) {
            Some(user) if rng.percent(75) => (*user).to_owned(),
            _ => some_id(rng, self.tenancy, "User"),
        };
        ("User", id)
    }

    fn users(&self, filter: impl Fn(&User) -> bool) -> Vec<&'a str> {
        let users = self.tenancy.users.iter();
        users
            .filter(|user| filter(user))
            .map(|user| user.id.as_str())
            .collect()
    }

    fn has(&self, user: &str, role: Role) -> bool {
        self.organisation
            .is_some_and(|organisation| self.tenancy.has_role(user, organisation, role))
    }

    /// True if this user is likely to be permitted.
    fn fits(&self, user: &User) -> bool {
        let key = (user.id.clone(), self.resource.to_owned());
        let flags = self.tenancy.authorizations.get(&key);
        let may =
            |flag: fn(&Flags) -> bool| self.has(&user.id, Role::ApUser) && flags.is_some_and(flag);
        let any_of = |roles: &[Role]| roles.iter().any(|role| self.has(&user.id, *role));
        let invited = self.tenancy.invitation(self.resource);
        let fits = match self.action {
            "createOrganisation" => true,
            "setOrganisationMode" | "rejectModeChange" | "setFullAccess" => user.superadmin,
            "acceptInvitation" => invited.is_some_and(|it| it.email == user.email),
            "leaveOrganisation" => any_of(&Role::ALL),
            "listDocuments" => any_of(&[Role::OrgAdmin, Role::OrgMember]),
            "sendDocument" => any_of(&[Role::OrgAdmin, Role::OrgMember]) || may(|it| it.send),
            "receiveDocument" => any_of(&[Role::OrgAdmin, Role::OrgMember]) || may(|it| it.receive),
            "removeDocument" => may(|it| it.remove),
            "manageHook" => may(|it| it.hook),
            "listUsers" | "putUser" | "deleteUser" => any_of(&[Role::ApManager]),
            name if name.ends_with("Membership") => any_of(&[Role::OrgAdmin]),
            name if name.contains("PartyAuthorization") => any_of(&[Role::ApManager]),
            name if name.contains("Participant") => {
                any_of(&[Role::OrgAdmin, Role::OrgMember, Role::ApManager])
            }
            name if name.contains("Certificate") || name.contains("AccessPoint") => {
                any_of(&[Role::OrgAdmin, Role::OrgMember])
            }
            "viewDocument" => any_of(&[Role::OrgAdmin, Role::OrgMember]),
            _ => any_of(&[Role::OrgAdmin]),
        };
        fits && user.verified
    }

    fn sub_account(&self, rng: &mut Rng) -> String {
        let all = self.tenancy.sub_accounts.iter();
        let document = self.tenancy.document(self.resource);
        let legal_entity = document.map_or(self.resource, |it| it.legal_entity.as_str());
        let near: Vec<&str> = all
            .filter(|it| {
                Some(it.organisation.as_str()) == self.organisation
                    || it.legal_entities.contains(legal_entity)
            })
            .map(|it| it.id.as_str())
            .collect();
        match rng.choose(&near) {
            Some(id) if rng.percent(75) => (*id).to_owned(),
            _ => some_id(rng, self.tenancy, "SubAccount"),
        }
    }

    fn member(&self, rng: &mut Rng, member: &Member) -> Value {
        match member.kind {
            Kind::Word(words) => json!(rng.choose(words)),
            Kind::Flags => {
                let flags = FLAGS
                    .iter()
                    .map(|flag| ((*flag).to_owned(), rng.percent(50)));
                json!(flags.collect::<std::collections::BTreeMap<_, _>>())
            }
            Kind::Bool => json!(rng.percent(50)),
            Kind::Entity("EmailAddress") => json!(self.email(rng)),
            Kind::Entity("ParticipantIdentifier") => json!(self.identifier(rng)),
            Kind::Entity("AccessPoint") => json!(self.access_point(rng)),
            Kind::Entity("SubAccount") => json!(self.sub_account(rng)),
            Kind::Entity("User") => json!(self.context_user(rng)),
            Kind::Entity(kind) => json!(some_id(rng, self.tenancy, kind)),
        }
    }

    /// A user that the action is about: mostly an ApUser of the organisation or, for a party
    /// authorization, a user who has one, or for a membership an orgadmin.
    fn context_user(&self, rng: &mut Rng) -> String {
        let ap_users = self.users(|user| self.has(&user.id, Role::ApUser));
        let authorized = self.tenancy.users_of_party(self.resource);
        let orgadmins = self.users(|user| self.has(&user.id, Role::OrgAdmin));
        let among = match self.action {
            "removePartyAuthorization" if rng.percent(50) => &authorized,
            "revokeMembership" | "changeMemberRole" if rng.percent(40) => &orgadmins,
            _ => &ap_users,
        };
        match rng.choose(among) {
            Some(user) if rng.percent(75) => (*user).to_owned(),
            _ => some_id(rng, self.tenancy, "User"),
        }
    }

    /// An access point, mostly of the organisation or the platform.
    fn access_point(&self, rng: &mut Rng) -> String {
        let all = self.tenancy.access_points.iter();
        let usable: Vec<&str> = all
            .filter(|it| {
                it.organisation.is_none() || it.organisation.as_deref() == self.organisation
            })
            .map(|it| it.id.as_str())
            .collect();
        match rng.choose(&usable) {
            Some(id) if rng.percent(75) => (*id).to_owned(),
            _ => some_id(rng, self.tenancy, "AccessPoint"),
        }
    }

    /// An identifier of participants in any case: mostly a free one.
    fn identifier(&self, rng: &mut Rng) -> String {
        let ids = self.tenancy.ids("Participant");
        let known = rng.choose(&ids).copied().unwrap_or("0088:none");
        match rng.below(4) {
            0 => respell_participant(rng, known),
            1 => format!("{}-new", respell_participant(rng, known)),
            _ => "iso6523-actorid-upis::0088:Somebody-New".to_owned(),
        }
    }

    /// An e-mail address in any case: registered, once registered, or never.
    fn email(&self, rng: &mut Rng) -> String {
        let users = self.tenancy.users.iter().map(|it| it.email.as_str());
        let sub_accounts = self.tenancy.sub_accounts.iter().map(|it| it.email.as_str());
        let registered: Vec<&str> = users.chain(sub_accounts).collect();
        let email = rng.choose(&registered).copied().unwrap_or("foo@bar.com");
        match rng.below(4) {
            0 | 1 => rng.respell(email),
            2 => rng.respell(&format!("old-{email}")),
            _ => "Somebody.New@acme.example".to_owned(),
        }
    }
}
