//! Changed policies and entities, taken over while the server runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::shadow;
use super::suites::SuiteGate;
use crate::cli::output::AnyError;
use crate::cli::parts::check_principals;
use crate::cli::source::entities_limits;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_server::config::{Config, Source};
use peppol_authz_server::http::App;
use peppol_authz_server::loads::LoadedPart;
use peppol_authz_server::watch::{
    Change, TakenFiles, TakenParts, Watch, WatchedEntities, report_left_out,
};

/// The files of the settings.
pub(super) fn watched(config: &Config) -> Watch {
    Watch {
        policies: config.policies.clone(),
        schema: config.schema.clone(),
        routes: config.routes.clone(),
        entities: match &config.tenancy {
            Source::Entities(path) => Some(WatchedEntities {
                path: path.clone(),
                limits: entities_limits(config),
            }),
            Source::Sqlite(_) | Source::Postgres(_) => None,
        },
        suites: config.reload.suites.clone(),
        require_manifest: config.reload.require_manifest,
        warnings: config.policy_warnings,
        max_level: config.policy_level,
        notices: config.reload.watch,
        poll_interval: config.reload.poll_interval,
        settle: config.reload.settle,
    }
}

/// Takes over changed policies and entities. A SIGHUP, or an operator over HTTP, makes it read the files at once; if there are none, a
/// SIGHUP does nothing, and does not end the process.
pub(super) fn watch(
    config: &Config,
    taken: TakenFiles,
    second: Option<TakenFiles>,
    app: &Arc<App>,
) -> Result<JoinHandle<()>, AnyError> {
    let watch = watched(config);
    let files = [&watch.policies, &watch.schema, &watch.routes];
    let is_any = watch.entities.is_some() || files.into_iter().any(Option::is_some);
    report_left_out(&taken.sources);
    let waker_of_shadow = match second {
        Some(second) => Some(shadow::watch(config, second, app)?),
        None => None,
    };
    let waker = if is_any {
        let (app, gate) = (Arc::clone(app), SuiteGate::new(config));
        // They were held back while the files settled, too.
        let patience = config.freshness.untold_max_age;
        let patience = patience.saturating_sub(config.reload.settle);
        Some(watch.start(taken, move |change| take(&app, &gate, patience, change))?)
    } else {
        None
    };
    let mut hangup = signal(SignalKind::hangup())?;
    let app = Arc::clone(app);
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                told = hangup.recv() => {
                    if told.is_none() {
                        return;
                    }
                    // Whoever sends signals to the process may do so whatever becomes of the line.
                    let noted = app.note_act("signal", "SIGHUP", "reload", None).await;
                    if noted.is_err() {
                        tracing::warn!("the decision log has no line of this reload");
                    }
                }
                () = app.operated.reread.notified() => {}
            }
            app.credentials.reread();
            if let Some(callers) = &app.callers {
                callers.reread();
            }
            app.tls.iter().for_each(|(_, tls)| tls.reread());
            for waker in waker.iter().chain(&waker_of_shadow) {
                waker.wake();
            }
        }
    }))
}

/// The results of the parts of a change; `None` for a part that was not in it.
struct Outcome {
    policies: Option<Result<Arc<Bundle>, Vec<String>>>,
    /// With their digest.
    entities: Option<Result<String, String>>,
    /// The reason why good entities are not in force, where refused policies hold them back.
    withheld: Option<String>,
}

/// Entities that have changed.
struct ChangedEntities {
    store: Arc<dyn Store>,
    digest: String,
}

/// Why policies are not taken.
enum PolicyFault {
    /// These are wrong with them.
    Own(Vec<String>),
    /// The entities do not fit their schema.
    Unfit(String),
}

/// A change is taken whole, or refused whole. But entities that are good are taken though the
/// policies beside them are not; and where they cannot be, since they are of other types, those
/// before are not answered from for longer than `patience`.
fn take(app: &App, gate: &SuiteGate, patience: Duration, change: Change) -> TakenParts {
    let outcome = judge(app, gate, change);
    report(app, patience, &outcome);
    TakenParts {
        policies: outcome.policies.is_none_or(|policies| policies.is_ok()),
        entities: outcome.entities.is_none_or(|entities| entities.is_ok()),
    }
}

fn judge(app: &App, gate: &SuiteGate, change: Change) -> Outcome {
    let Change { policies, entities } = change;
    let store = match entities.transpose() {
        Ok(file) => file.map(ChangedEntities::of),
        Err(fault) => {
            return Outcome {
                // Nothing is said of those that are good, and have to wait.
                policies: policies.map(|policies| Err(policies.err().unwrap_or_default())),
                entities: Some(Err(fault)),
                withheld: None,
            };
        }
    };
    let Some(policies) = policies else {
        return Outcome {
            policies: None,
            entities: store.as_ref().map(|store| take_entities(app, store)),
            withheld: None,
        };
    };
    let taken = policies
        .map_err(PolicyFault::Own)
        .and_then(|bundle| take_policies(app, gate, Arc::new(bundle), store.as_ref()));
    let fault = match taken {
        Ok(bundle) => {
            return Outcome {
                policies: Some(Ok(bundle)),
                entities: store.map(|store| Ok(store.digest)),
                withheld: None,
            };
        }
        Err(fault) => fault,
    };
    let entities = store.as_ref().map(|store| take_entities(app, store));
    let (faults, may_fit) = match fault {
        PolicyFault::Own(faults) => (faults, true),
        PolicyFault::Unfit(fault) => (vec![fault], false),
    };
    let withheld = entities.clone().filter(|_| may_fit).and_then(Result::err);
    Outcome {
        policies: Some(Err(faults)),
        entities,
        withheld,
    }
}

