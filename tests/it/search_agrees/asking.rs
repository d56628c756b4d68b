//! Searches and questions to one engine, and what they have to say of each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use peppol_authz_engine::{Failure, SearchResult, Verdict};
use serde_json::{Value as Json, json};

use super::shape::{ACTIONS, ActionShape, CHOICES};
use super::world::World;
use crate::deciding::{Deciding, Refused, first_page};
use crate::rules::rng::Rng;

/// Counts of the questions, so that a test that asks nothing is noticed.
#[derive(Debug, Default)]
pub(super) struct SearchCounts {
    pub(super) searches: usize,
    pub(super) found: usize,
    pub(super) some: usize,
    /// Not all that there are.
    pub(super) narrowed: usize,
    pub(super) decided: usize,
    pub(super) refused: usize,
}

/// One world behind an engine.
pub(super) struct Asking<'a> {
    pub(super) deciding: Deciding,
    pub(super) world: &'a World,
    pub(super) policies: &'a str,
    pub(super) is_file: bool,
    pub(super) seen: &'a mut SearchCounts,
}

fn uid(kind: &str, id: &str) -> Json {
    json!({"type": kind, "id": id})
}

impl Asking<'_> {
    /// Searches of every action.
    pub(super) fn all(&mut self, rng: &mut Rng) {
        for action in &ACTIONS {
            for _ in 0..2 {
                let principal = *rng.choose(action.principals).unwrap();
                let resource = *rng.choose(action.resources).unwrap();
                self.one(rng, action, principal, resource, true);
                self.one(rng, action, principal, resource, false);
            }
        }
    }

    /// The ids to ask about: those that are there, in these and other spellings.
    fn candidates(&self, kind: &str) -> BTreeSet<String> {
        if kind == "Kind" {
            return CHOICES.iter().map(|choice| (*choice).to_owned()).collect();
        }
        let mut ids: BTreeSet<String> = self.world.ids_of(kind).iter().cloned().collect();
        for id in ids.clone() {
            ids.extend([
                id.to_lowercase(),
                id.to_uppercase(),
                id.trim_end().to_owned(),
            ]);
        }
        ids
    }

    /// True if the entity is among those that are looked for. A mail that is nowhere has
    /// attributes too; a file is read into the canonical spelling.
    fn holds(&self, kind: &str, id: &str) -> bool {
        let mut ids = self.world.ids_of(kind).iter();
        kind != "Mail" || ids.any(|other| other == id || self.is_file && other.to_lowercase() == id)
    }

    fn one(
        &mut self,
        rng: &mut Rng,
        action: &ActionShape,
        principal: &str,
        resource: &str,
        on: bool,
    ) {
        let (known, of) = if on {
            (principal, resource)
        } else {
            (resource, principal)
        };
        let mut asked = json!({
            "action": {"type": "Action", "id": action.name},
            "context": self.world.context(rng),
            "entities": self.world.file(rng, |kind| kind == "Outside"),
        });
        let known = uid(known, &self.world.id(rng, known, 10));
        let (known_member, of_member) = if on {
            ("principal", "resource")
        } else {
            ("resource", "principal")
        };
        asked[known_member] = known;
        let questions: Vec<(String, Json)> = self
            .candidates(of)
            .into_iter()
            .map(|id| {
                let mut question = asked.clone();
                question[of_member] = uid(of, &id);
                (id, question)
            })
            .collect();
        let mut wanted = asked.clone();
        wanted[of_member] = json!({"type": of});
        let all: Vec<&Json> = questions.iter().map(|(_, question)| question).collect();
        let answers = self.deciding.ask_all(&all);
        let mut allowed = BTreeSet::new();
        let mut failed = 0;
        for ((_, question), answer) in questions.iter().zip(answers) {
            match answer {
                Ok((uid, verdict)) => {
                    let uid = if on { uid.1 } else { uid.0 };
                    let id: &str = uid.id().as_ref();
                    // Those that are looked for are those that the store holds.
                    if verdict == Verdict::Allow && self.holds(of, id) {
                        allowed.insert(AsRef::<str>::as_ref(uid.id()).to_owned());
                    }
                }
                Err(Refused::Failed(Failure::Tenancy(_) | Failure::Described)) => failed += 1,
                Err(other) => panic!("{other:?}\n{question}"),
            }
        }
        self.seen.searches += 1;
        let page = rng.pick([1, 2, 3, 7, 100]);
        let found = match self.pages(&wanted, page) {
            Ok(found) => found,
            Err(Refused::Failed(Failure::Tenancy(_) | Failure::Described)) if failed > 0 => {
                self.seen.refused += 1;
                return;
            }
            Err(other) => panic!("{other:?}\n{wanted}\n{}", self.policies),
        };
        self.seen.found += found.ids.len();
        self.seen.some += usize::from(!found.ids.is_empty());
        self.seen.narrowed += usize::from(found.decided < questions.len() && found.decided > 0);
        self.seen.decided += found.decided;
        let said = || {
            let mut wanted = wanted.clone();
            wanted.as_object_mut().unwrap().remove("entities");
            format!(
                "{wanted}\n{:#?}\n{}\nallowed {allowed:?}\nfound {:?}",
                found.last.residual, self.policies, found.ids
            )
        };
        assert!(found.ids.is_sorted_by(|a, b| a < b), "{}", said());
        let ids: BTreeSet<String> = found.ids.iter().cloned().collect();
        assert!(ids == allowed, "{}", said());
    }

    fn pages(&self, wanted: &Json, limit: usize) -> Result<Pages, Refused> {
        let mut part = first_page(limit, 10_000);
        let mut ids: Vec<String> = Vec::new();
        let mut decided = 0;
        loop {
            let last = self.deciding.find(wanted, &part)?;
            decided += last.decided;
            let more = last.more;
            assert!(last.entities.len() <= limit, "{last:?}");
            assert!(!more || last.entities.len() == limit, "{last:?}");
            ids.extend(
                last.entities
                    .iter()
                    .map(|uid| AsRef::<str>::as_ref(uid.id()).to_owned()),
            );
            if !more {
                return Ok(Pages { ids, decided, last });
            }
            part.after = ids.last().map(|id| Arc::from(id.as_str()));
        }
    }
}

struct Pages {
    ids: Vec<String>,
    decided: usize,
    last: SearchResult,
}
