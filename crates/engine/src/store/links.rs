//! The links of templates that a store holds, as its view shows them.

use std::sync::LazyLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use crate::schema::LINKS_VIEW;

/// Its columns.
pub const LINKS_COLUMNS: [&str; 6] = [
    "link",
    "template",
    "principal_type",
    "principal_id",
    "resource_type",
    "resource_id",
];

/// The answer of a store that is asked for the view of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinksView {
    /// It is not known yet if there is one.
    NotKnown,
    /// There is none.
    Absent,
    /// There is one.
    There,
    /// There is none, and this is no store that policies are in force over: a suite's, or that of a
    /// counterexample.
    LeftOut,
}

/// A row of the view. Nothing of it is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkRow {
    /// The id of the link.
    pub link: Option<String>,
    /// The id of the template.
    pub template: Option<String>,
    /// The type of the entity for `?principal`.
    pub principal_type: Option<String>,
    /// Its id.
    pub principal_id: Option<String>,
    /// The type of the entity for `?resource`.
    pub resource_type: Option<String>,
    /// Its id.
    pub resource_id: Option<String>,
}

impl From<[Option<String>; 6]> for LinkRow {
    /// Of the columns in their order.
    fn from(columns: [Option<String>; 6]) -> Self {
        let [
            link,
            template,
            principal_type,
            principal_id,
            resource_type,
            resource_id,
        ] = columns;
        Self {
            link,
            template,
            principal_type,
            principal_id,
            resource_type,
            resource_id,
        }
    }
}

/// The name that all links together have among what changes.
pub(crate) fn links_entity() -> Option<&'static EntityUid> {
    static LINKS: LazyLock<Option<EntityUid>> = LazyLock::new(|| {
        let name: EntityTypeName = LINKS_VIEW.parse().ok()?;
        Some(EntityUid::from_type_name_and_id(name, EntityId::new("")))
    });
    LINKS.as_ref()
}

/// Returns true if the change of this is one of a link.
pub(crate) fn is_of_links(uid: &EntityUid) -> bool {
    links_entity().is_some_and(|links| links.type_name() == uid.type_name())
}
