//! The entities that a caller describes.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use super::malformed::Malformed;
use crate::policy::Bundle;
use crate::schema::{Misfit, transitive_ancestors};
use crate::slice::Described;
use crate::store::Store;

const CODE: &str = "MALFORMED_QUESTION";

/// Ancestors that the described entities may have, near and far, for each entity that may be
/// described. In a chain of entities each has all ancestors of the others.
const ANCESTORS_EACH: usize = 100;

/// The entities that a caller describes, in either member: one set, however it
/// is spread over the two.
pub(crate) fn described_entities(
    members: &serde_json::Map<String, Json>,
    bundle: &Bundle,
    store: &dyn Store,
    most: usize,
) -> Result<Arc<Described>, Malformed> {
    let mut all = Vec::new();
    // Where each was written, to name it.
    let mut places = Vec::new();
    for member in ["entities", "additional_entities"] {
        match members.get(member) {
            None | Some(Json::Null) => {}
            Some(Json::Array(entities)) => {
                places.extend((0..entities.len()).map(|i| format!("{member}.{i}")));
                all.extend(entities.iter().cloned());
            }
            Some(_) => {
                let misfit = Misfit::new("an array of entities is wanted");
                return Err(Malformed::new(CODE, member, misfit));
            }
        }
    }
    if all.is_empty() {
        return Ok(Arc::default());
    }
    if all.len() > most {
        let misfit = Misfit::new(format!("more than {most} entities"));
        return Err(Malformed::new(CODE, "entities", misfit));
    }
    let malformed = |mut misfit: Misfit| {
        let (place, inner) = misfit
            .member
            .split_once('.')
            .unwrap_or((&misfit.member, ""));
        let place = place
            .parse()
            .ok()
            .and_then(|place: usize| places.get(place));
        if let Some(place) = place {
            misfit.member = inner.to_owned();
            Malformed::new(CODE, place, misfit)
        } else {
            Malformed::new(CODE, "entities", misfit)
        }
    };
    // Before anything else is read of it: a caller who leaves an attribute out is told this too.
    for (json, place) in all.iter().zip(&places) {
        let uid = json
            .get("uid")
            .and_then(|uid| bundle.schema.entity(uid).ok());
        if uid.as_ref().is_some_and(|uid| bundle.looks_into(uid)) {
            let misfit = Misfit::new("a policy names this entity: the store alone says what it is");
            return Err(Malformed::new("ENTITY_OF_SERVED_TYPE", place, misfit));
        }
        if uid.is_some_and(|uid| store.speaks_of(uid.type_name(), &bundle.schema)) {
            let misfit = Misfit::new("the tenancy store alone says what an entity of this type is");
            return Err(Malformed::new("ENTITY_OF_SERVED_TYPE", place, misfit));
        }
    }
    let all = Json::Array(all);
    let mut rows = bundle.schema.entities(&all).map_err(malformed)?;
    let parents: HashMap<_, _> = rows
        .iter()
        .map(|row| (row.uid.clone(), row.ancestors.clone()))
        .collect();
    let left = Cell::new(most.saturating_mul(ANCESTORS_EACH));
    // Without parents that are too many, an end is come to; it is refused then.
    let of = |uid: &EntityUid| match parents.get(uid) {
        Some(parents) if spend(&left, parents.len()) => parents.clone(),
        _ => Vec::new(),
    };
    for row in &mut rows {
        spend(&left, row.ancestors.len());
        row.ancestors =
            transitive_ancestors(&row.ancestors, &row.uid, usize::MAX, of).map_err(malformed)?;
        if left.get() == 0 {
            let misfit = Misfit::new(format!(
                "they have more than {} ancestors in all",
                most.saturating_mul(ANCESTORS_EACH)
            ));
            return Err(Malformed::new(CODE, "entities", misfit));
        }
    }
    Ok(Arc::new(Described::new(rows)))
}

/// Takes so many of what is left. Returns false if they are not left.
fn spend(left: &Cell<usize>, wanted: usize) -> bool {
    let enough = wanted < left.get();
    left.set(left.get().saturating_sub(wanted));
    enough
}
