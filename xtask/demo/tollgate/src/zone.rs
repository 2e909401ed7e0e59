//! Where a parcel goes.

use std::str::FromStr;

/// A zone of the tariff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Inside the country.
    Domestic,
    /// The neighbours.
    Europe,
    /// Everywhere else.
    World,
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "domestic" => Ok(Zone::Domestic),
            "europe" => Ok(Zone::Europe),
            "world" => Ok(Zone::World),
            _ => Err(format!(
                "there is no zone `{word}`; there are domestic, europe and world"
            )),
        }
    }
}
