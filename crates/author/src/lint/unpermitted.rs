//! Actions that no policy permits: every question about them is denied.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Effect, EntityUid, PolicySet};

use peppol_authz_engine::policy::{Bundle, Fault, Severity, SourceFile};

/// A warning for each action that no permit is for.
pub(super) fn unpermitted(schema: &Arc<SourceFile>, bundle: &Bundle) -> Vec<Fault> {
    let permits = |set: &PolicySet| set.policies().any(|it| it.effect() == Effect::Permit);
    let permitted = bundle
        .shards()
        .filter(|(_, shard)| shard.sets().any(permits));
    let permitted = permitted.map(|(action, _)| action);
    // The links of a template permit, and not the template.
    let of_templates = bundle.templates.iter().map(|template| &template.info);
    let of_templates = of_templates.filter(|info| info.effect == Effect::Permit);
    let reached = of_templates.filter_map(|info| bundle.reach(&info.policy).ok());
    let reached: Vec<_> = reached.flatten().collect();
    let reached = reached.iter().map(|(action, _, _)| action);
    let permitted: BTreeSet<&EntityUid> = permitted.chain(reached).collect();
    let actions = bundle.schema.actions().into_iter();
    let others = actions.filter(|action| !permitted.contains(&action.uid));
    let fault = |action: &EntityUid| {
        let id: &str = action.id().as_ref();
        let text = format!("nothing permits `{id}`: it is always denied");
        let fault = Fault::new(schema, Severity::Warning, text);
        let fault = fault.advise("write a permit for it, or take it out of the schema");
        match place_of(&schema.text, id) {
            Some(start) => fault.at(start, id.len()),
            None => fault,
        }
    };
    others.map(|action| fault(&action.uid)).collect()
}

/// Where a schema declares an action.
fn place_of(schema: &str, id: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = schema.match_indices(id).map(|(at, _)| at);
    found.find(|&at| {
        let (before, rest) = schema.split_at_checked(at).unwrap_or_default();
        let after = rest.get(id.len()..).unwrap_or_default();
        let statement = before.rsplit([';', '{', '}']).next().unwrap_or_default();
        let mut words = statement.split(|c: char| !is_part(c));
        !before.ends_with(is_part) && !after.starts_with(is_part) && words.any(|it| it == "action")
    })
}
