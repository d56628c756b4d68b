//! A store that holds only the entities of a line.
//!
//! INVARIANT: an entity or tag that was not read when the line was written is unknown, and an error
//! here; it is not absent. So policies that need more have no decision from it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::Value as Json;

use super::read::Line;
use peppol_authz_engine::schema::{Misfit, Row, Schema};
use peppol_authz_engine::store::{
    Candidates, Changes, LinkRow, LinksView, Revision, Snapshot, Store, StoreError, StoreFuture,
    TagKeys, Tags,
};

/// The entities of one line after another.
#[derive(Default)]
pub(super) struct RecordedStore(RwLock<Arc<RecordedSlice>>);

/// The entities of one line.
pub(super) struct RecordedSlice {
    rows: HashMap<EntityUid, RecordedEntity>,
    /// The types of entities that the caller described, as the store did not serve them.
    described: Vec<EntityTypeName>,
    /// The entities that the question itself names; these may have been absent.
    asked: HashSet<EntityUid>,
    /// The entities that were looked for beside these, and were none.
    missing: HashSet<EntityUid>,
    /// The links of the store that matched; `None` where none were looked at.
    links: Option<Vec<LinkRow>>,
    revision: Revision,
}

struct RecordedEntity {
    row: Row,
    /// The tags that were asked for.
    tags: Option<TagKeys>,
}

impl Default for RecordedSlice {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            described: Vec::new(),
            asked: HashSet::new(),
            missing: HashSet::new(),
            links: None,
            revision: Revision::fixed(""),
        }
    }
}

impl RecordedSlice {
    /// Reads the entities of a line; `None` if it has none.
    pub(super) fn of(line: &Line, schema: &Schema) -> Result<Option<Self>, Misfit> {
        let Some(json) = &line.slice else {
            return Ok(None);
        };
        let within = |misfit: Misfit| misfit.within("slice");
        let rows = schema.entities(json).map_err(within)?;
        if rows.len() != line.slice_tags.len() {
            let text = "as many members as `slice` are wanted";
            return Err(Misfit::new(text).within("sliceTags"));
        }
        let described = line.question.as_ref().and_then(|json| json.get("entities"));
        let described = described.map(|json| schema.entities(json));
        let described = described.transpose().map_err(within)?.unwrap_or_default();
        let described: Vec<_> = described
            .into_iter()
            .map(|row| row.uid.type_name().clone())
            .collect();
        let kept = rows.into_iter().zip(&line.slice_tags).map(|(row, asked)| {
            let tags = asked_tags(asked)?;
            Ok((row.uid.clone(), RecordedEntity { row, tags }))
        });
        let missing = line.slice_missing.iter().map(|json| schema.entity(json));
        let missing = missing.collect::<Result<HashSet<_>, Misfit>>();
        let missing = missing.map_err(|misfit| misfit.within("sliceMissing"))?;
        let mut asked = HashSet::new();
        if let Some(question) = &line.question {
            named(question, &mut asked);
        }
        let links = line.links.as_ref();
        let links = links.map(|links| links.iter().map(link).collect());
        Ok(Some(Self {
            asked,
            missing,
            links,
            rows: kept.collect::<Result<_, Misfit>>()?,
            described,
            revision: Revision::fixed(&line.tenancy_revision),
        }))
    }
}

/// A link as the view would show it.
fn link(json: &Json) -> LinkRow {
    let text = |pointer: &str| json.pointer(pointer)?.as_str().map(str::to_owned);
    LinkRow {
        link: text("/id"),
        template: text("/template"),
        principal_type: text("/principal/type"),
        principal_id: text("/principal/id"),
        resource_type: text("/resource/type"),
        resource_id: text("/resource/id"),
    }
}

/// Adds each entity that a question names.
fn named(json: &Json, found: &mut HashSet<EntityUid>) {
    match json {
        Json::Array(values) => values.iter().for_each(|json| named(json, found)),
        Json::Object(members) => {
            let text = |name| members.get(name).and_then(Json::as_str);
            if let (Some(of), Some(id)) = (text("type"), text("id"))
                && let Ok(of) = of.parse::<EntityTypeName>()
            {
                found.insert(EntityUid::from_type_name_and_id(of, EntityId::new(id)));
            }
            members.values().for_each(|json| named(json, found));
        }
        _ => {}
    }
}

fn asked_tags(json: &Json) -> Result<Option<TagKeys>, Misfit> {
    let wrong = || Misfit::new("`null`, \"all\" or keys are wanted").within("sliceTags");
    match json {
        Json::Null => Ok(None),
        Json::String(all) if all == "all" => Ok(Some(TagKeys::All)),
        Json::Array(keys) => {
            let keys = keys.iter().map(|key| key.as_str().map(Arc::from));
            let keys: Option<Vec<Arc<str>>> = keys.collect();
            Ok(Some(TagKeys::Only(keys.ok_or_else(wrong)?)))
        }
        _ => Err(wrong()),
    }
}

