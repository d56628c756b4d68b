//! Decisions in memory, to be given again.
//!
//! A decision is a function of the policies, of the question, and of the entities that the policies
//! could look at. So it is given again only by the same policies (it belongs to one Bundle), to an
//! equal question, and while the timeline has noted no change of any of these entities, nor of those
//! that these are in by others, nor of those that were looked for and are none, nor of links of the store. This is the rule by which entities themselves are kept: an
//! answer is never from before a change, and needs no time to live.
//!
//! Never kept are decisions about entities that a caller describes, and those from a state that is a
//! snapshot's alone. No policy can read a clock.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use cedar_policy::EntityUid;
use moka::Equivalent;

use super::decision::Decision;
use super::doorkeeper::Doorkeeper;
use super::question::Question;
use crate::schema::{Record, record_weight};
use crate::slice::{ENTRY_BYTES, Loaded, MarkPlace, SeenEntity, StateReading};
use crate::store::TagKeys;

/// The memory that an entity of a slice takes that is kept elsewhere, in bytes.
const SEEN_BYTES: usize = 64 + size_of::<Loaded>();

/// The text of an entity has about this part of its bytes in memory; half of them where it is all strings.
const PARTS_OF_TEXT: usize = 4;

/// The memory that a decision takes beside its entry, its ids and its context, in bytes.
const DECISION_BYTES: usize = 900;

/// The memory that the texts take which surfaces write of it, in bytes.
const WRITTEN_BYTES: usize = 1000;

/// The memory that an id takes beside its letters, in bytes.
const UID_BYTES: usize = 120;

/// The ways to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// It is made of entities, and comes with its slice.
    Never,
    /// It may be one that was made before, and comes with its slice all the same. Those that rest on
    /// links of the store are made.
    WithSlice,
    /// It may be one that was made before, and comes without its slice.
    WithoutSlice,
}

/// The decisions in memory, and how often they helped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptStats {
    /// Decisions that were given again; also those of memories before it.
    pub recalled: u64,
    /// Decisions.
    pub decisions: u64,
    /// About how many bytes they take.
    pub bytes: u64,
}

type KeptCache = moka::sync::Cache<KeptQuestion, Arc<KeptDecision>, foldhash::quality::RandomState>;

/// Bounded by bytes; the least used goes first.
pub(crate) struct KeptDecisions {
    kept: Option<(KeptCache, Doorkeeper)>,
    /// How often one was given again; also those of the memory before this one.
    recalled: Arc<AtomicU64>,
}

/// The parts of a question that decide.
struct KeptQuestion {
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    context: Arc<Record>,
}

/// The same, only looked up.
struct AskedQuestion<'a>(&'a Question);

struct KeptDecision {
    /// The epoch whose state it was made of.
    epoch: u64,
    /// Where changes of the entities are noted that it rests on, also of those that are none.
    looked_at: Box<[MarkPlace]>,
    /// Its slice, where it is wanted.
    slice: Option<Box<[KeptSeen]>>,
    /// The decision without it.
    decision: Decision,
}

/// An entity of a slice, for as long as it is in memory itself: decisions keep none there.
struct KeptSeen {
    loaded: Weak<Loaded>,
    tags: Option<TagKeys>,
}

impl Hash for KeptQuestion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (
            &self.principal,
            &self.action,
            &self.resource,
            &*self.context,
        )
            .hash(state);
    }
}

impl Hash for AskedQuestion<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let question = self.0;
        let (principal, action) = (&question.principal, &question.action);
        (principal, action, &question.resource, &*question.context).hash(state);
    }
}

impl PartialEq for KeptQuestion {
    fn eq(&self, other: &Self) -> bool {
        self.principal == other.principal
            && self.action == other.action
            && self.resource == other.resource
            && self.context == other.context
    }
}

impl Eq for KeptQuestion {}

impl Equivalent<KeptQuestion> for AskedQuestion<'_> {
    fn equivalent(&self, kept: &KeptQuestion) -> bool {
        let question = self.0;
        question.principal == kept.principal
            && question.action == kept.action
            && question.resource == kept.resource
            && question.context == kept.context
    }
}

impl KeptDecisions {
    /// A memory of at most `bytes`; with 0, one that keeps nothing. `recalled` is the count of the one
    /// before it.
    pub(super) fn new(bytes: u64, recalled: Arc<AtomicU64>) -> Self {
        let kept = (bytes > 0).then(|| {
            let cache = moka::sync::Cache::builder()
                .max_capacity(bytes)
                .weigher(|question: &KeptQuestion, kept: &Arc<KeptDecision>| {
                    u32::try_from(question.weight() + kept.weight()).unwrap_or(u32::MAX)
                })
                // Ids come from callers: seeded.
                .build_with_hasher(foldhash::quality::RandomState::default());
            (cache, Doorkeeper::new(bytes))
        });
        Self { kept, recalled }
    }

