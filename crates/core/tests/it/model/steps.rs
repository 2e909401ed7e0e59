//! What each step does to the world: the store's transactions and the engine's moves, one at a time.

use super::faults::Fault;
use super::key::covers;
use super::machine::{Machine, Taken, Verdict, first_end, name, near};
use super::oracle::{Branch, Breach, YES_LIVES_MS, Yes};
use super::people::{Letter, Say, is_against};
use super::world::{ATTEMPT_MS, Answer, Job, Jump, LEASE_MS, Permitted, Row, Stage, Step, TRIES_MAX, World};
use crate::canned;
use countersign_core::act::Attendance;
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::{AttemptNumber, BranchName, Fence, Version};
use countersign_core::permit::{ClaimFacts, DeleteBranch, FreshFacts, PushBranch, WriteGate};
use countersign_core::workflow::event::{Attempt, AttemptOutcome, BranchHolds, ResumePoint, WriteIntent};
use countersign_core::workflow::{Effect, EffectResult, Input, State, Workflow};
use std::sync::Arc;

impl Machine {
    /// The world after a step; `None` when nothing changes.
    pub fn take(&self, before: &World, step: Step) -> Option<World> {
        let mut s = before.clone();
        match step {
            Step::Post(letter) => s.post(letter),
            Step::Delay(letter) => {
                s.spent.odd += 1;
                s.say(&letter);
                s.delayed = Some(letter);
            }
            Step::Arrive => {
                let letter = s.delayed.take()?;
                s.inbox.push(letter);
            }
            Step::Double(letter) => {
                s.spent.odd += 1;
                let again = Arc::new(Letter {
                    again: true,
                    ..(*letter).clone()
                });
                s.post(again);
            }
            Step::Judge => self.judge(&mut s),
            Step::Sweep => {
                let swept = self.ask(&s.flow, s.now, name(&[&"sweep"]), |_| Input::TimePassed);
                self.record(&mut s, &swept, false);
            }
            Step::Run(what) => self.run(&mut s, what),
            Step::Look(worker, what, looked) => self.look(&mut s, worker, what, looked)?,
            Step::Claim(worker) => s.claim(worker)?,
            Step::Begin(worker) => self.begin(&mut s, worker)?,
            Step::Ask(worker) => self.ask_gate(&mut s, worker)?,
            Step::Push(worker, answer) => self.push(&mut s, worker, answer)?,
            Step::Conclude(worker) => self.conclude(&mut s, worker)?,
            Step::Crash(worker) => s.crash(worker)?,
            Step::Wait(jump, renewed) => s.wait(jump, renewed)?,
            Step::MoveBase => {
                s.spent.odd += 1;
                s.base_moved = true;
            }
            Step::BackUp => s.backup = Some(s.flow.clone()),
            Step::Restore(deleted) => self.restore(&mut s, deleted)?,
        }
        Some(s)
    }

    /// One transaction: what was decided, and the queue's row of what is outstanding now.
    fn record(&self, s: &mut World, verdict: &Verdict, releases: bool) -> bool {
        let taken = match verdict {
            Verdict::Refused(_) => return false,
            Verdict::Broke => {
                s.breaches.insert(Breach::Broke);
                return false;
            }
            Verdict::Took(taken) => taken,
        };
        s.keep_books(taken);
        if taken.intends {
            s.written_from = s.now;
        }
        let lost = self.fault == Fault::ApprovalUsedUpWithoutEffect && taken.intends;
        let outstanding = s.flow.w.outstanding.as_ref().map(|(id, _)| id.clone());
        s.row = match (s.row.take(), outstanding) {
            (_, None) => None,
            (Some(row), Some(id)) if row.id == id => {
                let held = if releases { None } else { row.held };
                Some(Row { held, ..row })
            }
            (_, Some(_)) if lost => None,
            (_, Some(id)) => Some(Row {
                id,
                tries: 0,
                held: None,
            }),
        };
        true
    }

