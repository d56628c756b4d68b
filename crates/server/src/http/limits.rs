//! The limits of one request.

use std::time::Duration;

use super::peak::Peak;
use crate::config::Config;

/// The limits of one request.
#[derive(Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Questions in a batch.
    pub batch: usize,
    /// Bytes of the questions of a request, each with all that it shares with others.
    pub batch_bytes: usize,
    /// Entities in one page of a search.
    pub page: usize,
    /// Candidates that are decided for one page of a search.
    pub candidates: usize,
    /// Levels of arrays and objects in a question, one inside the other.
    pub json_depth: usize,
    /// Entities that a caller may describe in a question.
    pub entities: usize,
    /// The time that a body may take to arrive.
    pub body_read_timeout: Duration,
    /// The time that an answer may take.
    pub request_timeout: Duration,
    /// The use of these by requests.
    pub peaks: LimitPeaks,
}

/// The greatest requests of the last minutes.
#[derive(Debug, Default)]
pub struct LimitPeaks {
    pub(super) body_bytes: Peak,
    pub(super) batch: Peak,
    pub(super) batch_bytes: Peak,
    pub(super) candidates: Peak,
}

impl Limits {
    /// Those of the settings.
    #[must_use]
    pub fn new(settings: &Config) -> Self {
        let limits = &settings.limits;
        Self {
            body_bytes: limits.body_bytes,
            batch: limits.batch,
            batch_bytes: limits.batch_bytes,
            page: limits.page,
            candidates: limits.candidates,
            json_depth: limits.json_depth,
            entities: limits.entities,
            body_read_timeout: settings.server.body_read_timeout,
            request_timeout: settings.server.request_timeout,
            peaks: LimitPeaks::default(),
        }
    }
}
