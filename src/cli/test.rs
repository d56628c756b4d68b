//! `test`: runs policy suites.

mod mutate;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::args::TestArgs;
use super::exit::{Ended, Exit};
use super::output::{explain, failed, say};
use super::source::import_of;
use super::worker::runtime;
use peppol_authz_author::proof::ProofOptions;
use peppol_authz_author::suite::{
    CaseOutcome, Coverage, SuiteError, Suites, coverage, drop_one, failures, junit,
};
use peppol_authz_database::Import;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::text::counted;
use peppol_authz_server::config::MIN_WORKER_STACK_BYTES;

/// The directory of suites, if none are named.
const SUITES: &str = "tests/policies";

pub(super) fn run(args: &TestArgs) -> Ended {
    let policy = args.policy.for_author()?;
    let additions = args.additions.for_author(&args.policy);
    let import = import_of(policy.schema.as_deref(), additions.as_deref()).map_err(failed)?;
    let (_, bundle) = policy.load()?;
    let runtime = runtime(1, MIN_WORKER_STACK_BYTES).map_err(failed)?;
    let passed = run_all(args, &bundle, &import, &runtime).map_err(failed)?;
    Ok(if passed { Exit::Done } else { Exit::TestFailed })
}

/// Runs the suites, and the tests of the suites that are asked for. Returns true if all pass.
fn run_all(
    args: &TestArgs,
    bundle: &Arc<Bundle>,
    import: &Import,
    runtime: &Runtime,
) -> Result<bool, SuiteError> {
    let paths = if args.paths.is_empty() {
        vec![PathBuf::from(SUITES)]
    } else {
        args.paths.clone()
    };
    let suites = Suites::read(&paths, import)?;
    suites.left_out().iter().for_each(explain);
    let outcomes = runtime.block_on(suites.run(bundle))?;
    let suites_pass = runtime.block_on(run_suites(args, bundle, &suites, &outcomes))?;
    let mut passed = suites_pass;
    if args.coverage {
        let found = coverage(bundle, &outcomes);
        say_coverage(&found);
        passed &= found.is_complete();
    }
    if args.drop_one {
        passed &= runtime.block_on(run_drop_one(bundle, &suites))?;
    }
    if args.mutate && !suites_pass {
        say("no mutants are tried while the suites fail");
    } else if args.mutate {
        let options = ProofOptions {
            timeout: args.solver.timeout,
        };
        passed &= mutate::run(&suites, bundle, runtime.handle(), options)?;
    }
    Ok(passed)
}

async fn run_suites(
    args: &TestArgs,
    bundle: &Arc<Bundle>,
    suites: &Suites,
    outcomes: &[CaseOutcome],
) -> Result<bool, SuiteError> {
    if let Some(path) = &args.junit {
        let xml = junit(outcomes)?;
        std::fs::write(path, xml).map_err(|error| SuiteError {
            path: path.clone(),
            line: None,
            problem: error.to_string(),
        })?;
    }
    failures(outcomes).iter().for_each(say);
    let failed = outcomes.iter().filter(|one| one.difference.is_some());
    let failed = failed.count();
    let mut passed = failed == 0;
    say(format_args!(
        "{}, {failed} failed",
        counted(outcomes.len(), "question", "questions")
    ));
    for matrix in suites.matrices(bundle, args.update).await? {
        let file = matrix.golden.display();
        let asked = counted(matrix.questions, "question", "questions");
        if matrix.differences.is_empty() {
            say(format_args!("{file}: {asked}, as kept"));
        } else if args.update {
            let changed = counted(matrix.differences.len(), "line", "lines");
            say(format_args!("{file}: {asked}, {changed} changed"));
        } else {
            passed = false;
            say(format_args!(
                "FAILED {file}: {}; `--update` keeps the new ones",
                counted(matrix.differences.len(), "line differs", "lines differ")
            ));
            matrix.differences.iter().for_each(say);
        }
    }
    Ok(passed)
}

async fn run_drop_one(bundle: &Arc<Bundle>, suites: &Suites) -> Result<bool, SuiteError> {
    let dropped = drop_one(bundle, suites).await?;
    let unmissed: Vec<_> = dropped.iter().filter(|one| one.missed_by == 0).collect();
    unmissed
        .iter()
        .for_each(|one| say(format_args!("FAILED no case misses `{}`", one.policy)));
    say(format_args!(
        "{} left out in turn, {} not missed",
        counted(dropped.len(), "policy", "policies"),
        unmissed.len()
    ));
    Ok(unmissed.is_empty())
}

fn say_coverage(coverage: &Coverage) {
    let (tested, untested) = (coverage.policies.len(), &coverage.untested_policies);
    say(format_args!(
        "policies: {tested} tested, {} not",
        untested.len()
    ));
    untested
        .iter()
        .for_each(|id| say(format_args!("  not tested: {id}")));
    say(format_args!(
        "rules: {} tested, {} not",
        coverage.rules.len(),
        coverage.untested_rules.len()
    ));
    coverage
        .untested_rules
        .iter()
        .for_each(|id| say(format_args!("  not tested: {id}")));
    coverage
        .unknown_rules
        .iter()
        .for_each(|id| say(format_args!("  covered, but not in `rules.toml`: {id}")));
    coverage
        .stale_exemptions
        .iter()
        .for_each(|id| say(format_args!("  exempt, but tested: {id}")));
    coverage
        .untested_actions
        .iter()
        .for_each(|id| say(format_args!("  action never asked: {id}")));
}
