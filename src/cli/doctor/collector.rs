//! The OpenTelemetry collector: does it answer?

use super::report::Check;
use peppol_authz_server::config::Config;
use peppol_authz_server::telemetry::{Collector, Signal};

/// What it is called in a report.
const COLLECTOR: &str = "collector";

/// Asks it by a message with nothing in it. A collector that fails holds no answer, so that this is no fault.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    let mut collector = match Collector::new(&config.otlp) {
        Ok(Some(collector)) => collector,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Check::wrong(COLLECTOR, error)],
    };
    let endpoint = config.otlp.endpoint.as_ref();
    let endpoint = endpoint.map(ToString::to_string).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return vec![Check::wrong(COLLECTOR, error)],
    };
    let mut checks = Vec::new();
    let signals = [
        (config.otlp.traces, Signal::Traces),
        (config.otlp.metrics, Signal::Metrics),
        (config.otlp.logs, Signal::Logs),
    ];
    for (is_sent, signal) in signals {
        if !is_sent {
            continue;
        }
        let name = signal.name();
        checks.push(match runtime.block_on(collector.send(signal, &[])) {
            Ok(_) => Check::ok(COLLECTOR, format!("`{endpoint}` takes {name}")),
            Err(error) => {
                Check::warning(COLLECTOR, format!("`{endpoint}` takes no {name}: {error}"))
            }
        });
    }
    checks
}
