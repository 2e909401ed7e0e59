//! One run of a whole house out of a seed: chaos, rest, judgement, and then on to the end of every workflow.

use crate::evidence::{Evidence, take_down};
use crate::faults::Fault;
use crate::house::{House, HouseError, Tenant, member_id};
use crate::judges::{Findings, judge};
use crate::life::Life;
use crate::people;
use crate::repositories;
use countersign_core::budget::{BudgetAsked, MINUTE_MS};
use countersign_core::id::WorkflowId;
use countersign_core::workflow::State;
use countersign_engine::{EngineError, Step, Worker};
use countersign_ports::store::{Clock as _, Freeze, Store as _};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What each workflow may spend on agents: enough for one way through, and not for every storm.
const BUDGET: BudgetAsked = BudgetAsked {
    agent_calls: Some(7),
    agent_time_ms: Some(60 * MINUTE_MS),
};
/// In how many of 100 houses merges are waited for, and somebody at the forge sees to pull requests.
const MERGES_PERCENT: usize = 60;
/// In how many of 100 moments in which nothing is to be done an owner unfreezes what is frozen.
const UNFREEZES_PERCENT: usize = 10;
/// Moments of chaos in one run.
const MOMENTS: usize = 50;
/// And in the second storm, in which most of what is written is written.
const MOMENTS_LATER: usize = 25;
/// Steps of the worker after which a house that does not come to rest is a finding.
const STEPS_MAX: usize = 2_000;
/// Rounds of people who want to bring everything to its end, before they cancel, and in all.
const PATIENCE: usize = 6;
const ROUNDS_MAX: usize = 20;
/// The longest life of a worker while things may go wrong, in port calls.
const LIFE_MAX: usize = 400;
/// How far time jumps when nobody waits for anything: an hour to ten days.
const HOUR_MS: u64 = 60 * 60 * 1000;

/// What one seed came to.
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Everything that happened, in order; the same for the same seed.
    pub trace: Vec<String>,
    /// What is wrong; nothing, if all is well.
    pub findings: Vec<String>,
    /// How many workflows ended in which state.
    pub ended: BTreeMap<&'static str, usize>,
    /// What is left of it.
    pub evidence: Evidence,
    /// What went wrong on the way, and how often.
    pub faults: BTreeMap<Fault, usize>,
}

/// Runs one seed to its end, on a runtime of its own with one thread.
///
/// # Errors
/// When the house can't be built; not when something is wrong in it.
pub fn simulate(seed: u64) -> Result<Report, HouseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let mut run = runtime.block_on(Run::new(seed))?;
    match catch_unwind(AssertUnwindSafe(|| runtime.block_on(run.all()))) {
        Ok(ran) => ran?,
        Err(panic) => run
            .findings
            .push(format!("a panic: {}", words_of(panic.as_ref()))),
    }
    runtime.block_on(run.report())
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().cloned();
    let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&words| words.to_owned()));
    words.unwrap_or_else(|| "without words".to_owned())
}

struct Run {
    seed: u64,
    house: House,
    life: Arc<Life>,
    worker: Option<Worker>,
    findings: Vec<String>,
}

impl Run {
    async fn new(seed: u64) -> Result<Self, HouseError> {
        let house = House::new(seed).await?;
        Ok(Self {
            seed,
            life: Life::begin(house.fates.clone(), None),
            worker: None,
            house,
            findings: Vec::new(),
        })
    }

    async fn all(&mut self) -> Result<(), HouseError> {
        let two = "version = 1\n[approval]\nlow = 2\n";
        if self.house.fates.random.chance(50) {
            self.house.organisation.set(two);
        }
        if self.house.fates.random.chance(MERGES_PERCENT) {
            self.house.await_merges();
            self.house.fates.merges.store(true, Ordering::Relaxed);
        }
        // One tenant or the other begins, or both.
        let begins = self.house.fates.random.below(3);
        for (place, tenant) in self.house.tenants.iter().enumerate() {
            if begins != place {
                self.house.start(tenant, BUDGET).await?;
            }
        }
        self.storm(MOMENTS).await?;
        // What people ask for then is written and merged in bad weather, too.
        if self.people_end_it(true).await? {
            self.storm(MOMENTS_LATER).await?;
        }
        for round in 0..ROUNDS_MAX {
            if !self.people_end_it(round < PATIENCE).await? {
                break;
            }
            self.rest().await?;
        }
        Ok(())
    }

