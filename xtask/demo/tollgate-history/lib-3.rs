//! What a parcel costs, from its weight and where it goes.

mod money;
mod tariff;
mod zone;

pub use money::Cents;
pub use tariff::{quote, QuoteError, MAX_WEIGHT};
pub use zone::Zone;
