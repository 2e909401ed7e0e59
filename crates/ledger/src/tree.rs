//! The Merkle tree over leaves: appending, roots, and proofs, as RFC 6962 section 2.1 defines them.
//!
//! Hashes are stored in one growing list in `tlog` order (Crosby and Wallach section 3.3): appending leaf `n`
//! writes [`append`]'s answer from position [`stored_hash_count`]`(n)` on, and nothing stored ever changes.
//! Readers give hashes back by that position. A store that can't answer inside a call (an async database)
//! asks first which positions will be read (`*_reads`), loads them, and hands over a [`KnownHashes`].
//!
//! This module must never trust a size, index or proof that it was given: sizes are bounded, indexes checked.

mod error;
mod reader;

pub use error::TreeError;
pub use reader::{HashReader, KnownHashes};

use crate::MAX_INTEGER;
use crate::hash::{LeafHash, RootHash, leaf_hash};
use reader::{ask, recorded};
use tlog_tiles::Hash;

/// More hashes than any proof over [`MAX_INTEGER`] leaves has.
pub const MAX_PROOF_HASHES: usize = 64;

/// How many hashes a log of `size` leaves has stored; also the position of the next [`append`]'s first hash.
///
/// # Errors
/// [`TreeError::TooLarge`].
pub fn stored_hash_count(size: u64) -> Result<u64, TreeError> {
    check_size(size)?;
    Ok(tlog_tiles::stored_hash_count(size))
}

/// The hashes to store when `leaf` becomes leaf number `size` (from 0) of a log that has `size` leaves: the
/// leaf's own hash first, then each subtree that it completes. Store them in order from
/// [`stored_hash_count`]`(size)`.
///
/// # Errors
/// [`TreeError::TooLarge`], or what the reader says.
pub fn append<R: HashReader + ?Sized>(
    size: u64,
    leaf: &[u8],
    reader: &R,
) -> Result<Vec<[u8; 32]>, TreeError> {
    append_hash(size, leaf_hash(leaf), reader)
}

/// [`append`] for a leaf of which only the hash is at hand.
///
/// # Errors
/// As [`append`].
pub fn append_hash<R: HashReader + ?Sized>(
    size: u64,
    leaf: LeafHash,
    reader: &R,
) -> Result<Vec<[u8; 32]>, TreeError> {
    check_size(size.saturating_add(1))?;
    let hashes = ask(reader, |bridge| {
        tlog_tiles::stored_hashes_for_record_hash(size, Hash(leaf.0), bridge)
    })?;
    Ok(plain(hashes))
}

/// Root of the first `size` leaves (RFC 6962 section 2.1, "Merkle Tree Hash").
///
/// # Errors
/// [`TreeError::TooLarge`], or what the reader says.
pub fn root<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<RootHash, TreeError> {
    check_size(size)?;
    ask(reader, |bridge| tlog_tiles::tree_hash(size, bridge)).map(|hash| RootHash(hash.0))
}

/// Root of exactly these leaves, computed from their bytes alone.
pub fn root_of_leaves<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> RootHash {
    // Complete subtrees from left to right, each smaller than the one before: (level, hash).
    let mut subtrees: Vec<(u32, Hash)> = Vec::new();
    for leaf in leaves {
        let mut tree = (0, Hash(leaf_hash(leaf.as_ref()).0));
        while let Some((_, left)) = subtrees.pop_if(|(level, _)| *level == tree.0) {
            tree = (tree.0 + 1, tlog_tiles::node_hash(left, tree.1));
        }
        subtrees.push(tree);
    }
    let joined = subtrees.into_iter().rev().map(|(_, hash)| hash);
    let root = joined.reduce(|right, left| tlog_tiles::node_hash(left, right));
    root.map_or(RootHash::EMPTY, |hash| RootHash(hash.0))
}

/// Audit path of leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1), nearest sibling first.
///
/// # Errors
/// [`TreeError::OutOfRange`] unless `index < size`; [`TreeError::TooLarge`]; what the reader says.
pub fn prove_inclusion<R: HashReader + ?Sized>(
    size: u64,
    index: u64,
    reader: &R,
) -> Result<Vec<[u8; 32]>, TreeError> {
    check_index(size, index)?;
    ask(reader, |bridge| tlog_tiles::prove_record(size, index, bridge)).map(plain)
}

