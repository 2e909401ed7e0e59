//! The model itself: the production `start`, `decide` and `WriteGate` with the world around them.
//!
//! Nothing here decides: every step asks the product, and the judge beside it looks on.

use super::Broken;
use super::faults::Fault;
use super::key::{Flow, Hashing};
use super::oracle::{self, Books, Breach};
use super::people;
use super::world::{Answer, Bounds, Jump, Permitted, Spent, Step, World};
use crate::canned::{self, Team};
use countersign_core::permit::{FreshFacts, WriteGate};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::{
    Effect, EffectResult, Event, Input, State, WRITE_WINDOW_MS, Workflow, decide,
};
use stateright::{Model, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// An organisation that wants two people for every change.
const ORGANISATION: &[u8] = b"version = 1\n[approval]\nlow = 2\n";
/// Who is there: alice starts, bob and carol approve.
pub const TEAM: Team = Team::Three;

pub const INV_1: &str = "INV-1: whatever is written has its live approvals";
pub const HEAD: &str = "what is written is the head of the approved revision";
pub const AGAINST: &str = "nothing that came in before stands against a write";
pub const WITHDRAWN: &str = "a withdrawal before the first byte is heard";
pub const INV_2: &str = "INV-2: words of an agent never act";
pub const INV_7: &str = "INV-7: one branch per intent, and only where the workflow is";
pub const INV_8: &str = "INV-8: missing evidence is never a pass";
pub const INV_10: &str = "INV-10: who waits has one open request per subject";
pub const QUEUED: &str = "no approval is used up for nothing";
pub const RULES: &str = "no rule of decide breaks";

/// What the product made of an input.
pub enum Verdict {
    /// Nothing changed, and this code says why.
    Refused(&'static str),
    /// Something was decided.
    Took(Taken),
    /// A rule of `decide` broke.
    Broke,
}

/// A decision, with what the judge wants to know of its events.
pub struct Taken {
    pub flow: Arc<Flow>,
    /// People are asked about patch sets anew.
    pub asks: bool,
    /// A revision began.
    pub revises: bool,
    /// The approvals were used up.
    pub intends: bool,
    /// All approvals are asked for again.
    pub voids: bool,
}

/// The checker's model. Decisions are remembered: `decide` is pure, so the same question has the same answer.
pub struct Machine {
    pub bounds: Bounds,
    pub fault: Fault,
    first: Arc<Flow>,
    remembered: Mutex<BTreeMap<(u64, u64, u64), Arc<Verdict>>>,
    /// What the gate said to which facts.
    granted: Mutex<BTreeMap<u64, Result<(), &'static str>>>,
    broken: Broken<World>,
}

impl Machine {
    pub fn new(bounds: Bounds, fault: Fault) -> Self {
        let mut w = awaiting_approval();
        if fault == Fault::RequesterApprovesOwn {
            w.shapers.clear();
        }
        let first = Arc::new(Flow::new(w));
        Self {
            bounds,
            fault,
            first,
            remembered: Mutex::new(BTreeMap::new()),
            granted: Mutex::new(BTreeMap::new()),
            broken: Broken::default(),
        }
    }

    /// How many different questions `decide` was asked.
    pub fn decisions(&self) -> usize {
        self.remembered.lock().unwrap().len()
    }

    /// Asks the production `decide`.
    pub fn ask(
        &self,
        flow: &Arc<Flow>,
        at: Timestamp,
        name: u64,
        input: impl FnOnce(&Workflow) -> Input,
    ) -> Arc<Verdict> {
        let key = (flow.exact, at.0, name);
        if let Some(known) = self.remembered.lock().unwrap().get(&key) {
            return known.clone();
        }
        let input = input(&flow.w);
        let answer = match catch_unwind(AssertUnwindSafe(|| decide(&flow.w, input, at))) {
            Err(_broke) => Verdict::Broke,
            Ok(Err(refusal)) => Verdict::Refused(refusal.code()),
            Ok(Ok(decision)) => Verdict::Took(self.taken(flow, decision)),
        };
        let answer = Arc::new(answer);
        self.remembered.lock().unwrap().insert(key, answer.clone());
        answer
    }

    /// Asks the production gate, and uses its permit up at `at`; `None`: only whether it gives one.
    pub fn open(&self, p: &Permitted, at: Option<Timestamp>) -> Result<(), &'static str> {
        let Permitted {
            flow,
            attempt,
            held,
            op,
        } = p;
        let key = name(&[&flow.exact, attempt, held, op, &at]);
        if let Some(known) = self.granted.lock().unwrap().get(&key) {
            return *known;
        }
        let facts = FreshFacts::attest(flow.w.clone(), attempt.clone(), held.clone(), TEAM.roster());
        let answer = match (WriteGate::open(&facts, op.clone()), at) {
            (Err(refusal), _) => Err(refusal.code()),
            (Ok(_unused), None) => Ok(()),
            (Ok(permit), Some(at)) => permit.redeem(at).map(|_| ()).map_err(|_| "permit-expired"),
        };
        self.granted.lock().unwrap().insert(key, answer);
        answer
    }

    fn taken(&self, before: &Flow, decision: countersign_core::workflow::Decision) -> Taken {
        let has = |f: fn(&Event) -> bool| decision.events.iter().any(f);
        let (asks, revises) = (
            has(
                |e| matches!(e, Event::RequestOpened { request, .. } if matches!(request.subject, Subject::PatchSet { .. })),
            ),
            has(|e| matches!(e, Event::RevisionStarted { .. })),
        );
        let intends = has(|e| matches!(e, Event::IntentsRecorded { .. }));
        let voids = has(|e| matches!(e, Event::ApprovalsVoided { .. }));
        // What counts is what the events say, not what `decide` carried along.
        let mut w = before.w.clone();
        for event in &decision.events {
            w.apply(event);
        }
        self.fault.distort(before, &decision.events, &mut w);
        Taken {
            flow: Arc::new(Flow::new(w)),
            asks,
            revises,
            intends,
            voids,
        }
    }

    /// The result of an agent's or the store's step, as it would be found out on this workflow.
    pub fn result(w: &Workflow, name: &str, at: Timestamp) -> Input {
        let mut found = canned::results(w, TEAM, at).into_iter().find(|(n, _)| n == name);
        let input = found
            .take()
            .unwrap_or_else(|| panic!("`{name}` in {}", w.state))
            .1;
        let Input::Effect { id, mut result } = input else {
            panic!("{name} is no result")
        };
        match &mut result {
            EffectResult::RefsLookedUp { organisation, .. }
            | EffectResult::ContextLoaded { organisation, .. } => {
                *organisation = Some(ORGANISATION.to_vec());
            }
            // The size stands in every trailer; the length of the way here must not make contents differ.
            EffectResult::Sealed { checkpoint, .. } => checkpoint.size = u64::from(w.revision.0) * 100,
            EffectResult::Triaged { .. }
            | EffectResult::Planned { .. }
            | EffectResult::Drafted { .. }
            | EffectResult::Narrowed { .. }
            | EffectResult::Critiqued { .. }
            | EffectResult::BasesChecked { .. }
            | EffectResult::WriteEnded { .. }
            | EffectResult::Retracted { .. }
            | EffectResult::ChecksRead { .. }
            | EffectResult::MergesRead { .. }
            | EffectResult::PullRequestClosed { .. }
            | EffectResult::GaveUp { .. } => {}
        }
        Input::Effect { id, result }
    }
}

fn awaiting_approval() -> Workflow {
    let mut w = canned::started();
    for name in canned::TO_APPROVAL {
        let input = Machine::result(&w, name, canned::START);
        w = decide(&w, input, canned::START).unwrap().workflow;
    }
    assert_eq!(w.state, State::AwaitingApproval);
    w
}

/// A name for a question to `decide`.
pub fn name(parts: &[&dyn std::fmt::Debug]) -> u64 {
    let mut all = Hashing::default();
    for part in parts {
        all.add(part);
    }
    all.done()
}

impl Model for Machine {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let mut books = Books::default();
        books.show(&self.first.w);
        vec![World {
            flow: self.first.clone(),
            now: canned::START,
            row: None,
            inbox: vec![],
            delayed: None,
            last: None,
            said: BTreeSet::new(),
            workers: [None, None],
            branches: BTreeSet::new(),
            base_moved: false,
            backup: None,
            fences: 0,
            spent: Spent::default(),
            books,
            breaches: BTreeSet::new(),
            written_from: canned::START,
        }]
    }

    fn actions(&self, s: &World, steps: &mut Vec<Step>) {
        if !s.breaches.is_empty() {
            return;
        }
        let odd = s.spent.odd < self.bounds.odd;
        if s.inbox.len() < self.bounds.inbox {
            for letter in people::letters(s, &self.bounds) {
                if odd && s.delayed.is_none() {
                    steps.push(Step::Delay(letter.clone()));
                }
                steps.push(Step::Post(letter));
            }
            if s.delayed.is_some() {
                steps.push(Step::Arrive);
            }
            if let Some(last) = s.last.as_ref().filter(|last| odd && !last.again) {
                steps.push(Step::Double(last.clone()));
            }
        }
        if !s.inbox.is_empty() && s.idle().is_some() {
            steps.push(Step::Judge);
        }
        if s.flow
            .w
            .open_requests()
            .any(|r| r.expires_at.is_some_and(|t| t <= s.now))
        {
            steps.push(Step::Sweep);
        }
        if self.bounds.restores && s.flow.w.epoch == 0 {
            if let Some(backup) = &s.backup {
                if !backup.w.state.is_final() {
                    steps.push(Step::Restore(false));
                    steps.push(Step::Restore(true));
                }
            } else {
                steps.push(Step::BackUp);
            }
        }
        self.claims(s, odd, steps);
        for (worker, job) in s.workers.iter().enumerate() {
            if let Some(job) = job {
                self.work(worker, job, odd, steps);
            }
        }
        self.weather(s, odd, steps);
    }

    fn next_state(&self, s: &World, step: Step) -> Option<World> {
        self.take(s, step)
    }

    fn within_boundary(&self, s: &World) -> bool {
        s.flow.w.revision.0 <= self.bounds.revisions
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(INV_1, |m, s| {
                m.broken.holds(INV_1, s, !s.broke(Breach::Unapproved))
            }),
            Property::always(HEAD, |m, s| m.broken.holds(HEAD, s, !s.broke(Breach::NotTheHead))),
            Property::always(AGAINST, |m, s| {
                m.broken.holds(AGAINST, s, !s.broke(Breach::Against))
            }),
            Property::always(WITHDRAWN, |m, s| {
                m.broken.holds(WITHDRAWN, s, !s.broke(Breach::WithdrawalIgnored))
            }),
            Property::always(INV_2, |m, s| {
                m.broken.holds(INV_2, s, !s.broke(Breach::WordsActed))
            }),
            Property::always(INV_7, |m, s| m.broken.holds(INV_7, s, oracle::branches_fit(s))),
            Property::always(INV_8, |m, s| {
                m.broken.holds(INV_8, s, !s.broke(Breach::EvidenceMissing))
            }),
            Property::always(INV_10, |m, s| m.broken.holds(INV_10, s, oracle::requests_fit(s))),
            Property::always(QUEUED, |m, s| {
                m.broken.holds(QUEUED, s, oracle::work_is_queued(s))
            }),
            Property::always(RULES, |m, s| m.broken.holds(RULES, s, !s.broke(Breach::Broke))),
            Property::sometimes("it can be done", |_, s: &World| s.flow.w.state == State::Done),
            Property::sometimes("what is half written can be taken out of play", |_, s: &World| {
                s.flow.w.state == State::Cancelled && !s.flow.w.retracted.is_empty()
            }),
        ]
    }
}

