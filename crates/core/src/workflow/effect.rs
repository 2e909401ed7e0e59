//! What is to be done next, in the imperative. At most one effect of a workflow is outstanding at any time.

use crate::id::WriteIntentId;
use serde::{Deserialize, Serialize};

/// Why the ledger is sealed with a signed checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealPurpose {
    /// Before people are asked: this checkpoint goes into the commit trailers.
    BeforeApproval,
    /// After the last needed approval and before anything is written.
    Approved,
}

/// Something to do outside of `decide`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// Read the branches and the default branch's policy of every repository.
    LookUpRefs,
    /// Pin every base, read the policies there, hash the context.
    LoadContext,
    /// Ask for a verdict.
    Triage,
    /// Ask for architecture and plan, and look up the planned paths.
    Plan,
    /// Ask for a proposal, read it and apply it.
    Draft,
    /// Make the drafts again without what a reviewer left out.
    Narrow,
    /// Ask the critic about the drafts.
    Critique,
    /// Sign a checkpoint.
    SealLedger {
        /// For what.
        purpose: SealPurpose,
    },
    /// Look at the base branches right before writing.
    CheckBases,
    /// Create one approved branch and read it back.
    WriteBranch {
        /// The approved write.
        intent: WriteIntentId,
    },
    /// Take one written branch out of play.
    RetractBranch {
        /// The write to undo.
        intent: WriteIntentId,
    },
    /// Open the pull request of one written branch and read it back.
    OpenPullRequest {
        /// The approved write of the branch.
        intent: WriteIntentId,
    },
    /// Read branches, pull requests and required checks, until all of it can be concluded from.
    ReadChecks,
    /// Read pull requests and what landed, until all of it can be concluded from.
    ReadMerges,
    /// Take one pull request of ours out of play, before its branch.
    ClosePullRequest {
        /// The approved write of the branch.
        intent: WriteIntentId,
    },
}

/// How a repeated effect is kept from happening twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing outside; doing it again is harmless.
    Harmless,
    /// The outside is read back before it is repeated.
    ReadBack,
}

impl Effect {
    /// The kind as it is stored and shown.
    pub fn kind(&self) -> &'static str {
        match self {
            Effect::LookUpRefs => "look-up-refs",
            Effect::LoadContext => "load-context",
            Effect::Triage => "triage",
            Effect::Plan => "plan",
            Effect::Draft => "draft",
            Effect::Narrow => "narrow",
            Effect::Critique => "critique",
            Effect::SealLedger { .. } => "seal-ledger",
            Effect::CheckBases => "check-bases",
            Effect::WriteBranch { .. } => "write-branch",
            Effect::RetractBranch { .. } => "retract-branch",
            Effect::OpenPullRequest { .. } => "open-pull-request",
            Effect::ReadChecks => "read-checks",
            Effect::ReadMerges => "read-merges",
            Effect::ClosePullRequest { .. } => "close-pull-request",
        }
    }

    /// What makes a second run of it safe (INV-7).
    pub fn repeat(&self) -> Repeat {
        match self {
            Effect::LookUpRefs
            | Effect::LoadContext
            | Effect::Triage
            | Effect::Plan
            | Effect::Draft
            | Effect::Narrow
            | Effect::Critique
            | Effect::SealLedger { .. }
            | Effect::CheckBases
            | Effect::ReadChecks
            | Effect::ReadMerges => Repeat::Harmless,
            Effect::WriteBranch { .. }
            | Effect::RetractBranch { .. }
            | Effect::OpenPullRequest { .. }
            | Effect::ClosePullRequest { .. } => Repeat::ReadBack,
        }
    }
}
