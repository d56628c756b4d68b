//! An engine to ask, for the commands that ask questions.

use std::sync::Arc;

use super::args::{PolicyArgs, SourceArgs};
use super::exit::Exit;
use super::output::AnyError;
use super::source::{FileUse, open, settings};
use super::worker::in_worker;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::Store;
use peppol_authz_engine::{Engine, EngineOptions};
use peppol_authz_server::config::Config;

/// The settings, and the policies that they or the working directory name.
pub(super) fn prepare(
    source: &SourceArgs,
    policy: &PolicyArgs,
) -> Result<(Config, Arc<Bundle>), Exit> {
    let config = settings(&source.flags())?;
    let mut policy = policy.for_author_with(source.config.as_deref())?;
    policy.policies = policy.policies.or_else(|| config.policies.clone());
    policy.schema = policy.schema.or_else(|| config.schema.clone());
    policy.routes = policy.routes.or_else(|| config.routes.clone());
    policy.policy_warnings = policy.policy_warnings.or(Some(config.policy_warnings));
    policy.policy_level = policy.policy_level.or(Some(config.policy_level));
    let (_, bundle) = policy.load()?;
    Ok((config, bundle))
}

/// Asks an engine over the store that the settings name. Nothing is kept for a second question.
pub(super) fn ask<T, F>(
    config: &Config,
    bundle: Arc<Bundle>,
    ask: impl FnOnce(Engine) -> F + Send + 'static,
) -> Result<T, AnyError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AnyError>> + Send,
{
    let (store, _) = open(config, FileUse::ReadOnce)?;
    ask_over(store, bundle, ask)
}

/// Asks an engine over a store that is open already.
pub(super) fn ask_over<T, F>(
    store: Arc<dyn Store>,
    bundle: Arc<Bundle>,
    ask: impl FnOnce(Engine) -> F + Send + 'static,
) -> Result<T, AnyError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AnyError>> + Send,
{
    let engine = engine_over(store, bundle, 0)?;
    in_worker(async move { ask(engine).await })
}

/// An engine over a store, which looks at it for each question and keeps as much as that.
pub(super) fn engine_over(
    store: Arc<dyn Store>,
    bundle: Arc<Bundle>,
    cache_bytes: u64,
) -> Result<Engine, AnyError> {
    let options = EngineOptions {
        cache_bytes,
        decision_bytes: 0,
        freshness: Freshness::EACH,
    };
    Ok(Engine::new(store, bundle, options)?)
}

/// Finds an action by its bare name, if only one namespace has it. A Cedar literal is taken as it is.
///
/// # Errors
/// A bare name that no action has, or more than one.
pub(super) fn action(name: &str, bundle: &Bundle) -> Result<String, String> {
    let actions = bundle.schema.actions().into_iter();
    let mut named = actions.filter(|found| AsRef::<str>::as_ref(found.uid.id()) == name);
    match (named.next(), named.next()) {
        (Some(found), None) => Ok(found.uid.to_string()),
        (Some(one), Some(other)) => Err(format!(
            "`action`: several are called `{name}`: write `{}` or `{}`",
            one.uid, other.uid
        )),
        (None, _) if name.contains("::\"") => Ok(name.to_owned()),
        (None, _) => {
            let near = bundle.schema.action_meant(name);
            Err(format!("`action`: none is called `{name}`{near}"))
        }
    }
}
