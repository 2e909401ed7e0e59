//! The world around `decide`: a store with its queue and claims, two workers, repositories, and time that jumps.
//!
//! The store's contract is kept as a small model: an input is judged once and in order; an effect is claimed under a
//! growing fence and for a lease; a commit under a lost claim changes nothing. What the engine does between two
//! commits is cut into the moments at which something else may happen.

use super::key::{Flow, Hashing, hash_of};
use super::oracle::{Books, Branch, Breach};
use super::people::Letter;
use countersign_core::id::EffectId;
use countersign_core::permit::{ClaimFacts, PushBranch};
use countersign_core::time::Timestamp;
use countersign_core::workflow::Effect;
use countersign_core::workflow::event::{Attempt, AttemptOutcome};
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How far the model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Crashes, losses, doubles, delays, failures, stale looks, moved bases, acts of people who may not.
    pub odd: u8,
    /// Acts against it: rejections, change requests, withdrawals, cancellations.
    pub against: u8,
    /// Jumps of time.
    pub jumps: u8,
    /// Whether a backup is made once, and put back once.
    pub restores: bool,
    /// Revisions that are followed.
    pub revisions: u32,
    /// Acts that wait in the inbox at once.
    pub inbox: usize,
}

/// What was used up of the bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spent {
    pub odd: u8,
    pub against: u8,
    pub jumps: u8,
}

/// How often an effect is tried before a person is asked; the engine's own number is five.
pub const TRIES_MAX: u8 = 2;
/// A claim's lease and an attempt's deadline, as the engine has them.
pub const LEASE_MS: u64 = 60_000;
pub const ATTEMPT_MS: u64 = 45_000;

/// The queue's row of the outstanding effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: EffectId,
    pub tries: u8,
    /// Under which fence and until when somebody holds it.
    pub held: Option<(u64, Timestamp)>,
}

/// A worker at work.
#[derive(Clone)]
pub struct Job {
    pub id: EffectId,
    pub effect: Effect,
    pub fence: u64,
    pub tries: u8,
    /// What it loaded when it began.
    pub loaded: Arc<Flow>,
    pub stage: Stage,
}

/// How far it is.
#[derive(Clone)]
pub enum Stage {
    /// It has loaded the workflow.
    Loaded,
    /// The attempt is recorded.
    Begun(Attempt),
    /// The gate said yes on these facts.
    Permitted(Arc<Permitted>),
    /// A write has its outcome.
    Ended(u32, AttemptOutcome),
    /// Something else was found out: the name of a canned result, and whether it was really looked at.
    Found(&'static str, bool),
    /// A branch was taken away, or was not there.
    Gone(bool),
    /// Too many tries.
    GivenUp,
}

/// What the gate looked at when it said yes; a permit itself can't be kept, so the gate is asked again on the same.
pub struct Permitted {
    pub flow: Arc<Flow>,
    pub attempt: Attempt,
    pub held: ClaimFacts,
    pub op: PushBranch,
}

/// How a push goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Fine,
    /// It happened and nobody can say so.
    Lost,
    /// Nothing happened.
    Down,
}

/// Where time jumps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// Past the lease.
    Lease,
    /// Just before what ends first is too near for writing.
    Near,
    /// To the moment at which something ends.
    Lapse,
}

/// One moment in which something happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Somebody's act is in the inbox.
    Post(Arc<Letter>),
    /// Somebody's act is delayed on its way.
    Delay(Arc<Letter>),
    /// A delayed one is in the inbox.
    Arrive,
    /// The last one arrives once more.
    Double(Arc<Letter>),
    /// The oldest of the inbox is judged.
    Judge,
    /// What ran out is ended.
    Sweep,
    /// An agent's step, whole.
    Run(&'static str),
    /// A worker claims the outstanding effect and looks; what it found.
    Look(usize, &'static str, bool),
    /// A worker claims the outstanding write and loads the workflow.
    Claim(usize),
    /// It records its attempt.
    Begin(usize),
    /// It reads the branch and asks the gate.
    Ask(usize),
    /// It uses its permit.
    Push(usize, Answer),
    /// It records what it found out.
    Conclude(usize),
    /// It dies; another process takes its place.
    Crash(usize),
    /// Time goes by; leases are renewed or not.
    Wait(Jump, bool),
    /// Somebody commits to a base.
    MoveBase,
    /// A backup is made.
    BackUp,
    /// It is put back and taken up; perhaps somebody has deleted our branches before.
    Restore(bool),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |w: &usize| ["first", "second"][*w];
        match self {
            Step::Post(letter) => write!(f, "{letter}"),
            Step::Delay(letter) => write!(f, "delayed: {letter}"),
            Step::Arrive => write!(f, "the delayed act arrives"),
            Step::Double(letter) => write!(f, "once more: {letter}"),
            Step::Judge => write!(f, "judge"),
            Step::Sweep => write!(f, "sweep"),
            Step::Run(what) => write!(f, "run {what}"),
            Step::Look(w, what, _) => write!(f, "{} looks: {what}", name(w)),
            Step::Claim(w) => write!(f, "{} claims", name(w)),
            Step::Begin(w) => write!(f, "{} begins", name(w)),
            Step::Ask(w) => write!(f, "{} asks the gate", name(w)),
            Step::Push(w, answer) => write!(f, "{} pushes: {answer:?}", name(w)),
            Step::Conclude(w) => write!(f, "{} concludes", name(w)),
            Step::Crash(w) => write!(f, "{} crashes", name(w)),
            Step::Wait(jump, renewed) => {
                write!(f, "wait: {jump:?}{}", if *renewed { ", renewed" } else { "" })
            }
            Step::MoveBase => write!(f, "the base moves"),
            Step::BackUp => write!(f, "a backup is made"),
            Step::Restore(deleted) => {
                write!(
                    f,
                    "the backup is restored{}",
                    if *deleted { ", branches were deleted" } else { "" }
                )
            }
        }
    }
}

