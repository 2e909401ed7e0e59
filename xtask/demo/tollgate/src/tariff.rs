//! The tariff: a table of steps, and the price of a parcel in it.

use crate::money::Cents;
use crate::zone::Zone;
use std::fmt;

/// What the heaviest parcel may weigh.
pub const MAX_WEIGHT: u32 = 31_500;

/// Steps of the tariff: up to this weight, the price per zone.
const STEPS: [(u32, [u64; 3]); 4] = [
    (500, [390, 890, 1490]),
    (2_000, [590, 1290, 2490]),
    (10_000, [990, 2190, 4990]),
    (MAX_WEIGHT, [1790, 3990, 8990]),
];

/// Why there is no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteError {
    /// Nothing weighs nothing.
    Weightless,
    /// Over the limit.
    TooHeavy(u32),
}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuoteError::Weightless => f.write_str("a parcel weighs something"),
            QuoteError::TooHeavy(by) => write!(f, "{} exceeds {}", by, MAX_WEIGHT),
        }
    }
}

impl std::error::Error for QuoteError {}

/// The price of one parcel.
pub fn quote(weight: u32, zone: Zone) -> Result<Cents, QuoteError> {
    if weight == 0 {
        return Err(QuoteError::Weightless);
    }
    let column = zone as usize;
    STEPS
        .iter()
        .find(|(up_to, _)| weight <= *up_to)
        .map(|(_, prices)| Cents::new(prices[column]))
        .ok_or(QuoteError::TooHeavy(weight))
}

/// The price of several parcels to one zone; the first one that has no price ends it.
pub fn total(weights: &[u32], zone: Zone) -> Result<Cents, QuoteError> {
    weights
        .iter()
        .map(|weight| quote(*weight, zone))
        .sum::<Result<Cents, QuoteError>>()
}
