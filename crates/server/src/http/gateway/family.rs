//! The headers by which gateways tell method and target of a request.

use axum::http::{HeaderMap, HeaderName};

use super::endpoint::Endpoint;

/// Two headers that one gateway sets.
pub(super) struct HeaderFamily {
    pub(super) method: HeaderName,
    pub(super) target: HeaderName,
}

static ORIGINAL: HeaderFamily = HeaderFamily {
    method: HeaderName::from_static("x-original-method"),
    target: HeaderName::from_static("x-original-uri"),
};

static FORWARDED: HeaderFamily = HeaderFamily {
    method: HeaderName::from_static("x-forwarded-method"),
    target: HeaderName::from_static("x-forwarded-uri"),
};

/// The headers of an endpoint; Envoy needs none.
pub(super) fn of(endpoint: Endpoint) -> Option<&'static HeaderFamily> {
    match endpoint {
        Endpoint::Nginx | Endpoint::Haproxy => Some(&ORIGINAL),
        Endpoint::Traefik | Endpoint::Caddy => Some(&FORWARDED),
        Endpoint::Envoy | Endpoint::EnvoyGrpc => None,
    }
}

/// The value of a header that is there once and is text. Of two values, one may be a client's.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?;
    if all.next().is_some() {
        return None;
    }
    // Not `to_str`, which takes ASCII only. The table refuses other targets.
    std::str::from_utf8(value.as_bytes())
        .ok()
        .filter(|text| !text.is_empty())
}
