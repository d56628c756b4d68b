//! A listener that others than this machine can reach needs TLS, and callers that are known.

use super::range::SettingFaults;
use super::{CallerAdmission, Config, Listen, Tls};

/// Checks all listeners.
pub(super) fn check(config: &Config, faults: &mut SettingFaults) {
    if config.callers.admit == CallerAdmission::Anyone {
        return;
    }
    let own = config.admin.own_tls();
    let listeners = [
        ("listen", Some(&config.listen), &config.tls),
        (
            "gateway.envoy_grpc_listen",
            config.gateway.envoy_grpc_listen.as_ref(),
            &config.tls,
        ),
        (
            "admin.listen",
            config.admin.listen.as_ref(),
            own.as_ref().unwrap_or(&config.tls),
        ),
    ];
    for (key, listen, tls) in listeners {
        let Some(listen) = listen.filter(|listen| !listen.is_local()) else {
            continue;
        };
        let is_admin = key == "admin.listen";
        let lacks = lacks(config, is_admin, is_admin && own.is_some(), tls);
        if !lacks.is_empty() {
            let lacks = lacks.join(", and ");
            faults.add(
                key,
                format!(
                    "others than this machine can reach `{listen}`: {lacks}; or let anyone in by \
                     `callers.admit = \"anyone-who-reaches-the-port\"`"
                ),
            );
        }
    }
}

/// The settings that a listener lacks. One of administration may have a certificate of its `own`, and then its
/// own authorities.
fn lacks(config: &Config, is_admin: bool, is_own: bool, tls: &Tls) -> Vec<String> {
    let mut lacks = Vec::new();
    if !tls.is_set() {
        let others = if is_admin {
            ", or those of `admin`"
        } else {
            ""
        };
        lacks.push(format!("set `tls.certificate` and `tls.key`{others}"));
    }
    if !tls.knows_clients() && !config.callers.have_credentials() {
        let section = if is_own { "admin" } else { "tls" };
        lacks.push(format!(
            "make callers known by `{section}.client_ca`, `callers.key`, `callers.file` or \
             `callers.audience`"
        ));
    }
    lacks
}

impl Listen {
    /// True if only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}
