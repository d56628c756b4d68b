//! The variables by which OpenTelemetry is told of a collector in general, `OTEL_…`. They count where nothing
//! else is set: they lie between the defaults and the file.

use std::collections::BTreeMap;
use std::ffi::OsString;

use figment::value::Value;

use super::layer::Layer;
use crate::config::{Fault, Share, pairs};

/// The settings that are read as they are.
const SAME: [(&str, &str); 4] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp.endpoint"),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "otlp.ca_certificate"),
    ("OTEL_RESOURCE_ATTRIBUTES", "otlp.resource"),
    ("OTEL_SERVICE_NAME", "otlp.service_name"),
];

/// Numbers of milliseconds.
const MILLISECONDS: [(&str, &str); 2] = [
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "otlp.timeout"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "otlp.metrics_interval"),
];

/// Names of exporters, of which there are two here: `otlp` and `none`.
const EXPORTERS: [(&str, &str); 3] = [
    ("OTEL_TRACES_EXPORTER", "otlp.traces"),
    ("OTEL_METRICS_EXPORTER", "otlp.metrics"),
    ("OTEL_LOGS_EXPORTER", "otlp.logs"),
];

/// What a collector is told in any case, so that its variables mean this program too.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The layers of these variables. One that is empty counts as unset; without an endpoint none is read.
pub(super) fn layers(variables: &[(OsString, OsString)], faults: &mut Vec<Fault>) -> Vec<Layer> {
    let told = variables.iter().filter_map(|(name, text)| {
        let (name, text) = (name.to_str()?, text.to_str()?.trim());
        (name.starts_with("OTEL_") && !text.is_empty()).then_some((name, text))
    });
    let told: BTreeMap<&str, &str> = told.collect();
    let is_disabled = told.get("OTEL_SDK_DISABLED");
    let is_disabled = is_disabled.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if is_disabled || !told.contains_key(ENDPOINT) {
        return Vec::new();
    }
    let mut found = FoundVariables {
        told: &told,
        layers: Vec::new(),
        faults,
    };
    for (name, key) in SAME {
        found.take(name, key, |text| Some(Value::from(text)), "");
    }
    if !told.contains_key("OTEL_SERVICE_NAME") {
        let name = "OTEL_RESOURCE_ATTRIBUTES";
        let all = told.get(name).and_then(|text| pairs(text));
        let named = all.unwrap_or_default().into_iter();
        if let Some((_, value)) = named.rev().find(|(key, _)| key == "service.name") {
            found.add(name, "otlp.service_name", Value::from(value));
        }
    }
    for (name, key) in MILLISECONDS {
        let milliseconds = |text: &str| {
            let number = text.parse::<u32>().ok()?;
            Some(Value::from(format!("{number}ms")))
        };
        found.take(name, key, milliseconds, "a number of milliseconds");
    }
    for (name, key) in EXPORTERS {
        let exporter = |text: &str| match text {
            "otlp" => Some(Value::from(true)),
            "none" => Some(Value::from(false)),
            _ => None,
        };
        found.take(name, key, exporter, "`otlp` or `none`");
    }
    let protocol = |text: &str| match text {
        "grpc" => Some(Value::from("grpc")),
        "http/protobuf" => Some(Value::from("http")),
        _ => None,
    };
    let name = "OTEL_EXPORTER_OTLP_PROTOCOL";
    found.take(name, "otlp.protocol", protocol, "`grpc` or `http/protobuf`");
    let sampled = |text: &str| share(text, told.get("OTEL_TRACES_SAMPLER_ARG").copied());
    let wanted = "`always_on`, `always_off` or `traceidratio` with a number from 0 to 1 in \
                  OTEL_TRACES_SAMPLER_ARG, each also with `parentbased_`";
    found.take("OTEL_TRACES_SAMPLER", "otlp.sample", sampled, wanted);
    found.layers
}

/// The share that a sampler takes.
fn share(sampler: &str, argument: Option<&str>) -> Option<Value> {
    let ratio = match sampler.strip_prefix("parentbased_").unwrap_or(sampler) {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => argument.unwrap_or("1").parse().ok()?,
        _ => return None,
    };
    Some(Value::from(Share::of_ratio(ratio)?.to_string()))
}

struct FoundVariables<'f> {
    told: &'f BTreeMap<&'f str, &'f str>,
    layers: Vec<Layer>,
    faults: &'f mut Vec<Fault>,
}

impl FoundVariables<'_> {
    fn add(&mut self, name: &str, key: &str, value: Value) {
        self.layers.push(Layer::new(name.to_owned(), key, value));
    }

    fn take(
        &mut self,
        name: &str,
        key: &str,
        read: impl FnOnce(&str) -> Option<Value>,
        wanted: &str,
    ) {
        let Some(text) = self.told.get(name) else {
            return;
        };
        match read(text) {
            Some(value) => self.add(name, key, value),
            None => {
                let problem = format!("expected {wanted}, found `{text}`");
                self.faults.push(Fault::new(key, name, problem));
            }
        }
    }
}