    /// An older state comes back into the world of now; no yes from before counts any more.
    fn restore(&self, s: &mut World, deleted: bool) -> Option<()> {
        s.flow = s.backup.take()?;
        s.workers = [None, None];
        s.row = None;
        s.inbox.clear();
        (s.delayed, s.last) = (None, None);
        s.said.clear();
        if deleted {
            s.branches.clear();
        }
        s.books.yes.clear();
        s.books.show(&s.flow.w);
        let there = s.branches.clone();
        let verdict = self.ask(&s.flow, s.now, name(&[&"restored", &there]), |w| {
            let mut all = canned::reconciling(w, super::machine::TEAM).into_iter();
            let input = all.next().map(|(_, input)| input);
            let Some(Input::Reconciling {
                epoch,
                mut branches,
                roster,
            }) = input
            else {
                return Input::TimePassed;
            };
            for found in &mut branches {
                let of_this = |b: &&Branch| b.repository == found.repository && b.name == found.branch;
                let ours = w.patch_set(&found.repository);
                found.holds = match (there.iter().find(of_this), ours) {
                    (Some(branch), Some(p)) => BranchHolds::Commit {
                        commit: branch.commit.clone(),
                        tree: p.draft.diff.result_tree.clone(),
                    },
                    (Some(_) | None, _) => BranchHolds::Nothing,
                };
            }
            Input::Reconciling {
                epoch,
                branches,
                roster,
            }
        });
        self.record(s, &verdict, false);
        Some(())
    }

    fn judge(&self, s: &mut World) {
        let letter = s.inbox.remove(0);
        let verdict = self.ask(&s.flow, s.now, name(&[&"act", &letter]), |w| {
            canned::act(
                w,
                super::machine::TEAM,
                letter.who,
                letter.act(),
                Attendance::Attended,
                canned::START,
            )
        });
        let before = s.flow.clone();
        if self.record(s, &verdict, false) {
            s.count(&letter);
        } else if letter.say == Say::Withdraw && s.could_be_withdrawn(&before.w) {
            s.breaches.insert(Breach::WithdrawalIgnored);
        }
    }

    /// An agent's step from claim to commit: nothing that it can say may act.
    fn run(&self, s: &mut World, what: &'static str) {
        if what.starts_with("load-context") {
            s.base_moved = false;
        }
        let before = s.flow.clone();
        let now = s.now;
        let verdict = self.ask(&s.flow, now, name(&[&what]), |w| Machine::result(w, what, now));
        self.record(s, &verdict, true);
        if words_acted(&before.w, &s.flow.w) {
            s.breaches.insert(Breach::WordsActed);
        }
    }

    fn look(&self, s: &mut World, worker: usize, what: &'static str, looked: bool) -> Option<()> {
        if !looked {
            s.spent.odd += 1;
        }
        s.claim(worker)?;
        let mut job = s.workers[worker].take()?;
        if job.stage_is_given_up() {
            s.workers[worker] = Some(job);
            return Some(());
        }
        job.stage = match &job.effect {
            Effect::RetractBranch { intent } => {
                let intent = job.loaded.w.intents.iter().find(|i| i.id == *intent)?.clone();
                Stage::Gone(self.retract(s, &job, &intent)?)
            }
            Effect::LookUpRefs
            | Effect::LoadContext
            | Effect::Triage
            | Effect::Plan
            | Effect::Draft
            | Effect::Narrow
            | Effect::Critique
            | Effect::SealLedger { .. }
            | Effect::CheckBases
            | Effect::OpenPullRequest { .. }
            | Effect::ReadChecks
            | Effect::ReadMerges
            | Effect::ClosePullRequest { .. }
            | Effect::WriteBranch { .. } => Stage::Found(what, looked),
        };
        s.workers[worker] = Some(job);
        Some(())
    }

    /// Deletes our own branch with the gate's leave.
    fn retract(&self, s: &mut World, job: &Job, intent: &WriteIntent) -> Option<bool> {
        let ours = |b: &Branch| b.repository == intent.repository && b.commit == intent.commit;
        if !s.branches.iter().any(ours) {
            return Some(false);
        }
        let (attempt, _) = job.loaded.w.last_attempt(&intent.id)?.clone();
        let op = DeleteBranch {
            repository: intent.repository.clone(),
            branch: intent.branch.clone(),
            commit: intent.commit.clone(),
        };
        let facts = FreshFacts::attest(
            s.flow.w.clone(),
            attempt,
            self.held(s, job),
            super::machine::TEAM.roster(),
        );
        let permit = WriteGate::retract(&facts, op).ok()?;
        permit.redeem(s.now).ok()?;
        s.branches.retain(|b| !ours(b));
        Some(true)
    }

