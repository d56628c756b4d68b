//! Lines that are decided again, by the same engine.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::alike;
use super::entry::{self, ANSWER, DIAGNOSTICS, SLICE};
use super::pseudonym::{Pseudonyms, is_hash};
use super::read::Line;
use super::recorded::{RecordedSlice, RecordedStore};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{Candidates, Condition, Store, StoreError};
use peppol_authz_engine::{Decision, Engine, EngineOptions, Failure, Malformed, Question};

/// Ids that are read from a store together.
const PAGE: usize = 1000;

/// Decides lines again, all by the same policies: from the entities in a line, or else from a
/// store.
pub struct Replay {
    bundle: Arc<Bundle>,
    recorded: Arc<RecordedStore>,
    engine: Engine,
    live: Option<LiveStore>,
}

/// A store, and its personal ids by their hashes.
struct LiveStore {
    engine: Engine,
    pseudonyms: Option<Pseudonyms>,
    ids: HashMap<String, String>,
}

/// A line that was decided again.
#[derive(Debug)]
pub struct Again {
    /// The question.
    pub question: Question,
    /// The decision now.
    pub decision: Decision,
    /// The decision as a line would have it.
    answer: [String; ANSWER.len()],
}

/// A line that was decided by two sets of policies.
#[derive(Debug)]
pub struct Both {
    /// By the old policies.
    pub old: Result<Again, Undecided>,
    /// By the new policies.
    pub new: Result<Again, Undecided>,
}

/// Why a line cannot be decided again.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The line is about something that was no question.
    #[error("it was no question of the schema")]
    NoQuestion,
    /// The line was cut: it does not hold all that it was decided from.
    #[error("it was too long and was cut: {0} left out")]
    Cut(String),
    /// The line holds no entities, and there is no store.
    #[error("it has no `slice`, and no store is named")]
    NoStore,
    /// The line holds hashes, and there is no key.
    #[error("it has no `slice` and says hashes of ids, and no key is named")]
    NoKey,
    /// The hashes are by another key.
    #[error("its hashes are by the key `{0}`, which is not the one that is named")]
    OtherKey(String),
    /// The line does not fit the schema.
    #[error("{0}")]
    Unfit(Misfit),
    /// The question does not fit the schema.
    #[error("`question`: {0}")]
    Malformed(Malformed),
    /// There is no decision: the policies need entities that were not recorded, or the store cannot
    /// answer.
    #[error("{0}")]
    Failed(Failure),
    /// The decision cannot be written.
    #[error("{0}")]
    Unwritten(String),
}

impl Replay {
    /// A replay by these policies, of lines that hold entities.
    ///
    /// # Errors
    /// None is known: recorded entities always fit.
    pub fn new(bundle: Arc<Bundle>) -> Result<Self, StoreError> {
        let recorded = Arc::new(RecordedStore::default());
        let store = Arc::clone(&recorded) as Arc<dyn Store>;
        Ok(Self {
            engine: engine(store, &bundle)?,
            bundle,
            recorded,
            live: None,
        })
    }

    /// Decides lines without entities from a store. Hashes by the key are matched with ids in the
    /// store; a hash that matches none is an id that the store does not have.
    ///
    /// # Errors
    /// The store does not fit the schema, or cannot be read.
    pub async fn over(
        self,
        store: Arc<dyn Store>,
        key: Option<&Pseudonyms>,
    ) -> Result<Self, StoreError> {
        let engine = engine(Arc::clone(&store), &self.bundle)?;
        let ids = match key {
            Some(key) => ids(&*store, &self.bundle, key).await?,
            None => HashMap::new(),
        };
        let pseudonyms = key.map(Pseudonyms::keeping_hashes);
        Ok(Self {
            live: Some(LiveStore {
                engine,
                pseudonyms,
                ids,
            }),
            ..self
        })
    }

    /// The policies.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Decides a line again. Only the entities of one line are held at a time.
    ///
    /// # Errors
    /// See [`Undecided`].
    pub async fn decide(&mut self, line: &Line) -> Result<Again, Undecided> {
        let json = line.question.as_ref().ok_or(Undecided::NoQuestion)?;
        // Its entities may come from a store, and nothing else of it can.
        if line
            .cut
            .iter()
            .any(|part| part != SLICE || self.live.is_none())
        {
            let parts = line.cut.iter().map(|part| format!("`{part}`"));
            return Err(Undecided::Cut(parts.collect::<Vec<_>>().join(", ")));
        }
        let slice = RecordedSlice::of(line, &self.bundle.schema).map_err(Undecided::Unfit)?;
        if let Some(slice) = slice {
            self.recorded.hold(slice);
            return decide(&self.engine, json, &Pseudonyms::none()).await;
        }
        let live = self.live.as_ref().ok_or(Undecided::NoStore)?;
        match (&line.key, &live.pseudonyms) {
            (Some(name), Some(key)) if key.key_name() != Some(name) && line.is_veiled => {
                Err(Undecided::OtherKey(name.clone()))
            }
            (Some(_), None) if line.is_veiled => Err(Undecided::NoKey),
            (Some(_), Some(key)) => decide(&live.engine, &unveiled(json, &live.ids), key).await,
            (Some(_), None) | (None, _) => decide(&live.engine, json, &Pseudonyms::none()).await,
        }
    }
}

