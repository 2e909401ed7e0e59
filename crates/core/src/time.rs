//! Time as a value: milliseconds since 1970-01-01T00:00:00Z. Nothing here reads a clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::format_description::well_known::Rfc3339;
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

    /// From RFC 3339, any offset; what is finer than a millisecond is cut off. `None`: it is none, or before 1970.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(moment.unix_timestamp_nanos() / 1_000_000)
            .ok()
            .map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for ms in [0, 1, 999, 1_774_000_000_123, 253_402_300_799_999] {
            assert_eq!(
                Timestamp::from_rfc3339(&Timestamp(ms).to_rfc3339()),
                Some(Timestamp(ms))
            );
        }
        let offset = Timestamp::from_rfc3339("2026-11-21T12:00:00.5+02:00");
        assert_eq!(offset, Timestamp::from_rfc3339("2026-11-21T10:00:00.500Z"));
        for none in ["", "2026-11-21", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert_eq!(Timestamp::from_rfc3339(none), None, "{none}");
        }
    }
}
