//! The smallest scenario that still shows a finding.

use serde_json::{Value as Json, json};

use super::ids;
use crate::proof::scenario::Scenario;

impl Scenario {
    /// The smallest that is left when things are taken away for as long as it `shows`
    /// the same.
    pub(super) fn shrunk(mut self, shows: &dyn Fn(&Self) -> bool) -> Self {
        loop {
            let before = self.clone();
            self.drop_unreferred(shows);
            for i in 0..self.entities.len() {
                for member in ["tags", "attrs", "parents"] {
                    self.drop_parts(&format!("/entities/{i}/{member}"), shows);
                }
            }
            self.drop_parts("/context", shows);
            if self == before {
                self.make_plain(shows);
                self.sort();
                return self;
            }
        }
    }

    /// `false` and 0 where no other value is needed, and each entity's own id.
    fn make_plain(&mut self, shows: &dyn Fn(&Self) -> bool) {
        for i in 0..self.entities.len() {
            let attributes = self.entities.get(i).and_then(|entity| entity.get("attrs"));
            let names = attributes.and_then(Json::as_object).cloned();
            for (name, value) in names.into_iter().flatten() {
                let plain = match value {
                    Json::Bool(true) => json!(false),
                    Json::Number(_) => json!(0),
                    _ => continue,
                };
                let name = name.replace('~', "~0").replace('/', "~1");
                let mut plainer = self.clone();
                if let Some(place) = plainer.at(&format!("/entities/{i}/attrs/{name}")) {
                    *place = plain;
                }
                if shows(&plainer) {
                    *self = plainer;
                }
            }
        }
        for i in 0..self.entities.len() {
            ids::own(self, i, shows);
        }
    }

    /// Principal and resource first, then the other entities.
    fn sort(&mut self) {
        let asked = [self.principal.clone(), self.resource.clone()];
        self.entities.sort_by_cached_key(|entity| {
            let uid = entity.get("uid").unwrap_or(&Json::Null);
            let place = asked.iter().position(|of| of == uid);
            (place.unwrap_or(asked.len()), uid.to_string())
        });
    }

    /// Entities that nothing leads to.
    fn drop_unreferred(&mut self, shows: &dyn Fn(&Self) -> bool) {
        let mut i = 0;
        while i < self.entities.len() {
            let mut without = self.clone();
            let dropped = without.entities.remove(i);
            let uid = dropped.get("uid").unwrap_or(&Json::Null);
            if !without.refers_to(uid) && shows(&without) {
                *self = without;
            } else {
                i += 1;
            }
        }
    }

    fn refers_to(&self, uid: &Json) -> bool {
        let asked = [&self.principal, &self.resource];
        let within = self.entities.iter().chain([&self.context]);
        asked.contains(&uid) || within.into_iter().any(|json| mentions(json, uid))
    }

    /// Members of objects and elements of sets, one after the other.
    fn drop_parts(&mut self, place: &str, shows: &dyn Fn(&Self) -> bool) {
        let count = match self.at(place) {
            Some(Json::Object(members)) => members.len(),
            Some(Json::Array(elements)) => elements.len(),
            _ => return,
        };
        // From the last one: what is before it stays in its place.
        for i in (0..count).rev() {
            let mut without = self.clone();
            let key = match without.at(place) {
                Some(Json::Object(members)) => {
                    let Some(key) = members.keys().nth(i).cloned() else {
                        continue;
                    };
                    members.remove(&key);
                    key
                }
                Some(Json::Array(elements)) if i < elements.len() => {
                    elements.remove(i);
                    i.to_string()
                }
                _ => continue,
            };
            if shows(&without) {
                *self = without;
            } else {
                let key = key.replace('~', "~0").replace('/', "~1");
                self.drop_parts(&format!("{place}/{key}"), shows);
            }
        }
    }

    /// The value at a JSON pointer that begins with the name of a member.
    fn at(&mut self, place: &str) -> Option<&mut Json> {
        if let Some(rest) = place.strip_prefix("/entities/") {
            let (i, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let entity = self.entities.get_mut(i.parse::<usize>().ok()?)?;
            return entity.pointer_mut(&format!("/{rest}"));
        }
        self.context.pointer_mut(place.strip_prefix("/context")?)
    }
}

/// True if an entity is mentioned anywhere but as the subject.
fn mentions(json: &Json, uid: &Json) -> bool {
    match json {
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| name != "uid" && (value == uid || mentions(value, uid))),
        Json::Array(elements) => elements.iter().any(|e| e == uid || mentions(e, uid)),
        _ => false,
    }
}
