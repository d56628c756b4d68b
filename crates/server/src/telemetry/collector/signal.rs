//! The signals, and where a collector takes them.

use crate::config::OtlpProtocol;

/// Traces, metrics or logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Traces.
    Traces,
    /// Metrics.
    Metrics,
    /// Records of logs.
    Logs,
}

impl Signal {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    pub(super) fn path(self, protocol: OtlpProtocol) -> &'static str {
        match (protocol, self) {
            (OtlpProtocol::Http, Self::Traces) => "/v1/traces",
            (OtlpProtocol::Http, Self::Metrics) => "/v1/metrics",
            (OtlpProtocol::Http, Self::Logs) => "/v1/logs",
            (OtlpProtocol::Grpc, Self::Traces) => {
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            }
            (OtlpProtocol::Grpc, Self::Metrics) => {
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
            }
            (OtlpProtocol::Grpc, Self::Logs) => {
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
            }
        }
    }
}
