//! Figures of a benchmark, as lines of which `benches/report.py` makes the report.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::{Value, json};

/// Adds a line to the file that `FIGURES` names, if it names one: of a benchmark, the thing that was measured, and
/// its values by name.
pub(crate) fn figure(bench: &str, what: &str, values: Value) {
    let Ok(path) = std::env::var("FIGURES") else {
        return;
    };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let line = json!({"bench": bench, "what": what, "values": values});
    writeln!(file, "{line}").unwrap();
}
