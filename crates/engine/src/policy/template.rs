//! Templates: policies with `?principal` or `?resource` in their scope, and the policies that links make
//! of them.
//!
//! A linked policy becomes an ordinary one, with entities in the place of the slots. So all that reads
//! policies reads it as any other, and decides as Cedar does: slots stand in scopes alone.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use cedar_policy::pst::{self, EntityOrSlot, PrincipalConstraint, ResourceConstraint};
use cedar_policy::{Policy, PolicyId, PolicySet, SlotId, Template};

use super::info::PolicyInfo;
use super::link::Link;
use super::reading_plan::ReadingPlanError;
use super::source_file::SourceFile;

/// A template.
#[derive(Clone, Debug)]
pub struct PolicyTemplate {
    /// The template as a policy that leaves its slots open: it tells what holds of every link.
    pub info: PolicyInfo,
    /// The template.
    pub template: Template,
}

impl PolicyTemplate {
    pub(super) fn new(
        template: Template,
        id: Arc<str>,
        file: &Arc<SourceFile>,
        place: Range<usize>,
    ) -> Result<Self, ReadingPlanError> {
        let unreadable =
            |error: pst::PstConstructionError| ReadingPlanError::Unreadable(error.to_string());
        let open = opened(template.to_pst().map_err(unreadable)?).map_err(unreadable)?;
        let info = PolicyInfo::new(open, id, file, place)?;
        Ok(Self { info, template })
    }

    /// Its slots.
    pub(super) fn slots(&self) -> HashSet<SlotId> {
        self.template.slots().cloned().collect()
    }

    /// The policies that these links make of it.
    ///
    /// # Errors
    /// A link that does not fit, with Cedar's message.
    pub(super) fn linked(&self, links: &[Arc<Link>]) -> Result<Vec<PolicyInfo>, String> {
        let made = linked_policies(&self.template, links)?;
        let infos = made
            .into_iter()
            .zip(links)
            .map(|(policy, link)| PolicyInfo {
                policy,
                id: Arc::clone(&link.id),
                link: Some(Arc::clone(link)),
                ..self.info.clone()
            });
        Ok(infos.collect())
    }
}

/// The policies that links make of a template, in their order. A value for a slot that the
/// template does not have is left out.
///
/// # Errors
/// A link that does not fit, with Cedar's message.
pub fn linked_policies(template: &Template, links: &[Arc<Link>]) -> Result<Vec<Policy>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    // Cedar would parse the text of any other for each link.
    let template = template.to_pst().and_then(Template::from_pst);
    let template = template.map_err(|error| said(&error))?;
    let id = template.id().clone();
    let slots: HashSet<SlotId> = template.slots().cloned().collect();
    let mut set = PolicySet::new();
    set.add_template(template).map_err(|error| said(&error))?;
    let mut made = Vec::with_capacity(links.len());
    for link in links {
        let own = PolicyId::new(&*link.id);
        let mut values = link.values();
        values.retain(|slot, _| slots.contains(slot));
        set.link(id.clone(), own.clone(), values)
            .map_err(|error| said(&error))?;
        let linked = set.policy(&own).ok_or("Cedar lost it")?;
        made.push(static_policy(linked).map_err(|error| said(&error))?);
    }
    Ok(made)
}

/// A linked policy as an ordinary one.
fn static_policy(linked: &Policy) -> Result<Policy, pst::PstConstructionError> {
    Policy::from_pst(match linked.to_pst()? {
        pst::Policy::Linked(linked) => pst::Policy::Static(linked.into_static_policy()?),
        policy @ pst::Policy::Static(_) => policy,
    })
}

/// A template as a policy for whatever stands in its slots.
fn opened(mut template: pst::Template) -> Result<Policy, pst::PstConstructionError> {
    template.principal = match template.principal {
        PrincipalConstraint::Eq(EntityOrSlot::Slot(_))
        | PrincipalConstraint::In(EntityOrSlot::Slot(_)) => PrincipalConstraint::Any,
        PrincipalConstraint::IsIn(of, EntityOrSlot::Slot(_)) => PrincipalConstraint::Is(of),
        other => other,
    };
    template.resource = match template.resource {
        ResourceConstraint::Eq(EntityOrSlot::Slot(_))
        | ResourceConstraint::In(EntityOrSlot::Slot(_)) => ResourceConstraint::Any,
        ResourceConstraint::IsIn(of, EntityOrSlot::Slot(_)) => ResourceConstraint::Is(of),
        other => other,
    };
    // A slot that would be left is refused here.
    let open = template.link(&HashMap::new())?;
    Policy::from_pst(pst::Policy::Static(open))
}
