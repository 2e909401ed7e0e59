//! What a parcel costs, from its weight and where it goes.

mod tariff;
mod zone;

pub use tariff::quote;
pub use zone::Zone;
