//! The real engine and the real store on a forge with pull requests and CI, in calm weather but for one thing each.

use countersign_core::act::{Act, SeenDigest};
use countersign_core::budget::BudgetAsked;
use countersign_core::digest::BodyHash;
use countersign_core::forge::{CheckRun, CheckState, PullRequest, PullRequestState, RequiredCheck};
use countersign_core::id::{AccountId, BranchName, CommitSha, WorkflowId};
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, RetractPermit,
};
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::pull_requests::opened;
use countersign_core::workflow::{State, Workflow};
use countersign_engine::{Step, Worker};
use countersign_ports::forge::Forge;
use countersign_ports::hook::{Hook, PointsTo, Received};
use countersign_ports::store::{Claim, Store as _};
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, TreesError};
use countersign_testkit::evidence::take_down;
use countersign_testkit::house::{House, Tenant};
use countersign_testkit::judges::judge;
use countersign_testkit::life::Life;
use countersign_testkit::repositories::{CI_APP, CI_CHECK, Repositories};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// More steps than any of these stories takes.
const STEPS_MAX: u32 = 3_000;

/// The forge, with one thing that goes otherwise.
struct Odd {
    real: Arc<Repositories>,
    /// The next answer to an opening is lost.
    loses: AtomicBool,
    /// How often somebody asked for one to be opened.
    asked: AtomicU64,
    /// How CI stands.
    ci: Mutex<CheckState>,
    /// Under which app.
    app: Mutex<String>,
}

impl Forge for Odd {
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        Forge::stage(self.real.as_ref(), first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.real.push_branch(permit, repo, prepared)
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.real.delete_branch(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        Forge::read_branch(self.real.as_ref(), repo, branch)
    }

    fn account(&self, repo: &RepoSource) -> Result<AccountId, TreesError> {
        self.real.account(repo)
    }

    fn read_pull_requests(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        self.real.read_pull_requests(repo, branch)
    }

    fn open_pull_request(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
    ) -> Result<PullRequest, PublishError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let branch = permit.op().branch.to_string();
        let opened = self.real.open_pull_request(permit, repo)?;
        if self.loses.swap(false, Ordering::Relaxed) {
            let source = TreesError::Unavailable {
                code: "lost",
                message: "the answer was lost".to_owned(),
            };
            return Err(PublishError::Unknown { branch, source });
        }
        Ok(opened)
    }

    fn close_pull_request(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.real.close_pull_request(permit, repo)
    }

    fn read_checks(
        &self,
        _: &RepoSource,
        head: &CommitSha,
        _: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        Ok(vec![CheckRun {
            app_number: None,
            app: self.app.lock().unwrap().clone(),
            name: CI_CHECK.to_owned(),
            head: head.clone(),
            state: *self.ci.lock().unwrap(),
            said: None,
        }])
    }
}

/// A house without storms.
struct Calm {
    house: House,
    forge: Arc<Odd>,
    worker: Worker,
}

impl Calm {
    async fn new() -> Self {
        let house = House::new(1).await.unwrap();
        house.fates.odd.store(false, Ordering::Relaxed);
        let forge = Arc::new(Odd {
            real: house.repositories.clone(),
            loses: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            ci: Mutex::new(CheckState::Success),
            app: Mutex::new(CI_APP.to_owned()),
        });
        let life = Life::begin(house.fates.clone(), None);
        let mut ports = house.ports(&life);
        ports.forge = forge.clone();
        let worker = Worker::start(ports, "calm".to_owned()).await.unwrap();
        Self { house, forge, worker }
    }

    /// The one whose repositories are on a forge with pull requests.
    fn tenant(&self) -> &Tenant {
        &self.house.tenants[1]
    }

    async fn rest(&self) {
        for _ in 0..STEPS_MAX {
            if self.worker.run_once(None).await.unwrap() == Step::Worked {
                continue;
            }
            let Some(next) = self.house.store.next_run_at(None).await.unwrap() else {
                return;
            };
            self.house.fates.clock.pass_to(next);
        }
        panic!("it never comes to rest");
    }

    async fn load(&self, id: &WorkflowId) -> Workflow {
        self.house.load(self.tenant(), id).await.unwrap()
    }

    async fn says(&self, id: &WorkflowId, who: &str, act: Act) {
        let letter = self.house.letter(self.tenant(), id, who, act);
        self.house.fates.arrives(&letter).await.unwrap();
    }

    /// A workflow about which people are asked.
    async fn asked(&self) -> WorkflowId {
        let id = self
            .house
            .start(self.tenant(), BudgetAsked::default())
            .await
            .unwrap();
        self.rest().await;
        assert_eq!(self.load(&id).await.state, State::AwaitingApproval);
        id
    }

    /// Everybody says yes to everything, and the worker goes on to its next rest.
    async fn approved(&self, id: &WorkflowId) -> Workflow {
        self.says_yes(id).await;
        self.rest().await;
        self.load(id).await
    }

