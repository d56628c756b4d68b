//! The headers by which gateways tell method and target of a request.

use axum::http::{HeaderMap, HeaderName};

use super::endpoint::Endpoint;
use super::request::{LineFault, RequestLine};
use crate::config::{GatewayFamily, TargetForm};

/// Two headers that one gateway sets, on each request and in place of a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderFamily {
    method: HeaderName,
    target: HeaderName,
    form: TargetForm,
}

/// The headers of each endpoint that has some.
#[derive(Debug)]
pub(super) struct HeaderFamilies(Vec<(Endpoint, HeaderFamily)>);

/// Endpoint, method, target, and the form of the target, as the gateways do it by themselves or as
/// their examples tell them to.
const OWN: [(Endpoint, &str, &str, TargetForm); 6] = [
    (
        Endpoint::Nginx,
        "x-original-method",
        "x-original-uri",
        TargetForm::Path,
    ),
    (
        Endpoint::IngressNginx,
        "x-original-method",
        "x-original-url",
        TargetForm::Url,
    ),
    (
        Endpoint::Haproxy,
        "x-original-method",
        "x-original-uri",
        TargetForm::Path,
    ),
    (
        Endpoint::Traefik,
        "x-forwarded-method",
        "x-forwarded-uri",
        TargetForm::Path,
    ),
    (
        Endpoint::Caddy,
        "x-forwarded-method",
        "x-forwarded-uri",
        TargetForm::Path,
    ),
    (
        Endpoint::Apisix,
        "x-forwarded-method",
        "x-forwarded-uri",
        TargetForm::Path,
    ),
];

// === impl HeaderFamilies ===

impl HeaderFamilies {
    /// Those of the settings, and for all other endpoints their gateways' own.
    pub(super) fn new(settings: &[GatewayFamily]) -> Self {
        let set = settings.iter().filter_map(|family| {
            // A name that is none was refused with the settings.
            let family_of_endpoint = HeaderFamily {
                method: family.method.parse().ok()?,
                target: family.target.parse().ok()?,
                form: family.form,
            };
            Some((family.endpoint.into(), family_of_endpoint))
        });
        let own = OWN.map(|(endpoint, method, target, form)| {
            let family = HeaderFamily {
                method: HeaderName::from_static(method),
                target: HeaderName::from_static(target),
                form,
            };
            (endpoint, family)
        });
        Self(set.chain(own).collect())
    }

    /// The headers of an endpoint; Envoy needs none.
    pub(super) fn of(&self, endpoint: Endpoint) -> Option<&HeaderFamily> {
        let mut all = self.0.iter();
        all.find(|(of, _)| *of == endpoint)
            .map(|(_, family)| family)
    }
}

// === impl HeaderFamily ===

impl HeaderFamily {
    /// The request that the headers tell of.
    pub(super) fn line<'a>(&self, headers: &'a HeaderMap) -> Result<RequestLine<'a>, LineFault> {
        let method = one(headers, &self.method)?;
        let told = one(headers, &self.target)?;
        let target = match self.form {
            TargetForm::Path => told,
            TargetForm::Url => {
                behind_host(told).ok_or_else(|| LineFault::NotUrl(self.target.clone()))?
            }
        };
        Ok(RequestLine { method, target })
    }
}

/// The value of a header that is there once and is text. Of two values, one may be a client's.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, LineFault> {
    let mut all = headers.get_all(name).iter();
    let missing = || LineFault::Missing(name.clone());
    let value = all.next().ok_or_else(missing)?;
    if value.is_empty() && all.next().is_none() {
        return Err(missing());
    }
    // Not `to_str`, which takes ASCII only. The table refuses other targets.
    match (all.next(), std::str::from_utf8(value.as_bytes())) {
        (None, Ok(text)) if !text.is_empty() => Ok(text),
        _ => Err(LineFault::NotOne(name.clone())),
    }
}

/// The target behind scheme and host. A client writes the host: with another character in it, as `?`
/// or `#`, the path would begin elsewhere.
fn behind_host(url: &str) -> Option<&str> {
    let rest = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme))?;
    let (host, target) = rest.split_at(rest.find('/')?);
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_of_host)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_behind_a_host_that_is_one() {
        for (url, target) in [
            ("https://a/", Some("/")),
            (
                "http://a.example:8080/orgs/acme?x=/y",
                Some("/orgs/acme?x=/y"),
            ),
            ("http://[::1]:80//orgs", Some("//orgs")),
            ("/orgs/acme", None),
            ("HTTP://a/orgs", None),
            ("ftp://a/orgs", None),
            ("http:///orgs/acme", None),
            ("http://a", None),
            ("http://a?/orgs/acme", None),
            ("http://a#/orgs/acme", None),
            ("http://a\\/orgs/acme", None),
            ("http://user@a/orgs/acme", None),
            ("http://a b/orgs/acme", None),
            ("http://%61/orgs/acme", None),
        ] {
            assert_eq!(behind_host(url), target, "{url}");
        }
    }
}
