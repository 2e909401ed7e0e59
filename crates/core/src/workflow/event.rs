//! What was decided: the facts that a workflow consists of. These are the persisted forms of record version 1.
//!
//! An event says what happened, in the past tense; [`super::apply`] derives the state from it.

use super::State;
use super::effect::{Effect, SealPurpose};
use crate::act::{Attendance, SeenDigest, SignedAct};
use crate::artifact::{AgentRole, Architecture, Critique, Plan, TriageDecision};
use crate::budget::BudgetAsked;
use crate::confinement::Confinement;
use crate::digest::{ApprovalDigest, ArtifactDigest, BodyHash, ContextHash, PatchSetDigest, PlanDigest};
use crate::feedback::{AgentSpec, Feedback, Metadata, RepoSelection};
use crate::forge::{CheckRun, Landed, Listing, PullRequest};
use crate::gate::GateResult;
use crate::id::{
    AccountId, AttemptNumber, BranchName, CallNumber, CommitSha, EffectId, Fence, MemberId, RepositoryId,
    RequestId, Revision, TreeSha, Version, WriteIntentId,
};
use crate::member::Roster;
use crate::narrow::LeftOut;
use crate::patch_set::{Draft, PatchSet};
use crate::policy::{EffectivePolicy, RiskTier, Violation, Waiver};
use crate::question::Question;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a run can start again after it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ResumePoint {
    /// Look the branches and the policy up again.
    Queued,
    /// Pin the bases again.
    LoadingContext,
    /// Ask triage again.
    Triaging,
    /// Ask for a plan again.
    Planning,
    /// Ask for a proposal again, in the same revision.
    Coding,
    /// Make the drafts again from what a reviewer left.
    Narrowing,
    /// Ask the critic again.
    Reviewing,
    /// Seal the ledger and ask for approvals again.
    AwaitingApproval,
    /// Check the bases again and write what is not written.
    Applying,
    /// Go on taking out of play.
    Retracting,
    /// Look at CI again.
    VerifyingCi,
    /// Look again whether it was merged.
    AwaitingMerge,
}

/// One repository of a workflow as it was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepoLookup {
    /// Which repository.
    pub repository: RepositoryId,
    /// What HEAD names.
    pub default_branch: BranchName,
    /// Where the default branch points, if it has a commit.
    pub default_commit: Option<CommitSha>,
    /// The branch to start from.
    pub base_branch: BranchName,
    /// Where it points; absent: there is no such branch.
    pub base_commit: Option<CommitSha>,
    /// How its forge listed it; absent: there is no such thing there, or it was not to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<Listing>,
}

/// One repository with its base pinned and its policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedRepo {
    /// Which repository.
    pub repository: RepositoryId,
    /// The branch that it starts from.
    pub base_branch: BranchName,
    /// The pinned commit.
    pub base: CommitSha,
    /// Its tree.
    pub base_tree: TreeSha,
    /// The default branch's commit, whose policy counts as well.
    pub default_commit: CommitSha,
    /// Files in the snapshot.
    pub files: u64,
    /// Floor, organisation, default branch and base put together.
    pub policy: EffectivePolicy,
}

/// One call of an agent, as the run log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRun {
    /// What was asked.
    pub role: AgentRole,
    /// In which revision.
    pub revision: Revision,
    /// Which call of this role, from 1.
    pub round: u32,
    /// Who answered.
    pub answered_by: String,
    /// What held it on this machine.
    pub confinement: Confinement,
    /// Base commits, feedback bytes, and sorted paths and blob ids of all that was given.
    pub context: ContextHash,
    /// Digest of the validated answer.
    pub answer: ArtifactDigest,
    /// The raw output.
    pub output: BodyHash,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The reservation under which it ran; absent where the agent ran nothing outside, and before there were budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallNumber>,
}

/// What one agent call may cost at most, recorded before it begins. A call whose end is not recorded costs all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallReservation {
    /// Which call of the workflow.
    pub number: CallNumber,
    /// For which effect.
    pub effect: EffectId,
    /// What is asked.
    pub role: AgentRole,
    /// The claim under which it runs.
    pub fence: Fence,
    /// The call's deadline, in milliseconds from its beginning.
    pub reserves_ms: u64,
}

