//! Everything that is shown of one workflow, read at one moment.

use super::story::Names;
use countersign_core::act::SeenDigest;
use countersign_core::digest::BodyHash;
use countersign_core::id::{RepositoryId, Revision};
use countersign_core::member::Roster;
use countersign_core::patch_set::{Draft, PatchSet};
use countersign_core::policy::Violation;
use countersign_core::record::EventRecord;
use countersign_core::workflow::event::{Request, Subject};
use countersign_core::workflow::{Event, Workflow};
use countersign_ports::store::RepositoryRow;
use std::collections::BTreeMap;

/// One workflow with all that is shown of it.
pub(crate) struct Seen {
    /// As its events make it.
    pub(crate) workflow: Workflow,
    /// The events.
    pub(crate) records: Vec<EventRecord>,
    /// The members.
    pub(crate) roster: Roster,
    /// Registered repositories.
    pub(crate) rows: Vec<RepositoryRow>,
    /// Canonical diffs of the newest drafts.
    pub(crate) diffs: BTreeMap<BodyHash, Vec<u8>>,
    /// Tracked files with uncommitted work, where somebody looked.
    pub(crate) uncommitted: Vec<(String, u32)>,
}

impl Seen {
    /// Names of repositories and members.
    pub(crate) fn names(&self) -> Names {
        let mut names = Names::of(&self.roster);
        for record in &self.records {
            names.learn(&record.event);
        }
        names
    }

    /// The newest drafts, fixed or not.
    pub(crate) fn drafts(&self) -> &[Draft] {
        &self.workflow.drafts
    }

    /// A draft's canonical diff.
    pub(crate) fn diff(&self, draft: &Draft) -> &[u8] {
        self.diffs.get(&draft.canonical).map_or(&[], Vec::as_slice)
    }

    /// The patch set of a repository with the digest that is decided on.
    pub(crate) fn digest(&self, patch_set: &PatchSet) -> Option<SeenDigest> {
        self.workflow.approval_digest(patch_set).map(SeenDigest::PatchSet)
    }

    /// Open requests for an approval: of a plan or of patch sets.
    pub(crate) fn approvals_wanted(&self) -> Vec<&Request> {
        let wants = |r: &&Request| match r.subject {
            Subject::Plan { .. } | Subject::PatchSet { .. } => true,
            Subject::Question { .. } => false,
        };
        self.workflow.open_requests().filter(wants).collect()
    }

    /// The open question, if there is one.
    pub(crate) fn question(&self) -> Option<&Request> {
        let asks = |r: &&Request| match r.subject {
            Subject::Question { .. } => true,
            Subject::Plan { .. } | Subject::PatchSet { .. } => false,
        };
        self.workflow.open_requests().find(asks)
    }

    /// Warnings that an approval of this request has to acknowledge.
    pub(crate) fn warnings(&self, request: &Request) -> Vec<&Violation> {
        let of: Option<&RepositoryId> = match &request.subject {
            Subject::PatchSet { repository, .. } => Some(repository),
            Subject::Plan { .. } | Subject::Question { .. } => None,
        };
        let wanted = |v: &&Violation| Some(&v.repository) == of && v.needs_acknowledgement();
        self.workflow.violations.iter().filter(wanted).collect()
    }

    /// What a request is about, in words, and the digest that is decided on.
    pub(crate) fn subject(&self, request: &Request) -> (String, SeenDigest) {
        match &request.subject {
            Subject::Plan { digest } => ("the plan".to_owned(), SeenDigest::Plan(*digest)),
            Subject::PatchSet {
                repository, digest, ..
            } => {
                let name = self.workflow.repository_name(repository);
                (format!("the patch set of {name}"), SeenDigest::PatchSet(*digest))
            }
            Subject::Question { digest, .. } => ("the question".to_owned(), SeenDigest::Question(*digest)),
        }
    }

    /// Where a repository lies.
    pub(crate) fn place(&self, id: &RepositoryId) -> String {
        let row = self.rows.iter().find(|r| r.id == *id);
        row.map_or_else(|| id.to_string(), |r| r.git_dir.display().to_string())
    }

    /// The last drafts of every revision.
    pub(crate) fn drafts_by_revision(&self) -> BTreeMap<Revision, Vec<Draft>> {
        let (mut revision, mut found) = (Revision(1), BTreeMap::new());
        for record in &self.records {
            if let Event::RevisionStarted { revision: new, .. } = &record.event {
                revision = *new;
            }
            if let Event::DraftsRecorded { drafts } = &record.event {
                found.insert(revision, drafts.clone());
            }
        }
        found
    }
}

/// The first 8 digits: what a person types.
pub(crate) fn first8(seen: &SeenDigest) -> String {
    seen.to_hex().chars().take(8).collect()
}
