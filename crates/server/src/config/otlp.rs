//! OpenTelemetry: what is sent to a collector, and how.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::collector_url::CollectorUrl;
use super::duration;
use super::range::{HOUR, MILLISECOND, MINUTE, SECOND, SettingFaults};
use super::resource::ResourceAttributes;
use super::share::Share;

/// Traces, metrics and the log for an OpenTelemetry collector. Without an endpoint nothing is made of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpSettings {
    /// The collector.
    pub endpoint: Option<CollectorUrl>,
    /// The form in which it is told.
    pub protocol: OtlpProtocol,
    /// True if traces are sent.
    pub traces: bool,
    /// True if metrics are sent.
    pub metrics: bool,
    /// True if the log of the program is sent.
    pub logs: bool,
    /// The share of requests that are traced, among those whose caller does not say.
    pub sample: Share,
    /// The name of this service.
    pub service_name: String,
    /// Further attributes of this process.
    pub resource: ResourceAttributes,
    /// A file with the headers of each message.
    pub headers_file: Option<PathBuf>,
    /// A PEM file of root certificates for the collector, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// The time that one message may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The interval between metrics.
    #[serde(with = "duration")]
    pub metrics_interval: Duration,
    /// Requests with their spans that may wait to be sent, and as many records of the log.
    pub queue: usize,
}

/// A form of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    Http,
}

impl OtlpSettings {
    /// `decisions` is there where the decision log is sent too, and true if it may be without TLS.
    pub(super) fn check(&self, decisions: Option<bool>, faults: &mut SettingFaults) {
        for (key, path) in [
            ("otlp.headers_file", &self.headers_file),
            ("otlp.ca_certificate", &self.ca_certificate),
        ] {
            faults.path(key, path.as_deref());
        }
        let timeout = 10 * MILLISECOND..=MINUTE;
        faults.duration("otlp.timeout", self.timeout, &timeout);
        let interval = SECOND..=HOUR;
        faults.duration("otlp.metrics_interval", self.metrics_interval, &interval);
        faults.number("otlp.queue", self.queue, 1..=1_000_000);
        if self.service_name.is_empty() {
            faults.add("otlp.service_name", "must not be empty");
        }
        match &self.endpoint {
            Some(endpoint) if endpoint.is_plain_to_others() => {
                if self.headers_file.is_some() {
                    let text = "the headers of `otlp.headers_file` could be read on the way: `https`, or a collector \
                                on this machine, is needed";
                    faults.add("otlp.endpoint", text);
                }
                if decisions == Some(false) {
                    let text = "decisions could be read on the way: `https`, a collector on this machine, or \
                                `decision_log.allow_plain = true` is needed";
                    faults.add("otlp.endpoint", text);
                }
            }
            Some(_) => {}
            None if decisions.is_some() => {
                let text = "is missing, which `decision_log.to = \"otlp\"` needs";
                faults.add("otlp.endpoint", text);
            }
            None => {}
        }
    }
}