/// What a request asks about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subject {
    /// A plan.
    Plan {
        /// Its digest.
        digest: PlanDigest,
    },
    /// One repository's patch set.
    PatchSet {
        /// Whose.
        repository: RepositoryId,
        /// The patch set.
        patch_set: PatchSetDigest,
        /// What is decided on.
        digest: ApprovalDigest,
    },
    /// A question from the fixed list.
    Question {
        /// The question.
        question: Question,
        /// Its digest.
        digest: crate::digest::QuestionDigest,
    },
}

impl Subject {
    /// What a decision about it names.
    pub fn seen(&self) -> SeenDigest {
        match self {
            Subject::Plan { digest } => SeenDigest::Plan(*digest),
            Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
            Subject::Question { digest, .. } => SeenDigest::Question(*digest),
        }
    }
}

/// How a request stands; everything but `Open` is an end (INV-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestStatus {
    /// Waits for a human.
    Open,
    /// Enough people said yes.
    Approved,
    /// Somebody said no.
    Rejected,
    /// Somebody asked for something else.
    ChangesRequested,
    /// The question was answered.
    Answered,
    /// A broken rule was waived.
    Waived,
    /// Nobody decided in time.
    Expired,
    /// An approval was taken back, so it is asked again.
    Withdrawn,
    /// The workflow was cancelled.
    Cancelled,
    /// Another revision or another question took its place.
    Superseded,
}

/// What waits for a human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What it asks about.
    pub subject: Subject,
    /// In which revision it was opened.
    pub revision: Revision,
    /// When.
    pub opened_at: Timestamp,
    /// When it runs out; questions do not.
    pub expires_at: Option<Timestamp>,
    /// How it stands.
    pub status: RequestStatus,
}

/// A live or ended yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// To which request.
    pub request: RequestId,
    /// In which revision.
    pub revision: Revision,
    /// The signed act.
    pub act: SignedAct,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// At which version of the stream it was recorded.
    pub recorded_at: Version,
}

/// One approved write to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteIntent {
    /// Its id.
    pub id: WriteIntentId,
    /// In which revision.
    pub revision: Revision,
    /// Where.
    pub repository: RepositoryId,
    /// The branch to create.
    pub branch: BranchName,
    /// The commit that it will hold.
    pub commit: CommitSha,
    /// That commit's tree.
    pub tree: TreeSha,
    /// The approved patch set.
    pub patch_set: PatchSetDigest,
    /// What the humans decided on.
    pub approval: ApprovalDigest,
}

/// One try of a write intent, recorded before its first byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Of which intent.
    pub intent: WriteIntentId,
    /// Which try.
    pub number: AttemptNumber,
    /// The claim under which it runs.
    pub fence: Fence,
    /// The commit that it is to write.
    pub commit: CommitSha,
    /// The branch must hold this before (absent: must not exist).
    pub expected_old: Option<CommitSha>,
    /// Nothing of this attempt is written after this moment.
    pub deadline: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AttemptOutcome {
    /// The branch was read back and holds this.
    Written {
        /// The commit that was read back.
        commit: CommitSha,
        /// Its tree.
        tree: TreeSha,
        /// It was there already, by an attempt whose answer was lost.
        found: bool,
    },
    /// The branch holds something that is not ours; nothing was changed.
    Foreign {
        /// What it holds.
        commit: Option<CommitSha>,
        /// In words.
        detail: String,
    },
    /// The write gate said no; nothing was changed.
    Refused {
        /// The refusal's code.
        code: String,
        /// In words.
        detail: String,
    },
    /// Nothing was changed, and it may work later.
    Failed {
        /// The failure's code.
        code: String,
        /// In words.
        detail: String,
    },
    /// It may have happened; it is read back before anything is repeated.
    Unknown {
        /// In words.
        detail: String,
    },
    /// The pull request was read back, and branch, head, base and author are ours.
    Opened {
        /// As it was read back.
        pull_request: PullRequest,
        /// The account under which we write there.
        account: AccountId,
        /// It was there already, by an attempt whose answer was lost.
        found: bool,
    },
}

/// What one repository showed while CI was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadHead {
    /// Where.
    pub repository: RepositoryId,
    /// What our branch holds; absent: it was not seen.
    pub branch: Option<CommitSha>,
    /// Our pull request as it stands; absent: it was not seen.
    pub pull_request: Option<PullRequest>,
    /// Every run on the approved commit whose name policy asks for, whoever posted it.
    pub checks: Vec<CheckRun>,
}

