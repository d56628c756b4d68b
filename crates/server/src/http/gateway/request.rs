//! A request, as its gateway tells of it.

use std::time::Instant;

use super::super::connection::ConnectionPeer;
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
    /// `None` where the gateway does not tell it in one way.
    pub(super) line: Option<RequestLine<'a>>,
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