    /// How often decisions were given again.
    pub(super) fn recalled(&self) -> &Arc<AtomicU64> {
        &self.recalled
    }

    /// Its contents, and how often it helped.
    pub(super) fn stats(&self) -> KeptStats {
        // Decisions are counted late otherwise.
        let kept = self.kept.as_ref().map(|(kept, _)| kept);
        if let Some(kept) = kept {
            kept.run_pending_tasks();
        }
        KeptStats {
            recalled: self.recalled.load(Ordering::Relaxed),
            decisions: kept.map_or(0, moka::sync::Cache::entry_count),
            bytes: kept.map_or(0, moka::sync::Cache::weighted_size),
        }
    }

    /// The decision of an equal question, if it would be the same in the state of a reading.
    pub(super) fn recall(
        &self,
        question: &Question,
        reading: &StateReading<'_>,
        recall: Recall,
    ) -> Option<Decision> {
        let (found, _) = self.for_question(question, recall)?;
        let found = found.get(&AskedQuestion(question))?;
        if !reading.are_current(&found.looked_at, found.epoch) {
            return None;
        }
        let slice = match recall {
            Recall::WithSlice => found.slice()?,
            Recall::WithoutSlice | Recall::Never => Arc::default(),
        };
        self.recalled.fetch_add(1, Ordering::Relaxed);
        Some(Decision {
            tenancy_revision: Arc::clone(reading.revision()),
            slice,
            ..found.decision.clone()
        })
    }

    /// The decisions, where one of them could be that of this question.
    fn for_question(
        &self,
        question: &Question,
        recall: Recall,
    ) -> Option<&(KeptCache, Doorkeeper)> {
        let kept = self.kept.as_ref()?;
        (recall != Recall::Never && question.described.is_empty()).then_some(kept)
    }

    /// Keeps a decision that was made in the state of a reading.
    pub(super) fn keep(
        &self,
        question: &Question,
        reading: &StateReading<'_>,
        recall: Recall,
        made: &Decision,
    ) {
        let kept = self.for_question(question, recall);
        let (Some((kept, doorkeeper)), Some(epoch)) = (kept, reading.epoch()) else {
            return;
        };
        if !doorkeeper.admits(kept.weighted_size(), &AskedQuestion(question)) {
            return;
        }
        let has_slice = recall == Recall::WithSlice;
        // A table of links is large, and would be held by each decision of its time.
        if has_slice && made.link_table.is_some() {
            return;
        }
        let seen = made.slice.iter().map(|seen| &seen.loaded.row);
        let others = made.absent.iter().chain(&made.missing);
        let decision = KeptDecision {
            epoch,
            looked_at: reading.marks(seen, others),
            slice: has_slice.then(|| made.slice.iter().map(KeptSeen::of).collect()),
            decision: made.to_keep(),
        };
        let question = KeptQuestion {
            principal: question.principal.clone(),
            action: question.action.clone(),
            resource: question.resource.clone(),
            context: Arc::clone(&question.context),
        };
        kept.insert(question, Arc::new(decision));
    }
}

fn uid_weight(uid: &EntityUid) -> usize {
    UID_BYTES + AsRef::<str>::as_ref(uid.id()).len()
}

impl KeptQuestion {
    fn weight(&self) -> usize {
        let named = [&self.principal, &self.action, &self.resource];
        let named = named.into_iter().map(uid_weight);
        ENTRY_BYTES + record_weight(&self.context) + named.sum::<usize>()
    }
}

impl KeptSeen {
    fn of(seen: &SeenEntity) -> Self {
        Self {
            loaded: Arc::downgrade(&seen.loaded),
            tags: seen.tags.clone(),
        }
    }

    /// The memory that it takes, about, with its text in a line of the decision log.
    fn weight(&self) -> usize {
        let seen = self.seen();
        SEEN_BYTES + seen.map_or(0, |seen| seen.asked_weight() / PARTS_OF_TEXT)
    }

    fn seen(&self) -> Option<SeenEntity> {
        Some(SeenEntity {
            loaded: self.loaded.upgrade()?,
            tags: self.tags.clone(),
        })
    }
}

impl KeptDecision {
    /// Its slice; `None` where it is not kept, or an entity is not in memory any more.
    fn slice(&self) -> Option<Arc<[SeenEntity]>> {
        self.slice.as_ref()?.iter().map(KeptSeen::seen).collect()
    }

    fn weight(&self) -> usize {
        let decision = &self.decision;
        let others = decision.absent.iter().chain(&decision.missing);
        let others = others.map(uid_weight).sum::<usize>();
        let errors = decision.errors.iter().map(String::len);
        let marks = size_of_val(&*self.looked_at);
        let slice = self.slice.iter().flatten().map(KeptSeen::weight);
        DECISION_BYTES
            + WRITTEN_BYTES
            + marks
            + others
            + slice.sum::<usize>()
            + errors.sum::<usize>()
    }
}
