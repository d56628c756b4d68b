//! Who asks: a token, or else a header or a certificate that a gateway vouches for.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::HeaderName;

use super::super::connection::Peer;
use super::super::{App, Problem};
use super::ask::{Asked, Stop};
use super::{Endpoint, certificate};
use crate::config::{self, CertificateName, Network};
use crate::identity::{TokenError, Verified};
use peppol_authz_engine::schema::{Designation, Misfit, Schema};

/// Who asks.
pub(super) enum Caller {
    /// Whom a token is of.
    Token(Arc<Verified>),
    /// Whom a gateway has named.
    Named(Designation),
}

/// Why nobody is known to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unauthorized {
    /// No token was sent.
    Missing,
    /// It is not taken.
    Invalid,
}

/// What gateways are believed.
#[derive(Debug)]
pub(super) struct Believed {
    headers: Vec<Header>,
    certificates: Vec<Certificate>,
}

#[derive(Debug)]
struct Header {
    endpoint: Endpoint,
    name: HeaderName,
    of: Of,
}

#[derive(Debug)]
struct Certificate {
    part: certificate::Part,
    name: CertificateName,
    of: Of,
}

/// From whom something is believed, and what it names.
#[derive(Debug)]
struct Of {
    from: Vec<Network>,
    kind: String,
    attribute: Option<String>,
}

/// What names an owner of a certificate, written by Envoy.
const CLIENT_CERTIFICATE: &str = "x-forwarded-client-cert";

/// Finds out who asks. A token decides alone where something is sent in its place.
pub(super) async fn asks(app: &App, asked: &Asked<'_>) -> Result<Caller, Stop> {
    let sent = (asked.headers)("authorization");
    if sent.is_empty() {
        return match app.gateway.who.named(asked)? {
            Some(designation) => Ok(Caller::Named(designation)),
            None => Err(Stop::Unauthorized(Unauthorized::Missing)),
        };
    }
    let token = token(&sent).map_err(Stop::Unauthorized)?;
    let Some(tokens) = &app.tokens else {
        tracing::debug!("a token was sent, and `jwt.jwks` is not set");
        return Err(Stop::Unauthorized(Unauthorized::Invalid));
    };
    match tokens.verify(token).await {
        Ok(verified) => Ok(Caller::Token(verified)),
        Err(TokenError::Invalid(reason)) => {
            tracing::debug!(%reason, "a token is not taken");
            Err(Stop::Unauthorized(Unauthorized::Invalid))
        }
        Err(TokenError::Unavailable(reason)) => {
            Err(Problem::KeysUnavailable(reason.to_string()).into())
        }
    }
}

/// The token of the one `Authorization` header.
fn token<'a>(sent: &[&'a [u8]]) -> Result<&'a str, Unauthorized> {
    let [one] = sent else {
        return Err(Unauthorized::Invalid);
    };
    let text = std::str::from_utf8(one).map_err(|_| Unauthorized::Invalid)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        // Another scheme is no token, as RFC 6750 3.1 has it.
        return Err(Unauthorized::Missing);
    }
    let token = token.trim_matches(' ');
    // RFC 6750 2.1. Above all no comma: two headers may have been joined by one.
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_of_token) {
        return Err(Unauthorized::Invalid);
    }
    Ok(token)
}

// === impl Believed ===

impl Believed {
    pub(super) fn new(settings: &config::Gateway) -> Self {
        let headers = settings.header.iter().filter_map(|header| {
            Some(Header {
                endpoint: header.endpoint.into(),
                // A name that is none was refused with the settings.
                name: header.name.parse().ok()?,
                of: Of {
                    from: header.from.clone(),
                    kind: header.kind.clone(),
                    attribute: header.attribute.clone(),
                },
            })
        });
        let certificates = settings.certificate.iter().filter_map(|certificate| {
            let uri = certificate.uri.as_ref();
            let (part, name) = match uri.zip(Some(certificate::Part::Uri)) {
                Some((name, part)) => (part, name),
                None => (certificate::Part::Subject, certificate.subject.as_ref()?),
            };
            Some(Certificate {
                part,
                name: name.clone(),
                of: Of {
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

    /// Whom the gateway names: by the first of its headers that is there, or by a certificate.
    fn named(&self, asked: &Asked<'_>) -> Result<Option<Designation>, Stop> {
        // The two ways to ask of one gateway.
        let endpoint = match asked.endpoint {
            Endpoint::EnvoyGrpc => Endpoint::Envoy,
            other => other,
        };
        let of_endpoint = self
            .headers
            .iter()
            .filter(|header| header.endpoint == endpoint);
        for header in of_endpoint.filter(|header| header.of.believes(asked.peer)) {
            match &*(asked.headers)(header.name.as_str()) {
                [] | [b""] => {}
                [value] => {
                    let text = std::str::from_utf8(value).ok();
                    let text = text.filter(|text| !(asked.is_joined && text.contains(',')));
                    let text = text.ok_or_else(|| twice(&header.name))?;
                    return Ok(Some(header.of.designation(text)));
                }
                _ => return Err(twice(&header.name)),
            }
        }
        if endpoint != Endpoint::Envoy {
            return Ok(None);
        }
        let mut believed = self
            .certificates
            .iter()
            .filter(|certificate| certificate.of.believes(asked.peer))
            .peekable();
        if believed.peek().is_none() {
            return Ok(None);
        }
        let names = match asked.certificate {
            Some(name) => certificate::Names::of_principal(name),
            None => match &*(asked.headers)(CLIENT_CERTIFICATE) {
                [value] if !asked.is_joined => certificate::Names::of_header(value),
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

/// One of the two may be a client's.
fn twice(name: &HeaderName) -> Stop {
    Stop::Denied(
        "GATEWAY_MALFORMED",
        Cow::Owned(format!("`{name}`: one value is wanted")),
    )
}

// === impl Of ===

impl Of {
    fn believes(&self, peer: Option<Peer>) -> bool {
        self.from.iter().any(|network| match peer {
            Some(Peer::Ip(address)) => network.holds(address),
            Some(Peer::Unix) => *network == Network::Unix,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token_is_read_and_nothing_else() {
        for sent in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            assert_eq!(token(&[sent.as_bytes()]), Ok("a.b.c"), "{sent}");
        }
        for sent in ["Basic YTpi", "", "Bearera.b.c", "Negotiate"] {
            assert_eq!(
                token(&[sent.as_bytes()]),
                Err(Unauthorized::Missing),
                "{sent}"
            );
        }
        for sent in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a, Bearer b",
            "Bearer \u{e5}",
        ] {
            assert_eq!(
                token(&[sent.as_bytes()]),
                Err(Unauthorized::Invalid),
                "{sent}"
            );
        }
        assert_eq!(
            token(&[b"Bearer a", b"Bearer a"]),
            Err(Unauthorized::Invalid)
        );
        assert_eq!(token(&[b"Bearer \xff"]), Err(Unauthorized::Invalid));
    }
}
