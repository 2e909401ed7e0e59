//! The whole ledger, checked from its leaves up: for a copy that nobody has looked at yet.

use crate::db::Tx;
use crate::{entries, error, log, seal};
use countersign_ledger::{Continuity, KnownHashes, LeafHash, inspect, tree};
use countersign_ports::store::StoreError;
use std::collections::BTreeMap;

/// Entries that are read at a time.
const PAGE: u32 = 1_000;

/// Where a stream stands.
struct Seen {
    last: LeafHash,
    count: u64,
    ended: bool,
}

/// Checks every entry, the chain of every stream, and the root of a tree made anew of the leaves.
pub(crate) async fn check(tx: &Tx<'_>, note: &str) -> Result<u64, StoreError> {
    let covered = inspect(note).map(|seen| seen.size()) == Ok(log::size(tx).await?);
    if !covered || seal::compare(tx, note).await? != Continuity::GoesOn {
        return Err(error::damaged(
            "the ledger is not the one that its checkpoint was signed for",
        ));
    }
    check_entries(tx).await
}

/// The same, signed or not.
pub(crate) async fn check_entries(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let size = log::size(tx).await?;
    let mut streams: BTreeMap<String, Seen> = BTreeMap::new();
    let mut known = KnownHashes::new();
    let mut next = 0;
    while next < size {
        let page = entries::checked(tx, next, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            follow(&mut streams, next, &entry)?;
            let stored = tree::stored_hash_count(next).map_err(|e| error::tree(&e))?;
            let hashes = tree::append(next, entry.bytes(), &known).map_err(|e| error::tree(&e))?;
            known.extend((stored..).zip(hashes));
            next += 1;
        }
    }
    let root = tree::root(size, &known).map_err(|e| error::tree(&e))?;
    if next != size || root != log::root(tx, size).await? {
        return Err(error::damaged("the ledger's tree is not that of its leaves"));
    }
    Ok(size)
}

/// An entry comes right after the one before it, in the log and in its stream.
fn follow(
    streams: &mut BTreeMap<String, Seen>,
    index: u64,
    entry: &entries::Entry,
) -> Result<(), StoreError> {
    let leaf = entry.leaf();
    let before = streams.get(&leaf.stream);
    let follows = entry.index() == index
        && leaf.seq == before.map_or(0, |b| b.count) + 1
        && leaf.prev == before.map(|b| b.last)
        && before.is_none_or(|b| !b.ended);
    if !follows {
        return Err(error::damaged(format_args!(
            "ledger entry {index} does not follow the one before it"
        )));
    }
    let seen = Seen {
        last: entry.hash(),
        count: leaf.seq,
        ended: leaf.ended.is_some(),
    };
    streams.insert(leaf.stream.clone(), seen);
    Ok(())
}
