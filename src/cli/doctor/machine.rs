//! The limits of the machine.

use std::fs;

use super::report::Check;
use peppol_authz_server::config::Config;

/// Descriptors beside those of connections: files, the log, watches, sockets.
const OTHERS: u64 = 64;

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let Some(limit) = descriptors() else {
        let text = "the limit of file descriptors cannot be read here";
        return vec![Check::warning("descriptors", text)];
    };
    let readers = u64::try_from(config.store.readers).unwrap_or(u64::MAX);
    let connections = u64::try_from(config.server.connections).unwrap_or(u64::MAX);
    // A reader of SQLite has three files open.
    let wanted = connections
        .saturating_add(readers.saturating_mul(3))
        .saturating_add(OTHERS);
    let text = format!(
        "at most {limit}, where {connections} connections (`server.connections`) and all else take {wanted}"
    );
    let advice = format!("{text}: raise it, `ulimit -n {wanted}`");
    vec![match limit {
        limit if limit >= wanted => Check::ok("descriptors", text),
        limit if limit >= wanted.saturating_sub(connections).saturating_add(16) => {
            Check::warning("descriptors", advice)
        }
        _ => Check::wrong("descriptors", advice),
    }]
}

/// The soft limit of this process, which a sidecar started in the same place has too.
fn descriptors() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let limit = line.split_ascii_whitespace().nth(3)?;
    match limit {
        "unlimited" => Some(u64::MAX),
        limit => limit.parse().ok(),
    }
}
