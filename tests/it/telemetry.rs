//! What an OpenTelemetry collector is told: traces, metrics and the log, by OTLP over HTTP. Over gRPC, and read by
//! another implementation, it is in `tests/clients/test_telemetry.py`.

mod calls;
mod collector;
mod log;
mod metrics;
mod settings;
mod traces;
mod trouble;

use crate::sidecar::{Reply, Sidecar, Start};

pub(crate) use collector::Collector;

/// A place in a trace that is recorded, and one in a trace that is not.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const RECORDED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_RECORDED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Over the tenancy of the examples, with a collector.
fn start(collector: &Collector) -> Start {
    told(Start::quickstart(), collector)
}

pub(crate) fn told(start: Start, collector: &Collector) -> Start {
    start
        .variable("PEPPOL_AUTHZ_OTLP__ENDPOINT", &collector.url())
        .variable("PEPPOL_AUTHZ_OTLP__PROTOCOL", "http")
}

/// Asks a question of the examples, with these headers.
fn ask(sidecar: &Sidecar, headers: &[(&str, &str)]) -> Reply {
    let question = crate::connection::ALLOWED.as_bytes();
    sidecar.send("/v1/is_authorized", headers, question)
}
