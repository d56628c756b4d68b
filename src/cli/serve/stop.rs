//! The end of a server: signals, the drain, the last lines of the decision log.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::supervisor::Supervisor;
use crate::cli::output::AnyError;
use peppol_authz_server::http::App;

/// Ends when the value is true, or can no longer change.
pub(super) async fn told(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Starts to wait for signals. The value becomes true when the process is told to stop, after
/// `delay`; a further signal ends the delay, and the next one the process. The supervisor learns of it at once.
pub(super) fn stopped(
    app: &Arc<App>,
    delay: Duration,
    supervisor: &Arc<Supervisor>,
) -> Result<watch::Receiver<bool>, AnyError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (app, supervisor) = (Arc::clone(app), Arc::clone(supervisor));
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let delay = tokio::select! {
            _ = terminate.recv() => delay,
            _ = interrupt.recv() => Duration::ZERO,
        };
        // First: who balances requests has to notice before the listener is closed.
        app.readiness.draining();
        tracing::info!(?delay, "draining");
        supervisor.is_stopping();
        // Without a delay the next signal is one to end at once, however soon it comes.
        if !delay.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        stop.send_replace(true);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    });
    Ok(stopped)
}

/// Reports connections that were cut.
pub(super) fn report_cut(cut: usize) {
    if cut > 0 {
        tracing::warn!(
            connections = cut,
            "connections were cut at the end of the drain"
        );
    }
}

/// The least time that the decision log has to write its last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The fate of the last lines of the decision log.
pub(super) enum LastLines {
    /// All are written, or there is no log.
    Written,
    /// Some may not be.
    Lost,
}

/// Waits until the lines of all decisions that were given are written.
pub(super) async fn end_log(app: &App, drain_timeout: Duration) -> LastLines {
    let Some(log) = &app.decision_log else {
        return LastLines::Written;
    };
    if log.end(drain_timeout.max(LAST_LINES)).await {
        return LastLines::Written;
    }
    tracing::error!("the last decisions were not logged: the decision log cannot be written");
    LastLines::Lost
}

/// The time that the last telemetry has.
const LAST_TELEMETRY: Duration = Duration::from_secs(3);

/// Sends the last traces, metrics and records, as far as the collector takes them at once.
pub(super) async fn end_telemetry(app: &App, drain_timeout: Duration) {
    if let Some(telemetry) = &app.telemetry {
        let last = app.metrics_text().await.ok();
        telemetry.end(last, drain_timeout.min(LAST_TELEMETRY)).await;
    }
}
