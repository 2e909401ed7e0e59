//! The same for what comes after CI: two pull requests that people at the forge merge, change or close, looks that are stale,
//! late or made twice, a deadline, and a person who answers or cancels. `decide` and `differing` are the production ones.
//!
//! What really happened at the forge is the judge; what a look shows of it may be less, and never more.

use super::Broken;
use super::key::{Flow, hash_of};
use super::machine::name;
use crate::canned::{self, Team};
use countersign_core::act::{Act, Attendance};
use countersign_core::forge::{Landed, PullRequestState};
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::{CommitSha, EffectId};
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{ReadMerge, Subject};
use countersign_core::workflow::merging::differing;
use countersign_core::workflow::{Effect, EffectResult, Input, State, Workflow, decide};
use stateright::{Checker, Model, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

const TEAM: Team = Team::Solo;

const DONE: &str = "INV-12: done only where everything landed, exactly as approved";
const FROZEN: &str = "something else landed: a question is open only where that is frozen";
const ELSE: &str = "nothing is frozen where nothing else landed";
const ASKED: &str = "people are asked about what was so since they were asked last";
const ONE: &str = "INV-10: who waits has one open request";
const LEFT: &str = "what was cancelled leaves no pull request of ours open";
const RULES: &str = "no rule of decide breaks";

/// A fault around the production `decide`. The product has none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Once the first pull request is merged, the other counts as merged like it.
    SiblingIsIgnored,
    /// What was merged of another head counts as if it were of ours.
    AnotherHeadIsExact,
    /// A result that was found out under a claim that is lost, for a look that is over, counts for the one that is open.
    LateLookCounts,
    /// A repository is frozen after what was found is recorded.
    FrozenAfterwards,
    /// What a merge brought can't be read, and counts as exact.
    UnseenIsExact,
}

impl Fault {
    const SEEDED: [Fault; 5] = [
        Fault::SiblingIsIgnored,
        Fault::AnotherHeadIsExact,
        Fault::LateLookCounts,
        Fault::FrozenAfterwards,
        Fault::UnseenIsExact,
    ];

    /// What it makes of what was read before `decide` gets it.
    fn distort(self, w: &Workflow, merges: &mut [ReadMerge]) {
        let exact = read(w, [Glance::Is(There::Exactly); 2]);
        for at in 0..merges.len() {
            let first = merges[0].landed.is_some();
            let merge = &mut merges[at];
            let pull = merge.pull_request.as_mut();
            let merged = pull.as_ref().is_some_and(|p| p.state == PullRequestState::Merged);
            match self {
                Fault::SiblingIsIgnored if at > 0 && first => *merge = exact[at].clone(),
                Fault::AnotherHeadIsExact if merged => {
                    pull.unwrap().head = w.intents[at].commit.clone();
                    if let Some(Landed::As { brings, .. }) = &mut merge.landed {
                        brings.clear();
                    }
                }
                Fault::UnseenIsExact if merged && merge.landed.is_none() => *merge = exact[at].clone(),
                Fault::None
                | Fault::SiblingIsIgnored
                | Fault::AnotherHeadIsExact
                | Fault::LateLookCounts
                | Fault::FrozenAfterwards
                | Fault::UnseenIsExact => {}
            }
        }
    }
}

/// How a pull request really stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum There {
    /// Open, as we left it.
    Open,
    /// Open, with somebody's commit.
    Pushed,
    Closed,
    /// Merged: exactly what was approved.
    Exactly,
    /// Merged: another tree than that.
    Otherwise,
    /// Merged: the tree that was approved, with somebody's commit in its history.
    Brought,
}

impl There {
    fn is_merged(self) -> bool {
        match self {
            There::Exactly | There::Otherwise | There::Brought => true,
            There::Open | There::Pushed | There::Closed => false,
        }
    }

    /// What people at the forge can make of it.
    fn next(self) -> &'static [There] {
        match self {
            There::Open => &[There::Exactly, There::Otherwise, There::Pushed, There::Closed],
            There::Pushed => &[There::Brought, There::Otherwise],
            There::Closed => &[There::Open],
            There::Exactly | There::Otherwise | There::Brought => &[],
        }
    }
}

/// What a look shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Glance {
    /// How it is.
    Is(There),
    /// The pull request is not to be seen.
    Nothing,
    /// It is merged, and what landed is not to be seen.
    NoLanding,
    /// It is merged, and is shown open still.
    Stale,
}

