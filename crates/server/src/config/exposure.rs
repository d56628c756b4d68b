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
        let lacks = lacks(config, key == "admin.listen", tls);
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

/// The settings that a listener lacks.
fn lacks(config: &Config, is_admin: bool, tls: &Tls) -> Vec<&'static str> {
    let mut lacks = Vec::new();
    if !tls.is_set() {
        lacks.push(match is_admin {
            false => "set `tls.certificate` and `tls.key`",
            true => "set `tls.certificate` and `tls.key`, or those of `admin`",
        });
    }
    if !tls.knows_clients() && !config.callers.have_credentials() {
        lacks.push(
            "make callers known by `tls.client_ca`, `callers.key`, `callers.file` or \
             `callers.audience`",
        );
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