    /// What the store's claim transaction sees.
    fn held(&self, s: &World, job: &Job) -> ClaimFacts {
        let lease_until = s
            .row
            .as_ref()
            .and_then(|r| r.held)
            .map_or(s.now, |(_, until)| until);
        let overtakes = self.fault == Fault::ObjectionIsOvertaken;
        let early = self.fault == Fault::ExpiryBetweenRepositories && !s.branches.is_empty();
        ClaimFacts {
            now: if early { s.written_from } else { s.now },
            fence: Fence(job.fence),
            lease_until,
            undecided_inputs: if overtakes {
                0
            } else {
                u32::try_from(s.inbox.len()).unwrap()
            },
            approvals_authentic: true,
            tenant_active: true,
            baseline_unchanged: true,
            base_stands: !s.base_moved,
            frozen: false,
        }
    }

    fn begin(&self, s: &mut World, worker: usize) -> Option<()> {
        let mut job = s.workers[worker].take()?;
        let intent = job.intent()?.clone();
        if !s.holds(&job) {
            return Some(());
        }
        let earlier = job
            .loaded
            .w
            .attempts
            .iter()
            .filter(|(a, _)| a.intent == intent.id)
            .count();
        let attempt = Attempt {
            intent: intent.id.clone(),
            number: AttemptNumber(u32::try_from(earlier).unwrap() + 1),
            fence: Fence(job.fence),
            commit: intent.commit.clone(),
            expected_old: None,
            deadline: s.now.plus_ms(ATTEMPT_MS),
        };
        let verdict = self.ask(&s.flow, s.now, name(&[&"begin", &job.id, &attempt]), |_| {
            Input::AttemptStarting {
                id: job.id.clone(),
                attempt: attempt.clone(),
            }
        });
        if self.record(s, &verdict, false) {
            job.stage = Stage::Begun(attempt);
            s.workers[worker] = Some(job);
        }
        Some(())
    }

    /// Reads the branch; if there is none, asks the gate with what the store sees now.
    fn ask_gate(&self, s: &mut World, worker: usize) -> Option<()> {
        let mut job = s.workers[worker].take()?;
        let intent = job.intent()?.clone();
        let Stage::Begun(attempt) = job.stage.clone() else {
            return None;
        };
        let number = attempt.number.0;
        if let Some(outcome) = s
            .read_back(&intent)
            .filter(|_| self.fault != Fault::NoIdempotencyKey)
        {
            job.stage = Stage::Ended(number, outcome);
            s.workers[worker] = Some(job);
            return Some(());
        }
        if !s.holds(&job) {
            return Some(());
        }
        let (flow, held, op) = (s.flow.clone(), self.held(s, &job), op_of(&intent));
        let asked = Permitted {
            flow,
            attempt,
            held,
            op,
        };
        job.stage = match self.open(&asked, None) {
            Ok(()) => {
                if s.inbox.iter().any(|l| is_against(l.say)) {
                    s.breaches.insert(Breach::Against);
                }
                Stage::Permitted(Arc::new(asked))
            }
            Err(code) => {
                let (code, detail) = (code.to_owned(), "no".to_owned());
                Stage::Ended(number, AttemptOutcome::Refused { code, detail })
            }
        };
        s.workers[worker] = Some(job);
        Some(())
    }

