//! Metrics for a collector: those of `/metrics`.

use std::collections::BTreeSet;

use peppol_authz_server::telemetry::messages::metrics::{MetricData, Number, Temporality};

use super::collector::text;
use super::{Collector, ask, start};
use crate::eventually::{eventually, until};
use crate::samples::Samples;

#[test]
fn metrics_are_those_that_prometheus_gets() {
    let collector = Collector::start();
    let mut sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_OTLP__METRICS_INTERVAL", "1s")
        .variable("PEPPOL_AUTHZ_OTLP__SERVICE_NAME", "authz-of-one")
        .variable(
            "PEPPOL_AUTHZ_OTLP__RESOURCE",
            "deployment.environment.name=te%2Cst,host.name=h",
        )
        .start();
    for _ in 0..3 {
        ask(&sidecar, &[]);
    }
    // The last ones are from the end, when nothing changes any more.
    let samples = Samples::of(&sidecar);
    sidecar.stop();
    let (resource, metrics) = collector.metrics().unwrap();
    let of = |key: &str| text(&resource.attributes, key);
    assert_eq!(of("service.name"), "authz-of-one");
    assert_eq!(of("service.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(of("deployment.environment.name"), "te,st");
    assert_eq!(of("host.name"), "h");
    assert_eq!(of("service.instance.id").len(), 32);
    let told: BTreeSet<&str> = metrics.iter().map(|metric| &*metric.name).collect();
    assert_eq!(told.len(), metrics.len(), "one of them is there twice");
    for (series, _) in samples.0.keys() {
        let name = ["_bucket", "_sum", "_count"];
        let family = name.iter().find_map(|end| series.strip_suffix(end));
        let is_told = told.contains(&**series) || family.is_some_and(|name| told.contains(name));
        assert!(is_told, "{series}: {told:?}");
    }
    let named = |name: &str| {
        let found = metrics.iter().find(|metric| metric.name == name);
        found.and_then(|metric| metric.data.clone()).unwrap()
    };
    let MetricData::Sum(decisions) = named("peppol_authz_decisions_total") else {
        panic!("{:?}", named("peppol_authz_decisions_total"));
    };
    assert!(decisions.is_monotonic);
    assert_eq!(
        decisions.aggregation_temporality,
        i32::from(Temporality::Cumulative)
    );
    let [point] = decisions.data_points.as_slice() else {
        panic!("{decisions:?}");
    };
    assert_eq!(point.value, Some(Number::Int(3)));
    assert_eq!(text(&point.attributes, "action"), "getOrganisation");
    assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano < point.time_unix_nano);
    let MetricData::Histogram(seconds) = named("peppol_authz_decision_duration_seconds") else {
        panic!("{:?}", named("peppol_authz_decision_duration_seconds"));
    };
    let [point] = seconds.data_points.as_slice() else {
        panic!("{seconds:?}");
    };
    assert_eq!(point.count, 3);
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), 3);
    assert!(point.sum.unwrap() > 0.0);
}

#[test]
fn metrics_come_at_each_interval() {
    let collector = Collector::start();
    let _sidecar = start(&collector)
        .variable("PEPPOL_AUTHZ_OTLP__METRICS_INTERVAL", "1s")
        .variable("PEPPOL_AUTHZ_OTLP__TRACES", "false")
        .variable("PEPPOL_AUTHZ_OTLP__LOGS", "false")
        .start();
    until("they come again", || {
        collector.messages("/v1/metrics").len() > 1
    });
    let ready = || {
        let (_, metrics) = collector.metrics().ok_or("none")?;
        let found = metrics
            .into_iter()
            .find(|it| it.name == "peppol_authz_store_up");
        let Some(MetricData::Gauge(up)) = found.and_then(|metric| metric.data) else {
            return Err("it is not among them");
        };
        Ok(up.data_points[0].value)
    };
    assert_eq!(eventually("the store is up", ready), Some(Number::Int(1)));
    assert!(collector.messages("/v1/traces").is_empty());
    assert!(collector.messages("/v1/logs").is_empty());
}