    /// So many moments in which anything may go wrong, and then rest.
    async fn storm(&mut self, moments: usize) -> Result<(), HouseError> {
        self.house.fates.odd.store(true, Ordering::Relaxed);
        for _ in 0..moments {
            self.moment().await?;
        }
        self.house.fates.odd.store(false, Ordering::Relaxed);
        self.house.fates.note("the storm is over");
        self.life = Life::begin(self.house.fates.clone(), None);
        self.worker = None;
        self.house.fates.deliver_all().await;
        self.rest().await?;
        let found = judge(&take_down(&self.house, false).await?);
        self.keep("at rest", found);
        Ok(())
    }

    fn keep(&mut self, when: &str, found: Findings) {
        self.findings
            .extend(found.0.into_iter().map(|f| format!("{when}: {f}")));
    }

    /// One thing happens.
    async fn moment(&mut self) -> Result<(), HouseError> {
        let house = &self.house;
        let random = &house.fates.random;
        match random.below(100) {
            0 => {
                if let Some(tenant) = random.pick(&house.tenants) {
                    let id = house.start(tenant, BUDGET).await?;
                    house
                        .fates
                        .note(format!("alice starts {id} in {}", tenant.store.tenant()));
                }
            }
            1..30 => self.somebody_acts().await?,
            30..32 => {
                let hours = u64::try_from(random.below(240)).unwrap_or(0) + 1;
                house.fates.count(Fault::TimeJumps);
                house.fates.note(format!("{hours} hours pass"));
                house.fates.clock.pass(hours * HOUR_MS);
            }
            32..34 => {
                if let Some(row) = random
                    .pick(&house.tenants)
                    .and_then(|t| random.pick(&t.repositories))
                {
                    let file = if random.chance(50) {
                        crate::agents::FILE
                    } else {
                        "b.txt"
                    };
                    house.fates.count(Fault::BaseMoves);
                    house
                        .fates
                        .note(format!("somebody commits to {file} of {}", row.place));
                    house.repositories.commit(
                        &repositories::folder(&row.place),
                        &[(file, &format!("at {}", house.fates.clock.now().0))],
                    );
                }
            }
            34 => {
                house.fates.count(Fault::PolicyChanges);
                house
                    .organisation
                    .set("version = 1\n[approval]\nlow = 1\ndays = 6\n");
            }
            35..38 if house.fates.merges.load(Ordering::Relaxed) => self.somebody_at_the_forge(),
            _the_worker => self.work().await?,
        }
        Ok(())
    }

    /// Sees to any open pull request, whether CI has ended or not.
    fn somebody_at_the_forge(&self) {
        let (house, random) = (&self.house, &self.house.fates.random);
        let rows = house.tenants.iter().flat_map(|t| &t.repositories);
        let open = rows.flat_map(|row| {
            let dir = repositories::folder(&row.place);
            let all = house.repositories.open_ones(&dir);
            all.into_iter()
                .map(move |(pull, ended)| (dir.clone(), pull, ended))
        });
        let mut open: Vec<_> = open.collect();
        // Where CI still goes on is rare: somebody who merges early is in a hurry.
        if open.iter().any(|(_, _, ended)| !ended) {
            open.retain(|(_, _, ended)| !ended);
        }
        if let Some((dir, pull, ended)) = random.pick(&open) {
            people::sees_to(&house.repositories, &house.fates, dir, pull, *ended);
        }
    }

    /// An owner unfreezes everything, if anything is frozen.
    async fn somebody_unfreezes(&self) -> Result<(), HouseError> {
        for tenant in &self.house.tenants {
            for (_, frozen) in tenant.store.freezes().await? {
                let end = Freeze {
                    by: Some(member_id("alice")),
                    because: None,
                    reason: "it was looked into".to_owned(),
                    ..frozen
                };
                tenant.store.unfreeze(&end).await?;
                self.house.fates.count(Fault::Unfrozen);
            }
        }
        Ok(())
    }

    async fn somebody_acts(&mut self) -> Result<(), HouseError> {
        let house = &self.house;
        let random = &house.fates.random;
        let Some((tenant, id)) = self.some_workflow() else {
            return Ok(());
        };
        let w = house.load(tenant, &id).await?;
        let Some((who, act)) = people::anything(&w, random) else {
            return Ok(());
        };
        house.fates.note(format!("{who} sends `{}` to {id}", act.verb()));
        let letter = house.letter(tenant, &id, who, act);
        let mut post = house
            .fates
            .post
            .lock()
            .expect("because the post is only pushed and taken");
        if house.fates.strikes(Fault::InputLost) {
            return Ok(());
        }
        if house.fates.strikes(Fault::InputDoubled) {
            post.push(house.copy(&letter, false));
        }
        if house.fates.strikes(Fault::InputRepeated) {
            post.push(house.copy(&letter, true));
        }
        post.push(letter);
        Ok(())
    }

