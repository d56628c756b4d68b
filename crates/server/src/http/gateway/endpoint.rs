//! The endpoints that gateways ask at.

use crate::config;

/// An endpoint that a gateway asks at. It determines how the request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    Nginx,
    /// nginx as Kubernetes' ingress controller sets it up.
    IngressNginx,
    Envoy,
    /// Envoy's gRPC, on its own listener.
    EnvoyGrpc,
    Traefik,
    Caddy,
    Haproxy,
    Apisix,
}

impl Endpoint {
    /// Its label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::IngressNginx => "ingress_nginx",
            Self::Envoy => "envoy",
            Self::EnvoyGrpc => "envoy_grpc",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
            Self::Apisix => "apisix",
        }
    }

    /// Returns true if the gateway can be told to pass a body on.
    pub(super) fn passes_body(self) -> bool {
        !matches!(self, Self::Nginx | Self::IngressNginx | Self::Caddy)
    }
}

impl From<config::GatewayEndpoint> for Endpoint {
    fn from(endpoint: config::GatewayEndpoint) -> Self {
        match endpoint {
            config::GatewayEndpoint::Nginx => Self::Nginx,
            config::GatewayEndpoint::IngressNginx => Self::IngressNginx,
            config::GatewayEndpoint::Envoy => Self::Envoy,
            config::GatewayEndpoint::Traefik => Self::Traefik,
            config::GatewayEndpoint::Caddy => Self::Caddy,
            config::GatewayEndpoint::Haproxy => Self::Haproxy,
            config::GatewayEndpoint::Apisix => Self::Apisix,
        }
    }
}
