//! `test --mutate`: finds mistakes that no case would notice.

use std::fmt::Display;
use std::sync::Arc;

use cedar_policy::Policy;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use crate::cli::output::{complain, explain, say, show};
use peppol_authz_author::proof::{ProofOptions, Prover, same_answers};
use peppol_authz_author::suite::{
    EquivalenceUnproved, MutantCounts, MutantFate, SuiteError, Suites, TriedMutant, mutate, tally,
};
use peppol_authz_engine::policy::Bundle;

/// The text for a mutant that changes an answer which no case asks for.
const DIFFERENT: &str = "a case is missing: the following is answered otherwise then";
/// The text for a mutant of which nothing is known.
const UNKNOWN: &str = "it is not proved that no answer changes";

/// Tries all mutants and writes the results. Returns true if none survived.
pub(super) fn run(
    suites: &Suites,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
    options: ProofOptions,
) -> Result<bool, SuiteError> {
    let mut prove = prover(options, bundle, runtime);
    // Hidden by itself where standard error is no terminal.
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} mutants {eta} {msg}");
    let bar =
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let tried = mutate(suites, bundle, runtime, &mut prove, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        if done == all {
            bar.set_message("proving");
        }
    });
    bar.finish_and_clear();
    let tried = tried?;
    tried.iter().for_each(show_survivor);
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

fn say_numbers(name: &str, numbers: &MutantCounts) {
    let MutantCounts {
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

fn show_survivor(tried: &TriedMutant) {
    let MutantFate::Survived(unproved) = &tried.fate else {
        return;
    };
    let (help, request) = match unproved {
        EquivalenceUnproved::Different(request) => (DIFFERENT, Some(request)),
        EquivalenceUnproved::Unknown(why) => (why.as_str(), None),
    };
    show(vec![tried.mutant.fault().advise(help)]);
    request.iter().for_each(explain);
}

/// Asks the solver, which is started when it is first needed; if there is none, that is written
/// once.
fn prover(
    options: ProofOptions,
    bundle: &Arc<Bundle>,
    runtime: &Handle,
) -> impl FnMut(&Policy, &Policy) -> Result<(), EquivalenceUnproved> + Send {
    let mut prover = None;
    move |policy, other| {
        let prover = prover.get_or_insert_with(|| {
            // It is a process of the runtime's.
            let _in_runtime = runtime.enter();
            Prover::start(options.clone()).inspect_err(|error| complain(error))
        });
        let prover = match prover {
            Ok(prover) => prover,
            Err(_) => return Err(EquivalenceUnproved::Unknown(UNKNOWN.to_owned())),
        };
        match runtime.block_on(same_answers(prover, bundle, policy, other)) {
            Ok(None) => Ok(()),
            Ok(Some(found)) => Err(EquivalenceUnproved::Different(found.to_string())),
            Err(error) => Err(EquivalenceUnproved::Unknown(format!("{UNKNOWN}: {error}"))),
        }
    }
}
