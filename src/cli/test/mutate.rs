//! `test --mutate`: mistakes that no case would notice.

use std::fmt::Display;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use crate::cli::output::{say, show};
use crate::policy::{Bundle, Fault};
use crate::suite::{
    Compared, Equivalence, Fate, Numbers, SuiteError, Suites, Tried, mutate, tally,
};

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
    let tried = mutate(suites, bundle, runtime, &mut Unproved, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let tried = tried?;
    show(tried.iter().filter_map(survivor).collect());
    let (each, all) = tally(&tried);
    say_row(
        "mutants",
        ["made", "invalid", "killed", "equivalent", "survived"],
    );
    for (operator, numbers) in &each {
        say_numbers(operator.name(), numbers);
    }
    say_numbers("all", &all);
    Ok(all.survived == 0)
}

fn say_numbers(name: &str, numbers: &Numbers) {
    let Numbers {
        made,
        invalid,
        killed,
        equivalent,
        survived,
    } = *numbers;
    say_row(name, [made, invalid, killed, equivalent, survived]);
}

fn say_row(name: &str, columns: [impl Display; 5]) {
    let [made, invalid, killed, equivalent, survived] = columns;
    say(format_args!(
        "{name:<16} {made:>6} {invalid:>8} {killed:>7} {equivalent:>11} {survived:>9}"
    ));
}

fn survivor(tried: &Tried) -> Option<Fault> {
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
