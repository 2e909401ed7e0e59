//! Everything that can go wrong in a storm or go another way, and how often it does where it can.

use std::fmt;

/// One way in which something goes wrong, or another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An act never arrives.
    InputLost,
    /// An act arrives twice as the same input.
    InputDoubled,
    /// An act arrives once more as another input.
    InputRepeated,
    /// An act arrives before one that was sent earlier.
    InputReordered,
    /// An agent takes minutes; its worker holds the claim.
    AgentSlow,
    /// An agent takes minutes and its worker doesn't hold the claim.
    AgentStalls,
    /// An agent is not there.
    AgentFails,
    /// An agent's answer can't be read.
    AgentBabbles,
    /// An agent's answer can be read and is wrong.
    AgentWrong,
    /// A base has moved, and a look doesn't show it.
    StaleBase,
    /// A branch is there, and a look doesn't show it.
    StaleBranch,
    /// The commit that is pinned is not the newest any more.
    StalePin,
    /// Git doesn't answer.
    GitDown,
    /// A write fails.
    WriteFails,
    /// A write takes seconds: a permit may run out on the way.
    WriteSlow,
    /// A write is done, and nobody hears of it.
    WriteAnswerLost,
    /// The store doesn't answer.
    StoreDown,
    /// A commit is done, and its worker doesn't hear of it.
    CommitAnswerLost,
    /// The worker dies at a call.
    WorkerDies,
    /// Hours or days pass at once.
    TimeJumps,
    /// Somebody commits to a base.
    BaseMoves,
    /// The organisation has another policy.
    PolicyChanges,
    /// A pull request is there, and a look doesn't show it.
    StalePullRequests,
    /// CI has not ended yet.
    CiSlow,
    /// CI fails.
    CiFails,
    /// Somebody closes a pull request on the forge's own page.
    PullRequestClosed,
    /// Somebody merges a pull request as a commit of its own.
    Merged,
    /// Somebody merges one as one commit on the base.
    Squashed,
    /// Somebody makes one's commits anew on the base.
    Rebased,
    /// Somebody merges before CI has ended.
    MergedEarly,
    /// Somebody pushes to one's branch first.
    MergedMore,
    /// Something gets into a merge that was in no commit.
    MergedOtherwise,
    /// The branch goes with its merge.
    BranchDeleted,
    /// Somebody closes one for good whose CI has ended.
    ClosedUnmerged,
    /// A pull request is merged, and a look shows it open.
    StaleMerge,
    /// A look shows a merged pull request twice.
    MergeToldTwice,
    /// A merge is there, and a look at the base doesn't show it.
    StaleLanding,
    /// An owner unfreezes what was frozen because of a merge.
    Unfrozen,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 38] = [
        Fault::InputLost,
        Fault::InputDoubled,
        Fault::InputRepeated,
        Fault::InputReordered,
        Fault::AgentSlow,
        Fault::AgentStalls,
        Fault::AgentFails,
        Fault::AgentBabbles,
        Fault::AgentWrong,
        Fault::StaleBase,
        Fault::StaleBranch,
        Fault::StalePin,
        Fault::GitDown,
        Fault::WriteFails,
        Fault::WriteSlow,
        Fault::WriteAnswerLost,
        Fault::StoreDown,
        Fault::CommitAnswerLost,
        Fault::WorkerDies,
        Fault::TimeJumps,
        Fault::BaseMoves,
        Fault::PolicyChanges,
        Fault::StalePullRequests,
        Fault::CiSlow,
        Fault::CiFails,
        Fault::PullRequestClosed,
        Fault::Merged,
        Fault::Squashed,
        Fault::Rebased,
        Fault::MergedEarly,
        Fault::MergedMore,
        Fault::MergedOtherwise,
        Fault::BranchDeleted,
        Fault::ClosedUnmerged,
        Fault::StaleMerge,
        Fault::MergeToldTwice,
        Fault::StaleLanding,
        Fault::Unfrozen,
    ];

    /// In how many of 100 cases it happens where it can.
    pub(crate) fn percent(self) -> usize {
        match self {
            Fault::StoreDown => 1,
            Fault::CommitAnswerLost | Fault::GitDown => 2,
            Fault::AgentStalls => 4,
            Fault::AgentFails | Fault::AgentBabbles => 5,
            Fault::InputLost | Fault::InputDoubled | Fault::InputRepeated => 6,
            Fault::AgentSlow | Fault::AgentWrong | Fault::WriteFails | Fault::WriteAnswerLost => 8,
            Fault::WriteSlow | Fault::ClosedUnmerged | Fault::StaleLanding => 10,
            Fault::CiFails | Fault::MergedMore | Fault::MergedOtherwise => 15,
            Fault::StaleBase | Fault::StaleBranch | Fault::StalePin | Fault::StalePullRequests => 20,
            Fault::StaleMerge | Fault::MergeToldTwice => 20,
            Fault::BranchDeleted => 30,
            Fault::CiSlow => 40,
            Fault::WorkerDies => 70,
            Fault::InputReordered
            | Fault::TimeJumps
            | Fault::BaseMoves
            | Fault::PolicyChanges
            | Fault::PullRequestClosed
            | Fault::Merged
            | Fault::Squashed
            | Fault::Rebased
            | Fault::MergedEarly
            | Fault::Unfrozen => 100,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::InputLost => "an act is lost",
            Fault::InputDoubled => "an act comes twice",
            Fault::InputRepeated => "an act comes again as another input",
            Fault::InputReordered => "an act overtakes an earlier one",
            Fault::AgentSlow => "an agent is slow",
            Fault::AgentStalls => "an agent is slow, and its claim runs out",
            Fault::AgentFails => "an agent is not there",
            Fault::AgentBabbles => "an agent babbles",
            Fault::AgentWrong => "an agent's answer is wrong",
            Fault::StaleBase => "a stale look at a base",
            Fault::StaleBranch => "a stale look at a branch",
            Fault::StalePin => "a stale look at what to pin",
            Fault::GitDown => "git does not answer",
            Fault::WriteFails => "a write fails",
            Fault::WriteSlow => "a write is slow",
            Fault::WriteAnswerLost => "the answer of a write is lost",
            Fault::StoreDown => "the store does not answer",
            Fault::CommitAnswerLost => "the answer of a commit is lost",
            Fault::WorkerDies => "the worker dies",
            Fault::TimeJumps => "time jumps",
            Fault::BaseMoves => "a base moves",
            Fault::PolicyChanges => "the policy changes",
            Fault::StalePullRequests => "a stale look at pull requests",
            Fault::CiSlow => "CI has not ended",
            Fault::CiFails => "CI fails",
            Fault::PullRequestClosed => "somebody closes a pull request",
            Fault::Merged => "somebody merges",
            Fault::Squashed => "somebody squashes and merges",
            Fault::Rebased => "somebody rebases and merges",
            Fault::MergedEarly => "before CI has ended",
            Fault::MergedMore => "somebody pushes to the branch",
            Fault::MergedOtherwise => "something else gets into the merge",
            Fault::BranchDeleted => "the branch is deleted",
            Fault::ClosedUnmerged => "somebody closes without merging",
            Fault::StaleMerge => "a stale look at a merge",
            Fault::MergeToldTwice => "a merge is told twice",
            Fault::StaleLanding => "a stale look at what landed",
            Fault::Unfrozen => "an owner unfreezes",
        })
    }
}
