//! The shadow of a server: its policies, its thread, its reader of the store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::exit::Exit;
use crate::cli::output::AnyError;
use crate::cli::policies::{Loaded, load_policies};
use crate::cli::source::open_reader;
use peppol_authz_engine::EngineOptions;
use peppol_authz_engine::policy::{Bundle, Sources};
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::Store;
use peppol_authz_server::config::{Config, Personal};
use peppol_authz_server::decision_log::Pseudonyms;
use peppol_authz_server::http::App;
use peppol_authz_server::shadow::{Shadow, ShadowOptions};
use peppol_authz_server::watch::{Change, Waker, Watch};

/// The memory for decisions that wait for the shadow, in bytes.
const QUEUE_BYTES: usize = 64 << 20;

/// Loads the policies of the shadow, if there is one; their faults are written.
pub(super) fn load(config: &Config) -> Result<Option<Loaded>, Exit> {
    let Some(policies) = &config.shadow.policies else {
        return Ok(None);
    };
    load_policies(Some(policies), schema(config), routes(config)).map(Some)
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
        own_schema,
        stack_bytes: config.server.worker_stack_bytes,
        engine: EngineOptions {
            // Of two schemas the states are compared by what a reading itself names.
            cache_bytes: if own_schema { 0 } else { engine.cache_bytes },
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
    tracing::info!(policies = &*revision, "a shadow looks on");
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
pub(super) fn watch(
    config: &Config,
    sources: &Sources,
    app: &Arc<App>,
) -> Result<Option<Waker>, AnyError> {
    if !config.reload.watch {
        return Ok(None);
    }
    let watch = Watch {
        policies: config.shadow.policies.clone(),
        schema: schema(config).map(Path::to_path_buf),
        routes: routes(config).map(Path::to_path_buf),
        poll_interval: config.reload.poll_interval,
        settle: config.reload.settle,
    };
    let app = Arc::clone(app);
    let waker = watch.start(sources, move |change| {
        if let Some(shadow) = &app.shadow {
            take(shadow, change);
        }
    })?;
    Ok(Some(waker))
}

/// Takes over a change as a whole, or refuses it as a whole. Only the shadow is affected.
fn take(shadow: &Shadow, change: Change) {
    let taken = change.and_then(|bundle| {
        let bundle = Arc::new(bundle);
        shadow
            .replace(Arc::clone(&bundle))
            .map_err(|error| vec![error.to_string()])?;
        Ok(bundle)
    });
    match taken {
        Ok(bundle) => {
            tracing::info!(
                policies = &*bundle.revision,
                "the shadow took over changed policies"
            );
        }
        Err(faults) => {
            shadow.refused();
            for fault in &faults {
                tracing::error!(
                    fault,
                    "changed policies of the shadow are refused; those before look on"
                );
            }
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