/// What one repository showed while a merge was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadMerge {
    /// Where.
    pub repository: RepositoryId,
    /// Our pull request as it stands; absent: it was not seen.
    pub pull_request: Option<PullRequest>,
    /// What it brought into its branch; absent: it is not merged.
    pub landed: Option<Landed>,
}

/// A checkpoint of the tenant's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointRef {
    /// Leaves that it covers.
    pub size: u64,
    /// Merkle root, 64 hex digits.
    pub root: String,
    /// The signed note's bytes.
    pub note: BodyHash,
    /// The workflow's version that it covers.
    pub covers: Version,
}

/// A base branch as it stood right before writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stands", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Standing {
    /// Still at the pinned commit.
    Unmoved,
    /// Moved on; the result merges cleanly.
    MovedClean {
        /// Where to.
        tip: CommitSha,
    },
    /// Moved on; the result conflicts.
    MovedConflict {
        /// Where to.
        tip: CommitSha,
    },
    /// No longer contains the pinned commit.
    Rewritten {
        /// Where to.
        tip: CommitSha,
    },
    /// No such branch any more.
    Gone,
}

/// What a branch of ours was found to hold when a data folder was taken up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundBranch {
    /// Where.
    pub repository: RepositoryId,
    /// Which branch.
    pub branch: BranchName,
    /// What it holds.
    pub holds: BranchHolds,
}

/// What is in a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "holds", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BranchHolds {
    /// There is no such branch.
    Nothing,
    /// It is there.
    Commit {
        /// Where it points.
        commit: CommitSha,
        /// That commit's tree.
        tree: TreeSha,
    },
    /// The repository can't be asked.
    Unreadable {
        /// In words.
        detail: String,
    },
}

/// Why a revision began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionCause {
    /// A human asked for changes or supplied words.
    ChangesRequested,
    /// A human left something out.
    Deselected,
    /// The base moved in a way that counts.
    BaseMoved,
    /// The organisation's policy is no longer the one that was approved under.
    PolicyChanged,
    /// A required check failed on what was written.
    CiRed,
}

