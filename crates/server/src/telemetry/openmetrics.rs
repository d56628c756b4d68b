//! Metrics as `/metrics` has them, made into OTLP's: nothing is counted twice.

use std::borrow::Cow;
use std::time::SystemTime;

use super::messages::KeyValue;
use super::messages::metrics::{
    Gauge, Histogram, HistogramPoint, Metric, MetricData, Number, NumberPoint, Sum, Temporality,
};
use super::outbox::Counted;
use super::process::nanoseconds;

/// All metrics of one look, as OpenMetrics text.
#[derive(Debug)]
pub struct MetricsText {
    text: String,
    at: u64,
}

/// One line with a value.
struct Sample<'t> {
    name: &'t str,
    labels: Vec<(&'t str, Cow<'t, str>)>,
    value: f64,
}

/// The metric that lines are of, as the lines before them describe it.
#[derive(Clone, Copy, Default)]
struct Described<'t> {
    name: &'t str,
    help: &'t str,
    kind: &'t str,
}

impl MetricsText {
    pub(super) fn now(text: String) -> Self {
        Self {
            text,
            at: nanoseconds(SystemTime::now()),
        }
    }

    /// The metrics of a process that was started then.
    pub(super) fn metrics(&self, started: u64) -> Vec<Metric> {
        let mut all = Vec::new();
        let (mut described, mut samples) = (Described::default(), Vec::new());
        for line in self.text.lines() {
            let Some(comment) = line.strip_prefix("# ") else {
                samples.extend(Sample::read(line));
                continue;
            };
            let mut words = comment.splitn(3, ' ');
            let (word, name) = (words.next(), words.next().unwrap_or_default());
            let rest = words.next().unwrap_or_default();
            if name != described.name {
                let samples = std::mem::take(&mut samples);
                all.extend(self.metric(described, samples, started));
                described = Described {
                    name,
                    ..Described::default()
                };
            }
            match word {
                Some("HELP") => described.help = rest,
                Some("TYPE") => described.kind = rest,
                _ => {}
            }
        }
        all.extend(self.metric(described, samples, started));
        all
    }

    fn metric(&self, of: Described<'_>, samples: Vec<Sample<'_>>, started: u64) -> Option<Metric> {
        let first = samples.first()?;
        // As Prometheus calls it, with `_total` or `_info`.
        let name = match of.kind {
            "histogram" => of.name,
            _ => first.name,
        };
        let numbers = |samples: Vec<Sample<'_>>, started| -> Vec<NumberPoint> {
            let points = samples.into_iter().map(|sample| NumberPoint {
                start_time_unix_nano: started,
                time_unix_nano: self.at,
                value: Some(number(sample.value)),
                attributes: attributes(&sample.labels),
            });
            points.collect()
        };
        let data = match of.kind {
            "counter" | "info" => MetricData::Sum(Sum {
                data_points: numbers(samples, started),
                aggregation_temporality: Temporality::Cumulative.into(),
                is_monotonic: of.kind == "counter",
            }),
            "histogram" => MetricData::Histogram(Histogram {
                data_points: self.histograms(of.name, &samples, started),
                aggregation_temporality: Temporality::Cumulative.into(),
            }),
            _ => MetricData::Gauge(Gauge {
                data_points: numbers(samples, 0),
            }),
        };
        Some(Metric {
            name: name.to_owned(),
            description: of.help.to_owned(),
            unit: unit(of.name).to_owned(),
            data: Some(data),
        })
    }

    /// The lines of each set of labels follow each other: sum, count, buckets.
    fn histograms(&self, name: &str, samples: &[Sample<'_>], started: u64) -> Vec<HistogramPoint> {
        let mut points: Vec<(Vec<KeyValue>, HistogramPoint)> = Vec::new();
        for sample in samples {
            let suffix = sample.name.strip_prefix(name).unwrap_or_default();
            let own = sample.labels.iter().filter(|(label, _)| *label != "le");
            let own: Vec<_> = own.cloned().collect();
            let own = attributes(&own);
            if points.last().is_none_or(|(labels, _)| *labels != own) {
                let point = HistogramPoint {
                    start_time_unix_nano: started,
                    time_unix_nano: self.at,
                    attributes: own.clone(),
                    ..HistogramPoint::default()
                };
                points.push((own, point));
            }
            let Some((_, point)) = points.last_mut() else {
                continue;
            };
            match suffix {
                "_sum" => point.sum = Some(sample.value),
                "_count" => point.count = whole(sample.value),
                "_bucket" => {
                    let bound = sample.labels.iter().find(|(label, _)| *label == "le");
                    let bound = bound.and_then(|(_, bound)| bound.parse::<f64>().ok());
                    // Each bucket has those before it, too.
                    let before: u64 = point.bucket_counts.iter().sum();
                    let more = whole(sample.value).saturating_sub(before);
                    point.bucket_counts.push(more);
                    let bound = bound.filter(|bound| bound.is_finite());
                    point.explicit_bounds.extend(bound);
                }
                _ => {}
            }
        }
        points.into_iter().map(|(_, point)| point).collect()
    }
}

