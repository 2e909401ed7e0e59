//! What repositories, members and the subjects of decisions are called.

use countersign_core::act::SeenDigest;
use countersign_core::id::{MemberId, RepositoryId, WriteIntentId};
use countersign_core::member::Roster;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{Subject, WriteIntent};
use std::collections::BTreeMap;

/// What things and people are called.
#[derive(Debug, Clone, Default)]
pub struct Names {
    repositories: BTreeMap<RepositoryId, String>,
    members: BTreeMap<MemberId, String>,
    subjects: BTreeMap<String, String>,
    intents: BTreeMap<WriteIntentId, WriteIntent>,
}

impl Names {
    /// Members as they are called; the rest is learned.
    pub fn of(roster: &Roster) -> Self {
        let members = roster
            .members
            .iter()
            .map(|m| (m.id.clone(), m.name.clone()))
            .collect();
        Self {
            members,
            ..Self::default()
        }
    }

    /// Takes names from an event.
    pub fn learn(&mut self, event: &Event) {
        if let Event::WorkflowStarted { repositories, .. } = event {
            self.repositories
                .extend(repositories.iter().map(|r| (r.id.clone(), r.name.clone())));
        }
        if let Event::RequestOpened { request, .. } = event {
            let (digest, name) = match &request.subject {
                Subject::Plan { digest } => (digest.to_hex(), "the plan".to_owned()),
                Subject::PatchSet {
                    repository, digest, ..
                } => (
                    digest.to_hex(),
                    format!("patch set {} of {}", digest.first8(), self.repository(repository)),
                ),
                Subject::Question { digest, .. } => (digest.to_hex(), "the question".to_owned()),
            };
            self.subjects.insert(digest, name);
        }
        if let Event::IntentsRecorded { intents } = event {
            self.intents
                .extend(intents.iter().map(|i| (i.id.clone(), i.clone())));
        }
    }

    /// A repository's name.
    pub fn repository(&self, id: &RepositoryId) -> String {
        self.repositories
            .get(id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    /// A member's name.
    pub fn member(&self, id: &MemberId) -> String {
        self.members.get(id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// What a decision was about.
    pub fn seen(&self, seen: &SeenDigest) -> String {
        let first8: String = seen.to_hex().chars().take(8).collect();
        let unknown = || match seen {
            SeenDigest::PatchSet(_) => format!("patch set {first8}"),
            SeenDigest::Plan(_) => format!("the plan {first8}"),
            SeenDigest::Question(_) => "the question".to_owned(),
        };
        self.subjects.get(&seen.to_hex()).cloned().unwrap_or_else(unknown)
    }

    /// The branch of an approved write.
    pub fn branch(&self, intent: &WriteIntentId) -> String {
        match self.intents.get(intent) {
            Some(i) => format!("branch {} of {}", i.branch, self.repository(&i.repository)),
            None => format!("the branch of {intent}"),
        }
    }

    /// What a try was about: a branch, or the pull request of one.
    pub fn written(&self, operation: &WriteIntentId) -> String {
        let opens = |i: &&WriteIntent| i.id.pull_request() == *operation;
        match self.intents.values().find(opens) {
            Some(i) => format!("the pull request of {}", self.branch(&i.id)),
            None => self.branch(operation),
        }
    }
}

/// `1 file`, `2 files`.
pub fn counted(n: usize, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}