/// Decides a line by two sets of policies. If the line holds entities, it is decided from these.
/// Policies that need others fail ([`Undecided::Failed`]): an entity that was not recorded is never
/// taken for absent.
pub async fn decide_by_both(old: &mut Replay, new: &mut Replay, line: &Line) -> Both {
    Both {
        old: old.decide(line).await,
        new: new.decide(line).await,
    }
}

impl Again {
    /// The members that differ from the line, byte for byte. Only errors of failed policies may
    /// have other texts in the place of hashes.
    #[must_use]
    pub fn differs_from(&self, line: &Line) -> Vec<&'static str> {
        let mut members = differing(&self.answer, &line.answer);
        let ([_, _, again, ..], [_, _, written, ..]) = (&self.answer, &line.answer);
        if line.is_veiled && alike::diagnostics(again, written) {
            members.retain(|member| *member != DIAGNOSTICS);
        }
        members
    }
}

impl Both {
    /// The members in which the two decisions differ; `None` if one is missing.
    #[must_use]
    pub fn differ(&self) -> Option<Vec<&'static str>> {
        match (&self.old, &self.new) {
            (Ok(old), Ok(new)) => Some(differing(&old.answer, &new.answer)),
            _ => None,
        }
    }
}

fn differing(one: &[String; ANSWER.len()], other: &[String; ANSWER.len()]) -> Vec<&'static str> {
    let pairs = one.iter().zip(other).zip(ANSWER);
    pairs
        .filter(|((one, other), _)| one != other)
        .map(|(_, name)| name)
        .collect()
}

fn engine(store: Arc<dyn Store>, bundle: &Arc<Bundle>) -> Result<Engine, StoreError> {
    let options = EngineOptions {
        // The entities of one line do not belong to another.
        cache_bytes: 0,
        decision_bytes: 0,
        freshness: Freshness::EACH,
    };
    Engine::new(store, Arc::clone(bundle), options)
}

async fn decide(engine: &Engine, json: &Json, pseudonyms: &Pseudonyms) -> Result<Again, Undecided> {
    let session = engine.session();
    let question = session.question(json, usize::MAX);
    let (question, options) = question.map_err(Undecided::Malformed)?;
    let decision = session.decide(&question, &options.demand).await;
    let decision = decision.map_err(Undecided::Failed)?;
    let answer = entry::answer(&question, &decision, &session.state.bundle, pseudonyms)
        .map_err(|error| Undecided::Unwritten(error.to_string()))?;
    Ok(Again {
        question,
        decision,
        answer,
    })
}

/// The personal ids of a store, by their hashes.
async fn ids(
    store: &dyn Store,
    bundle: &Bundle,
    key: &Pseudonyms,
) -> Result<HashMap<String, String>, StoreError> {
    let mut found = HashMap::new();
    let types = bundle.schema.entity_types().into_iter();
    let types = types.filter(|of| of.personal && store.serves(&of.name));
    let mut snapshot = store.snapshot(&bundle.schema, None).await?;
    for of in types {
        let mut wanted = Candidates {
            of: of.name.clone(),
            condition: Condition::Always,
            after: None,
            limit: PAGE,
        };
        loop {
            let page = snapshot.candidates(&wanted).await?;
            let is_last = page.len() < wanted.limit;
            wanted.after = page.last().map(|last| Arc::from(last.as_str()));
            for id in page {
                found.insert(key.of(&id), id);
            }
            if is_last {
                break;
            }
        }
    }
    Ok(found)
}

/// A question with ids in the place of their hashes.
pub(crate) fn unveiled(json: &Json, ids: &HashMap<String, String>) -> Json {
    let text = |text: &String| match ids.get(text) {
        Some(id) if is_hash(text) => id.clone(),
        _ => text.clone(),
    };
    match json {
        Json::String(value) => Json::String(text(value)),
        Json::Array(values) => values.iter().map(|json| unveiled(json, ids)).collect(),
        Json::Object(members) => {
            let pairs = members.iter();
            pairs
                .map(|(name, json)| (text(name), unveiled(json, ids)))
                .collect()
        }
        other => other.clone(),
    }
}
