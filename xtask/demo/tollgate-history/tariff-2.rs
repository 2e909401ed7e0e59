//! The tariff: a table of steps, and the price of a parcel in it.

use crate::zone::Zone;

/// Steps of the tariff: up to this weight, the price in cents per zone.
const STEPS: [(u32, [u64; 3]); 3] = [
    (500, [390, 890, 1490]),
    (2_000, [590, 1290, 2490]),
    (10_000, [990, 2190, 4990]),
];

/// The price of one parcel, in cents.
pub fn quote(weight: u32, zone: Zone) -> Option<u64> {
    let column = zone as usize;
    STEPS.iter().find(|(up_to, _)| weight > 0 && weight <= *up_to).map(|(_, prices)| prices[column])
}
