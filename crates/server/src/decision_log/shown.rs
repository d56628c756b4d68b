//! Entities and values as lines show them: Cedar's JSON, with hashes in the place of personal ids.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::pseudonym::Pseudonyms;
use peppol_authz_engine::schema::{CedarJson, Record, Row, Schema};
use peppol_authz_engine::slice::SeenEntity;
use peppol_authz_engine::store::TagKeys;
use peppol_authz_engine::{Decided, Decision, Question};

/// The length from which an id is replaced in any text, in bytes.
const TELLING: usize = 4;

/// The question in its native form, with hashes in the place of personal ids; `None` if there was
/// no question.
#[must_use]
pub fn asked(decided: &Decided, pseudonyms: &Pseudonyms) -> Option<Json> {
    let question = decided.question.as_ref()?;
    let schema = &decided.bundle.schema;
    let shown = LineVeil::new(schema, pseudonyms, Some(question), &decided.decision);
    Some(shown.question(question))
}

/// Shows the contents of one line.
pub(super) struct LineVeil<'a> {
    schema: &'a Schema,
    pseudonyms: &'a Pseudonyms,
    /// The personal ids in it, with the texts in their place.
    veiled: BTreeMap<String, String>,
}

impl<'a> LineVeil<'a> {
    pub(super) fn new(
        schema: &'a Schema,
        pseudonyms: &'a Pseudonyms,
        question: Option<&Question>,
        decision: &Decision,
    ) -> Self {
        let mut shown = Self {
            schema,
            pseudonyms,
            veiled: BTreeMap::new(),
        };
        if pseudonyms.hashes() {
            if let Some(question) = question {
                shown.veil(&question.principal);
                shown.veil(&question.resource);
                shown.veil_record(&question.context);
                question
                    .described
                    .rows()
                    .iter()
                    .for_each(|row| shown.veil_row(row));
            }
            let rows = decision.slice.iter().map(SeenEntity::asked_row);
            rows.for_each(|row| shown.veil_row(&row));
            let links = decision.links.iter();
            let slots = links.flat_map(|link| link.principal.iter().chain(&link.resource));
            slots.for_each(|uid| shown.veil(uid));
        }
        shown
    }

    fn veil(&mut self, uid: &EntityUid) {
        let id: &str = uid.id().as_ref();
        if self.is_personal(uid) && !self.veiled.contains_key(id) {
            self.veiled.insert(id.to_owned(), self.pseudonyms.of(id));
        }
    }

    fn veil_record(&mut self, record: &Record) {
        for value in record.values() {
            value.each_entity(&mut |uid| self.veil(uid));
        }
    }

    fn veil_row(&mut self, row: &Row) {
        self.veil(&row.uid);
        row.ancestors.iter().for_each(|uid| self.veil(uid));
        self.veil_record(&row.attributes);
        for value in row.tags.values() {
            value.each_entity(&mut |uid| self.veil(uid));
        }
    }

    fn is_personal(&self, uid: &EntityUid) -> bool {
        let entity_type = self.schema.entity_type(uid.type_name());
        entity_type.is_some_and(|entity_type| entity_type.personal)
    }

