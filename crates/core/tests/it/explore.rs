//! Walks every way through `decide` with canned results and acts, within bounds: the tests' and the docs' source.
//!
//! Exploring runs the assertions of `decide` on everything that is reached, and collects which input leads, from
//! which state, to which events and effects.

use crate::canned;
use countersign_core::act::{Act, Attendance};
use countersign_core::gate::{CheckId, GateId, GateOutcome};
use countersign_core::narrow::LeftOut;
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::extendable_until;
use countersign_core::workflow::merging::is_awaited;
use countersign_core::workflow::pull_requests::opened;
use countersign_core::workflow::{Effect, Event, Input, State, Workflow, decide};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Revisions beyond this are not followed.
const REVISIONS_MAX: u32 = 3;
/// Requests beyond this are not followed.
const REQUESTS_MAX: usize = 9;
/// Attempts beyond this are not followed.
const ATTEMPTS_MAX: usize = 5;
/// Most different situations that are visited from one starting point.
const SITUATIONS_MAX: usize = 700;

/// Agent calls of the budget of one starting point: too few for the way to an approval.
const CALLS: u32 = 3;
/// Calls beyond this are not followed.
const CALLS_MAX: usize = 9;

/// What one kind of input was seen to do in one state.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// States that it led to.
    pub to: BTreeSet<State>,
    /// Kinds of events.
    pub events: BTreeSet<&'static str>,
    /// Kinds of effects.
    pub effects: BTreeSet<&'static str>,
}

/// Input name and state → what was seen.
pub type Catalogue = BTreeMap<(String, State), Seen>;

/// What an exploration found.
pub struct Explored {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Situations visited.
    pub situations: usize,
    /// States that some way leads to.
    pub reached: BTreeSet<State>,
}

/// Explores from a canned submission with that team, and again from later points, so that the end is seen as well.
pub fn explore(team: canned::Team) -> Explored {
    let mut found = Explored {
        catalogue: BTreeMap::new(),
        situations: 0,
        reached: BTreeSet::new(),
    };
    for first in [
        canned::started(),
        canned::started_with(CALLS, None),
        canned::spent_before_review(team),
        canned::awaiting_plan_approval(team),
        canned::blocked(team),
        canned::awaiting_approval(team),
        canned::approved(team),
        canned::writing(team),
        canned::opening(team),
        canned::verifying(team),
        canned::verifying_to_merge(team),
        canned::awaiting_merge(team),
    ] {
        explore_from(first, team, &mut found);
    }
    found
}

fn explore_from(first: Workflow, team: canned::Team, found: &mut Explored) {
    let mut seen = BTreeSet::from([situation(&first)]);
    let mut waiting = VecDeque::from([(first, canned::LATER)]);
    while let Some((workflow, at)) = waiting.pop_front() {
        found.reached.insert(workflow.state);
        if workflow.revision.0 > REVISIONS_MAX
            || workflow.requests.len() > REQUESTS_MAX
            || workflow.attempts.len() > ATTEMPTS_MAX
            || workflow.calls.len() > CALLS_MAX
        {
            continue;
        }
        let mut moves = 0;
        for (name, input, at) in inputs(&workflow, team, at) {
            let Ok(decision) = decide(&workflow, input, at) else {
                continue;
            };
            moves += 1;
            check(&workflow, &decision.workflow, &decision.events);
            let entry = found.catalogue.entry((name, workflow.state)).or_default();
            entry.to.insert(decision.workflow.state);
            entry.events.extend(decision.events.iter().map(Event::kind));
            entry
                .effects
                .extend(decision.effects.iter().map(|(_, e)| e.kind()));
            if seen.len() < SITUATIONS_MAX && seen.insert(situation(&decision.workflow)) {
                waiting.push_back((decision.workflow, at));
            }
        }
        let ended = workflow.state.is_final();
        assert!(
            ended || moves > 0,
            "somebody or something can move {} on: {}",
            workflow.state,
            situation(&workflow)
        );
    }
    found.situations += seen.len();
}

