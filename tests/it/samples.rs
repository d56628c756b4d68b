//! The counters, read as Prometheus reads them.

use std::collections::BTreeMap;

use crate::sidecar::Sidecar;

/// Samples by name and labels, the labels sorted.
pub(crate) struct Samples(pub(crate) BTreeMap<(String, BTreeMap<String, String>), f64>);

impl Samples {
    pub(crate) fn of(sidecar: &Sidecar) -> Self {
        let reply = sidecar.get("/metrics");
        assert_eq!(reply.status, 200);
        let kind = reply.header("content-type").unwrap();
        assert!(
            kind.starts_with("application/openmetrics-text; version=1.0.0"),
            "{kind}"
        );
        assert!(reply.text.ends_with("# EOF\n"), "{}", reply.text);
        let samples = reply
            .text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(sample);
        let mut all = BTreeMap::new();
        for (series, value) in samples {
            assert!(
                all.insert(series.clone(), value).is_none(),
                "{series:?} twice"
            );
        }
        Self(all)
    }

    /// Nothing is 0.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let series = (format!("peppol_authz_{name}"), labels.collect());
        self.0.get(&series).copied().unwrap_or(0.0)
    }

    /// Over all labels.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let of_name = |((found, _), _): &(&(String, BTreeMap<String, String>), &f64)| {
            *found == format!("peppol_authz_{name}")
        };
        self.0.iter().filter(of_name).map(|(_, value)| value).sum()
    }
}

/// `name{label="value",…} 1`.
fn sample(line: &str) -> ((String, BTreeMap<String, String>), f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    let mut found = BTreeMap::new();
    for label in labels.split("\",").filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once("=\"").unwrap();
        found.insert(name.to_owned(), value.trim_end_matches('"').to_owned());
    }
    ((name.to_owned(), found), value.parse().unwrap())
}
