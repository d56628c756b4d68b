//! A decision that was given, for whoever looks on.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;
use uuid::Uuid;

use super::decision::Decision;
use super::question::Question;
use crate::policy::Bundle;

/// A decision that was given, for whoever looks on.
#[derive(Debug)]
pub struct Decided {
    /// What the decision is called.
    pub id: Uuid,
    /// What it came through: `native`, `authzen`, `avp` or `gateway`.
    pub surface: &'static str,
    /// When it was given.
    pub at: SystemTime,
    /// How long it took; of a batch, its share.
    pub elapsed: Duration,
    /// What was asked; `None` where what was said never became a question of the schema.
    pub question: Option<Question>,
    /// What was said instead; `null` where there is a question. Unread: nothing in it is known
    /// to fit the schema.
    pub said: Json,
    /// The answer.
    pub decision: Decision,
    /// The policies and the schema that it was decided by.
    pub bundle: Arc<Bundle>,
}
