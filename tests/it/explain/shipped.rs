//! The shipped policies over random tenancies: what a permit is said to lack is what it
//! lacks by the independent formulation of the rules, and by a store that is filled anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use peppol_authz_engine::policy::{Bundle, Sources, load};
use peppol_authz_engine::schema::Value;
use peppol_authz_engine::{Change, ChangeKind, Explanation, Remedy, Verdict};
use serde_json::Value as Json;

use crate::deciding::{Deciding, codes, open};
use crate::rules::oracle::answer;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::{Flags, Tenancy};
use crate::rules::vocabulary::{Mode, Role};
use crate::search_agrees::seed;
use crate::store::import;

/// An engine over a store that was filled with a tenancy.
struct Filled {
    deciding: Deciding,
    _directory: tempfile::TempDir,
}

impl Filled {
    fn with(tenancy: &Tenancy, bundle: &Arc<Bundle>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory.path().join("own.db"));
        let documents: String = tenancy
            .documents()
            .iter()
            .map(|document| format!("{document}\n"))
            .collect();
        import(&store, &documents).unwrap();
        Self {
            deciding: Deciding::over(store, Arc::clone(bundle)),
            _directory: directory,
        }
    }
}

fn flag(record: &Value, name: &str) -> Option<bool> {
    match record {
        Value::Record(record) => match record.get(name)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        },
        _ => None,
    }
}

/// Makes a change to a tenancy; `None` where it has no place for it.
fn change(tenancy: &mut Tenancy, change: &Change) -> Option<()> {
    let of = change.of.as_ref()?;
    let id: &str = of.id().as_ref();
    match (of.type_name().basename(), &change.what) {
        // A store has no tag without a role.
        ("User", ChangeKind::Tag(organisation, Some(Value::Set(roles)))) if !roles.is_empty() => {
            tenancy
                .roles
                .retain(|(user, of, _)| (user.as_str(), of.as_str()) != (id, organisation));
            for role in roles.iter() {
                let Value::Entity(role) = role else {
                    return None;
                };
                let role = Role::ALL
                    .into_iter()
                    .find(|found| found.name() == AsRef::<str>::as_ref(role.id()))?;
                tenancy
                    .roles
                    .insert((id.to_owned(), organisation.to_string(), role));
            }
        }
        ("Organisation", ChangeKind::Attribute(name, Some(Value::Entity(to))))
            if &**name == "mode" =>
        {
            let mut organisations = tenancy.organisations.iter_mut();
            let organisation = organisations.find(|organisation| organisation.id == id)?;
            let mut modes = Mode::ALL.into_iter();
            organisation.mode = modes.find(|mode| mode.name() == AsRef::<str>::as_ref(to.id()))?;
        }
        ("User", ChangeKind::Attribute(name, Some(Value::Bool(to)))) => {
            let user = tenancy.users.iter_mut().find(|user| user.id == id)?;
            match &**name {
                "superadmin" => user.superadmin = *to,
                _ => return None,
            }
        }
        ("Participant", ChangeKind::Tag(user, Some(flags))) => {
            let flags = Flags {
                send: flag(flags, "canSendDocument")?,
                receive: flag(flags, "canReceiveDocument")?,
                remove: flag(flags, "canRemoveDocument")?,
                hook: flag(flags, "canManageHook")?,
            };
            let key = (user.to_string(), id.to_owned());
            tenancy.authorizations.insert(key, flags);
        }
        ("SubAccount", what) => {
            let mut accounts = tenancy.sub_accounts.iter_mut();
            let account = accounts.find(|account| account.id == id)?;
            match what {
                ChangeKind::Tag(key, Some(Value::Entity(_))) => {
                    account.legal_entities.insert(key.to_string());
                }
                ChangeKind::Attribute(name, Some(Value::Bool(to))) if &**name == "fullAccess" => {
                    account.full_access = *to;
                }
                ChangeKind::Attribute(name, Some(Value::Entity(to)))
                    if &**name == "organisation" =>
                {
                    account.organisation = AsRef::<str>::as_ref(to.id()).to_owned();
                }
                _ => return None,
            }
        }
        ("LegalEntity", ChangeKind::Attribute(name, Some(Value::Entity(to))))
            if &**name == "organisation" =>
        {
            let mut entities = tenancy.legal_entities.iter_mut();
            let entity = entities.find(|entity| entity.id == id)?;
            entity.organisation = AsRef::<str>::as_ref(to.id()).to_owned();
        }
        _ => return None,
    }
    Some(())
}

