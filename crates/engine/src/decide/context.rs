//! The context of a question.

use std::sync::Arc;

use cedar_policy::Context;

use crate::schema::{Misfit, Record, Value};

/// The context of a question, as values and for Cedar. A clone is shared, so that many questions
/// take no more memory for it than one.
#[derive(Clone, Debug)]
pub(crate) struct QuestionContext {
    pub(super) record: Arc<Record>,
    pub(super) cedar: Context,
}

impl QuestionContext {
    /// Of values that fit the schema.
    ///
    /// # Errors
    /// A context that Cedar does not take.
    pub(crate) fn new(record: Record) -> Result<Self, Misfit> {
        let cedar = if record.is_empty() {
            Context::empty()
        } else {
            let pairs = record
                .iter()
                .map(|(name, value): (_, &Value)| (name.to_string(), value.to_expression()));
            Context::from_pairs(pairs).map_err(|error| Misfit::new(error.to_string()))?
        };
        Ok(Self {
            record: Arc::new(record),
            cedar,
        })
    }

    /// Its values.
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// The same for Cedar.
    pub(crate) fn cedar(&self) -> &Context {
        &self.cedar
    }
}
