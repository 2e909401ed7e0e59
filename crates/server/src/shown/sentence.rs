//! One fact in words: the same live and afterwards.

use super::deeds::{act, ended, gate, moved, unseen, waived};
use super::names::{Names, counted};
use super::waivers::minute;
use countersign_core::artifact::Verdict;
use countersign_core::budget::in_words;
use countersign_core::policy::Violation;
use countersign_core::workflow::event::{RevisionCause, Subject};
use countersign_core::workflow::{Event, State};

/// What a sentence's mark means; every surface has its own colours for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Waits, or is to be looked at.
    Warn,
    /// Neither.
    Neutral,
}

/// A sentence with the mark before it.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// ✓ ✗ – ? ! or ·
    pub mark: &'static str,
    /// What the mark means.
    pub tone: Tone,
    /// The words, perhaps untrusted ones among them.
    pub text: String,
}

/// Line ends of longer texts as a mark that reads well.
pub fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ⏎ ")
}

/// What the ledger records beside the events of workflows, by its kind. What exactly it was, the named command shows.
pub fn recorded(kind: &str) -> Sentence {
    let (mark, tone, text) = match kind {
        "alarm.raised" => ("✗", Tone::Bad, "an alarm was raised: countersign alarm list"),
        "alarm.cleared" => ("✓", Tone::Good, "an alarm was cleared"),
        "freeze.begun" => ("!", Tone::Warn, "a freeze began: countersign list says of what"),
        "freeze.ended" => ("✓", Tone::Good, "a freeze ended"),
        "member.added" => ("·", Tone::Neutral, "a member was added: countersign member list"),
        "member.changed" => (
            "·",
            Tone::Neutral,
            "a member was changed: countersign member list",
        ),
        "member.linked" => ("·", Tone::Neutral, "a member was linked to an account"),
        "repository.registered" => (
            "·",
            Tone::Neutral,
            "a repository was registered: countersign repo list",
        ),
        "notice.ended" => (
            "·",
            Tone::Neutral,
            "a notice came to its end: countersign notices",
        ),
        "ledger.erased" => ("·", Tone::Neutral, "the words of a workflow were erased"),
        "ledger.key-rotated" => ("·", Tone::Neutral, "the ledger's key was changed"),
        "store.epoch-begun" => ("·", Tone::Neutral, "a new epoch began"),
        other => {
            return Sentence {
                mark: "·",
                tone: Tone::Neutral,
                text: format!("recorded: {other}"),
            };
        }
    };
    Sentence {
        mark,
        tone,
        text: text.to_owned(),
    }
}

pub(super) fn good(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "✓",
        tone: Tone::Good,
        text: text.into(),
    })
}

pub(super) fn bad(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "✗",
        tone: Tone::Bad,
        text: text.into(),
    })
}

pub(super) fn waits(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "?",
        tone: Tone::Warn,
        text: text.into(),
    })
}

pub(super) fn warns(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "!",
        tone: Tone::Warn,
        text: text.into(),
    })
}

pub(super) fn plain(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "·",
        tone: Tone::Neutral,
        text: text.into(),
    })
}

pub(super) fn neither(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "–",
        tone: Tone::Neutral,
        text: text.into(),
    })
}

