//! `test --mutate`: mistakes that no case would notice.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use crate::cli::output::{say, show};
use crate::policy::Bundle;
use crate::suite::{Compared, Equivalence, Fate, Numbers, SuiteError, Suites, Tried};

/// Tries all mutants and says what became of them. Whether none survived.
pub(super) fn run(
    suites: &Suites,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
) -> Result<bool, SuiteError> {
    // Hidden by itself where standard error is no terminal.
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} mutants {eta}");
    let bar =
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let tried = crate::suite::mutate(suites, bundle, runtime, &mut Unproved, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let tried = tried?;
    let faults = tried.iter().filter_map(fault).collect();
    show(faults);
    let (each, all) = crate::suite::tally(&tried);
    say(format_args!(
        "{:<16} {:>6} {:>8} {:>7} {:>11} {:>9}",
        "mutants", "made", "invalid", "killed", "equivalent", "survived"
    ));
    for (operator, numbers) in &each {
        say_numbers(operator.name(), numbers);
    }
    say_numbers("all", &all);
    Ok(all.survived == 0)
}

fn say_numbers(name: &str, numbers: &Numbers) {
    say(format_args!(
        "{name:<16} {:>6} {:>8} {:>7} {:>11} {:>9}",
        numbers.made, numbers.invalid, numbers.killed, numbers.equivalent, numbers.survived
    ));
}

fn fault(tried: &Tried) -> Option<crate::policy::Fault> {
    match &tried.fate {
        Fate::Survived(known) => Some(tried.mutant.fault().advise(known)),
        _ => None,
    }
}

struct Unproved;

impl Equivalence for Unproved {
    fn compare(
        &mut self,
        _: &Bundle,
        _: &cedar_policy::Policy,
        _: Option<&cedar_policy::Policy>,
    ) -> Compared {
        Compared::Unknown("whether it is the same policy is not proved".to_owned())
    }
}
