//! What is possible with a workflow beside the answers that its requests offer, each as the command that does it.

use super::{Seen, waivers};
use countersign_core::member::{Member, Role};
use countersign_core::policy::{Violation, may_waive};
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::workflow::State;
use countersign_core::workflow::event::Subject;

/// Waivable violations whose commands are named one by one; the rest has the form of one.
const WAIVERS_NAMED: usize = 10;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What it does, in a sentence that goes on: `stop, and …`.
    pub what: String,
    /// The whole command.
    pub command: String,
}

/// What has no form on the page of a request for this member, but can be done from a terminal; nothing for whoever may only look.
pub fn without_form(seen: &Seen, member: &Member) -> Vec<Way> {
    let (workflow, id) = (&seen.workflow, &seen.workflow.id);
    let mut ways = Vec::new();
    let mut way = |what: &str, command: String| {
        ways.push(Way {
            what: what.to_owned(),
            command: format!("countersign {command}"),
        });
    };
    if workflow.state.is_final() || member.role == Role::Viewer {
        return ways;
    }
    if workflow.state == State::AwaitingApproval {
        way(
            "Leave out files, or hunks of them by the numbers that `countersign diff` shows",
            format!("deselect {id} PATH[#HUNK,…] --reason …"),
        );
    }
    for violation in waivable_by_others(seen, member).iter().take(WAIVERS_NAMED) {
        let who = waivers::who_may(violation.severity);
        way(
            &format!("Let a broken rule pass, for exactly this content; {who} may"),
            format!(
                "waive {id} {}{} --reason …",
                in_shell(&violation.id()),
                which(seen, violation)
            ),
        );
    }
    if workflow
        .approvals
        .iter()
        .any(|a| a.act.record.member == member.id)
    {
        way(
            "Take your approvals back, as long as nothing is being written",
            format!("withdraw {id} --reason …"),
        );
    }
    match workflow.state {
        State::Deferred => way("Take it up again", format!("wake {id}")),
        State::AwaitingMerge => way("Look now whether it is merged", format!("resume {id}")),
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
        | State::NeedsHuman
        | State::BlockedPolicy
        | State::Done
        | State::Declined
        | State::Failed
        | State::Cancelled => {}
    }
    if workflow.asks(QuestionKind::LandedDifferent) {
        way("Take back what it landed as", format!("revert {id}"));
    }
    if !offers(seen, Choice::Cancel) {
        way(
            "Stop, and take out of play what was written",
            format!("cancel {id} --reason …"),
        );
    }
    ways
}

/// Whether an open question has that choice, and with it the page a form.
fn offers(seen: &Seen, choice: Choice) -> bool {
    seen.question().is_some_and(|request| match &request.subject {
        Subject::Question { question, .. } => question.kind.choices().contains(&choice),
        Subject::Plan { .. } | Subject::PatchSet { .. } => false,
    })
}

/// What could be waived now, by somebody of another role.
fn waivable_by_others<'a>(seen: &'a Seen, member: &Member) -> Vec<&'a Violation> {
    let mut all = waivers::waivable(seen);
    all.retain(|v| waivers::asked_at(seen, v).is_some() && member.role < may_waive(v.severity));
    all
}

/// In which repository, where there are several.
fn which(seen: &Seen, violation: &Violation) -> String {
    match seen.workflow.repositories.len() {
        0 | 1 => String::new(),
        _ => format!(
            " --repo {}",
            in_shell(&seen.workflow.repository_name(&violation.repository))
        ),
    }
}

/// As one word for a shell.
fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._-+:,=".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::in_shell;

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(
            in_shell("ci-file@.github/workflows/ci.yml"),
            "ci-file@.github/workflows/ci.yml"
        );
        assert_eq!(in_shell("frozen@it's; rm x"), r"'frozen@it'\''s; rm x'");
    }
}
