//! Changed policies, taken over while the server runs.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::assemble::check_principals;
use super::shadow;
use crate::cli::output::AnyError;
use peppol_authz_engine::policy::Sources;
use peppol_authz_server::config::Config;
use peppol_authz_server::http::App;
use peppol_authz_server::watch::{Change, Watch};

/// Takes over changed policies. A SIGHUP makes it read the files at once; if there are none, a
/// SIGHUP does nothing, and does not end the process.
pub(super) fn watch(
    config: &Config,
    sources: &Sources,
    second: Option<&Sources>,
    app: &Arc<App>,
) -> Result<JoinHandle<()>, AnyError> {
    let files = [&config.policies, &config.schema, &config.routes];
    let waker_of_shadow = match second {
        Some(second) => shadow::watch(config, second, app)?,
        None => None,
    };
    let waker = if config.reload.watch && files.into_iter().any(Option::is_some) {
        let watch = Watch {
            policies: config.policies.clone(),
            schema: config.schema.clone(),
            routes: config.routes.clone(),
            poll_interval: config.reload.poll_interval,
            settle: config.reload.settle,
        };
        let app = Arc::clone(app);
        Some(watch.start(sources, move |change| take(&app, change))?)
    } else {
        None
    };
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            for waker in waker.iter().chain(&waker_of_shadow) {
                waker.wake();
            }
        }
    }))
}

/// A change is taken whole, or refused whole.
fn take(app: &App, change: Change) {
    let taken = change.and_then(|bundle| {
        let bundle = Arc::new(bundle);
        check_principals(&app.gateway, app.tokens.as_ref(), &bundle.schema)
            .map_err(|fault| vec![fault])?;
        app.engine
            .replace(Arc::clone(&bundle))
            .map_err(|error| vec![error.to_string()])?;
        Ok(bundle)
    });
    match taken {
        Ok(bundle) => {
            app.metrics.loaded();
            app.readiness.reloaded(None);
            tracing::info!(policies = &*bundle.revision, "took over changed policies");
        }
        Err(faults) => {
            app.metrics.refused();
            for fault in &faults {
                tracing::error!(
                    fault,
                    "changed policies are refused; those before stay in force"
                );
            }
            app.readiness.reloaded(Some(faults.join("; ")));
        }
    }
}
