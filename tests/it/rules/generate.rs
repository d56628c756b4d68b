//! Random tenancies.

use std::collections::BTreeSet;

use super::rng::Rng;
use super::tenancy::{
    AccessPoint, Document, Flags, Invitation, LegalEntity, Organisation, Participant, SubAccount,
    Tenancy, User, participant_id,
};
use super::vocabulary::{Environment, Mode, Role};

/// True if e-mail addresses and participant identifiers may hold letters outside ASCII, which
/// have two cases too.
pub(crate) const LETTERS_OUTSIDE_ASCII: bool = true;

/// True if a sub-account may be associated with a legal entity of another organisation.
pub(crate) const FOREIGN_ASSOCIATIONS: bool = true;

/// True if an e-mail or a participant identifier of this shape may be made.
fn allowed(spelling: &str) -> bool {
    LETTERS_OUTSIDE_ASCII || spelling.is_ascii()
}

/// Ids of one type, each new.
struct Ids {
    prefix: &'static str,
    used: BTreeSet<String>,
    last: String,
}

impl Ids {
    fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            used: BTreeSet::new(),
            last: String::new(),
        }
    }

    /// A new id: mostly plain, sometimes one that another type has too, or one that differs from
    /// another in case alone, or one full of characters that mean something somewhere.
    fn fresh(&mut self, rng: &mut Rng) -> String {
        loop {
            let n = self.used.len();
            let p = self.prefix;
            let id = match rng.below(100) {
                0..75 => format!("{p}-{n}"),
                75..85 => format!("same-{n}"),
                85..88 => rng.respell(&self.last),
                _ => rng.pick([
                    format!("{p} \"{n}\""),
                    format!("{p}'; DROP TABLE users; --{n}"),
                    format!("{p}\\{n}\\"),
                    format!("ü{p}😀-{n}"),
                    format!("e\u{301}{p}{n}"),
                    format!("{p}  {n}"),
                    format!("{p}#{n}"),
                    format!("{p}::{n}"),
                    format!("Peppol::{p}::\"{n}\""),
                    format!("{p}%{n}%20_"),
                    format!("{p}/../{n}?a=b&c"),
                    format!("{p}\u{2764}{n}"),
                    format!("{{\"id\":\"{p}{n}\"}}"),
                ]),
            };
            if !id.is_empty() && self.used.insert(id.clone()) {
                self.last.clone_from(&id);
                return id;
            }
        }
    }
}

/// A new e-mail address, lower case.
fn email(rng: &mut Rng, used: &mut BTreeSet<String>) -> String {
    loop {
        let n = used.len();
        let email = match rng.below(100) {
            0..80 => format!("user{n}@acme.example"),
            _ => rng.pick([
                format!("o'neil+{n}%tag@acme.example"),
                format!("åsa.{n}.ölund@exempel.example"),
                format!("user_{n}@sub-acme.example"),
                format!("a#b={n}@acme.example"),
            ]),
        };
        if allowed(&email) && used.insert(email.clone()) {
            return email;
        }
    }
}

/// A new participant identifier, the value in lower case.
fn party(rng: &mut Rng, used: &mut BTreeSet<String>) -> String {
    loop {
        let n = used.len();
        let value = match rng.below(100) {
            0..40 => format!("0007:55612{n}"),
            40..80 => format!("9915:Test-{n}"),
            _ => rng.pick([
                format!("9915:{n}.a"),
                format!("9915:~{n}"),
                format!("9915:-{n}_"),
                format!("0088:0{n}"),
                "9915:same".to_owned(),
            ]),
        };
        let id = participant_id(&format!("iso6523-actorid-upis::{value}"));
        if allowed(&id) && used.insert(id.clone()) {
            return id;
        }
    }
}

fn flags(rng: &mut Rng) -> Flags {
    Flags {
        send: rng.percent(60),
        receive: rng.percent(60),
        remove: rng.percent(60),
        hook: rng.percent(60),
    }
}

impl Tenancy {
    /// A random tenancy of 1 to `size` organisations and about twice as many users.
    pub(crate) fn random(rng: &mut Rng, size: usize) -> Self {
        let mut tenancy = Self {
            spelling: rng.next(),
            ..Self::default()
        };
        let mut emails = BTreeSet::new();
        tenancy.add_users(rng, size, &mut emails);
        tenancy.add_organisations(rng, size);
        tenancy.add_roles(rng);
        tenancy.add_invitations(rng);
        tenancy.add_access_points(rng);
        tenancy.add_participants(rng);
        tenancy.add_authorizations(rng);
        tenancy.add_legal_entities(rng);
        tenancy.add_sub_accounts(rng, &mut emails);
        tenancy
    }

    fn add_users(&mut self, rng: &mut Rng, size: usize, emails: &mut BTreeSet<String>) {
        let mut ids = Ids::new("u");
        for _ in 0..rng.between(3, 2 * size + 4) {
            self.users.push(User {
                id: ids.fresh(rng),
                email: email(rng, emails),
                verified: rng.percent(85),
                superadmin: rng.percent(15),
            });
        }
    }

    fn add_organisations(&mut self, rng: &mut Rng, size: usize) {
        let mut ids = Ids::new("o");
        for n in 0..rng.between(1, size) {
            let mode = rng.pick(Mode::ALL);
            let requests: &[Mode] = match mode {
                Mode::Demo => &[Mode::Shared, Mode::Whitelabel],
                Mode::Whitelabel => &[Mode::Shared],
                Mode::Shared => &[],
            };
            let code = if n % 2 == 0 { "SE_ORGNR" } else { "FR_SIRENE" };
            let contacts = [vec![], vec!["TECHNICAL"], vec!["BUSINESS"]];
            let both = [vec!["TECHNICAL", "BUSINESS"], vec!["BUSINESS", "BUSINESS"]];
            let contacts = [contacts.as_slice(), both.as_slice()].concat();
            self.organisations.push(Organisation {
                id: ids.fresh(rng),
                legal_identifier: (code, format!("556123-{:04}", n / 2)),
                mode,
                request: rng.choose(requests).copied().filter(|_| rng.percent(40)),
                contacts: rng.choose(&contacts).cloned().unwrap_or_default(),
                limit: None,
            });
        }
    }

