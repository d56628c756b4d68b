//! Ids that a store could hold.
//!
//! Where a view has an attribute `id`, it is the entity's id. The formulas do not know
//! that, so the solver gives several entities one `id`, or one that is not theirs.

use serde_json::{Map, Value as Json};

use crate::proof::scenario::Scenario;

/// The attribute that the store fills with an entity's id: a view's column `id`.
pub(super) const ID: &str = "id";

/// Gives an entity its own id in its attribute `id`, and tags that are meant for it the
/// same key, where it still `shows` the same.
pub(super) fn own(world: &mut Scenario, entity: usize, shows: &dyn Fn(&Scenario) -> bool) {
    let Some((uid, said)) = world.entities.get(entity).and_then(ids) else {
        return;
    };
    // No other entity has it already, also of another type.
    let own = format!("{uid} ({entity})");
    let mut changed = world.clone();
    set(&mut changed, entity, &own);
    if shows(&changed) {
        *world = changed;
        return;
    }
    let holders: Vec<usize> = (0..world.entities.len()).collect();
    // The tags of one entity first: who shares a key by chance keeps it.
    let single = holders.iter().map(|holder| vec![*holder]);
    for some in single.chain([holders.clone()]) {
        let mut with_tags = changed.clone();
        some.iter()
            .for_each(|i| rename_tag(&mut with_tags, *i, &said, &own));
        if shows(&with_tags) {
            *world = with_tags;
            return;
        }
    }
}

/// An entity's id, and what its attribute `id` says.
fn ids(entity: &Json) -> Option<(String, String)> {
    let uid = entity.pointer("/uid/id")?.as_str()?;
    let said = entity.get("attrs")?.get(ID)?.as_str()?;
    Some((uid.to_owned(), said.to_owned()))
}

fn set(world: &mut Scenario, entity: usize, id: &str) {
    let entity = world.entities.get_mut(entity);
    if let Some(said) = entity.and_then(|e| e.get_mut("attrs")?.get_mut(ID)) {
        *said = Json::from(id);
    }
}

fn rename_tag(world: &mut Scenario, entity: usize, from: &str, to: &str) {
    let entity = world.entities.get_mut(entity);
    let tags = entity.and_then(|e| e.get_mut("tags")?.as_object_mut());
    let Some(tags) = tags else { return };
    let renamed = std::mem::take(tags).into_iter();
    let key = |key: String| if key == from { to.to_owned() } else { key };
    *tags = renamed
        .map(|(k, value)| (key(k), value))
        .collect::<Map<_, _>>();
}
