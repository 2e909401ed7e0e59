//! What a parcel costs, from its weight.

/// The price of one parcel, in cents.
pub fn quote(weight: u32) -> Option<u64> {
    match weight {
        1..=500 => Some(390),
        501..=2_000 => Some(590),
        2_001..=10_000 => Some(990),
        _ => None,
    }
}
