//! How much looking for places one diff may cost: counted, not timed, so that every machine refuses the same diffs.

use super::{Stop, refused};

/// Most line comparisons for one diff; one that needs more is made to waste time.
const COMPARISONS_MAX: usize = 200_000_000;
/// A comparison that reads this many bytes more counts as one more.
const BYTES_PER_COMPARISON: usize = 256;

/// What comparing a line costs, if all of it is read.
pub(super) fn cost(line: &[u8]) -> usize {
    1 + line.len() / BYTES_PER_COMPARISON
}

/// How many comparisons a diff has left.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(COMPARISONS_MAX)
    }

    /// A smaller one, so that a test needs no seconds to use it up.
    #[cfg(test)]
    pub(super) fn of(comparisons: usize) -> Self {
        Self(comparisons)
    }

    /// Takes some away, or refuses.
    pub(super) fn spend(&mut self, comparisons: usize, place: &str) -> Result<(), Stop> {
        match self.0.checked_sub(comparisons) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => refused(
                "too-costly",
                place,
                "Finding this hunk's place takes too long. State correct line numbers in its `@@` line.",
            ),
        }
    }
}