    fn push(&self, s: &mut World, worker: usize, answer: Answer) -> Option<()> {
        let mut job = s.workers[worker].take()?;
        let intent = job.intent()?.clone();
        let op = match &job.stage {
            Stage::Permitted(p) => {
                let endless = match self.fault {
                    Fault::PermitWithoutEnd => true,
                    Fault::ExpiryBetweenRepositories => !s.branches.is_empty(),
                    Fault::None
                    | Fault::ApprovalsCountAcrossRevisions
                    | Fault::SupersededDigestIsWritten
                    | Fault::RequesterApprovesOwn
                    | Fault::NoIdempotencyKey
                    | Fault::ObjectionIsOvertaken
                    | Fault::ApprovalUsedUpWithoutEffect
                    | Fault::MissingLookIsAPass
                    | Fault::WordsOfAnAgentApprove
                    | Fault::AsksTwice => false,
                };
                let at = if endless { p.held.now } else { s.now };
                self.open(p, Some(at)).ok().map(|()| p.op.clone())
            }
            // Only under a fault: what was loaded is written as it is.
            Stage::Loaded => Some(op_of(&intent)),
            Stage::Begun(_) | Stage::Ended(..) | Stage::Found(..) | Stage::Gone(_) | Stage::GivenUp => None,
        };
        let number = match &job.stage {
            Stage::Permitted(p) => p.attempt.number.0,
            Stage::Loaded
            | Stage::Begun(_)
            | Stage::Ended(..)
            | Stage::Found(..)
            | Stage::Gone(_)
            | Stage::GivenUp => 1,
        };
        let failed = |code: &str| AttemptOutcome::Failed {
            code: code.to_owned(),
            detail: "no".to_owned(),
        };
        let outcome = match (op, answer) {
            (None, _) => failed("permit-expired"),
            (Some(_), Answer::Down) => {
                s.spent.odd += 1;
                failed("down")
            }
            (Some(op), Answer::Fine) => self.write(s, &intent, op),
            (Some(op), Answer::Lost) => {
                s.spent.odd += 1;
                self.write(s, &intent, op);
                AttemptOutcome::Unknown {
                    detail: "the branch can't be read".to_owned(),
                }
            }
        };
        job.stage = Stage::Ended(number, outcome);
        s.workers[worker] = Some(job);
        Some(())
    }

    /// The forge creates the branch, unless there is one of that name.
    fn write(&self, s: &mut World, intent: &WriteIntent, op: PushBranch) -> AttemptOutcome {
        let doubles = self.fault == Fault::NoIdempotencyKey;
        if let Some(there) = s.read_back(intent).filter(|_| !doubles) {
            return there;
        }
        for breach in s.books.judge_write(&op.repository, &op.commit, s.now) {
            s.breaches.insert(breach);
        }
        if s.books.stopped && !s.flow.w.cancelling {
            s.breaches.insert(Breach::Against);
        }
        let name = match doubles {
            false => op.branch,
            true => BranchName::parse(&format!("{}-{}", op.branch, s.fences)).unwrap(),
        };
        s.branches.insert(Branch {
            repository: op.repository,
            name,
            commit: op.commit,
        });
        AttemptOutcome::Written {
            commit: intent.commit.clone(),
            tree: intent.tree.clone(),
            found: false,
        }
    }

    /// Records what a worker found out; under a lost claim nothing happens.
    fn conclude(&self, s: &mut World, worker: usize) -> Option<()> {
        let job = s.workers[worker].take()?;
        if !s.holds(&job) {
            return Some(());
        }
        let looked = matches!(job.stage, Stage::Found(_, true));
        let before = s.flow.clone();
        let input = self.outcome(s, &job)?;
        let sealed = covers(&job.loaded.w, &s.flow.w);
        let tag = name(&[&"conclude", &job.id, &job.number(), &job.stage, &sealed]);
        let verdict = self.ask(&s.flow, s.now, tag, |_| input);
        let gives_up = job.tries >= TRIES_MAX && came_to_nothing(&job.stage);
        if !self.record(s, &verdict, !gives_up) {
            // Out of date: put back, and superseded by whatever made it so.
            s.row.iter_mut().for_each(|row| row.held = None);
            return Some(());
        }
        if !looked && passed_anew(&before.w, &s.flow.w) {
            s.breaches.insert(Breach::EvidenceMissing);
        }
        if gives_up && s.holds(&job) {
            let gave_up = Input::Effect {
                id: job.id.clone(),
                result: gave_up(),
            };
            let verdict = self.ask(&s.flow, s.now, name(&[&"gave up", &job.id]), |_| gave_up);
            self.record(s, &verdict, true);
        }
        Some(())
    }

    /// What a job's stage says to `decide`. Looks were made on what was loaded, which may be old by now.
    fn outcome(&self, s: &World, job: &Job) -> Option<Input> {
        let result = match &job.stage {
            Stage::Loaded | Stage::Begun(_) | Stage::Permitted(_) => return None,
            Stage::Ended(number, outcome) => EffectResult::WriteEnded {
                intent: job.intent()?.id.clone(),
                number: AttemptNumber(*number),
                outcome: outcome.clone(),
            },
            Stage::Gone(deleted) => EffectResult::Retracted {
                intent: job.intent()?.id.clone(),
                deleted: *deleted,
            },
            Stage::GivenUp => gave_up(),
            Stage::Found(what, looked) => {
                let Input::Effect { mut result, .. } = Machine::result(&job.loaded.w, what, s.now) else {
                    return None;
                };
                if let EffectResult::Sealed { checkpoint, .. } = &mut result {
                    checkpoint.covers = covers(&job.loaded.w, &s.flow.w);
                }
                if !looked && self.fault != Fault::MissingLookIsAPass {
                    unseen(&mut result);
                }
                result
            }
        };
        Some(Input::Effect {
            id: job.id.clone(),
            result,
        })
    }
}

