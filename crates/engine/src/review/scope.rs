//! The resources of a review.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::ReviewError;
use super::parts::Ids;
use crate::decide::{Failure, Session};
use crate::schema::{EntityType, Row, Type, Value};
use crate::store::{Candidates, Condition, Operand, Snapshot, StoreError, ValueTest};

/// Entities that are looked for together.
const PAGE: usize = 500;

/// The resources that are reviewed.
pub(super) struct Resources<'a> {
    session: &'a Session,
    /// By type, where not all are.
    within: Option<BTreeMap<EntityTypeName, Arc<Ids>>>,
}

/// The way from a type to one that its entities are within.
enum Way<'a> {
    /// An attribute of this name is `@within`.
    Attribute(&'a Arc<str>),
    /// They may be members of it.
    Ancestor,
}

impl<'a> Resources<'a> {
    /// All, or those within one entity.
    ///
    /// # Errors
    /// An entity that is not there, or that nothing can be within.
    pub(super) async fn of(
        session: &'a Session,
        within: Option<&EntityUid>,
    ) -> Result<Self, ReviewError> {
        let within = match within {
            Some(root) => {
                let found = found_within(session, root).await?.into_iter();
                Some(found.map(|(of, ids)| (of, Arc::new(ids))).collect())
            }
            None => None,
        };
        Ok(Self { session, within })
    }

    /// Checks that an entity is there.
    ///
    /// # Errors
    /// One that is not.
    pub(super) async fn require(&self, uid: &EntityUid) -> Result<(), ReviewError> {
        let mut snapshot = snapshot(self.session).await?;
        require(&mut *snapshot, uid).await
    }

    /// The ids of those of a type; `None` where all are reviewed.
    pub(super) fn within(&self, of: &EntityTypeName) -> Option<Arc<Ids>> {
        let within = self.within.as_ref()?;
        Some(within.get(of).cloned().unwrap_or_default())
    }

    /// Those of a type behind an id, in order; fewer than a page only at the end. The id to go on
    /// behind comes with them.
    pub(super) async fn page(
        &self,
        of: &EntityType,
        after: Option<Arc<str>>,
    ) -> Result<(Vec<EntityUid>, Option<Arc<str>>), ReviewError> {
        let listed = |ids: &mut dyn Iterator<Item = &str>| -> Vec<Arc<str>> {
            let behind = |id: &&str| after.as_ref().is_none_or(|after| **id > **after);
            ids.filter(behind).take(PAGE).map(Arc::from).collect()
        };
        let ids: Vec<Arc<str>> = match (&self.within, &of.choices) {
            (Some(within), _) => match within.get(&of.name) {
                Some(ids) => listed(&mut ids.iter().map(|id| &**id)),
                None => Vec::new(),
            },
            (None, Some(choices)) => listed(&mut choices.iter().map(String::as_str)),
            (None, None) => {
                let mut snapshot = snapshot(self.session).await?;
                let ids = candidates(&mut *snapshot, of, Condition::Always, after.clone()).await?;
                ids.into_iter().map(Arc::from).collect()
            }
        };
        let next = (ids.len() >= PAGE).then(|| ids.last().cloned()).flatten();
        let uids = ids.iter().filter(|id| of.is_asked_about(id));
        let uids =
            uids.map(|id| EntityUid::from_type_name_and_id(of.name.clone(), EntityId::new(id)));
        Ok((uids.collect(), next))
    }
}

async fn snapshot(session: &Session) -> Result<Box<dyn Snapshot>, ReviewError> {
    let schema = &session.state.bundle.schema;
    session.store().snapshot(schema, None).await.map_err(failed)
}

fn failed(error: StoreError) -> ReviewError {
    ReviewError::Failed(Failure::from(error))
}

async fn candidates(
    snapshot: &mut dyn Snapshot,
    of: &EntityType,
    condition: Condition,
    after: Option<Arc<str>>,
) -> Result<Vec<String>, ReviewError> {
    let wanted = Candidates {
        of: of.name.clone(),
        condition,
        after,
        limit: PAGE,
    };
    snapshot.candidates(&wanted).await.map_err(failed)
}

