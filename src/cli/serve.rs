//! `serve`: the one place where everything is put together.

mod shadow;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::Exit;
use super::args::ServeArgs;
use super::import::import_files;
use super::output::{complain, complain_of};
use super::policies::{load_policies, runtime};
use super::source::open;
use peppol_authz_engine::policy::{Bundle, Sources};
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::StoreError;
use peppol_authz_engine::{Engine, EngineOptions};
use peppol_authz_server::config::{self, Config, Explain, LogFormat, Source};
use peppol_authz_server::decision_log::DecisionLog;
use peppol_authz_server::http::{
    App, Authzen, Document, ExplainKey, Explainers, Gateway, Limits, Listener, Metrics, Pages,
    Readiness, router, serve, serve_envoy,
};
use peppol_authz_server::identity::Tokens;
use peppol_authz_server::watch::{Change, Watch};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn run(args: &ServeArgs) -> Exit {
    let config = match Config::load(&args.flags()) {
        Ok(config) => config,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    if !config.import.is_empty() && matches!(config.tenancy, Source::Entities(_)) {
        complain_of(format_args!(
            "`import` needs a database, and `{}` is none",
            config.tenancy
        ));
        return Exit::Usage;
    }
    if let Err(error) = start_log(&config) {
        complain(&*error);
        return Exit::Usage;
    }
    let loaded = load_policies(
        config.policies.as_deref(),
        config.schema.as_deref(),
        config.routes.as_deref(),
    );
    let (sources, bundle) = match loaded {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let second = match shadow::load(&config) {
        Ok(second) => second,
        Err(exit) => return exit,
    };
    match run_server(&config, &sources, bundle, second) {
        Ok(Lines::Written) => Exit::Done,
        Ok(Lines::Lost) => Exit::Failed,
        Err(error) => {
            complain(&*error);
            Exit::Failed
        }
    }
}

fn start_log(config: &Config) -> Result<(), AnyError> {
    let filter = EnvFilter::try_new(&config.log.filter)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
}

fn run_server(
    config: &Config,
    sources: &Sources,
    bundle: Arc<Bundle>,
    second: Option<shadow::Loaded>,
) -> Result<Lines, AnyError> {
    let gateway = Gateway::new(&config.gateway);
    let tokens = match config.jwt.jwks {
        Some(_) => Some(Tokens::new(&config.jwt)?),
        None => None,
    };
    check_who_asks(&gateway, tokens.as_ref(), &bundle.schema)?;
    if bundle.routes.is_none() {
        tracing::info!("no routes: gateways are denied everything");
    }
    let (store, database) = open(config)?;
    let cache_bytes = if config.cache.enabled {
        config.cache.bytes
    } else {
        0
    };
    let options = EngineOptions {
        cache_bytes,
        freshness: Freshness {
            followed: !config.freshness.poll_interval.is_zero(),
            max_stale: config.freshness.max_stale,
            untold_max_age: config.freshness.untold_max_age,
            wait: config.freshness.wait,
        },
    };
    let seen = second.as_ref().map(|second| second.sources.clone());
    let shadow = match second {
        Some(second) => Some(shadow::start(config, second, &store, options)?),
        None => None,
    };
    let engine = Arc::new(Engine::new(store, bundle, options)?);
    let metrics = Metrics::default();
    let app = Arc::new(App {
        engine,
        metrics: match &shadow {
            Some(shadow) => metrics.with_shadow(shadow.counts()),
            None => metrics,
        },
        readiness: Readiness::new(config.reload.refused_is_unready),
        limits: Limits {
            body_bytes: config.limits.body_bytes,
            batch: config.limits.batch,
            json_depth: config.limits.json_depth,
            entities: config.limits.entities,
            page: config.limits.page,
            candidates: config.limits.candidates,
            body_read_timeout: config.server.body_read_timeout,
            request_timeout: config.server.request_timeout,
        },
        pages: pages(config.search.token_key_file.as_deref())?,
        document: Document::default(),
        explainers: explainers(&config.explain)?,
        authzen: Authzen::new(&config.authzen),
        gateway,
        tokens,
        shadow,
        decision_log: DecisionLog::start(&config.decision_log)?,
    });
    app.metrics.loaded();
    let runtime = runtime(config.server.workers, config.server.worker_stack_bytes)?;
    let result = runtime.block_on(async {
        // Before anything slow: a port that is taken is known at once.
        let listener = Listener::bind(&config.listen).await?;
        let address = listener.local_addr().to_string();
        let envoy = match &config.gateway.envoy_grpc_listen {
            Some(address) => Some(Listener::bind(address).await?),
            None => None,
        };
        let address_of_envoy = envoy
            .as_ref()
            .map(|listener| listener.local_addr().to_string());
        let watch = watch(config, sources, seen.as_ref(), &app)?;
        let stop = stopped(&app)?;
        let (router, limits) = (router(Arc::clone(&app)), &config.server);
        let server = async {
            let envoy = async {
                let Some(listener) = envoy else {
                    return 0;
                };
                serve_envoy(listener, Arc::clone(&app), limits, told(stop.clone())).await
            };
            let server = serve(listener, router, limits, told(stop.clone()));
            let (cut, cut_of_envoy) = tokio::join!(server, envoy);
            cut + cut_of_envoy
        };
        if app.tokens.is_some() {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                if let Some(tokens) = &app.tokens {
                    tokens.follow().await;
                }
            });
        }
        let import = async {
            if let Some(database) = database.filter(|_| !config.import.is_empty()) {
                let files = config.import.clone();
                let imported =
                    tokio::task::spawn_blocking(move || import_files(&database, &files)).await??;
                tracing::info!(
                    documents = imported.documents,
                    revision = %imported.revision,
                    "imported"
                );
            }
            // Not before: whoever is told that it is ready gets what was imported.
            first_look(config, &app).await?;
            if options.freshness.followed {
                let app = Arc::clone(&app);
                let poll_interval = config.freshness.poll_interval;
                tokio::spawn(async move { app.engine.follow(poll_interval).await });
            }
            app.readiness.started();
            tracing::info!(
                address,
                tenancy = %config.tenancy,
                policies = &*app.engine.state().bundle.revision,
                "ready"
            );
            Ok::<_, AnyError>(())
        };
        if let Some(address) = address_of_envoy {
            tracing::info!(address, "listening for Envoy's gRPC");
        }
        tracing::info!(address, "listening");
        let mut server = std::pin::pin!(server);
        tokio::select! {
            // Told to stop while importing: the import is not waited for.
            cut = &mut server => report_cut(cut),
            imported = import => {
                imported?;
                report_cut(server.await);
            }
        }
        let lines = end_log(&app, config.server.drain_timeout).await;
        tracing::info!("stopped");
        drop(watch);
        Ok::<_, AnyError>(lines)
    });
    // A query or an import that hangs must not keep the process.
    runtime.shutdown_background();
    result
}

