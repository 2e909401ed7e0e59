//! Ledger, bundles and stories.

use crate::error::CliError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_audit::{Problem, Verdict};
use countersign_core::epoch::Epoch;
use countersign_core::erasure::Erasure;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_ledger::{Checkpoint, Leaf, Origin, leaf_hash};
use countersign_ports::store::EntryRow;
use countersign_server::client::EntryWire;
use countersign_server::wire::StoryWire;
use serde::Serialize;

/// `verify --json`.
#[derive(Debug, Serialize)]
pub(crate) struct VerdictWire {
    /// `proven`; or, the gravest first, `unlawful`, `consistent-origin-unproven`, `judged-in-part`,
    /// `checkpoint-not-compared` or `open`; a refused file prints an error instead.
    pub(crate) verdict: &'static str,
    /// Whether a trusted key signed it.
    pub(crate) proven: bool,
    /// That key's name.
    pub(crate) key: Option<String>,
    /// Whether nothing is wrong with the story, and all of it could be judged.
    pub(crate) lawful: bool,
    /// Everything that is wrong with the story.
    pub(crate) problems: Vec<ProblemWire>,
    /// What could not be judged because it was erased.
    pub(crate) unjudged: Vec<String>,
    /// Erasures of this story.
    pub(crate) erasures: Vec<ErasureWire>,
    /// Epochs of the data folder that its ledger records; from the second on it was restored, copied or moved.
    pub(crate) epochs: Vec<EpochWire>,
    /// Whether the stream has ended and all of it is here. If not, it goes on, or somebody left its end out.
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
    /// Sizes of checkpoints that were given and that the bundle proves nothing about.
    pub(crate) uncompared: Vec<u64>,
    /// What happened.
    pub(crate) story: Vec<StoryWire>,
}

/// Something that is wrong with a story.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemWire {
    /// Stable kebab-case code.
    code: &'static str,
    /// Which entry, by its place in the stream from 1; none: the whole story.
    seq: Option<u64>,
    /// In a sentence; may hold untrusted words.
    message: String,
}

/// An erasure that the ledger records.
#[derive(Debug, Serialize)]
pub(crate) struct ErasureWire {
    /// Which entries' bodies are gone.
    entries: Vec<u64>,
    /// How many files of evidence are gone.
    evidence: usize,
    /// Who erased it.
    by: String,
    /// Why.
    reason: String,
}

impl VerdictWire {
    /// From what was found out; the story is added by the caller.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        let report = &verdict.report;
        let key = match &report.origin {
            Origin::Proven { key } => Some(key.clone()),
            Origin::Unproven => None,
        };
        let ended = verdict.records.iter().rev().find_map(|r| {
            if let Event::WorkflowEnded { state, .. } = &r.event {
                Some(state.to_string())
            } else {
                None
            }
        });
        let in_short = if !verdict.problems.is_empty() {
            "unlawful"
        } else if key.is_none() {
            "consistent-origin-unproven"
        } else if !verdict.unjudged.is_empty() {
            "judged-in-part"
        } else if !report.uncompared.is_empty() {
            "checkpoint-not-compared"
        } else if !report.complete {
            "open"
        } else {
            "proven"
        };
        Self {
            verdict: in_short,
            proven: key.is_some(),
            key,
            lawful: verdict.is_lawful(),
            problems: verdict.problems.iter().map(ProblemWire::of).collect(),
            unjudged: verdict.unjudged.clone(),
            erasures: verdict.erasures.iter().map(ErasureWire::of).collect(),
            epochs: verdict.epochs.iter().map(EpochWire::of).collect(),
            complete: report.complete,
            unattended: verdict.unattended,
            tenant: report.tenant.clone(),
            workflow: report.stream.clone(),
            state: ended,
            entries: report.entries.len(),
            erased: report.erased,
            attachments: report.attachments.len(),
            checkpoint_size: report.checkpoint.size(),
            checkpoint_root: report.checkpoint.root().to_string(),
            uncompared: report.uncompared.clone(),
            story: Vec::new(),
        }
    }
}

