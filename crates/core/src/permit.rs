//! The right to write, once: permits that only the [`WriteGate`] mints and that are consumed by value.
//!
//! What the types claim is only this: no forge write without a permit, no permit without the gate. That the facts
//! are genuine is the store's promise. Permits have private fields and no derives: they can't be cloned, stored,
//! compared, defaulted or read from outside.

use crate::digest::{ApprovalDigest, PatchSetDigest};
use crate::gate::{GateId, GateOutcome};
use crate::id::{
    AttemptNumber, BranchName, CommitSha, Fence, PullRequestNumber, RepositoryId, TenantId, TreeSha,
    WriteIntentId,
};
use crate::member::Roster;
use crate::path::RepoPath;
use crate::time::Timestamp;
use crate::workflow::approving::{approvals_of, sealed_approvals, standing};
use crate::workflow::event::{Attempt, WriteIntent};
use crate::workflow::{State, Workflow, pull_requests};

/// Create one branch that holds exactly one approved commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushBranch {
    /// Where to.
    pub repository: RepositoryId,
    /// The branch; it must not exist yet.
    pub branch: BranchName,
    /// The approved commit, exact bytes fixed by the write manifest.
    pub commit: CommitSha,
    /// The approved tree.
    pub tree: TreeSha,
    /// The approved patch set.
    pub patch_set: PatchSetDigest,
    /// What the humans decided on.
    pub approval: ApprovalDigest,
}

/// Delete our own branch, if it still holds exactly our commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteBranch {
    /// Where.
    pub repository: RepositoryId,
    /// The branch that we wrote.
    pub branch: BranchName,
    /// What it must hold for the deletion to happen.
    pub commit: CommitSha,
}

/// Open one pull request for a branch that was written, with the words that were approved and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPullRequest {
    /// Where.
    pub repository: RepositoryId,
    /// The branch that it is to be merged into.
    pub base_branch: BranchName,
    /// The branch that we wrote.
    pub branch: BranchName,
    /// What that branch holds; read again right before.
    pub head: CommitSha,
    /// Title, as approved.
    pub title: String,
    /// Body in Markdown, as approved.
    pub body: String,
    /// Labels, as approved.
    pub labels: Vec<String>,
    /// Opened as a draft.
    pub draft: bool,
    /// The approved patch set.
    pub patch_set: PatchSetDigest,
    /// What the humans decided on.
    pub approval: ApprovalDigest,
}

/// Close our own pull request, if it is still open and its head is still ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosePullRequest {
    /// Where.
    pub repository: RepositoryId,
    /// Which.
    pub number: PullRequestNumber,
    /// The branch that we wrote.
    pub branch: BranchName,
    /// What its head must be for it to be closed.
    pub head: CommitSha,
}

/// The right to perform one content write. Consumed by [`ContentPermit::redeem`].
pub struct ContentPermit<Op> {
    op: Op,
    claim: Claim,
}

/// The right to take our own work out of play. Consumed by [`RetractPermit::redeem`].
pub struct RetractPermit<Op> {
    op: Op,
    claim: Claim,
}

/// On whose behalf and until when.
struct Claim {
    tenant: TenantId,
    intent: WriteIntentId,
    attempt: AttemptNumber,
    fence: Fence,
    expires_at: Timestamp,
}

/// What a redeemed permit allowed, for the receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed<Op> {
    /// The operation, as it was permitted.
    pub op: Op,
    /// Whose repository.
    pub tenant: TenantId,
    /// Which intent it serves.
    pub intent: WriteIntentId,
    /// Which try of it.
    pub attempt: AttemptNumber,
    /// The fence that was held.
    pub fence: Fence,
}

/// The permit is too old to be used; ask the gate again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the permit ran out at {expired_at}; nothing was written")]
pub struct PermitExpired {
    /// When it ran out.
    pub expired_at: Timestamp,
}

macro_rules! redeem {
    ($permit:ident) => {
        impl<Op> $permit<Op> {
            /// What it allows, to prepare for it; looking at it gives no right.
            pub fn op(&self) -> &Op {
                &self.op
            }

            /// Uses the permit up. `now` is the clock of the machine that is about to write.
            ///
            /// # Errors
            /// When the permit has run out.
            pub fn redeem(self, now: Timestamp) -> Result<Redeemed<Op>, PermitExpired> {
                let Claim {
                    tenant,
                    intent,
                    attempt,
                    fence,
                    expires_at,
                } = self.claim;
                if now >= expires_at {
                    return Err(PermitExpired {
                        expired_at: expires_at,
                    });
                }
                Ok(Redeemed {
                    op: self.op,
                    tenant,
                    intent,
                    attempt,
                    fence,
                })
            }
        }
    };
}

