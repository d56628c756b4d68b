//! The one walk of a plan: the entities that the policies come to, and the tags that they ask for.
//!
//! A walk begins with the entities that the question names, and those that the policies name and look
//! into. It follows the attributes that the
//! plan follows, reference by reference up to the plan's level, and asks for the plan's tags. Rows
//! come from a [`RowSource`]: a state of the store, or entities that an explanation has changed.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::uid_index::UidIndex;
use crate::policy::{Path, ReadingPlan, Root, TagKey};
use crate::schema::{Record, Row, Schema, Value};
use crate::store::{TagKeys, asked_tags};

/// The entities that a question names. A search knows only one of the first two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedEntities<'a> {
    pub(crate) principal: Option<&'a EntityUid>,
    pub(crate) resource: Option<&'a EntityUid>,
    pub(crate) context: &'a Record,
}

/// The place of an absent entity in a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    Principal,
    Resource,
    Context,
}

/// Rows by id.
pub(crate) trait RowSource {
    /// A row, as the source keeps it.
    type Kept;
    /// A row that cannot be used.
    type Error;

    fn row(kept: &Self::Kept) -> &Row;

    /// An entity, with the tags that the source gives of itself.
    fn entity(&mut self, uid: &EntityUid) -> Result<RowState<Self::Kept>, Self::Error>;

    /// Returns true if an entity that is not here is none, so that Cedar may decide without it; false
    /// if it is merely not known, as one that a caller refers to and does not describe.
    fn is_none(&self, referrer: &EntityUid, absent: &EntityUid) -> bool;

    /// The same entity with these tags, perhaps with others too; `None` where they have to be loaded first.
    fn tagged(
        &mut self,
        kept: &Self::Kept,
        keys: &TagKeys,
    ) -> Result<Option<Self::Kept>, Self::Error>;
}

/// An entity that was looked for in a source.
pub(crate) enum RowState<K> {
    /// The entity, and the tags that it has.
    Here(K, Option<TagKeys>),
    /// There is none.
    Absent,
    /// It has to be loaded first.
    Unloaded,
}

/// An entity that the policies come to.
pub(crate) struct ReachedEntity<K> {
    pub(crate) kept: K,
    /// The tags that were asked for; `None` where none were.
    pub(crate) tags: Option<TagKeys>,
    /// How many references away from the question it is, from 1.
    level: u32,
}

/// The end of a walk.
pub(crate) enum Walked<K> {
    /// Everything that the plan leads to.
    Whole {
        reached: Vec<ReachedEntity<K>>,
        /// The entities that it leads to and that are none.
        none: Vec<EntityUid>,
    },
    /// Something has to be loaded first.
    Unloaded,
    /// The question names entities that are not there.
    Absent {
        /// Their places in the question.
        what: Vec<Absent>,
        uids: Vec<EntityUid>,
        /// The others that it names.
        present: Vec<ReachedEntity<K>>,
    },
    /// An entity refers to one that is not known, so that the walk would end before the level
    /// that the policies need.
    Dangling(Box<EntityReference>),
}

/// A reference from one entity to another, or from a policy to an entity.
pub(crate) struct EntityReference {
    pub(crate) from: Option<EntityUid>,
    pub(crate) to: EntityUid,
}

/// Walks a plan.
///
/// # Errors
/// A row that cannot be used.
pub(crate) fn walk<S: RowSource>(
    named: NamedEntities<'_>,
    plan: &ReadingPlan,
    schema: &Schema,
    source: &mut S,
) -> Result<Walked<S::Kept>, S::Error> {
    Walk::new(named, schema, source).run(plan, true)
}

/// Walks a plan without asking for tags.
///
/// # Errors
/// A row that cannot be used.
pub(crate) fn walk_untagged<S: RowSource>(
    named: NamedEntities<'_>,
    plan: &ReadingPlan,
    schema: &Schema,
    source: &mut S,
) -> Result<Walked<S::Kept>, S::Error> {
    Walk::new(named, schema, source).run(plan, false)
}

/// True if an entity needs no row: an `enum` entity or an action has nothing but its id.
pub(super) fn is_bare(schema: &Schema, uid: &EntityUid) -> bool {
    let entity_type = schema.entity_type(uid.type_name());
    entity_type.is_none_or(|found| found.choices.is_some())
}

struct Walk<'a, S: RowSource> {
    named: NamedEntities<'a>,
    schema: &'a Schema,
    source: &'a mut S,
    /// Few, unless the question itself names many.
    reached: Vec<ReachedEntity<S::Kept>>,
    /// Their ids, at the same places.
    index: UidIndex,
    unloaded: bool,
    /// Entities that are none.
    none: Vec<EntityUid>,
}