async fn require(snapshot: &mut dyn Snapshot, uid: &EntityUid) -> Result<(), ReviewError> {
    let there = snapshot.entities(std::slice::from_ref(uid)).await;
    match there.map_err(failed)?.as_slice() {
        [Some(_)] => Ok(()),
        _ => Err(ReviewError::Scope(format!("there is no {uid}"))),
    }
}

/// All entities within one, by their types: itself, what has it as an ancestor or in an attribute that is
/// `@within`, and what is so within these.
async fn found_within(
    session: &Session,
    root: &EntityUid,
) -> Result<BTreeMap<EntityTypeName, Ids>, ReviewError> {
    let schema = session.schema();
    let mut snapshot = snapshot(session).await?;
    require(&mut *snapshot, root).await?;
    let id: &str = root.id().as_ref();
    let first = Ids::from([Arc::from(id)]);
    let mut found = BTreeMap::from([(root.type_name().clone(), first.clone())]);
    let mut new = vec![(root.type_name().clone(), first)];
    while let Some((outer, ids)) = new.pop() {
        for inner in schema.entity_types() {
            if !session.store().serves(&inner.name) {
                continue;
            }
            for way in ways(inner, &outer) {
                let mut more = search(&mut *snapshot, inner, &way, &outer, &ids).await?;
                let known = found.entry(inner.name.clone()).or_default();
                more.retain(|id| known.insert(Arc::clone(id)));
                if !more.is_empty() {
                    new.push((inner.name.clone(), more));
                }
            }
        }
    }
    Ok(found)
}

/// The ways by which entities of a type can be within those of another.
fn ways<'a>(inner: &'a EntityType, outer: &EntityTypeName) -> Vec<Way<'a>> {
    let attributes = inner.shape.attributes.iter();
    let attributes = attributes
        .filter(|(_, attribute)| attribute.within && attribute.ty == Type::Entity(outer.clone()));
    let mut ways: Vec<_> = attributes.map(|(name, _)| Way::Attribute(name)).collect();
    if inner.ancestors.contains(outer) {
        ways.push(Way::Ancestor);
    }
    ways
}

/// The entities that are so within some of these.
async fn search(
    snapshot: &mut dyn Snapshot,
    inner: &EntityType,
    way: &Way<'_>,
    outer: &EntityTypeName,
    ids: &Ids,
) -> Result<Ids, ReviewError> {
    let all: Vec<Arc<str>> = ids.iter().cloned().collect();
    let mut found = Ids::new();
    for chunk in all.chunks(PAGE) {
        let condition = match way {
            Way::Attribute(name) => Condition::Holds(
                Operand::Attribute(Arc::clone(name)),
                ValueTest::IsOneOf(Arc::from(chunk)),
            ),
            // Looked at one by one: few schemas have such.
            Way::Ancestor => Condition::Always,
        };
        let mut after = None;
        loop {
            let ids = candidates(snapshot, inner, condition.clone(), after).await?;
            after = ids.last().map(|id| Arc::from(id.as_str()));
            let is_last = ids.len() < PAGE;
            let uid = |id: &String| {
                EntityUid::from_type_name_and_id(inner.name.clone(), EntityId::new(id))
            };
            let uids: Vec<_> = ids.iter().map(uid).collect();
            let rows = snapshot.entities(&uids).await.map_err(failed)?;
            let rows = rows.into_iter().flatten();
            let rows = rows.filter(|row| is_within(row, way, outer, chunk));
            found.extend(rows.map(|row| Arc::from(AsRef::<str>::as_ref(row.uid.id()))));
            if is_last {
                break;
            }
        }
    }
    Ok(found)
}

/// True of what a condition has found and what is there: a store may find too much.
fn is_within(row: &Row, way: &Way<'_>, outer: &EntityTypeName, ids: &[Arc<str>]) -> bool {
    let is_one = |uid: &EntityUid| {
        let id: &str = uid.id().as_ref();
        uid.type_name() == outer && ids.binary_search_by(|one| (**one).cmp(id)).is_ok()
    };
    match way {
        Way::Attribute(name) => match row.attributes.get(&***name) {
            Some(Value::Entity(uid)) => is_one(uid),
            _ => false,
        },
        Way::Ancestor => row.ancestors.iter().any(is_one),
    }
}
