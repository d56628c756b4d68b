//! Metrics of TLS.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::added::added;
use super::counted::counted;
use crate::tls::TlsHealth;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    listener: &'static str,
    result: &'static str,
}

/// Metrics of TLS, by listener. Without TLS there are no samples.
#[derive(Debug)]
pub(in crate::http) struct TlsMetrics {
    expiry: Family<ListenerLabels, Gauge>,
    refused: Family<ListenerLabels, Gauge>,
    handshakes: Family<HandshakeLabels, Counter>,
}

impl TlsMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            expiry: added(
                registry,
                "tls_certificate_expiry_seconds",
                "The time until the certificate of a listener expires; less than 0 if it has",
                Family::default(),
            ),
            refused: added(
                registry,
                "tls_refused",
                "1 if the last change of certificate, key or authorities was refused",
                Family::default(),
            ),
            handshakes: added(
                registry,
                "tls_handshakes",
                "Handshakes of TLS, by result",
                Family::default(),
            ),
        }
    }

    pub(in crate::http) fn are(&self, listener: &'static str, health: TlsHealth) {
        let of = ListenerLabels { listener };
        self.expiry.get_or_create(&of).set(health.expires_in);
        self.refused
            .get_or_create(&of)
            .set(health.is_refused.into());
        for (result, count) in [
            ("done", health.handshakes),
            ("failed", health.failed),
            ("late", health.late),
        ] {
            let of = HandshakeLabels { listener, result };
            counted(&self.handshakes.get_or_create(&of), count);
        }
    }
}
