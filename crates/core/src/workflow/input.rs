//! What comes in: results of effects, acts of humans, the passing of time. Nothing here is trusted to change state;
//! [`super::decide`] judges it.

use super::event::{
    AgentRun, Attempt, AttemptOutcome, CheckpointRef, FoundBranch, ReadHead, ReadMerge, RepoLookup, Standing,
};
use crate::act::{Attendance, MemberKey, SignedAct};
use crate::artifact::{AgentRole, Architecture, Critique, Plan, TriageDecision};
use crate::budget::BudgetAsked;
use crate::commit_signature::SignedCommits;
use crate::digest::{ContextHash, canonical_json};
use crate::feedback::{AgentSpec, Feedback, Metadata, RepoSelection};
use crate::forge::RequiredCheck;
use crate::id::{
    AttemptNumber, BranchName, CallNumber, CommitSha, EffectId, Fence, InputId, MemberId, RepositoryId,
    TenantId, TreeSha, WorkflowId, WriteIntentId,
};
use crate::member::Roster;
use crate::patch_set::Draft;
use crate::path::RepoPath;
use crate::policy::OwnRuleFile;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What starts a workflow. Also the persisted form of a `submit` input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The words.
    pub feedback: Feedback,
    /// The repositories, in write order; exactly one is primary.
    pub repositories: Vec<RepoSelection>,
    /// Who proposes.
    pub agent: AgentSpec,
    /// Who starts it.
    pub started_by: MemberId,
    /// Whether they will look.
    pub attendance: Attendance,
    /// Start although the same is open.
    pub again: bool,
    /// A caller's own words about it; left out where there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// What they ask to be spent at most; a submission that is made now always has one, if an empty one. Absent in what
    /// was recorded before there were budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetAsked>,
    /// Ed25519 by the key that is held for who starts it, over [`Submission::message`], 128 hex digits: who asked for a
    /// change may not approve it, so it matters who asked. Absent in what was recorded before there were signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Submission {
    /// The free words in it, each with what it is called: what has to be looked at before it is kept.
    pub fn words(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let command = match &self.agent {
            AgentSpec::Command { command, .. } => Some(("the agent's command line", command.as_str().into())),
            AgentSpec::Codemod | AgentSpec::Scripted { .. } | AgentSpec::Diff { .. } => None,
        };
        let feedback = [
            ("the title", self.feedback.title.as_str().into()),
            ("the issue text", self.feedback.text.as_str().into()),
        ];
        // A key beside its value, because what a value is called can make it a secret.
        let pairs: String = self
            .metadata
            .iter()
            .map(|(key, value)| format!("{key} = \"{value}\"\n"))
            .collect();
        let metadata = (!pairs.is_empty()).then_some(("the metadata", Cow::Owned(pairs)));
        feedback.into_iter().chain(command).chain(metadata).collect()
    }

    /// The same, signed for one workflow with the key that is held for who starts it.
    #[must_use]
    pub fn signed(self, tenant: &TenantId, workflow: &WorkflowId, key: &SigningKey) -> Self {
        let signature = key.sign(&self.message(tenant, workflow));
        Self {
            signature: Some(hex::encode(signature.to_bytes())),
            ..self
        }
    }

    /// Whether that key signed it for this workflow.
    pub fn is_signed_by(&self, tenant: &TenantId, workflow: &WorkflowId, key: &MemberKey) -> bool {
        let message = self.message(tenant, workflow);
        let mut signature = self.signature.iter();
        signature.any(|signature| key.signed_message(&message, signature))
    }

    /// What is signed: a domain tag, and the canonical JSON of tenant, workflow and all else of the submission.
    fn message(&self, tenant: &TenantId, workflow: &WorkflowId) -> Vec<u8> {
        let unsigned = Self {
            signature: None,
            ..self.clone()
        };
        [DOMAIN, &canonical_json(&(tenant, workflow, unsigned))].concat()
    }
}

const DOMAIN: &[u8] = b"countersign/submission/v1\0";

/// What one commit of a repository says about policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyLayer {
    /// `.countersign.toml`.
    pub text: Option<Vec<u8>>,
    /// The files of rules that the repository brings itself, sorted by path.
    pub own_rules: Vec<OwnRuleFile>,
}

