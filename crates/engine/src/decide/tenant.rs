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
    /// name, or those of the entities that it is `@within`, as far as the policies look. `None` where
    /// there is none, where there are several, and where the resource is not known.
    #[must_use]
    pub fn of_decision(&self, question: &Question, decision: &Decision) -> Option<EntityUid> {
        if let Some(tenant) = self.of_entity(&question.resource) {
            return Some(tenant);
        }
        let (mut reached, mut tenants) = (vec![&question.resource], Vec::new());
        let mut next = 0;
        while let Some(uid) = reached.get(next).copied() {
            next += 1;
            let kind = self.0.schema.entity_type(uid.type_name());
            let mut rows = decision.slice.iter().map(|seen| &seen.loaded.row);
            let Some(row) = rows.find(|row| row.uid == *uid) else {
                continue;
            };
            for (name, value) in &row.attributes {
                let Value::Entity(named) = value else {
                    continue;
                };
                let named = &**named;
                let attribute = kind.and_then(|kind| kind.shape.attributes.get(name));
                if let Some(tenant) = self.of_entity(named) {
                    tenants.push(tenant);
                } else if attribute.is_some_and(|it| it.within) && !reached.contains(&named) {
                    reached.push(named);
                }
            }
        }
        let tenant = tenants.pop()?;
        tenants
            .iter()
            .all(|other| *other == tenant)
            .then_some(tenant)
    }

    /// The entity itself, if it is a tenant.
    #[must_use]
    pub fn of_entity(&self, uid: &EntityUid) -> Option<EntityUid> {
        let kind = self.0.schema.entity_type(uid.type_name())?;
        kind.tenant.then(|| uid.clone())
    }
}
