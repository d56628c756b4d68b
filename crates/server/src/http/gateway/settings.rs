//! The settings of this surface.

use axum::http::HeaderValue;

use super::denial::DenialWording;
use super::endpoint::Endpoint;
use super::family::HeaderFamilies;
use super::trusted::TrustedNames;
use crate::config;
use peppol_authz_engine::schema::{Misfit, Schema};

/// The settings of the surface, in the form that a request needs.
#[derive(Debug)]
pub struct Gateway {
    endpoints: Vec<Endpoint>,
    pub(super) families: HeaderFamilies,
    pub(super) trusted: TrustedNames,
    pub(super) denial: DenialWording,
    /// True if the request may demand a state of the store.
    pub(super) demands: bool,
    /// The greatest length of `X-Authz-Resource`.
    pub(super) resource_bytes: usize,
    /// `WWW-Authenticate` where no token was sent, and where one was.
    pub(super) challenges: [HeaderValue; 2],
}

impl Gateway {
    /// Makes them from the settings.
    #[must_use]
    pub fn new(settings: &config::GatewaySettings) -> Self {
        let endpoints = settings.endpoints.iter().copied().map(Endpoint::from);
        Self {
            endpoints: endpoints.collect(),
            families: HeaderFamilies::new(&settings.family),
            trusted: TrustedNames::new(settings),
            denial: DenialWording::new(settings.denial.as_ref()),
            demands: settings.demands,
            resource_bytes: settings.resource_bytes,
            challenges: challenges(&settings.realm, false),
        }
    }

    /// The same, where `Authorization: Basic` is read too.
    #[must_use]
    pub fn with_basic(self, settings: &config::GatewaySettings) -> Self {
        Self {
            challenges: challenges(&settings.realm, true),
            ..self
        }
    }

    /// Checks that the schema has the entities that headers and certificates name.
    ///
    /// # Errors
    /// The first that it does not have.
    pub fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        self.trusted.check(schema)
    }

    /// Returns true if an endpoint is answered.
    pub(super) fn answers(&self, endpoint: Endpoint) -> bool {
        // That one is answered by its listener, which is there only where it is set.
        endpoint == Endpoint::EnvoyGrpc || self.endpoints.contains(&endpoint)
    }
}

/// `WWW-Authenticate` where no token was sent, and where one was.
fn challenges(realm: &str, takes_basic: bool) -> [HeaderValue; 2] {
    ["", ", error=\"invalid_token\""].map(|error| {
        let mut text = format!("Bearer realm=\"{realm}\"{error}");
        if takes_basic {
            text += &format!(", Basic realm=\"{realm}\", charset=\"UTF-8\"");
        }
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    })
}
