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

/// The stream of facts that belong to no workflow: members, repositories.
pub(crate) const TENANT_STREAM: &str = "tenant";
/// Kind of every entry of a workflow's stream; the body is an event record.
pub(crate) const KIND_EVENT: &str = "workflow.event";
/// Kind of the entry of a new member.
pub(crate) const KIND_MEMBER_ADDED: &str = "member.added";
/// Kind of the entry of a member whose name, role or membership changed.
pub(crate) const KIND_MEMBER_CHANGED: &str = "member.changed";
/// Kind of the entry of a newly registered repository.
pub(crate) const KIND_REPOSITORY_REGISTERED: &str = "repository.registered";

/// Kind of the entry of an alarm.
pub(crate) const KIND_ALARM: &str = "alarm.raised";

/// A fact to append.
pub(crate) struct Fact<'a> {
    /// What kind of fact.
    pub(crate) kind: &'a str,
    /// When; raised to the log's newest time if it lies before it.
    pub(crate) at: Timestamp,
    /// What the leaf commits to.
    pub(crate) body: &'a [u8],
    /// It is the last one of its stream.
    pub(crate) ends: bool,
}

/// Where a stream stands.
pub(crate) struct Stream {
    name: String,
    /// How many entries it has.
    pub(crate) count: u64,
    last: Option<LeafHash>,
}

impl Stream {
    /// Looks a stream up; one without entries is empty.
    pub(crate) async fn load(tx: &Tx<'_>, name: &str) -> Result<Self, StoreError> {
        const LAST: &str =
            "SELECT seq, leaf FROM entries WHERE tenant = $1 AND stream = $2 ORDER BY seq DESC LIMIT 1";
        let last = tx.row(LAST, [name.into()]).await?;
        let (count, last) = match last {
            Some(row) => (row.number("seq")?, Some(leaf_hash(&row.bytes("leaf")?))),
            None => (0, None),
        };
        Ok(Self {
            name: name.to_owned(),
            count,
            last,
        })
    }
}

/// The tenant's log, open for appending.
pub(crate) struct Log<'a> {
    tx: &'a Tx<'a>,
    size: u64,
    newest: Timestamp,
    known: KnownHashes,
}

impl<'a> Log<'a> {
    /// Looks up where the log stands.
    pub(crate) async fn open(tx: &'a Tx<'a>) -> Result<Self, StoreError> {
        let last = tx
            .row(
                "SELECT idx, at FROM entries WHERE tenant = $1 ORDER BY idx DESC LIMIT 1",
                [],
            )
            .await?;
        let (size, newest) = match last {
            Some(row) => (row.number("idx")? + 1, row.time("at")?),
            None => (0, Timestamp(0)),
        };
        Ok(Self {
            tx,
            size,
            newest,
            known: KnownHashes::new(),
        })
    }

    /// Leaves in it.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends one fact to a stream.
    pub(crate) async fn append(&mut self, stream: &mut Stream, fact: &Fact<'_>) -> Result<(), StoreError> {
        if fact.body.len() > BODY_MAX_BYTES {
            return Err(too_large(fact.body.len()));
        }
        let salt = fresh_salt()?;
        let at = fact.at.max(self.newest);
        let seq = stream.count + 1;
        let leaf = Leaf {
            tenant: self.tx.tenant().to_string(),
            stream: stream.name.clone(),
            seq,
            prev: stream.last,
            kind: fact.kind.to_owned(),
            at: at.to_rfc3339(),
            commitment: commit(&salt, fact.body),
            ended: fact.ends.then_some(seq),
        };
        let bytes = leaf.to_bytes().map_err(|e| error::leaf(&e))?;
        self.insert_entry(&leaf, at, &bytes).await?;
        self.insert_body(&salt, fact.body).await?;
        self.insert_hashes(&bytes).await?;
        *stream = Stream {
            name: std::mem::take(&mut stream.name),
            count: seq,
            last: Some(leaf_hash(&bytes)),
        };
        self.size += 1;
        self.newest = at;
        Ok(())
    }

