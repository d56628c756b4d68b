//! TLS of the listeners: certificate, key, and the authorities of client certificates.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::range::SettingFaults;

/// TLS of all listeners over TCP. Without a certificate there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A PEM file of the certificate, with those that lead from it to the authority behind it.
    pub certificate: Option<PathBuf>,
    /// A PEM file of its private key.
    pub key: Option<PathBuf>,
    /// A PEM file of the authorities that vouch for clients.
    pub client_ca: Option<PathBuf>,
    /// A PEM file of the certificates that these authorities have revoked.
    pub client_crl: Option<PathBuf>,
    /// If a client has to show a certificate.
    pub client_certificate: ClientCertificateUse,
}

/// If a client has to show a certificate. One that it shows is verified in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificateUse {
    /// It may say by other means who it is.
    Optional,
    /// Without one there is no connection.
    Required,
}

// === impl Tls ===

impl Tls {
    /// Returns true if there is a certificate.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.certificate.is_some()
    }

    /// Returns true if clients can show certificates.
    #[must_use]
    pub fn knows_clients(&self) -> bool {
        self.is_set() && self.client_ca.is_some()
    }

    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let keys = [
            "tls.certificate",
            "tls.key",
            "tls.client_ca",
            "tls.client_certificate",
            "tls.client_crl",
        ];
        self.check_named(keys, faults);
    }

    /// Checks the settings by these names.
    pub(super) fn check_named(&self, keys: [&'static str; 5], faults: &mut SettingFaults) {
        let [certificate, key, client_ca, client_certificate, client_crl] = keys;
        faults.path(certificate, self.certificate.as_deref());
        faults.path(key, self.key.as_deref());
        faults.path(client_ca, self.client_ca.as_deref());
        faults.path(client_crl, self.client_crl.as_deref());
        if self.client_crl.is_some() && self.client_ca.is_none() {
            let text = format!("needs `{client_ca}`, whose lists they are");
            faults.add(client_crl, text);
        }
        match (&self.certificate, &self.key) {
            (Some(_), None) => faults.add(key, format!("is missing, which `{certificate}` needs")),
            (None, Some(_)) => faults.add(certificate, format!("is missing, which `{key}` needs")),
            _ => {}
        }
        if self.client_ca.is_some() && self.certificate.is_none() {
            faults.add(client_ca, format!("needs `{certificate}` and `{key}`"));
        }
        let is_required = self.client_certificate == ClientCertificateUse::Required;
        if is_required && self.client_ca.is_none() {
            let text = format!("`required` needs `{client_ca}`, which vouches for clients");
            faults.add(client_certificate, text);
        }
    }
}
