//! Real permits for a forge under test: a canned workflow whose approved content is replaced by what the test wants
//! written, and the production gate.

use crate::canned::{self, Team};
use countersign_core::id::{
    AttemptNumber, BranchName, CommitSha, Fence, PullRequestNumber, RepositoryId, TreeSha,
};
use countersign_core::patch_set::PullRequestText;
use countersign_core::permit::{
    ClaimFacts, ClosePullRequest, ContentPermit, DeleteBranch, FreshFacts, OpenPullRequest, PushBranch,
    RetractPermit, WriteGate,
};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Attempt, AttemptOutcome};
use countersign_core::workflow::{State, Workflow};
use std::time::{SystemTime, UNIX_EPOCH};

/// One branch that people approved.
#[derive(Clone)]
pub(crate) struct Approved {
    pub(crate) repository: RepositoryId,
    pub(crate) branch: BranchName,
    pub(crate) commit: CommitSha,
    pub(crate) tree: TreeSha,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

fn held(now: Timestamp) -> ClaimFacts {
    ClaimFacts {
        now,
        fence: Fence(1),
        lease_until: now.plus_ms(60_000),
        undecided_inputs: 0,
        approvals_authentic: true,
        tenant_active: true,
        baseline_unchanged: true,
        base_stands: true,
        frozen: false,
    }
}

impl Approved {
    /// A workflow in which exactly this is approved, and its attempt has begun.
    fn workflow(&self) -> (Workflow, Attempt) {
        let mut w = canned::writing(Team::Solo);
        let at = w
            .intents
            .iter()
            .position(|i| i.id == w.attempts[0].0.intent)
            .unwrap();
        let before = w.intents[at].repository.clone();
        let intent = &mut w.intents[at];
        intent.repository = self.repository.clone();
        intent.branch = self.branch.clone();
        intent.commit = self.commit.clone();
        intent.tree = self.tree.clone();
        for repository in w.repositories.iter_mut().filter(|r| r.repository == before) {
            repository.repository = self.repository.clone();
        }
        for patch_set in w.patch_sets.iter_mut().filter(|p| p.repository == before) {
            patch_set.repository = self.repository.clone();
            patch_set.manifest.commit = self.commit.clone();
            patch_set.manifest.branch = self.branch.clone();
        }
        for approval in &mut w.approvals {
            approval.expires_at = now().plus_ms(3_600_000);
        }
        let attempt = &mut w.attempts[0].0;
        attempt.commit = self.commit.clone();
        attempt.deadline = now().plus_ms(45_000);
        let attempt = attempt.clone();
        (w, attempt)
    }

    /// The right to push it, granted at that moment.
    pub(crate) fn push_at(&self, at: Timestamp) -> ContentPermit<PushBranch> {
        let (w, attempt) = self.workflow();
        let intent = w.intents.iter().find(|i| i.id == attempt.intent).unwrap();
        let op = PushBranch {
            repository: intent.repository.clone(),
            branch: intent.branch.clone(),
            commit: intent.commit.clone(),
            tree: intent.tree.clone(),
            patch_set: intent.patch_set,
            approval: intent.approval,
        };
        let facts = FreshFacts::attest(w, attempt, held(at), Team::Solo.roster());
        WriteGate::open(&facts, op).unwrap()
    }

    /// The right to push it now.
    pub(crate) fn push(&self) -> ContentPermit<PushBranch> {
        self.push_at(now())
    }

    /// A right that has run out.
    pub(crate) fn stale_push(&self) -> ContentPermit<PushBranch> {
        self.push_at(Timestamp(now().0 - 60_000))
    }

    /// The right to delete it now.
    pub(crate) fn delete(&self) -> RetractPermit<DeleteBranch> {
        let (mut w, attempt) = self.workflow();
        w.cancelling = true;
        let op = DeleteBranch {
            repository: self.repository.clone(),
            branch: self.branch.clone(),
            commit: self.commit.clone(),
        };
        let facts = FreshFacts::attest(w, attempt, held(now()), Team::Solo.roster());
        WriteGate::retract(&facts, op).unwrap()
    }

    /// The same, its branch written, and the attempt to open its pull request begun.
    fn written(&self) -> (Workflow, Attempt) {
        let (mut w, pushed) = self.workflow();
        w.attempts[0].1 = Some(AttemptOutcome::Written {
            commit: self.commit.clone(),
            tree: self.tree.clone(),
            found: false,
        });
        let attempt = Attempt {
            intent: pushed.intent.pull_request(),
            number: AttemptNumber(1),
            ..pushed
        };
        w.attempts.push((attempt.clone(), None));
        w.state = State::PrOpen;
        (w, attempt)
    }

    /// The right to open its pull request against `main` with these words, granted at that moment.
    fn open_at(&self, at: Timestamp, words: &PullRequestText) -> ContentPermit<OpenPullRequest> {
        let (mut w, attempt) = self.written();
        let main = BranchName::parse("main").unwrap();
        let own = w
            .patch_sets
            .iter_mut()
            .find(|p| p.repository == self.repository)
            .unwrap();
        own.manifest.pull_request = Some(words.clone());
        own.base_branch = main.clone();
        let of_this = |i: &&_| {
            let intent: &countersign_core::workflow::event::WriteIntent = i;
            intent.id.pull_request() == attempt.intent
        };
        let intent = w.intents.iter().find(of_this).unwrap();
        let op = OpenPullRequest {
            repository: self.repository.clone(),
            base_branch: main,
            branch: self.branch.clone(),
            head: self.commit.clone(),
            title: words.title.clone(),
            body: words.body.clone(),
            labels: words.labels.clone(),
            draft: words.draft,
            patch_set: intent.patch_set,
            approval: intent.approval,
        };
        let facts = FreshFacts::attest(w, attempt, held(at), Team::Solo.roster());
        WriteGate::open(&facts, op).unwrap()
    }

    /// The right to open its pull request now.
    pub(crate) fn open(&self, words: &PullRequestText) -> ContentPermit<OpenPullRequest> {
        self.open_at(now(), words)
    }

    /// A right that has run out.
    pub(crate) fn stale_open(&self, words: &PullRequestText) -> ContentPermit<OpenPullRequest> {
        self.open_at(Timestamp(now().0 - 60_000), words)
    }

    /// The right to close a pull request of it now.
    pub(crate) fn close(&self, number: u64) -> RetractPermit<ClosePullRequest> {
        let (mut w, attempt) = self.written();
        w.cancelling = true;
        let op = ClosePullRequest {
            repository: self.repository.clone(),
            number: PullRequestNumber(number),
            branch: self.branch.clone(),
            head: self.commit.clone(),
        };
        let facts = FreshFacts::attest(w, attempt, held(now()), Team::Solo.roster());
        WriteGate::retract(&facts, op).unwrap()
    }
}
