//! `test --mutate`: mistakes that no case would notice.

use std::fmt::Display;
use std::sync::Arc;

use cedar_policy::Policy;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use crate::cli::output::{complain, say, show};
use crate::policy::{Bundle, Fault};
use crate::proof::{ProofOptions, Prover, same_policy};
use crate::suite::{Compared, Fate, Numbers, SuiteError, Suites, Tried, mutate, tally};

/// Said of a mutant of which nothing is proved.
const UNKNOWN: &str = "it is not proved to be the same policy";

/// Tries all mutants and says what became of them. Whether none survived.
pub(super) fn run(
    suites: &Suites,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
    options: ProofOptions,
) -> Result<bool, SuiteError> {
    let mut compare = comparer(options, bundle, runtime);
    // Hidden by itself where standard error is no terminal.
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} mutants {eta}");
    let bar =
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let tried = mutate(suites, bundle, runtime, &mut compare, &|done, all| {
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

/// Compares policies by proof. The solver is started when it is first asked something;
/// where there is none, that is said once.
fn comparer(
    options: ProofOptions,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
) -> impl FnMut(&Policy, &Policy) -> Compared + Send {
    let mut prover = None;
    move |policy, other| {
        let prover = prover.get_or_insert_with(|| {
            // It is a process of the runtime's.
            let _in_runtime = runtime.enter();
            Prover::start(options.clone()).inspect_err(|error| complain(error))
        });
        let prover = match prover {
            Ok(prover) => prover,
            Err(_) => return Compared::Unknown(UNKNOWN.to_owned()),
        };
        match runtime.block_on(same_policy(prover, bundle, policy, other)) {
            Ok(None) => Compared::Same,
            Ok(Some(found)) => Compared::Different(format!("it decides otherwise:\n{found}")),
            Err(error) => Compared::Unknown(format!("{UNKNOWN}: {error}")),
        }
    }
}
