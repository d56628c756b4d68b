//! The tenant that a question is about.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::decision::Decision;
use super::question::Question;
use crate::policy::Bundle;
use crate::schema::Value;

/// Tells whose a resource is, by `@tenant` of the schema.
#[derive(Clone, Debug)]
pub struct Tenancies(Arc<Bundle>);

impl Tenancies {
    /// By the schema of a Bundle.
    #[must_use]
    pub fn of(bundle: &Arc<Bundle>) -> Self {
        Self(Arc::clone(bundle))
    }

    /// The tenant of the resource of a question: the resource itself, or the one tenant that its attributes
    /// name. `None` where there is none, where there are several, and where the resource is not known.
    #[must_use]
    pub fn of_decision(&self, question: &Question, decision: &Decision) -> Option<EntityUid> {
        if let Some(tenant) = self.of_entity(&question.resource) {
            return Some(tenant);
        }
        let rows = decision.slice.iter().map(|seen| &seen.loaded.row);
        let row = rows.into_iter().find(|row| row.uid == question.resource)?;
        let mut tenants = row.attributes.values().filter_map(|value| match value {
            Value::Entity(uid) => self.of_entity(uid),
            _ => None,
        });
        let tenant = tenants.next()?;
        tenants.all(|other| other == tenant).then_some(tenant)
    }

    /// The entity itself, if it is a tenant.
    #[must_use]
    pub fn of_entity(&self, uid: &EntityUid) -> Option<EntityUid> {
        let kind = self.0.schema.entity_type(uid.type_name())?;
        kind.tenant.then(|| uid.clone())
    }
}
