//! The frame that all pages share.

use std::path::PathBuf;
use std::sync::Arc;

use peppol_authz_author::proof::InvariantResult;
use peppol_authz_engine::policy::{MaxLevel, SourceError, Sources, Warnings};
use peppol_authz_server::config::{Config, DecisionLogSettings};
use peppol_authz_server::http::{App, WorkApart};
use tokio::sync::Semaphore;

use crate::commands::{Commands, DoctorCheck};
use crate::errand::{Errand, ErrandTurn};
use crate::random::Key;
use crate::session::Sessions;
use crate::tested::TestedSuites;

/// Lists of ids that are read at once.
const COMPLETIONS: usize = 4;

/// Pages of rights that are made at once: each is many searches.
const SEARCHES: usize = 2;

/// Drafts that are compared or wait for that.
const DRAFTS: usize = 3;

/// Reviews that are made or wait for that.
const REVIEWS: usize = 2;

/// Files that are taken in at once.
const UPLOADS: usize = 2;

/// A setting in force, as the state shows it.
#[derive(Clone, Debug)]
pub struct ConsoleSetting {
    /// Its dotted key.
    pub key: String,
    /// Its value, without secrets.
    pub value: String,
    /// Where it is from.
    pub origin: String,
    /// True if nobody has set it.
    pub is_default: bool,
}

/// Where the policies in force are from.
#[derive(Clone)]
pub(crate) struct PolicyPlaces {
    pub(crate) policies: Option<PathBuf>,
    pub(crate) schema: Option<PathBuf>,
    pub(crate) routes: Option<PathBuf>,
    pub(crate) warnings: Warnings,
    pub(crate) level: MaxLevel,
}

impl PolicyPlaces {
    /// Reads the files as they are now.
    pub(crate) fn read(&self) -> Result<Sources, SourceError> {
        let (policies, schema, routes) = (&self.policies, &self.schema, &self.routes);
        let sources = Sources::read(policies.as_deref(), schema.as_deref(), routes.as_deref())?;
        let sources = sources.with_warnings(self.warnings);
        Ok(sources.with_max_level(self.level))
    }
}

/// Work that takes long, with its newest results.
pub(crate) struct Errands {
    pub(crate) suites: Arc<Errand<TestedSuites>>,
    pub(crate) proofs: Arc<Errand<Vec<InvariantResult>>>,
    pub(crate) doctor: Arc<Errand<Vec<DoctorCheck>>>,
}

impl Errands {
    fn new(stack_bytes: usize) -> Self {
        let turn = ErrandTurn::new(stack_bytes);
        Self {
            suites: Errand::new(&turn),
            proofs: Errand::new(&turn),
            doctor: Errand::new(&turn),
        }
    }
}

/// The console of a server.
pub struct Console {
    pub(crate) app: Arc<App>,
    pub(crate) sessions: Sessions,
    /// By which forms are marked.
    pub(crate) key: Key,
    /// True if browsers come by TLS.
    pub(crate) is_secure: bool,
    /// The address that questions are answered on.
    pub(crate) questions: String,
    pub(crate) settings: Vec<ConsoleSetting>,
    pub(crate) log: DecisionLogSettings,
    pub(crate) policies: PolicyPlaces,
    pub(crate) commands: Arc<Commands>,
    pub(crate) errands: Errands,
    /// The turns of drafts.
    pub(crate) drafts: WorkApart,
    /// The turns of reviews.
    pub(crate) reviews: WorkApart,
    /// The turns of files that are sent.
    pub(crate) uploads: Semaphore,
    pub(crate) completions: Semaphore,
    pub(crate) searches: Semaphore,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// The console of a server, over TLS if `is_secure`.
    ///
    /// # Errors
    /// A system without random numbers.
    pub fn new(
        app: Arc<App>,
        config: &Config,
        is_secure: bool,
        settings: Vec<ConsoleSetting>,
        commands: Commands,
    ) -> Result<Self, std::io::Error> {
        let console = &config.console;
        Ok(Self {
            app,
            sessions: Sessions::new(console.sessions, console.session_idle, console.session_age),
            key: Key::random().map_err(std::io::Error::other)?,
            is_secure,
            questions: config.listen.to_string(),
            settings,
            log: config.decision_log.clone(),
            policies: PolicyPlaces {
                policies: config.policies.clone(),
                schema: config.schema.clone(),
                routes: config.routes.clone(),
                warnings: config.policy_warnings,
                level: config.policy_level,
            },
            commands: Arc::new(commands),
            errands: Errands::new(config.server.worker_stack_bytes),
            drafts: WorkApart::new(1, DRAFTS, config.server.worker_stack_bytes),
            reviews: WorkApart::new(1, REVIEWS, config.server.worker_stack_bytes),
            uploads: Semaphore::new(UPLOADS),
            completions: Semaphore::new(COMPLETIONS),
            searches: Semaphore::new(SEARCHES),
        })
    }
}
