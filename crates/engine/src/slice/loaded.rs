//! Entities that were loaded, and the keys that they are loaded by.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cedar_policy::EntityUid;
use moka::Equivalent;

use crate::schema::{Row, SharedEntity, Value, record_weight};
use crate::store::{TagKeys, asked_tags};

/// An entity of the store, or one that the caller describes.
#[derive(Debug)]
pub struct Loaded {
    /// As the store says, with the tags of its key, or with all of them where they are few.
    pub row: Row,
    /// As Cedar takes it.
    pub entity: SharedEntity,
}

/// An entity that the policies could look at.
#[derive(Clone, Debug)]
pub struct SeenEntity {
    /// The entity.
    pub loaded: Arc<Loaded>,
    /// The tags that were asked for; `None` where none were.
    pub tags: Option<TagKeys>,
}

impl SeenEntity {
    /// The tags that were asked for. The entity may have others, which no policy looks at: they are no
    /// part of the slice.
    pub fn asked_tags(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        asked_tags(&self.loaded.row.tags, self.tags.as_ref())
    }

    /// About how many bytes the row with these tags takes in memory, with its Cedar entity.
    #[must_use]
    pub fn asked_weight(&self) -> usize {
        let row = &self.loaded.row;
        let (all, asked) = (row.tags.len(), self.asked_tags().count());
        let of_tags = record_weight(&row.tags);
        row.weight() - of_tags + of_tags * asked / all.max(1)
    }

    /// The row with the tags that were asked for.
    #[must_use]
    pub fn asked_row(&self) -> Cow<'_, Row> {
        let row = &self.loaded.row;
        if self.asked_tags().count() == row.tags.len() {
            return Cow::Borrowed(row);
        }
        Cow::Owned(row.with_tags(self.asked_tags()))
    }
}

/// The state of one key: an entity, or nothing.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// The entity is there.
    Entity(Arc<Loaded>),
    /// There is none.
    Nothing,
    /// Under the key of all tags: these are many, or cannot be read together, so that each has a key of
    /// its own.
    TagByTag,
}

impl Held {
    pub(crate) fn entity(self) -> Option<Arc<Loaded>> {
        match self {
            Self::Entity(loaded) => Some(loaded),
            Self::Nothing | Self::TagByTag => None,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Entity(loaded) => loaded.row.weight(),
            Self::Nothing | Self::TagByTag => 0,
        }
    }
}

/// An entity with some of its tags, or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntityKey {
    pub(super) uid: EntityUid,
    /// `None` for the entity without tags.
    pub(super) tags: Option<TagKeys>,
}

/// A [`EntityKey`] that is only looked up.
#[derive(Clone, Copy)]
pub(super) struct EntityKeyRef<'a> {
    pub(super) uid: &'a EntityUid,
    pub(super) tags: Option<&'a TagKeys>,
}

/// Something to load.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    pub(super) key: EntityKey,
    /// For tags: the entity that they are of, where it is as the store says.
    pub(super) base: Option<Arc<Loaded>>,
    /// True if all tags of the entity are to be read in the place of these, where they are few.
    pub(super) or_all: bool,
    /// True if it is no entity but all links of templates.
    pub(super) of_links: bool,
}

impl Hash for EntityKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uid.hash(state);
        self.tags.hash(state);
    }
}

impl Hash for EntityKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl Equivalent<EntityKey> for EntityKeyRef<'_> {
    fn equivalent(&self, key: &EntityKey) -> bool {
        self.uid == &key.uid && self.tags == key.tags.as_ref()
    }
}

impl<'a> EntityKeyRef<'a> {
    /// The entity without its tags.
    pub(super) fn untagged(uid: &'a EntityUid) -> Self {
        Self { uid, tags: None }
    }

    /// The entity with all of them.
    pub(super) fn whole(uid: &'a EntityUid) -> Self {
        let tags = Some(&TagKeys::All);
        Self { uid, tags }
    }

    pub(super) fn to_owned(self) -> EntityKey {
        EntityKey {
            uid: self.uid.clone(),
            tags: self.tags.cloned(),
        }
    }
}

impl EntityKey {
    /// The entity without its tags.
    pub(super) fn untagged(uid: EntityUid) -> Self {
        Self { uid, tags: None }
    }

    /// About how many bytes its id and its tags take.
    pub(super) fn weight(&self) -> usize {
        let keys = match &self.tags {
            None | Some(TagKeys::All) => 0,
            Some(TagKeys::Only(keys)) => keys.iter().map(|key| 64 + key.len()).sum(),
        };
        AsRef::<str>::as_ref(self.uid.id()).len() + keys
    }

    pub(super) fn as_ref(&self) -> EntityKeyRef<'_> {
        EntityKeyRef {
            uid: &self.uid,
            tags: self.tags.as_ref(),
        }
    }
}

impl Missing {
    /// An entity without its tags.
    pub(super) fn untagged(uid: &EntityUid) -> Self {
        Self {
            key: EntityKey::untagged(uid.clone()),
            base: None,
            or_all: false,
            of_links: false,
        }
    }

    /// The key by which others learn that somebody loads it.
    pub(super) fn claimed(&self) -> EntityKey {
        match self.or_all {
            true => EntityKey {
                uid: self.key.uid.clone(),
                tags: Some(TagKeys::All),
            },
            false => self.key.clone(),
        }
    }

    /// All links of templates, which have this name.
    pub(super) fn links(name: &EntityUid) -> Self {
        Self {
            of_links: true,
            ..Self::untagged(name)
        }
    }
}
