//! The solver's findings, made small and readable.
//!
//! A solver invents ids, strings, and all else that its formula leaves open. Here the parts
//! that a finding does not need are removed, and the others get names. Each step is kept
//! only where the finding still holds.

mod ids;
mod names;
mod shrink;

use std::collections::BTreeSet;

use cedar_policy::{EntityUid, PolicySet};
use cedar_policy_symcc::Env;

use super::scenario::Scenario;
use names::rename;
use peppol_authz_engine::policy::Bundle;

/// A finding of the solver, small and with names. Each step is kept where it `shows` the same.
pub(super) fn readable(
    env: &Env,
    bundle: &Bundle,
    sets: &[&PolicySet],
    shows: &dyn Fn(&Scenario) -> bool,
) -> Option<Scenario> {
    let world = Scenario::of(env, &bundle.schema)?;
    let policies = sets.iter().flat_map(|set| set.policies());
    let literals: BTreeSet<EntityUid> = policies.flat_map(|p| p.entity_literals()).collect();
    let small = world.shrunk(shows);
    let named = rename(&small, &bundle.schema, &literals);
    Some(if shows(&named) { named } else { small })
}
