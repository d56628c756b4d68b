//! The last use of each right, from decision logs.
//!
//! Logs are read line by line: memory grows with the rights, and not with the logs. A right is used by a decision that
//! allowed just its question. Of an action whose context nobody can list, the members that are open do not count.
//! Questions that were asked in the console are no uses.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Error};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::found_review::FoundReview;
use super::right_line::{LastUse, RightKey, RightLine, key};
use crate::decision_log::{Line, Pseudonyms, Unreadable, is_hash, lines, unveiled};
use crate::instant::milliseconds;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::{JsonOrigin, Schema, record_to_json};

/// Where people try questions.
const CONSOLE: &str = "console";

/// Names of types that are kept.
const TYPES: usize = 1_000;

/// The last use of each right.
#[derive(Debug)]
pub struct LastUses {
    schema: Arc<Schema>,
    /// By right, the number of the decision; 0 where there was none.
    last: HashMap<RightKey, u128>,
    /// The members that are open, by action.
    open: HashMap<EntityUid, Vec<Arc<str>>>,
    types: HashMap<String, EntityTypeName>,
    /// Ids by their hashes, and the name of the key; `None` without a key.
    key: Option<(String, HashMap<String, String>)>,
    /// The lines that were read.
    pub read: LogsRead,
}

/// The lines that were read.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsRead {
    /// All of them.
    pub lines: u64,
    /// Those that are the use of a right of the review.
    pub uses: u64,
    /// Those that are no line of a log, or only a part of one: uses may be missing.
    pub unread: u64,
    /// Those with hashes by a key that is not named: uses may be missing.
    pub hidden: u64,
    /// The time of the first decision.
    pub from: Option<String>,
    /// The time of the last.
    pub to: Option<String>,
    #[serde(skip)]
    ends: Option<(u128, u128)>,
}

/// A line as far as it tells of a use.
enum UseInLine {
    Use(RightKey),
    Hidden,
    Cut,
    Nothing,
}

impl LastUses {
    /// Those of a review: none yet. By a key, hashes of ids are taken for these ids.
    ///
    /// # Errors
    /// The rights cannot be read.
    pub fn of_review(
        found: &FoundReview,
        bundle: &Bundle,
        key: Option<&Pseudonyms>,
    ) -> Result<Self, Error> {
        let schema = Arc::clone(&bundle.schema);
        let mut hashed = key.map(|key| Hashed::new(key, &schema));
        let mut last = HashMap::with_capacity(usize::try_from(found.rights.count).unwrap_or(0));
        found.rights.each(&mut |_, right| {
            last.insert(right.key(), 0);
            if let Some(hashed) = &mut hashed {
                hashed.add(right);
            }
            Ok(())
        })?;
        let open = found.reviewed.open.iter().map(|open| {
            let members = open.members.iter().map(|(name, _)| Arc::clone(name));
            (open.action.clone(), members.collect())
        });
        let name = key.and_then(Pseudonyms::key_name).unwrap_or_default();
        Ok(Self {
            schema,
            last,
            open: open.collect(),
            types: HashMap::new(),
            key: hashed.map(|hashed| (name.to_owned(), hashed.ids)),
            read: LogsRead::default(),
        })
    }

    /// Reads a log. `unread` is called with each line that cannot be read.
    pub fn read_log(&mut self, log: impl BufRead, unread: &mut dyn FnMut(&Unreadable)) {
        for line in lines(log) {
            self.read.lines += 1;
            let line = line.and_then(|line| {
                let id = decision(&line)?;
                match self.told(&line) {
                    UseInLine::Use(key) => {
                        if let Some(last) = self.last.get_mut(&key) {
                            *last = (*last).max(id);
                            self.read.uses += 1;
                        }
                    }
                    UseInLine::Hidden => self.read.hidden += 1,
                    UseInLine::Cut => {
                        return Err(unreadable(
                            &line,
                            "its context was too long and was left out",
                        ));
                    }
                    UseInLine::Nothing => {}
                }
                self.read.note(id);
                Ok(())
            });
            if let Err(problem) = line {
                self.read.unread += 1;
                unread(&problem);
            }
        }
    }

    /// The last use of a right; `None` where there was none.
    pub(super) fn of(&self, right: &RightLine<'_>) -> Option<LastUse> {
        let id = *self.last.get(&right.key())?;
        (id != 0).then(|| LastUse {
            time: time(id),
            decision_id: Uuid::from_u128(id).to_string(),
        })
    }

    fn told(&mut self, line: &Line) -> UseInLine {
        let Some(question) = &line.question else {
            return UseInLine::Nothing;
        };
        if line.decision() != "Allow" || line.surface == CONSOLE {
            return UseInLine::Nothing;
        }
        let known = match (&line.key, &self.key) {
            (Some(name), Some((own, ids))) if name == own => Some(unveiled(question, ids)),
            _ => None,
        };
        let told = self.asked(known.as_ref().unwrap_or(question), known.is_some());
        match told {
            Some(UseInLine::Use(_)) if line.cut.iter().any(|part| part == "question.context") => {
                UseInLine::Cut
            }
            Some(told) => told,
            None => UseInLine::Nothing,
        }
    }

