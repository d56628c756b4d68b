//! The console, where the settings want one.

use std::sync::Arc;

use crate::cli::doctor::checks;
use crate::cli::output::AnyError;
use crate::cli::source::import_of;
use peppol_authz_author::suite::Suites;
use peppol_authz_console::{Commands, Console, ConsoleSetting, DoctorCheck};
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
        is_default: it.is_default(),
        origin: it.origin.clone(),
    });
    Ok(Some(Console::new(
        Arc::clone(app),
        config,
        is_secure,
        shown.collect(),
        commands(config),
    )?))
}

/// The commands that pages run, by the settings in force.
fn commands(config: &Config) -> Commands {
    let suites = config.reload.suites.clone().map(|directory| {
        let (schema, additions) = (config.schema.clone(), config.additions.clone());
        let read = move || {
            let import = import_of(schema.as_deref(), additions.as_deref());
            let import = import.map_err(|error| error.to_string())?;
            let suites = Suites::read(std::slice::from_ref(&directory), &import);
            suites.map_err(|error| error.to_string())
        };
        Box::new(read) as Box<_>
    });
    let config = config.clone();
    let doctor = move || {
        let all = checks(&config).into_iter();
        let all = all.map(|check| DoctorCheck {
            state: check.state.name(),
            text: check.to_string(),
        });
        all.collect()
    };
    Commands {
        suites,
        doctor: Box::new(doctor),
    }
}
