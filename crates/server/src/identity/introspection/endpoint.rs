//! The endpoint, as RFC 7662 2 has it asked.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use ureq::Agent;

use super::super::document::{DocumentError, of_answer, of_file};
use super::super::server::agent;
use crate::config::Introspection;
use crate::telemetry::{ClientCall, Trace};
use peppol_authz_database::RootsError;
use peppol_authz_engine::schema::parse_json;

/// Nesting of the JSON of an answer.
const DEPTH: usize = 32;

/// The endpoint.
pub(super) struct Endpoint {
    url: String,
    agent: Agent,
    /// The name of this program there; without one, the secret is a bearer token.
    client: Option<String>,
    secret: PathBuf,
}

/// The endpoint's answer about a token.
pub(super) enum Introspected {
    /// It is active, and this is known of it.
    Active(Map<String, Value>),
    /// It is not active, and nothing else is said.
    Inactive,
}

/// Why the endpoint cannot be used with these settings.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectionError {
    /// The endpoint or its secret is not set.
    #[error("`introspection.endpoint` and `introspection.client_secret_file` are not both set")]
    NotConfigured,
    /// The secret for the endpoint cannot be used.
    #[error("`introspection.client_secret_file`: `{0}`: {1}")]
    Secret(String, String),
    /// `introspection.ca_certificate` cannot be used.
    #[error(transparent)]
    Certificate(#[from] RootsError),
}

/// Why the endpoint says nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error("the secret for it: {0}")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("its answer is no JSON object with a truth as `active`")]
    Malformed,
    /// The thread has ended early.
    #[error("the request was broken off")]
    BrokenOff,
}

/// Why a file holds no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("it is not one line of visible characters without blanks")]
    NoText,
}

// === impl Endpoint ===

impl Endpoint {
    pub(super) fn new(settings: &Introspection) -> Result<Self, IntrospectionError> {
        let (Some(url), Some(secret)) = (&settings.endpoint, &settings.client_secret_file) else {
            return Err(IntrospectionError::NotConfigured);
        };
        let certificate = settings.ca_certificate.as_deref();
        let accept = "application/json";
        let this = Self {
            url: url.to_string(),
            agent: agent(url, certificate, settings.timeout, accept)?,
            client: settings.client_id.clone(),
            secret: secret.clone(),
        };
        // A fault is known at the start, and not when the first token comes.
        this.authorization().map_err(|cause| {
            IntrospectionError::Secret(secret.display().to_string(), cause.to_string())
        })?;
        Ok(this)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks whose a token is, in the trace of the request that needs it; blocks.
    pub(super) fn ask(
        &self,
        token: &str,
        trace: Option<&Trace>,
    ) -> Result<Introspected, EndpointError> {
        let authorization = self.authorization()?;
        let request = self.agent.post(&self.url);
        let mut request = request.header("Authorization", authorization);
        let call = trace.map(Trace::call);
        for (name, value) in call.iter().flat_map(ClientCall::headers) {
            request = request.header(name, value);
        }
        let answer = request.send_form([("token", token), ("token_type_hint", "access_token")]);
        if let Some(call) = call {
            let status = answer.as_ref().map(|answer| answer.status().as_u16());
            call.ended("POST", &self.url, status.ok());
        }
        read(&of_answer(answer.map_err(DocumentError::from)?)?)
    }

    /// The credentials of this program. The file is read each time, so that it can be replaced.
    fn authorization(&self) -> Result<String, SecretError> {
        let secret = of_file(&self.secret)?;
        let secret = secret.strip_suffix(b"\n").unwrap_or(&secret);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        let secret = std::str::from_utf8(secret).map_err(|_| SecretError::NoText)?;
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::NoText);
        }
        let Some(client) = &self.client else {
            return Ok(format!("Bearer {secret}"));
        };
        // RFC 6749 2.3.1: both are encoded as in a form.
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let pair = STANDARD.encode(format!("{}:{}", encoded(client), encoded(secret)));
        Ok(format!("Basic {pair}"))
    }
}

/// Reads an answer.
fn read(answer: &[u8]) -> Result<Introspected, EndpointError> {
    let Ok(Value::Object(members)) = parse_json(answer, DEPTH) else {
        return Err(EndpointError::Malformed);
    };
    match members.get("active") {
        Some(Value::Bool(true)) => Ok(Introspected::Active(members)),
        Some(Value::Bool(false)) => Ok(Introspected::Inactive),
        _ => Err(EndpointError::Malformed),
    }
}
