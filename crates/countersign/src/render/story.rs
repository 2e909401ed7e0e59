//! What happened, in sentences: one per fact that a person cares about, the same words live and afterwards.

use crate::terminal::{Line, Page, Style};
use countersign_core::act::{Act, Attendance, SeenDigest, SignedAct};
use countersign_core::artifact::Verdict;
use countersign_core::gate::{CheckId, GateId, GateOutcome, GateResult};
use countersign_core::id::{MemberId, RepositoryId, WriteIntentId};
use countersign_core::member::Roster;
use countersign_core::policy::Severity;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{AttemptOutcome, RevisionCause, Standing, Subject, WriteIntent};
use countersign_core::workflow::{Event, State};
use std::collections::BTreeMap;

/// What things and people are called.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    repositories: BTreeMap<RepositoryId, String>,
    members: BTreeMap<MemberId, String>,
    subjects: BTreeMap<String, String>,
    intents: BTreeMap<WriteIntentId, WriteIntent>,
}

impl Names {
    /// Members as they are called; the rest is learned.
    pub(crate) fn of(roster: &Roster) -> Self {
        let members = roster
            .members
            .iter()
            .map(|m| (m.id.clone(), m.name.clone()))
            .collect();
        Self {
            members,
            ..Self::default()
        }
    }

    /// Takes names from an event.
    pub(crate) fn learn(&mut self, event: &Event) {
        if let Event::WorkflowStarted { repositories, .. } = event {
            self.repositories
                .extend(repositories.iter().map(|r| (r.id.clone(), r.name.clone())));
        }
        if let Event::RequestOpened { request, .. } = event {
            let (digest, name) = match &request.subject {
                Subject::Plan { digest } => (digest.to_hex(), "the plan".to_owned()),
                Subject::PatchSet {
                    repository, digest, ..
                } => (
                    digest.to_hex(),
                    format!("patch set {} of {}", digest.first8(), self.repository(repository)),
                ),
                Subject::Question { digest, .. } => (digest.to_hex(), "the question".to_owned()),
            };
            self.subjects.insert(digest, name);
        }
        if let Event::IntentsRecorded { intents } = event {
            self.intents
                .extend(intents.iter().map(|i| (i.id.clone(), i.clone())));
        }
    }

    /// A repository's name.
    pub(crate) fn repository(&self, id: &RepositoryId) -> String {
        self.repositories
            .get(id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    /// A member's name.
    pub(crate) fn member(&self, id: &MemberId) -> String {
        self.members.get(id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn seen(&self, seen: &SeenDigest) -> String {
        let first8: String = seen.to_hex().chars().take(8).collect();
        let unknown = || match seen {
            SeenDigest::PatchSet(_) => format!("patch set {first8}"),
            SeenDigest::Plan(_) => format!("the plan {first8}"),
            SeenDigest::Question(_) => "the question".to_owned(),
        };
        self.subjects.get(&seen.to_hex()).cloned().unwrap_or_else(unknown)
    }

    fn branch(&self, intent: &WriteIntentId) -> String {
        match self.intents.get(intent) {
            Some(i) => format!("branch {} of {}", i.branch, self.repository(&i.repository)),
            None => format!("the branch of {intent}"),
        }
    }
}

/// A sentence with the mark before it.
#[derive(Debug, Clone)]
pub(crate) struct Sentence {
    /// ✓ ✗ – ? ! or ·
    pub(crate) mark: &'static str,
    /// How the mark looks.
    pub(crate) style: Style,
    /// The words, perhaps untrusted ones among them.
    pub(crate) text: String,
}

impl Sentence {
    /// Ends a line with it.
    pub(crate) fn put(&self, line: Line<'_>) {
        line.add(self.style, format!("{} ", self.mark))
            .add(Style::Plain, &self.text);
    }
}

fn good(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "✓",
        style: Style::Good,
        text: text.into(),
    })
}

fn bad(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "✗",
        style: Style::Bad,
        text: text.into(),
    })
}

fn waits(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "?",
        style: Style::Warn,
        text: text.into(),
    })
}

fn plain(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "·",
        style: Style::Dim,
        text: text.into(),
    })
}

fn neither(text: impl Into<String>) -> Option<Sentence> {
    Some(Sentence {
        mark: "–",
        style: Style::Dim,
        text: text.into(),
    })
}

