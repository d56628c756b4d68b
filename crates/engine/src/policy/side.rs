//! Things by what scopes say of one side of a question, the principal or the resource.

use std::iter::once;

use cedar_policy::EntityUid;

use crate::schema::Map;

/// One side of a scope, as far as policies are found by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// No entity.
    None,
    /// It is this one.
    Itself(EntityUid),
    /// It is in this one.
    Within(EntityUid),
}

/// Things by what is said of one side.
#[derive(Debug, Default)]
pub(super) struct Side<T> {
    none: T,
    itself: Map<EntityUid, T>,
    within: Map<EntityUid, T>,
}

impl<T: Default> Side<T> {
    pub(super) fn entry(&mut self, named: &Named) -> &mut T {
        match named {
            Named::None => &mut self.none,
            Named::Itself(uid) => self.itself.entry(uid.clone()).or_default(),
            Named::Within(uid) => self.within.entry(uid.clone()).or_default(),
        }
    }
}

impl<T> Side<T> {
    /// Those that can match an entity with these ancestors.
    pub(super) fn matching<'s, 'u>(
        &'s self,
        uid: &'u EntityUid,
        ancestors: impl Iterator<Item = &'u EntityUid>,
    ) -> impl Iterator<Item = &'s T> {
        // Most sets name nobody's ancestors.
        let ancestors = (!self.within.is_empty()).then_some(ancestors);
        let above = once(uid).chain(ancestors.into_iter().flatten());
        let above = above.filter_map(|above| self.within.get(above));
        once(&self.none).chain(self.itself.get(uid)).chain(above)
    }

    /// Those that name no entity that it has to be.
    pub(super) fn open(&self) -> impl Iterator<Item = &T> {
        once(&self.none).chain(self.within.values())
    }

    /// Those that can match an entity, whatever it is in.
    pub(super) fn near(&self, uid: &EntityUid) -> impl Iterator<Item = &T> {
        self.open().chain(self.itself.get(uid))
    }

    /// Those that name the entity that it has to be.
    pub(super) fn itself(&self) -> impl Iterator<Item = (&EntityUid, &T)> {
        self.itself.iter()
    }
}