#[derive(Clone)]
struct Job {
    id: EffectId,
    loaded: Arc<Flow>,
    saw: [Glance; 2],
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// Somebody at the forge.
    Forge(usize, There),
    /// A worker claims the look and makes it; one of the two may be shown otherwise.
    Look(usize, Option<(usize, Glance)>),
    /// A worker records what it saw, and hears that it did or doesn't.
    Conclude(usize, bool),
    /// Its claim is lost, and it goes on.
    Lose(usize),
    Crash(usize),
    /// Every try failed.
    GiveUp,
    /// An outstanding step of taking back.
    Run(&'static str),
    Deadline,
    Answer(Choice),
    Cancel,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |worker: &usize| ["first", "second"][*worker];
        match self {
            Step::Forge(at, there) => write!(f, "repo{} becomes: {there:?}", at + 1),
            Step::Look(worker, None) => write!(f, "{} looks", who(worker)),
            Step::Look(worker, Some((at, glance))) => {
                write!(f, "{} looks, repo{} shows: {glance:?}", who(worker), at + 1)
            }
            Step::Conclude(worker, true) => write!(f, "{} concludes", who(worker)),
            Step::Conclude(worker, false) => write!(f, "{} concludes and does not hear of it", who(worker)),
            Step::Lose(worker) => write!(f, "{} loses its claim", who(worker)),
            Step::Crash(worker) => write!(f, "{} crashes", who(worker)),
            Step::GiveUp => write!(f, "every try failed"),
            Step::Run(what) => write!(f, "run {what}"),
            Step::Deadline => write!(f, "the deadline comes"),
            Step::Answer(choice) => write!(f, "alice answers {}", choice.as_str()),
            Step::Cancel => write!(f, "alice cancels"),
        }
    }
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Stale looks, lost claims and answers, crashes, given up looks, reopened pull requests.
    odd: u8,
    /// How often somebody wants it to be waited for again.
    again: u8,
}

#[derive(Clone)]
struct World {
    flow: Arc<Flow>,
    now: Timestamp,
    there: [There; 2],
    workers: [Option<Job>; 2],
    /// Who holds the outstanding look.
    held: Option<usize>,
    frozen: BTreeSet<usize>,
    /// Something was open or closed, or looked like it, since it is waited for.
    unmerged: bool,
    odd: u8,
    again: u8,
    /// People were asked about what was not so.
    idle_question: bool,
    broke: bool,
}

impl World {
    fn key(&self) -> u64 {
        let jobs = self.workers.iter().map(|job| {
            let job = job.as_ref()?;
            Some((self.is_outstanding(job), job.saw, job.loaded.alike))
        });
        hash_of(&(
            (self.flow.alike, self.now.0, self.there, self.held, &self.frozen),
            (
                self.unmerged,
                self.odd,
                self.again,
                self.idle_question,
                self.broke,
            ),
            jobs.collect::<Vec<_>>(),
        ))
    }

    fn is_outstanding(&self, job: &Job) -> bool {
        self.flow
            .w
            .outstanding
            .as_ref()
            .is_some_and(|(id, _)| *id == job.id)
    }

    fn looks(&self) -> bool {
        matches!(self.flow.w.outstanding, Some((_, Effect::ReadMerges)))
    }

    fn asked(&self) -> Option<QuestionKind> {
        asked(&self.flow.w)
    }
}