/// The policy of one repository, as found at the pinned commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyLayers {
    /// Of the default branch's commit.
    pub default_branch: PolicyLayer,
    /// Of the base commit.
    pub base: PolicyLayer,
    /// The checks that the forge asks for before something is merged into the base branch.
    pub protection: Vec<RequiredCheck>,
}

/// One repository's base, freshly pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedRepo {
    /// Which repository.
    pub repository: RepositoryId,
    /// The branch that it starts from.
    pub base_branch: BranchName,
    /// The pinned commit.
    pub base: CommitSha,
    /// Its tree.
    pub base_tree: TreeSha,
    /// The default branch's commit.
    pub default_commit: CommitSha,
    /// Files in the snapshot.
    pub files: u64,
    /// The policies found there.
    pub policies: PolicyLayers,
}

/// Whether a planned path is in the pinned context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathLookup {
    /// In which repository.
    pub repository: RepositoryId,
    /// Which path.
    pub path: RepoPath,
    /// Whether there is such a file.
    pub exists: bool,
}

/// An agent's answer that can't be used, with the reasons it gets in its next round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, one sentence each.
    pub reasons: Vec<String>,
}

/// What an effect found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectResult {
    /// Of [`super::Effect::LookUpRefs`].
    RefsLookedUp {
        /// Per repository.
        repositories: Vec<RepoLookup>,
        /// The default branch's policy text per repository.
        policies: Vec<(RepositoryId, Option<Vec<u8>>)>,
        /// The checks that the forge asks for before something is merged into the base branch, per repository.
        protections: Vec<(RepositoryId, Vec<RequiredCheck>)>,
        /// The organisation's baseline.
        organisation: Option<Vec<u8>>,
        /// An open workflow with the same text and repositories that is older.
        duplicate_of: Option<WorkflowId>,
        /// The members now.
        roster: Roster,
    },
    /// Of [`super::Effect::LoadContext`].
    ContextLoaded {
        /// Per repository.
        repositories: Vec<LoadedRepo>,
        /// The organisation's baseline.
        organisation: Option<Vec<u8>>,
        /// The hash of everything.
        context: ContextHash,
    },
    /// Of [`super::Effect::Triage`].
    Triaged {
        /// The call.
        run: AgentRun,
        /// The answer.
        answer: Result<TriageDecision, Refused>,
    },
    /// Of [`super::Effect::Plan`].
    Planned {
        /// The calls.
        runs: Vec<AgentRun>,
        /// The answers, with every planned path looked up.
        answer: Result<(Architecture, Plan, Vec<PathLookup>), Refused>,
        /// The members now.
        roster: Roster,
    },
    /// Of [`super::Effect::Draft`].
    Drafted {
        /// The call.
        run: AgentRun,
        /// Drafts, or why some diff can't be read or applied.
        answer: Result<Vec<Draft>, Refused>,
    },
    /// Of [`super::Effect::Narrow`].
    Narrowed {
        /// Drafts, or why something can't be left out.
        answer: Result<Vec<Draft>, Refused>,
    },
    /// Of [`super::Effect::Critique`].
    Critiqued {
        /// The call.
        run: AgentRun,
        /// The answer.
        answer: Result<Critique, Refused>,
        /// The members now.
        roster: Roster,
    },
    /// Of [`super::Effect::SealLedger`].
    Sealed {
        /// The checkpoint.
        checkpoint: CheckpointRef,
        /// The members now.
        roster: Roster,
        /// The commits that people are to be asked about, where commits are signed.
        signed: Option<SignedCommits>,
    },
    /// Of [`super::Effect::CheckBases`].
    BasesChecked {
        /// Per repository.
        standings: Vec<(RepositoryId, Standing)>,
        /// The members now.
        roster: Roster,
    },
    /// Of [`super::Effect::WriteBranch`] or [`super::Effect::OpenPullRequest`]: how the attempt ended.
    WriteEnded {
        /// Of which intent; for a pull request, [`WriteIntentId::pull_request`] of its branch's.
        intent: WriteIntentId,
        /// Which try.
        number: AttemptNumber,
        /// How.
        outcome: AttemptOutcome,
    },
    /// Of [`super::Effect::RetractBranch`].
    Retracted {
        /// Which write was undone.
        intent: WriteIntentId,
        /// Whether the branch was there.
        deleted: bool,
    },
    /// Of [`super::Effect::ReadChecks`].
    ChecksRead {
        /// One per repository that has pull requests.
        repositories: Vec<ReadHead>,
    },
    /// Of [`super::Effect::ReadMerges`].
    MergesRead {
        /// One per repository that has pull requests.
        repositories: Vec<ReadMerge>,
    },
    /// Of [`super::Effect::ClosePullRequest`].
    PullRequestClosed {
        /// The intent of its branch.
        intent: WriteIntentId,
        /// Whether it was open.
        closed: bool,
    },
    /// Every try failed.
    GaveUp {
        /// The failure's code.
        code: String,
        /// In words.
        detail: String,
    },
}

