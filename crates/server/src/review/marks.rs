//! Places that are marked: a bit for each.

const BITS: u64 = 64;

/// Marked places.
#[derive(Debug)]
pub(super) struct Marks {
    words: Vec<u64>,
    count: u64,
}

impl Marks {
    /// None of so many places.
    pub(super) fn of(places: u64) -> Self {
        let words = usize::try_from(places.div_ceil(BITS)).unwrap_or(usize::MAX);
        Self {
            words: vec![0; words],
            count: 0,
        }
    }

    /// Marks a place; one that is beyond is none.
    pub(super) fn mark(&mut self, place: u64) {
        let word = usize::try_from(place / BITS).ok();
        if let Some(word) = word.and_then(|word| self.words.get_mut(word)) {
            *word |= 1 << (place % BITS);
            self.count += 1;
        }
    }

    pub(super) fn contains(&self, place: u64) -> bool {
        let word = usize::try_from(place / BITS).ok();
        let word = word.and_then(|word| self.words.get(word));
        word.is_some_and(|word| word & (1 << (place % BITS)) != 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_the_places_that_were_marked_are() {
        let mut marks = Marks::of(130);
        assert!(marks.is_empty());
        for place in [0, 63, 64, 129, 5_000] {
            marks.mark(place);
        }
        let found: Vec<u64> = (0..6_000).filter(|place| marks.contains(*place)).collect();
        assert_eq!(found, [0, 63, 64, 129]);
        assert!(!marks.is_empty());
    }
}
