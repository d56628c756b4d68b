//! Metrics of the process, by the names that Prometheus's own libraries give them.

use std::fmt;
use std::path::Path;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The ticks of a second in which `/proc` counts. It is the same on each architecture that this
/// program is built for: proc(5), `sysconf(_SC_CLK_TCK)`.
const TICKS: f64 = 100.0;

/// Reads what the kernel tells of this process, at each look at the metrics. What it does not tell is left out.
#[derive(Debug)]
pub(super) struct ProcessMetrics;

/// The times in `/proc/self/stat`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ProcessTimes {
    /// Seconds of the processors that were used.
    used: f64,
    /// Seconds from the start of the machine to that of the process.
    started: f64,
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let times = read("/proc/self/stat").and_then(|text| ProcessTimes::of(&text));
        let status = read("/proc/self/status").unwrap_or_default();
        let kibibytes = |name: &str| Some(number_of(&status, name)? * 1024);
        let files = Path::new("/proc/self/fd").read_dir().ok();
        if let Some(times) = times {
            let counter = ConstCounter::new(times.used);
            let help = "Seconds of the processors that the process has used.";
            let name = "process_cpu_seconds";
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        let boot = read("/proc/stat").and_then(|text| number_of(&text, "btime"));
        let gauges = [
            (
                "process_start_time_seconds",
                "When the process was started, in seconds since 1970.",
                boot.zip(times)
                    .map(|(boot, times)| boot as f64 + times.started),
            ),
            (
                "process_resident_memory_bytes",
                "Resident memory of the process.",
                kibibytes("VmRSS:").map(|bytes| bytes as f64),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory of the process.",
                kibibytes("VmSize:").map(|bytes| bytes as f64),
            ),
            (
                "process_threads",
                "Threads of the process.",
                number_of(&status, "Threads:").map(|threads| threads as f64),
            ),
            (
                "process_open_fds",
                "Files and connections that the process has open.",
                files.map(|files| files.count() as f64),
            ),
            (
                "process_max_fds",
                "Files and connections that the process may have open.",
                read("/proc/self/limits")
                    .and_then(|text| number_of(&text, "Max open files"))
                    .map(|most| most as f64),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
                gauge.encode(metric)?;
            }
        }
        Ok(())
    }
}

impl ProcessTimes {
    /// Of `/proc/self/stat`. The name of the program, in parentheses, may have spaces and parentheses.
    fn of(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // proc(5) counts from 1, and the first one here is the third.
        let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            used: (ticks(14)? + ticks(15)?) / TICKS,
            started: ticks(22)? / TICKS,
        })
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The first number of the line that begins with a name.
fn number_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_a_name_of_any_form() {
        let numbers: Vec<String> = (3..=52).map(|number| number.to_string()).collect();
        let stat = format!("1 (a) 9 9 9 (b) {}", numbers.join(" "));
        let times = ProcessTimes::of(&stat).unwrap();
        assert_eq!(
            times,
            ProcessTimes {
                used: 0.29,
                started: 0.22
            }
        );
        assert_eq!(ProcessTimes::of("1 (a) R 1 2"), None);
    }

    #[test]
    fn a_number_is_that_of_the_whole_name() {
        let text =
            "VmSize:\t  12 kB\nVmRSS:\t   7 kB\nMax open files  unlimited  unlimited  files\n";
        assert_eq!(number_of(text, "VmRSS:"), Some(7));
        assert_eq!(number_of(text, "Max open files"), None);
        assert_eq!(number_of(text, "Threads:"), None);
    }
}
