//! Ledger, bundles and stories.

use crate::error::CliError;
use crate::render::story::Sentence;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use countersign_ledger::{Leaf, Origin, Report, leaf_hash};
use countersign_ports::store::EntryRow;
use serde::Serialize;

/// One sentence of a story.
#[derive(Debug, Serialize)]
pub(crate) struct StoryWire {
    /// RFC 3339, UTC.
    pub(crate) at: String,
    /// ✓ good · ✗ bad · ? waits · – neither · `·` neutral.
    pub(crate) mark: String,
    /// The words; may hold untrusted ones.
    pub(crate) text: String,
}

impl StoryWire {
    /// From what is told.
    pub(crate) fn of((at, sentence): &(Timestamp, Sentence)) -> Self {
        Self {
            at: at.to_rfc3339(),
            mark: sentence.mark.to_owned(),
            text: sentence.text.clone(),
        }
    }
}

/// `verify --json`.
#[derive(Debug, Serialize)]
pub(crate) struct VerdictWire {
    /// `proven` or `consistent-origin-unproven`; a refused bundle prints an error instead.
    pub(crate) verdict: &'static str,
    /// Whether a trusted key signed it.
    pub(crate) proven: bool,
    /// That key's name.
    pub(crate) key: Option<String>,
    /// Whether the stream has ended and all of it is here.
    pub(crate) complete: bool,
    /// Whether an approval was given without anybody looking.
    pub(crate) unattended: bool,
    /// Whose.
    pub(crate) tenant: String,
    /// Which workflow.
    pub(crate) workflow: String,
    /// How it ended, if it did.
    pub(crate) state: Option<String>,
    /// Entries in the bundle.
    pub(crate) entries: usize,
    /// Entries whose body was erased.
    pub(crate) erased: usize,
    /// Evidence files in the bundle.
    pub(crate) attachments: usize,
    /// Leaves under the checkpoint.
    pub(crate) checkpoint_size: u64,
    /// Its Merkle root.
    pub(crate) checkpoint_root: String,
    /// What happened.
    pub(crate) story: Vec<StoryWire>,
}

impl VerdictWire {
    /// From what was verified; the story is added by the caller.
    pub(crate) fn of(report: &Report, records: &[EventRecord], unattended: bool) -> Self {
        let key = match &report.origin {
            Origin::Proven { key } => Some(key.clone()),
            Origin::Unproven => None,
        };
        let ended = records.iter().rev().find_map(|r| {
            if let Event::WorkflowEnded { state, .. } = &r.event {
                Some(state.to_string())
            } else {
                None
            }
        });
        Self {
            verdict: if key.is_some() {
                "proven"
            } else {
                "consistent-origin-unproven"
            },
            proven: key.is_some(),
            key,
            complete: report.complete,
            unattended,
            tenant: report.tenant.clone(),
            workflow: report.stream.clone(),
            state: ended,
            entries: report.entries.len(),
            erased: report.erased,
            attachments: report.attachments.len(),
            checkpoint_size: report.checkpoint.size(),
            checkpoint_root: report.checkpoint.root().to_string(),
            story: Vec::new(),
        }
    }
}

/// `ledger export --json`.
#[derive(Debug, Serialize)]
pub(crate) struct ExportWire {
    /// Where it was written.
    pub(crate) file: String,
    /// Which workflow.
    pub(crate) workflow: String,
    /// Entries in it.
    pub(crate) entries: usize,
    /// Its size.
    pub(crate) bytes: usize,
    /// The key that verifies it.
    pub(crate) key: String,
}

/// `ledger checkpoint --json`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckpointWire {
    /// Leaves that it covers.
    pub(crate) size: u64,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    /// The signed note.
    pub(crate) note: String,
    /// The key that verifies it.
    pub(crate) key: String,
}

/// `ledger show --json`.
#[derive(Debug, Serialize)]
pub(crate) struct EntriesWire {
    /// Leaves in the log.
    pub(crate) size: u64,
    /// Leaves under the newest signed checkpoint.
    pub(crate) sealed: u64,
    /// In order.
    pub(crate) entries: Vec<EntryWire>,
}

/// One ledger entry.
#[derive(Debug, Serialize)]
pub(crate) struct EntryWire {
    /// Its index in the log, from 0.
    pub(crate) index: u64,
    /// Its stream: a workflow's id.
    pub(crate) stream: String,
    /// Its place in the stream, from 1.
    pub(crate) seq: u64,
    /// What kind of fact; for a workflow's events, which one.
    pub(crate) kind: String,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    /// RFC 6962 hash of the leaf.
    pub(crate) leaf_hash: String,
    /// The stream ends with it.
    pub(crate) ended: bool,
    /// Its body is gone.
    pub(crate) erased: bool,
}

impl EntryWire {
    /// From a stored row.
    ///
    /// # Errors
    /// When its leaf can't be read.
    pub(crate) fn of(row: &EntryRow) -> Result<Self, CliError> {
        let leaf = Leaf::parse(&row.leaf).map_err(|e| CliError::internal(e.code(), e.to_string()))?;
        let event = row.body.as_deref().and_then(|b| EventRecord::from_bytes(b).ok());
        Ok(Self {
            index: row.index,
            stream: leaf.stream,
            seq: leaf.seq,
            kind: event.map_or(leaf.kind, |r| r.event.kind().to_owned()),
            at: leaf.at,
            leaf_hash: leaf_hash(&row.leaf).to_string(),
            ended: leaf.ended.is_some(),
            erased: row.body.is_none(),
        })
    }
}