/// What must hold after every single decision.
fn check(before: &Workflow, after: &Workflow, events: &[Event]) {
    let mut replayed = before.clone();
    for event in events {
        replayed.apply(event);
    }
    assert_eq!(
        situation(&replayed),
        situation(after),
        "the events alone make the new state"
    );
    assert_eq!(replayed.version, after.version, "every event counts");
    if matches!(after.state, State::AwaitingApproval | State::Applying) && !after.cancelling {
        for gate in [GateId::Intake, GateId::Plan, GateId::Proposal] {
            let outcome = after.gates.get(&gate).map(|g| g.outcome);
            assert_eq!(
                outcome,
                Some(GateOutcome::Passed),
                "{gate} is passed before anybody is asked"
            );
        }
    }
    for intent in before.intents.iter().filter(|i| before.is_written(&i.id)) {
        let known = after.intents.contains(intent) || after.retracted.contains(&intent.id);
        assert!(
            known,
            "what is written stays known until it is done or taken out of play: {events:?}"
        );
        let open =
            after.state == State::Done || !after.state.is_final() || after.retracted.contains(&intent.id);
        assert!(open, "nothing of ours is left in play: {events:?}");
    }
    for intent in before.intents.iter().filter(|i| opened(before, &i.id).is_some()) {
        let in_play = opened(after, &intent.id).is_some();
        let ended = after.state.is_final() && after.state != State::Done;
        assert!(
            !ended || !in_play,
            "no pull request of ours is left in play: {events:?}"
        );
        let retracted = after.retracted.contains(&intent.id) && !before.retracted.contains(&intent.id);
        assert!(!retracted || !in_play, "a pull request goes before its branch");
    }
    let remote = |i: &&countersign_core::workflow::event::WriteIntent| i.repository.forge.has_pull_requests();
    if after.state == State::Done {
        for intent in after.intents.iter().filter(remote) {
            assert!(
                opened(after, &intent.id).is_some(),
                "done without its pull request"
            );
            let ci = after.gates.get(&GateId::Ci).map(|g| g.outcome);
            assert_eq!(ci, Some(GateOutcome::Passed), "done without its checks (INV-8)");
        }
        let landed = after.gates.get(&GateId::Delivery).map(|g| g.outcome);
        let wanted = is_awaited(after).then_some(GateOutcome::Passed);
        assert_eq!(landed, wanted, "done without what was to land (INV-12)");
    }
    if after.state.is_final() {
        assert!(after.outstanding.is_none(), "an ended workflow has nothing to do");
        assert_eq!(
            after.open_requests().count(),
            0,
            "an ended workflow asks nobody: {events:?}"
        );
    }
    let spent = after.account();
    let within = spent.reserved.plus(spent.used);
    assert!(
        within.agent_calls <= spent.limit.agent_calls && within.agent_time_ms <= spent.limit.agent_time_ms,
        "no more is reserved than was granted: {spent:?}"
    );
    let mut subjects: Vec<String> = after.open_requests().map(|r| subject_kind(&r.subject)).collect();
    let open = subjects.len();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), open, "one open request per subject (INV-10)");
    for (attempt, _) in &after.attempts {
        if before.attempts.iter().any(|(a, _)| a == attempt) {
            continue;
        }
        let intent = after
            .intents
            .iter()
            .find(|i| i.id == attempt.intent || i.id.pull_request() == attempt.intent)
            .expect("an attempt serves an intent");
        if intent.id != attempt.intent {
            let written = after.intents.iter().all(|i| after.is_written(&i.id));
            assert!(written, "a pull request is opened once every branch is read back");
        }
        let patch_set = after
            .patch_set(&intent.repository)
            .expect("an intent serves a patch set");
        assert_eq!(
            intent.patch_set, patch_set.digest,
            "what is written is the head of the approved revision"
        );
        assert_eq!(
            Some(intent.approval),
            after.approval_digest(patch_set),
            "and exactly what was approved"
        );
        assert!(!after.rejected, "nothing rejected is written (INV-1)");
        assert!(
            !after.approvals.is_empty(),
            "nothing is written without approvals (INV-1)"
        );
    }
}

fn subject_kind(subject: &Subject) -> String {
    match subject {
        Subject::Plan { .. } => "plan".to_owned(),
        Subject::PatchSet { repository, .. } => format!("patch set {repository}"),
        Subject::Question { .. } => "question".to_owned(),
    }
}

/// What makes two situations the same for what can come next.
fn situation(w: &Workflow) -> String {
    let open: Vec<String> = w.open_requests().map(|r| subject_kind(&r.subject)).collect();
    let gates: Vec<_> = w.gates.values().map(|g| (g.gate, g.outcome)).collect();
    let approvals: Vec<_> = w
        .approvals
        .iter()
        .map(|a| (&a.act.record.member, &a.request, a.expires_at))
        .collect();
    let attempts: Vec<_> = w
        .attempts
        .iter()
        .map(|(a, o)| (&a.intent, o.as_ref().map(|o| format!("{o:?}"))))
        .collect();
    format!(
        "{:?} {} {:?} {open:?} {gates:?} {approvals:?} {attempts:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?}",
        w.state,
        w.revision,
        w.outstanding.as_ref().map(|(_, e)| e.clone()),
        w.refused_in_a_row,
        w.resume,
        w.cancelling,
        w.retracted.len(),
        w.drafts
            .iter()
            .flat_map(|d| &d.diff.files)
            .map(|f| (f.path(), f.added))
            .collect::<Vec<_>>(),
        w.tier,
        w.plan_accepted_under,
        w.violations
            .iter()
            .map(|v| (v.id(), v.waived_until.is_some()))
            .collect::<Vec<_>>(),
        (
            w.account().left(),
            w.calls.last().map(|c| (&c.reservation.role, c.took_ms))
        ),
    )
}