impl Machine {
    /// What may be claimed.
    fn claims(&self, s: &World, odd: bool, steps: &mut Vec<Step>) {
        let Some(worker) = s.idle().filter(|_| s.claimable()) else {
            return;
        };
        let Some((_, effect)) = &s.flow.w.outstanding else {
            return;
        };
        let moved = s.base_moved;
        let mut look = |what, looked| steps.push(Step::Look(worker, what, looked));
        match effect {
            Effect::LookUpRefs | Effect::Triage | Effect::Plan | Effect::Narrow => {}
            Effect::LoadContext => steps.push(Step::Run("load-context: loaded")),
            Effect::Draft => steps.push(Step::Run("draft: drafted")),
            Effect::Critique => steps.push(Step::Run("critique: no finding")),
            Effect::SealLedger { .. } => {
                look("seal-ledger: sealed", true);
                if odd {
                    look("seal-ledger: sealed", false);
                }
            }
            Effect::CheckBases => {
                look(
                    if moved {
                        "check-bases: moved, conflict"
                    } else {
                        "check-bases: unmoved"
                    },
                    true,
                );
                if odd {
                    look("check-bases: unmoved", false);
                }
            }
            Effect::RetractBranch { .. } => look("retract-branch: deleted", true),
            Effect::WriteBranch { .. } => steps.push(Step::Claim(worker)),
            // Two local repositories; `merging` is about others.
            Effect::OpenPullRequest { .. }
            | Effect::ReadChecks
            | Effect::ReadMerges
            | Effect::ClosePullRequest { .. } => {}
        }
    }

