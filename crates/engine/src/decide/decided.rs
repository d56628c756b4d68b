//! A decision that was given, for the observers: the decision log and the shadow.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;
use uuid::Uuid;

use super::decision::Decision;
use super::question::Question;
use crate::policy::Bundle;

/// The marks by which a request is found in the logs of other programs. Callers choose it, and
/// nothing depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestMarks {
    /// The header `X-Request-ID`.
    pub request_id: Option<Arc<str>>,
    /// The header `traceparent`, by W3C.
    pub traceparent: Option<Arc<str>>,
}

/// A decision that was given, as the observers (the decision log and the shadow) receive it.
#[derive(Debug)]
pub struct Decided {
    /// The id of the decision.
    pub id: Uuid,
    /// The surface that asked: `native`, `authzen`, `avp` or `gateway`.
    pub surface: &'static str,
    /// The time at which it was given.
    pub at: SystemTime,
    /// The time that it took; of a batch, its share.
    pub elapsed: Duration,
    /// The question; `None` where the caller's words never became a question of the schema.
    pub question: Option<Question>,
    /// The caller's words, where they are no question; else `null`. They were not read by the
    /// schema, and need not fit it.
    pub said: Json,
    /// The decision.
    pub decision: Decision,
    /// The marks of the request.
    pub marks: RequestMarks,
    /// The policies and the schema that it was decided by.
    pub bundle: Arc<Bundle>,
}