/// Every input that is worth trying now, with its name and the time at which it comes.
pub fn inputs(workflow: &Workflow, team: canned::Team, at: Timestamp) -> Vec<(String, Input, Timestamp)> {
    let soon = at.plus_ms(1_000);
    let late = at.plus_ms(canned::EIGHT_DAYS_MS);
    let mut inputs: Vec<(String, Input, Timestamp)> = Vec::new();
    for (name, input) in canned::results(workflow, team, soon) {
        inputs.push((name, input, soon));
    }
    inputs.push(("time passed".to_owned(), Input::TimePassed, late));
    if let Some((_, Effect::ReadChecks | Effect::ReadMerges)) = &workflow.outstanding {
        let at_the_deadline = canned::results(workflow, team, late).into_iter();
        let not_ended = at_the_deadline.filter(|(name, _)| name.ends_with("not ended"));
        inputs.extend(not_ended.map(|(name, input)| (format!("{name} at the deadline"), input, late)));
    }
    for (name, input) in canned::reconciling(workflow, team) {
        inputs.push((name, input, late));
    }
    for member in team.members() {
        for act in acts(workflow, soon) {
            let name = format!("human: {}", act_name(&act));
            for attendance in attendances(member) {
                let input = canned::act(workflow, team, member, act.clone(), *attendance, soon);
                let name = match attendance {
                    Attendance::Attended => name.clone(),
                    Attendance::Unattended => format!("{name} (unattended)"),
                };
                inputs.push((name, input, soon));
            }
        }
    }
    inputs
}

/// Unattended acts of one member are enough to see what they do.
fn attendances(member: &str) -> &'static [Attendance] {
    if member == "alice" {
        &[Attendance::Attended, Attendance::Unattended]
    } else {
        &[Attendance::Attended]
    }
}

fn act_name(act: &Act) -> String {
    match act {
        Act::Answer { choice, .. } => format!("answer {}", choice.as_str()),
        Act::Approve { .. }
        | Act::Reject { .. }
        | Act::RequestChanges { .. }
        | Act::Deselect { .. }
        | Act::Waive { .. }
        | Act::Withdraw { .. }
        | Act::Cancel { .. }
        | Act::Retry { .. }
        | Act::Extend { .. }
        | Act::Wake => act.verb().to_owned(),
    }
}

fn acts(workflow: &Workflow, at: Timestamp) -> Vec<Act> {
    let words = || "because".to_owned();
    let mut acts = vec![
        Act::Withdraw { reason: words() },
        Act::Cancel { reason: words() },
        Act::Wake,
    ];
    for request in workflow.open_requests() {
        let seen = canned::seen(&request.subject);
        acts.extend(extendable_until(workflow, request, at).map(|until| Act::Extend {
            request: request.id.clone(),
            seen: seen.clone(),
            until,
        }));
        let subject = request.subject.clone();
        let request = request.id.clone();
        let acknowledged = workflow.violations.iter().map(|v| v.id()).collect();
        acts.push(Act::Approve {
            request: request.clone(),
            seen: seen.clone(),
            acknowledged,
        });
        acts.push(Act::Retry {
            request: request.clone(),
            seen: seen.clone(),
        });
        acts.push(Act::Reject {
            request: request.clone(),
            seen: seen.clone(),
            reason: words(),
        });
        acts.push(Act::RequestChanges {
            request: request.clone(),
            seen: seen.clone(),
            comment: words(),
            comments: Vec::new(),
        });
        for violation in &workflow.violations {
            acts.push(Act::Waive {
                request: request.clone(),
                seen: seen.clone(),
                repository: violation.repository.clone(),
                violation: violation.id(),
                reason: words(),
                until: at.plus_ms(canned::EIGHT_DAYS_MS / 2),
            });
        }
        if let Subject::PatchSet { repository, .. } = &subject {
            let draft = workflow.drafts.iter().find(|d| d.repository == *repository);
            let files = draft.iter().flat_map(|d| &d.diff.files);
            acts.push(Act::Deselect {
                request: request.clone(),
                seen: seen.clone(),
                left_out: files
                    .map(|f| LeftOut {
                        repository: repository.clone(),
                        path: f.path().clone(),
                        hunks: vec![],
                    })
                    .collect(),
                reason: words(),
            });
        }
        for choice in Choice::ALL {
            let text = if choice == Choice::Provide {
                words()
            } else {
                String::new()
            };
            acts.push(Act::Answer {
                request: request.clone(),
                seen: seen.clone(),
                choice,
                text,
            });
        }
    }
    acts
}

