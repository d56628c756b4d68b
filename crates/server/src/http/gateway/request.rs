//! A request, as its gateway tells of it.

use std::time::Instant;

use axum::http::HeaderName;

use super::super::connection_peer::ConnectionPeer;
use super::endpoint::Endpoint;
use peppol_authz_engine::Headers;

/// Names by which another method than the request's own is asked for. A service behind that honours
/// one would do something else than was decided.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x_http_method_override",
    "x-http-method",
    "x_http_method",
    "x-method-override",
    "x_method_override",
];

/// The header by which Envoy says that it passes on only a part of the body.
const PARTIAL: &str = "x-envoy-auth-partial-body";

/// A request as a gateway tells of it.
pub(super) struct GatewayRequest<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) line: Result<RequestLine<'a>, LineFault>,
    pub(super) headers: Headers<'a>,
    /// The name of the client's certificate, where the gateway does not tell it by a header.
    pub(super) certificate: Option<&'a str>,
    /// True if the values of a header that came more than once were joined by commas.
    pub(super) is_joined: bool,
    pub(super) peer: Option<ConnectionPeer>,
    /// The end of its head: the deadline counts from here.
    pub(super) arrived: Instant,
}

/// Method and target of a request.
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
}

/// Why a gateway's question does not say, in one way, which request it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineFault {
    /// The header is not there, or empty.
    #[error("the gateway does not say which request it is: `{0}` is missing")]
    Missing(HeaderName),
    /// One of two values may be a client's.
    #[error("the gateway does not say which request it is: `{0}` has not one value that is text")]
    NotOne(HeaderName),
    /// A URL is wanted in this header.
    #[error("the gateway does not say which request it is: `{0}` is no URL as `https://host/path`")]
    NotUrl(HeaderName),
    /// The path of the request has to be behind that of the endpoint.
    #[error("the gateway does not say which request it is: no path follows `{0}`")]
    NoPath(&'static str),
    /// The message lacks this.
    #[error("the gateway does not say which request it is: the check has no `{0}`")]
    NotChecked(&'static str),
    /// Services may read it in different ways.
    #[error("the target has a fragment (`#`)")]
    Fragment,
    /// The target could have had a fragment.
    #[error("over HTTP/2 it cannot be seen if the target has a fragment (`#`): ask over HTTP/1.1")]
    Unseen,
}

impl GatewayRequest<'_> {
    /// Returns true if a header asks for another method.
    pub(super) fn overrides_method(&self) -> bool {
        let mut names = OVERRIDES.iter();
        names.any(|name| !(self.headers)(name).is_empty())
    }

    /// Returns true if the gateway says that it passes a part of the body on.
    pub(super) fn is_partial(&self) -> bool {
        matches!(self.endpoint, Endpoint::Envoy | Endpoint::EnvoyGrpc)
            && (self.headers)(PARTIAL)
                .iter()
                .any(|value| *value != b"false")
    }

    /// All values of a header. Where two may have been joined by a comma, an empty value is added: a
    /// header with two values counts as unset.
    pub(super) fn values(&self, name: &str) -> Vec<&[u8]> {
        let mut values = (self.headers)(name);
        if self.is_joined && values.iter().any(|value| value.contains(&b',')) {
            values.push(b"");
        }
        values
    }
}
