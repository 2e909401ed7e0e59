//! Questions to humans come from this fixed list, with typed choices; a model's words only fill the detail.
//!
//! No answer can waive, approve or widen scope (hazard 64).

use serde::{Deserialize, Serialize};

/// What a human can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Do the step that stopped once more.
    Retry,
    /// Supply words (new rules, a new diff, the missing information) and go on with them.
    Provide,
    /// Ask for the approvals again.
    AskAgain,
    /// Stop, and take out of play what was written.
    Cancel,
    /// Grant the workflow's budget once more, and go on where it stopped; a maintainer's to give.
    GrantMore,
}

impl Choice {
    /// All of them.
    pub const ALL: [Choice; 5] = [
        Choice::Retry,
        Choice::Provide,
        Choice::AskAgain,
        Choice::Cancel,
        Choice::GrantMore,
    ];

    /// The word that is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Choice::Retry => "retry",
            Choice::Provide => "provide",
            Choice::AskAgain => "ask-again",
            Choice::Cancel => "cancel",
            Choice::GrantMore => "grant-more",
        }
    }

    /// What it does, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Choice::Retry => "do the step that stopped once more",
            Choice::Provide => "supply the text that is missing and go on with it",
            Choice::AskAgain => "ask for the approvals again",
            Choice::Cancel => "stop, and take out of play what was written",
            Choice::GrantMore => "grant the same budget once more and go on (maintainers and owners)",
        }
    }

    /// Reads the typed word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }
}

/// The fixed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// Triage can't judge before something is supplied or corrected.
    InformationMissing,
    /// No valid plan after all rounds.
    PlanRefused,
    /// No proposal that applies and passes review after all rounds.
    ProposalRefused,
    /// Changes were asked for and the result is the same as before.
    ResultUnchanged,
    /// All rounds of changes are spent.
    RoundsSpent,
    /// Policy blocks the change; another change, or a waiver for exactly this one, can go on.
    PolicyBlocks,
    /// Nobody decided in time.
    ApprovalExpired,
    /// Approvals ran out or were lost between two repositories.
    ApprovalsLapsed,
    /// Too few people may approve what is asked about.
    ApproversMissing,
    /// Some repository could not be written.
    WriteIncomplete,
    /// A branch of our name holds something that is not ours.
    ForeignBranch,
    /// The base branch is gone.
    BaseLost,
    /// A step failed on every try.
    StepFailed,
    /// The data folder was restored, copied or moved, and the branches are not as the story says.
    Restored,
    /// The next agent call does not fit into what is left of the budget.
    BudgetSpent,
    /// A pull request of our branch is not ours, or not as it was approved.
    ForeignPullRequest,
    /// Somebody changed the branch or the pull request while CI was waited for.
    HeadMoved,
    /// A required check did not succeed on exactly what was written.
    CiNotGreen,
    /// Nobody merged a pull request in time, or somebody closed it.
    NotMerged,
    /// What was merged is not what was approved.
    LandedDifferent,
}

impl QuestionKind {
    /// All of them.
    pub const ALL: [QuestionKind; 20] = [
        QuestionKind::InformationMissing,
        QuestionKind::PlanRefused,
        QuestionKind::ProposalRefused,
        QuestionKind::ResultUnchanged,
        QuestionKind::RoundsSpent,
        QuestionKind::PolicyBlocks,
        QuestionKind::ApprovalExpired,
        QuestionKind::ApprovalsLapsed,
        QuestionKind::ApproversMissing,
        QuestionKind::WriteIncomplete,
        QuestionKind::ForeignBranch,
        QuestionKind::BaseLost,
        QuestionKind::StepFailed,
        QuestionKind::Restored,
        QuestionKind::BudgetSpent,
        QuestionKind::ForeignPullRequest,
        QuestionKind::HeadMoved,
        QuestionKind::CiNotGreen,
        QuestionKind::NotMerged,
        QuestionKind::LandedDifferent,
    ];