impl EffectResult {
    /// The agent calls that it rests on.
    pub fn runs(&self) -> &[AgentRun] {
        match self {
            EffectResult::Triaged { run, .. }
            | EffectResult::Drafted { run, .. }
            | EffectResult::Critiqued { run, .. } => std::slice::from_ref(run),
            EffectResult::Planned { runs, .. } => runs,
            EffectResult::RefsLookedUp { .. }
            | EffectResult::ContextLoaded { .. }
            | EffectResult::Narrowed { .. }
            | EffectResult::Sealed { .. }
            | EffectResult::BasesChecked { .. }
            | EffectResult::WriteEnded { .. }
            | EffectResult::ChecksRead { .. }
            | EffectResult::MergesRead { .. }
            | EffectResult::Retracted { .. }
            | EffectResult::PullRequestClosed { .. }
            | EffectResult::GaveUp { .. } => &[],
        }
    }

    /// The members, where somebody's standing matters.
    pub fn roster(&self) -> Option<&Roster> {
        match self {
            EffectResult::RefsLookedUp { roster, .. }
            | EffectResult::Planned { roster, .. }
            | EffectResult::Critiqued { roster, .. }
            | EffectResult::Sealed { roster, .. }
            | EffectResult::BasesChecked { roster, .. } => Some(roster),
            EffectResult::ContextLoaded { .. }
            | EffectResult::Triaged { .. }
            | EffectResult::Drafted { .. }
            | EffectResult::Narrowed { .. }
            | EffectResult::WriteEnded { .. }
            | EffectResult::Retracted { .. }
            | EffectResult::ChecksRead { .. }
            | EffectResult::MergesRead { .. }
            | EffectResult::PullRequestClosed { .. }
            | EffectResult::GaveUp { .. } => None,
        }
    }
}

/// An incoming fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The result of the outstanding effect.
    Effect {
        /// Which effect.
        id: EffectId,
        /// What it found out.
        result: EffectResult,
    },
    /// The outstanding write is about to begin its next try.
    AttemptStarting {
        /// Which effect.
        id: EffectId,
        /// The try.
        attempt: Attempt,
    },
    /// A human did something; the signature was checked against the key held for that member.
    Act {
        /// The input that brought it.
        input: InputId,
        /// The act.
        act: SignedAct,
        /// The members now.
        roster: Roster,
    },
    /// The data folder was restored, copied or moved, and its next epoch began: this is what the branches hold now.
    Reconciling {
        /// The epoch that began.
        epoch: u64,
        /// One per patch set of the current revision.
        branches: Vec<FoundBranch>,
        /// The members now.
        roster: Roster,
    },
    /// Time went by; something may have run out.
    TimePassed,
    /// The outstanding effect is about to call an agent that runs something outside.
    AgentCallStarting {
        /// Which effect.
        id: EffectId,
        /// What will be asked.
        role: AgentRole,
        /// The claim under which it will run.
        fence: Fence,
    },
    /// That call ended.
    AgentCallEnded {
        /// Which effect.
        id: EffectId,
        /// Which call.
        number: CallNumber,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
}
