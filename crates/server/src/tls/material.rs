//! The material of TLS, out of the texts of files: certificate, key, authorities.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::certificate::{ValidTime, fingerprint};
use super::protocol::TlsProtocol;
use crate::config::{ClientCertificateUse, Tls};

/// Certificate, key and authorities, ready for handshakes.
pub(super) struct TlsMaterial {
    http: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
    /// The time at which the certificate expires, in seconds of the Unix epoch.
    pub(super) until: i64,
    /// The SHA-256 of the certificate, in hexadecimal digits.
    pub(super) fingerprint: String,
}

impl TlsMaterial {
    /// Reads the texts of certificate, key and, if they are set, the clients' authorities and what these have revoked.
    ///
    /// # Errors
    /// The first thing that cannot be used, by its setting. The key is not in it.
    pub(super) fn read(settings: &Tls, texts: &[Vec<u8>], now: i64) -> Result<Self, String> {
        let [certificate, key, rest @ ..] = texts else {
            return Err("certificate and key are missing".to_owned());
        };
        let chain = certificates(certificate).map_err(|fault| format!("`certificate`: {fault}"))?;
        let until = valid_until(&chain, now).map_err(|fault| format!("`certificate`: {fault}"))?;
        let fingerprint = chain.first().map(fingerprint).unwrap_or_default();
        let key = PrivateKeyDer::from_pem_slice(key);
        let key = key.map_err(|error| format!("`key`: no private key in PEM: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?;
        let builder = match rest.first() {
            None => builder.with_no_client_auth(),
            Some(text) => {
                let roots =
                    authorities(text, now).map_err(|fault| format!("`client_ca`: {fault}"))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match rest.get(1) {
                    None => verifier,
                    // A certificate of whom no list tells is refused, and so is any while a list is too old.
                    Some(text) => {
                        let lists = revoked(text).map_err(|fault| format!("`client_crl`: {fault}"));
                        verifier.with_crls(lists?).enforce_revocation_expiration()
                    }
                };
                let verifier = match settings.client_certificate {
                    ClientCertificateUse::Optional => verifier.allow_unauthenticated(),
                    ClientCertificateUse::Required => verifier,
                };
                let verifier = verifier.build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| format!("`client_ca` and `client_crl`: {error}"))?,
                )
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("`certificate` and `key`: {error}"))?;
        if !rest.is_empty() {
            // A client is verified each time, by what is in force then.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let of = |protocol: TlsProtocol| {
            let mut config = config.clone();
            config.alpn_protocols = protocol.names().iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Self {
            http: of(TlsProtocol::Http),
            http2: of(TlsProtocol::Http2),
            until,
            fingerprint,
        })
    }

    pub(super) fn of(&self, protocol: TlsProtocol) -> Arc<ServerConfig> {
        match protocol {
            TlsProtocol::Http => Arc::clone(&self.http),
            TlsProtocol::Http2 => Arc::clone(&self.http2),
        }
    }
}

/// The certificates of a PEM text; there is at least one.
fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| format!("it is not PEM: {error}"))?;
    match all.is_empty() {
        true => Err("no certificate in it".to_owned()),
        false => Ok(all),
    }
}

/// The lists of a PEM text; there is at least one.
fn revoked(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let all = CertificateRevocationListDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| format!("it is not PEM: {error}"))?;
    match all.is_empty() {
        true => Err("no list in it".to_owned()),
        false => Ok(all),
    }
}

/// The time at which the first certificate of a chain expires. One that is not valid now is refused: every
/// client would refuse it.
fn valid_until(chain: &[CertificateDer<'_>], now: i64) -> Result<i64, String> {
    let first = chain.first().ok_or("no certificate in it")?;
    let valid = ValidTime::of(first)?;
    if now >= valid.until {
        return Err("it has expired".to_owned());
    }
    if now < valid.from {
        return Err("it is not valid yet".to_owned());
    }
    Ok(valid.until)
}

/// The authorities of a PEM text that hold now. Those whose time is over, or has not come, vouch for nobody.
fn authorities(text: &[u8], now: i64) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text)? {
        if ValidTime::of_authority(&certificate)?.holds(now) {
            roots.add(certificate).map_err(|error| error.to_string())?;
        } else {
            tracing::warn!("an authority of `client_ca` is left out: it is outside of its time");
        }
    }
    if roots.is_empty() {
        return Err("no authority in it is within its time".to_owned());
    }
    Ok(Arc::new(roots))
}