impl RecordedStore {
    /// Holds these entities from now on, and no others.
    pub(super) fn hold(&self, slice: RecordedSlice) {
        let mut held = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *held = Arc::new(slice);
    }

    fn held(&self) -> Arc<RecordedSlice> {
        let held = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&held)
    }
}

impl Store for RecordedStore {
    fn serves(&self, entity_type: &EntityTypeName) -> bool {
        !self.held().described.contains(entity_type)
    }

    /// Of an entity that policies or other entities referred to it was recorded that it was none. Ids of
    /// the question that were absent, and not unknown, were recorded as entities.
    fn tells_absence(&self, name: &EntityTypeName) -> bool {
        let held = self.held();
        held.missing.iter().any(|uid| uid.type_name() == name)
    }

    /// A type that a caller could describe then can be described again.
    fn speaks_of(&self, entity_type: &EntityTypeName, _: &Schema) -> bool {
        self.serves(entity_type)
    }

    /// A line tells of its own.
    fn links_view(&self) -> LinksView {
        LinksView::NotKnown
    }

    fn names(&self, revision: &Revision) -> bool {
        *revision == self.held().revision
    }

    fn check(&self, _: &Arc<Schema>) -> Result<(), StoreError> {
        Ok(())
    }

    fn snapshot(
        &self,
        _: &Arc<Schema>,
        _: Option<&Revision>,
    ) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let snapshot = RecordedSnapshot { slice: self.held() };
        Box::pin(std::future::ready(Ok(
            Box::new(snapshot) as Box<dyn Snapshot>
        )))
    }
}

struct RecordedSnapshot {
    slice: Arc<RecordedSlice>,
}

impl RecordedSnapshot {
    fn entity(&self, uid: &EntityUid) -> Result<Option<Row>, StoreError> {
        if let Some(kept) = self.slice.rows.get(uid) {
            return Ok(Some(Row {
                tags: Tags::new(),
                ..kept.row.clone()
            }));
        }
        // An entity of the question that was not recorded was unknown, and the decision ended
        // there: one whose absence has a meaning for policies was recorded. For all others there
        // is no decision.
        if !self.slice.asked.contains(uid) && !self.slice.missing.contains(uid) {
            return Err(unrecorded(uid, "it"));
        }
        Ok(None)
    }

    fn tags(&self, uid: &EntityUid, wanted: &TagKeys) -> Result<Tags, StoreError> {
        let Some(kept) = self.slice.rows.get(uid) else {
            return Ok(Tags::new());
        };
        match (&kept.tags, wanted) {
            (Some(TagKeys::All), TagKeys::All) => Ok(kept.row.tags.clone()),
            (Some(asked), TagKeys::Only(keys)) => {
                let is_kept = |key: &Arc<str>| match asked {
                    TagKeys::All => true,
                    TagKeys::Only(asked) => asked.contains(key),
                };
                if !keys.iter().all(is_kept) {
                    return Err(unrecorded(uid, "a tag of it"));
                }
                let found = keys
                    .iter()
                    .filter_map(|key| kept.row.tags.get_key_value(key));
                Ok(found
                    .map(|(key, tag)| (Arc::clone(key), tag.clone()))
                    .collect())
            }
            (None, _) | (Some(TagKeys::Only(_)), TagKeys::All) => {
                Err(unrecorded(uid, "a tag of it"))
            }
        }
    }
}

fn unrecorded(uid: &EntityUid, what: &str) -> StoreError {
    StoreError::Misfit(format!(
        "`{uid}`: {what} was not looked at, so the line does not say"
    ))
}

impl Snapshot for RecordedSnapshot {
    fn revision(&self) -> &Revision {
        &self.slice.revision
    }

    fn changes(&self) -> &Changes {
        &Changes::Everything
    }

    fn entities<'a>(&'a mut self, uids: &'a [EntityUid]) -> StoreFuture<'a, Vec<Option<Row>>> {
        let rows = uids.iter().map(|uid| self.entity(uid)).collect();
        Box::pin(std::future::ready(rows))
    }

    fn tags<'a>(&'a mut self, wanted: &'a [(EntityUid, TagKeys)]) -> StoreFuture<'a, Vec<Tags>> {
        let tags = wanted
            .iter()
            .map(|(uid, keys)| RecordedSnapshot::tags(self, uid, keys))
            .collect();
        Box::pin(std::future::ready(tags))
    }

    fn links(&mut self, _: usize) -> StoreFuture<'_, Vec<LinkRow>> {
        let links = self.slice.links.clone().ok_or_else(|| {
            StoreError::Misfit(
                "no links of the store were looked at, so the line does not say which there were"
                    .to_owned(),
            )
        });
        Box::pin(std::future::ready(links))
    }

    /// A line is about one question, and no search.
    fn candidates<'a>(&'a mut self, _: &'a Candidates) -> StoreFuture<'a, Vec<String>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn statement(&self, _: &Candidates) -> Option<String> {
        None
    }
}
