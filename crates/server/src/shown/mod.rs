//! Everything that is shown of one workflow, read at one moment, and its story in sentences: the same for terminal, page
//! and program.

pub mod around;
pub mod asking;
mod deeds;
pub mod gates;
pub mod lines;
mod names;
pub mod plan;
pub mod policy;
mod sentence;
mod visible;
pub mod waivers;
pub mod ways;
pub mod write;

pub use deeds::parts as left_out_words;
pub use names::{Names, counted};
pub use sentence::{Sentence, Tone, one_line, recorded, sentence};
pub use visible::{visible, visible_bytes};

use countersign_core::act::SeenDigest;
use countersign_core::digest::BodyHash;
use countersign_core::gate::GateId;
use countersign_core::id::{RepositoryId, Revision};
use countersign_core::member::Roster;
use countersign_core::patch_set::{Draft, PatchSet};
use countersign_core::policy::{Violation, ci_files};
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{PinnedRepo, Request, Subject, WriteIntent};
use countersign_core::workflow::verifying::required;
use countersign_core::workflow::{Event, Workflow};
use countersign_ports::store::RepositoryRow;
use std::collections::BTreeMap;

/// Most changed CI files that are named in a sentence.
const CI_FILES_NAMED: usize = 5;

/// A request that has less than this left runs out soon: a day, in milliseconds.
pub const SOON_MS: u64 = 24 * 60 * 60 * 1000;

/// One workflow with all that is shown of it.
pub struct Seen {
    /// When it was looked at.
    pub at: Timestamp,
    /// As its events make it.
    pub workflow: Workflow,
    /// The events.
    pub records: Vec<EventRecord>,
    /// The members.
    pub roster: Roster,
    /// Registered repositories.
    pub rows: Vec<RepositoryRow>,
    /// Canonical diffs of the newest drafts.
    pub diffs: BTreeMap<BodyHash, Vec<u8>>,
    /// Tracked files with uncommitted work, where somebody looked.
    pub uncommitted: Vec<(String, u32)>,
    /// When it was noticed that the issue says something else by now.
    pub issue_changed: Option<Timestamp>,
}

/// What is said then.
pub const ISSUE_CHANGED: &str =
    "The issue was edited after the start. What is decided on was made from the text that it had then.";

/// What one revision proposed last, and what it starts from.
#[derive(Debug, Default)]
pub struct Proposals {
    /// One per repository that changes.
    pub drafts: Vec<Draft>,
    /// Every repository of the workflow, as it was pinned.
    pub pins: Vec<PinnedRepo>,
}

impl Seen {
    /// Names of repositories and members.
    pub fn names(&self) -> Names {
        let mut names = Names::of(&self.roster);
        for record in &self.records {
            names.learn(&record.event);
        }
        names
    }

    /// The newest drafts, fixed or not.
    pub fn drafts(&self) -> &[Draft] {
        &self.workflow.drafts
    }

    /// A draft's canonical diff.
    pub fn diff(&self, draft: &Draft) -> &[u8] {
        self.diffs.get(&draft.canonical).map_or(&[], Vec::as_slice)
    }

    /// The patch set of a repository with the digest that is decided on.
    pub fn digest(&self, patch_set: &PatchSet) -> Option<SeenDigest> {
        self.workflow.approval_digest(patch_set).map(SeenDigest::PatchSet)
    }

    /// Open requests for an approval: of a plan or of patch sets.
    pub fn approvals_wanted(&self) -> Vec<&Request> {
        let wants = |r: &&Request| match r.subject {
            Subject::Plan { .. } | Subject::PatchSet { .. } => true,
            Subject::Question { .. } => false,
        };
        self.workflow.open_requests().filter(wants).collect()
    }

    /// The open question, if there is one.
    pub fn question(&self) -> Option<&Request> {
        let asks = |r: &&Request| match r.subject {
            Subject::Question { .. } => true,
            Subject::Plan { .. } | Subject::PatchSet { .. } => false,
        };
        self.workflow.open_requests().find(asks)
    }

    /// Warnings that an approval of this request has to acknowledge.
    pub fn warnings(&self, request: &Request) -> Vec<&Violation> {
        let of: Option<&RepositoryId> = match &request.subject {
            Subject::PatchSet { repository, .. } => Some(repository),
            Subject::Plan { .. } | Subject::Question { .. } => None,
        };
        let wanted = |v: &&Violation| Some(&v.repository) == of && v.needs_acknowledgement();
        self.workflow.violations.iter().filter(wanted).collect()
    }

    /// Whether less than a day is left to decide on a request.
    pub fn runs_out_soon(&self, request: &Request) -> bool {
        request
            .expires_at
            .is_some_and(|until| until <= self.at.plus_ms(SOON_MS))
    }

