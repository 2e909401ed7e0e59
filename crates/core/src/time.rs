//! Time as a value: milliseconds since 1970-01-01T00:00:00Z. Nothing here reads a clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::{OffsetDateTime, macros::format_description};

/// A moment, in milliseconds since 1970 (UTC). Stored and hashed as that integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Whole seconds since 1970, as git writes them.
    pub fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// RFC 3339 with milliseconds, in UTC: `2026-11-20T21:00:00.000Z`.
    pub fn to_rfc3339(self) -> String {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|t| t.format(&format).ok())
            .unwrap_or_else(|| format!("unix-ms:{}", self.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}
