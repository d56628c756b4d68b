//! `serve`: the one place where everything is put together.

mod assemble;
mod callers;
mod checked;
mod clock;
mod console;
mod listeners;
mod log;
mod prune;
mod ready;
mod reload;
mod settled;
mod shadow;
mod stop;
mod suites;
mod supervisor;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::args::ServeCommand;
use super::exit::{Ended, Exit};
use super::output::{AnyError, complain_of, failed, misused};
use super::policies::Loaded;
use super::source::settings;
use super::worker::runtime;
use assemble::{Assembled, assemble};
use listeners::Listeners;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_server::config::{Config, SettingInForce, Source};
use peppol_authz_server::http::{App, Operated, PassedSockets};
use peppol_authz_server::telemetry::Telemetry;
use peppol_authz_server::watch::TakenFiles;
use settled::load_settled;
use stop::LastLines;
use suites::SuiteGate;
use supervisor::Supervisor;

pub(super) fn run(args: &ServeCommand) -> Ended {
    let config = settings(&args.start.flags())?;
    if !config.import.is_empty() && matches!(config.tenancy, Source::Entities(_)) {
        return Err(misused(format!(
            "`import` needs a database, and `{}` is none",
            config.tenancy
        )));
    }
    // Before there is another thread.
    let passed = PassedSockets::of_environment().map_err(failed)?;
    let telemetry = match args.check {
        true => None,
        false => Telemetry::start(&config.otlp).map_err(failed)?,
    };
    let collected = telemetry
        .as_ref()
        .and_then(|telemetry| telemetry.log_layer());
    let filter = log::start(&config.log, collected).map_err(misused)?;
    let policies = load_settled(&reload::watched(&config))?;
    if let Err(fault) = SuiteGate::new(&config).check(&policies.1) {
        fault.faults.iter().for_each(complain_of);
        return Err(fault.exit);
    }
    let second = shadow::load(&config)?;
    let callers = callers::load_policies_of_callers(&config)?;
    if args.check {
        return checked::run(&config);
    }
    let operated = Operated {
        settings: settings_in_force(args)?,
        log_filter: Some(Box::new(filter)),
        ..Operated::default()
    };
    let given = (operated, passed);
    match run_server(&config, given, policies, second, callers, telemetry).map_err(failed)? {
        LastLines::Written => Ok(Exit::Done),
        LastLines::Lost => Ok(Exit::Failed),
    }
}

/// The settings with their origins.
fn settings_in_force(args: &ServeCommand) -> Result<Vec<SettingInForce>, Exit> {
    let (_, settings) = Config::load_with_origins(&args.start.flags()).map_err(misused)?;
    Ok(settings)
}

/// The files that are in force.
struct Watched {
    files: TakenFiles,
    /// Those of the shadow, if there is one.
    second: Option<TakenFiles>,
}

/// Runs a server until it is told to stop.
fn run_server(
    config: &Config,
    (operated, passed): (Operated, PassedSockets),
    (sources, bundle): Loaded,
    second: Option<Loaded>,
    callers: Arc<Bundle>,
    telemetry: Option<Arc<Telemetry>>,
) -> Result<LastLines, AnyError> {
    let (second_sources, second) = second.unzip();
    let observed = (telemetry, operated);
    let assembled = assemble(config, bundle, second, callers, observed)?;
    let watched = Watched {
        files: TakenFiles {
            sources,
            entities: assembled.entities.clone(),
        },
        second: second_sources.map(|sources| TakenFiles {
            sources,
            entities: None,
        }),
    };
    let runtime = runtime(config.server.workers, config.server.worker_stack_bytes)?;
    let result = runtime.block_on(answer(config, passed, watched, assembled));
    // A query or an import that hangs must not keep the process.
    runtime.shutdown_background();
    result
}

/// Listens, becomes ready, and answers until it is told to stop.
async fn answer(
    config: &Config,
    passed: PassedSockets,
    watched: Watched,
    Assembled { app, database, .. }: Assembled,
) -> Result<LastLines, AnyError> {
    // Before anything slow: a port that is taken is known at once.
    let listeners = Listeners::bind(config, &app, passed).await?;
    let address = listeners.address();
    let watch = reload::watch(config, watched.files, watched.second, &app)?;
    let supervisor = Arc::new(Supervisor::of_environment());
    let stop = stop::stopped(&app, config.server.drain_delay, &supervisor)?;
    listeners.report(config.callers.admit);
    follow_supervisor(&supervisor);
    let console = console::console(config, &app)?;
    let (ready, is_ready) = watch::channel(false);
    let mut server = pin!(async {
        if listeners.are_passed() {
            settle(is_ready, stop.clone(), config.server.request_timeout).await;
        }
        listeners.answer(config, &app, &stop, console).await
    });
    follow_keys(&app);
    follow_callers(&app);
    follow_loads(&app);
    follow_delay(&app);
    follow_metrics(&app);
    clock::follow();
    tokio::select! {
        // Told to stop while importing: the import is not waited for.
        cut = &mut server => stop::report_cut(cut),
        made = ready::make_ready(config, &app, database, &address) => {
            made?;
            ready.send_replace(true);
            supervisor.is_ready();
            stop::report_cut(server.await);
        }
    }
    let lines = stop::end_log(&app, config.server.drain_timeout).await;
    tracing::info!("stopped");
    stop::end_telemetry(&app, config.server.drain_timeout).await;
    drop(watch);
    Ok(lines)
}

/// Ready when the server is, when it is told to stop, or when that takes longer than a request may: who has
/// connected to a socket of the supervisor waits there, and is not refused because this program is starting.
async fn settle(mut ready: watch::Receiver<bool>, stop: watch::Receiver<bool>, patience: Duration) {
    tokio::select! {
        _ = ready.wait_for(|ready| *ready) => {}
        () = stop::told(stop) => {}
        () = tokio::time::sleep(patience) => {}
    }
}

/// Keeps the keys of tokens and of callers fresh.
fn follow_keys(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::spawn(async move { app.credentials.follow(&app.loads).await });
}

/// Keeps certificates, and all that callers are known by, fresh.
fn follow_callers(app: &Arc<App>) {
    let own = Arc::clone(app);
    tokio::spawn(async move {
        if let Some(callers) = &own.callers {
            callers.follow(&own.loads).await;
        }
    });
    for (_, tls) in &app.tls {
        let (own, tls) = (Arc::clone(app), Arc::clone(tls));
        tokio::spawn(async move { tls.follow(&own.loads).await });
    }
}

/// Has each load written to the decision log.
fn follow_loads(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::spawn(async move { app.follow_loads().await });
}

/// Measures how late the workers are.
fn follow_delay(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::spawn(async move { app.follow_delay().await });
}

/// Sends metrics to a collector, where there is one.
fn follow_metrics(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Some(telemetry) = &app.telemetry {
            let gather = || async { app.metrics_text().await.ok() };
            telemetry.follow(gather).await;
        }
    });
}

/// Tells the supervisor that the workers work.
fn follow_supervisor(supervisor: &Arc<Supervisor>) {
    let supervisor = Arc::clone(supervisor);
    tokio::spawn(async move { supervisor.watchdog().await });
}
