//! What a value must be beyond its type.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{Config, Explainers, Jwks, MIN_WORKER_STACK_BYTES};
use peppol_authz_engine::text::duration;

/// Each setting that is out of its range: the key, and what is wrong.
pub(super) fn faults(config: &Config) -> Vec<(&'static str, String)> {
    let mut ranges = Ranges(Vec::new());
    let Config {
        server,
        limits,
        jwt,
        store,
        freshness,
        reload,
        shadow,
        log,
        decision_log,
        ..
    } = config;

    for (key, path) in [
        ("policies", &config.policies),
        ("schema", &config.schema),
        ("routes", &config.routes),
        ("shadow.policies", &shadow.policies),
        ("shadow.schema", &shadow.schema),
    ] {
        ranges.path(key, path.as_deref());
    }
    for path in &config.import {
        ranges.path("import", Some(path));
    }

    ranges.number("server.workers", server.workers, 0..=1024);
    ranges.number(
        "server.worker_stack_bytes",
        server.worker_stack_bytes,
        MIN_WORKER_STACK_BYTES..=1 << 30,
    );
    ranges.number("server.connections", server.connections, 1..=1_000_000);
    ranges.duration(
        "server.header_read_timeout",
        server.header_read_timeout,
        MILLISECOND..=HOUR,
    );
    ranges.duration(
        "server.body_read_timeout",
        server.body_read_timeout,
        MILLISECOND..=HOUR,
    );
    ranges.duration(
        "server.request_timeout",
        server.request_timeout,
        MILLISECOND..=HOUR,
    );
    ranges.duration(
        "server.idle_timeout",
        server.idle_timeout,
        MILLISECOND..=24 * HOUR,
    );
    ranges.duration(
        "server.drain_timeout",
        server.drain_timeout,
        Duration::ZERO..=HOUR,
    );

    ranges.number("limits.body_bytes", limits.body_bytes, 1 << 10..=1 << 30);
    ranges.number("limits.batch", limits.batch, 1..=100_000);
    // The parser itself refuses a depth of 128.
    ranges.number("limits.json_depth", limits.json_depth, 8..=127);
    ranges.number("limits.entities", limits.entities, 0..=10_000);
    ranges.number("limits.page", limits.page, 1..=100_000);
    ranges.number("limits.candidates", limits.candidates, 1..=10_000_000);
    ranges.path(
        "search.token_key_file",
        config.search.token_key_file.as_deref(),
    );

    ranges.path("explain.key_file", config.explain.key_file.as_deref());
    if config.explain.allow == Explainers::Key && config.explain.key_file.is_none() {
        let missing = "is missing, which `explain.allow = \"key\"` needs".to_owned();
        ranges.0.push(("explain.key_file", missing));
    }

    ranges.0.extend(config.gateway.faults());
    ranges.duration("jwt.leeway", jwt.leeway, Duration::ZERO..=10 * MINUTE);
    ranges.duration("jwt.refresh", jwt.refresh, SECOND..=24 * HOUR);
    ranges.duration("jwt.min_refresh", jwt.min_refresh, SECOND..=HOUR);
    ranges.duration("jwt.max_stale", jwt.max_stale, SECOND..=30 * 24 * HOUR);
    ranges.duration("jwt.timeout", jwt.timeout, 10 * MILLISECOND..=MINUTE);
    ranges.path("jwt.ca_certificate", jwt.ca_certificate.as_deref());
    if let Some(Jwks::File(path)) = &jwt.jwks {
        ranges.path("jwt.jwks", Some(path));
    }
    ranges.0.extend(jwt.faults());

    ranges.number("store.readers", store.readers, 1..=1024);
    ranges.duration(
        "store.busy_timeout",
        store.busy_timeout,
        Duration::ZERO..=HOUR,
    );

    ranges.duration("store.timeout", store.timeout, 10 * MILLISECOND..=HOUR);
    ranges.path("store.ca_certificate", store.ca_certificate.as_deref());
    ranges.duration(
        "freshness.poll_interval",
        freshness.poll_interval,
        Duration::ZERO..=HOUR,
    );
    ranges.duration(
        "freshness.max_stale",
        freshness.max_stale,
        Duration::ZERO..=24 * HOUR,
    );
    ranges.duration(
        "freshness.untold_max_age",
        freshness.untold_max_age,
        Duration::ZERO..=24 * HOUR,
    );
    ranges.duration("freshness.wait", freshness.wait, Duration::ZERO..=HOUR);

    ranges.duration(
        "reload.poll_interval",
        reload.poll_interval,
        10 * MILLISECOND..=HOUR,
    );
    ranges.duration("reload.settle", reload.settle, Duration::ZERO..=HOUR);

    ranges.number("shadow.capacity", shadow.capacity, 1..=1_000_000);
    ranges.number("shadow.sample", shadow.sample, 0..=1000);

    if let Err(error) = EnvFilter::try_new(&log.filter) {
        ranges.0.push((
            "log.filter",
            format!("`{}` is no log filter: {error}", log.filter),
        ));
    }
    ranges.number(
        "decision_log.capacity",
        decision_log.capacity,
        1..=1_000_000,
    );
    ranges.number(
        "decision_log.queue_bytes",
        decision_log.queue_bytes,
        64 << 10..=2 << 30,
    );
    // Less than a line may have would leave a file for each.
    let rotate_bytes = usize::try_from(decision_log.rotate_bytes).unwrap_or(usize::MAX);
    if rotate_bytes > 0 {
        ranges.number("decision_log.rotate_bytes", rotate_bytes, 4096..=1 << 40);
    }
    ranges.number("decision_log.keep", decision_log.keep, 1..=1000);
    ranges.path("decision_log.key_file", decision_log.key_file.as_deref());
    ranges.0
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

struct Ranges(Vec<(&'static str, String)>);

// === impl Ranges ===

impl Ranges {
    fn number(&mut self, key: &'static str, value: usize, range: RangeInclusive<usize>) {
        if !range.contains(&value) {
            self.refuse(key, value, range.start(), range.end());
        }
    }

    fn duration(&mut self, key: &'static str, value: Duration, range: RangeInclusive<Duration>) {
        if !range.contains(&value) {
            let [value, start, end] = [value, *range.start(), *range.end()].map(duration::format);
            self.refuse(key, value, start, end);
        }
    }

    fn path(&mut self, key: &'static str, path: Option<&Path>) {
        if path.is_some_and(|path| path.as_os_str().is_empty()) {
            self.0.push((key, "must not be empty".to_owned()));
        }
    }

    fn refuse(
        &mut self,
        key: &'static str,
        value: impl Display,
        start: impl Display,
        end: impl Display,
    ) {
        self.0.push((
            key,
            format!("must be from `{start}` to `{end}`, found `{value}`"),
        ));
    }
}
