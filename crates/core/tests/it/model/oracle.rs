//! The judge beside the machine: keeps its own books from accepted acts alone, and says what must never be.
//!
//! It uses none of the product's counting: neither `standing` nor the gate nor what `apply` keeps or clears.

use super::world::World;
use countersign_core::act::SeenDigest;
use countersign_core::id::{BranchName, CommitSha, RepositoryId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{BranchHolds, RequestStatus, Subject};
use countersign_core::workflow::{State, Workflow};
use std::collections::BTreeSet;

/// People who have to approve each repository in the model.
pub const NEEDED: usize = 2;
/// How long a yes lives: seven days, the floor's window.
pub const YES_LIVES_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breach {
    /// INV-1: written without enough live approvals of exactly that content.
    Unapproved,
    /// What was written is not the head of the approved revision.
    NotTheHead,
    /// Something against it had come in before the permit was given.
    Against,
    /// INV-2: an agent's answer approved, passed a gate of people, or asked for a write.
    WordsActed,
    /// INV-8: a gate was passed on evidence that nobody has.
    EvidenceMissing,
    /// A yes was taken back before anything was written, and that was refused.
    WithdrawalIgnored,
    /// A rule of `decide` broke.
    Broke,
}

/// Somebody said yes to something that was shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Yes {
    /// Who.
    pub who: &'static str,
    /// To what: the digest's hex form.
    pub digest: String,
    /// Until when it counts.
    pub until: u64,
}

/// The judge's own books.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Books {
    /// Which content was shown under which digest.
    pub shown: BTreeSet<(String, u64, String)>,
    /// The commits that the newest revision would write, by repository.
    pub head: BTreeSet<(u64, String)>,
    /// Every yes that was accepted and not taken back.
    pub yes: BTreeSet<Yes>,
    /// Who shaped the content; alice started it.
    pub shaped: BTreeSet<&'static str>,
    /// A rejection or a cancellation was accepted.
    pub stopped: bool,
}

/// One branch that holds something of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// Where.
    pub repository: RepositoryId,
    /// Its name.
    pub name: BranchName,
    /// What it holds.
    pub commit: CommitSha,
}

impl Books {
    /// Patch sets are asked about: under which digest which commit is shown.
    pub fn show(&mut self, w: &Workflow) {
        self.head.clear();
        for p in &w.patch_sets {
            self.head
                .insert((p.repository.number, p.manifest.commit.to_string()));
        }
        for request in w.open_requests() {
            if let Subject::PatchSet {
                repository, digest, ..
            } = &request.subject
                && let Some(p) = w.patch_set(repository)
            {
                let seen = SeenDigest::PatchSet(*digest).to_hex();
                self.shown
                    .insert((seen, repository.number, p.manifest.commit.to_string()));
            }
        }
        // Nothing but the head may be written, so a yes to anything else is of no more interest.
        self.shown
            .retain(|(_, repository, commit)| self.head.contains(&(*repository, commit.clone())));
        self.yes
            .retain(|y| self.shown.iter().any(|(seen, _, _)| *seen == y.digest));
    }

    /// Different people with a live yes to exactly this commit in this repository.
    fn people(&self, repository: u64, commit: &str, at: Timestamp) -> usize {
        let said = |y: &&Yes| {
            self.shown
                .contains(&(y.digest.clone(), repository, commit.to_owned()))
        };
        let live = self.yes.iter().filter(said).filter(|y| y.until > at.0);
        let may = live.filter(|y| y.who != "alice" && !self.shaped.contains(y.who));
        may.map(|y| y.who).collect::<BTreeSet<_>>().len()
    }

    /// What is wrong with writing this now.
    pub fn judge_write(&self, repository: &RepositoryId, commit: &CommitSha, at: Timestamp) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if !self.head.contains(&(repository.number, commit.to_string())) {
            breaches.push(Breach::NotTheHead);
        }
        let enough = |(repo, commit): &(u64, String)| self.people(*repo, commit, at) >= NEEDED;
        let own = self.people(repository.number, commit.as_str(), at) >= NEEDED;
        if !own || !self.head.iter().all(enough) {
            breaches.push(Breach::Unapproved);
        }
        breaches
    }
}

/// INV-7 and INV-12: what is in the repositories fits to where the workflow is.
pub fn branches_fit(s: &World) -> bool {
    let w = &s.flow.w;
    let written: BTreeSet<(u64, String)> = s
        .branches
        .iter()
        .map(|b| (b.repository.number, b.commit.to_string()))
        .collect();
    let once = written.len() == s.branches.len()
        && written.iter().map(|(r, _)| r).collect::<BTreeSet<_>>().len() == s.branches.len();
    once && match w.state {
        State::Done => written == s.books.head,
        State::Cancelled | State::Failed | State::Declined => s.branches.iter().all(|b| {
            // A restored story knows nothing of what was written after its backup; it told people and leaves it alone.
            w.found.iter().any(|f| {
                f.branch == b.name
                    && f.repository == b.repository
                    && !matches!(f.holds, BranchHolds::Nothing)
                    && !w.attempts.iter().any(|(a, _)| a.commit == b.commit)
            })
        }),
        State::Queued
        | State::LoadingContext
        | State::Triaging
        | State::Planning
        | State::AwaitingPlanApproval
        | State::Coding
        | State::Reviewing
        | State::AwaitingApproval
        | State::Applying
        | State::PrOpen
        | State::VerifyingCi
        | State::AwaitingMerge
        | State::NeedsHuman
        | State::BlockedPolicy
        | State::Deferred => true,
    }
}

/// INV-10: who waits has exactly one open request per subject, and somebody who may answer each.
pub fn requests_fit(s: &World) -> bool {
    let w = &s.flow.w;
    let open: Vec<_> = w.open_requests().collect();
    let subjects: BTreeSet<String> = open
        .iter()
        .map(|r| match &r.subject {
            Subject::Plan { .. } => "plan".to_owned(),
            Subject::PatchSet { repository, .. } => repository.to_string(),
            Subject::Question { .. } => "question".to_owned(),
        })
        .collect();
    let one_each = subjects.len() == open.len();
    let waits = w.state.waits_for_human() && w.outstanding.is_none();
    let asked = if waits { !open.is_empty() } else { true };
    let none_after_the_end = !w.state.is_final() || open.is_empty();
    let closed_for_a_reason = w
        .requests
        .iter()
        .all(|r| r.status != RequestStatus::Open || !w.state.is_final());
    let somebody_may = open.iter().all(|r| match r.subject {
        Subject::Question { .. } => true,
        Subject::Plan { .. } | Subject::PatchSet { .. } => {
            let said = |who: &str| {
                w.approvals.iter().any(|a| {
                    a.request == r.id
                        && a.expires_at > s.now
                        && a.act.record.member.as_str() == format!("mb_{who}")
                })
            };
            ["bob", "carol"]
                .iter()
                .any(|who| !said(who) && !s.books.shaped.contains(who))
        }
    });
    one_each && asked && none_after_the_end && closed_for_a_reason && somebody_may
}

/// Hazard 10: whatever is to be done lies in the queue, so that an approval is never used up for nothing.
pub fn work_is_queued(s: &World) -> bool {
    match (&s.flow.w.outstanding, &s.row) {
        (Some((id, _)), Some(row)) => row.id == *id,
        (Some(_), None) => false,
        (None, _) => true,
    }
}