    fn some_workflow(&self) -> Option<(&Tenant, WorkflowId)> {
        let tenant = self.house.fates.random.pick(&self.house.tenants)?;
        let id = self.house.fates.random.pick(&tenant.workflows()).cloned()?;
        Some((tenant, id))
    }

    /// The worker takes one step, or dies in it.
    async fn work(&mut self) -> Result<(), HouseError> {
        match self.step().await {
            Some(Ok(Step::Worked)) => {}
            Some(Ok(Step::Idle)) => {
                if self.house.fates.random.chance(UNFREEZES_PERCENT) {
                    self.somebody_unfreezes().await?;
                }
                if let Some(next) = self.house.store.next_run_at(None).await? {
                    self.house.fates.clock.pass_to(next);
                } else {
                    self.house.fates.deliver_all().await;
                }
            }
            Some(Err(error)) => {
                self.house
                    .fates
                    .note(format!("the worker stops: {}", error.code()));
                self.worker = None;
            }
            None => {
                self.worker = None;
            }
        }
        Ok(())
    }

    /// `None`: it died.
    async fn step(&mut self) -> Option<Result<Step, EngineError>> {
        if self.worker.is_none() {
            let fates = self.house.fates.clone();
            let fuse = fates
                .will(Fault::WorkerDies)
                .then(|| u32::try_from(fates.random.below(LIFE_MAX)).unwrap_or(0) + 1);
            fates.note("a worker begins");
            self.life = Life::begin(fates, fuse);
        }
        let (life, ports) = (self.life.clone(), self.house.ports(&self.life));
        // As the commands do it, or as a process does it that serves many workflows.
        let through = self.house.fates.random.chance(50);
        let worker = &mut self.worker;
        let work = async {
            let worker = match worker {
                Some(worker) => worker,
                None => worker.insert(Worker::start(ports, "sim".to_owned()).await?),
            };
            match through {
                true => worker.run_through().await,
                false => worker.run_once(None).await,
            }
        };
        let done = tokio::select! {
            biased;
            done = work => Some(done),
            () = life.ended.notified() => None,
        };
        done.filter(|_| !self.life.is_over())
    }

    /// Until nobody has anything to do without people.
    async fn rest(&mut self) -> Result<(), HouseError> {
        for _ in 0..STEPS_MAX {
            match self.step().await {
                Some(Ok(Step::Worked)) => continue,
                Some(Ok(Step::Idle)) => {}
                Some(Err(error)) => {
                    self.findings
                        .push(format!("the worker can't go on in calm weather: {error}"));
                    return Ok(());
                }
                None => self.worker = None,
            }
            if self.house.fates.random.chance(UNFREEZES_PERCENT) {
                self.somebody_unfreezes().await?;
            }
            match self.house.store.next_run_at(None).await? {
                Some(next) => self.house.fates.clock.pass_to(next),
                None => return Ok(()),
            }
        }
        self.findings.push("it never comes to rest".to_owned());
        Ok(())
    }

    /// Whether anybody still had to do something.
    async fn people_end_it(&mut self, patience: bool) -> Result<bool, HouseError> {
        let mut acted = false;
        for tenant in &self.house.tenants {
            for id in tenant.workflows() {
                let w = self.house.load(tenant, &id).await?;
                if w.submission.is_none() || w.state.is_final() {
                    continue;
                }
                for (who, act) in people::towards_the_end(&w, patience && w.state != State::Deferred) {
                    acted = true;
                    let letter = self.house.letter(tenant, &id, who, act);
                    self.house.fates.arrives(&letter).await?;
                }
            }
        }
        Ok(acted)
    }

    async fn report(mut self) -> Result<Report, HouseError> {
        let mut ended = BTreeMap::new();
        let evidence = take_down(&self.house, true).await?;
        self.keep("at the end", judge(&evidence));
        let mut findings = self.findings;
        let broken = self.house.fates.broken.lock();
        findings.extend(
            broken
                .expect("because what broke is only pushed and read")
                .clone(),
        );
        for tenant in &self.house.tenants {
            for id in tenant.workflows() {
                let w = self.house.load(tenant, &id).await?;
                *ended.entry(w.state.as_str()).or_default() += 1;
                if w.submission.is_some() && !w.state.is_final() {
                    findings.push(format!(
                        "{id} can't be brought to an end: {} ({})",
                        w.state, w.reason
                    ));
                }
            }
        }
        let faults = self
            .house
            .fates
            .faults
            .lock()
            .expect("because faults are only counted and read")
            .clone();
        let trace = self
            .house
            .fates
            .trace
            .lock()
            .expect("because the trace is only pushed and read")
            .clone();
        Ok(Report {
            seed: self.seed,
            trace,
            findings,
            ended,
            evidence,
            faults,
        })
    }
}
