//! Gates, acts of humans, and writes in words: the longer half of the sentences.

use super::names::{Names, counted};
use super::sentence::{Sentence, bad, good, neither, plain, waits, warns};
use super::waivers::{bound_to, minute};
use countersign_core::act::{Act, Attendance, SignedAct};
use countersign_core::gate::{CheckId, CheckOutcome, GateId, GateOutcome, GateResult};
use countersign_core::id::{RepositoryId, WriteIntentId};
use countersign_core::line_comment::LineComment;
use countersign_core::narrow::LeftOut;
use countersign_core::policy::Waiver;
use countersign_core::workflow::event::{AttemptOutcome, Standing};

/// The gate in words; gate 5 where it is not asked for is never shown as passed.
pub(super) fn gate(result: &GateResult) -> Option<Sentence> {
    let gate = result.gate;
    match (result.outcome, gate) {
        (GateOutcome::Passed, _) if result.checks.iter().any(|c| c.id == CheckId::ReadBack) => {
            good(format!("{gate} passed: read back exactly as approved"))
        }
        (GateOutcome::Passed, GateId::Delivery) => good(format!(
            "{gate} passed: what was merged is exactly what was approved"
        )),
        (GateOutcome::Passed, _) => good(format!("{gate} passed")),
        (GateOutcome::NotRequired, GateId::Ci) => neither(format!("{gate}: not required by policy")),
        (GateOutcome::NotRequired, _) => neither(format!("{gate}: not required")),
        (GateOutcome::Failed, _) => bad(format!("{gate} closed: {}", closed_by(result))),
    }
}

/// The checks that said no, and how many had nothing to look at.
fn closed_by(result: &GateResult) -> String {
    let of = |wanted: CheckOutcome| result.checks.iter().filter(move |c| c.outcome == wanted);
    let mut why: Vec<String> = of(CheckOutcome::Failed)
        .map(|c| format!("{}: {}", c.id.as_str(), c.detail))
        .collect();
    match of(CheckOutcome::Missing).count() {
        0 => {}
        missing => why.push(format!("{} without evidence", counted(missing, "check"))),
    }
    why.join("; ")
}

pub(super) fn act(signed: &SignedAct, names: &Names) -> Option<Sentence> {
    let who = names.member(&signed.record.member);
    let unseen = unseen(signed.record.attendance);
    match &signed.record.act {
        Act::Approve {
            seen, acknowledged, ..
        } => {
            let warned = if acknowledged.is_empty() {
                String::new()
            } else {
                format!(", acknowledging {}", acknowledged.join(", "))
            };
            good(format!("{who} approved {}{warned}{unseen}", names.seen(seen)))
        }
        Act::Reject { seen, reason, .. } => {
            bad(format!("{who} rejected {}: {reason}{unseen}", names.seen(seen)))
        }
        Act::RequestChanges {
            comment, comments, ..
        } => plain(format!(
            "{who} asked for changes{}{}{unseen}",
            first_words(comment),
            on_lines(comments, names)
        )),
        Act::Answer { choice, .. } => plain(format!("{who} answered: {}{unseen}", choice.as_str())),
        Act::Deselect { left_out, reason, .. } => plain(format!(
            "{who} left out {}: {reason}{unseen}",
            parts(left_out, names)
        )),
        Act::Waive {
            violation,
            reason,
            until,
            ..
        } => warns(format!(
            "{who} waived {violation} until {}: {reason}{unseen}",
            minute(*until)
        )),
        Act::Withdraw { reason } => bad(format!("{who} withdrew their approvals: {reason}{unseen}")),
        Act::Cancel { reason } => bad(format!("{who} cancelled: {reason}{unseen}")),
        Act::Retry { .. } => plain(format!("{who} had the stopped step done again{unseen}")),
        Act::Extend { seen, until, .. } => plain(format!(
            "{who} keeps {} open until {}{unseen}",
            names.seen(seen),
            minute(*until)
        )),
        Act::Wake => plain(format!("{who} took it up again{unseen}")),
    }
}