/// Consistency proof that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 section
/// 2.1.2). For `old == 0` (which the RFC leaves out) the proof is empty: everything begins with nothing.
///
/// # Errors
/// [`TreeError::OutOfRange`] unless `old <= new`; [`TreeError::TooLarge`]; what the reader says.
pub fn prove_consistency<R: HashReader + ?Sized>(
    old: u64,
    new: u64,
    reader: &R,
) -> Result<Vec<[u8; 32]>, TreeError> {
    check_sizes(old, new)?;
    if old == 0 {
        return Ok(Vec::new());
    }
    ask(reader, |bridge| tlog_tiles::prove_tree(new, old, bridge)).map(plain)
}

/// Checks that `leaf` is leaf number `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// [`TreeError::ProofInvalid`] if not; [`TreeError::OutOfRange`] unless `index < size`;
/// [`TreeError::TooLarge`].
pub fn verify_inclusion(
    size: u64,
    root: &RootHash,
    index: u64,
    leaf: &LeafHash,
    proof: &[[u8; 32]],
) -> Result<(), TreeError> {
    check_index(size, index)?;
    let proof = wrapped(proof)?;
    tlog_tiles::check_record(&proof, size, Hash(root.0), index, Hash(leaf.0))
        .map_err(|_| TreeError::ProofInvalid)
}

/// Checks that the tree of `new` leaves begins with the tree of `old` leaves. For `old == 0` the old root
/// must be [`RootHash::EMPTY`] and the proof empty.
///
/// # Errors
/// [`TreeError::ProofInvalid`] if not; [`TreeError::OutOfRange`] unless `old <= new`;
/// [`TreeError::TooLarge`].
pub fn verify_consistency(
    old: u64,
    old_root: &RootHash,
    new: u64,
    new_root: &RootHash,
    proof: &[[u8; 32]],
) -> Result<(), TreeError> {
    check_sizes(old, new)?;
    let proof = wrapped(proof)?;
    if old == 0 {
        let holds =
            proof.is_empty() && *old_root == RootHash::EMPTY && (new > 0 || *new_root == RootHash::EMPTY);
        return if holds {
            Ok(())
        } else {
            Err(TreeError::ProofInvalid)
        };
    }
    tlog_tiles::check_tree(&proof, new, Hash(new_root.0), old, Hash(old_root.0))
        .map_err(|_| TreeError::ProofInvalid)
}

/// Positions that [`append`] will read.
///
/// # Errors
/// As [`append`].
pub fn append_reads(size: u64) -> Result<Vec<u64>, TreeError> {
    recorded(|recorder| append_hash(size, LeafHash([0; 32]), recorder))
}

/// Positions that [`root`] will read.
///
/// # Errors
/// As [`root`].
pub fn root_reads(size: u64) -> Result<Vec<u64>, TreeError> {
    recorded(|recorder| root(size, recorder))
}

/// Positions that [`prove_inclusion`] will read.
///
/// # Errors
/// As [`prove_inclusion`].
pub fn inclusion_reads(size: u64, index: u64) -> Result<Vec<u64>, TreeError> {
    recorded(|recorder| prove_inclusion(size, index, recorder))
}

/// Positions that [`prove_consistency`] will read.
///
/// # Errors
/// As [`prove_consistency`].
pub fn consistency_reads(old: u64, new: u64) -> Result<Vec<u64>, TreeError> {
    recorded(|recorder| prove_consistency(old, new, recorder))
}

fn check_size(size: u64) -> Result<(), TreeError> {
    if size > MAX_INTEGER {
        Err(TreeError::TooLarge { size })
    } else {
        Ok(())
    }
}

fn check_index(size: u64, index: u64) -> Result<(), TreeError> {
    check_size(size)?;
    if index >= size {
        Err(TreeError::OutOfRange { index, size })
    } else {
        Ok(())
    }
}

fn check_sizes(old: u64, new: u64) -> Result<(), TreeError> {
    check_size(new)?;
    if old > new {
        Err(TreeError::OutOfRange {
            index: old,
            size: new,
        })
    } else {
        Ok(())
    }
}

fn plain(hashes: Vec<Hash>) -> Vec<[u8; 32]> {
    hashes.into_iter().map(|hash| hash.0).collect()
}

fn wrapped(proof: &[[u8; 32]]) -> Result<Vec<Hash>, TreeError> {
    if proof.len() > MAX_PROOF_HASHES {
        return Err(TreeError::ProofInvalid);
    }
    Ok(proof.iter().copied().map(Hash).collect())
}
