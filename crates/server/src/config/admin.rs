//! The listener of administration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::range::SettingFaults;
use super::{ClientCertificateUse, Listen, Tls};

/// The listener of administration. Without an address it is that of questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// The address.
    pub listen: Option<Listen>,
    /// As [`Tls::certificate`]; without one, TLS is that of the other listeners.
    pub certificate: Option<PathBuf>,
    /// As [`Tls::key`].
    pub key: Option<PathBuf>,
    /// As [`Tls::client_ca`].
    pub client_ca: Option<PathBuf>,
    /// As [`Tls::client_crl`].
    pub client_crl: Option<PathBuf>,
    /// As [`Tls::client_certificate`].
    pub client_certificate: ClientCertificateUse,
}

// === impl Admin ===

impl Admin {
    /// Its own TLS; `None` where it is that of the other listeners.
    #[must_use]
    pub fn own_tls(&self) -> Option<Tls> {
        self.certificate.as_ref()?;
        Some(self.tls())
    }

    fn tls(&self) -> Tls {
        Tls {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            client_ca: self.client_ca.clone(),
            client_crl: self.client_crl.clone(),
            client_certificate: self.client_certificate,
        }
    }

    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let keys = [
            "admin.certificate",
            "admin.key",
            "admin.client_ca",
            "admin.client_certificate",
            "admin.client_crl",
        ];
        self.tls().check_named(keys, faults);
        if self.listen.is_none() && self.certificate.is_some() {
            faults.add("admin.certificate", "needs `admin.listen`");
        }
    }
}