redeem!(ContentPermit);
redeem!(RetractPermit);

/// How long a permit lives, in milliseconds, unless something it rests on ends sooner.
pub const PERMIT_MAX_MS: u64 = 10_000;

/// How long a write to a remote forge may be on its way, in milliseconds: whatever performs it ends within that time. A permit
/// for one runs out so long before its attempt's deadline, so that nothing arrives after the attempt counts as over
/// (hazard 38).
pub const REMOTE_WRITE_MAX_MS: u64 = 26_000;

/// Everything that the gate looks at, read in one claim transaction of the store and valid for seconds.
///
/// That these facts are genuine is the store's promise: only the store may call [`FreshFacts::attest`] (a lint holds
/// everybody else off), and it re-reads all of it, never a copy.
pub struct FreshFacts {
    workflow: Workflow,
    attempt: Attempt,
    held: ClaimFacts,
    roster: Roster,
}

/// What the store saw besides the workflow itself.
#[derive(Debug, Clone)]
pub struct ClaimFacts {
    /// The database's time, never below the last ledger time.
    pub now: Timestamp,
    /// The fence under which the effect is claimed at this moment.
    pub fence: Fence,
    /// Until when the claim is held.
    pub lease_until: Timestamp,
    /// Inputs for this workflow or its repositories that nobody has judged yet.
    pub undecided_inputs: u32,
    /// Every approval's signature was checked against the key held for its member, just now.
    pub approvals_authentic: bool,
    /// The tenant is active.
    pub tenant_active: bool,
    /// The organisation's baseline is the one that the approved policies were made from.
    pub baseline_unchanged: bool,
    /// The base branch was looked at just now, and the result may still be written.
    pub base_stands: bool,
    /// Somebody froze the tenant, or one of the workflow's repositories.
    pub frozen: bool,
}

impl FreshFacts {
    /// Puts facts together. For the store's claim transaction alone.
    pub fn attest(workflow: Workflow, attempt: Attempt, held: ClaimFacts, roster: Roster) -> Self {
        Self {
            workflow,
            attempt,
            held,
            roster,
        }
    }
}

/// Why the gate stays closed. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// The workflow is not where writing happens.
    #[error("the workflow is {0}, where this is not written")]
    NotApplying(State),
    /// It is being cancelled.
    #[error("the workflow is being cancelled")]
    Cancelling,
    /// No such intent, or it is not of this revision.
    #[error("there is no such write intent in this revision")]
    NoIntent,
    /// What is about to be written is not what was approved.
    #[error("{field} is not what was approved")]
    NotAsApproved {
        /// What differs.
        field: &'static str,
    },
    /// The attempt is not recorded, has ended, or is past its deadline.
    #[error("the attempt is not recorded, has ended, or is past its deadline")]
    NoAttempt,
    /// Another worker holds the claim, or the lease is over.
    #[error("another worker holds the claim, or the lease is over")]
    ClaimLost,
    /// Something came in that nobody has judged yet.
    #[error("{0} inputs wait to be judged first")]
    UndecidedInputs(u32),
    /// Somebody rejected.
    #[error("somebody rejected it")]
    Rejected,
    /// Not enough live approvals of exactly this.
    #[error("{people} of {needed} needed approvals of exactly this are live")]
    ApprovalsMissing {
        /// How many are live.
        people: u32,
        /// How many are needed.
        needed: u32,
    },
    /// Nobody whom CODEOWNERS names approved a path that has an owner.
    #[error("no live approval is of an owner of {0}")]
    OwnerMissing(RepoPath),
    /// A signature does not hold.
    #[error("an approval is not authentic")]
    NotAuthentic,
    /// No signed checkpoint holds the approvals.
    #[error("the approvals are in no signed checkpoint")]
    NotSealed,
    /// The base branch moved in a way that counts since gate 4 was judged.
    #[error("the base branch moved in a way that counts")]
    BaseMoved,
    /// A gate before this one is not passed.
    #[error("{0} is not passed")]
    GateNotPassed(GateId),
    /// The tenant is not active.
    #[error("the tenant is not active")]
    TenantInactive,
    /// The organisation's baseline changed since the approval.
    #[error("the organisation's policy changed since the approval")]
    BaselineChanged,
    /// Somebody froze the tenant, or one of the workflow's repositories.
    #[error("writing is frozen")]
    Frozen,
    /// Nothing that ended the revision is recorded, so nothing may be taken out of play.
    #[error("nothing is recorded that takes this out of play")]
    NotRetracting,
}

