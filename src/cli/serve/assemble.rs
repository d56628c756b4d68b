//! The parts of a server, put together.

use std::sync::Arc;

use super::{keys, shadow};
use crate::cli::output::AnyError;
use crate::cli::source::{FileUse, entities_limits, open};
use peppol_authz_database::Database;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::slice::{Freshness, WaitLimits};
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{Engine, EngineOptions};
use peppol_authz_server::callers::{Callers, ListenerName};
use peppol_authz_server::config::{Config, Source};
use peppol_authz_server::decision_log::DecisionLog;
use peppol_authz_server::http::{App, Explainers, Gateway, Metrics, Pages, Plans};
use peppol_authz_server::identity::Credentials;
use peppol_authz_server::tls::ServerTls;

/// A server with all of its parts.
pub(super) struct Assembled {
    pub(super) app: Arc<App>,
    /// Its database, if it has one.
    pub(super) database: Option<Database>,
    /// The digest of its entities, if they are in a file.
    pub(super) entities: Option<String>,
}

/// The parts that need nothing but the settings and the schema.
pub(super) struct Parts {
    credentials: Credentials,
    gateway: Gateway,
    plans: Plans,
    explainers: Explainers,
    pages: Pages,
    callers: Callers,
    tls: Vec<(&'static str, Arc<ServerTls>)>,
}

/// Makes the parts that need nothing but the settings and the schema, and the policies of callers.
pub(super) fn parts(
    config: &Config,
    bundle: &Bundle,
    callers: Arc<Bundle>,
) -> Result<Parts, AnyError> {
    let credentials = Credentials::new(config)?;
    let gateway = Gateway::new(&config.gateway);
    let gateway = match credentials.takes_basic() {
        true => gateway.with_basic(&config.gateway),
        false => gateway,
    };
    check_principals(&gateway, &credentials, &bundle.schema)?;
    check_cerbos(config, &bundle.schema)?;
    Ok(Parts {
        credentials,
        gateway,
        plans: plans(config, &bundle.schema)?,
        explainers: keys::explainers(&config.explain)?,
        pages: keys::pages(config.search.token_key_file.as_deref())?,
        callers: Callers::new(config, callers)?,
        tls: tls(config)?,
    })
}

/// Puts a server together. Nothing is listened on yet.
pub(super) fn assemble(
    config: &Config,
    bundle: Arc<Bundle>,
    second: Option<Arc<Bundle>>,
    callers: Arc<Bundle>,
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
        decision_log: DecisionLog::start(&config.decision_log)?,
        ..App::new(engine, config, pages)
    });
    app.metrics.loaded();
    Ok(Assembled {
        app,
        database,
        entities,
    })
}

/// TLS of the listeners, by their names.
fn tls(config: &Config) -> Result<Vec<(&'static str, Arc<ServerTls>)>, AnyError> {
    let own = config.admin.own_tls();
    let mut all = Vec::new();
    for (name, settings) in [
        (ListenerName::Questions, Some(&config.tls)),
        (ListenerName::Administration, own.as_ref()),
    ] {
        let tls = settings.map(|settings| ServerTls::new(settings, &config.reload));
        if let Some(tls) = tls.transpose()?.flatten() {
            all.push((name.name(), Arc::new(tls)));
        }
    }
    Ok(all)
}

/// The principals of Cerbos's clients. A type that the schema does not have is a mistake.
fn check_cerbos(config: &Config, schema: &Schema) -> Result<(), String> {
    match &config.cerbos.principal_type {
        Some(name) if schema.entity_type_called(name).is_none() => Err(format!(
            "`cerbos.principal_type`: no such entity type in the schema: `{name}`"
        )),
        _ => Ok(()),
    }
}

/// How plans are written. Names that the schema does not have are mistakes.
fn plans(config: &Config, schema: &Schema) -> Result<Plans, String> {
    let fault = |error: String| format!("`plan.columns`: {error}");
    let names = config.plan.names().map_err(fault)?;
    let plans = Plans::new(&config.plan, &config.limits).with_columns(names, schema);
    plans.map_err(|misfit| fault(misfit.to_string()))
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
    }
}

/// Checks that the schema has the types and attributes by which callers and gateways name
/// principals. Without them nobody could ask, and nothing would say why.
pub(super) fn check_principals(
    gateway: &Gateway,
    credentials: &Credentials,
    schema: &Schema,
) -> Result<(), String> {
    gateway
        .check(schema)
        .and_then(|()| credentials.check(schema))
        .map_err(|misfit| misfit.to_string())
}
