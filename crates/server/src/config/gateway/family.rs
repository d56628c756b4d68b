//! The headers by which an endpoint is told of a request, where they are not its gateway's own.

use serde::{Deserialize, Serialize};

use super::endpoint::GatewayEndpoint;

/// The headers by which an endpoint is told of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayFamily {
    /// The endpoint that reads them, and no others.
    pub endpoint: GatewayEndpoint,
    /// The name of the header that has the method.
    pub method: String,
    /// The name of the header that has the target.
    pub target: String,
    /// The form of the target.
    #[serde(default)]
    pub form: TargetForm,
}

/// The form in which a header tells the target of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetForm {
    /// The path and the query.
    #[default]
    Path,
    /// A URL, with scheme and host.
    Url,
}

impl GatewayFamily {
    /// Returns true if this header, in any spelling, is one of the two.
    pub(super) fn has(&self, name: &str) -> bool {
        [&self.method, &self.target]
            .into_iter()
            .any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The problem with it, where `others` come before it.
    pub(super) fn problem<'a>(&self, mut others: impl Iterator<Item = &'a Self>) -> Option<String> {
        if self.endpoint == GatewayEndpoint::Envoy {
            return Some("`endpoint`: Envoy's request is the request itself".to_owned());
        }
        if others.any(|other| other.endpoint == self.endpoint) {
            return Some("`endpoint`: an endpoint has one family".to_owned());
        }
        for name in [&self.method, &self.target] {
            if !is_header(name) {
                return Some(format!("`{name}` is no name of a header"));
            }
            // Others say something else of the same request.
            let taken = [
                "authorization",
                "connection",
                "content-length",
                "host",
                "transfer-encoding",
            ];
            if taken.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
                return Some(format!("`{name}` has another meaning"));
            }
        }
        let is_same = self.method.eq_ignore_ascii_case(&self.target);
        is_same.then(|| "`method` and `target` are one header".to_owned())
    }
}

/// Returns true if a text can be the name of a header (RFC 9110, 5.6.2).
pub(super) fn is_header(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}