/// The end of a path.
enum PathEnd<'a> {
    Entity(&'a EntityUid),
    Value(&'a Value),
}

/// The end of following references one step further.
enum Followed {
    /// There may be more to follow.
    Further,
    /// There is nothing more.
    ToTheEnd,
    /// A reference leads to an entity that is not known.
    Dangling(Box<EntityReference>),
}

impl<'a, S: RowSource> Walk<'a, S> {
    fn new(named: NamedEntities<'a>, schema: &'a Schema, source: &'a mut S) -> Self {
        Self {
            named,
            schema,
            source,
            reached: Vec::with_capacity(8),
            index: UidIndex::new(),
            unloaded: false,
            none: Vec::new(),
        }
    }

    fn run(mut self, plan: &ReadingPlan, tagged: bool) -> Result<Walked<S::Kept>, S::Error> {
        let roots = self.roots();
        for (_, uid) in &roots {
            if self.place_of(uid).is_none() {
                self.take(uid, 1)?;
            }
        }
        if !self.unloaded && roots.iter().any(|(_, uid)| self.place_of(uid).is_none()) {
            return Ok(self.absent(roots));
        }
        for uid in plan.literals_for(self.named.principal, self.named.resource) {
            if is_bare(self.schema, uid) || self.take(uid, 1)? {
                continue;
            }
            if !self.source.is_none(uid, uid) {
                let (from, to) = (None, uid.clone());
                return Ok(Walked::Dangling(Box::new(EntityReference { from, to })));
            }
            self.none.push(uid.clone());
        }
        while !self.unloaded {
            if tagged {
                self.ask_for_tags(plan)?;
            }
            match self.follow(plan)? {
                Followed::Further => {}
                Followed::ToTheEnd => {
                    let Self { reached, none, .. } = self;
                    return Ok(Walked::Whole { reached, none });
                }
                Followed::Dangling(reference) => return Ok(Walked::Dangling(reference)),
            }
        }
        Ok(Walked::Unloaded)
    }

    /// The entities that the question names, each with its place in it.
    fn roots(&self) -> Vec<(Absent, &'a EntityUid)> {
        let named = self.named;
        let mut roots = Vec::with_capacity(4);
        roots.extend(named.principal.map(|uid| (Absent::Principal, uid)));
        roots.extend(named.resource.map(|uid| (Absent::Resource, uid)));
        for value in named.context.values() {
            value.each_entity(&mut |uid| roots.push((Absent::Context, uid)));
        }
        roots.retain(|(_, uid)| !is_bare(self.schema, uid));
        roots
    }

    /// Reports all that is absent together.
    fn absent(self, roots: Vec<(Absent, &EntityUid)>) -> Walked<S::Kept> {
        let (mut what, mut uids) = (Vec::new(), Vec::new());
        for (place, uid) in roots {
            if self.place_of(uid).is_none() {
                what.push(place);
                uids.push(uid.clone());
            }
        }
        what.dedup();
        Walked::Absent {
            what,
            uids,
            present: self.reached,
        }
    }

    fn place_of(&self, uid: &EntityUid) -> Option<usize> {
        self.index.place(uid)
    }

    /// Comes to an entity. Returns false if there is none.
    fn take(&mut self, uid: &EntityUid, level: u32) -> Result<bool, S::Error> {
        match self.source.entity(uid)? {
            RowState::Here(kept, tags) => {
                if self.index.add(&S::row(&kept).uid) {
                    self.reached.push(ReachedEntity { kept, tags, level });
                }
            }
            RowState::Absent => return Ok(false),
            RowState::Unloaded => self.unloaded = true,
        }
        Ok(true)
    }

    /// Follows attributes, one reference further. An entity at the level of the plan is not
    /// looked through.
    fn follow(&mut self, plan: &ReadingPlan) -> Result<Followed, S::Error> {
        let mut next: Vec<(usize, EntityUid, u32)> = Vec::new();
        let mut queued = UidIndex::default();
        let mut nearer: Vec<(usize, u32)> = Vec::new();
        // References that have to lead to an entity, to those that another one leads to as well.
        let mut strict: Vec<(EntityUid, EntityUid)> = Vec::new();
        for (from, reached) in self.reached.iter().enumerate() {
            if reached.level >= plan.level {
                continue;
            }
            let row = S::row(&reached.kept);
            let attributes = row.attributes.iter();
            let attributes = attributes.filter(|(name, _)| plan.follow.contains(*name));
            // The others that a source has of an entity are nobody's business.
            let tags = asked_tags(&row.tags, reached.tags.as_ref());
            let tags = tags.filter(|_| plan.follow_tags);
            for (_, value) in attributes.chain(tags) {
                value.each_entity(&mut |uid| {
                    let level = reached.level + 1;
                    match self.place_of(uid) {
                        Some(place) => nearer.push((place, level)),
                        None if !queued.add(uid) => {
                            if !self.source.is_none(&row.uid, uid) {
                                strict.push((row.uid.clone(), uid.clone()));
                            }
                        }
                        None => next.push((from, uid.clone(), level)),
                    }
                });
            }
        }
        let mut more = false;
        for (place, level) in nearer {
            let reached = self.reached.get_mut(place);
            if let Some(reached) = reached.filter(|reached| level < reached.level) {
                reached.level = level;
                more = true;
            }
        }
        next.retain(|(_, uid, _)| !is_bare(self.schema, uid));
        for (from, to, level) in next {
            if self.take(&to, level)? {
                more = true;
                continue;
            }
            let from = self.reached.get(from);
            let from = from.map(|from| S::row(&from.kept).uid.clone());
            if !self.source.is_none(from.as_ref().unwrap_or(&to), &to) {
                return Ok(Followed::Dangling(Box::new(EntityReference { from, to })));
            }
            if !self.none.contains(&to) {
                self.none.push(to);
            }
        }
        if let Some((from, to)) = strict.into_iter().find(|(_, to)| self.none.contains(to)) {
            let from = Some(from);
            return Ok(Followed::Dangling(Box::new(EntityReference { from, to })));
        }
        // Also for tags that are not loaded yet: they may hold entities.
        Ok(match more || self.unloaded {
            true => Followed::Further,
            false => Followed::ToTheEnd,
        })
    }

    /// Gives entities the tags that the policies ask for.
    fn ask_for_tags(&mut self, plan: &ReadingPlan) -> Result<(), S::Error> {
        let mut wanted: Vec<(usize, TagKeys)> = Vec::new();
        if plan.all_tags {
            wanted.extend((0..self.reached.len()).map(|place| (place, TagKeys::All)));
        }
        for probe in &plan.probes {
            let uid = match self.value_at(&probe.entity) {
                Some(PathEnd::Entity(uid)) => uid,
                Some(PathEnd::Value(Value::Entity(uid))) => &**uid,
                _ => continue,
            };
            let Some(place) = self.place_of(uid) else {
                continue;
            };
            let keys = match &probe.key {
                TagKey::Any => TagKeys::All,
                TagKey::Literal(key) => TagKeys::Only(vec![Arc::clone(key)]),
                TagKey::At(path) => match self.value_at(path) {
                    Some(PathEnd::Value(Value::String(key))) => {
                        TagKeys::Only(vec![Arc::clone(key)])
                    }
                    _ => continue,
                },
            };
            match wanted.iter_mut().find(|(other, _)| *other == place) {
                Some((_, wanted)) => wanted.join(keys),
                None => wanted.push((place, keys)),
            }
        }
        for (place, keys) in wanted {
            let Some(reached) = self.reached.get_mut(place) else {
                continue;
            };
            if reached.tags.as_ref() == Some(&keys) || reached.tags == Some(TagKeys::All) {
                continue;
            }
            match self.source.tagged(&reached.kept, &keys)? {
                Some(kept) => {
                    reached.kept = kept;
                    reached.tags = Some(keys);
                }
                None => self.unloaded = true,
            }
        }
        Ok(())
    }

    /// The value that a path leads to; `None` where an attribute on the way is absent or its
    /// entity has not been reached (yet).
    fn value_at<'v>(&'v self, path: &'v Path) -> Option<PathEnd<'v>> {
        let mut attributes = path.attributes.iter();
        let mut at = match &path.root {
            Root::Literal(uid) => PathEnd::Entity(uid),
            Root::Principal => PathEnd::Entity(self.named.principal?),
            Root::Resource => PathEnd::Entity(self.named.resource?),
            Root::Context => PathEnd::Value(self.named.context.get(attributes.next()?)?),
        };
        for name in attributes {
            at = PathEnd::Value(match at {
                PathEnd::Entity(uid) => self.attribute_of(uid, name)?,
                PathEnd::Value(Value::Entity(uid)) => self.attribute_of(uid, name)?,
                PathEnd::Value(Value::Record(record)) => record.get(name)?,
                PathEnd::Value(_) => return None,
            });
        }
        Some(at)
    }

    /// An attribute of an entity that was reached.
    fn attribute_of(&self, uid: &EntityUid, name: &str) -> Option<&Value> {
        let reached = self.reached.get(self.place_of(uid)?)?;
        S::row(&reached.kept).attributes.get(name)
    }
}
