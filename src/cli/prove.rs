//! `prove`: proves invariants, for all requests and entities of the schema.

mod report;

use std::sync::Arc;

use super::args::ProveArgs;
use super::exit::{Ended, Exit};
use super::output::{AnyError, failed, invalid, misused, remark, say};
use super::worker::in_worker;
use peppol_authz_author::proof::{
    Invariant, InvariantResult, ProofOptions, Prover, never_fails, prove, read_invariants,
};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::text::counted;

pub(super) use report::counterexample_json;
use report::report;

/// The name of the proof that no policy fails, which is no invariant of a file.
const NEVER_FAILS: &str = "no-policy-fails";

pub(super) fn run(args: &ProveArgs) -> Ended {
    let policy = args.policy.for_author()?;
    let (sources, bundle) = policy.load()?;
    let read = read_invariants(policy.policies.as_deref(), &sources).map_err(failed)?;
    let (invariants, fails_too) = wanted(read.map_err(invalid)?, &args.names)?;
    let options = ProofOptions {
        timeout: args.solver.timeout,
    };
    let (count, reads_links) = (invariants.len(), bundle.reads_links());
    let all = in_worker(async move { prove_all(options, &bundle, &invariants, fails_too).await });
    let all = all.map_err(failed)?;
    if reads_links {
        remark("note: links of templates in the store are left out: nothing is proved of them");
    }
    let mut is_written = true;
    for proved in &all {
        is_written &= report(args, proved);
    }
    let open = all.iter().filter(|p| !p.holds()).count();
    if !args.json {
        let proved = proved(count, fails_too);
        say(format_args!("{proved}, {open} not proved"));
    }
    Ok(match (is_written, open) {
        (false, _) => Exit::Failed,
        (true, 0) => Exit::Done,
        (true, _) => Exit::TestFailed,
    })
}

/// The invariants that `names` ask for, all if there are none. The second is true if it is to be
/// proved too that no policy fails.
fn wanted(all: Vec<Invariant>, names: &[String]) -> Result<(Vec<Invariant>, bool), Exit> {
    if all.is_empty() && names.is_empty() {
        // A directory with another name must not pass for years.
        return Err(failed(
            "there are no invariants, in `invariants/` beside the policies",
        ));
    }
    for name in names {
        if name != NEVER_FAILS && !all.iter().any(|known| *known.name == **name) {
            return Err(misused(format!("there is no invariant `{name}`")));
        }
    }
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    let fails_too = is_wanted(NEVER_FAILS);
    let mut invariants = all;
    invariants.retain(|invariant| is_wanted(&invariant.name));
    Ok((invariants, fails_too))
}

/// Names the proofs: so many invariants, as `check` counts them, and perhaps that no policy fails.
fn proved(count: usize, fails_too: bool) -> String {
    let invariants = counted(count, "invariant", "invariants");
    match (count, fails_too) {
        (_, false) => invariants,
        (0, true) => format!("`{NEVER_FAILS}`"),
        (_, true) => format!("{invariants} and `{NEVER_FAILS}`"),
    }
}

async fn prove_all(
    options: ProofOptions,
    bundle: &Arc<Bundle>,
    invariants: &[Invariant],
    fails_too: bool,
) -> Result<Vec<InvariantResult>, AnyError> {
    let mut prover = Prover::start(options)?;
    let mut all = Vec::new();
    if fails_too {
        all.push(never_fails(&mut prover, bundle).await?);
    }
    for invariant in invariants {
        all.push(prove(&mut prover, bundle, invariant).await?);
    }
    Ok(all)
}