/// A look that nobody made: no base was read, and the checkpoint is an old one.
fn unseen(result: &mut EffectResult) {
    if let EffectResult::BasesChecked { standings, .. } = result {
        standings.clear();
    }
    if let EffectResult::Sealed { checkpoint, .. } = result {
        checkpoint.covers = Version(0);
    }
}

fn gave_up() -> EffectResult {
    EffectResult::GaveUp {
        code: "x".to_owned(),
        detail: "every try failed".to_owned(),
    }
}

fn op_of(intent: &WriteIntent) -> PushBranch {
    PushBranch {
        repository: intent.repository.clone(),
        branch: intent.branch.clone(),
        commit: intent.commit.clone(),
        tree: intent.tree.clone(),
        patch_set: intent.patch_set,
        approval: intent.approval,
    }
}

fn came_to_nothing(stage: &Stage) -> bool {
    match stage {
        Stage::Ended(_, outcome) => match outcome {
            AttemptOutcome::Failed { .. }
            | AttemptOutcome::Refused { .. }
            | AttemptOutcome::Unknown { .. } => true,
            AttemptOutcome::Written { .. }
            | AttemptOutcome::Foreign { .. }
            | AttemptOutcome::Opened { .. } => false,
        },
        Stage::Loaded
        | Stage::Begun(_)
        | Stage::Permitted(_)
        | Stage::Found(..)
        | Stage::Gone(_)
        | Stage::GivenUp => false,
    }
}

/// Gate 3 or gate 4 is passed now and was not before.
fn passed_anew(before: &Workflow, after: &Workflow) -> bool {
    let passed = |w: &Workflow, gate| {
        w.gates
            .get(&gate)
            .is_some_and(|g| g.outcome == GateOutcome::Passed)
    };
    [GateId::Approval, GateId::Write]
        .into_iter()
        .any(|gate| passed(after, gate) && !passed(before, gate))
}

/// INV-2: whatever an agent answered, nobody's yes was added, no gate of people was passed, no write was asked for.
fn words_acted(before: &Workflow, after: &Workflow) -> bool {
    let writes = matches!(
        after.outstanding,
        Some((_, Effect::WriteBranch { .. } | Effect::RetractBranch { .. }))
    );
    after.approvals.len() > before.approvals.len()
        || (after.plan_approved && !before.plan_approved)
        || after.intents.len() > before.intents.len()
        || passed_anew(before, after)
        || writes
}

impl Job {
    /// The write that it is about.
    pub fn intent(&self) -> Option<&WriteIntent> {
        let id = match &self.effect {
            Effect::WriteBranch { intent } | Effect::RetractBranch { intent } => intent,
            Effect::LookUpRefs
            | Effect::LoadContext
            | Effect::Triage
            | Effect::Plan
            | Effect::Draft
            | Effect::Narrow
            | Effect::Critique
            | Effect::SealLedger { .. }
            | Effect::CheckBases
            | Effect::OpenPullRequest { .. }
            | Effect::ReadChecks
            | Effect::ReadMerges
            | Effect::ClosePullRequest { .. } => return None,
        };
        self.loaded.w.intents.iter().find(|i| i.id == *id)
    }

    /// Which attempt ended.
    fn number(&self) -> Option<u32> {
        match &self.stage {
            Stage::Ended(number, _) => Some(*number),
            Stage::Loaded
            | Stage::Begun(_)
            | Stage::Permitted(_)
            | Stage::Found(..)
            | Stage::Gone(_)
            | Stage::GivenUp => None,
        }
    }

    fn stage_is_given_up(&self) -> bool {
        matches!(self.stage, Stage::GivenUp)
    }
}

impl World {
    fn say(&mut self, letter: &Arc<Letter>) {
        self.said.insert(letter.clone());
        if is_against(letter.say) && letter.say != Say::Stop {
            self.spent.against += 1;
        }
        if letter.say == Say::Approve && letter.who == "alice" {
            self.spent.odd += 1;
        }
    }

