//! The tenancy documents of a tenancy, as `import` reads them.

use serde_json::{Value, json};

use super::rng::Rng;
use super::tenancy::{
    AccessPoint, Document, Flags, Invitation, LegalEntity, Organisation, Participant, SubAccount,
    Tenancy, User, respell_participant,
};
use super::vocabulary::{Environment, Mode, Role};

impl Tenancy {
    /// The tenancy documents of this tenancy, in an order that `import` takes: what a document
    /// refers to comes before it. Some are written twice, a stale version first. The same
    /// tenancy gives the same documents.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let mut writer = Writer {
            rng: Rng::new(self.spelling),
            lines: Vec::new(),
        };
        self.users.iter().for_each(|it| writer.user(it));
        self.organisations
            .iter()
            .for_each(|it| writer.organisation(it));
        for (user, organisation, role) in &self.roles {
            writer.line(
                json!({"type": "MEMBERSHIP", "userId": user, "organisationId": organisation,
                "memberRole": role.name()}),
            );
        }
        for it in &self.invitations {
            writer.invitation(it, &self.ids("Organisation"));
        }
        self.access_points
            .iter()
            .for_each(|it| writer.access_point(it));
        for it in &self.participants {
            writer.participant(it, &self.ids("Organisation"));
        }
        for ((user, participant), flags) in &self.authorizations {
            writer.authorization(user, participant, *flags);
        }
        for it in &self.legal_entities {
            writer.legal_entity(it, &self.ids("Organisation"));
        }
        for it in &self.sub_accounts {
            writer.sub_account(it, &self.ids("LegalEntity"));
        }
        for it in &self.invoices {
            writer.document(it, &self.ids("LegalEntity"));
        }
        writer.lines
    }
}

struct Writer {
    rng: Rng,
    lines: Vec<Value>,
}

impl Writer {
    /// Writes the line, with members that mean nothing now and then.
    fn line(&mut self, mut line: Value) {
        if let (true, Some(members)) = (self.rng.percent(20), line.as_object_mut()) {
            members.insert("createdAt".into(), json!("2025-07-02T12:13:45.011Z"));
            members.insert(
                "x-note".into(),
                json!({"type": "USER", "list": [1, null, 2.5]}),
            );
        }
        self.lines.push(line);
    }

    fn stale(&mut self) -> bool {
        self.rng.percent(15)
    }

    fn user(&mut self, it: &User) {
        let line = |email: String, verified: bool, superadmin: bool| {
            json!({"type": "USER", "id": it.id, "email": email, "emailVerified": verified,
                "superadmin": superadmin})
        };
        if self.stale() {
            let email = format!("old-{}", it.email);
            self.line(line(email, !it.verified, !it.superadmin));
        }
        let email = self.rng.respell(&it.email);
        let line = line(email, it.verified, it.superadmin);
        let line = self.maybe_without(line, "superadmin");
        self.line(line);
    }

    /// The line without a member that is false, which it need not have, now and then.
    fn maybe_without(&mut self, mut line: Value, member: &str) -> Value {
        if let (Some(false), true, Some(members)) = (
            line[member].as_bool(),
            self.rng.percent(30),
            line.as_object_mut(),
        ) {
            members.remove(member);
        }
        line
    }

    fn invitation(&mut self, it: &Invitation, organisations: &[&str]) {
        let mut line = json!({"type": "INVITATION", "id": it.id});
        if self.stale() {
            line["organisationId"] = json!(self.rng.choose(organisations));
            line["email"] = json!(format!("old-{}", it.email));
            line["memberRole"] = json!(Role::OrgAdmin.name());
            self.line(line.clone());
        }
        line["organisationId"] = json!(it.organisation);
        line["email"] = json!(self.rng.respell(&it.email));
        line["memberRole"] = json!(it.role.name());
        self.line(line);
    }

