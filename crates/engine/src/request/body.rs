//! The body of a request, looked through once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value as Json;

use crate::policy::routes::{Ask, Source, folded};
use crate::schema::{Misfit, could_mean, json_length};

/// A body, and what is known of the places that the route reads. They are looked through once, and
/// not again for each element of an array.
pub(super) struct ReadBody {
    json: Json,
    places: HashMap<Vec<Arc<str>>, BodyPlace>,
    /// Bytes that may be read for elements, again for each.
    each_bytes: usize,
    /// Those that are left.
    left: AtomicUsize,
}

/// A place of a body.
struct BodyPlace {
    fault: Option<Misfit>,
    /// About how long it is, in bytes.
    bytes: usize,
}

impl ReadBody {
    pub(super) fn new(json: Json, asks: &[Ask], each_bytes: usize) -> Self {
        let mut places: HashMap<Vec<Arc<str>>, BodyPlace> = HashMap::new();
        for ask in asks {
            ask.each_source(&mut |source| {
                if let Source::Body(path) = source
                    && !places.contains_key(path)
                {
                    places.insert(path.clone(), BodyPlace::look(&json, path));
                }
            });
        }
        Self {
            json,
            places,
            each_bytes,
            left: AtomicUsize::new(each_bytes),
        }
    }

    /// Begins to make questions, perhaps anew.
    pub(super) fn begin(&self) {
        self.left.store(self.each_bytes, Ordering::Relaxed);
    }

    /// A place of the body. For an element its length counts: all elements together may not read
    /// the same long text again and again.
    pub(super) fn get(
        &self,
        path: &[Arc<str>],
        of_element: bool,
    ) -> Result<Option<Cow<'_, Json>>, Misfit> {
        let Some(place) = self.places.get(path) else {
            let found = inside(&self.json, path, true)?;
            found.iter().try_for_each(|found| unlike(found))?;
            return Ok(found);
        };
        if let Some(fault) = &place.fault {
            return Err(fault.clone());
        }
        if of_element {
            let spend = |left: usize| left.checked_sub(place.bytes);
            let order = Ordering::Relaxed;
            if self.left.fetch_update(order, order, spend).is_err() {
                let text = "is too long to be read for each of so many elements";
                return Err(Misfit::new(text));
            }
        }
        // It was looked through before.
        inside(&self.json, path, false)
    }
}

impl BodyPlace {
    fn look(body: &Json, path: &[Arc<str>]) -> Self {
        let found = inside(body, path, true);
        let found = found.and_then(|found| match found {
            Some(found) => unlike(&found).map(|()| json_length(&found)),
            None => Ok(0),
        });
        match found {
            Ok(bytes) => Self { fault: None, bytes },
            Err(fault) => Self {
                fault: Some(fault),
                bytes: 0,
            },
        }
    }
}

/// A member of JSON, from the outside in. In a body, a name in other case or with other separators
/// is no other name.
pub(super) fn inside<'j>(
    json: &'j Json,
    path: &[Arc<str>],
    in_body: bool,
) -> Result<Option<Cow<'j, Json>>, Misfit> {
    let mut at = json;
    for name in path {
        let Json::Object(members) = at else {
            return match at {
                Json::Null => Ok(None),
                _ => Err(Misfit::new("an object is wanted around it")),
            };
        };
        let alike = |other: &String| **other != **name && could_mean(other, name);
        if in_body && members.keys().any(alike) {
            return Err(Misfit::new("occurs in another spelling"));
        }
        match members.get(&**name) {
            Some(inner) => at = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(Cow::Borrowed(at)))
}

/// That no two members anywhere in it differ in case alone.
pub(super) fn unlike(json: &Json) -> Result<(), Misfit> {
    match json {
        Json::Object(members) => {
            let mut names: Vec<String> = members.keys().map(|name| folded(name)).collect();
            names.sort_unstable();
            if names.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(Misfit::new("two members differ in case alone"));
            }
            members.values().try_for_each(unlike)
        }
        Json::Array(elements) => elements.iter().try_for_each(unlike),
        _ => Ok(()),
    }
}