    async fn insert_entry(&self, leaf: &Leaf, at: Timestamp, bytes: &[u8]) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO entries (tenant, idx, position, stream, seq, kind, at, leaf)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let position = tree::stored_hash_count(self.size).map_err(|e| error::tree(&e))?;
        let values = [
            int(self.size),
            int(position),
            leaf.stream.as_str().into(),
            int(leaf.seq),
            leaf.kind.as_str().into(),
            time(at),
            Value::from(bytes),
        ];
        self.tx.run(INSERT, values).await.map(|_| ())
    }

    async fn insert_body(&self, salt: &Salt, body: &[u8]) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO entry_bodies (tenant, idx, salt, body) VALUES ($1, $2, $3, $4)";
        let values = [
            int(self.size),
            Value::from(salt.as_bytes().as_slice()),
            Value::from(body),
        ];
        self.tx.run(INSERT, values).await.map(|_| ())
    }

    /// The leaf's hash and every subtree that it completes.
    async fn insert_hashes(&mut self, leaf: &[u8]) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO tree_hashes (tenant, position, hash) VALUES ($1, $2, $3)";
        let reads = tree::append_reads(self.size).map_err(|e| error::tree(&e))?;
        load_hashes(self.tx, &reads, &mut self.known).await?;
        let hashes = tree::append(self.size, leaf, &self.known).map_err(|e| error::tree(&e))?;
        let first = tree::stored_hash_count(self.size).map_err(|e| error::tree(&e))?;
        for (position, hash) in (first..).zip(hashes) {
            self.tx
                .run(INSERT, [int(position), Value::from(hash.as_slice())])
                .await?;
            self.known.insert(position, hash);
        }
        Ok(())
    }
}

/// Appends one fact of the tenant as a whole.
pub(crate) async fn append_tenant_fact(tx: &Tx<'_>, kind: &str, body: &[u8]) -> Result<(), StoreError> {
    let fact = Fact {
        kind,
        at: tx.now().await?,
        body,
        ends: false,
    };
    let mut stream = Stream::load(tx, TENANT_STREAM).await?;
    Log::open(tx).await?.append(&mut stream, &fact).await
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
        &tree::root_reads(size).map_err(|e| error::tree(&e))?,
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
    load_hashes(tx, &reads, known).await?;
    tree::prove_inclusion(size, index, known).map_err(|e| error::tree(&e))
}

/// Earlier heads with the proof that the tree of `size` leaves goes on from each.
pub(crate) async fn earlier(tx: &Tx<'_>, sizes: &[u64], size: u64) -> Result<Vec<Earlier>, StoreError> {
    let mut known = KnownHashes::new();
    let mut found = Vec::new();
    for old in sizes.iter().copied().filter(|old| (1..size).contains(old)) {
        let reads = tree::consistency_reads(old, size).map_err(|e| error::tree(&e))?;
        load_hashes(tx, &reads, &mut known).await?;
        found.push(Earlier {
            size: old,
            root: root(tx, old).await?,
            proof: tree::prove_consistency(old, size, &known).map_err(|e| error::tree(&e))?,
        });
    }
    Ok(found)
}

/// Loads the hashes at these positions that are not known yet.
async fn load_hashes(tx: &Tx<'_>, positions: &[u64], known: &mut KnownHashes) -> Result<(), StoreError> {
    for position in positions {
        if known.contains_key(position) {
            continue;
        }
        let found = tx
            .row(
                "SELECT hash FROM tree_hashes WHERE tenant = $1 AND position = $2",
                [int(*position)],
            )
            .await?;
        let row = found.ok_or_else(|| error::tree(&TreeError::MissingHash { position: *position }))?;
        known.insert(*position, row.hash("hash")?);
    }
    Ok(())
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
