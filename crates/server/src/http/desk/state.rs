//! The state of the program, for people who run it.

use std::time::Duration;

use super::Desk;
use crate::decision_log::{DecisionLog, LogStats};
use crate::http::limits_used::LimitUsed;
use crate::http::operations::{Ready, ready};
use crate::http::problem::Problem;
use peppol_authz_engine::slice::CacheStats;

/// The state of the program.
#[derive(Debug)]
pub struct DeskState {
    /// Should questions be sent here?
    pub ready: Ready,
    /// The exact policies, schema and routes.
    pub policy_revision: String,
    /// The newest state of the store that is known.
    pub tenancy_revision: Option<String>,
    /// How long ago that was looked for.
    pub age: Option<Duration>,
    /// How far a replica may be behind.
    pub lag: Option<Duration>,
    /// How often the store has changed since the start.
    pub epoch: Option<u64>,
    /// The entities in memory.
    pub cache: CacheStats,
    /// Decisions in memory, and their bytes.
    pub kept: (u64, u64),
    /// All limits that something is used of.
    pub limits: Vec<LimitUsed>,
    /// Certificates: the listener, the seconds until it ends, and true if its last change was refused.
    pub certificates: Vec<(&'static str, i64, bool)>,
    /// The decision log, where there is one.
    pub log: Option<LogStats>,
    /// How late the workers are.
    pub delay: Duration,
    /// True if there is a shadow.
    pub has_shadow: bool,
    /// The versions of this program, of Cedar and of its language.
    pub versions: [String; 3],
}

impl Desk {
    /// The state of the program, for a caller that may have all of it by `/readyz`, `/version` and `/metrics`.
    ///
    /// # Errors
    /// A caller that may not.
    pub async fn state(&self) -> Result<DeskState, Problem> {
        self.require_administration("/readyz")?;
        self.require_administration("/version")?;
        let app = self.app();
        let ready = ready(app).await;
        let known = app.engine.timeline().now();
        let state = app.engine.state();
        let kept = state.kept();
        Ok(DeskState {
            ready,
            policy_revision: state.bundle.revision.to_string(),
            tenancy_revision: known.as_ref().map(|it| it.revision.name().to_string()),
            age: known.as_ref().map(|it| it.looked.elapsed()),
            lag: known.as_ref().map(|it| it.lag),
            epoch: known.as_ref().map(|it| it.epoch),
            cache: state.cache.stats(),
            kept: (kept.decisions, kept.bytes),
            limits: app.limits_used(),
            certificates: app
                .tls
                .iter()
                .map(|(of, tls)| {
                    let health = tls.health();
                    (*of, health.expires_in, health.is_refused)
                })
                .collect(),
            log: app.decision_log.as_ref().map(DecisionLog::stats),
            delay: app.delay.measured(),
            has_shadow: app.shadow.is_some(),
            versions: [
                env!("CARGO_PKG_VERSION").to_owned(),
                cedar_policy::get_sdk_version().to_string(),
                cedar_policy::get_lang_version().to_string(),
            ],
        })
    }
}
