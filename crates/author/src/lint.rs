//! Conventions of the policies that `check` tells of, and for which no set is refused.
//!
//! `load` finds everything for which a set is refused, by `check` as by `serve`. The lints find a
//! text that the formatter would write otherwise, permits and actions that are of no use and, in a set
//! without a list of rules, a policy that has more loaded than it needs.

mod covered;
mod format;
mod unpermitted;

use std::collections::HashSet;

use peppol_authz_engine::policy::{Bundle, Fault, PolicyInfo, Severity, Sources};

pub use format::fix_format;

/// All notes on a valid set, and on the layout of its texts.
#[must_use]
pub fn lint(sources: &Sources, bundle: Option<&Bundle>) -> Vec<Fault> {
    let unformatted = sources.policies.iter().filter_map(format::unformatted);
    let mut faults: Vec<_> = unformatted.collect();
    let written = bundle.into_iter().flat_map(Bundle::written);
    let costly = written.filter(|info| info.loads_all_tags());
    faults.extend(costly.map(|info| info.all_tags_fault(Severity::Note)));
    if let Some(bundle) = bundle {
        faults.extend(covered::covered(bundle));
        faults.extend(unpermitted::unpermitted(&sources.schema, bundle));
        faults.extend(unlinked(bundle));
    }
    Fault::first_of(sources.placed(faults))
}

/// A note on each template that nothing links.
fn unlinked(bundle: &Bundle) -> Vec<Fault> {
    if bundle.reads_links() {
        return Vec::new();
    }
    let policies = bundle.policies();
    let links = policies.iter().filter_map(|info| info.link.as_ref());
    let linked: HashSet<&str> = links.map(|link| &*link.template).collect();
    let templates = bundle.templates.iter().map(|template| &template.info);
    let others = templates.filter(|info| !linked.contains(&*info.id));
    let fault = |info: &PolicyInfo| {
        let text = format!("nothing links template `{}`: it decides nothing", info.id);
        Fault::new(&info.file, Severity::Note, text)
            .at(info.place.start, info.place.len())
            .advise("links are written in `links.toml`, beside the policies")
    };
    others.map(fault).collect()
}