/// The catalogue as a Markdown table.
pub fn markdown(catalogue: &Catalogue) -> String {
    let mut out = String::from("| input | in state | leads to | events | effects |\n|---|---|---|---|---|\n");
    let list = |items: Vec<&str>| {
        if items.is_empty() {
            "–".to_owned()
        } else {
            items.join(", ")
        }
    };
    for ((input, state), seen) in catalogue {
        let to = list(seen.to.iter().map(|s| s.as_str()).collect());
        let events = list(seen.events.iter().copied().collect());
        let effects = list(seen.effects.iter().copied().collect());
        out.push_str(&format!("| {input} | {state} | {to} | {events} | {effects} |\n"));
    }
    out
}

/// Inputs that lead away from nearly everywhere; the diagram says so in words.
const EVERYWHERE: [&str; 2] = ["human: cancel", "gave up"];

/// The catalogue as a Mermaid state diagram: which inputs lead from which state to which other one.
pub fn diagram(catalogue: &Catalogue) -> String {
    let mut edges: BTreeMap<(State, State), BTreeSet<&str>> = BTreeMap::new();
    for ((input, from), seen) in catalogue {
        if EVERYWHERE.iter().any(|words| input.contains(words)) {
            continue;
        }
        let words = input.strip_prefix("human: ").unwrap_or(input);
        let words = words.split(" (").next().unwrap_or(words);
        let words = words.split(':').next().unwrap_or(words);
        for to in seen.to.iter().filter(|to| *to != from) {
            edges.entry((*from, *to)).or_default().insert(words);
        }
    }
    let mut out = String::from("```mermaid\nstateDiagram-v2\n    [*] --> Queued\n");
    for ((from, to), inputs) in edges {
        let inputs: Vec<&str> = inputs.into_iter().collect();
        out.push_str(&format!("    {from} --> {to}: {}\n", inputs.join(", ")));
    }
    for state in State::ALL.into_iter().filter(|s| s.is_final()) {
        out.push_str(&format!("    {state} --> [*]\n"));
    }
    out + "```\n"
}

/// What several explorations saw, together.
pub fn together(all: &[&Explored]) -> Catalogue {
    let mut catalogue = Catalogue::new();
    for (key, seen) in all.iter().flat_map(|explored| &explored.catalogue) {
        let entry = catalogue.entry(key.clone()).or_default();
        entry.to.extend(&seen.to);
        entry.events.extend(&seen.events);
        entry.effects.extend(&seen.effects);
    }
    catalogue
}

/// `docs/workflow.md`.
pub fn page(catalogue: &Catalogue) -> String {
    let mut out = String::from(
        "# Every transition of a workflow\n\n\
         Generated by `cargo xtask docs`, which explores the production `decide` with two repositories, in folders\n\
         and on GitHub, alone and with three members, from a dozen beginnings and within bounds: what is\n\
         listed happens; what is not was not met.\n\n",
    );
    out.push_str(&diagram(catalogue));
    out.push_str(
        "\nLeft out of the picture, and in the table: `cancel`, which ends every state that is not an end (by way of\n\
         `Applying` where something has to be taken out of play), a step that is given up, which asks a human in\n\
         `NeedsHuman`, and whatever stays in its state.\n\n",
    );
    out.push_str(&markdown(catalogue));
    out.push_str(
        "\n## Gates and their checks\n\n\
         A gate passes when every check is there and passed. A check that is not built is in no list.\n\n\
         | gate | checks |\n|---|---|\n",
    );
    for gate in GateId::ALL {
        let checks: Vec<&str> = CheckId::required_by(gate).iter().map(|c| c.as_str()).collect();
        let after = match gate {
            GateId::Intake => ", where a budget was signed: budget-allowed",
            GateId::Write => ", after the write: read-back",
            GateId::Plan | GateId::Proposal | GateId::Approval | GateId::Ci | GateId::Delivery => "",
        };
        out.push_str(&format!("| {gate} | {}{after} |\n", checks.join(", ")));
    }
    out.push_str("\n## Questions and their choices\n\n| question | choices |\n|---|---|\n");
    for kind in QuestionKind::ALL {
        let choices: Vec<&str> = kind.choices().iter().map(|c| c.as_str()).collect();
        out.push_str(&format!("| {} | {} |\n", kind.text(), choices.join(", ")));
    }
    out
}
