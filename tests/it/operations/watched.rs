//! The dashboard and the alerts in `deploy/` ask for metrics and labels that there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../deploy/grafana/peppol-authz.json");
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");

/// Samples that a server has which refuses something, one with TLS, and one with a collector.
const OTHERS: &str = "peppol_authz_overloaded_total{reason=\"workers\"} 1\n\
                      peppol_authz_tls_certificate_expiry_seconds{listener=\"http\"} 1\n\
                      peppol_authz_otlp_items_total{signal=\"traces\",result=\"sent\"} 1\n\
                      peppol_authz_otlp_failing{signal=\"traces\"} 1\n";

/// The labels that Prometheus adds, and that of buckets.
const GIVEN: [&str; 3] = ["instance", "job", "le"];

/// The names of samples, each with its labels.
type Known = BTreeMap<String, BTreeSet<String>>;

/// Fails if an expression asks for anything that is not among these samples.
#[track_caller]
pub(super) fn asks_for_what_there_is(samples: &str) {
    let known = known(&format!("{samples}{OTHERS}"));
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter();
    let targets = targets.flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut asked = 0;
    for target in targets.chain(dashboard["annotations"]["list"].as_array().unwrap()) {
        let text = |name: &str| target[name].as_str().unwrap_or_default();
        let shown = [text("legendFormat"), text("titleFormat")].concat();
        is_known(&known, text("expr"), &shown);
        asked += 1;
    }
    for alert in ALERTS.split("- alert: ").skip(1) {
        let (_, rest) = alert.split_once("expr: ").unwrap();
        let (expression, rest) = rest.split_once('\n').unwrap();
        is_known(&known, expression, &rest.replace("$labels.", ""));
        asked += 1;
    }
    assert!(asked > 40, "{asked}");
}

fn known(samples: &str) -> Known {
    let mut known = Known::new();
    for line in samples.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let of_name = known.entry(name.to_owned()).or_default();
        of_name.extend(compared(labels));
    }
    known
}

/// The labels in `name="value",…`.
fn compared(labels: &str) -> impl Iterator<Item = String> {
    let names = labels.split(['=', '~', '!']).map(|before| {
        let word = before.rsplit(|it: char| !is_of_name(it)).next();
        word.unwrap_or_default().to_owned()
    });
    let mut names: Vec<String> = names.collect();
    names.pop();
    names.retain(|name| !name.is_empty());
    names.into_iter()
}

fn is_of_name(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

#[track_caller]
fn is_known(known: &Known, expression: &str, shown: &str) {
    let is_ours = |word: &&str| word.starts_with("peppol_authz_") || word.starts_with("process_");
    let words = expression.split(|it: char| !is_of_name(it));
    let mut labels: BTreeSet<String> = GIVEN.map(str::to_owned).into();
    let mut metrics = 0;
    for name in words.filter(is_ours) {
        let of_name = known.get(name);
        labels.extend(of_name.unwrap_or_else(|| panic!("{name}")).iter().cloned());
        metrics += 1;
    }
    assert!(metrics > 0, "{expression}");
    let inside = |text: &str, open: &str, close: &str| -> Vec<String> {
        let parts = text.split(open).skip(1);
        let parts = parts.map(|part| part.split(close).next().unwrap().to_owned());
        parts.collect()
    };
    let mut used: BTreeSet<String> = inside(expression, "{", "}")
        .iter()
        .flat_map(|selector| compared(selector))
        .collect();
    for list in inside(expression, "by (", ")") {
        used.extend(list.split(',').map(|name| name.trim().to_owned()));
    }
    let templates = inside(shown, "{{", "}}").into_iter();
    let templates = templates.filter(|template| !template.contains('$'));
    used.extend(templates.map(|template| template.trim().to_owned()));
    for label in &used {
        assert!(labels.contains(label), "{label} in {expression} {shown}");
    }
}
