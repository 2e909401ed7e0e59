//! Appending to the tenant's Merkle log, inside the transaction of the fact that is recorded (INV-4).
//!
//! One transaction holds the write lock, so index order, commit order and time order are the same (hazard
//! 58).

use crate::db::Tx;
use crate::error;
use crate::row::{int, time};
use countersign_core::time::Timestamp;
use countersign_ledger::{
    Earlier, KnownHashes, Leaf, LeafHash, RootHash, Salt, TreeError, commit, leaf_hash, tree,
};
use countersign_ports::store::{BODY_MAX_BYTES, StoreError};
use rand_core::{OsRng, RngCore as _};
use sea_orm::Value;
use std::collections::BTreeSet;

/// The stream of facts that belong to no workflow: members, repositories.
pub(crate) const TENANT_STREAM: &str = "tenant";
/// Kind of every entry of a workflow's stream; the body is an event record.
pub(crate) const KIND_EVENT: &str = "workflow.event";
/// Kind of the entry of a new member.
pub(crate) const KIND_MEMBER_ADDED: &str = "member.added";
/// Kind of the entry of a member whose name, role or membership changed.
pub(crate) const KIND_MEMBER_CHANGED: &str = "member.changed";
/// Kind of the entry of an account at a provider that is a member's.
pub(crate) const KIND_MEMBER_LINKED: &str = "member.linked";
/// Kind of the entry of a newly registered repository.
pub(crate) const KIND_REPOSITORY_REGISTERED: &str = "repository.registered";

/// Kind of the entry of an alarm.
pub(crate) const KIND_ALARM: &str = "alarm.raised";
/// Kind of the entry of an alarm that somebody has seen to.
pub(crate) const KIND_ALARM_CLEARED: &str = "alarm.cleared";
/// Kinds of the entries of a freeze and of its end.
pub(crate) const KIND_FREEZE_BEGUN: &str = "freeze.begun";
/// Its end.
pub(crate) const KIND_FREEZE_ENDED: &str = "freeze.ended";

/// The stream of what left as notices. A stream of its own: the tenant's is read whole wherever somebody's role counts.
pub(crate) const NOTICE_STREAM: &str = "notices";
/// Kind of the entry of a notice that will not be sent again.
pub(crate) const KIND_NOTICE_ENDED: &str = "notice.ended";

/// A fact to append.
pub(crate) struct Fact {
    /// What kind of fact.
    pub(crate) kind: &'static str,
    /// When; raised to the log's newest time if it lies before it.
    pub(crate) at: Timestamp,
    /// What the leaf commits to.
    pub(crate) body: Vec<u8>,
    /// It is the last one of its stream.
    pub(crate) ends: bool,
}

/// The tenant's log, open for appending to one of its streams.
pub(crate) struct Log<'a> {
    tx: &'a Tx<'a>,
    size: u64,
    newest: Timestamp,
    stream: &'a str,
    count: u64,
    last: Option<LeafHash>,
}

impl<'a> Log<'a> {
    /// Looks up where the log and the stream stand; a stream without entries is empty.
    pub(crate) async fn open(tx: &'a Tx<'a>, stream: &'a str) -> Result<Self, StoreError> {
        const ENDS: &str = "SELECT log.idx, log.at, own.seq, own.leaf
            FROM (SELECT idx, at FROM entries WHERE tenant = $1 ORDER BY idx DESC LIMIT 1) AS log
            LEFT JOIN (SELECT seq, leaf FROM entries WHERE tenant = $1 AND stream = $2
                ORDER BY seq DESC LIMIT 1) AS own ON true";
        let mut log = Self {
            tx,
            size: 0,
            newest: Timestamp(0),
            stream,
            count: 0,
            last: None,
        };
        if let Some(row) = tx.row(ENDS, [stream.into()]).await? {
            log.size = row.number("idx")? + 1;
            log.newest = row.time("at")?;
            log.count = row.number_or_null("seq")?.unwrap_or(0);
            log.last = row.bytes_or_null("leaf")?.as_deref().map(leaf_hash);
        }
        Ok(log)
    }

