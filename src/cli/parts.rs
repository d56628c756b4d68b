//! The parts of a server that need nothing but the settings and the schema.

mod keys;

use std::sync::Arc;

use super::output::AnyError;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::Schema;
use peppol_authz_server::callers::{Callers, ListenerName};
use peppol_authz_server::config::Config;
use peppol_authz_server::http::{Explainers, Gateway, Pages, Plans};
use peppol_authz_server::identity::Credentials;
use peppol_authz_server::tls::ServerTls;

/// The parts that need nothing but the settings and the schema.
pub(super) struct Parts {
    pub(super) credentials: Credentials,
    pub(super) gateway: Gateway,
    pub(super) plans: Plans,
    pub(super) explainers: Explainers,
    pub(super) pages: Pages,
    pub(super) callers: Callers,
    pub(super) tls: Vec<(&'static str, Arc<ServerTls>)>,
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