impl Counted for MetricsText {
    fn count(&self) -> u64 {
        let described = self.text.lines().filter(|line| line.starts_with("# TYPE"));
        u64::try_from(described.count()).unwrap_or(u64::MAX)
    }
}

impl<'t> Sample<'t> {
    /// Reads `name{label="value"} number`, and what may follow; `None` where it is none.
    fn read(line: &'t str) -> Option<Self> {
        let end = line.find(['{', ' '])?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => read_labels(rest)?,
            None => (Vec::new(), rest),
        };
        let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
        Some(Self {
            name,
            labels,
            value,
        })
    }
}

type Labels<'t> = Vec<(&'t str, Cow<'t, str>)>;

/// Reads labels to the brace behind them, and returns what follows.
fn read_labels(mut text: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches(',');
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let mut is_escaped = false;
        let end = rest.char_indices().find(|(_, character)| {
            let ends = *character == '"' && !is_escaped;
            is_escaped = *character == '\\' && !is_escaped;
            ends
        });
        let (value, rest) = rest.split_at(end?.0);
        labels.push((name, unescaped(value)));
        text = rest.strip_prefix('"')?;
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let (mut plain, mut letters) = (String::with_capacity(text.len()), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => plain.push('\n'),
                other => plain.extend(other),
            },
            letter => plain.push(letter),
        }
    }
    plain.into()
}

fn attributes(labels: &[(&str, Cow<'_, str>)]) -> Vec<KeyValue> {
    let labels = labels.iter();
    labels
        .map(|(name, value)| KeyValue::new(name, &**value))
        .collect()
}

fn number(value: f64) -> Number {
    // Beyond this not each whole number is one of these.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.fract() == 0.0 && value.abs() < EXACT {
        true => format!("{value}")
            .parse()
            .map_or(Number::Double(value), Number::Int),
        false => Number::Double(value),
    }
}

/// A count as a whole number.
fn whole(value: f64) -> u64 {
    format!("{value}").parse().unwrap_or(0)
}

/// The unit that the end of a name tells, by UCUM.
fn unit(name: &str) -> &'static str {
    match name.trim_end_matches("_total").rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_seconds A thing.\n# TYPE a_seconds histogram\n\
        a_seconds_sum{p=\"x\"} 0.5\na_seconds_count{p=\"x\"} 4\na_seconds_bucket{le=\"0.1\",p=\"x\"} 1\n\
        a_seconds_bucket{le=\"+Inf\",p=\"x\"} 4\na_seconds_sum{p=\"y\"} 0\na_seconds_count{p=\"y\"} 0\n\
        a_seconds_bucket{le=\"0.1\",p=\"y\"} 0\na_seconds_bucket{le=\"+Inf\",p=\"y\"} 0\n\
        # HELP b B.\n# TYPE b counter\nb_total{c=\"a\\\"b\\\\n\\n\",d=\"\"} 3\n\
        # HELP c C.\n# TYPE c gauge\nc -1.5\n# HELP d D.\n# TYPE d info\nd_info{version=\"1\"} 1\n\
        # HELP e E.\n# TYPE e gauge\n# EOF\n";

    #[test]
    fn each_type_becomes_its_own() {
        let text = MetricsText::now(TEXT.to_owned());
        let all = text.metrics(7);
        let names: Vec<&str> = all.iter().map(|metric| &*metric.name).collect();
        // One without a sample is none.
        assert_eq!(names, ["a_seconds", "b_total", "c", "d_info"]);
        assert_eq!((&*all[0].unit, &*all[1].unit), ("s", ""));
        let Some(MetricData::Histogram(histogram)) = &all[0].data else {
            panic!("{:?}", all[0]);
        };
        let [x, y] = histogram.data_points.as_slice() else {
            panic!("{histogram:?}");
        };
        assert_eq!((x.count, x.sum), (4, Some(0.5)));
        assert_eq!(
            (&*x.bucket_counts, &*x.explicit_bounds),
            (&[1, 3][..], &[0.1][..])
        );
        assert_eq!((y.count, &*y.bucket_counts), (0, &[0, 0][..]));
        let Some(MetricData::Sum(sum)) = &all[1].data else {
            panic!("{:?}", all[1]);
        };
        assert!(sum.is_monotonic);
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(Number::Int(3)));
        assert_eq!(point.attributes[0], KeyValue::new("c", "a\"b\\n\n"));
        assert_eq!(point.start_time_unix_nano, 7);
        let Some(MetricData::Gauge(gauge)) = &all[2].data else {
            panic!("{:?}", all[2]);
        };
        assert_eq!(gauge.data_points[0].value, Some(Number::Double(-1.5)));
    }
}