impl GateRefusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            GateRefusal::NotApplying(_) => "gate-not-applying",
            GateRefusal::Cancelling => "gate-cancelling",
            GateRefusal::NoIntent => "gate-no-intent",
            GateRefusal::NotAsApproved { .. } => "gate-not-as-approved",
            GateRefusal::NoAttempt => "gate-no-attempt",
            GateRefusal::ClaimLost => "gate-claim-lost",
            GateRefusal::UndecidedInputs(_) => "gate-undecided-inputs",
            GateRefusal::Rejected => "gate-rejected",
            GateRefusal::ApprovalsMissing { .. } => "gate-approvals-missing",
            GateRefusal::OwnerMissing(_) => "gate-owner-missing",
            GateRefusal::NotAuthentic => "gate-not-authentic",
            GateRefusal::NotSealed => "gate-not-sealed",
            GateRefusal::BaseMoved => "gate-base-moved",
            GateRefusal::GateNotPassed(_) => "gate-not-passed",
            GateRefusal::TenantInactive => "gate-tenant-inactive",
            GateRefusal::BaselineChanged => "gate-baseline-changed",
            GateRefusal::Frozen => "gate-frozen",
            GateRefusal::NotRetracting => "gate-not-retracting",
        }
    }
}

/// What a refusal means for the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The approvals no longer carry the write: a human has to be asked.
    ApprovalsLapsed,
    /// A base has to be looked at again.
    BaseMoved,
    /// The approval was given under another policy.
    PolicyChanged,
    /// It may be different the next time.
    MayPass,
}

/// Reads a refusal's stored code.
pub fn meaning(code: &str) -> Meaning {
    match code {
        "gate-approvals-missing" | "gate-not-authentic" | "gate-not-sealed" => Meaning::ApprovalsLapsed,
        "gate-base-moved" => Meaning::BaseMoved,
        "gate-baseline-changed" => Meaning::PolicyChanged,
        _other => Meaning::MayPass,
    }
}

/// An operation that changes content and therefore needs a permit.
pub trait ContentOp: sealed::Sealed {
    /// Where the workflow has to be.
    const STATE: State;

    /// Under which id its attempts are recorded.
    fn operation(intent: &WriteIntent) -> WriteIntentId;

    /// What differs from what was approved, if anything.
    fn differs_from(&self, intent: &WriteIntent, workflow: &Workflow) -> Option<&'static str>;
}

/// An operation that takes our own work out of play.
pub trait RetractOp: sealed::Sealed {
    /// The operation that it undoes, by the id of its attempts; `None`: it is not ours, or something else has to be taken
    /// out of play first.
    fn undoes(&self, workflow: &Workflow) -> Option<WriteIntentId>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::PushBranch {}
    impl Sealed for super::OpenPullRequest {}
    impl Sealed for super::DeleteBranch {}
    impl Sealed for super::ClosePullRequest {}
}

impl ContentOp for OpenPullRequest {
    const STATE: State = State::PrOpen;

    fn operation(intent: &WriteIntent) -> WriteIntentId {
        intent.id.pull_request()
    }

    fn differs_from(&self, intent: &WriteIntent, workflow: &Workflow) -> Option<&'static str> {
        let approved = workflow.patch_set(&intent.repository);
        let Some((patch_set, text)) = approved.and_then(|p| Some((p, p.manifest.pull_request.as_ref()?)))
        else {
            return Some("the pull request");
        };
        let fields = [
            ("the repository", self.repository == intent.repository),
            ("the branch", self.branch == intent.branch),
            ("the head", self.head == intent.commit),
            ("the written branch", workflow.is_written(&intent.id)),
            ("the base branch", self.base_branch == patch_set.base_branch),
            ("the title", self.title == text.title),
            ("the body", self.body == text.body),
            ("the list of labels", self.labels == text.labels),
            ("the draft mark", self.draft == text.draft),
            ("the patch set", self.patch_set == intent.patch_set),
            ("the approval", self.approval == intent.approval),
        ];
        fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }
}