/// Takes policies, with the entities that have changed beside them.
fn take_policies(
    app: &App,
    gate: &SuiteGate,
    bundle: Arc<Bundle>,
    changed: Option<&ChangedEntities>,
) -> Result<Arc<Bundle>, PolicyFault> {
    check_principals(&app.gateway, &app.credentials, &bundle.schema)
        .map_err(|fault| PolicyFault::Own(vec![fault]))?;
    app.plans
        .check(&bundle.schema)
        .map_err(|misfit| PolicyFault::Own(vec![format!("`plan.columns`: {misfit}")]))?;
    gate.check(&bundle)
        .map_err(|fault| PolicyFault::Own(fault.faults))?;
    let own = Arc::clone(&bundle);
    let replaced = match changed {
        Some(changed) => app.engine.replace_both(own, Arc::clone(&changed.store)),
        None => app.engine.replace(own),
    };
    replaced.map_err(|error| PolicyFault::Unfit(error.to_string()))?;
    if let Some(changed) = changed {
        shadow::follow_store(app, &changed.store);
    }
    Ok(bundle)
}

fn take_entities(app: &App, changed: &ChangedEntities) -> Result<String, String> {
    let replaced = app.engine.replace_store(Arc::clone(&changed.store));
    replaced.map_err(|error| error.to_string())?;
    shadow::follow_store(app, &changed.store);
    Ok(changed.digest.clone())
}

impl ChangedEntities {
    fn of(file: EntitiesFile) -> Self {
        Self {
            digest: file.digest().to_owned(),
            store: Arc::new(file),
        }
    }
}

/// Adds it to the history.
fn note(app: &App, outcome: &Outcome) {
    match &outcome.policies {
        None => {}
        Some(Ok(bundle)) => app.loads.taken(LoadedPart::Policies, "", &bundle.revision),
        // Those without a fault were held back by entities.
        Some(Err(faults)) if faults.is_empty() => {}
        Some(Err(faults)) => app.loads.refused(LoadedPart::Policies, "", faults),
    }
    match &outcome.entities {
        None => {}
        Some(Ok(digest)) => app.loads.taken(LoadedPart::Entities, "", digest),
        Some(Err(fault)) => {
            let faults = std::slice::from_ref(fault);
            app.loads.refused(LoadedPart::Entities, "", faults);
        }
    }
}

/// Tells of it: first the readiness and the metrics, so that a reader of the log finds them so.
fn report(app: &App, patience: Duration, outcome: &Outcome) {
    let policies = outcome.policies.as_ref();
    let of_policies = policies.and_then(|policies| policies.as_ref().err());
    let of_policies: &[String] = of_policies.map_or(&[], Vec::as_slice);
    let entities = outcome.entities.as_ref();
    let of_entities = entities.and_then(|entities| entities.as_ref().err());
    let mut said = Vec::new();
    for (part, faults) in [
        ("policies", of_policies.join("; ")),
        ("entities", of_entities.cloned().unwrap_or_default()),
    ] {
        if !faults.is_empty() {
            said.push(format!(
                "{part}: the last change was refused, the set before it is in force: {faults}"
            ));
        }
    }
    note(app, outcome);
    let is_taken = matches!(policies, Some(Ok(_))) || matches!(entities, Some(Ok(_)));
    if is_taken || said.is_empty() {
        app.metrics.loaded();
    }
    if !said.is_empty() {
        app.metrics.refused();
    }
    match (&outcome.withheld, entities) {
        (Some(fault), _) => {
            let why = format!("refused policies hold back changed entities: {fault}");
            app.readiness.withhold(Instant::now() + patience, why);
        }
        // The present faults say nothing of the change that was held back.
        (None, Some(Err(_))) => {}
        (None, None | Some(Ok(_))) => app.readiness.release(),
    }
    app.readiness
        .reloaded((!said.is_empty()).then(|| said.join("; ")));
    if let Some(Ok(_)) = entities {
        tracing::info!("changed entities are in force");
    }
    if let Some(Ok(bundle)) = policies {
        tracing::info!(
            policies = &*bundle.revision,
            "changed policies are in force"
        );
    }
    for fault in of_policies {
        tracing::error!(
            fault,
            "changed policies are refused; those before stay in force"
        );
    }
    if let Some(fault) = of_entities {
        tracing::error!(
            fault,
            "changed entities are refused; those before stay in force"
        );
    }
}