    /// The question, in words of ours.
    pub fn text(self) -> &'static str {
        match self {
            QuestionKind::InformationMissing => "The request can't be judged yet. What is missing?",
            QuestionKind::PlanRefused => "No valid plan came about. How should it go on?",
            QuestionKind::ProposalRefused => "No proposal passed review. How should it go on?",
            QuestionKind::ResultUnchanged => {
                "Changes were asked for, but the result is the same as before. What now?"
            }
            QuestionKind::RoundsSpent => "All rounds of changes are used up. What now?",
            QuestionKind::PolicyBlocks => {
                "Policy blocks this change. Supply another change, waive what may be waived, or stop?"
            }
            QuestionKind::ApprovalExpired => "Nobody decided in time. Ask again?",
            QuestionKind::ApprovalsLapsed => {
                "An approval ran out or was lost before everything was written. What now?"
            }
            QuestionKind::ApproversMissing => {
                "Too few people may approve this. Ask again when there are more?"
            }
            QuestionKind::WriteIncomplete => {
                "Not every repository could be written. Try again, or take it out of play?"
            }
            QuestionKind::ForeignBranch => {
                "The branch name is taken by something that is not ours. What now?"
            }
            QuestionKind::BaseLost => "The base branch is gone. What now?",
            QuestionKind::StepFailed => "A step failed on every try. What now?",
            QuestionKind::Restored => {
                "The data folder was restored, copied or moved while branches were being written. What now?"
            }
            QuestionKind::BudgetSpent => {
                "The next agent call does not fit into the budget. Grant as much again, or stop?"
            }
            QuestionKind::ForeignPullRequest => {
                "A pull request of this branch is not ours, or not as approved. What now?"
            }
            QuestionKind::HeadMoved => {
                "Somebody changed the branch or the pull request after it was written. What now?"
            }
            QuestionKind::CiNotGreen => {
                "A required check of CI did not succeed on what was written. Look again, supply another change, or stop?"
            }
            QuestionKind::NotMerged => "A pull request was not merged. Wait again, or stop?",
            QuestionKind::LandedDifferent => {
                "What was merged is not what was approved, and the repository is frozen. Look again, or stop?"
            }
        }
    }

    /// What may be chosen.
    pub fn choices(self) -> &'static [Choice] {
        match self {
            QuestionKind::InformationMissing | QuestionKind::ResultUnchanged | QuestionKind::RoundsSpent => {
                &[Choice::Provide, Choice::Cancel]
            }
            QuestionKind::PolicyBlocks => &[Choice::Provide, Choice::Cancel],
            QuestionKind::PlanRefused | QuestionKind::ProposalRefused => {
                &[Choice::Retry, Choice::Provide, Choice::Cancel]
            }
            QuestionKind::ApprovalExpired
            | QuestionKind::ApprovalsLapsed
            | QuestionKind::ApproversMissing
            | QuestionKind::Restored => &[Choice::AskAgain, Choice::Cancel],
            QuestionKind::WriteIncomplete
            | QuestionKind::ForeignBranch
            | QuestionKind::BaseLost
            | QuestionKind::StepFailed
            | QuestionKind::ForeignPullRequest
            | QuestionKind::HeadMoved
            | QuestionKind::NotMerged
            | QuestionKind::LandedDifferent => &[Choice::Retry, Choice::Cancel],
            QuestionKind::CiNotGreen => &[Choice::Retry, Choice::Provide, Choice::Cancel],
            QuestionKind::BudgetSpent => &[Choice::GrantMore, Choice::Cancel],
        }
    }
}

/// Most details that one question shows.
pub const DETAILS_MAX: usize = 50;

/// One question, with what led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Which of the fixed list.
    pub kind: QuestionKind,
    /// What led to it: places and reasons. May hold untrusted words.
    pub details: Vec<String>,
}