    /// An entity with these ancestors.
    fn row<'r>(&self, row: &'r Row, ancestors: impl Iterator<Item = &'r EntityUid>) -> Json {
        let own = self
            .is_personal(&row.uid)
            .then(|| AsRef::<str>::as_ref(row.uid.id()));
        let attributes = AttributeVeil { shown: self, own };
        let mut members = Map::new();
        members.insert("uid".to_owned(), self.uid(&row.uid));
        members.insert("attrs".to_owned(), attributes.record(&row.attributes));
        let parents = ancestors.map(|uid| self.uid(uid)).collect();
        members.insert("parents".to_owned(), parents);
        if !row.tags.is_empty() {
            members.insert("tags".to_owned(), self.record(&row.tags));
        }
        Json::Object(members)
    }

    /// The entities and the action of a question, in its native form.
    pub(super) fn names(&self, question: &Question) -> Json {
        let mut members = Map::new();
        members.insert("principal".to_owned(), self.uid(&question.principal));
        members.insert("action".to_owned(), self.uid(&question.action));
        members.insert("resource".to_owned(), self.uid(&question.resource));
        Json::Object(members)
    }

    /// A question in its native form, without its demands on the age of the state.
    pub(super) fn question(&self, question: &Question) -> Json {
        let Json::Object(mut members) = self.names(question) else {
            return Json::Null;
        };
        members.insert("context".to_owned(), self.record(&question.context));
        if !question.described.is_empty() {
            let described = question.described.rows().iter();
            let described = described.map(|row| self.row(row, row.ancestors.iter()));
            members.insert("entities".to_owned(), described.collect());
        }
        Json::Object(members)
    }

    pub(super) fn slice(&self, decision: &Decision) -> Vec<Json> {
        let rows = decision.slice.iter().map(SeenEntity::asked_row);
        rows.map(|row| self.row(&row, row.ancestors.iter()))
            .collect()
    }

    /// The entities that were looked for and are none.
    pub(super) fn missing(&self, decision: &Decision) -> Vec<Json> {
        decision.missing.iter().map(|uid| self.uid(uid)).collect()
    }

    /// The links of the store whose slots match a question.
    pub(super) fn links(&self, decision: &Decision) -> Vec<Json> {
        let links = decision.links.iter().map(|link| {
            let mut members = Map::new();
            members.insert("id".to_owned(), (*link.id).into());
            members.insert("template".to_owned(), (*link.template).into());
            let slots = [("principal", &link.principal), ("resource", &link.resource)];
            for (name, uid) in slots {
                if let Some(uid) = uid {
                    members.insert(name.to_owned(), self.uid(uid));
                }
            }
            Json::Object(members)
        });
        links.collect()
    }

    /// For each entity of the slice, the tags that were asked for: `null`, `"all"` or the keys.
    pub(super) fn slice_tags(&self, decision: &Decision) -> Vec<Json> {
        let asked = decision.slice.iter().map(|seen| match &seen.tags {
            None => Json::Null,
            Some(TagKeys::All) => "all".into(),
            Some(TagKeys::Only(keys)) => keys.iter().map(|key| Json::from(&**key)).collect(),
        });
        asked.collect()
    }

    /// Cedar's texts about policies that failed, which may name entities and repeat strings. If one
    /// of Cedar's own words is an id too, it is hidden with it: see [`super::alike`].
    pub(super) fn texts<'t>(&self, texts: &'t [String]) -> Vec<Cow<'t, str>> {
        let plain = || {
            texts
                .iter()
                .map(|text| Cow::Borrowed(text.as_str()))
                .collect()
        };
        if texts.is_empty() || self.veiled.is_empty() {
            return plain();
        }
        let (mut forms, mut hidden) = (Vec::new(), Vec::new());
        for (id, hash) in &self.veiled {
            forms.extend([format!("\"{}\"", id.escape_debug()), format!("`{id}`")]);
            hidden.extend([format!("\"{hash}\""), format!("`{hash}`")]);
            if id.len() >= TELLING {
                forms.push(id.clone());
                hidden.push(hash.clone());
            }
        }
        // One pass, however many ids there are. A longer id hides one that is a part of it.
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms);
        match search {
            Ok(search) => {
                let replaced = texts.iter();
                replaced
                    .map(|text| Cow::Owned(search.replace_all(text, &hidden)))
                    .collect()
            }
            // Too many to be searched for: nothing is told of what they might be in.
            Err(_) => texts.iter().map(|_| Cow::Borrowed("…")).collect(),
        }
    }

    /// A request that was no question. Nothing is known of it: texts that a schema or a route table
    /// could hold are shown, and all others become hashes.
    pub(super) fn said(&self, said: &Json) -> Json {
        match said {
            Json::Object(members) => {
                let kind = members.get("type").and_then(Json::as_str);
                let kind = kind.and_then(|name| self.schema.entity_type_called(name));
                let is_known = |id: &str| {
                    kind.is_some_and(|found| {
                        let choices = found.choices.as_ref();
                        !found.personal && choices.is_none_or(|choices| choices.contains(id))
                    })
                };
                let pairs = members.iter().map(|(name, json)| {
                    let shown = match (name.as_str(), json) {
                        // These come from this program.
                        ("endpoint" | "route", json) => json.clone(),
                        ("id", Json::String(id)) if is_known(id) => id.as_str().into(),
                        ("id", Json::String(id)) => self.unread(kind, id).into(),
                        (_, Json::String(text)) if is_name(text) => text.as_str().into(),
                        (_, Json::String(text)) => self.pseudonyms.of(text).into(),
                        (_, json) => self.said(json),
                    };
                    (name.clone(), shown)
                });
                pairs.collect()
            }
            other => other.clone(),
        }
    }

    /// The hash of an id, by the spelling that is hashed elsewhere too.
    fn unread(&self, kind: Option<&peppol_authz_engine::schema::EntityType>, id: &str) -> String {
        match kind {
            Some(kind) => {
                let canonical = kind.identifier.canonical(id);
                self.pseudonyms.of(canonical.as_deref().unwrap_or(id))
            }
            None => self.pseudonyms.of(id),
        }
    }
}

impl CedarJson for LineVeil<'_> {
    fn id<'u>(&'u self, uid: &'u EntityUid) -> Cow<'u, str> {
        let id: &str = uid.id().as_ref();
        match self.veiled.get(id) {
            _ if !self.is_personal(uid) => Cow::Borrowed(id),
            Some(veiled) => Cow::Borrowed(veiled.as_str()),
            // An id that was overlooked before is hidden too.
            None => Cow::Owned(self.pseudonyms.of(id)),
        }
    }

    fn string<'t>(&'t self, text: &'t str) -> Cow<'t, str> {
        text.into()
    }
}

/// Shows the attributes of an entity.
struct AttributeVeil<'s> {
    shown: &'s LineVeil<'s>,
    /// The id of the entity, if it is personal: an attribute may repeat it. Any other text that
    /// happens to be such an id stays: callers choose ids, and policies would then compare other
    /// values than they did.
    own: Option<&'s str>,
}

impl CedarJson for AttributeVeil<'_> {
    fn id<'u>(&'u self, uid: &'u EntityUid) -> Cow<'u, str> {
        self.shown.id(uid)
    }

    fn string<'t>(&'t self, text: &'t str) -> Cow<'t, str> {
        if self.own == Some(text) {
            self.shown.pseudonyms.of(text).into()
        } else {
            text.into()
        }
    }
}

/// Returns true if a text has the form of a name in a schema, and so is no address.
fn is_name(text: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_of_name)
}

#[cfg(test)]
mod tests;