/// One fact in words, or nothing where another fact tells the same.
pub fn sentence(event: &Event, names: &Names) -> Option<Sentence> {
    match event {
        Event::WorkflowStarted {
            feedback,
            repositories,
            agent,
            started_by,
            attendance,
            again,
            ..
        } => {
            let on: Vec<&str> = repositories.iter().map(|r| r.name.as_str()).collect();
            let again = if *again { ", again" } else { "" };
            let who = names.member(started_by);
            let (on, agent) = (on.join(", "), agent.label());
            plain(format!(
                "{who} asked{again}{} for \"{}\" on {on}; proposer: {agent}",
                unseen(*attendance),
                feedback.title
            ))
        }
        Event::StateEntered {
            state: State::Deferred,
            reason,
        } => waits(format!("deferred: {reason}")),
        Event::GateEvaluated { result } => gate(result),
        Event::ContextLoaded { repositories, .. } => {
            let bases: Vec<String> = repositories
                .iter()
                .map(|r| {
                    format!(
                        "{} {} at {}",
                        names.repository(&r.repository),
                        r.base_branch,
                        r.base.short()
                    )
                })
                .collect();
            plain(format!("bases pinned: {}", bases.join(", ")))
        }
        Event::AgentCalled { run } => plain(format!(
            "{}: answered by {} in {} ms",
            run.role.as_str(),
            run.answered_by,
            run.took_ms
        )),
        Event::AgentCallReserved { reservation } => plain(format!(
            "agent call {} of the budget begins: {}, for at most {}",
            reservation.number,
            reservation.role.as_str(),
            in_words(reservation.reserves_ms)
        )),
        Event::TriageRecorded { decision } => {
            let (mark, verdict): (fn(String) -> Option<Sentence>, _) = match decision.verdict {
                Verdict::Go => (good, "GO"),
                Verdict::NoGo => (bad, "NO-GO"),
                Verdict::Defer => (waits, "DEFER"),
                Verdict::Ask => (waits, "something is missing"),
            };
            mark(format!("triage: {verdict}"))
        }
        Event::PlanRecorded { plan, digest, .. } => {
            let origin = if plan.derived_from_proposal {
                ", read off the proposal"
            } else {
                ""
            };
            plain(format!(
                "plan {} with {}{origin}",
                digest.first8(),
                counted(plan.steps.len(), "step")
            ))
        }
        Event::AnswerRefused { role, reasons } => bad(format!(
            "the answer of the {} was refused: {}",
            role.as_str(),
            reasons.join("; ")
        )),
        Event::DraftsRecorded { drafts } => {
            let each: Vec<String> = drafts
                .iter()
                .map(|d| {
                    let (files, name) = (
                        counted(d.diff.files.len(), "file"),
                        names.repository(&d.repository),
                    );
                    format!("{name} {files} +{} −{}", d.diff.added(), d.diff.removed())
                })
                .collect();
            plain(format!("proposal applied to the bases: {}", each.join(", ")))
        }
        Event::CritiqueRecorded { critique } if critique.findings.is_empty() => neither("critic: no finding"),
        Event::CritiqueRecorded { critique } => {
            let text = format!("critic: {}", counted(critique.findings.len(), "finding"));
            if critique.rejects() {
                bad(format!("{text}, rejected"))
            } else {
                waits(text)
            }
        }
        Event::PolicyEvaluated { violations } => {
            let count = |holds: fn(&Violation) -> bool| violations.iter().filter(|v| holds(v)).count();
            let waived = count(|v| v.waived_until.is_some());
            match (count(Violation::blocks), count(Violation::needs_acknowledgement)) {
                (0, 0) if waived > 0 => waits(format!("policy: nothing else broken; {waived} waived")),
                (0, 0) => good("policy: nothing broken"),
                (0, warnings) => waits(format!("policy: {}", counted(warnings, "warning"))),
                (blocks, warnings) => bad(format!(
                    "policy: {}, {}",
                    counted(blocks, "block"),
                    counted(warnings, "warning")
                )),
            }
        }
        Event::TierComputed { tier, reasons } => plain(format!("risk: {tier}. {}", reasons.join(" "))),
        Event::LedgerSealed { checkpoint, .. } => {
            let root: String = checkpoint.root.chars().take(12).collect();
            plain(format!(
                "ledger sealed at {} entries, root {root}",
                checkpoint.size
            ))
        }
        Event::RequestOpened { request, .. } => match &request.subject {
            Subject::Plan { digest } => waits(format!("asks: approve the plan {}?", digest.first8())),
            Subject::PatchSet {
                repository, digest, ..
            } => {
                let name = names.repository(repository);
                waits(format!("asks: approve patch set {} of {name}?", digest.first8()))
            }
            Subject::Question { question, .. } => waits(format!("asks: {}", question.kind.text())),
        },
        Event::ApprovalGiven { approval } => act(&approval.act, names),
        Event::RejectionGiven { act: signed }
        | Event::ChangesRequested { act: signed }
        | Event::AnswerGiven { act: signed }
        | Event::PatchesDeselected { act: signed, .. }
        | Event::ApprovalsWithdrawn { act: signed }
        | Event::ActTaken { act: signed } => act(signed, names),
        Event::WaiverGiven { act: signed, waiver } => waived(signed, waiver, names),
        Event::RevisionStarted { revision, cause } => {
            let why = match cause {
                RevisionCause::ChangesRequested => "as asked for",
                RevisionCause::Deselected => "from what was left",
                RevisionCause::BaseMoved => "because the base moved",
                RevisionCause::PolicyChanged => "because the policy changed",
                RevisionCause::CiRed => "because CI said no",
            };
            plain(format!(
                "revision {revision} began {why}; earlier approvals are void"
            ))
        }
        Event::ApprovalsVoided { reason } => plain(format!("earlier approvals are void: {reason}")),
        Event::BasesChecked { standings } => moved(standings, names),
        Event::AttemptStarted { attempt } if attempt.number.0 > 1 => plain(format!(
            "writing {}, try {}",
            names.written(&attempt.intent),
            attempt.number
        )),
        Event::AttemptEnded { intent, outcome, .. } => ended(intent, outcome, names),
        Event::BranchRetracted { intent, deleted } => {
            let how = if *deleted {
                "was deleted again"
            } else {
                "is gone or does not hold our commit, and is left as it is"
            };
            plain(format!("{} {how}", names.branch(intent)))
        }
        Event::ChecksAwaited { until, .. } => waits(format!(
            "waits for the required checks of CI, until {} at the longest",
            minute(*until)
        )),
        Event::MergeAwaited { until, .. } => waits(format!(
            "waits for somebody to merge it at the forge, until {} at the longest",
            minute(*until)
        )),
        Event::FixRoundBegun {} => {
            plain("CI said no: what is written is taken out of play, and the agent tries again".to_owned())
        }
        Event::PullRequestClosed { intent, closed } => {
            let how = if *closed {
                "was closed again"
            } else {
                "was not open any more as it was written, and is left as it is"
            };
            plain(format!("{} {how}", names.written(&intent.pull_request())))
        }
        Event::Reconciled { epoch, branches } => plain(format!(
            "the data folder was taken up again, epoch {epoch}: earlier approvals are void, {} looked at",
            counted(branches.len(), "branch").replace("branchs", "branches")
        )),
        Event::WorkflowEnded {
            state: State::Done,
            reason,
        } => good(format!("Done: {reason}")),
        Event::WorkflowEnded { state, reason } => bad(format!("{state}: {reason}")),
        Event::StateEntered { .. }
        | Event::EffectRequested { .. }
        | Event::RefsLookedUp { .. }
        | Event::PlanAccepted { .. }
        | Event::PatchSetsFixed { .. }
        | Event::RequestClosed { .. }
        | Event::IntentsRecorded { .. }
        | Event::AttemptStarted { .. }
        | Event::RosterRecorded { .. }
        | Event::PullRequestsSkipped { .. }
        | Event::ChecksRead { .. }
        | Event::MergesRead { .. }
        | Event::AgentCallEnded { .. } => None,
    }
}
