//! The story as records: every body of the stream, read strictly; what this program does not know is refused.

use crate::problem::{Problem, ProblemCode};
use countersign_core::digest::BodyHash;
use countersign_core::epoch::{Epoch, KIND_EPOCH_BEGUN};
use countersign_core::erasure::{Erasure, KIND_ERASED};
use countersign_core::id::{TenantId, WorkflowId};
use countersign_core::record::{EventRecord, RECORDED_WITHIN_MS};
use countersign_core::time::Timestamp;
use countersign_ledger::{Report, VerifiedEntry};

/// Kind of every entry of a workflow's stream.
const KIND_EVENT: &str = "workflow.event";

/// A story that could be read.
pub(crate) struct Story {
    pub(crate) tenant: TenantId,
    pub(crate) workflow: WorkflowId,
    /// One per entry, in order; `None` where the body was erased.
    pub(crate) records: Vec<Option<EventRecord>>,
    /// Log index of each entry.
    pub(crate) indexes: Vec<u64>,
    /// The stream's last leaf says that it ends there.
    pub(crate) ended: bool,
    pub(crate) erasures: Vec<Erasure>,
    /// Epochs with their indexes in the log, in order.
    pub(crate) epochs: Vec<(u64, Epoch)>,
}

impl Story {
    /// Where the log has the entry of a sequence number, from 1.
    pub(crate) fn index_of(&self, seq: u64) -> Option<u64> {
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.indexes.get(at).copied()
    }

    /// Whether some body is gone.
    pub(crate) fn has_gaps(&self) -> bool {
        self.records.iter().any(Option::is_none) || self.erasures.iter().any(|e| !e.evidence.is_empty())
    }

    /// Whether that evidence was erased, and the ledger says so.
    pub(crate) fn was_erased(&self, hash: &BodyHash) -> bool {
        self.erasures.iter().any(|e| e.evidence.contains(hash))
    }
}

/// Reads all of it; the problems are those that keep it from being judged at all.
pub(crate) fn read(report: &Report) -> (Story, Vec<Problem>) {
    let mut problems = Vec::new();
    let erasures = erasures(report, &mut problems);
    let epochs = epochs(report, &mut problems);
    let mut records = Vec::new();
    for entry in &report.entries {
        match read_entry(report, entry, &erasures) {
            Ok(record) => records.push(record),
            Err(problem) => problems.push(problem),
        }
    }
    let (tenant, workflow) = match (TenantId::parse(&report.tenant), WorkflowId::parse(&report.stream)) {
        (Ok(tenant), Ok(workflow)) => (tenant, workflow),
        (Err(_), _) | (_, Err(_)) => {
            let message = format!("`{}` is no workflow's stream", report.stream);
            problems.push(Problem {
                code: ProblemCode::RecordMisplaced,
                seq: None,
                message,
            });
            (TenantId::local(), WorkflowId::from_parts(0, 0))
        }
    };
    let story = Story {
        tenant,
        workflow,
        records,
        indexes: report.entries.iter().map(|e| e.index).collect(),
        ended: report.complete,
        erasures,
        epochs,
    };
    (story, problems)
}

/// What the ledger says was erased of this stream.
fn erasures(report: &Report, problems: &mut Vec<Problem>) -> Vec<Erasure> {
    let mut found = Vec::new();
    for notice in report.notices.iter().filter(|n| n.kind == KIND_ERASED) {
        match notice.body.as_deref().and_then(Erasure::parse) {
            Some(erasure) if erasure.workflow.as_str() == report.stream => found.push(erasure),
            Some(_) => {}
            None => problems.push(Problem {
                code: ProblemCode::ErasureUnreadable,
                seq: None,
                message: format!("the erasure at index {} of the log can't be read", notice.index),
            }),
        }
    }
    found
}

/// The epochs of the data folder: each follows the one before it and stands where it says.
fn epochs(report: &Report, problems: &mut Vec<Problem>) -> Vec<(u64, Epoch)> {
    let mut found: Vec<(u64, Epoch)> = Vec::new();
    for notice in report.notices.iter().filter(|n| n.kind == KIND_EPOCH_BEGUN) {
        let epoch = notice.body.as_deref().and_then(Epoch::parse);
        let before = found.last().map(|(_, epoch)| epoch.epoch);
        match epoch {
            Some(epoch) if epoch.previous == before && epoch.entries == notice.index => {
                found.push((notice.index, epoch));
            }
            Some(_) | None => problems.push(Problem {
                code: ProblemCode::EpochMissing,
                seq: None,
                message: format!(
                    "the epoch at index {} of the log can't be read, or does not follow the one before it",
                    notice.index
                ),
            }),
        }
    }
    found
}

fn read_entry(
    report: &Report,
    entry: &VerifiedEntry,
    erasures: &[Erasure],
) -> Result<Option<EventRecord>, Problem> {
    if entry.kind != KIND_EVENT {
        let message = format!("an entry of the kind `{}` is not known here", entry.kind);
        return Err(Problem::at(entry.seq, ProblemCode::KindUnknown, message));
    }
    let Some(body) = &entry.body else {
        if erasures.iter().any(|e| e.entries.contains(&entry.seq)) {
            return Ok(None);
        }
        let message = "its body is gone, and no erasure in the ledger says so";
        return Err(Problem::at(entry.seq, ProblemCode::ErasedUnrecorded, message));
    };
    let record = EventRecord::from_bytes(body).map_err(|error| {
        let cause = std::error::Error::source(&error)
            .map(|c| format!(": {c}"))
            .unwrap_or_default();
        Problem::at(
            entry.seq,
            ProblemCode::RecordUnreadable,
            format!("{error}{cause}"),
        )
    })?;
    let fits = record.tenant.as_str() == report.tenant
        && record.workflow.as_str() == report.stream
        && record.seq == entry.seq
        && decided_right_before(record.at, &entry.at);
    if fits {
        Ok(Some(record))
    } else {
        let message = "its body was made for another place or time";
        Err(Problem::at(entry.seq, ProblemCode::RecordMisplaced, message))
    }
}

/// Whether an entry of that time (RFC 3339, UTC, always as long) may hold what was decided then.
fn decided_right_before(decided: Timestamp, entry: &str) -> bool {
    let latest = decided.plus_ms(RECORDED_WITHIN_MS).to_rfc3339();
    (decided.to_rfc3339().as_str()..=latest.as_str()).contains(&entry)
}
