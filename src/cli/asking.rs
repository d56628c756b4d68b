//! What the commands have in common that ask the engine: where the question comes
//! from, and an engine to ask.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Exit;
use super::args::{PolicyArgs, SourceArgs};
use super::output::complain;
use super::policies::runtime;
use super::source::open;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::parse_json;
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::Store;
use peppol_authz_engine::{Engine, EngineOptions};
use peppol_authz_server::config::{Config, MIN_WORKER_STACK_BYTES};

pub(super) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// The settings, and the policies that they or the working directory name.
pub(super) fn prepare(
    source: &SourceArgs,
    policy: &PolicyArgs,
) -> Result<(Config, Arc<Bundle>), Exit> {
    let config = Config::load(&source.flags()).map_err(|error| {
        complain(&error);
        Exit::Usage
    })?;
    let mut policy = policy.for_author();
    policy.policies = policy.policies.or_else(|| config.policies.clone());
    policy.schema = policy.schema.or_else(|| config.schema.clone());
    policy.routes = policy.routes.or_else(|| config.routes.clone());
    let (_, bundle) = policy.load()?;
    Ok((config, bundle))
}

/// Asks an engine over the store that is named. Nothing is kept for a second question.
pub(super) fn ask<T, F>(
    config: &Config,
    bundle: Arc<Bundle>,
    ask: impl FnOnce(Engine) -> F + Send + 'static,
) -> Result<T, AnyError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AnyError>> + Send,
{
    let (store, _) = open(config)?;
    ask_over(store, bundle, ask)
}

/// The same over a store that is open already.
pub(super) fn ask_over<T, F>(
    store: Arc<dyn Store>,
    bundle: Arc<Bundle>,
    ask: impl FnOnce(Engine) -> F + Send + 'static,
) -> Result<T, AnyError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, AnyError>> + Send,
{
    let options = EngineOptions {
        cache_bytes: 0,
        freshness: Freshness::EACH,
    };
    let engine = Engine::new(store, bundle, options)?;
    let runtime = runtime(1, MIN_WORKER_STACK_BYTES)?;
    // On a worker, whose stack is as large as a server's.
    runtime.block_on(runtime.spawn(async move { ask(engine).await }))?
}

/// A question in a file; `-` is standard input.
pub(super) fn question_in(path: &Path, depth: usize) -> Result<Json, String> {
    let text = read(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    parse_json(&text, depth).map_err(|error| format!("`{}`: {error}", path.display()))
}

/// A file; `-` is standard input.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(path)
}

/// A context on the command line.
pub(super) fn context(text: Option<&str>, depth: usize) -> Result<Json, String> {
    match text {
        Some(text) => {
            parse_json(text.as_bytes(), depth).map_err(|error| format!("`--context`: {error}"))
        }
        None => Ok(json!({})),
    }
}

/// An action by its bare name, where only one namespace has it.
pub(super) fn action(name: &str, bundle: &Bundle) -> String {
    let actions = bundle.schema.actions().into_iter();
    let mut named = actions.filter(|found| AsRef::<str>::as_ref(found.uid.id()) == name);
    match (named.next(), named.next()) {
        (Some(found), None) => found.uid.to_string(),
        _ => name.to_owned(),
    }
}