    async fn says_yes(&self, id: &WorkflowId) {
        for request in self.load(id).await.open_requests() {
            for who in ["bob", "carol"] {
                let act = Act::Approve {
                    request: request.id.clone(),
                    seen: seen(&request.subject),
                    acknowledged: vec![],
                };
                self.says(id, who, act).await;
            }
        }
    }

    async fn now(&self) -> Timestamp {
        self.house.store.now().await.unwrap()
    }

    /// How long it is until something is to be done, in milliseconds.
    async fn waits_ms(&self) -> u64 {
        let next = self.house.store.next_run_at(None).await.unwrap();
        next.unwrap().0.saturating_sub(self.now().await.0)
    }

    /// CI takes so long that nobody looks for a while.
    async fn waits_long(&self, id: &WorkflowId) {
        for _ in 0..STEPS_MAX {
            if self.worker.run_once(None).await.unwrap() == Step::Worked {
                continue;
            }
            if self.load(id).await.state == State::VerifyingCi && self.waits_ms().await > 20_000 {
                return;
            }
            let next = self.house.store.next_run_at(None).await.unwrap().unwrap();
            self.house.fates.clock.pass_to(next);
        }
        panic!("looks at CI don't get rarer");
    }

    /// The forge tells that something changed in that one's first repository.
    async fn is_told(&self, delivery: &str, w: &Workflow) -> Received {
        let hook = Hook {
            delivery: delivery.to_owned(),
            body: BodyHash::of_bytes(delivery.as_bytes()),
            repository: w.intents[0].repository.clone(),
            points_to: PointsTo::Change,
        };
        let hooks = self.house.store.hooks(self.tenant().store.tenant());
        hooks.receive(&hook).await.unwrap()
    }

    async fn answers(&self, id: &WorkflowId, choice: Choice) -> Workflow {
        let w = self.load(id).await;
        let request = w.open_requests().next().expect("an open request");
        let act = Act::Answer {
            request: request.id.clone(),
            seen: seen(&request.subject),
            choice,
            text: String::new(),
        };
        self.says(id, "bob", act).await;
        self.rest().await;
        self.load(id).await
    }

    /// What the judges say, the offline audit of every exported story among them.
    async fn findings(&self) -> Vec<String> {
        judge(&take_down(&self.house, true).await.unwrap()).0
    }

    fn open_ones(&self) -> usize {
        let all = self.house.repositories.pull_requests();
        all.iter()
            .filter(|(_, p)| p.state == PullRequestState::Open)
            .count()
    }
}

fn seen(subject: &Subject) -> SeenDigest {
    match subject {
        Subject::Plan { digest } => SeenDigest::Plan(*digest),
        Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
        Subject::Question { digest, .. } => SeenDigest::Question(*digest),
    }
}

fn question(w: &Workflow) -> QuestionKind {
    match w.open_requests().next().map(|r| &r.subject) {
        Some(Subject::Question { question, .. }) => question.kind,
        _other => panic!("{}: {}", w.state, w.reason),
    }
}

#[tokio::test]
async fn approved_in_two_repositories_becomes_two_pull_requests_and_is_done_when_ci_is_green() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    assert!(
        calm.house.repositories.branches().is_empty(),
        "nothing is written before anybody approved"
    );
    let w = calm.approved(&id).await;
    assert_eq!(w.state, State::Done, "{}", w.reason);
    assert!(w.intents.iter().all(|i| opened(&w, &i.id).is_some()));
    assert_eq!(
        (calm.open_ones(), calm.forge.asked.load(Ordering::Relaxed)),
        (2, 2)
    );
    assert_eq!(calm.findings().await, Vec::<String>::new());
}

/// INV-7.
#[tokio::test]
async fn a_lost_answer_is_read_back_and_gives_one_pull_request() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    calm.forge.loses.store(true, Ordering::Relaxed);
    assert_eq!(calm.approved(&id).await.state, State::Done);
    assert_eq!(
        (calm.open_ones(), calm.forge.asked.load(Ordering::Relaxed)),
        (2, 2)
    );
    assert_eq!(calm.findings().await, Vec::<String>::new());
}

#[tokio::test]
async fn red_asks_a_human_and_looking_again_can_find_green() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    *calm.forge.ci.lock().unwrap() = CheckState::Cancelled;
    let red = calm.approved(&id).await;
    assert_eq!(question(&red), QuestionKind::CiNotGreen);
    *calm.forge.ci.lock().unwrap() = CheckState::Success;
    assert_eq!(calm.answers(&id, Choice::Retry).await.state, State::Done);
    assert_eq!(calm.findings().await, Vec::<String>::new());
}