    /// The right that a question asks for; `None` where the schema has no such question. With the key of its
    /// hashes, one that is left is an id that no right has.
    fn asked(&mut self, question: &Json, has_key: bool) -> Option<UseInLine> {
        let principal = self.uid(question.get("principal")?)?;
        let action = self.uid(question.get("action")?)?;
        let resource = self.uid(question.get("resource")?)?;
        let mut context = question.get("context").cloned().unwrap_or_default();
        if let (Some(members), Json::Object(context)) = (self.open.get(&action), &mut context) {
            context.retain(|name, _| !members.iter().any(|member| **member == **name));
        }
        let ids = [&principal, &resource].map(|uid| AsRef::<str>::as_ref(uid.id()));
        if !has_key && (ids.into_iter().any(is_hash) || has_hash(&context)) {
            return Some(UseInLine::Hidden);
        }
        let of = self.schema.action(&action)?;
        let record = self
            .schema
            .record(&context, &of.context, JsonOrigin::Context);
        let context = match record.ok()? {
            record if record.is_empty() => String::new(),
            record => record_to_json(&record).to_string(),
        };
        let [principal, action, resource] = [principal, action, resource].map(|it| it.to_string());
        Some(UseInLine::Use(key(
            &principal, &action, &resource, &context,
        )))
    }

    fn uid(&mut self, json: &Json) -> Option<EntityUid> {
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        let (of, id) = (text("type")?, text("id")?);
        let name = match self.types.get(of) {
            Some(name) => name.clone(),
            None => {
                let name: EntityTypeName = of.parse().ok()?;
                if self.types.len() < TYPES {
                    self.types.insert(of.to_owned(), name.clone());
                }
                name
            }
        };
        Some(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
    }
}

impl LogsRead {
    fn note(&mut self, id: u128) {
        let (from, to) = self.ends.get_or_insert((id, id));
        let (earlier, later) = (id < *from, id > *to);
        (*from, *to) = ((*from).min(id), (*to).max(id));
        if earlier || self.from.is_none() {
            self.from = Some(time(id));
        }
        if later || self.to.is_none() {
            self.to = Some(time(id));
        }
    }

    /// All of it, with names.
    pub(super) fn facts(&self) -> [(&'static str, String); 6] {
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "none".to_owned());
        [
            ("lines", self.lines.to_string()),
            ("uses", self.uses.to_string()),
            ("unread", self.unread.to_string()),
            ("hidden", self.hidden.to_string()),
            ("from", time(&self.from)),
            ("to", time(&self.to)),
        ]
    }
}

/// Ids that a log may have as hashes.
struct Hashed<'a> {
    key: &'a Pseudonyms,
    /// The types of them, as they are before an id.
    types: Vec<String>,
    contexts: HashSet<String>,
    ids: HashMap<String, String>,
}

impl<'a> Hashed<'a> {
    fn new(key: &'a Pseudonyms, schema: &Schema) -> Self {
        let types = schema.entity_types().into_iter().filter(|of| of.personal);
        Self {
            key,
            types: types.map(|of| format!("{}::\"", of.name)).collect(),
            contexts: HashSet::new(),
            ids: HashMap::new(),
        }
    }

    fn add(&mut self, right: &RightLine<'_>) {
        for text in [&right.principal, &right.resource] {
            if self.types.iter().any(|of| text.starts_with(of.as_str()))
                && let Ok(uid) = text.parse::<EntityUid>()
            {
                self.add_id(uid.id().as_ref());
            }
        }
        let context = right.context();
        if !context.is_empty() && !self.contexts.contains(context) {
            self.contexts.insert(context.to_owned());
            if let Ok(json) = serde_json::from_str(context) {
                self.add_texts(&json);
            }
        }
    }

    fn add_texts(&mut self, json: &Json) {
        match json {
            Json::String(id) => self.add_id(id),
            Json::Array(values) => values.iter().for_each(|json| self.add_texts(json)),
            Json::Object(members) => members.values().for_each(|json| self.add_texts(json)),
            _ => {}
        }
    }

    fn add_id(&mut self, id: &str) {
        self.ids.insert(self.key.of(id), id.to_owned());
    }
}

/// True if some text is the hash of an id.
fn has_hash(json: &Json) -> bool {
    match json {
        Json::String(text) => is_hash(text),
        Json::Array(values) => values.iter().any(has_hash),
        Json::Object(members) => members.values().any(has_hash),
        _ => false,
    }
}

/// The number of a decision, which begins with its time.
fn decision(line: &Line) -> Result<u128, Unreadable> {
    let id = Uuid::parse_str(&line.id).ok();
    let id = id.filter(|id| id.get_version_num() == 7);
    let id = id.ok_or_else(|| unreadable(line, "its `id` is none of a decision"))?;
    Ok(id.as_u128())
}

fn unreadable(line: &Line, problem: &str) -> Unreadable {
    Unreadable {
        number: line.number,
        problem: problem.to_owned(),
    }
}

/// The time of a decision by its number.
fn time(id: u128) -> String {
    let millis = u64::try_from(id >> 80).unwrap_or_default();
    milliseconds(UNIX_EPOCH + Duration::from_millis(millis))
}
