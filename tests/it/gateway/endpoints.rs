//! The endpoints of gateways.

/// Their names, below `/authz/`.
pub(crate) const ENDPOINTS: [&str; 7] = [
    "nginx",
    "ingress-nginx",
    "envoy",
    "traefik",
    "caddy",
    "haproxy",
    "apisix",
];