    fn post(&mut self, letter: Arc<Letter>) {
        self.say(&letter);
        self.last = Some(letter.clone());
        self.inbox.push(letter);
    }

    /// The judge's books, from what was accepted.
    fn count(&mut self, letter: &Letter) {
        let books = &mut self.books;
        match letter.say {
            Say::Approve => {
                let (_, seen) = letter.about.as_ref().expect("an approval is about something");
                let until = self.now.plus_ms(YES_LIVES_MS).0;
                books.yes.insert(Yes {
                    who: letter.who,
                    digest: seen.to_hex(),
                    until,
                });
            }
            Say::Change => {
                books.shaped.insert(letter.who);
            }
            Say::Withdraw => books.yes.retain(|y| y.who != letter.who),
            Say::Reject | Say::Cancel | Say::Stop => books.stopped = true,
            Say::AskAgain | Say::Retry => {}
        }
    }

    fn keep_books(&mut self, taken: &Taken) {
        self.flow = taken.flow.clone();
        if taken.voids {
            self.books.yes.clear();
        }
        if taken.revises {
            self.books.head.clear();
        }
        if taken.asks {
            let w = self.flow.clone();
            self.books.show(&w.w);
        }
    }

    /// Whether bob's yes can still lead to a write, and nothing of it is in a repository or under way.
    fn could_be_withdrawn(&self, w: &Workflow) -> bool {
        let live = self
            .books
            .yes
            .iter()
            .any(|y| y.who == "bob" && y.until > self.now.0);
        let open = w.intents.iter().any(|i| w.may_be_written(&i.id));
        // Every other question voids the approvals, whatever the answer is.
        let used = [State::AwaitingApproval, State::Applying].contains(&w.state)
            || (w.state == State::NeedsHuman && w.resume == Some(ResumePoint::Applying));
        live && used && !open && self.branches.is_empty() && !w.cancelling
    }

    fn claim(&mut self, worker: usize) -> Option<()> {
        let (id, effect) = self.flow.w.outstanding.clone()?;
        self.fences += 1;
        let until = self.now.plus_ms(LEASE_MS);
        let row = self.row.as_mut()?;
        row.held = Some((self.fences, until));
        row.tries += 1;
        let stage = if row.tries > TRIES_MAX {
            Stage::GivenUp
        } else {
            Stage::Loaded
        };
        let (fence, tries, loaded) = (self.fences, row.tries, self.flow.clone());
        self.workers[worker] = Some(Job {
            id,
            effect,
            fence,
            tries,
            loaded,
            stage,
        });
        Some(())
    }

    fn read_back(&self, intent: &WriteIntent) -> Option<AttemptOutcome> {
        let there = |b: &&Branch| b.repository == intent.repository && b.name == intent.branch;
        let found = self.branches.iter().find(there)?;
        Some(if found.commit == intent.commit {
            AttemptOutcome::Written {
                commit: intent.commit.clone(),
                tree: intent.tree.clone(),
                found: true,
            }
        } else {
            AttemptOutcome::Foreign {
                commit: Some(found.commit.clone()),
                detail: "not ours".to_owned(),
            }
        })
    }

    /// The process is gone; the one that takes its place ends its claim. The try counts.
    fn crash(&mut self, worker: usize) -> Option<()> {
        let job = self.workers[worker].take()?;
        self.spent.odd += 1;
        let own = |row: &&mut Row| row.id == job.id && row.held.is_some_and(|(fence, _)| fence == job.fence);
        if let Some(row) = self.row.as_mut().filter(own) {
            row.held = None;
        }
        Some(())
    }

    fn wait(&mut self, jump: Jump, renewed: bool) -> Option<()> {
        self.spent.jumps += 1;
        self.now = match jump {
            Jump::Lease => self.now.plus_ms(LEASE_MS + 1_000),
            Jump::Near => near(first_end(self)?),
            Jump::Lapse => first_end(self)?,
        };
        let until = self.now.plus_ms(LEASE_MS);
        if let Some((_, held)) = self
            .row
            .as_mut()
            .and_then(|r| r.held.as_mut())
            .filter(|_| renewed)
        {
            *held = until;
        }
        Some(())
    }
}
