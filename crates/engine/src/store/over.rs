//! Stores that stand on another one.

/// Methods of a `Store` that stands on the one in its field `store`: its types and the names of its states
/// are those of that one.
macro_rules! named_as_its_store {
    () => {
        fn serves(&self, entity_type: &cedar_policy::EntityTypeName) -> bool {
            self.store.serves(entity_type)
        }

        fn tells_absence(&self, entity_type: &cedar_policy::EntityTypeName) -> bool {
            self.store.tells_absence(entity_type)
        }

        fn speaks_of(
            &self,
            entity_type: &cedar_policy::EntityTypeName,
            schema: &$crate::schema::Schema,
        ) -> bool {
            self.store.speaks_of(entity_type, schema)
        }

        fn links_view(&self) -> $crate::store::LinksView {
            self.store.links_view()
        }

        fn names(&self, revision: &$crate::store::Revision) -> bool {
            self.store.names(revision)
        }
    };
}

pub(super) use named_as_its_store;
