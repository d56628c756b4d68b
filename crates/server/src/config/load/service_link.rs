//! Variables that Kubernetes sets in every pod for each service of its namespace, for `peppol-authz` and
//! for each whose name begins so. They are no settings.
//!
//! Of a service `a-b` these are `A_B_SERVICE_HOST`, `A_B_SERVICE_PORT`, `A_B_SERVICE_PORT_name`, `A_B_PORT`,
//! `A_B_PORT_5432_TCP`, and the last one with `_PROTO`, `_PORT` and `_ADDR` (Kubernetes' documentation,
//! "Discovering services").

use std::ffi::OsStr;

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Returns true if a variable has the shape of one, `suffix` being its name without our prefix.
pub(super) fn is_one(suffix: &str, text: &OsStr) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !suffix.bytes().all(is_of_name) {
        return false;
    }
    let is_behind_service = |end: &str| {
        let service = suffix.strip_suffix(end);
        service.is_some_and(|service| service.is_empty() || service.ends_with('_'))
    };
    // Somebody may mean a setting by `…_PORT`, which has no address.
    let is_address = text.to_str().is_some_and(|text| text.contains("://"));
    is_behind_service("SERVICE_HOST")
        || is_behind_service("SERVICE_PORT")
        || (is_address && is_behind_service("PORT"))
        || has_part(suffix, "SERVICE_PORT_", |name| !name.is_empty())
        || has_part(suffix, "PORT_", is_port)
}

/// Returns true if `part` is in the name, at its beginning or behind `_`, and what follows holds.
fn has_part(name: &str, part: &str, holds: impl Fn(&str) -> bool) -> bool {
    name.match_indices(part).any(|(at, _)| {
        let (before, after) = name.split_at(at);
        let after = after.strip_prefix(part);
        (before.is_empty() || before.ends_with('_')) && after.is_some_and(&holds)
    })
}

/// `5432_TCP`, `5432_TCP_ADDR`.
fn is_port(text: &str) -> bool {
    let (number, rest) = text.split_once('_').unwrap_or((text, ""));
    let (protocol, member) = rest.split_once('_').unwrap_or((rest, ""));
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && PROTOCOLS.contains(&protocol)
        && (matches!(member, "PROTO" | "PORT" | "ADDR") || rest == protocol)
}
