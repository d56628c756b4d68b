//! The links of templates that the store holds, and the policies that they make.
//!
//! A set says in `links.toml` if its links are in the store too: `stored = true`. Such a link is held to the set
//! when a question comes to it. One that misfits is no policy that is missing: the questions that it could be
//! meant for cannot be answered.

use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{Entities, EntityUid, Policy, SlotId};

use super::info::PolicyInfo;
use super::link::Link;
use super::scope::{applies_to, can_apply};
use super::source_file::SourceFile;
use super::template::PolicyTemplate;
use crate::schema::{LINKS_VIEW, Map, Schema};
use crate::text::did_you_mean;

/// The policies of links that are kept. Beyond, all are made anew.
const MOST_KEPT: usize = 10_000;

/// A link that the store holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredLink {
    /// The id of the policy that it makes.
    pub id: Arc<str>,
    /// The id of the template.
    pub template: Arc<str>,
    /// The entity for `?principal`.
    pub principal: Option<EntityUid>,
    /// The entity for `?resource`.
    pub resource: Option<EntityUid>,
    /// Why it cannot be used, whatever the policies are.
    pub fault: Option<Arc<str>>,
}

/// The set that links are held to.
#[derive(Clone, Copy)]
pub(super) struct LinkedSet<'a> {
    pub(super) schema: &'a Schema,
    pub(super) templates: &'a [Arc<PolicyTemplate>],
    /// Returns true if another policy has that id.
    pub(super) is_taken: &'a dyn Fn(&str) -> bool,
}

impl LinkedSet<'_> {
    /// Checks a link by itself, and its id.
    ///
    /// # Errors
    /// A link that misfits: which, and why.
    pub(super) fn check(self, link: &StoredLink) -> Result<(), String> {
        let id = &link.id;
        let mut ids = self.templates.iter().map(|template| &template.info.id);
        let problem = match &link.fault {
            Some(fault) => fault,
            None if (self.is_taken)(id) || ids.any(|other| other == id) => {
                "its id is that of a policy, a template or a link of the set"
            }
            None => return Ok(()),
        };
        Err(link.refused(problem))
    }
}

/// The links of a set that the store holds, as far as the set tells of them, and the policies that were made of some.
#[derive(Debug, Default)]
pub(super) struct StoredLinks {
    /// True if there are any; `None` where the set does not say.
    pub(super) declared: Option<bool>,
    /// The actions with their groups.
    actions: Option<Entities>,
    made: RwLock<Map<Arc<StoredLink>, Arc<PolicyInfo>>>,
}

impl StoredLinks {
    pub(super) fn new(declared: Option<bool>, actions: &Entities) -> Self {
        Self {
            declared,
            actions: (declared == Some(true)).then(|| actions.clone()),
            made: RwLock::default(),
        }
    }

    /// The policy that a link makes.
    ///
    /// # Errors
    /// A link that misfits: which, and why.
    pub(super) fn policy(
        &self,
        link: &Arc<StoredLink>,
        set: LinkedSet<'_>,
    ) -> Result<Arc<PolicyInfo>, String> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(info) = made.get(link) {
            return Ok(Arc::clone(info));
        }
        drop(made);
        set.check(link)?;
        let info = self.make(link, set);
        let info = info.map_err(|problem| link.refused(&problem))?;
        let info = Arc::new(info);
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MOST_KEPT {
            made.clear();
        }
        made.insert(Arc::clone(link), Arc::clone(&info));
        Ok(info)
    }

    /// Returns true if the policy of a link is for an action.
    pub(super) fn apply_to(&self, policy: &Policy, action: &EntityUid) -> bool {
        let actions = self.actions.as_ref();
        actions.is_some_and(|actions| applies_to(policy, actions, action))
    }

    /// The policy of a link of which [`LinkedSet::check`] finds nothing. That it can be made depends on nothing
    /// but the template and the types in the slots.
    fn make(&self, link: &StoredLink, set: LinkedSet<'_>) -> Result<PolicyInfo, String> {
        let (id, name) = (&link.id, &link.template);
        let found = set.templates.iter().find(|it| it.info.id == *name);
        let template = found.ok_or_else(|| {
            let ids = set.templates.iter().map(|template| &*template.info.id);
            format!("no template `{name}`{}", did_you_mean(name, ids))
        })?;
        let slots = template.slots();
        for (slot, name, value) in [
            (SlotId::principal(), "principal", &link.principal),
            (SlotId::resource(), "resource", &link.resource),
        ] {
            match (slots.contains(&slot), value) {
                (true, None) => {
                    return Err(format!("it fills no `?{name}`, which its template has"));
                }
                (false, Some(_)) => {
                    return Err(format!(
                        "it fills `?{name}`, which its template does not have"
                    ));
                }
                _ => {}
            }
        }
        let link = Link {
            id: Arc::clone(id),
            template: Arc::clone(&template.info.id),
            principal: link.principal.clone(),
            resource: link.resource.clone(),
            file: SourceFile::unread(LINKS_VIEW),
            place: 0..0,
            is_stored: true,
        };
        let mut made = template.linked(&[Arc::new(link)])?;
        let info = made.pop().ok_or("Cedar lost it")?;
        match &self.actions {
            Some(actions) if can_apply(&info.policy, set.schema, actions) => Ok(info),
            _ => {
                Err("no question can fulfil it: its slots want entities of other types".to_owned())
            }
        }
    }
}

impl StoredLink {
    /// The sentence for a link that cannot be used.
    fn refused(&self, problem: &str) -> String {
        let (id, template) = (&self.id, &self.template);
        let view = LINKS_VIEW;
        format!("view `{view}`: link `{id}` of template `{template}`: {problem}")
    }
}
