//! Questions in memory as they were read, by their text.
//!
//! To read a question takes longer than to find a decision that is kept. Its reading depends on its
//! text and on the Bundle alone: so the same text, byte for byte, is the same question, for as long as
//! the Bundle is in force.
//!
//! Never kept are questions that describe entities, which depend on the store, and those with
//! options: `atLeast` names a state of a store that there may no longer be.

use std::hash::{Hash, Hasher};

use moka::Equivalent;

use super::decision::QuestionForm;
use super::doorkeeper::Doorkeeper;
use super::question::{Question, QuestionOptions};
use crate::schema::record_weight;
use crate::slice::ENTRY_BYTES;

/// The longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 2048;

/// The memory that a question takes beside its text and its context, in bytes: three entities, also
/// in Cedar's form.
const QUESTION_BYTES: usize = 900;

/// Bounded by bytes; the least used goes first.
pub(crate) struct KnownQuestions(Option<(KnownCache, Doorkeeper)>);

type KnownCache = moka::sync::Cache<KnownText, Question, foldhash::quality::RandomState>;

/// A text that was read. The same text may mean something else in another form.
struct KnownText {
    form: QuestionForm,
    text: Box<[u8]>,
}

/// The same, only looked up.
struct AskedText<'a> {
    form: QuestionForm,
    text: &'a [u8],
}

impl KnownText {
    fn asked(&self) -> AskedText<'_> {
        AskedText {
            form: self.form,
            text: &self.text,
        }
    }
}

impl Hash for KnownText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.asked().hash(state);
    }
}

impl Hash for AskedText<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // One write: a form in its turn would be another.
        self.text.hash(state);
    }
}

impl PartialEq for KnownText {
    fn eq(&self, other: &Self) -> bool {
        self.asked().equivalent(other)
    }
}

impl Eq for KnownText {}

impl Equivalent<KnownText> for AskedText<'_> {
    fn equivalent(&self, known: &KnownText) -> bool {
        self.form == known.form && *self.text == *known.text
    }
}

impl KnownQuestions {
    /// A memory of at most `bytes`; with 0, one that keeps nothing.
    pub(super) fn new(bytes: u64) -> Self {
        let known = (bytes > 0).then(|| {
            let cache = moka::sync::Cache::builder()
                .max_capacity(bytes)
                .weigher(|known: &KnownText, question: &Question| {
                    // The context is there twice, for Cedar as well.
                    let context = 2 * record_weight(&question.context);
                    let bytes = ENTRY_BYTES + QUESTION_BYTES + known.text.len() + context;
                    u32::try_from(bytes).unwrap_or(u32::MAX)
                })
                // Texts come from callers: seeded.
                .build_with_hasher(foldhash::quality::RandomState::default());
            (cache, Doorkeeper::new(bytes))
        });
        Self(known)
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |(known, _)| {
            // They are counted late otherwise.
            known.run_pending_tasks();
            known.weighted_size()
        })
    }

    /// The question that this text is, if it was read before.
    pub(super) fn of(&self, form: QuestionForm, text: &[u8]) -> Option<Question> {
        let (known, _) = self.0.as_ref().filter(|_| text.len() <= LONGEST_TEXT)?;
        known.get(&AskedText { form, text })
    }

    /// Keeps a question that was read from this text.
    pub(super) fn keep(
        &self,
        form: QuestionForm,
        text: &[u8],
        question: &Question,
        options: &QuestionOptions,
    ) {
        let is_plain =
            question.described.is_empty() && options.demand.is_empty() && !options.explain;
        if let Some((known, doorkeeper)) = &self.0
            && is_plain
            && text.len() <= LONGEST_TEXT
            && doorkeeper.admits(known.weighted_size(), &AskedText { form, text })
        {
            let text = text.into();
            known.insert(KnownText { form, text }, question.clone());
        }
    }
}
