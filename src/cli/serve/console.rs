//! The console, where the settings want one.

use std::sync::Arc;

use crate::cli::output::AnyError;
use peppol_authz_console::{Console, ConsoleSetting};
use peppol_authz_server::callers::ListenerName;
use peppol_authz_server::config::Config;
use peppol_authz_server::http::App;

/// The console on the listener of administration, or on the one listener.
pub(super) fn console(config: &Config, app: &Arc<App>) -> Result<Option<Console>, AnyError> {
    if !config.console.enabled {
        return Ok(None);
    }
    let has_tls = |name: ListenerName| app.tls.iter().any(|(of, _)| *of == name.name());
    let is_own = config.admin.listen.is_some() && has_tls(ListenerName::Administration);
    let is_secure = is_own || has_tls(ListenerName::Questions);
    let settings = app.operated.settings.iter();
    let shown = settings.filter(|it| !it.value.is_null());
    let shown = shown.map(|it| ConsoleSetting {
        value: it.text(),
        key: it.key.clone(),
        origin: it.origin.clone(),
    });
    Ok(Some(Console::new(
        Arc::clone(app),
        config,
        is_secure,
        shown.collect(),
    )?))
}
