//! Money in whole cents, so that no price is ever rounded twice.

/// An amount in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cents(u64);

impl Cents {
    /// That many cents.
    pub const fn new(cents: u64) -> Self {
        Cents(cents)
    }

    /// How many cents.
    pub const fn cents(self) -> u64 {
        self.0
    }
}

impl std::iter::Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(amounts: I) -> Cents {
        Cents(amounts.map(Cents::cents).sum())
    }
}
