//! The shadow of a server: its policies, its thread, its reader of the store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::settled::load_settled;
use crate::cli::exit::Exit;
use crate::cli::output::AnyError;
use crate::cli::policies::Loaded;
use crate::cli::source::open_reader;
use peppol_authz_engine::EngineOptions;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::Store;
use peppol_authz_server::config::{Config, Personal};
use peppol_authz_server::decision_log::Pseudonyms;
use peppol_authz_server::http::App;
use peppol_authz_server::loads::{LoadedPart, Loads};
use peppol_authz_server::shadow::{Shadow, ShadowOptions};
use peppol_authz_server::watch::{Change, TakenFiles, TakenParts, Waker, Watch, report_left_out};

/// The memory for decisions that wait for the shadow, in bytes.
const QUEUE_BYTES: usize = 64 << 20;

/// Loads the policies of the shadow, if there is one; their faults are written.
pub(super) fn load(config: &Config) -> Result<Option<Loaded>, Exit> {
    if config.shadow.policies.is_none() {
        return Ok(None);
    }
    load_settled(&watched(config)).map(Some)
}

/// The files of the shadow.
fn watched(config: &Config) -> Watch {
    Watch {
        policies: config.shadow.policies.clone(),
        schema: schema(config).map(Path::to_path_buf),
        routes: routes(config).map(Path::to_path_buf),
        entities: None,
        suites: None,
        require_manifest: config.reload.require_manifest,
        warnings: config.policy_warnings,
        max_level: config.policy_level,
        notices: config.reload.watch,
        poll_interval: config.reload.poll_interval,
        settle: config.reload.settle,
    }
}

/// Makes the shadow, if there is one, read the store that takes the place of the one before.
pub(super) fn follow_store(app: &App, store: &Arc<dyn Store>) {
    let Some(shadow) = &app.shadow else { return };
    if let Err(error) = shadow.replace_store(Arc::clone(store)) {
        shadow.refused();
        app.loads
            .refused(LoadedPart::Shadow, "", &[error.to_string()]);
        tracing::error!(
            fault = %error,
            "changed entities do not fit the shadow, which goes on with those before"
        );
    }
}

/// Starts the shadow. It reads the store by a connection of its own, so that no answer waits for
/// it; if the store is in memory, it reads that.
pub(super) fn start(
    config: &Config,
    bundle: Arc<Bundle>,
    store: &Arc<dyn Store>,
    engine: EngineOptions,
) -> Result<Shadow, AnyError> {
    let store = match open_reader(config)? {
        Some(reader) => reader,
        None => Arc::clone(store),
    };
    let own_schema = config.shadow.schema.is_some();
    let options = ShadowOptions {
        capacity: config.shadow.capacity,
        queue_bytes: QUEUE_BYTES,
        sample: config.shadow.sample,
        keeps: config.console.enabled,
        own_schema,
        stack_bytes: config.server.worker_stack_bytes,
        engine: EngineOptions {
            // Of two schemas the states are compared by what a reading itself names.
            cache_bytes: if own_schema { 0 } else { engine.cache_bytes },
            decision_bytes: 0,
            freshness: Freshness {
                // A state is new enough where it holds the one that was decided from.
                followed: true,
                max_stale: Duration::MAX,
                ..engine.freshness
            },
        },
    };
    let revision = Arc::clone(&bundle.revision);
    let shadow = Shadow::start(store, bundle, options, pseudonyms(config)?)?;
    tracing::info!(
        policies = &*revision,
        "the shadow decides each question too"
    );
    Ok(shadow)
}

/// Personal ids are written as in the decision log.
fn pseudonyms(config: &Config) -> Result<Pseudonyms, AnyError> {
    let settings = &config.decision_log;
    Ok(match (settings.personal, &settings.key_file) {
        (Personal::Plain, _) => Pseudonyms::none(),
        (Personal::Hash, Some(path)) => Pseudonyms::by_file(path)
            .map_err(|error| format!("`decision_log.key_file`: {error}"))?,
        (Personal::Hash, None) => Pseudonyms::random()?,
    })
}

/// Makes the shadow take over changed policies.
pub(super) fn watch(config: &Config, taken: TakenFiles, app: &Arc<App>) -> Result<Waker, AnyError> {
    report_left_out(&taken.sources);
    let app = Arc::clone(app);
    let waker = watched(config).start(taken, move |change| {
        let shadow = app.shadow.as_ref();
        TakenParts {
            policies: shadow.is_some_and(|shadow| take(shadow, &app.loads, change)),
            entities: true,
        }
    })?;
    Ok(waker)
}

/// Takes over a change as a whole, or refuses it as a whole. Only the shadow is affected. Returns
/// true if it is taken.
fn take(shadow: &Shadow, loads: &Loads, change: Change) -> bool {
    let Some(policies) = change.policies else {
        return true;
    };
    let taken = policies.map(Arc::new).and_then(|bundle| {
        let revision = Arc::clone(&bundle.revision);
        shadow
            .replace(bundle)
            .map_err(|error| vec![error.to_string()])?;
        loads.taken(LoadedPart::Shadow, "", &revision);
        tracing::info!(
            policies = &*revision,
            "changed policies of the shadow are in force"
        );
        Ok(())
    });
    match taken {
        Ok(()) => true,
        Err(faults) => {
            shadow.refused();
            loads.refused(LoadedPart::Shadow, "", &faults);
            for fault in &faults {
                tracing::error!(
                    fault,
                    "changed policies of the shadow are refused; those before stay in force"
                );
            }
            false
        }
    }
}

fn schema(config: &Config) -> Option<&Path> {
    let own = config.shadow.schema.as_deref();
    own.or(config.schema.as_deref())
}

/// The shadow routes nothing; but under one schema, equal policies should have equal revisions.
fn routes(config: &Config) -> Option<&Path> {
    match config.shadow.schema {
        Some(_) => None,
        None => config.routes.as_deref(),
    }
}
