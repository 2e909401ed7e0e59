//! What a parcel costs, from its weight and where it goes.
//!
//! ```
//! let price = tollgate::quote(850, tollgate::Zone::Domestic)?;
//! assert_eq!(price.cents(), 590);
//! # Ok::<(), tollgate::QuoteError>(())
//! ```

mod money;
mod tariff;
mod zone;

pub use money::Cents;
pub use tariff::{quote, total, QuoteError, MAX_WEIGHT};
pub use zone::Zone;
