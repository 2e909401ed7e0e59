//! The line that git prints behind `@@`, by git's rule for files without a language of their own.

/// How many lines above a hunk are looked at.
const LINES_LOOKED_AT: usize = 10_000;

/// The nearest line above line `first` (from 1) that begins with a letter, `_` or `$` (git: `def_ff` in
/// xdiff/xemit.c), without the whitespace at its end.
pub(super) fn heading<'c>(lines: &[&'c [u8]], first: u32) -> Option<&'c [u8]> {
    let above = lines.get(..first.saturating_sub(1) as usize)?;
    let opens = |l: &&&[u8]| {
        l.first()
            .is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$'))
    };
    let found = above.iter().rev().take(LINES_LOOKED_AT).find(opens)?;
    Some(found.trim_ascii_end())
}
