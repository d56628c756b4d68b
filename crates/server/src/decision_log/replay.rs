//! Deciding a line again, by the engine that decided it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::alike;
use super::entry::{self, ANSWER, DIAGNOSTICS};
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

/// Decides lines again, all by the same policies: from the entities that a line holds, else from a
/// store.
pub struct Replay {
    bundle: Arc<Bundle>,
    recorded: Arc<RecordedStore>,
    engine: Engine,
    live: Option<LiveStore>,
}

/// A store, and whom its ids are hashes of.
struct LiveStore {
    engine: Engine,
    pseudonyms: Option<Pseudonyms>,
    ids: HashMap<String, String>,
}

/// A line that was decided again.
#[derive(Debug)]
pub struct Again {
    /// What was asked.
    pub question: Question,
    /// What is decided now.
    pub decision: Decision,
    /// What a line would say of it.
    answer: [String; ANSWER.len()],
}

/// A line that was decided by two sets of policies.
#[derive(Debug)]
pub struct Both {
    /// By those that are compared with.
    pub old: Result<Again, Undecided>,
    /// By the others.
    pub new: Result<Again, Undecided>,
}

/// Why a line cannot be decided again.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// It is of something that was no question.
    #[error("it was no question of the schema")]
    NoQuestion,
    /// It holds no entities, and there is no store.
    #[error("it has no `slice`, and no store is named")]
    NoStore,
    /// It says hashes, and no key is there to know whose.
    #[error("it has no `slice` and says hashes of ids, and no key is named")]
    NoKey,
    /// The hashes are by another key.
    #[error("its hashes are by the key `{0}`, which is not the one that is named")]
    OtherKey(String),
    /// It does not fit the schema.
    #[error("{0}")]
    Unfit(Misfit),
    /// Its question does not fit the schema.
    #[error("`question`: {0}")]
    Malformed(Malformed),
    /// There is no decision: policies look at more than was looked at then, or the store cannot
    /// serve it.
    #[error("{0}")]
    Failed(Failure),
    /// It cannot be written.
    #[error("{0}")]
    Unwritten(String),
}

impl Replay {
    /// By these policies, of lines that hold entities.
    ///
    /// # Errors
    /// None that is known: what is not a store has nothing that does not fit.
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

    /// From a store those lines that hold none. Hashes by the key are those of ids in the store;
    /// what is a hash of none of them is not in the store.
    ///
    /// # Errors
    /// A store that does not fit the schema, or cannot be read.
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

    /// Decides a line again. One after another: the entities of one line are held at a time.
    ///
    /// # Errors
    /// See [`Undecided`].
    pub async fn decide(&mut self, line: &Line) -> Result<Again, Undecided> {
        let json = line.question.as_ref().ok_or(Undecided::NoQuestion)?;
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

/// Decides a line by two sets of policies. A line that holds the entities which the policies could
/// look at is decided from these; policies that look at others say so ([`Undecided::Failed`]), and
/// never take what was not looked at for absent.
pub async fn decide_by_both(old: &mut Replay, new: &mut Replay, line: &Line) -> Both {
    Both {
        old: old.decide(line).await,
        new: new.decide(line).await,
    }
}

impl Again {
    /// The members in which a line says something else, byte for byte: none where it says the same.
    /// Only what it says of failed policies may have other texts in the place of hashes.
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
    /// The members in which the two differ; `None` where one of them has not decided.
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
        // The entities of one line are not those of another.
        cache_bytes: 0,
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

/// The ids of a store that say who somebody is, by their hashes.
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

/// A question with the ids that its hashes are of.
fn unveiled(json: &Json, ids: &HashMap<String, String>) -> Json {
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
