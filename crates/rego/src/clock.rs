//! The clock by which an evaluation's time is limited. Rules can't read it.

use regorus::utils::limits::{TimeSource, set_time_source};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

struct Monotonic;

impl TimeSource for Monotonic {
    fn now(&self) -> Option<Duration> {
        Some(BEGAN.elapsed())
    }
}

/// Makes the evaluator look at the clock, and gives the moment.
pub(super) fn start() -> Duration {
    // It is refused from the second time on, when the same one is there already: nobody else in a process sets one.
    let _there = set_time_source(&Monotonic);
    BEGAN.elapsed()
}

/// The time since a moment.
pub(super) fn since(began: Duration) -> Duration {
    BEGAN.elapsed().saturating_sub(began)
}
