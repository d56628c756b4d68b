//! The proofs of the invariants, as `prove` makes them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::errand::Steps;
use peppol_authz_author::proof::{
    InvariantResult, ProofOptions, Prover, never_fails, prove, read_invariants,
};
use peppol_authz_engine::policy::{Bundle, Sources, load};

/// How long the solver may think about one formula, as for `prove`.
const SOLVER: Duration = Duration::from_secs(60);

/// Proves that no policy fails, and all invariants of the directory of policies. It ends early where the policies are in force no
/// more.
///
/// # Errors
/// Files that are not those in force, no solver, no invariants, other policies meanwhile.
pub(crate) async fn proved(
    bundle: &Arc<Bundle>,
    directory: Option<&Path>,
    sources: &Sources,
    steps: &Steps,
    is_in_force: impl Fn() -> bool,
) -> Result<Vec<InvariantResult>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let faults = |faults: Vec<peppol_authz_engine::policy::Fault>| {
        let faults = faults.iter().map(ToString::to_string);
        faults.collect::<Vec<_>>().join("; ")
    };
    // Invariants are of the files, and the policies are of the last load that was not refused.
    let now = load(sources).map_err(faults)?;
    if now.revision != bundle.revision {
        return Err(
            "the files are not those in force: the last change was refused, or is not taken yet"
                .to_owned(),
        );
    }
    let read = read_invariants(directory, sources).map_err(|error| said(&error))?;
    let invariants = read.map_err(faults)?;
    if invariants.is_empty() {
        return Err("there are no invariants, in `invariants/` beside the policies".to_owned());
    }
    steps.are(invariants.len() + 1);
    let prover = Prover::start(ProofOptions { timeout: SOLVER });
    let mut prover = prover.map_err(|error| said(&error))?;
    let mut all = Vec::new();
    let first = never_fails(&mut prover, bundle).await;
    all.push(first.map_err(|error| said(&error))?);
    steps.step();
    for invariant in &invariants {
        if !is_in_force() {
            return Err("the policies have changed meanwhile".to_owned());
        }
        let result = prove(&mut prover, bundle, invariant).await;
        all.push(result.map_err(|error| said(&error))?);
        steps.step();
    }
    Ok(all)
}
