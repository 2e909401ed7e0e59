//! The verdict on an exported story: was every step lawful, and was exactly what people approved written?
//!
//! [`audit`] has the ledger crate check the file (bytes, order, hashes, signatures), reads every body strictly, and
//! then judges the story twice. `replay` gives every recorded step to the production `decide` again and compares.
//! `checks` looks at the facts by itself, in its own words: acts and who may do them, gates and their evidence,
//! manifests, seals, writes. What one of the two overlooks the other should find.
//!
//! It must never ask anybody, never take a body's word for a digest, and never stay silent about a body that is not
//! there. What it can't do: find a lie that whoever holds the ledger's key *and* the members' keys told from the
//! beginning to people who have seen no earlier checkpoint.

mod checks;
pub mod in_toto;
mod problem;
mod replay;
mod story;

pub use problem::{Problem, ProblemCode};

use countersign_core::act::Attendance;
use countersign_core::epoch::Epoch;
use countersign_core::erasure::Erasure;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_ledger::{Report, Trust, VerifyError, verify};
use story::Story;

/// What was found out about a bundle.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What the ledger crate proved: order, completeness, origin.
    pub report: Report,
    /// The story, as far as it can be read.
    pub records: Vec<EventRecord>,
    /// Everything that is wrong with it, in the order of the story.
    pub problems: Vec<Problem>,
    /// Erasures of this story that the ledger records.
    pub erasures: Vec<Erasure>,
    /// Epochs of the data folder that its ledger records, in order.
    pub epochs: Vec<Epoch>,
    /// What could not be judged because bodies were erased, one sentence each. Nothing here is wrong; nothing here is
    /// shown to be right.
    pub unjudged: Vec<String>,
    /// An approval was given without anybody looking.
    pub unattended: bool,
}

impl Verdict {
    /// Nothing is wrong, and everything could be judged.
    pub fn is_lawful(&self) -> bool {
        self.problems.is_empty() && self.unjudged.is_empty()
    }
}

/// Judges a bundle file against what the caller trusts.
///
/// # Errors
/// When the file itself doesn't hold: then its story is not looked at. A story that is told wrong is no error but a
/// verdict with problems.
pub fn audit(bundle: &[u8], trust: &Trust) -> Result<Verdict, VerifyError> {
    Ok(judge(verify(bundle, trust)?))
}

/// Judges the story of a bundle that was verified.
pub fn judge(report: Report) -> Verdict {
    let (story, mut problems) = story::read(&report);
    let mut unjudged = Vec::new();
    if problems.is_empty() {
        replay::judge(&story, &mut problems, &mut unjudged);
        checks::judge(&story, &report, &mut problems, &mut unjudged);
    }
    problems.sort_by_key(|problem| (problem.seq.is_none(), problem.seq));
    problems.dedup();
    let Story {
        records,
        erasures,
        epochs,
        ..
    } = story;
    let records: Vec<EventRecord> = records.into_iter().flatten().collect();
    Verdict {
        unattended: unattended(&records),
        report,
        records,
        problems,
        erasures,
        epochs: epochs.into_iter().map(|(_, epoch)| epoch).collect(),
        unjudged,
    }
}

fn unattended(records: &[EventRecord]) -> bool {
    let unseen = |r: &EventRecord| {
        matches!(&r.event, Event::ApprovalGiven { approval }
            if approval.act.record.attendance == Attendance::Unattended)
    };
    records.iter().any(unseen)
}
