//! Files that the settings name, and who may read them.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value as Json;

use super::report::Check;
use peppol_authz_server::config::{Config, Listen, LogTarget, Source};

/// How the settings end that name files with secrets.
const SECRETS: [&str; 6] = [
    "key_file",
    "headers_file",
    "secret_file",
    "api_keys.file",
    "callers.file",
    ".key",
];

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    for setting in config.values() {
        let is_secret = SECRETS.iter().any(|end| setting.key.ends_with(end));
        if let (true, Json::String(path)) = (is_secret, &setting.value) {
            checks.push(secret(&setting.key, Path::new(path)));
        }
    }
    if let Source::Sqlite(path) = &config.tenancy
        && path.exists()
    {
        checks.push(database(path));
    }
    let listeners = [
        Some(&config.listen),
        config.gateway.envoy_grpc_listen.as_ref(),
        config.admin.listen.as_ref(),
    ];
    for listen in listeners.into_iter().flatten() {
        if let Listen::Unix(path) = listen {
            checks.push(socket(path));
        }
    }
    if let LogTarget::File(path) = &config.decision_log.to {
        checks.push(directory("decision log", path));
    }
    checks
}

/// The rights that others than the owner have.
fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o777
}

fn secret(key: &str, path: &Path) -> Check {
    let shown = format!("`{key}`: `{}`", path.display());
    match fs::metadata(path) {
        Err(error) => Check::wrong("secret", format!("{shown}: {error}")),
        Ok(found) if mode(&found) & 0o007 != 0 => Check::wrong(
            "secret",
            format!(
                "{shown} can be read by everybody (mode {:03o}): chmod 600 it",
                mode(&found)
            ),
        ),
        Ok(found) if mode(&found) & 0o020 != 0 => Check::warning(
            "secret",
            format!(
                "{shown} can be written by its group (mode {:03o})",
                mode(&found)
            ),
        ),
        Ok(found) => Check::ok("secret", format!("{shown}, mode {:03o}", mode(&found))),
    }
}

/// It holds addresses.
fn database(path: &Path) -> Check {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) => Check::wrong("database file", format!("`{shown}`: {error}")),
        Ok(found) if mode(&found) & 0o002 != 0 => Check::wrong(
            "database file",
            format!(
                "`{shown}` can be written by everybody (mode {:03o}): whoever may write it gives rights",
                mode(&found)
            ),
        ),
        Ok(found) if mode(&found) & 0o004 != 0 => Check::warning(
            "database file",
            format!(
                "`{shown}` can be read by everybody (mode {:03o}), and holds addresses",
                mode(&found)
            ),
        ),
        Ok(found) => Check::ok(
            "database file",
            format!("`{shown}`, mode {:03o}", mode(&found)),
        ),
    }
}

/// A user who may write its directory may put another socket in its place.
fn socket(path: &Path) -> Check {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let shown = directory.display();
    match fs::metadata(directory) {
        Err(error) => Check::wrong("socket", format!("`{shown}`: {error}")),
        Ok(found) if !found.is_dir() => {
            Check::wrong("socket", format!("`{shown}` is no directory"))
        }
        Ok(found) if found.permissions().mode() & 0o1002 == 0o002 => Check::wrong(
            "socket",
            format!(
                "`{shown}` can be written by everybody (mode {:03o}): anybody could answer in the place of the sidecar",
                mode(&found)
            ),
        ),
        Ok(found) => Check::ok("socket", format!("`{shown}`, mode {:03o}", mode(&found))),
    }
}

/// The directory in which something is made.
pub(super) fn directory(of: &'static str, path: &Path) -> Check {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let shown = directory.display();
    match fs::metadata(directory) {
        Err(error) => Check::wrong(of, format!("`{shown}`: {error}")),
        Ok(found) if !found.is_dir() => Check::wrong(of, format!("`{shown}` is no directory")),
        Ok(found) if found.permissions().readonly() => {
            Check::wrong(of, format!("`{shown}` cannot be written"))
        }
        Ok(_) => Check::ok(of, format!("`{}`", path.display())),
    }
}
