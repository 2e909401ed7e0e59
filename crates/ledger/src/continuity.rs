//! Whether a log goes on from a checkpoint of it that somebody has seen.
//!
//! A log that lies behind one, or that begins with other leaves, is not the log that was seen: an older copy was put
//! back, or it was rewritten. This module must never say that a log goes on because it could not be compared.

use crate::checkpoint::Checkpoint;
use crate::hash::RootHash;

/// How a log stands to a checkpoint that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It begins with exactly what was seen.
    GoesOn,
    /// It has fewer leaves than were seen.
    Behind {
        /// Leaves that were seen.
        seen: u64,
        /// Leaves that there are.
        have: u64,
    },
    /// It begins with other leaves than were seen.
    Forked {
        /// Leaves that were seen.
        seen: u64,
    },
}

/// Compares a log of `size` leaves with a checkpoint of it. `root` is the root of the log's first leaves, as many as
/// the checkpoint has; none where the log has fewer.
pub fn continuity(seen: &Checkpoint, size: u64, root: Option<&RootHash>) -> Continuity {
    if size < seen.size() {
        return Continuity::Behind {
            seen: seen.size(),
            have: size,
        };
    }
    match root {
        Some(root) if *root == seen.root() => Continuity::GoesOn,
        Some(_) | None => Continuity::Forked { seen: seen.size() },
    }
}