/// The agent tries again by itself, and people are asked about what it makes.
#[tokio::test]
async fn a_failed_check_begins_a_fix_round_that_needs_approvals_of_its_own() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    *calm.forge.ci.lock().unwrap() = CheckState::Failure;
    let w = calm.approved(&id).await;
    assert_eq!((w.state, w.revision.0), (State::AwaitingApproval, 2));
    assert_eq!(calm.open_ones(), 0, "nothing of the first revision is in play");
    assert!(calm.house.repositories.branches().is_empty());
    assert_eq!(calm.findings().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_check_of_another_app_is_missing_until_the_deadline_and_cancelling_leaves_nothing_open() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    *calm.forge.app.lock().unwrap() = "somebody-else".to_owned();
    let w = calm.approved(&id).await;
    assert_eq!(question(&w), QuestionKind::CiNotGreen);
    let w = calm.answers(&id, Choice::Cancel).await;
    assert_eq!(w.state, State::Cancelled, "{}", w.reason);
    assert_eq!(calm.open_ones(), 0);
    assert!(calm.house.repositories.branches().is_empty());
    assert_eq!(calm.findings().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_strangers_pull_request_of_our_branch_is_never_adopted() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    let w = calm.load(&id).await;
    let second = &w.patch_sets[1];
    let row = calm
        .tenant()
        .repositories
        .iter()
        .find(|r| r.id == second.repository)
        .unwrap();
    let dir = PathBuf::from(row.place.to_string());
    let (branch, commit) = (&second.manifest.branch, &second.manifest.commit);
    calm.house.repositories.somebody_opens(&dir, branch, commit);
    let w = calm.approved(&id).await;
    assert_eq!(question(&w), QuestionKind::ForeignPullRequest);
    assert_eq!(calm.forge.asked.load(Ordering::Relaxed), 1, "the first one only");
    let w = calm.answers(&id, Choice::Cancel).await;
    assert_eq!(w.state, State::Cancelled);
    let ours = calm.house.repositories.pull_requests();
    let ours = ours
        .iter()
        .filter(|(_, p)| p.author == countersign_testkit::repositories::OURS);
    assert!(ours.into_iter().all(|(_, p)| p.state == PullRequestState::Closed));
}

#[tokio::test]
async fn a_person_who_closes_it_on_the_forge_stops_the_verification() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    *calm.forge.ci.lock().unwrap() = CheckState::Cancelled;
    calm.approved(&id).await;
    let row = &calm.tenant().repositories[0];
    let dir = PathBuf::from(row.place.to_string());
    let (pull, _) = calm.house.repositories.open_ones(&dir).remove(0);
    calm.house.repositories.somebody_closes(&dir, pull.number);
    *calm.forge.ci.lock().unwrap() = CheckState::Success;
    let w = calm.answers(&id, Choice::Retry).await;
    assert_eq!(question(&w), QuestionKind::HeadMoved);
    assert_eq!(calm.answers(&id, Choice::Cancel).await.state, State::Cancelled);
    assert_eq!((calm.open_ones(), calm.findings().await), (0, Vec::new()));
}

/// Looks get rarer while CI takes long.
#[tokio::test]
async fn what_the_forge_tells_brings_the_next_look_forward() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    *calm.forge.ci.lock().unwrap() = CheckState::Pending;
    calm.says_yes(&id).await;
    calm.waits_long(&id).await;
    let w = calm.load(&id).await;
    assert_eq!(calm.is_told("d-1", &w).await, Received::New);
    let soon = calm.waits_ms().await;
    assert!((1..=5_000).contains(&soon), "{soon} ms");
    let later = calm.now().await.plus_ms(soon / 2);
    calm.house.fates.clock.pass_to(later);
    assert_eq!(calm.is_told("d-1", &w).await, Received::Repeated);
    assert_eq!(calm.is_told("d-2", &w).await, Received::New);
    assert!(
        calm.waits_ms().await <= soon - soon / 2,
        "a swarm puts no look off"
    );
    *calm.forge.ci.lock().unwrap() = CheckState::Success;
    let (began, _) = (calm.now().await, calm.rest().await);
    assert_eq!(calm.load(&id).await.state, State::Done);
    assert!(calm.now().await.0 - began.0 <= soon, "one look was enough");
}

/// What was told while somebody looked may be newer than what they see.
#[tokio::test]
async fn what_is_told_during_a_look_brings_one_more() {
    let calm = Calm::new().await;
    let id = calm.asked().await;
    *calm.forge.ci.lock().unwrap() = CheckState::Pending;
    calm.says_yes(&id).await;
    calm.waits_long(&id).await;
    let store = &calm.house.store;
    let due = store.next_run_at(None).await.unwrap().unwrap();
    calm.house.fates.clock.pass_to(due);
    let claimed = store.claim("somebody", None, &BTreeSet::new()).await.unwrap();
    let Some(Claim::Effect(effect)) = claimed else {
        panic!("a look is due");
    };
    let w = calm.load(&id).await;
    assert_eq!(calm.is_told("d-1", &w).await, Received::New);
    let at = calm.now().await.plus_ms(60_000);
    let tenant = &calm.tenant().store;
    tenant.reschedule(&effect, at, "not yet", false).await.unwrap();
    let soon = calm.waits_ms().await;
    assert!(soon <= 5_000, "{soon} ms");
}
