//! Servers that are asked about tokens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::config::ServerUrl;
use peppol_authz_database::{RootsError, root_certificates};

/// A client that asks the one server and no other. Redirects are not followed. A proxy of the
/// environment is not used, as it may be meant for other things. Each request is a new connection: one
/// that is kept could be closed by the server just as it is used again.
pub(super) fn agent(
    url: &ServerUrl,
    ca_certificate: Option<&Path>,
    timeout: Duration,
    accept: &str,
) -> Result<Agent, RootsError> {
    let roots = if url.as_str().starts_with("https:") {
        root_certificates(ca_certificate)?
    } else {
        Vec::new()
    };
    let roots: Vec<_> = roots
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("peppol-authz/", env!("CARGO_PKG_VERSION")))
        .accept(accept)
        .build();
    Ok(config.new_agent())
}