/// Whether the schema has whom tokens and gateways are said to name; else nobody could ask by them, and
/// nothing would say why.
fn check_who_asks(
    gateway: &Gateway,
    tokens: Option<&Tokens>,
    schema: &Schema,
) -> Result<(), String> {
    gateway
        .check(schema)
        .and_then(|()| tokens.map_or(Ok(()), |tokens| tokens.check(schema)))
        .map_err(|misfit| misfit.to_string())
}

/// Bytes that a key of tokens has at least.
const TOKEN_KEY: usize = 32;

fn pages(key: Option<&Path>) -> Result<Pages, AnyError> {
    let Some(path) = key else {
        return Ok(Pages::random()?);
    };
    let shown = path.display();
    let key = std::fs::read(path)
        .map_err(|error| format!("`search.token_key_file`: `{shown}`: {error}"))?;
    if key.len() < TOKEN_KEY {
        let text = format!("`search.token_key_file`: `{shown}` has fewer than {TOKEN_KEY} bytes");
        return Err(text.into());
    }
    Ok(Pages::new(&key))
}

/// Who may have decisions explained. A key that no header could hold is refused.
fn explainers(explain: &Explain) -> Result<Explainers, AnyError> {
    let path = match (explain.allow, &explain.key_file) {
        (config::Explainers::Nobody, _) => return Ok(Explainers::Nobody),
        (config::Explainers::All, _) => return Ok(Explainers::All),
        (config::Explainers::Key, None) => return Err("`explain.key_file`: is missing".into()),
        (config::Explainers::Key, Some(path)) => path,
    };
    let shown = path.display();
    let key =
        std::fs::read(path).map_err(|error| format!("`explain.key_file`: `{shown}`: {error}"))?;
    let key = key.strip_suffix(b"\n").unwrap_or(&key);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    if key.len() < TOKEN_KEY || !key.iter().all(u8::is_ascii_graphic) {
        let text = format!(
            "`explain.key_file`: `{shown}` has not {TOKEN_KEY} visible characters without blanks"
        );
        return Err(text.into());
    }
    Ok(Explainers::Key(ExplainKey::new(key)))
}

/// Looks at the store for the first time. A server that is away, or whose tables are
/// not as they should be yet, is waited for.
async fn first_look(config: &Config, app: &App) -> Result<(), StoreError> {
    let mut pause = Duration::from_millis(50);
    while let Err(error) = app.engine.look().await {
        if !matches!(config.tenancy, Source::Postgres(_)) {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = Duration::from_secs(1).min(pause * 2);
    }
    Ok(())
}

fn report_cut(cut: usize) {
    if cut > 0 {
        tracing::warn!(
            connections = cut,
            "connections were cut at the end of the drain"
        );
    }
}

/// What the decision log is given at least to write what it has taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What became of the last lines of the decision log.
enum Lines {
    /// All are written, or there is no log.
    Written,
    /// Some may not be.
    Lost,
}

/// Waits for the lines of all decisions that were given.
async fn end_log(app: &App, drain_timeout: Duration) -> Lines {
    let Some(log) = &app.decision_log else {
        return Lines::Written;
    };
    if log.end(drain_timeout.max(LAST_LINES)).await {
        return Lines::Written;
    }
    tracing::error!("the last decisions were not logged: the decision log cannot be written");
    Lines::Lost
}

/// Ready when the value says so, or can no longer say otherwise.
async fn told(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says when the process is told to stop; a second signal ends it at once.
fn stopped(app: &Arc<App>) -> Result<watch::Receiver<bool>, AnyError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = Arc::clone(app);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.readiness.draining();
        tracing::info!("draining");
        stop.send_replace(true);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    });
    Ok(stopped)
}

/// Takes over changed policies; a SIGHUP makes it look at once. Where there is
/// nothing to look at a SIGHUP does nothing, and above all does not end it.
fn watch(
    config: &Config,
    sources: &Sources,
    second: Option<&Sources>,
    app: &Arc<App>,
) -> Result<tokio::task::JoinHandle<()>, AnyError> {
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
        check_who_asks(&app.gateway, app.tokens.as_ref(), &bundle.schema)
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
