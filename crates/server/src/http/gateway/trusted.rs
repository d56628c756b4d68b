//! The headers and certificates by which a gateway may name who asks.

use axum::http::HeaderName;

use super::super::connection_peer::ConnectionPeer;
use super::certificate;
use super::endpoint::Endpoint;
use super::refusal::RequestRefusal;
use super::request::GatewayRequest;
use crate::config::{self, CertificateName, Network};
use peppol_authz_engine::schema::{Designation, Misfit, Schema};

/// The names of callers that gateways are trusted to give.
#[derive(Debug)]
pub(super) struct TrustedNames {
    headers: Vec<TrustedHeader>,
    certificates: Vec<TrustedCertificate>,
}

#[derive(Debug)]
struct TrustedHeader {
    endpoint: Endpoint,
    name: HeaderName,
    of: TrustedSource,
}

#[derive(Debug)]
struct TrustedCertificate {
    part: certificate::CertificatePart,
    name: CertificateName,
    of: TrustedSource,
}

/// The networks that a name is trusted from, and the entity that it names.
#[derive(Debug)]
struct TrustedSource {
    from: Vec<Network>,
    kind: String,
    attribute: Option<String>,
}

/// The header by which Envoy names the owner of a client's certificate.
const CLIENT_CERTIFICATE: &str = "x-forwarded-client-cert";

impl TrustedNames {
    pub(super) fn new(settings: &config::GatewaySettings) -> Self {
        let headers = settings.header.iter().filter_map(|header| {
            Some(TrustedHeader {
                endpoint: header.endpoint.into(),
                // A name that is none was refused with the settings.
                name: header.name.parse().ok()?,
                of: TrustedSource {
                    from: header.from.clone(),
                    kind: header.kind.clone(),
                    attribute: header.attribute.clone(),
                },
            })
        });
        let certificates = settings.certificate.iter().filter_map(|certificate| {
            let uri = certificate.uri.as_ref();
            let (part, name) = match uri.zip(Some(certificate::CertificatePart::Uri)) {
                Some((name, part)) => (part, name),
                None => (
                    certificate::CertificatePart::Subject,
                    certificate.subject.as_ref()?,
                ),
            };
            Some(TrustedCertificate {
                part,
                name: name.clone(),
                of: TrustedSource {
                    from: certificate.from.clone(),
                    kind: certificate.kind.clone(),
                    attribute: certificate.attribute.clone(),
                },
            })
        });
        Self {
            headers: headers.collect(),
            certificates: certificates.collect(),
        }
    }

    pub(super) fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        let headers = self.headers.iter();
        let headers = headers.map(|header| ("gateway.header", &header.of));
        let certificates = self.certificates.iter();
        let certificates = certificates.map(|certificate| ("gateway.certificate", &certificate.of));
        headers.chain(certificates).try_for_each(|(setting, of)| {
            schema
                .check_designation(&of.kind, of.attribute.as_deref())
                .map_err(|misfit| misfit.within(setting))
        })
    }

    /// The caller that the gateway names: by the first of its headers that is there, or by a
    /// certificate.
    pub(super) fn named(
        &self,
        request: &GatewayRequest<'_>,
    ) -> Result<Option<Designation>, RequestRefusal> {
        // Envoy asks in two ways, by HTTP and by gRPC.
        let endpoint = match request.endpoint {
            Endpoint::EnvoyGrpc => Endpoint::Envoy,
            other => other,
        };
        let of_endpoint = self
            .headers
            .iter()
            .filter(|header| header.endpoint == endpoint);
        for header in of_endpoint.filter(|header| header.of.believes(request.peer)) {
            match &*(request.headers)(header.name.as_str()) {
                [] | [b""] => {}
                [value] => {
                    let text = std::str::from_utf8(value).ok();
                    let text = text.filter(|text| !(request.is_joined && text.contains(',')));
                    let text = text.ok_or_else(|| not_one(&header.name))?;
                    return Ok(Some(header.of.designation(text)));
                }
                _ => return Err(not_one(&header.name)),
            }
        }
        if endpoint != Endpoint::Envoy {
            return Ok(None);
        }
        let mut believed = self
            .certificates
            .iter()
            .filter(|certificate| certificate.of.believes(request.peer))
            .peekable();
        if believed.peek().is_none() {
            return Ok(None);
        }
        let names = match request.certificate {
            Some(name) => certificate::CertificateNames::of_principal(name),
            None => match &*(request.headers)(CLIENT_CERTIFICATE) {
                [value] if !request.is_joined => certificate::CertificateNames::of_header(value),
                _ => None,
            },
        };
        let Some(names) = names else {
            return Ok(None);
        };
        Ok(believed.find_map(|certificate| {
            let text = names.get(certificate.part)?;
            let name = certificate.name.read(text, certificate.part.separators())?;
            Some(certificate.of.designation(name))
        }))
    }
}

impl TrustedSource {
    fn believes(&self, peer: Option<ConnectionPeer>) -> bool {
        self.from.iter().any(|network| match peer {
            Some(ConnectionPeer::Ip(address)) => network.holds(address),
            Some(ConnectionPeer::Unix) => *network == Network::Unix,
            None => false,
        })
    }

    fn designation(&self, value: &str) -> Designation {
        Designation {
            kind: self.kind.clone(),
            attribute: self.attribute.clone(),
            value: value.to_owned(),
        }
    }
}

fn not_one(name: &HeaderName) -> RequestRefusal {
    RequestRefusal::CallerHeaderNotOne(name.clone())
}
