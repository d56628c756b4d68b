//! Servers beside each other: rounds of loads that take turns, and their medians.

use serde_json::{Value, json};

use crate::common::median;
use crate::load::Load;

const ROUNDS: usize = 3;

/// Runs each load in turn, in several rounds; the loads of each.
pub(crate) fn in_turn(loads: &[&dyn Fn() -> Load]) -> Vec<Vec<Load>> {
    let mut found: Vec<Vec<Load>> = loads.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (load, found) in loads.iter().zip(&mut found) {
            found.push(load());
        }
    }
    found
}

/// A server beside another, medians of rounds.
pub(crate) struct Compared {
    per_second: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
    cpu_of_other: f64,
    /// Of the other's: the median, the least and the most.
    rate: [f64; 3],
    times_cpu: [f64; 3],
}

impl Compared {
    /// The head of the lines.
    pub(crate) fn head() -> String {
        format!(
            "{:<44} {:>11} {:>8} {:>8} {:>8} {:>18} {:>6}",
            "medians of rounds", "decisions/s", "p50 µs", "p99 µs", "CPU µs", "of the floor", "CPU"
        )
    }

    /// Loads of one server and of another in the same rounds, of so many decisions a request.
    pub(crate) fn of(other: &[Load], found: &[Load], each: usize) -> Self {
        let each = each as f64;
        let of = |value: &dyn Fn(&Load, &Load) -> f64| {
            let rounds = other.iter().zip(found);
            let mut values: Vec<f64> = rounds.map(|(other, found)| value(other, found)).collect();
            let middle = median(&mut values);
            [middle, values[0], values[values.len() - 1]]
        };
        Self {
            per_second: of(&|_, found| found.per_second * each)[0],
            p50: of(&|_, found| found.p50.as_secs_f64() * 1e6)[0],
            p99: of(&|_, found| found.p99.as_secs_f64() * 1e6)[0],
            cpu: of(&|_, found| found.cpu / each)[0],
            cpu_of_other: of(&|other, _| other.cpu / each)[0],
            rate: of(&|other, found| found.per_second / other.per_second),
            times_cpu: of(&|other, found| found.cpu / other.cpu),
        }
    }

    /// For people.
    pub(crate) fn line(&self, name: &str) -> String {
        let [rate, least, most] = self.rate;
        format!(
            "{name:<44} {:>11.0} {:>8.0} {:>8.0} {:>8.2} {rate:>6.2} ({least:.2}–{most:.2}) {:>6.2}",
            self.per_second, self.p50, self.p99, self.cpu, self.times_cpu[0]
        )
    }

    /// For the report, with a word for the other.
    pub(crate) fn values(&self, other: &str) -> Value {
        json!({
            "beside": other, "decisions_per_second": self.per_second, "p50_us": self.p50, "p99_us": self.p99,
            "cpu_us": self.cpu, "cpu_us_of_floor": self.cpu_of_other, "rate": self.rate, "cpu": self.times_cpu,
        })
    }
}
