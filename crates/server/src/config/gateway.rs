//! The settings of the gateways' endpoints: the endpoints that are enabled, the peers that they
//! believe, and the words of a denial.

mod denial;
mod endpoint;
mod family;
mod network;
mod pattern;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::Listen;
use super::range::SettingFaults;

pub use denial::{DenialBody, DenialError, Piece, Placeholder, Shape};
pub use endpoint::GatewayEndpoint;
pub use family::{GatewayFamily, TargetForm};
pub use network::{Network, NetworkError};
pub use pattern::{CertificateName, CertificateNameError};

/// The gateways' endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    /// The endpoints that are enabled.
    pub endpoints: Vec<GatewayEndpoint>,
    /// The address for Envoy's `ext_authz` over gRPC.
    pub envoy_grpc_listen: Option<Listen>,
    /// The realm in a `WWW-Authenticate` header.
    pub realm: String,
    /// True if a request may demand how new the state for its decision is.
    pub demands: bool,
    /// The greatest length of the header that names what was decided on.
    pub resource_bytes: usize,
    /// The greatest length of the header that carries a plan.
    pub plan_bytes: usize,
    /// The length of all plans that are kept to be fetched.
    pub plans_bytes: usize,
    /// The body of a denial, in place of problem details.
    pub denial: Option<DenialBody>,
    /// Headers by which an endpoint is told the request, in place of its gateway's own.
    #[serde(default)]
    pub family: Vec<GatewayFamily>,
    /// Headers by which a gateway names the principal.
    #[serde(default)]
    pub header: Vec<GatewayHeader>,
    /// Certificates of clients that a gateway has verified.
    #[serde(default)]
    pub certificate: Vec<GatewayCertificate>,
}

/// A header by which a gateway names the principal, after its own check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayHeader {
    /// The endpoint that reads the header.
    pub endpoint: GatewayEndpoint,
    /// The peers that are believed; from other peers it is ignored.
    pub from: Vec<Network>,
    /// The name of the header.
    pub name: String,
    /// The entity type of the principal.
    #[serde(rename = "type")]
    pub kind: String,
    /// The attribute whose value the header has; without one, the header is the id.
    pub attribute: Option<String>,
}

/// A client's certificate, as Envoy describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayCertificate {
    /// The endpoint that reads the certificate; only Envoy sends one.
    pub endpoint: GatewayEndpoint,
    /// The peers that are believed; from other peers it is ignored.
    pub from: Vec<Network>,
    /// The URI among its names, with `*` for the principal.
    pub uri: Option<CertificateName>,
    /// Its subject, with `*` for the principal.
    pub subject: Option<CertificateName>,
    /// The entity type of the principal.
    #[serde(rename = "type")]
    pub kind: String,
    /// The attribute whose value the certificate has; without one, the certificate has the id.
    pub attribute: Option<String>,
}

// === impl GatewaySettings ===

impl GatewaySettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let is_of_realm = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if self.realm.is_empty() || !self.realm.bytes().all(is_of_realm) {
            let problem = "must be printable ASCII without `\"` and `\\`, and not empty";
            faults.add("gateway.realm", problem);
        }
        faults.number("gateway.resource_bytes", self.resource_bytes, 0..=32_768);
        faults.number("gateway.plan_bytes", self.plan_bytes, 0..=32_768);
        faults.number("gateway.plans_bytes", self.plans_bytes, 1 << 20..=1 << 30);
        for (place, family) in self.family.iter().enumerate() {
            let others = self.family.iter().take(place);
            if let Some(problem) = family.problem(others) {
                faults.add("gateway.family", problem);
            }
        }
        let is_taken = |name: &str| self.family.iter().any(|family| family.has(name));
        for header in &self.header {
            if let Some(problem) = header.problem(is_taken) {
                faults.add("gateway.header", problem);
            }
        }
        for problem in self
            .certificate
            .iter()
            .filter_map(GatewayCertificate::problem)
        {
            faults.add("gateway.certificate", problem);
        }
    }
}

// === impl GatewayHeader ===

impl GatewayHeader {
    fn problem(&self, is_taken: impl Fn(&str) -> bool) -> Option<String> {
        let name = self.name.as_str();
        if !family::is_header(name) {
            return Some(format!("`{name}` is no name of a header"));
        }
        // Clients can set these headers, or they have another meaning.
        let taken = [
            "authorization",
            "x-original-method",
            "x-original-uri",
            "x-original-url",
            "x-forwarded-method",
            "x-forwarded-uri",
            "x-forwarded-client-cert",
        ];
        if taken.iter().any(|taken| name.eq_ignore_ascii_case(taken)) || is_taken(name) {
            return Some(format!("`{name}` has another meaning"));
        }
        nobody(&self.from, &self.kind)
    }
}

// === impl GatewayCertificate ===

impl GatewayCertificate {
    fn problem(&self) -> Option<String> {
        if self.endpoint != GatewayEndpoint::Envoy {
            return Some("`endpoint`: only `envoy` tells certificates".to_owned());
        }
        if self.uri.is_some() == self.subject.is_some() {
            return Some("one of `uri` and `subject` is wanted".to_owned());
        }
        nobody(&self.from, &self.kind)
    }
}

fn nobody(from: &[Network], kind: &str) -> Option<String> {
    if from.is_empty() {
        return Some("`from`: at least one network or `unix` is wanted".to_owned());
    }
    kind.is_empty().then(|| "`type` is empty".to_owned())
}

type Members = Map<String, Json>;

#[cfg(test)]
mod tests;