impl ProblemWire {
    fn of(problem: &Problem) -> Self {
        Self {
            code: problem.code.as_str(),
            seq: problem.seq,
            message: problem.message.clone(),
        }
    }
}

/// One epoch of the data folder.
#[derive(Debug, Serialize)]
pub(crate) struct EpochWire {
    /// Its number.
    epoch: u64,
    /// Entries of the ledger before it.
    entries: u64,
    /// Signed entries that were given up for it.
    given_up: u64,
}

impl EpochWire {
    fn of(epoch: &Epoch) -> Self {
        Self {
            epoch: epoch.epoch,
            entries: epoch.entries,
            given_up: epoch.given_up.as_ref().map_or(0, |g| g.lost),
        }
    }
}

impl ErasureWire {
    fn of(erasure: &Erasure) -> Self {
        Self {
            entries: erasure.entries.iter().copied().collect(),
            evidence: erasure.evidence.len(),
            by: erasure.by.to_string(),
            reason: erasure.reason.clone(),
        }
    }
}

/// `ledger consistency --json`.
#[derive(Debug, Serialize)]
pub(crate) struct ConsistencyWire {
    /// Leaves of the checkpoint that was given.
    from_size: u64,
    /// Its root.
    from_root: String,
    /// Leaves of the head.
    size: u64,
    /// Its root.
    root: String,
    /// The head's signed note.
    note: String,
    /// Hashes of the proof (RFC 6962 section 2.1.2), base64.
    proof: Vec<String>,
}

impl ConsistencyWire {
    /// From two heads and the proof between them.
    pub(crate) fn of(seen: &Checkpoint, head: &Checkpoint, proof: &[[u8; 32]]) -> Self {
        Self {
            from_size: seen.size(),
            from_root: seen.root().to_string(),
            size: head.size(),
            root: head.root().to_string(),
            note: head.note().to_owned(),
            proof: proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        }
    }
}

/// `ledger erase --json`.
#[derive(Debug, Serialize)]
pub(crate) struct ErasedWire {
    /// Which.
    pub(crate) workflow: String,
    /// Bodies of entries that are gone.
    pub(crate) entries: usize,
    /// Files of evidence that are gone.
    pub(crate) evidence: usize,
    /// Files that stayed because other workflows name them as well, or that were gone before.
    pub(crate) kept: usize,
}

/// `ledger rotate-key --json`.
#[derive(Debug, Serialize)]
pub(crate) struct RotatedWire {
    /// The key until now.
    pub(crate) from: String,
    /// The key from now on.
    pub(crate) to: String,
    /// The largest checkpoint that the old key may have signed.
    pub(crate) last_size: u64,
    /// The head, signed by the new key.
    pub(crate) note: String,
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
    /// With --in-toto: the folder beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_toto: Option<InTotoWire>,
}

/// A folder for in-toto's verifier.
#[derive(Debug, Serialize)]
pub(crate) struct InTotoWire {
    /// Where it was written.
    pub(crate) folder: String,
    /// Its files, sorted.
    pub(crate) files: Vec<String>,
    /// in-toto's id of the key that signed the layout.
    pub(crate) key_id: String,
    /// RFC 3339, UTC: until when the layout is accepted.
    pub(crate) expires: String,
    /// What to run inside the folder.
    pub(crate) command: String,
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

/// An entry from a stored row; of a workflow's events it says which one.
///
/// # Errors
/// When its leaf can't be read.
pub(crate) fn entry(row: &EntryRow) -> Result<EntryWire, CliError> {
    let leaf = Leaf::parse(&row.leaf).map_err(|e| CliError::internal(e.code(), e.to_string()))?;
    let event = row.body.as_deref().and_then(|b| EventRecord::from_bytes(b).ok());
    Ok(EntryWire {
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