/// A waiver with what it is bound to.
pub(super) fn waived(signed: &SignedAct, waiver: &Waiver, names: &Names) -> Option<Sentence> {
    let Act::Waive { violation, .. } = &signed.record.act else {
        return act(signed, names);
    };
    let (who, repository) = (names.member(&waiver.by), names.repository(&waiver.repository));
    let (content, until) = (bound_to(&waiver.content), minute(waiver.until));
    let Waiver { reason, .. } = waiver;
    warns(format!(
        "{who} waived {violation} of {repository} until {until}, for {content}: {reason}"
    ))
}

/// What a reviewer left out, in words.
pub fn parts(left_out: &[LeftOut], names: &Names) -> String {
    let part = |l: &LeftOut| {
        let name = names.repository(&l.repository);
        let hunks: Vec<String> = l.hunks.iter().map(u32::to_string).collect();
        if l.is_whole() {
            format!("{name} {}", l.path)
        } else {
            format!("{name} {}, hunk {}", l.path, hunks.join(" and "))
        }
    };
    left_out.iter().map(part).collect::<Vec<_>>().join("; ")
}

/// Comments on lines, each with its place and first words.
fn on_lines(comments: &[LineComment], names: &Names) -> String {
    let one = |c: &LineComment| {
        let name = names.repository(&c.repository);
        format!("; on {name} {}{}", c.place(), first_words(&c.text))
    };
    comments.iter().map(one).collect()
}

/// The first line that is prose, and how much there is beside it.
fn first_words(comment: &str) -> String {
    let mut fenced = false;
    let prose = comment.lines().map(str::trim).find(|l| {
        fenced ^= l.starts_with("```");
        !fenced && !l.is_empty() && !l.starts_with("```")
    });
    let lines = counted(comment.lines().count(), "line");
    prose.map_or_else(|| format!(" with {lines}"), |p| format!(": \"{p}\" ({lines})"))
}

pub(super) fn unseen(attendance: Attendance) -> &'static str {
    match attendance {
        Attendance::Attended => "",
        Attendance::Unattended => " (unattended: nobody looked)",
    }
}

pub(super) fn moved(standings: &[(RepositoryId, Standing)], names: &Names) -> Option<Sentence> {
    let words = |(repository, standing): &(RepositoryId, Standing)| {
        let name = names.repository(repository);
        match standing {
            Standing::Unmoved => None,
            Standing::MovedClean { tip } => Some(format!(
                "{name}: the base moved to {}, and the change merges cleanly",
                tip.short()
            )),
            Standing::MovedConflict { tip } => Some(format!(
                "{name}: the base moved to {} and conflicts with the change",
                tip.short()
            )),
            Standing::Rewritten { tip } => Some(format!("{name}: the base was rewritten to {}", tip.short())),
            Standing::Gone => Some(format!("{name}: the base branch is gone")),
        }
    };
    let all: Vec<String> = standings.iter().filter_map(words).collect();
    if all.is_empty() {
        None
    } else {
        plain(all.join("; "))
    }
}

pub(super) fn ended(intent: &WriteIntentId, outcome: &AttemptOutcome, names: &Names) -> Option<Sentence> {
    let branch = names.written(intent);
    match outcome {
        AttemptOutcome::Opened {
            pull_request, found, ..
        } => {
            let how = if *found { "was open already" } else { "was opened" };
            good(format!(
                "{branch} {how} as #{} into {}, and read back at {}",
                pull_request.number,
                pull_request.base_branch,
                pull_request.head.short()
            ))
        }
        AttemptOutcome::Written { commit, found, .. } => {
            let how = if *found {
                "was there already"
            } else {
                "was written"
            };
            good(format!("{branch} {how} and read back at {}", commit.short()))
        }
        AttemptOutcome::Foreign { detail, .. } => bad(format!("{branch} is taken: {detail}")),
        AttemptOutcome::Refused { code, detail } => {
            bad(format!("{branch} was not written: {detail} [{code}]"))
        }
        AttemptOutcome::Failed { code, detail } => {
            bad(format!("{branch} could not be written: {detail} [{code}]"))
        }
        AttemptOutcome::Unknown { detail } => {
            waits(format!("{branch}: not known whether it was written: {detail}"))
        }
    }
}