    /// What a worker may do next.
    fn work(&self, worker: usize, job: &super::world::Job, odd: bool, steps: &mut Vec<Step>) {
        use super::world::Stage;
        match &job.stage {
            Stage::Loaded if self.fault == Fault::SupersededDigestIsWritten => {
                steps.push(Step::Push(worker, Answer::Fine));
            }
            Stage::Loaded => steps.push(Step::Begin(worker)),
            Stage::Begun(_) => steps.push(Step::Ask(worker)),
            Stage::Permitted(_) => {
                steps.push(Step::Push(worker, Answer::Fine));
                if odd {
                    steps.push(Step::Push(worker, Answer::Lost));
                    steps.push(Step::Push(worker, Answer::Down));
                }
            }
            Stage::Ended(..) | Stage::Found(..) | Stage::Gone(_) | Stage::GivenUp => {
                steps.push(Step::Conclude(worker));
            }
        }
        if odd {
            steps.push(Step::Crash(worker));
        }
    }

    /// Time, and what others do to the repositories.
    fn weather(&self, s: &World, odd: bool, steps: &mut Vec<Step>) {
        let ended = s.flow.w.state.is_final() && s.workers.iter().all(Option::is_none);
        if ended {
            return;
        }
        if odd && !s.base_moved {
            steps.push(Step::MoveBase);
        }
        if s.spent.jumps >= self.bounds.jumps {
            return;
        }
        let held = s.workers.iter().flatten().any(|job| s.holds(job));
        let mut wait = |jump| {
            steps.push(Step::Wait(jump, false));
            if held {
                steps.push(Step::Wait(jump, true));
            }
        };
        if s.workers.iter().any(Option::is_some) {
            wait(Jump::Lease);
        }
        if let Some(first) = first_end(s) {
            if near(first) > s.now {
                wait(Jump::Near);
            }
            if first > s.now {
                wait(Jump::Lapse);
            }
        }
    }
}

/// When the first open request or live approval ends.
pub fn first_end(s: &World) -> Option<Timestamp> {
    let requests = s.flow.w.open_requests().filter_map(|r| r.expires_at);
    let approvals = s.flow.w.approvals.iter().map(|a| a.expires_at);
    requests.chain(approvals).filter(|t| *t > s.now).min()
}

/// A minute before it is too near for a write.
pub fn near(end: Timestamp) -> Timestamp {
    Timestamp(end.0 - WRITE_WINDOW_MS - 60_000)
}