/// Everything that is.
#[derive(Clone)]
pub struct World {
    pub flow: Arc<Flow>,
    pub now: Timestamp,
    pub row: Option<Row>,
    pub inbox: Vec<Arc<Letter>>,
    pub delayed: Option<Arc<Letter>>,
    /// The last act that was put into the inbox.
    pub last: Option<Arc<Letter>>,
    pub said: BTreeSet<Arc<Letter>>,
    pub workers: [Option<Job>; 2],
    pub branches: BTreeSet<Branch>,
    pub base_moved: bool,
    /// What a backup would bring back.
    pub backup: Option<Arc<Flow>>,
    pub fences: u64,
    pub spent: Spent,
    pub books: Books,
    pub breaches: BTreeSet<Breach>,
    /// When gate 4 was passed last.
    pub written_from: Timestamp,
}

impl World {
    /// Whether a job's claim is held at this moment.
    pub fn holds(&self, job: &Job) -> bool {
        let same = |row: &&Row| row.id == job.id;
        let held = self.row.as_ref().filter(same).and_then(|row| row.held);
        held.is_some_and(|(fence, until)| fence == job.fence && until > self.now)
    }

    /// Whether that ever happened.
    pub fn broke(&self, breach: Breach) -> bool {
        self.breaches.contains(&breach)
    }

    /// The first worker that has nothing to do.
    pub fn idle(&self) -> Option<usize> {
        self.workers.iter().position(Option::is_none)
    }

    /// Whether the outstanding effect may be claimed.
    pub fn claimable(&self) -> bool {
        let free = |row: &Row| row.held.is_none_or(|(_, until)| until <= self.now);
        self.inbox.is_empty() && self.row.as_ref().is_some_and(free)
    }

    /// What makes two worlds the same for all that can come.
    fn key(&self) -> u64 {
        let row = self
            .row
            .as_ref()
            .map(|r| (r.tries, r.held.map(|(_, until)| until.0)));
        let places = (&self.inbox, &self.delayed, &self.last);
        let letters = |l: &Arc<Letter>| (l.who, l.say, l.again, self.asked(l));
        let said = self.said.iter().filter(|l| self.asked(l).is_some());
        let said: BTreeSet<_> = said.map(letters).collect();
        let on_the_way = (
            places.0.iter().map(letters).collect::<Vec<_>>(),
            places.1.as_ref().map(letters),
            places.2.as_ref().map(letters),
        );
        let branches: Vec<_> = self
            .branches
            .iter()
            .map(|b| (b.repository.number, b.commit.as_str()))
            .collect();
        let mut jobs = Hashing::default();
        for job in &self.workers {
            match job {
                None => jobs.add(&"idle"),
                Some(job) => self.add_job(job, &mut jobs),
            }
        }
        let world = (
            self.flow.alike,
            self.now.0,
            self.base_moved,
            self.backup.as_ref().map(|b| b.alike),
            self.spent,
            &self.breaches,
            row,
        );
        hash_of(&(
            world,
            said,
            on_the_way,
            branches,
            jobs.done(),
            &self.books,
            self.written_from.0,
        ))
    }

    /// Which open request a letter is about: `None` when it is closed by now, and every answer would come too late.
    fn asked(&self, letter: &Letter) -> Option<usize> {
        match &letter.about {
            None => Some(usize::MAX),
            Some((request, _)) => self.flow.w.open_requests().position(|r| r.id == *request),
        }
    }

    fn add_job(&self, job: &Job, all: &mut Hashing) {
        let own = |r: &Row| r.id == job.id && r.held.is_some_and(|(fence, _)| fence == job.fence);
        let own = self.row.as_ref().is_some_and(own);
        // What was loaded counts only until the attempt is recorded, and for looks.
        let loaded = match &job.stage {
            Stage::Loaded | Stage::Found(..) => Some(job.loaded.alike),
            Stage::Begun(_) | Stage::Permitted(_) | Stage::Ended(..) | Stage::Gone(_) | Stage::GivenUp => {
                None
            }
        };
        let commit = job.intent().map(|i| i.commit.as_str());
        all.add(&(job.effect.kind(), commit, own, job.tries, loaded));
        all.add(&job.stage);
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Loaded => write!(f, "loaded"),
            Stage::Begun(attempt) => write!(f, "begun {}", attempt.deadline.0),
            Stage::Permitted(p) => write!(f, "permitted {} {} {}", p.op.commit, p.held.now.0, p.flow.alike),
            Stage::Ended(_, outcome) => write!(f, "ended {outcome:?}"),
            Stage::Found(what, looked) => write!(f, "found {what} {looked}"),
            Stage::Gone(was) => write!(f, "gone {was}"),
            Stage::GivenUp => write!(f, "given up"),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let w = &self.flow.w;
        let jobs: Vec<_> = self
            .workers
            .iter()
            .map(|j| j.as_ref().map(|j| (&j.effect, &j.stage)))
            .collect();
        write!(
            f,
            "{} revision {} {:?}\nbranches {:?}\n{:?}\n{:?}\n{:?}",
            w.state, w.revision, jobs, self.branches, self.breaches, self.books, self.row
        )
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
