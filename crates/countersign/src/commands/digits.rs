//! Digits that were given beforehand must be those of something that waits; nothing is decided otherwise.

use crate::error::CliError;
use crate::render::seen::first8;
use countersign_core::act::SeenDigest;
use countersign_core::id::WorkflowId;

/// Fewest digits that name a digest.
const DIGITS_MIN: usize = 8;

/// Checks them.
///
/// # Errors
/// When they are too few, no digits, or those of nothing that waits.
pub(super) fn check(id: &WorkflowId, given: &[String], waits: &[SeenDigest]) -> Result<(), CliError> {
    let next = format!("Look at what waits now: countersign show {id}");
    for digits in given {
        let plain = digits.to_ascii_lowercase();
        if plain.len() < DIGITS_MIN || !plain.bytes().all(|b| b.is_ascii_hexdigit()) {
            let text = format!("`{digits}` is not {DIGITS_MIN} or more hex digits");
            return Err(CliError::refused("bad-digest", text).next(next));
        }
        if !waits.iter().any(|w| w.to_hex().starts_with(&plain)) {
            let open: Vec<String> = waits.iter().map(first8).collect();
            let text = format!("the digest is {digits}, but what waits has {}", open.join(", "));
            return Err(CliError::refused("digest-mismatch", text).next(next));
        }
    }
    Ok(())
}