    fn add_roles(&mut self, rng: &mut Rng) {
        for organisation in &self.organisations {
            for user in &self.users {
                let roles = match rng.below(10) {
                    0..5 => 0,
                    5..8 => 1,
                    8 => 2,
                    _ => 3,
                };
                for _ in 0..roles {
                    let role = rng.pick(Role::ALL);
                    let membership = (user.id.clone(), organisation.id.clone(), role);
                    self.roles.insert(membership);
                }
            }
        }
    }

    /// Invites users, by their addresses, and people who are not registered.
    fn add_invitations(&mut self, rng: &mut Rng) {
        let mut ids = Ids::new("i");
        for organisation in &self.organisations {
            for _ in 0..rng.below(4) {
                let user = rng.choose(&self.users).filter(|_| rng.percent(75));
                self.invitations.push(Invitation {
                    id: ids.fresh(rng),
                    organisation: organisation.id.clone(),
                    email: user
                        .map_or("nobody.yet@acme.example", |it| &it.email)
                        .to_owned(),
                    role: rng.pick([Role::OrgAdmin, Role::OrgMember]),
                });
            }
        }
    }

    fn add_access_points(&mut self, rng: &mut Rng) {
        let mut ids = Ids::new("ap");
        for environment in Environment::ALL {
            for _ in 0..rng.pick([0, 1, 1, 2]) {
                self.access_points.push(AccessPoint {
                    id: ids.fresh(rng),
                    environment,
                    organisation: None,
                });
            }
        }
        for organisation in &self.organisations {
            for _ in 0..rng.below(4) {
                self.access_points.push(AccessPoint {
                    id: ids.fresh(rng),
                    environment: rng.pick(Environment::ALL),
                    organisation: Some(organisation.id.clone()),
                });
            }
        }
    }

    /// Gives each organisation participants, and a limit that they are below, at or above: one
    /// that is set, or the ten where none is.
    fn add_participants(&mut self, rng: &mut Rng) {
        let mut used = BTreeSet::new();
        for organisation in &mut self.organisations {
            let around_ten = rng.percent(match organisation.mode {
                Mode::Demo => 30,
                _ => 5,
            });
            let count = match around_ten {
                true => rng.between(9, 11),
                false => rng.below(5),
            };
            if !around_ten && rng.percent(60) {
                organisation.limit = Some((count + rng.below(4)).saturating_sub(1));
            } else if rng.percent(10) {
                organisation.limit = Some(12);
            }
            for _ in 0..count {
                self.participants.push(Participant {
                    id: party(rng, &mut used),
                    organisation: organisation.id.clone(),
                    environment: rng.pick(Environment::ALL),
                });
            }
        }
    }

    /// Authorizes none to three users for each party: mostly its ApUsers, sometimes a user who
    /// is not one, or not in this organisation.
    fn add_authorizations(&mut self, rng: &mut Rng) {
        for party in &self.participants {
            let is_ap_user = |user: &&User| {
                let organisation = &party.organisation;
                self.has_role(&user.id, organisation, Role::ApUser)
            };
            let ap_users: Vec<&User> = self.users.iter().filter(is_ap_user).collect();
            let anyone: Vec<&User> = self.users.iter().collect();
            let mut granted = Vec::new();
            for _ in 0..rng.pick([0, 1, 1, 1, 2, 3]) {
                let among = if rng.percent(75) { &ap_users } else { &anyone };
                if let Some(user) = rng.choose(among) {
                    granted.push((user.id.clone(), party.id.clone()));
                }
            }
            for key in granted {
                self.authorizations.insert(key, flags(rng));
            }
        }
    }

    fn add_legal_entities(&mut self, rng: &mut Rng) {
        let (mut ids, mut document_ids) = (Ids::new("le"), Ids::new("d"));
        for organisation in &self.organisations {
            for _ in 0..rng.below(4) {
                let id = ids.fresh(rng);
                for _ in 0..rng.below(3) {
                    self.invoices.push(Document {
                        id: document_ids.fresh(rng),
                        legal_entity: id.clone(),
                        direction: rng.pick(["SENT", "RECEIVED"]),
                    });
                }
                self.legal_entities.push(LegalEntity {
                    id,
                    organisation: organisation.id.clone(),
                });
            }
        }
    }

    fn add_sub_accounts(&mut self, rng: &mut Rng, emails: &mut BTreeSet<String>) {
        let mut ids = Ids::new("sa");
        for organisation in &self.organisations {
            for _ in 0..rng.below(4) {
                let mut legal_entities = BTreeSet::new();
                for it in &self.legal_entities {
                    let own = it.organisation == organisation.id;
                    let foreign = FOREIGN_ASSOCIATIONS && rng.percent(12);
                    if (own && rng.percent(50)) || foreign {
                        legal_entities.insert(it.id.clone());
                    }
                }
                self.sub_accounts.push(SubAccount {
                    id: ids.fresh(rng),
                    email: email(rng, emails),
                    organisation: organisation.id.clone(),
                    full_access: rng.percent(30),
                    legal_entities,
                });
            }
        }
    }
}
