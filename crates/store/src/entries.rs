//! Reading the log back. Every row is checked against what vouches for it: the leaf against the tree's hash,
//! the columns against the leaf, the body against the leaf's commitment, and a whole stream for its unbroken
//! chain.

use crate::db::Tx;
use crate::error;
use crate::log::{self, KIND_EVENT};
use crate::row::{Row, exactly_32, int};
use countersign_core::epoch::KIND_EPOCH_BEGUN;
use countersign_core::erasure::{Erasure, KIND_ERASED};
use countersign_core::feedback::Metadata;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use countersign_ledger::rotation::KIND_KEY_ROTATED;
use countersign_ledger::{
    Body, BundleEntry, KnownHashes, Leaf, LeafHash, RootHash, Salt, commit, leaf_hash, tree,
};
use countersign_ports::store::{EntryRow, StoreError};
use std::collections::BTreeSet;

/// Most entries that one question gives.
const PAGE_MAX: u32 = 10_000;

const COLUMNS: &str =
    "SELECT e.idx, e.position, e.stream, e.seq, e.kind, e.at, e.leaf, t.hash, b.salt, b.body
    FROM entries e
    LEFT JOIN tree_hashes t ON t.tenant = e.tenant AND t.position = e.position
    LEFT JOIN entry_bodies b ON b.tenant = e.tenant AND b.idx = e.idx
    WHERE e.tenant = $1";

/// An entry whose leaf and body were checked.
pub(crate) struct Entry {
    index: u64,
    leaf: Leaf,
    at: Timestamp,
    bytes: Vec<u8>,
    hash: LeafHash,
    body: Option<(Salt, Vec<u8>)>,
}

impl Entry {
    /// Where the log has it.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// The leaf.
    pub(crate) fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The leaf's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The leaf's hash.
    pub(crate) fn hash(&self) -> LeafHash {
        self.hash
    }
}

