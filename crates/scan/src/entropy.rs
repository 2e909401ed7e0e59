//! Shannon entropy of bytes in fixed point, so that every machine counts the same (a libm's `log2` may differ).

/// Fractional bits of a [`Bits`].
const FRACTION: u32 = 16;

/// Entropy per byte, in bits, as fixed point with 16 fractional bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bits(u32);

impl Bits {
    /// No demand at all.
    pub(crate) const NONE: Bits = Bits(0);

    /// From a rule file's number; negative or unreadable numbers demand nothing.
    pub(crate) fn from_f64(bits: f64) -> Bits {
        // A cast saturates: NaN and negatives become 0.
        Bits((bits * f64::from(1_u32 << FRACTION)) as u32)
    }
}

/// The entropy of a text's bytes: 0 for an empty text, at most 8.
pub(crate) fn of(text: &[u8]) -> Bits {
    let mut counts = [0_u32; 256];
    let mut length = 0_u32;
    for byte in text.iter().take(u32::MAX as usize) {
        counts[usize::from(*byte)] += 1;
        length += 1;
    }
    if length == 0 {
        return Bits::NONE;
    }
    // H = log2(n) - (Σ c·log2(c)) / n
    let seen = counts.iter().filter(|c| **c > 1);
    let sum: u64 = seen.map(|c| u64::from(*c) * u64::from(log2(*c))).sum();
    let mean = u32::try_from(sum / u64::from(length)).expect("because log2 of a 32-bit count is below 32");
    Bits(log2(length).saturating_sub(mean))
}

/// log2 of a number from 1 up, in fixed point: the whole part by position, then one bit per squaring.
fn log2(number: u32) -> u32 {
    let whole = 31 - number.leading_zeros();
    let mut result = whole << FRACTION;
    // The mantissa in 1.31 fixed point, in [1, 2).
    let mut mantissa = u64::from(number) << (31 - whole);
    for bit in (0..FRACTION).rev() {
        mantissa = (mantissa * mantissa) >> 31;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            result |= 1 << bit;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{Bits, of};

    #[test]
    fn entropy_is_what_shannon_says() {
        let cases: [(&[u8], f64); 6] = [
            (b"", 0.0),
            (b"aaaaaaaa", 0.0),
            (b"abababab", 1.0),
            (b"abcdabcd", 2.0),
            (b"aab", 0.918_295_8),
            (b"0123456789abcdef", 4.0),
        ];
        for (text, bits) in cases {
            let (low, high) = (Bits::from_f64(bits - 0.001), Bits::from_f64(bits + 0.001));
            assert!(of(text) >= low && of(text) <= high, "{text:?}: {:?}", of(text));
        }
    }

    #[test]
    fn strange_demands_demand_nothing() {
        assert_eq!(Bits::from_f64(-1.0), Bits::NONE);
        assert_eq!(Bits::from_f64(f64::NAN), Bits::NONE);
    }
}
