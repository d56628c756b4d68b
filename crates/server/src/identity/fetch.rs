//! The source of keys: a file, or a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;

use super::document::{DocumentError, of_answer, of_file};
use super::keys::KeySetError;
use super::server::agent;
use crate::config::Jwks;
use crate::telemetry::{ClientCall, Trace};
use peppol_authz_database::RootsError;

/// The documents that a server of keys is asked for.
const ACCEPT: &str = "application/jwk-set+json, application/json";

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
    #[error(transparent)]
    Document(#[from] DocumentError),
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
                url: url.to_string(),
                agent: agent(url, ca_certificate, timeout, ACCEPT)?,
            },
        })
    }

    /// Reads the document, in the trace of the request that needs it; blocks.
    pub(super) fn read(&self, trace: Option<&Trace>) -> Result<Vec<u8>, LookError> {
        Ok(match self {
            Self::File(path) => of_file(path)?,
            Self::Server { url, agent } => {
                let mut request = agent.get(url);
                let call = trace.map(Trace::call);
                for (name, value) in call.iter().flat_map(ClientCall::headers) {
                    request = request.header(name, value);
                }
                let answer = request.call();
                if let Some(call) = call {
                    let status = answer.as_ref().map(|answer| answer.status().as_u16());
                    call.ended("GET", url, status.ok());
                }
                of_answer(answer.map_err(DocumentError::from)?)?
            }
        })
    }
}
