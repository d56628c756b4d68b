//! Ids in the order in which they were found, each with its place.

use std::collections::HashMap;

use cedar_policy::EntityUid;

/// The number of ids that are looked through one by one, which is faster than a hash of each.
const FEW: usize = 16;

/// Ids, each once, with their places. To find one takes the same time however many there are.
#[derive(Debug, Default)]
pub(super) struct UidIndex {
    uids: Vec<EntityUid>,
    /// Empty while there are few.
    places: HashMap<EntityUid, usize, foldhash::quality::RandomState>,
}

impl UidIndex {
    /// Room for the few that a question usually comes to.
    pub(super) fn new() -> Self {
        Self {
            uids: Vec::with_capacity(8),
            places: HashMap::default(),
        }
    }

    pub(super) fn place(&self, uid: &EntityUid) -> Option<usize> {
        if self.places.is_empty() {
            self.uids.iter().position(|known| known == uid)
        } else {
            self.places.get(uid).copied()
        }
    }

    /// Adds an id at the next place. Returns false if it is there already.
    pub(super) fn add(&mut self, uid: &EntityUid) -> bool {
        if self.place(uid).is_some() {
            return false;
        }
        self.uids.push(uid.clone());
        if self.uids.len() > FEW {
            let known = self.places.len();
            let unknown = self.uids.iter().enumerate().skip(known);
            self.places
                .extend(unknown.map(|(place, uid)| (uid.clone(), place)));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_keeps_its_place_however_many_there_are() {
        let uid = |n: usize| format!("User::\"{n}\"").parse::<EntityUid>().unwrap();
        let mut index = UidIndex::new();
        for n in 0..100 {
            assert_eq!(index.place(&uid(n)), None);
            assert!(index.add(&uid(n)));
            assert!(!index.add(&uid(n)) && !index.add(&uid(n / 2)));
            assert!((0..=n).all(|known| index.place(&uid(known)) == Some(known)));
        }
    }
}