impl RetractOp for DeleteBranch {
    fn undoes(&self, workflow: &Workflow) -> Option<WriteIntentId> {
        let ours = |i: &&WriteIntent| {
            i.repository == self.repository && i.branch == self.branch && i.commit == self.commit
        };
        let intent = workflow.intents.iter().find(ours)?;
        // A pull request that lost its branch could not be told from a stranger's any more (hazard 50).
        (!pull_requests::in_play(workflow, &intent.id)).then(|| intent.id.clone())
    }
}

impl RetractOp for ClosePullRequest {
    fn undoes(&self, workflow: &Workflow) -> Option<WriteIntentId> {
        let ours = |i: &&WriteIntent| {
            i.repository == self.repository && i.branch == self.branch && i.commit == self.head
        };
        let intent = workflow.intents.iter().find(ours)?;
        let known = pull_requests::opened(workflow, &intent.id);
        known
            .is_none_or(|opened| opened.number == self.number)
            .then(|| intent.id.pull_request())
    }
}

impl ContentOp for PushBranch {
    const STATE: State = State::Applying;

    fn operation(intent: &WriteIntent) -> WriteIntentId {
        intent.id.clone()
    }

    fn differs_from(&self, intent: &WriteIntent, _: &Workflow) -> Option<&'static str> {
        let fields = [
            ("the repository", self.repository == intent.repository),
            ("the branch", self.branch == intent.branch),
            ("the commit", self.commit == intent.commit),
            ("the tree", self.tree == intent.tree),
            ("the patch set", self.patch_set == intent.patch_set),
            ("the approval", self.approval == intent.approval),
        ];
        fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }
}

/// The only place that grants permits. Pure: it looks at facts and says yes or no.
pub struct WriteGate;

impl WriteGate {
    /// Asks for the right to one content write. Ask twice per attempt: at its start, and right before the update.
    ///
    /// # Errors
    /// The first thing that keeps the gate closed.
    pub fn open<Op: ContentOp>(facts: &FreshFacts, op: Op) -> Result<ContentPermit<Op>, GateRefusal> {
        let FreshFacts {
            workflow,
            attempt,
            held,
            roster,
        } = facts;
        check_place(workflow, held)?;
        if held.frozen {
            return Err(GateRefusal::Frozen);
        }
        if workflow.state != Op::STATE {
            return Err(GateRefusal::NotApplying(workflow.state));
        }
        if workflow.is_retracting() {
            return Err(GateRefusal::Cancelling);
        }
        if workflow.rejected {
            return Err(GateRefusal::Rejected);
        }
        let intent = workflow
            .intents
            .iter()
            .find(|i| Op::operation(i) == attempt.intent)
            .ok_or(GateRefusal::NoIntent)?;
        if intent.revision != workflow.revision {
            return Err(GateRefusal::NoIntent);
        }
        if let Some(field) = op.differs_from(intent, workflow) {
            return Err(GateRefusal::NotAsApproved { field });
        }
        check_gates(workflow)?;
        let last_moment = last_moment(attempt, intent);
        check_attempt(workflow, attempt, held, last_moment)?;
        if !held.base_stands {
            return Err(GateRefusal::BaseMoved);
        }
        let first_expiry = check_approvals(workflow, intent, held, roster)?;
        let expires_at = held
            .now
            .plus_ms(PERMIT_MAX_MS)
            .min(held.lease_until)
            .min(last_moment)
            .min(first_expiry);
        Ok(ContentPermit {
            op,
            claim: claim(workflow, attempt, held, expires_at),
        })
    }

    /// Asks for the right to take one of our own branches or pull requests out of play.
    ///
    /// # Errors
    /// When no recorded event ended its revision, or it is not one that this workflow wrote.
    pub fn retract<Op: RetractOp>(facts: &FreshFacts, op: Op) -> Result<RetractPermit<Op>, GateRefusal> {
        let FreshFacts {
            workflow,
            attempt,
            held,
            ..
        } = facts;
        check_place(workflow, held)?;
        if !workflow.is_retracting() {
            return Err(GateRefusal::NotRetracting);
        }
        let undone = op.undoes(workflow).ok_or(GateRefusal::NoIntent)?;
        if undone != attempt.intent || workflow.retracted.contains(&undone) {
            return Err(GateRefusal::NoIntent);
        }
        let expires_at = held.now.plus_ms(PERMIT_MAX_MS).min(held.lease_until);
        Ok(RetractPermit {
            op,
            claim: claim(workflow, attempt, held, expires_at),
        })
    }
}

