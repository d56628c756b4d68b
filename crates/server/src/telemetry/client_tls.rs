//! TLS of connections to collectors and to servers of logs.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use peppol_authz_database::root_certificates;

/// The client of a server that these roots vouch for: those of a PEM file, or the system's.
///
/// # Errors
/// A file without a certificate that can be used.
pub fn client_tls(roots: Option<&Path>, protocol: Option<&[u8]>) -> Result<ClientConfig, String> {
    let mut store = RootCertStore::empty();
    let roots = root_certificates(roots).map_err(|error| error.to_string())?;
    store.add_parsable_certificates(roots);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut client = builder.with_root_certificates(store).with_no_client_auth();
    client.alpn_protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
    Ok(client)
}

/// A host as a name or an address, without the brackets of IPv6.
#[must_use]
pub fn bare_host(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