/// One fact in words, or nothing where another fact tells the same.
pub(crate) fn sentence(event: &Event, names: &Names) -> Option<Sentence> {
    match event {
        Event::WorkflowStarted {
            feedback,
            repositories,
            agent,
            started_by,
            attendance,
            again,
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
        Event::AgentCalled { run } => {
            let how = if run.unconfined { ", unconfined" } else { "" };
            plain(format!(
                "{}: answered by {}{how} in {} ms",
                run.role.as_str(),
                run.answered_by,
                run.took_ms
            ))
        }
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
            let count = |s: Severity| violations.iter().filter(|v| v.severity == s).count();
            match (count(Severity::Block), count(Severity::Warn)) {
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
        | Event::ApprovalsWithdrawn { act: signed }
        | Event::ActTaken { act: signed } => act(signed, names),
        Event::RevisionStarted { revision, cause } => {
            let why = match cause {
                RevisionCause::ChangesRequested => "as asked for",
                RevisionCause::BaseMoved => "because the base moved",
            };
            plain(format!(
                "revision {revision} began {why}; earlier approvals are void"
            ))
        }
        Event::BasesChecked { standings } => moved(standings, names),
        Event::AttemptStarted { attempt } if attempt.number.0 > 1 => plain(format!(
            "writing {}, try {}",
            names.branch(&attempt.intent),
            attempt.number
        )),
        Event::AttemptEnded { intent, outcome, .. } => ended(intent, outcome, names),
        Event::BranchRetracted { intent, deleted } => {
            let how = if *deleted {
                "was deleted again"
            } else {
                "was not there any more"
            };
            plain(format!("{} {how}", names.branch(intent)))
        }
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
        | Event::PullRequestsSkipped { .. } => None,
    }
}

/// The gate in words; gate 5 where it is not asked for is never shown as passed.
fn gate(result: &GateResult) -> Option<Sentence> {
    let gate = result.gate;
    match (result.outcome, gate) {
        (GateOutcome::Passed, _) if result.checks.iter().any(|c| c.id == CheckId::ReadBack) => {
            good(format!("{gate} passed: read back exactly as approved"))
        }
        (GateOutcome::Passed, _) => good(format!("{gate} passed")),
        (GateOutcome::NotRequired, GateId::Ci) => neither(format!("{gate}: not required by policy")),
        (GateOutcome::NotRequired, _) => neither(format!("{gate}: not required")),
        (GateOutcome::Failed, _) => bad(format!("{gate} closed: {}", result.failures().join("; "))),
    }
}

fn act(signed: &SignedAct, names: &Names) -> Option<Sentence> {
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
        Act::RequestChanges { comment, .. } => {
            plain(format!("{who} asked for changes{}{unseen}", first_words(comment)))
        }
        Act::Answer { choice, .. } => plain(format!("{who} answered: {}{unseen}", choice.as_str())),
        Act::Withdraw { reason } => bad(format!("{who} withdrew their approvals: {reason}{unseen}")),
        Act::Cancel { reason } => bad(format!("{who} cancelled: {reason}{unseen}")),
        Act::Retry => plain(format!("{who} had the stopped step done again{unseen}")),
        Act::Wake => plain(format!("{who} took it up again{unseen}")),
    }
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

fn unseen(attendance: Attendance) -> &'static str {
    match attendance {
        Attendance::Attended => "",
        Attendance::Unattended => " (unattended: nobody looked)",
    }
}

fn moved(standings: &[(RepositoryId, Standing)], names: &Names) -> Option<Sentence> {
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

fn ended(intent: &WriteIntentId, outcome: &AttemptOutcome, names: &Names) -> Option<Sentence> {
    let branch = names.branch(intent);
    match outcome {
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

/// `1 file`, `2 files`.
pub(crate) fn counted(n: usize, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}

/// A whole story with its times.
pub(crate) fn tell(records: &[EventRecord], names: &Names) -> Vec<(Timestamp, Sentence)> {
    let mut names = names.clone();
    let mut told = Vec::new();
    for record in records {
        names.learn(&record.event);
        if let Some(sentence) = sentence(&record.event, &names) {
            told.push((record.at, sentence));
        }
    }
    told
}

/// The story as a page: the date once per day, then the time of each sentence.
pub(crate) fn page(told: &[(Timestamp, Sentence)]) -> Page {
    let mut page = Page::new();
    let mut day = String::new();
    for (at, sentence) in told {
        let text = at.to_rfc3339();
        let (date, time) = text.split_at_checked(10).unwrap_or((text.as_str(), ""));
        if date != day {
            date.clone_into(&mut day);
            page.line(0)
                .add(Style::Bold, date)
                .add(Style::Dim, "  (times are UTC)");
        }
        let clock: String = time.chars().skip(1).take(8).collect();
        sentence.put(page.line(2).add(Style::Dim, format!("{clock}  ")));
    }
    page
}
