//! A seeded random number generator (splitmix64): one seed, one sequence, on every machine.

/// The generator; its whole state is one number.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator that always yields the same sequence for the same seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items, or none where there are none.
    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// One of the items, of which there is at least one.
    pub(crate) fn pick<T: Clone, const N: usize>(&mut self, items: [T; N]) -> T {
        const { assert!(N > 0) };
        items[self.below(N)].clone()
    }

    /// The text with each letter in upper or lower case at random, so that lower-casing it gives
    /// what lower-casing the text gives.
    pub(crate) fn respell(&mut self, text: &str) -> String {
        text.chars()
            .map(|letter| {
                let (mut upper, mut lower) = (letter.to_uppercase(), letter.to_lowercase());
                match (upper.next(), upper.next(), lower.next(), lower.next()) {
                    (Some(up), None, Some(low), None) if up.to_lowercase().eq([low]) => {
                        if self.percent(50) { up } else { low }
                    }
                    _ => letter,
                }
            })
            .collect()
    }
}