/// What explanations claim, held against the rules and against stores that are filled anew.
struct Claims {
    bundle: Arc<Bundle>,
    held: usize,
    anew: usize,
    /// Claims of changes that a tenancy has no place for.
    no_place: usize,
    actions: BTreeSet<&'static str>,
}

impl Claims {
    /// The claims of all denials by a code among these, over random tenancies.
    fn of_denials(
        tenancies: u64,
        is_meant: impl Fn(&[&str]) -> bool,
        remedies: impl Fn(&Explanation) -> Vec<(&Remedy, Option<&str>)>,
    ) -> Self {
        let mut claims = Self {
            bundle: Arc::new(load(&Sources::shipped()).unwrap()),
            held: 0,
            anew: 0,
            no_place: 0,
            actions: BTreeSet::new(),
        };
        for number in 0..tenancies {
            let mut rng = Rng::new(seed() * 9_000_011 + number);
            let tenancy = Tenancy::random(&mut rng, 4);
            let filled = Filled::with(&tenancy, &claims.bundle);
            for _ in 0..250 {
                let question = Question::random(&mut rng, &tenancy);
                let json = question.to_json(&mut rng);
                let (decision, why) = filled.deciding.explain(&json).unwrap();
                // The store derives the last orgadmin from roles; a change of a role alone does
                // not say it.
                if question.action == "leaveOrganisation" || !is_meant(&codes(&decision)) {
                    continue;
                }
                let why = why.unwrap();
                for (remedy, by) in remedies(&why) {
                    claims.hold(&tenancy, &question, &json, remedy, by);
                }
            }
        }
        claims
    }

    /// A remedy, and the permit that it is for, if it is for one.
    fn hold(
        &mut self,
        tenancy: &Tenancy,
        question: &Question,
        json: &Json,
        remedy: &Remedy,
        by: Option<&str>,
    ) {
        let said = || format!("{json}\n{by:?}\n{remedy:#?}");
        let mut changed = tenancy.clone();
        let made = remedy.changes.iter().map(|it| change(&mut changed, it));
        if made.collect::<Option<Vec<()>>>().is_none() {
            self.no_place += 1;
            return;
        }
        self.held += 1;
        self.actions.insert(question.action);
        let wanted = answer(&changed, question);
        let found: BTreeSet<&str> = match remedy.verdict {
            Verdict::Allow => BTreeSet::new(),
            Verdict::Deny => {
                let codes = remedy.reasons.iter();
                codes.filter_map(|reason| reason.code.as_deref()).collect()
            }
        };
        assert_eq!(wanted.allow, remedy.verdict == Verdict::Allow, "{}", said());
        assert_eq!(wanted.codes, found, "{}", said());
        if self.held.is_multiple_of(25) {
            self.anew += 1;
            let again = Filled::with(&changed, &self.bundle).deciding.decide(json);
            assert_eq!(again.verdict, remedy.verdict, "{}", said());
            let allowed = again.verdict == Verdict::Allow;
            let by_it = by.is_none_or(|by| again.determining.iter().any(|id| &**id == by));
            assert!(!allowed || by_it, "{}", said());
        }
    }
}

#[test]
fn what_is_lacked_is_what_the_rules_want() {
    let claims = Claims::of_denials(
        6,
        |codes| codes == ["NOT_PERMITTED"],
        |why| {
            let near = why
                .near
                .iter()
                .flat_map(|near| near.ways.iter().map(move |way| (near, way)));
            let remedies = near.flat_map(|(near, way)| {
                way.met.iter().map(|remedy| (remedy, Some(&*near.info.id)))
            });
            remedies.collect()
        },
    );
    let seen = (claims.held, claims.anew, claims.no_place, &claims.actions);
    assert!(claims.held > 200 && claims.anew > 5, "{seen:?}");
    assert!(
        claims.no_place < claims.held / 10 && claims.actions.len() > 20,
        "{seen:?}"
    );
}

#[test]
fn a_way_out_of_forbids_is_what_the_rules_want() {
    let claims = Claims::of_denials(
        6,
        |codes| codes != ["NOT_PERMITTED"],
        |why| {
            let remedies = why.ways.iter().flat_map(|way| &way.met);
            remedies.map(|remedy| (remedy, None)).collect()
        },
    );
    let seen = (claims.held, claims.anew, claims.no_place, &claims.actions);
    assert!(
        claims.held > 100 && claims.anew > 3 && claims.actions.len() > 10,
        "{seen:?}"
    );
}
