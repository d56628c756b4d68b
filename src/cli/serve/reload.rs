//! Changed policies and entities, taken over while the server runs.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::assemble::check_principals;
use super::shadow;
use super::suites::SuiteGate;
use crate::cli::output::AnyError;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::Store;
use peppol_authz_server::config::{Config, Source};
use peppol_authz_server::http::App;
use peppol_authz_server::watch::{
    Change, ChangedPart, RefusedChange, TakenFiles, Watch, report_left_out,
};

/// The files of the settings.
pub(super) fn watched(config: &Config) -> Watch {
    Watch {
        policies: config.policies.clone(),
        schema: config.schema.clone(),
        routes: config.routes.clone(),
        entities: match &config.tenancy {
            Source::Entities(path) => Some(path.clone()),
            Source::Sqlite(_) | Source::Postgres(_) => None,
        },
        suites: config.reload.suites.clone(),
        notices: config.reload.watch,
        poll_interval: config.reload.poll_interval,
        settle: config.reload.settle,
    }
}

/// Takes over changed policies and entities. A SIGHUP makes it read the files at once; if there are none, a
/// SIGHUP does nothing, and does not end the process.
pub(super) fn watch(
    config: &Config,
    taken: TakenFiles,
    second: Option<TakenFiles>,
    app: &Arc<App>,
) -> Result<JoinHandle<()>, AnyError> {
    let watch = watched(config);
    let files = [
        &watch.policies,
        &watch.schema,
        &watch.routes,
        &watch.entities,
    ];
    report_left_out(&taken.sources);
    let waker_of_shadow = match second {
        Some(second) => Some(shadow::watch(config, second, app)?),
        None => None,
    };
    let waker = if files.into_iter().any(Option::is_some) {
        let (app, gate) = (Arc::clone(app), SuiteGate::new(config));
        Some(watch.start(taken, move |change| take(&app, &gate, change))?)
    } else {
        None
    };
    let mut hangup = signal(SignalKind::hangup())?;
    let app = Arc::clone(app);
    Ok(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            app.credentials.reread();
            for waker in waker.iter().chain(&waker_of_shadow) {
                waker.wake();
            }
        }
    }))
}

/// A change is taken whole, or refused whole. Returns true if it is taken.
fn take(app: &App, gate: &SuiteGate, change: Result<Change, RefusedChange>) -> bool {
    let taken = change.and_then(|change| {
        let part = change.part();
        take_valid(app, gate, change).map_err(|faults| RefusedChange { part, faults })
    });
    match taken {
        Ok(taken) => {
            app.metrics.loaded();
            app.readiness.reloaded(None);
            // After this, so that a reader of the log finds the server ready.
            if taken.entities {
                tracing::info!("took over changed entities");
            }
            if let Some(bundle) = taken.bundle {
                report_taken(&bundle);
            }
            true
        }
        Err(refused) => {
            app.metrics.refused();
            report(&refused);
            let (part, faults) = (refused.part.name(), refused.faults.join("; "));
            app.readiness.reloaded(Some(format!(
                "{part}: the last change was refused, the set before it is in force: {faults}"
            )));
            false
        }
    }
}

/// The parts of a change that is in force.
struct TakenChange {
    bundle: Option<Arc<Bundle>>,
    entities: bool,
}

fn take_valid(app: &App, gate: &SuiteGate, change: Change) -> Result<TakenChange, Vec<String>> {
    let bundle = change.bundle.map(Arc::new);
    if let Some(bundle) = &bundle {
        check_principals(&app.gateway, &app.credentials, &bundle.schema)
            .map_err(|fault| vec![fault])?;
        gate.check(bundle).map_err(|fault| fault.faults)?;
    }
    let store = change.entities.map(|file| Arc::new(file) as Arc<dyn Store>);
    let replaced = match (&bundle, &store) {
        (Some(bundle), Some(store)) => app
            .engine
            .replace_both(Arc::clone(bundle), Arc::clone(store)),
        (Some(bundle), None) => app.engine.replace(Arc::clone(bundle)),
        (None, Some(store)) => app.engine.replace_store(Arc::clone(store)),
        (None, None) => Ok(()),
    };
    replaced.map_err(|error| vec![error.to_string()])?;
    let entities = store.is_some();
    if let (Some(store), Some(shadow)) = (store, &app.shadow) {
        shadow::follow_store(shadow, store);
    }
    Ok(TakenChange { bundle, entities })
}

fn report_taken(bundle: &Bundle) {
    tracing::info!(policies = &*bundle.revision, "took over changed policies");
}

fn report(refused: &RefusedChange) {
    for fault in &refused.faults {
        match refused.part {
            ChangedPart::Policies => tracing::error!(
                fault,
                "changed policies are refused; those before stay in force"
            ),
            ChangedPart::Entities => tracing::error!(
                fault,
                "changed entities are refused; those before stay in force"
            ),
        }
    }
}
