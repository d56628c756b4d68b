//! The gateways' endpoints.

use serde::{Deserialize, Serialize};

/// An endpoint, which reads one family of headers and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayEndpoint {
    /// nginx's `auth_request`.
    Nginx,
    /// Kubernetes' ingress-nginx.
    #[serde(rename = "ingress-nginx")]
    IngressNginx,
    /// Envoy's `ext_authz`.
    Envoy,
    /// Traefik's `forwardAuth`.
    Traefik,
    /// Caddy's `forward_auth`.
    Caddy,
    /// HAProxy with a few lines of Lua.
    Haproxy,
    /// APISIX's `forward-auth`.
    Apisix,
}
