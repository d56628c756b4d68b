//! The settings of the shadow.

use peppol_authz_engine::EngineOptions;

/// Settings of the shadow.
#[derive(Clone, Copy, Debug)]
pub struct ShadowOptions {
    /// Decisions that wait to be looked at; more are dropped.
    pub capacity: usize,
    /// Bytes that these take, at most.
    pub queue_bytes: usize,
    /// Disagreements of one kind that are written in full, in a minute.
    pub sample: usize,
    /// True if the newest disagreements are kept for people, see [`super::Disagreements`].
    pub keeps: bool,
    /// True if its policies are written for a schema of their own.
    pub own_schema: bool,
    /// Stack of the thread that evaluates its policies.
    pub stack_bytes: usize,
    /// Settings of its own reader of the store.
    pub engine: EngineOptions,
}
