//! The hierarchy of a file, looked at once when the file is read: nothing is its own ancestor, and
//! nothing has too many of them.
//!
//! The ancestors themselves are not kept. Of a chain of *n* entities they would be *n²* / 2.

use std::collections::HashMap;

use cedar_policy::EntityUid;

use crate::schema::{Misfit, Row, too_many_ancestors};

/// Parents that are looked at to count ancestors, for all entities together. Beyond that an entity
/// is counted when it is asked for.
const LOOKED_AT: usize = 100_000_000;

/// The entities of a file, and those that it names as parents, by their places.
struct Hierarchy<'a> {
    uids: Vec<&'a EntityUid>,
    parents: Vec<Vec<usize>>,
}

/// How far the way upwards from an entity was followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Followed {
    Not,
    Begun,
    Done,
}

/// Checks a hierarchy. The `ancestors` of the rows are their parents.
///
/// # Errors
/// An entity that is its own ancestor, or one with more ancestors than `most`.
pub(super) fn check(rows: &[Row], most: usize) -> Result<(), Misfit> {
    let hierarchy = Hierarchy::of(rows);
    let order = hierarchy.upper_first()?;
    let bounds = hierarchy.bounds(&order);
    let mut counting = Counting {
        hierarchy: &hierarchy,
        most,
        seen_by: vec![usize::MAX; hierarchy.uids.len()],
        left: LOOKED_AT,
    };
    for (place, bound) in bounds.iter().enumerate() {
        if *bound > most && counting.has_too_many(place) {
            return Err(hierarchy.named(place, too_many_ancestors(most)));
        }
    }
    Ok(())
}

impl<'a> Hierarchy<'a> {
    fn of(rows: &'a [Row]) -> Self {
        let mut uids: Vec<&EntityUid> = rows.iter().map(|row| &row.uid).collect();
        let places = uids.iter().enumerate().map(|(place, uid)| (*uid, place));
        let mut places: HashMap<&EntityUid, usize> = places.collect();
        let mut parents = Vec::with_capacity(rows.len());
        for row in rows {
            let own = row.ancestors.iter().map(|parent| {
                *places.entry(parent).or_insert_with(|| {
                    uids.push(parent);
                    uids.len() - 1
                })
            });
            parents.push(own.collect());
        }
        Self { uids, parents }
    }

    fn parents(&self, place: usize) -> &[usize] {
        self.parents.get(place).map_or(&[], Vec::as_slice)
    }

    fn named(&self, place: usize, misfit: Misfit) -> Misfit {
        let uid = self.uids.get(place);
        misfit.within(&uid.map(ToString::to_string).unwrap_or_default())
    }

    /// All places, each behind its parents.
    fn upper_first(&self) -> Result<Vec<usize>, Misfit> {
        let mut followed = vec![Followed::Not; self.uids.len()];
        let mut set = |place: usize, to: Followed| {
            let found = followed.get_mut(place);
            found.map_or(Followed::Done, |found| std::mem::replace(found, to))
        };
        let mut order = Vec::with_capacity(self.uids.len());
        // Each with its parents that are to be followed. A deep hierarchy would be too much for
        // the stack.
        let mut way: Vec<(usize, std::slice::Iter<'_, usize>)> = Vec::new();
        for start in 0..self.uids.len() {
            if set(start, Followed::Begun) == Followed::Not {
                way.push((start, self.parents(start).iter()));
            } else {
                set(start, Followed::Done);
            }
            while let Some((place, parents)) = way.last_mut() {
                let place = *place;
                let Some(&parent) = parents.next() else {
                    set(place, Followed::Done);
                    order.push(place);
                    way.pop();
                    continue;
                };
                match set(parent, Followed::Begun) {
                    Followed::Not => way.push((parent, self.parents(parent).iter())),
                    Followed::Done => {
                        set(parent, Followed::Done);
                    }
                    Followed::Begun => {
                        let misfit = Misfit::new("an entity is its own ancestor");
                        return Err(self.named(parent, misfit));
                    }
                }
            }
        }
        Ok(order)
    }

    /// For each place a number that its ancestors are not more than: those that are come to on two
    /// ways count twice.
    fn bounds(&self, upper_first: &[usize]) -> Vec<usize> {
        let mut bounds = vec![0_usize; self.uids.len()];
        for place in upper_first {
            let of_parent = |parent: &usize| bounds.get(*parent).copied().unwrap_or(0);
            let parents = self.parents(*place).iter();
            let bound = parents.fold(0_usize, |sum, parent| {
                sum.saturating_add(1).saturating_add(of_parent(parent))
            });
            if let Some(found) = bounds.get_mut(*place) {
                *found = bound;
            }
        }
        bounds
    }
}

/// Counting ancestors one by one.
struct Counting<'a> {
    hierarchy: &'a Hierarchy<'a>,
    most: usize,
    /// The place from which each was seen last.
    seen_by: Vec<usize>,
    /// Parents that may still be looked at.
    left: usize,
}

impl Counting<'_> {
    fn has_too_many(&mut self, place: usize) -> bool {
        let (mut open, mut found) = (vec![place], 0);
        while let Some(next) = open.pop() {
            for &parent in self.hierarchy.parents(next) {
                if self.left == 0 {
                    return false;
                }
                self.left -= 1;
                let seen_by = self.seen_by.get_mut(parent);
                if seen_by.is_some_and(|seen| std::mem::replace(seen, place) != place) {
                    found += 1;
                    if found > self.most {
                        return true;
                    }
                    open.push(parent);
                }
            }
        }
        false
    }
}
