//! The parts of a server, put together.

use std::sync::Arc;

use super::shadow;
use crate::cli::output::AnyError;
use crate::cli::parts::{Parts, parts};
use crate::cli::source::{FileUse, entities_limits, open};
use peppol_authz_database::Database;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::{Freshness, WaitLimits};
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{Engine, EngineOptions};
use peppol_authz_server::config::{Config, Source};
use peppol_authz_server::decision_log::DecisionLog;
use peppol_authz_server::http::{App, Metrics, Operated};
use peppol_authz_server::loads::{LoadedPart, Loads};
use peppol_authz_server::telemetry::Telemetry;

/// A server with all of its parts.
pub(super) struct Assembled {
    pub(super) app: Arc<App>,
    /// Its database, if it has one.
    pub(super) database: Option<Database>,
    /// The digest of its entities, if they are in a file.
    pub(super) entities: Option<String>,
}

/// Puts a server together. Nothing is listened on yet.
pub(super) fn assemble(
    config: &Config,
    bundle: Arc<Bundle>,
    second: Option<Arc<Bundle>>,
    callers: Arc<Bundle>,
    (telemetry, operated): (Option<Arc<Telemetry>>, Operated),
) -> Result<Assembled, AnyError> {
    let Parts {
        credentials,
        gateway,
        plans,
        explainers,
        pages,
        callers,
        tls,
    } = parts(config, &bundle, callers)?;
    for problem in callers.unnamed_roles() {
        tracing::warn!(problem, "a key of a caller has a role without a meaning");
    }
    if bundle.routes.is_none() {
        tracing::info!("no routes: gateways are denied everything");
    }
    let (store, database, entities) = match &config.tenancy {
        Source::Entities(path) => {
            let file = EntitiesFile::open(path, entities_limits(config))?;
            let digest = file.digest().to_owned();
            (Arc::new(file) as Arc<dyn Store>, None, Some(digest))
        }
        Source::Sqlite(_) | Source::Postgres(_) => {
            let (store, database) = open(config, FileUse::Written)?;
            (store, database, None)
        }
    };
    let options = engine_options(config);
    let shadow = match second {
        Some(second) => Some(shadow::start(config, second, &store, options)?),
        None => None,
    };
    let limits = wait_limits(config);
    let engine = Arc::new(Engine::bounded(store, bundle, options, limits)?);
    let metrics = Metrics::default();
    let decision_log = DecisionLog::start(&config.decision_log, &config.otlp)?;
    let app = Arc::new(App {
        metrics: match &shadow {
            Some(shadow) => metrics.with_shadow(shadow.counts()),
            None => metrics,
        },
        plans,
        explainers,
        gateway,
        credentials,
        callers: Some(callers),
        tls,
        shadow,
        loads: Arc::new(match decision_log {
            Some(_) => Loads::logged(),
            None => Loads::default(),
        }),
        decision_log,
        tracer: telemetry.as_ref().and_then(|telemetry| telemetry.tracer()),
        telemetry,
        operated,
        ..App::new(engine, config, pages)
    });
    app.metrics.loaded();
    note_start(&app);
    Ok(Assembled {
        app,
        database,
        entities,
    })
}

/// The history begins with what the start has loaded.
fn note_start(app: &App) {
    let revision = &app.engine.state().bundle.revision;
    app.loads.begun(LoadedPart::Policies, "", revision);
    if let Some(shadow) = &app.shadow {
        app.loads
            .begun(LoadedPart::Shadow, "", &shadow.bundle().revision);
    }
}

fn engine_options(config: &Config) -> EngineOptions {
    let (cache, freshness) = (&config.cache, &config.freshness);
    EngineOptions {
        cache_bytes: if cache.enabled { cache.bytes } else { 0 },
        decision_bytes: cache.decision_bytes,
        freshness: Freshness {
            followed: !freshness.poll_interval.is_zero(),
            max_stale: freshness.max_stale,
            untold_max_age: freshness.untold_max_age,
            wait: freshness.wait,
            closely: None,
        },
    }
}

/// How many questions may wait for the store.
fn wait_limits(config: &Config) -> WaitLimits {
    WaitLimits {
        at_once: config.store.readers,
        most: config.server.questions,
        burst: config.server.burst_time,
        soon: config.server.delay,
    }
}