    /// What a request is about, in words, and the digest that is decided on.
    pub fn subject(&self, request: &Request) -> (String, SeenDigest) {
        let words = match &request.subject {
            Subject::Plan { .. } => "the plan".to_owned(),
            Subject::PatchSet { repository, .. } => {
                format!("the patch set of {}", self.workflow.repository_name(repository))
            }
            Subject::Question { .. } => "the question".to_owned(),
        };
        (words, request.subject.seen())
    }

    /// Where a repository lies.
    pub fn place(&self, id: &RepositoryId) -> String {
        let row = self.rows.iter().find(|r| r.id == *id);
        row.map_or_else(|| id.to_string(), |r| r.place.to_string())
    }

    /// What is in a repository now.
    pub fn written(&self) -> Vec<&WriteIntent> {
        let is_written = |i: &&WriteIntent| self.workflow.is_written(&i.id);
        self.workflow.intents.iter().filter(is_written).collect()
    }

    /// What a write sets off in CI, in a sentence: the forge decides that, and policy says only what has to succeed.
    pub fn runs(&self, patch_set: &PatchSet) -> String {
        if !patch_set.repository.forge.has_pull_requests() {
            return "nothing: a local repository has no CI, and no hook is called".to_owned();
        }
        let required = required(&self.workflow, &patch_set.repository);
        let names: Vec<String> = required.iter().map(ToString::to_string).collect();
        let has_to = match names.is_empty() {
            true => "policy requires no check".to_owned(),
            false => format!("required: {}", names.join(", ")),
        };
        let changed: Vec<String> = ci_files(&patch_set.draft.diff)
            .iter()
            .map(|p| p.to_text())
            .collect();
        let named: Vec<&str> = changed.iter().take(CI_FILES_NAMED).map(String::as_str).collect();
        let more = match changed.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let as_changed = match named.is_empty() {
            true => String::new(),
            false => format!(", as this very change tells it to in {}{more}", named.join(", ")),
        };
        format!(
            "whatever the forge's CI runs for a new branch and a pull request, before anybody merges it{as_changed}; {has_to}"
        )
    }

    /// When a gate came out as it stands now; `None`: it is not judged.
    pub fn judged_at(&self, gate: GateId) -> Option<Timestamp> {
        let stands = self.workflow.gates.get(&gate)?;
        let gave = |record: &&EventRecord| matches!(&record.event, Event::GateEvaluated { result } if result == stands);
        self.records.iter().rev().find(gave).map(|record| record.at)
    }

    /// The last drafts of every revision.
    pub fn drafts_by_revision(&self) -> BTreeMap<Revision, Vec<Draft>> {
        let all = self.proposals_by_revision().into_iter();
        all.map(|(revision, proposals)| (revision, proposals.drafts))
            .collect()
    }

    /// The last drafts of every revision, with the bases that they were applied to.
    pub fn proposals_by_revision(&self) -> BTreeMap<Revision, Proposals> {
        let (mut revision, mut pins, mut found) = (Revision(1), &[][..], BTreeMap::new());
        for record in &self.records {
            if let Event::RevisionStarted { revision: new, .. } = &record.event {
                revision = *new;
            }
            if let Event::ContextLoaded { repositories, .. } = &record.event {
                pins = repositories;
            }
            if let Event::DraftsRecorded { drafts } = &record.event {
                let proposals = Proposals {
                    drafts: drafts.clone(),
                    pins: pins.to_vec(),
                };
                found.insert(revision, proposals);
            }
        }
        found
    }
}

/// How long ago that was, roughly: `2 minutes ago`. `now`: when it was looked at.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.0.saturating_sub(at.0) / 60_000;
    let (n, unit) = match minutes {
        0 => return "less than a minute ago".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{} ago", counted(usize::try_from(n).unwrap_or(usize::MAX), unit))
}

/// The first 8 digits: what a person types.
pub fn first8(seen: &SeenDigest) -> String {
    seen.to_hex().chars().take(8).collect()
}

/// A whole story with its times.
pub fn tell(records: &[EventRecord], names: &Names) -> Vec<(Timestamp, Sentence)> {
    let mut names = names.clone();
    let mut told = Vec::new();
    for record in records {
        names.learn(&record.event);
        if let Some(sentence) = sentence(&record.event, &names) {
            told.push((record.at, sentence));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::age;
    use countersign_core::time::Timestamp;

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_fits() {
        let after = |ms: u64| age(Timestamp(5), Timestamp(5 + ms));
        assert_eq!(after(59_999), "less than a minute ago");
        assert_eq!(after(60_000), "1 minute ago");
        assert_eq!(after(59 * 60_000), "59 minutes ago");
        assert_eq!(after(60 * 60_000), "1 hour ago");
        assert_eq!(after(47 * 60 * 60_000), "1 day ago");
        assert_eq!(
            age(Timestamp(5), Timestamp(0)),
            "less than a minute ago",
            "a clock that was set back"
        );
    }
}