fn claim(workflow: &Workflow, attempt: &Attempt, held: &ClaimFacts, expires_at: Timestamp) -> Claim {
    Claim {
        tenant: workflow.tenant.clone(),
        intent: attempt.intent.clone(),
        attempt: attempt.number,
        fence: held.fence,
        expires_at,
    }
}

fn check_place(workflow: &Workflow, held: &ClaimFacts) -> Result<(), GateRefusal> {
    if !held.tenant_active {
        return Err(GateRefusal::TenantInactive);
    }
    if workflow.state.is_final() {
        return Err(GateRefusal::NotApplying(workflow.state));
    }
    if held.lease_until <= held.now {
        return Err(GateRefusal::ClaimLost);
    }
    if held.undecided_inputs > 0 {
        return Err(GateRefusal::UndecidedInputs(held.undecided_inputs));
    }
    Ok(())
}

fn check_gates(workflow: &Workflow) -> Result<(), GateRefusal> {
    let passed = |gate: &GateId| {
        workflow
            .gates
            .get(gate)
            .is_some_and(|g| g.outcome == GateOutcome::Passed)
    };
    let before = [
        GateId::Intake,
        GateId::Plan,
        GateId::Proposal,
        GateId::Approval,
        GateId::Write,
    ];
    match before.into_iter().find(|gate| !passed(gate)) {
        Some(gate) => Err(GateRefusal::GateNotPassed(gate)),
        None => Ok(()),
    }
}

/// When a write may begin at the latest, so that it ends before the attempt does.
fn last_moment(attempt: &Attempt, intent: &WriteIntent) -> Timestamp {
    if intent.repository.forge.is_remote() {
        Timestamp(attempt.deadline.0.saturating_sub(REMOTE_WRITE_MAX_MS))
    } else {
        attempt.deadline
    }
}

fn check_attempt(
    workflow: &Workflow,
    attempt: &Attempt,
    held: &ClaimFacts,
    last_moment: Timestamp,
) -> Result<(), GateRefusal> {
    let recorded = workflow.last_attempt(&attempt.intent);
    if !recorded.is_some_and(|(recorded, outcome)| recorded == attempt && outcome.is_none()) {
        return Err(GateRefusal::NoAttempt);
    }
    if last_moment <= held.now {
        return Err(GateRefusal::NoAttempt);
    }
    if attempt.fence != held.fence {
        return Err(GateRefusal::ClaimLost);
    }
    Ok(())
}

/// All patch sets of the workflow, not just this one: nothing is written while a sibling lacks its approval.
fn check_approvals(
    workflow: &Workflow,
    intent: &WriteIntent,
    held: &ClaimFacts,
    roster: &Roster,
) -> Result<Timestamp, GateRefusal> {
    if !held.approvals_authentic {
        return Err(GateRefusal::NotAuthentic);
    }
    if !held.baseline_unchanged {
        return Err(GateRefusal::BaselineChanged);
    }
    if !sealed_approvals(workflow) {
        return Err(GateRefusal::NotSealed);
    }
    let own = workflow
        .patch_set(&intent.repository)
        .ok_or(GateRefusal::NoIntent)?;
    if own.digest != intent.patch_set || own.manifest.commit != intent.commit {
        return Err(GateRefusal::NotAsApproved {
            field: "the patch set",
        });
    }
    if workflow.approval_digest(own) != Some(intent.approval) || approvals_of(workflow, own).next().is_none()
    {
        return Err(GateRefusal::NotAsApproved {
            field: "the approval",
        });
    }
    let mut first_expiry = Timestamp(u64::MAX);
    for patch_set in &workflow.patch_sets {
        let now = standing(workflow, patch_set, roster, held.now);
        if let Some(owned) = now.owners_missing.first() {
            return Err(GateRefusal::OwnerMissing(owned.path.clone()));
        }
        if now.people < now.needed {
            return Err(GateRefusal::ApprovalsMissing {
                people: now.people,
                needed: now.needed,
            });
        }
        first_expiry = now.first_expiry.map_or(first_expiry, |t| t.min(first_expiry));
    }
    Ok(first_expiry)
}
