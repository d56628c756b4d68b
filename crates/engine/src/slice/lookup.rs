//! Entities that are named by an attribute: a user by an e-mail address.

use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};

use super::loaded::Loaded;
use crate::schema::Value;

/// An entity that is known by an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lookup {
    /// Its type.
    pub(crate) of: EntityTypeName,
    /// The attribute.
    pub(crate) attribute: Arc<str>,
    /// The value of the attribute: a string, or the id of an entity.
    pub(crate) is: Arc<str>,
}

/// The entity that has an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// This entity alone.
    Sole(EntityUid),
    /// Nobody, or several.
    NoneOrSeveral,
}

impl Holder {
    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        self.sole()
            .map_or(0, |uid| AsRef::<str>::as_ref(uid.id()).len())
    }

    pub(crate) fn sole(&self) -> Option<&EntityUid> {
        match self {
            Self::Sole(uid) => Some(uid),
            Self::NoneOrSeveral => None,
        }
    }
}

impl Lookup {
    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        self.is.len()
    }

    pub(super) fn fits(&self, loaded: &Loaded) -> bool {
        match loaded.row.attributes.get(&self.attribute) {
            Some(Value::String(text)) => **text == *self.is,
            Some(Value::Entity(named)) => AsRef::<str>::as_ref(named.id()) == &*self.is,
            _ => false,
        }
    }
}
