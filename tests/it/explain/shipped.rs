//! The shipped policies over random tenancies: what a permit is said to lack is what it
//! lacks by the independent formulation of the rules, and by a store that is filled anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use peppol_authz_engine::policy::{Bundle, Sources, load};
use peppol_authz_engine::schema::Value;
use peppol_authz_engine::{Change, ChangeKind, Verdict};

use crate::deciding::{Deciding, codes, open};
use crate::rules::oracle::answer;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::{Flags, Tenancy};
use crate::rules::vocabulary::Role;
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
        ("User", ChangeKind::Tag(organisation, Some(Value::Set(roles)))) => {
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

#[test]
fn what_is_lacked_is_what_the_rules_want() {
    let bundle = Arc::new(load(&Sources::shipped()).unwrap());
    let (mut claimed, mut anew, mut no_place) = (0, 0, 0);
    let mut actions = BTreeSet::new();
    for number in 0..6 {
        let mut rng = Rng::new(seed() * 9_000_011 + number);
        let tenancy = Tenancy::random(&mut rng, 4);
        let filled = Filled::with(&tenancy, &bundle);
        for _ in 0..250 {
            let question = Question::random(&mut rng, &tenancy);
            let json = question.to_json(&mut rng);
            let (decision, why) = filled.deciding.explain(&json).unwrap();
            // The store derives the last orgadmin from roles; a change of a role alone does
            // not say it.
            if codes(&decision) != ["NOT_PERMITTED"] || question.action == "leaveOrganisation" {
                continue;
            }
            for near in why.unwrap().near {
                for remedy in near.ways.iter().flat_map(|way| &way.met) {
                    let said = || format!("{json}\n{near:#?}\n{remedy:#?}");
                    let mut changed = tenancy.clone();
                    let made = remedy.changes.iter().map(|it| change(&mut changed, it));
                    if made.collect::<Option<Vec<()>>>().is_none() {
                        no_place += 1;
                        continue;
                    }
                    claimed += 1;
                    actions.insert(question.action);
                    let wanted = answer(&changed, &question);
                    let found: BTreeSet<&str> = match remedy.verdict {
                        Verdict::Allow => BTreeSet::new(),
                        Verdict::Deny => {
                            let codes = remedy.reasons.iter();
                            codes.filter_map(|reason| reason.code.as_deref()).collect()
                        }
                    };
                    assert_eq!(wanted.allow, remedy.verdict == Verdict::Allow, "{}", said());
                    assert_eq!(wanted.codes, found, "{}", said());
                    if claimed % 25 == 0 {
                        anew += 1;
                        let again = Filled::with(&changed, &bundle).deciding.decide(&json);
                        assert_eq!(again.verdict, remedy.verdict, "{}", said());
                        let allowed = again.verdict == Verdict::Allow;
                        let by_it = again.determining.contains(&near.info.id);
                        assert!(!allowed || by_it, "{}", said());
                    }
                }
            }
        }
    }
    let seen = (claimed, anew, no_place, actions.len());
    assert!(claimed > 200 && anew > 5, "{seen:?}");
    assert!(no_place < claimed / 10 && actions.len() > 20, "{seen:?}");
}