/// Entries of the whole log from an index on, each checked by itself.
pub(crate) async fn checked(tx: &Tx<'_>, from: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let sql = format!("{COLUMNS} AND e.idx >= $2 ORDER BY e.idx LIMIT $3");
    let rows = tx.rows(&sql, [int(from), int(limit.into())]).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// All events of a workflow.
pub(crate) async fn events(tx: &Tx<'_>, workflow: &WorkflowId) -> Result<Vec<EventRecord>, StoreError> {
    let entries = whole_stream(tx, workflow.as_str()).await?;
    let recorded = crate::workflows::recorded_version(tx, workflow)
        .await?
        .map_or(0, |v| v.0);
    if recorded != entries.len() as u64 {
        return Err(error::damaged(format_args!(
            "the stream {workflow} has {} entries and {recorded} were recorded",
            entries.len()
        )));
    }
    if entries.iter().any(|entry| entry.body.is_none()) {
        refuse_erased(tx, workflow, &entries).await?;
    }
    entries.iter().map(|entry| event(tx, workflow, entry)).collect()
}

/// Where bodies are gone and the ledger says so, the story can't be told any more, and that is no damage.
async fn refuse_erased(tx: &Tx<'_>, workflow: &WorkflowId, entries: &[Entry]) -> Result<(), StoreError> {
    let facts = tenant_facts(tx, KIND_ERASED).await?;
    let erasures = facts.iter().filter_map(|body| Erasure::parse(body));
    let of_this = erasures.filter(|erasure| erasure.workflow == *workflow);
    let recorded: BTreeSet<u64> = of_this.flat_map(|erasure| erasure.entries).collect();
    let mut gone = entries.iter().filter(|entry| entry.body.is_none());
    if !gone.all(|entry| recorded.contains(&entry.leaf.seq)) {
        return Ok(());
    }
    Err(StoreError::Refused {
        code: "body-erased",
        message: format!(
            "words of {workflow} were erased; `countersign ledger export` still writes what is left"
        ),
    })
}

/// Bodies of the tenant's own facts of one kind, checked against the log.
pub(crate) async fn tenant_facts(tx: &Tx<'_>, kind: &str) -> Result<Vec<Vec<u8>>, StoreError> {
    tenant_facts_of(tx, &[kind]).await
}

/// The same, of several kinds, in order.
pub(crate) async fn tenant_facts_of(tx: &Tx<'_>, kinds: &[&str]) -> Result<Vec<Vec<u8>>, StoreError> {
    let entries = whole_stream(tx, log::TENANT_STREAM).await?;
    let of_kind = entries
        .into_iter()
        .filter(|e| kinds.contains(&e.leaf.kind.as_str()));
    Ok(of_kind.filter_map(|e| e.body.map(|(_, body)| body)).collect())
}

/// A fact of the tenant's own stream.
pub(crate) struct TenantFact {
    /// Where the log has it.
    pub(crate) index: u64,
    /// When it was recorded.
    pub(crate) at: Timestamp,
    /// What kind of fact.
    pub(crate) kind: String,
    /// What it says.
    pub(crate) body: Vec<u8>,
}

/// The same with place and time.
pub(crate) async fn placed_tenant_facts(tx: &Tx<'_>, kinds: &[&str]) -> Result<Vec<TenantFact>, StoreError> {
    let entries = whole_stream(tx, log::TENANT_STREAM).await?;
    let of_kind = entries
        .into_iter()
        .filter(|e| kinds.contains(&e.leaf.kind.as_str()));
    let placed = of_kind.filter_map(|e| {
        Some(TenantFact {
            index: e.index,
            at: e.at,
            kind: e.leaf.kind,
            body: e.body?.1,
        })
    });
    Ok(placed.collect())
}

/// Entries of the tenant's own stream that a workflow's story rests on, with proofs against `size` leaves.
pub(crate) async fn notices(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
    size: u64,
) -> Result<Vec<BundleEntry>, StoreError> {
    let about = |entry: &Entry| match entry.leaf.kind.as_str() {
        KIND_KEY_ROTATED | KIND_EPOCH_BEGUN => true,
        KIND_ERASED => {
            let body = entry.body.as_ref().and_then(|(_, body)| Erasure::parse(body));
            body.is_some_and(|erasure| erasure.workflow == *workflow)
        }
        _other => false,
    };
    let entries = whole_stream(tx, log::TENANT_STREAM).await?;
    proven(tx, entries.into_iter().filter(about), size).await
}

/// Entries of one stream or of all, from an index on.
pub(crate) async fn page(
    tx: &Tx<'_>,
    stream: Option<&str>,
    from: u64,
    limit: u32,
) -> Result<Vec<EntryRow>, StoreError> {
    let sql = format!("{COLUMNS} AND e.idx >= $2 AND ($3 IS NULL OR e.stream = $3) ORDER BY e.idx LIMIT $4");
    let rows = tx
        .rows(&sql, [int(from), stream.into(), int(limit.min(PAGE_MAX).into())])
        .await?;
    let entries = rows.iter().map(|row| read(tx, row));
    let plain = |e: Entry| EntryRow {
        index: e.index,
        leaf: e.bytes,
        body: e.body.map(|(_, body)| body),
    };
    entries.map(|entry| entry.map(plain)).collect()
}

/// A stream's entries with proofs against the tree of `size` leaves.
pub(crate) async fn export(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
    size: u64,
) -> Result<Vec<BundleEntry>, StoreError> {
    refuse_beyond(tx, size).await?;
    let entries = whole_stream(tx, workflow.as_str()).await?;
    let bundle = proven(tx, entries.into_iter(), size).await?;
    if bundle.is_empty() {
        return Err(StoreError::NotFound {
            what: "ledger entry of workflow",
            id: workflow.to_string(),
        });
    }
    Ok(bundle)
}

/// Of the newest workflows, those that began with all of these pairs among their metadata.
pub(crate) async fn begun_with(
    tx: &Tx<'_>,
    metadata: &Metadata,
    limit: u32,
) -> Result<BTreeSet<WorkflowId>, StoreError> {
    let sql = format!(
        "{COLUMNS} AND e.seq = 1 AND e.stream IN
            (SELECT id FROM workflows WHERE tenant = $1 ORDER BY created_at DESC, id DESC LIMIT $2)"
    );
    let rows = tx.rows(&sql, [int(limit.min(PAGE_MAX).into())]).await?;
    let mut found = BTreeSet::new();
    for row in &rows {
        let entry = read(tx, row)?;
        if entry.body.is_none() {
            continue;
        }
        let id = WorkflowId::parse(&entry.leaf.stream).map_err(|e| error::damaged(format_args!("{e}")))?;
        let record = event(tx, &id, &entry)?;
        if let Event::WorkflowStarted { metadata: given, .. } = &record.event
            && metadata.iter().all(|(key, value)| given.get(key) == Some(value))
        {
            found.insert(id);
        }
    }
    Ok(found)
}

/// Refuses a tree that is larger than the log.
async fn refuse_beyond(tx: &Tx<'_>, size: u64) -> Result<(), StoreError> {
    let have = log::size(tx).await?;
    if size <= have {
        return Ok(());
    }
    Err(StoreError::Refused {
        code: "size-beyond-ledger",
        message: format!("the ledger has {have} entries, not {size}; name a size that it covers"),
    })
}

/// One entry with its proof against the tree of `size` leaves.
pub(crate) async fn one_proven(tx: &Tx<'_>, index: u64, size: u64) -> Result<BundleEntry, StoreError> {
    refuse_beyond(tx, size).await?;
    let entry = checked(tx, index, 1)
        .await?
        .into_iter()
        .filter(|e| e.index == index);
    let found = proven(tx, entry, size).await?.pop();
    found.ok_or_else(|| StoreError::NotFound {
        what: "ledger entry under that checkpoint",
        id: index.to_string(),
    })
}

/// The root of the log's first `size` leaves.
pub(crate) async fn root_of(tx: &Tx<'_>, size: u64) -> Result<RootHash, StoreError> {
    refuse_beyond(tx, size).await?;
    log::root(tx, size).await
}

/// Entries that a tree of `size` leaves has, with their proofs.
async fn proven(
    tx: &Tx<'_>,
    entries: impl Iterator<Item = Entry>,
    size: u64,
) -> Result<Vec<BundleEntry>, StoreError> {
    let mut known = KnownHashes::new();
    let mut bundle = Vec::new();
    for entry in entries.take_while(|e| e.index < size) {
        let proof = log::inclusion(tx, size, entry.index, &mut known).await?;
        let body = entry
            .body
            .map_or(Body::Erased, |(salt, bytes)| Body::Present { salt, bytes });
        bundle.push(BundleEntry {
            index: entry.index,
            leaf: entry.bytes,
            body,
            proof,
        });
    }
    Ok(bundle)
}

/// A stream from its first entry, each one naming the one before it.
async fn whole_stream(tx: &Tx<'_>, stream: &str) -> Result<Vec<Entry>, StoreError> {
    let sql = format!("{COLUMNS} AND e.stream = $2 ORDER BY e.seq");
    let rows = tx.rows(&sql, [stream.into()]).await?;
    let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
    for (seq, row) in (1..).zip(&rows) {
        let entry = read(tx, row)?;
        let before = entries.last();
        let later = before.is_none_or(|b| b.index < entry.index);
        if entry.leaf.seq != seq || entry.leaf.prev != before.map(|b| b.hash) || !later {
            return Err(error::damaged(format_args!(
                "entry {seq} of {stream} does not follow the one before it"
            )));
        }
        if before.is_some_and(|b| b.leaf.ended.is_some()) {
            return Err(error::damaged(format_args!("{stream} goes on after its end")));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Reads one row and checks everything that can be checked about it alone.
fn read(tx: &Tx<'_>, row: &Row) -> Result<Entry, StoreError> {
    let index = row.number("idx")?;
    let wrong = |what: &str| error::damaged(format_args!("ledger entry {index}: {what}"));
    let bytes = row.bytes("leaf")?;
    let leaf = Leaf::parse(&bytes).map_err(|e| wrong(&e.to_string()))?;
    let hash = leaf_hash(&bytes);
    let stored = row
        .bytes_or_null("hash")?
        .ok_or_else(|| wrong("its hash is missing from the tree"))?;
    let position = tree::stored_hash_count(index).map_err(|e| error::tree(&e))?;
    if stored != hash.as_bytes() || row.number("position")? != position {
        return Err(wrong("its leaf is not the one that is in the tree"));
    }
    let same = leaf.tenant == tx.tenant().as_str()
        && leaf.stream == row.text("stream")?
        && leaf.seq == row.number("seq")?
        && leaf.kind == row.text("kind")?
        && leaf.at == row.time("at")?.to_rfc3339();
    if !same {
        return Err(wrong("its columns are not what its leaf says"));
    }
    let body = match (row.bytes_or_null("salt")?, row.bytes_or_null("body")?) {
        (Some(salt), Some(body)) => Some((Salt(exactly_32("salt", salt)?), body)),
        (Some(_), None) | (None, Some(_)) => return Err(wrong("half of its body is gone")),
        (None, None) => None,
    };
    if body
        .as_ref()
        .is_some_and(|(salt, body)| commit(salt, body) != leaf.commitment)
    {
        return Err(wrong("its body was changed"));
    }
    Ok(Entry {
        index,
        leaf,
        at: row.time("at")?,
        bytes,
        hash,
        body,
    })
}

fn event(tx: &Tx<'_>, workflow: &WorkflowId, entry: &Entry) -> Result<EventRecord, StoreError> {
    let wrong = |what: &str| error::damaged(format_args!("event {} of {workflow}: {what}", entry.leaf.seq));
    if entry.leaf.kind != KIND_EVENT {
        return Err(wrong("it is not an event"));
    }
    let (_, body) = entry
        .body
        .as_ref()
        .ok_or_else(|| wrong("its body is gone, and no erasure says so"))?;
    let record = EventRecord::from_bytes(body).map_err(|e| StoreError::Corrupt {
        code: e.code(),
        message: format!(
            "event {} of {workflow} can't be read: {e}; use the version that wrote it",
            entry.leaf.seq
        ),
    })?;
    let same = record.tenant == *tx.tenant() && record.workflow == *workflow && record.seq == entry.leaf.seq;
    if same {
        Ok(record)
    } else {
        Err(wrong("its record names another place"))
    }
}
