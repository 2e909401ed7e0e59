//! One worker's life between two crashes: when it dies, which calls fail, and what arrives while it works.
//!
//! Every await of the engine is an await of a port. A life that ends lets no call return any more: the worker hangs
//! where it is, as if the process were gone, and whoever drives it drops it.

use crate::faults::Fault;
use crate::random::Random;
use async_trait::async_trait;
use countersign_core::id::{InputId, TenantId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_engine::intake::{NotTaken, take_in};
use countersign_ports::store::{ClaimedEffect, Clock, NewInput, StoreError, TenantStore};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// At how many of 100 calls something arrives while the worker is at it.
const ARRIVES_PERCENT: usize = 15;

/// A clock that only moves when somebody moves it, but for a millisecond per look.
pub struct VirtualClock(AtomicU64);

impl VirtualClock {
    /// Begins at this moment, in milliseconds since 1970.
    pub fn new(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }

    /// Moves on.
    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }

    /// Moves on to this moment, never back.
    pub fn pass_to(&self, at: Timestamp) {
        self.0.fetch_max(at.0, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// An act on its way to an inbox.
pub struct Letter {
    /// Whose inbox.
    pub store: Arc<dyn TenantStore>,
    /// Under which id; the same id twice is the same input.
    pub id: InputId,
    /// For which workflow.
    pub workflow: WorkflowId,
    /// What it says.
    pub input: NewInput,
}

/// Somebody who stops a life at its calls and lets it go on when it is its turn.
#[async_trait]
pub trait Stops: Send + Sync {
    /// A call is about to be made; returns when it may be.
    async fn at(&self, call: &'static str);
}

/// What all lives of one run share.
pub struct Fates {
    /// Where every chance comes from.
    pub random: Random,
    /// The house's clock.
    pub clock: Arc<VirtualClock>,
    /// Whether anything may go wrong.
    pub odd: AtomicBool,
    /// Whether somebody at the forge sees to pull requests.
    pub merges: AtomicBool,
    /// Acts that have not arrived yet.
    pub post: Mutex<Vec<Letter>>,
    /// What happened, in order.
    pub trace: Mutex<Vec<String>>,
    /// What went wrong, and how often.
    pub faults: Mutex<BTreeMap<Fault, usize>>,
    /// Everything that ever came to an inbox.
    pub arrived: Mutex<Vec<(TenantId, InputId)>>,
    /// Panics that the engine caught.
    pub broken: Mutex<Vec<String>>,
}

impl Fates {
    /// Keeps a line of what happened.
    pub fn note(&self, line: impl Into<String>) {
        let mut trace = self
            .trace
            .lock()
            .expect("because the trace is only pushed and read");
        trace.push(line.into());
    }

    /// Whether something will go wrong; it counts when it does.
    pub fn will(&self, fault: Fault) -> bool {
        self.odd.load(Ordering::Relaxed) && self.random.chance(fault.percent())
    }

    /// Whether something goes wrong here, in calm weather as well.
    pub fn happens(&self, fault: Fault) -> bool {
        let happens = self.random.chance(fault.percent());
        if happens {
            self.count(fault);
        }
        happens
    }

    /// Whether something goes wrong here, where it can.
    pub fn strikes(&self, fault: Fault) -> bool {
        let strikes = self.will(fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Something went wrong.
    pub fn count(&self, fault: Fault) {
        self.note(fault.to_string());
        let mut faults = self
            .faults
            .lock()
            .expect("because faults are only counted and read");
        *faults.entry(fault).or_default() += 1;
    }

    /// A letter comes in by the one door.
    ///
    /// # Errors
    /// When it is refused there.
    pub async fn arrives(&self, letter: &Letter) -> Result<(), NotTaken> {
        let arrived = take_in(letter.store.as_ref(), &letter.id, &letter.workflow, &letter.input).await;
        self.note(match &arrived {
            Ok(()) => format!("{} arrives", letter.id),
            Err(refused) => format!("{} is not taken in: {}", letter.id, refused.code()),
        });
        if arrived.is_ok() {
            let mut all = self
                .arrived
                .lock()
                .expect("because arrivals are only pushed and read");
            all.push((letter.store.tenant().clone(), letter.id.clone()));
        }
        arrived
    }

    /// Puts a letter into its inbox, in any order.
    async fn deliver(&self) {
        let letter = {
            let mut post = self
                .post
                .lock()
                .expect("because the post is only pushed and taken");
            match post.len() {
                0 => None,
                waiting => {
                    let place = self.random.below(waiting);
                    Some((place, post.remove(place)))
                }
            }
        };
        if let Some((place, letter)) = letter {
            if place > 0 {
                self.count(Fault::InputReordered);
            }
            // What is refused at the door changes nothing; the trace says so.
            let _refused = self.arrives(&letter).await;
        }
    }

    /// Puts everything into the inboxes.
    pub async fn deliver_all(&self) {
        loop {
            let waiting = self
                .post
                .lock()
                .expect("because the post is only pushed and taken")
                .len();
            if waiting == 0 {
                return;
            }
            self.deliver().await;
        }
    }
}

/// One life.
pub struct Life {
    /// What it shares with the others.
    pub fates: Arc<Fates>,
    /// Port calls until it ends; none: it does not end by itself.
    fuse: Mutex<Option<u32>>,
    dead: AtomicBool,
    /// Is told when it ends.
    pub ended: Notify,
    /// What it claimed last.
    pub claimed: Mutex<Option<ClaimedEffect>>,
    stops: Option<Arc<dyn Stops>>,
}

impl Life {
    /// Begins a life that ends after so many port calls.
    pub fn begin(fates: Arc<Fates>, fuse: Option<u32>) -> Arc<Self> {
        Self::with(fates, fuse, None)
    }

    /// Begins a life that somebody stops at its calls.
    pub fn stopped(fates: Arc<Fates>, stops: Arc<dyn Stops>) -> Arc<Self> {
        Self::with(fates, None, Some(stops))
    }

    fn with(fates: Arc<Fates>, fuse: Option<u32>, stops: Option<Arc<dyn Stops>>) -> Arc<Self> {
        Arc::new(Self {
            fates,
            stops,
            fuse: Mutex::new(fuse),
            dead: AtomicBool::new(false),
            ended: Notify::new(),
            claimed: Mutex::new(None),
        })
    }

    /// Whether it ended.
    pub fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Burns a piece of the fuse; whether that was the last one.
    pub fn burn(&self) -> bool {
        let mut fuse = self.fuse.lock().expect("because the fuse is only counted");
        let over = match fuse.as_mut() {
            None => false,
            Some(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
        };
        if over {
            *fuse = None;
            self.dead.store(true, Ordering::Relaxed);
            self.fates.count(Fault::WorkerDies);
        }
        over || self.is_over()
    }

    /// Before a call of the store: letters arrive, the life may end, the call may fail.
    ///
    /// # Errors
    /// When the store is told to fail.
    pub async fn before(&self, call: &'static str) -> Result<(), StoreError> {
        if self.is_over() || self.burn() {
            self.hang(call).await;
        }
        if let Some(stops) = &self.stops {
            stops.at(call).await;
        }
        if self.fates.odd.load(Ordering::Relaxed) && self.fates.random.chance(ARRIVES_PERCENT) {
            self.fates.deliver().await;
        }
        if self.fates.strikes(Fault::StoreDown) {
            self.fates.note(format!("at {call}"));
            return Err(storm());
        }
        Ok(())
    }

    /// After a call: it is done, and the life may end before anybody hears of it.
    ///
    /// # Errors
    /// When the answer is lost.
    pub async fn after(&self, call: &'static str) -> Result<(), StoreError> {
        if self.is_over() || self.burn() {
            self.hang(call).await;
        }
        if call == "commit" && self.fates.strikes(Fault::CommitAnswerLost) {
            return Err(storm());
        }
        Ok(())
    }

    /// Nothing goes on from here. Only now is it told: whatever ran off the async threads is done by then.
    pub async fn hang(&self, call: &'static str) {
        self.fates.note(format!("nothing goes on from {call}"));
        self.ended.notify_one();
        pending::<()>().await;
    }
}

fn storm() -> StoreError {
    StoreError::Unavailable {
        code: "storm",
        message: "the store does not answer".to_owned(),
        source: None,
    }
}