/// A decided fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// It began.
    WorkflowStarted {
        /// The words.
        feedback: Feedback,
        /// The repositories, in write order.
        repositories: Vec<RepoSelection>,
        /// Who proposes.
        agent: AgentSpec,
        /// Who started it.
        started_by: MemberId,
        /// Whether they will look.
        attendance: Attendance,
        /// Started although the same was open.
        again: bool,
        /// A caller's own words about it; left out where there are none.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metadata: Metadata,
        /// What they ask to be spent at most; absent before there were budgets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget: Option<BudgetAsked>,
        /// By the key held for who started it ([`super::Submission::is_signed_by`]); absent before there were such.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// Where the workflow is now; the only event that changes the state.
    StateEntered {
        /// The state.
        state: State,
        /// Why, in one sentence.
        reason: String,
    },
    /// Who the members are, with the keys that are held for them. What follows in the same decision was judged by it,
    /// and so is everything until the next one.
    RosterRecorded {
        /// The members.
        roster: Roster,
    },
    /// Something is to be done.
    EffectRequested {
        /// Its id.
        id: EffectId,
        /// What.
        effect: Effect,
    },
    /// Branches were looked up.
    RefsLookedUp {
        /// Per repository.
        repositories: Vec<RepoLookup>,
    },
    /// A gate was judged.
    GateEvaluated {
        /// The result.
        result: GateResult,
    },
    /// Bases were pinned and policies put together.
    ContextLoaded {
        /// Per repository.
        repositories: Vec<PinnedRepo>,
        /// Base commits, feedback bytes, and sorted paths and blob ids of everything.
        context: ContextHash,
    },
    /// An agent was called.
    AgentCalled {
        /// The run.
        run: AgentRun,
    },
    /// Triage gave its decision.
    TriageRecorded {
        /// The artifact.
        decision: TriageDecision,
    },
    /// A valid plan is there.
    PlanRecorded {
        /// The architecture.
        architecture: Architecture,
        /// Scope, steps, acceptance criteria.
        plan: Plan,
        /// Its digest.
        digest: PlanDigest,
    },
    /// An answer was refused; the agent gets the reasons in its next round.
    AnswerRefused {
        /// Whose.
        role: AgentRole,
        /// Why.
        reasons: Vec<String>,
    },
    /// Diffs were read and applied to the pinned bases.
    DraftsRecorded {
        /// One per repository that changes.
        drafts: Vec<Draft>,
    },
    /// The critic answered.
    CritiqueRecorded {
        /// The artifact.
        critique: Critique,
    },
    /// Policy was evaluated on the drafts.
    PolicyEvaluated {
        /// Everything that was broken.
        violations: Vec<Violation>,
    },
    /// The risk tier was computed; it only rises.
    TierComputed {
        /// The tier.
        tier: RiskTier,
        /// Why.
        reasons: Vec<String>,
    },
    /// The plan was accepted under a tier, by a human or because nobody has to ask.
    PlanAccepted {
        /// The tier.
        tier: RiskTier,
    },
    /// A checkpoint was signed.
    LedgerSealed {
        /// For what.
        purpose: SealPurpose,
        /// The checkpoint.
        checkpoint: CheckpointRef,
    },
    /// Manifests were fixed; this is what people are asked about.
    PatchSetsFixed {
        /// One per repository that changes.
        patch_sets: Vec<PatchSet>,
    },
    /// A human is asked.
    RequestOpened {
        /// The request.
        request: Request,
        /// Where it goes on, for questions.
        resume: Option<ResumePoint>,
    },
    /// A request ended.
    RequestClosed {
        /// Which.
        request: RequestId,
        /// How.
        status: RequestStatus,
    },
    /// A yes.
    ApprovalGiven {
        /// The approval.
        approval: Approval,
    },
    /// A no.
    RejectionGiven {
        /// The signed act.
        act: SignedAct,
    },
    /// Not like this.
    ChangesRequested {
        /// The signed act.
        act: SignedAct,
    },
    /// An answer to a question.
    AnswerGiven {
        /// The signed act.
        act: SignedAct,
    },
    /// Something was left out: the plan that is left, and what of the drafts has to go.
    PatchesDeselected {
        /// The signed act.
        act: SignedAct,
        /// The plan without the paths of whole patches that were left out.
        plan: Plan,
        /// Its digest.
        digest: PlanDigest,
        /// What was left out.
        left_out: Vec<LeftOut>,
    },
    /// A broken rule was let pass.
    WaiverGiven {
        /// The signed act.
        act: SignedAct,
        /// What it allows.
        waiver: Waiver,
    },
    /// Approvals taken back.
    ApprovalsWithdrawn {
        /// The signed act.
        act: SignedAct,
    },
    /// Every approval of the patch sets is void, because all of them are asked for again.
    ApprovalsVoided {
        /// Why.
        reason: String,
    },
    /// Any other act of a human: cancel, retry, wake.
    ActTaken {
        /// The signed act.
        act: SignedAct,
    },
    /// A new revision began; later gates and all approvals are void.
    RevisionStarted {
        /// The new number.
        revision: Revision,
        /// Why.
        cause: RevisionCause,
    },
    /// The bases were looked at right before writing.
    BasesChecked {
        /// Per repository.
        standings: Vec<(RepositoryId, Standing)>,
    },
    /// The approvals were consumed into write intents.
    IntentsRecorded {
        /// In write order.
        intents: Vec<WriteIntent>,
    },
    /// A try began; nothing is written yet.
    AttemptStarted {
        /// The attempt.
        attempt: Attempt,
    },
    /// A try ended.
    AttemptEnded {
        /// Of which intent.
        intent: WriteIntentId,
        /// Which try.
        number: AttemptNumber,
        /// How.
        outcome: AttemptOutcome,
    },
    /// The forge has no pull requests, so this state was skipped.
    PullRequestsSkipped {
        /// Why.
        reason: String,
    },
    /// A branch of ours was taken out of play.
    BranchRetracted {
        /// Which write it undoes.
        intent: WriteIntentId,
        /// Whether it was there.
        deleted: bool,
    },
    /// The data folder was restored, copied or moved, and its next epoch began: approvals are void, nothing is under way.
    Reconciled {
        /// The epoch that began.
        epoch: u64,
        /// What the branches of the current revision hold.
        branches: Vec<FoundBranch>,
    },
    /// CI is waited for from now on.
    ChecksAwaited {
        /// Since when.
        since: Timestamp,
        /// Until when, at the longest.
        until: Timestamp,
    },
    /// Required checks failed, and the agent is to try again: the revision is taken out of play, and the next one follows.
    FixRoundBegun {},
    /// Branches, pull requests and required checks as they were when that could be concluded from.
    ChecksRead {
        /// One per repository that has pull requests.
        repositories: Vec<ReadHead>,
    },
    /// Somebody at the forge is to merge: that is waited for from now on.
    MergeAwaited {
        /// Since when.
        since: Timestamp,
        /// Until when, at the longest.
        until: Timestamp,
    },
    /// Pull requests and what landed, as they were when that could be concluded from.
    MergesRead {
        /// One per repository that has pull requests.
        repositories: Vec<ReadMerge>,
    },
    /// A pull request of ours was taken out of play.
    PullRequestClosed {
        /// The intent of its branch.
        intent: WriteIntentId,
        /// Whether it was open.
        closed: bool,
    },
    /// The last event of the stream.
    WorkflowEnded {
        /// The final state.
        state: State,
        /// Why, in one sentence.
        reason: String,
    },
    /// An agent call is about to begin; the worst that it can cost is set aside.
    AgentCallReserved {
        /// What is set aside.
        reservation: CallReservation,
    },
    /// An agent call ended, with an answer or without; what it did not use is free again.
    AgentCallEnded {
        /// Which.
        number: CallNumber,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
}

impl Event {
    /// The kind as it is stored and shown.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::WorkflowStarted { .. } => "workflow-started",
            Event::StateEntered { .. } => "state-entered",
            Event::RosterRecorded { .. } => "roster-recorded",
            Event::EffectRequested { .. } => "effect-requested",
            Event::RefsLookedUp { .. } => "refs-looked-up",
            Event::GateEvaluated { .. } => "gate-evaluated",
            Event::ContextLoaded { .. } => "context-loaded",
            Event::AgentCalled { .. } => "agent-called",
            Event::TriageRecorded { .. } => "triage-recorded",
            Event::PlanRecorded { .. } => "plan-recorded",
            Event::AnswerRefused { .. } => "answer-refused",
            Event::DraftsRecorded { .. } => "drafts-recorded",
            Event::CritiqueRecorded { .. } => "critique-recorded",
            Event::PolicyEvaluated { .. } => "policy-evaluated",
            Event::TierComputed { .. } => "tier-computed",
            Event::PlanAccepted { .. } => "plan-accepted",
            Event::LedgerSealed { .. } => "ledger-sealed",
            Event::PatchSetsFixed { .. } => "patch-sets-fixed",
            Event::RequestOpened { .. } => "request-opened",
            Event::RequestClosed { .. } => "request-closed",
            Event::ApprovalGiven { .. } => "approval-given",
            Event::RejectionGiven { .. } => "rejection-given",
            Event::ChangesRequested { .. } => "changes-requested",
            Event::AnswerGiven { .. } => "answer-given",
            Event::PatchesDeselected { .. } => "patches-deselected",
            Event::WaiverGiven { .. } => "waiver-given",
            Event::ApprovalsWithdrawn { .. } => "approvals-withdrawn",
            Event::ApprovalsVoided { .. } => "approvals-voided",
            Event::ActTaken { .. } => "act-taken",
            Event::RevisionStarted { .. } => "revision-started",
            Event::BasesChecked { .. } => "bases-checked",
            Event::IntentsRecorded { .. } => "intents-recorded",
            Event::AttemptStarted { .. } => "attempt-started",
            Event::AttemptEnded { .. } => "attempt-ended",
            Event::PullRequestsSkipped { .. } => "pull-requests-skipped",
            Event::BranchRetracted { .. } => "branch-retracted",
            Event::Reconciled { .. } => "reconciled",
            Event::ChecksAwaited { .. } => "checks-awaited",
            Event::ChecksRead { .. } => "checks-read",
            Event::FixRoundBegun {} => "fix-round-begun",
            Event::MergeAwaited { .. } => "merge-awaited",
            Event::MergesRead { .. } => "merges-read",
            Event::PullRequestClosed { .. } => "pull-request-closed",
            Event::WorkflowEnded { .. } => "workflow-ended",
            Event::AgentCallReserved { .. } => "agent-call-reserved",
            Event::AgentCallEnded { .. } => "agent-call-ended",
        }
    }
}