    /// The time of the log's last entry.
    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Leaves in the log.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Entries in the stream.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Appends facts to the stream, one after the other.
    pub(crate) async fn append(&mut self, facts: Vec<Fact>) -> Result<(), StoreError> {
        let mut known = self.edge(facts.len()).await?;
        let (mut entries, mut bodies, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
        for fact in facts {
            if fact.body.len() > BODY_MAX_BYTES {
                return Err(too_large(fact.body.len()));
            }
            let salt = fresh_salt()?;
            let leaf = self.next_leaf(&fact, &salt);
            let bytes = leaf.to_bytes().map_err(|e| error::leaf(&e))?;
            let position = tree::stored_hash_count(self.size).map_err(|e| error::tree(&e))?;
            let new = tree::append(self.size, &bytes, &known).map_err(|e| error::tree(&e))?;
            self.last = Some(leaf_hash(&bytes));
            entries.push([
                int(self.size),
                int(position),
                leaf.stream.into(),
                int(leaf.seq),
                leaf.kind.into(),
                time(self.newest),
                Value::from(bytes),
            ]);
            bodies.push([
                int(self.size),
                Value::from(salt.0.to_vec()),
                Value::from(fact.body),
            ]);
            for (position, hash) in (position..).zip(new) {
                hashes.push([int(position), Value::from(hash.to_vec())]);
                known.insert(position, hash);
            }
            self.size += 1;
        }
        let into = "entries (tenant, idx, position, stream, seq, kind, at, leaf)";
        self.tx.insert(into, entries).await?;
        self.tx
            .insert("entry_bodies (tenant, idx, salt, body)", bodies)
            .await?;
        self.tx
            .insert("tree_hashes (tenant, position, hash)", hashes)
            .await
    }

    fn next_leaf(&mut self, fact: &Fact, salt: &Salt) -> Leaf {
        self.newest = self.newest.max(fact.at);
        self.count += 1;
        Leaf {
            tenant: self.tx.tenant().to_string(),
            stream: self.stream.to_owned(),
            seq: self.count,
            prev: self.last,
            kind: fact.kind.to_owned(),
            at: self.newest.to_rfc3339(),
            commitment: commit(salt, &fact.body),
            ended: fact.ends.then_some(self.count),
        }
    }

    /// The stored hashes that appending so many leaves builds on.
    async fn edge(&self, leaves: usize) -> Result<KnownHashes, StoreError> {
        let stored = tree::stored_hash_count(self.size).map_err(|e| error::tree(&e))?;
        let mut reads = BTreeSet::new();
        for size in (self.size..).take(leaves) {
            let read = tree::append_reads(size).map_err(|e| error::tree(&e))?;
            reads.extend(read.into_iter().filter(|position| *position < stored));
        }
        let mut known = KnownHashes::new();
        load_hashes(self.tx, reads, &mut known).await?;
        Ok(known)
    }
}

/// Appends one fact of the tenant as a whole.
pub(crate) async fn append_tenant_fact(
    tx: &Tx<'_>,
    kind: &'static str,
    body: &[u8],
) -> Result<(), StoreError> {
    let fact = Fact {
        kind,
        at: tx.now().await?,
        body: body.to_vec(),
        ends: false,
    };
    Log::open(tx, TENANT_STREAM).await?.append(vec![fact]).await
}

/// Leaves in the tenant's log.
pub(crate) async fn size(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let row = tx
        .row(
            "SELECT coalesce(max(idx) + 1, 0) AS size FROM entries WHERE tenant = $1",
            [],
        )
        .await?;
    row.map_or(Ok(0), |row| row.number("size"))
}

/// Root of the first `size` leaves.
pub(crate) async fn root(tx: &Tx<'_>, size: u64) -> Result<RootHash, StoreError> {
    let mut known = KnownHashes::new();
    load_hashes(
        tx,
        tree::root_reads(size).map_err(|e| error::tree(&e))?,
        &mut known,
    )
    .await?;
    tree::root(size, &known).map_err(|e| error::tree(&e))
}

/// Audit path of a leaf in the tree of `size` leaves. `known` keeps what was loaded for the next proof.
pub(crate) async fn inclusion(
    tx: &Tx<'_>,
    size: u64,
    index: u64,
    known: &mut KnownHashes,
) -> Result<Vec<[u8; 32]>, StoreError> {
    let reads = tree::inclusion_reads(size, index).map_err(|e| error::tree(&e))?;
    load_hashes(tx, reads, known).await?;
    tree::prove_inclusion(size, index, known).map_err(|e| error::tree(&e))
}

/// Earlier heads with the proof that the tree of `size` leaves goes on from each.
pub(crate) async fn earlier(tx: &Tx<'_>, sizes: &[u64], size: u64) -> Result<Vec<Earlier>, StoreError> {
    let mut known = KnownHashes::new();
    let mut found = Vec::new();
    for old in sizes.iter().copied().filter(|old| (1..size).contains(old)) {
        let reads = tree::consistency_reads(old, size).map_err(|e| error::tree(&e))?;
        load_hashes(tx, reads, &mut known).await?;
        found.push(Earlier {
            size: old,
            root: root(tx, old).await?,
            proof: tree::prove_consistency(old, size, &known).map_err(|e| error::tree(&e))?,
        });
    }
    Ok(found)
}

/// Loads the hashes at these positions that are not known yet.
async fn load_hashes(
    tx: &Tx<'_>,
    positions: impl IntoIterator<Item = u64>,
    known: &mut KnownHashes,
) -> Result<(), StoreError> {
    const LOAD: &str = "SELECT position, hash FROM tree_hashes
        WHERE tenant = $1 AND position IN (SELECT value FROM json_each($2))";
    let unknown = positions.into_iter().filter(|p| !known.contains_key(p));
    let missing: Vec<u64> = unknown.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = serde_json::Value::from(missing.clone()).to_string();
    for row in tx.rows(LOAD, [list.into()]).await? {
        known.insert(row.number("position")?, row.hash("hash")?);
    }
    match missing.into_iter().find(|p| !known.contains_key(p)) {
        Some(position) => Err(error::tree(&TreeError::MissingHash { position })),
        None => Ok(()),
    }
}

fn fresh_salt() -> Result<Salt, StoreError> {
    let mut bytes = [0; 32];
    match OsRng.try_fill_bytes(&mut bytes) {
        Ok(()) => Ok(Salt(bytes)),
        Err(error) => Err(StoreError::Unavailable {
            code: "no-randomness",
            message: "the operating system gave no random bytes; run again".to_owned(),
            source: Some(error.to_string().into()),
        }),
    }
}

/// A body over the limit.
pub(crate) fn too_large(bytes: usize) -> StoreError {
    StoreError::Refused {
        code: "body-too-large",
        message: format!(
            "a body has {bytes} bytes; at most {BODY_MAX_BYTES} are kept, so make the change smaller"
        ),
    }
}
