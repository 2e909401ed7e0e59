//! Numbers out of a seed (SplitMix64, Steele, Lea and Flood, 2014): the same seed gives the same ones everywhere.

use std::sync::Mutex;

/// A source of numbers that everything of one run shares.
pub struct Random(Mutex<u64>);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self
            .0
            .lock()
            .expect("because nobody panics while drawing a number");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// Yes in `percent` of 100 cases.
    pub fn chance(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        match of.len() {
            0 => None,
            count => of.get(self.below(count)),
        }
    }
}
