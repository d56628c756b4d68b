//! The source of keys: a file, or a server.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::keys::KeySetError;
use crate::config::Jwks;
use peppol_authz_database::{RootsError, root_certificates};

/// The longest document that is accepted, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The source of keys.
pub(super) enum KeySource {
    File(PathBuf),
    Server { url: String, agent: Agent },
}

/// Why tokens cannot be verified with these settings.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// There is neither `jwt.jwks` nor `jwt.issuers`.
    #[error("neither `jwt.jwks` nor `jwt.issuers` is set")]
    NotConfigured,
    /// `jwt.ca_certificate` cannot be used.
    #[error(transparent)]
    Certificate(#[from] RootsError),
}

/// Why a look at the keys failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("{0}")]
    Server(#[from] ureq::Error),
    #[error("the server answered {0}, and not 200")]
    Status(u16),
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// The thread of the look has ended early.
    #[error("the look was broken off")]
    BrokenOff,
}

impl KeySource {
    pub(super) fn new(
        jwks: &Jwks,
        ca_certificate: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, TokensError> {
        Ok(match jwks {
            Jwks::File(path) => Self::File(path.clone()),
            Jwks::Url(url) => Self::Server {
                url: url.clone(),
                agent: agent(url, ca_certificate, timeout)?,
            },
        })
    }

    /// Reads the document; blocks.
    pub(super) fn read(&self) -> Result<Vec<u8>, LookError> {
        let mut document = Vec::new();
        match self {
            Self::File(path) => {
                // Opening a pipe would wait for a writer.
                if !std::fs::metadata(path)?.is_file() {
                    return Err(LookError::NoFile);
                }
                File::open(path)?
                    .take(MAX_BYTES + 1)
                    .read_to_end(&mut document)?;
            }
            Self::Server { url, agent } => {
                let answer = agent.get(url).call()?;
                if answer.status() != 200 {
                    return Err(LookError::Status(answer.status().as_u16()));
                }
                answer
                    .into_body()
                    .into_reader()
                    .take(MAX_BYTES + 1)
                    .read_to_end(&mut document)?;
            }
        }
        if document.len() as u64 > MAX_BYTES {
            return Err(LookError::TooLong);
        }
        Ok(document)
    }
}

/// A client that asks the one server and no other. Redirects are not followed. A proxy of the
/// environment is not used, as it may be meant for other things. Each look is a new connection, as
/// looks are far apart.
fn agent(
    url: &str,
    ca_certificate: Option<&Path>,
    timeout: Duration,
) -> Result<Agent, TokensError> {
    let roots = if url.starts_with("https:") {
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
        .accept("application/jwk-set+json, application/json")
        .build();
    Ok(config.new_agent())
}