fn asked(w: &Workflow) -> Option<QuestionKind> {
    match &w.open_requests().next()?.subject {
        Subject::Question { question, .. } => Some(question.kind),
        Subject::Plan { .. } | Subject::PatchSet { .. } => None,
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, asked) = (self.flow.w.state, self.asked());
        write!(f, "{state} {asked:?} {:?} frozen {:?}", self.there, self.frozen)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

/// What such a look finds out.
fn read(w: &Workflow, saw: [Glance; 2]) -> Vec<ReadMerge> {
    let EffectResult::MergesRead { repositories } = canned::merges(w, PullRequestState::Merged) else {
        panic!("not of merges")
    };
    let other = CommitSha::parse(&"9".repeat(40)).unwrap();
    let one = |(mut merge, glance): (ReadMerge, Glance)| {
        let pull = merge.pull_request.as_mut().unwrap();
        let (state, is_ours) = match glance {
            Glance::Is(There::Open) | Glance::Stale | Glance::Nothing => (PullRequestState::Open, true),
            Glance::Is(There::Pushed) => (PullRequestState::Open, false),
            Glance::Is(There::Closed) => (PullRequestState::Closed, true),
            Glance::Is(There::Exactly | There::Otherwise) | Glance::NoLanding => {
                (PullRequestState::Merged, true)
            }
            Glance::Is(There::Brought) => (PullRequestState::Merged, false),
        };
        pull.state = state;
        if !is_ours {
            pull.head = other.clone();
        }
        if state != PullRequestState::Merged {
            (pull.merged_as, merge.landed) = (None, None);
        }
        if let Some(Landed::As { expected, brings, .. }) = &mut merge.landed {
            if glance == Glance::Is(There::Otherwise) {
                *expected = None;
            }
            if !is_ours {
                *brings = vec![other.clone()];
            }
        }
        match glance {
            Glance::NoLanding => merge.landed = None,
            Glance::Nothing => merge.pull_request = None,
            Glance::Is(_) | Glance::Stale => {}
        }
        merge
    };
    repositories.into_iter().zip(saw).map(one).collect()
}

/// What `decide` made of an input; `None`: it was refused.
type Verdict = Option<Arc<Flow>>;

struct Machine {
    bounds: Bounds,
    fault: Fault,
    first: Arc<Flow>,
    /// `decide` is pure: the same question has the same answer.
    remembered: Mutex<BTreeMap<(u64, u64, u64), Verdict>>,
    broken: Broken<World>,
}

impl Machine {
    fn new(bounds: Bounds, fault: Fault) -> Self {
        Self {
            bounds,
            fault,
            first: Arc::new(Flow::new(canned::awaiting_merge(TEAM))),
            remembered: Mutex::default(),
            broken: Broken::default(),
        }
    }

    /// Asks the production `decide`; whether it took that.
    fn record(&self, s: &mut World, what: u64, input: Input) -> bool {
        let key = (s.flow.exact, s.now.0, what);
        let known = self.remembered.lock().unwrap().get(&key).cloned();
        let after = known.unwrap_or_else(|| {
            let w = &s.flow.w;
            let decided = catch_unwind(AssertUnwindSafe(|| decide(w, input, s.now)));
            let after = match decided {
                Err(_broke) => {
                    s.broke = true;
                    None
                }
                Ok(Err(_refused)) => None,
                Ok(Ok(decision)) => {
                    // What counts is what the events say, not what `decide` carried along.
                    let mut w = w.clone();
                    decision.events.iter().for_each(|e| w.apply(e));
                    Some(Arc::new(Flow::new(w)))
                }
            };
            if !s.broke {
                self.remembered.lock().unwrap().insert(key, after.clone());
            }
            after
        });
        let Some(after) = after else { return false };
        let was = asked(&s.flow.w);
        s.flow = after;
        s.held = None;
        let is = |t: &There| match s.asked() {
            Some(QuestionKind::LandedDifferent) => *t == There::Otherwise,
            Some(QuestionKind::HeadMoved) => matches!(t, There::Pushed | There::Brought | There::Otherwise),
            _other => true,
        };
        let nothing = s.asked() == Some(QuestionKind::NotMerged) && !s.unmerged;
        s.idle_question |= was.is_none() && (nothing || !s.there.iter().any(is));
        true
    }

    fn take(&self, s: &mut World, step: Step) -> Option<()> {
        match step {
            Step::Forge(at, there) => {
                if s.there[at] == There::Closed {
                    s.odd += 1;
                }
                s.there[at] = there;
                s.unmerged |= !there.is_merged();
            }
            Step::Look(worker, shown) => self.look(s, worker, shown)?,
            Step::Conclude(worker, heard) => self.conclude(s, worker, heard)?,
            Step::Lose(_) => {
                s.odd += 1;
                s.held = None;
            }
            Step::Crash(worker) => {
                s.odd += 1;
                s.workers[worker] = None;
                s.held = s.held.filter(|by| *by != worker);
            }
            Step::GiveUp => {
                s.odd += 1;
                let (id, _) = s.flow.w.outstanding.clone()?;
                let (code, detail) = ("x".to_owned(), "every try failed".to_owned());
                let result = EffectResult::GaveUp { code, detail };
                self.record(s, name(&[&"gave up", &id]), Input::Effect { id, result });
            }
            Step::Run(what) => {
                let mut results = canned::results(&s.flow.w, TEAM, s.now).into_iter();
                let (_, input) = results.find(|(n, _)| n == what)?;
                if let Some((_, Effect::ClosePullRequest { intent })) = &s.flow.w.outstanding {
                    let at = s.flow.w.intents.iter().position(|i| i.id == *intent)?;
                    if s.there[at] == There::Open {
                        s.there[at] = There::Closed;
                    }
                }
                self.record(s, name(&[&what]), input);
            }
            Step::Deadline => s.now = s.flow.w.merge_awaited?.1,
            Step::Answer(choice) => {
                let request = s.flow.w.open_requests().next()?;
                let act = Act::Answer {
                    request: request.id.clone(),
                    seen: canned::seen(&request.subject),
                    choice,
                    text: String::new(),
                };
                self.act(s, act);
                if choice == Choice::Retry {
                    s.again += 1;
                    s.unmerged = s.there.iter().any(|t| !t.is_merged());
                }
            }
            Step::Cancel => {
                let reason = "because".to_owned();
                self.act(s, Act::Cancel { reason });
            }
        }
        Some(())
    }

    fn act(&self, s: &mut World, act: Act) {
        let tag = name(&[&act]);
        let input = canned::act(&s.flow.w, TEAM, "alice", act, Attendance::Attended, s.now);
        self.record(s, tag, input);
    }

    /// As the engine does it: what differs is frozen before it is recorded.
    fn look(&self, s: &mut World, worker: usize, shown: Option<(usize, Glance)>) -> Option<()> {
        let (id, _) = s.flow.w.outstanding.clone()?;
        let mut saw = s.there.map(Glance::Is);
        if let Some((at, glance)) = shown {
            s.odd += 1;
            saw[at] = glance;
        }
        s.held = Some(worker);
        let merged = |g: &Glance| matches!(g, Glance::Is(there) if there.is_merged());
        s.unmerged |= !saw.iter().all(merged);
        let loaded = s.flow.clone();
        if self.fault != Fault::FrozenAfterwards {
            freeze(s, &loaded.w, &saw);
        }
        s.workers[worker] = Some(Job { id, loaded, saw });
        Some(())
    }

    fn conclude(&self, s: &mut World, worker: usize, heard: bool) -> Option<()> {
        let job = s.workers[worker].clone()?;
        if heard {
            s.workers[worker] = None;
        } else {
            s.odd += 1;
        }
        let holds = s.held == Some(worker) && s.is_outstanding(&job);
        if !holds && (self.fault != Fault::LateLookCounts || !s.looks()) {
            return Some(());
        }
        let (id, _) = s.flow.w.outstanding.clone()?;
        let mut repositories = read(&job.loaded.w, job.saw);
        self.fault.distort(&job.loaded.w, &mut repositories);
        let tag = name(&[&"merges", &repositories]);
        let result = EffectResult::MergesRead { repositories };
        // What is not conclusive is put back, to be looked at again.
        if !self.record(s, tag, Input::Effect { id, result }) {
            s.held = None;
        }
        if heard {
            freeze(s, &job.loaded.w, &job.saw);
        }
        Some(())
    }
}

fn freeze(s: &mut World, w: &Workflow, saw: &[Glance; 2]) {
    for (intent, _) in differing(w, &read(w, *saw)) {
        s.frozen.extend(w.intents.iter().position(|i| i.id == intent.id));
    }
}

impl Model for Machine {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            flow: self.first.clone(),
            now: canned::LATER,
            there: [There::Open; 2],
            workers: [None, None],
            held: None,
            frozen: BTreeSet::new(),
            unmerged: true,
            odd: 0,
            again: 0,
            idle_question: false,
            broke: false,
        }]
    }

    fn actions(&self, s: &World, steps: &mut Vec<Step>) {
        let (w, odd) = (&s.flow.w, s.odd < self.bounds.odd);
        if w.state.is_final() || s.broke || s.idle_question {
            return;
        }
        for (at, there) in s.there.iter().enumerate() {
            let may = !w.cancelling && (*there != There::Closed || odd);
            let next = there.next().iter().filter(|_| may);
            steps.extend(next.map(|next| Step::Forge(at, *next)));
        }
        let idle = s.workers.iter().position(Option::is_none);
        if let Some(worker) = idle.filter(|_| s.looks() && s.held.is_none()) {
            steps.push(Step::Look(worker, None));
            let merged = |at: &usize| s.there[*at].is_merged();
            if odd {
                for at in 0..s.there.len() {
                    steps.push(Step::Look(worker, Some((at, Glance::Nothing))));
                }
                for at in (0..s.there.len()).filter(merged) {
                    for glance in [Glance::NoLanding, Glance::Stale] {
                        steps.push(Step::Look(worker, Some((at, glance))));
                    }
                }
                steps.push(Step::GiveUp);
            }
        }
        for (worker, _) in s.workers.iter().enumerate().filter(|(_, job)| job.is_some()) {
            steps.push(Step::Conclude(worker, true));
            if odd {
                steps.extend([Step::Conclude(worker, false), Step::Crash(worker)]);
                if s.held == Some(worker) {
                    steps.push(Step::Lose(worker));
                }
            }
        }
        match &w.outstanding {
            Some((_, Effect::ClosePullRequest { intent })) => {
                let at = w.intents.iter().position(|i| i.id == *intent);
                let open = at.is_some_and(|at| s.there[at] == There::Open);
                steps.push(Step::Run(match open {
                    true => "close-pull-request: closed",
                    false => "close-pull-request: not there",
                }));
            }
            Some((_, Effect::RetractBranch { .. })) => steps.push(Step::Run("retract-branch: deleted")),
            _other => {}
        }
        if s.looks() && w.merge_awaited.is_some_and(|(_, until)| s.now < until) {
            steps.push(Step::Deadline);
        }
        if let Some(kind) = s.asked() {
            let choices = kind.choices().iter().filter(|choice| match choice {
                Choice::Retry => s.again < self.bounds.again,
                Choice::Cancel => true,
                Choice::AskAgain | Choice::Provide | Choice::GrantMore => false,
            });
            steps.extend(choices.map(|choice| Step::Answer(*choice)));
        }
        if !w.cancelling {
            steps.push(Step::Cancel);
        }
    }

    fn next_state(&self, s: &World, step: Step) -> Option<World> {
        let mut after = s.clone();
        self.take(&mut after, step)?;
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(DONE, |m: &Machine, s: &World| {
                let w = &s.flow.w;
                let passed = |gate| w.gates.get(&gate).map(|g| g.outcome) == Some(GateOutcome::Passed);
                let exact = s.there.iter().all(|t| *t == There::Exactly) && passed(GateId::Delivery);
                m.broken.holds(DONE, s, w.state != State::Done || exact)
            }),
            Property::always(FROZEN, |m: &Machine, s: &World| {
                let found = differing(&s.flow.w, &s.flow.w.merges).into_iter();
                let mut places =
                    found.filter_map(|(i, _)| s.flow.w.intents.iter().position(|of| of.id == i.id));
                let all = places.all(|at| s.frozen.contains(&at)) && !s.frozen.is_empty();
                let differs = s.asked() == Some(QuestionKind::LandedDifferent);
                m.broken.holds(FROZEN, s, !differs || all)
            }),
            Property::always(ELSE, |m: &Machine, s: &World| {
                let other = |at: &usize| s.there[*at] == There::Otherwise;
                m.broken.holds(ELSE, s, s.frozen.iter().all(other))
            }),
            Property::always(ASKED, |m: &Machine, s: &World| {
                m.broken.holds(ASKED, s, !s.idle_question)
            }),
            Property::always(ONE, |m: &Machine, s: &World| {
                let open = s.flow.w.open_requests().count();
                let waits = s.flow.w.state == State::NeedsHuman;
                m.broken.holds(
                    ONE,
                    s,
                    open == usize::from(waits && s.flow.w.outstanding.is_none()),
                )
            }),
            Property::always(LEFT, |m: &Machine, s: &World| {
                let open = s.there.contains(&There::Open);
                m.broken
                    .holds(LEFT, s, s.flow.w.state != State::Cancelled || !open)
            }),
            Property::always(RULES, |m: &Machine, s: &World| m.broken.holds(RULES, s, !s.broke)),
            Property::sometimes("it can be done", |_, s: &World| s.flow.w.state == State::Done),
            Property::sometimes("it can be done after somebody waited again", |_, s: &World| {
                s.flow.w.state == State::Done && s.again > 0
            }),
            Property::sometimes("what landed otherwise can be given up", |_, s: &World| {
                s.flow.w.state == State::Cancelled && s.frozen.len() == 2
            }),
        ]
    }
}

/// INV-12: every way from two open pull requests on.
#[test]
fn every_way_to_a_merge_keeps_the_invariants() {
    let bounds = Bounds { odd: 1, again: 1 };
    let checker = Machine::new(bounds, Fault::None)
        .checker()
        .threads(super::THREADS)
        .spawn_bfs()
        .join();
    println!(
        "{bounds:?}: {} different worlds in {} steps, longest way {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
    super::require_all(&checker);
}

fn shortest(fault: Fault, property: &'static str) -> String {
    let bounds = Bounds { odd: 1, again: 1 };
    super::shortest_way(Machine::new(bounds, fault), fault, bounds, property)
}

super::found! {
    shortest by Fault:
    a_siblings_mismatch_that_is_ignored_is_found: SiblingIsIgnored, breaks DONE;
    a_merge_of_another_head_that_is_called_exact_is_found: AnotherHeadIsExact, breaks DONE;
    a_late_look_that_counts_is_found: LateLookCounts, breaks ASKED;
    a_freeze_that_comes_too_late_is_found: FrozenAfterwards, breaks FROZEN;
    a_landing_that_nobody_saw_is_found: UnseenIsExact, breaks DONE;
}