    fn organisation(&mut self, it: &Organisation) {
        let (code, identifier) = &it.legal_identifier;
        let mut line = json!({"type": "ORGANISATION", "id": it.id, "legalName": "Acme Ltd.",
            "legalIdentifierCode": code, "legalIdentifier": identifier});
        if self.stale() {
            line["organisationMode"] = json!(self.rng.pick(Mode::ALL).name());
            line["modeChangeRequest"] = Value::Null;
            line["contacts"] = json!([{"contactType": "BUSINESS"}]);
            line["participantLimit"] = json!(self.rng.below(20));
            self.line(line.clone());
        }
        let contacts = it.contacts.iter();
        line["contacts"] = contacts
            .map(|kind| json!({"contactType": kind, "name": "Erik Eriksson", "phone": "+46 8 1"}))
            .collect();
        line["organisationMode"] = json!(it.mode.name());
        line["modeChangeRequest"] = json!(it.request.map(Mode::name));
        line["participantLimit"] = json!(it.limit);
        if let (None, true, Some(members)) = (it.limit, self.rng.percent(50), line.as_object_mut())
        {
            members.remove("participantLimit");
        }
        self.line(line);
    }

    fn access_point(&mut self, it: &AccessPoint) {
        let mut line = json!({"type": "ACCESS_POINT", "id": it.id, "organisationId": null});
        if self.stale() {
            line["environment"] = json!(self.rng.pick(Environment::ALL).name());
            self.line(line.clone());
        }
        line["environment"] = json!(it.environment.name());
        line["organisationId"] = json!(it.organisation);
        self.line(line);
    }

    fn participant(&mut self, it: &Participant, organisations: &[&str]) {
        let mut line = json!({"type": "PARTICIPANT"});
        if self.stale() {
            line["id"] = json!(respell_participant(&mut self.rng, &it.id));
            line["organisationId"] = json!(self.rng.choose(organisations));
            line["environment"] = json!(self.rng.pick(Environment::ALL).name());
            self.line(line.clone());
        }
        line["id"] = json!(respell_participant(&mut self.rng, &it.id));
        line["organisationId"] = json!(it.organisation);
        line["environment"] = json!(it.environment.name());
        self.line(line);
    }

    fn authorization(&mut self, user: &str, participant: &str, flags: Flags) {
        let mut line = json!({"type": "PARTY_AUTHORIZATION", "userId": user, "name": "Acme"});
        let permissions = |flags: Flags, flip: bool| {
            json!({"canSendDocument": flags.send != flip, "canReceiveDocument": flags.receive != flip,
                "canRemoveDocument": flags.remove != flip, "canManageHook": flags.hook != flip})
        };
        if self.stale() {
            line["participantId"] = json!(respell_participant(&mut self.rng, participant));
            line["permissions"] = permissions(flags, true);
            self.line(line.clone());
        }
        line["participantId"] = json!(respell_participant(&mut self.rng, participant));
        line["permissions"] = permissions(flags, false);
        self.line(line);
    }

    fn legal_entity(&mut self, it: &LegalEntity, organisations: &[&str]) {
        let mut line = json!({"type": "LEGAL_ENTITY", "id": it.id});
        if self.stale() {
            line["organisationId"] = json!(self.rng.choose(organisations));
            self.line(line.clone());
        }
        line["organisationId"] = json!(it.organisation);
        self.line(line);
    }

    fn sub_account(&mut self, it: &SubAccount, legal_entities: &[&str]) {
        let mut line = json!({"type": "SUB_ACCOUNT", "id": it.id});
        line["organisationId"] = json!(it.organisation);
        if self.stale() {
            line["email"] = json!(format!("old-{}", it.email));
            line["fullAccess"] = json!(!it.full_access);
            line["legalEntityIds"] = json!(legal_entities);
            self.line(line.clone());
        }
        line["email"] = json!(self.rng.respell(&it.email));
        line["fullAccess"] = json!(it.full_access);
        line["legalEntityIds"] = json!(it.legal_entities);
        let line = self.maybe_without(line, "fullAccess");
        self.line(line);
    }

    fn document(&mut self, it: &Document, legal_entities: &[&str]) {
        let mut line = json!({"type": "DOCUMENT", "id": it.id, "direction": it.direction});
        if self.stale() {
            line["legalEntityId"] = json!(self.rng.choose(legal_entities));
            self.line(line.clone());
        }
        line["legalEntityId"] = json!(it.legal_entity);
        self.line(line);
    }
}
