//! Plays a written way, step by step, on real SQLite and real git: two workers of the real engine that are stopped at
//! the moments at which the model check lets something else happen.
//!
//! A step that the product does not offer is not taken; what became of each step is said.

use async_trait::async_trait;
use countersign_core::act::{Act, SeenDigest};
use countersign_core::budget::BudgetAsked;
use countersign_core::id::{BranchName, InputId, WorkflowId};
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use countersign_core::question::Choice;
use countersign_core::workflow::Workflow;
use countersign_core::workflow::event::{Request, Subject};
use countersign_engine::{Ports, Step, Worker};
use countersign_forge::local::LocalForge;
use countersign_git::GitTrees;
use countersign_ports::forge::Forge;
use countersign_ports::store::{Clock as _, InputStatus, LEASE_MS, Store as _};
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, Trees, TreesError};
use countersign_testkit::house::{House, Tenant};
use countersign_testkit::life::{Letter, Life, Stops, VirtualClock};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// A worker that does not get to its next stop in this time is stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// Before approvals end, when it is just not too near for a write.
const NEAR_MS: u64 = 11 * 60 * 1000;

/// Where a worker stands, and its leave to go on.
struct Gatekeeper {
    at: watch::Sender<Option<&'static str>>,
    go: Semaphore,
    open: AtomicBool,
}

impl Gatekeeper {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            at: watch::Sender::new(None),
            go: Semaphore::new(0),
            open: AtomicBool::new(false),
        })
    }

    async fn stop(&self, point: &'static str) {
        if self.open.load(Ordering::Relaxed) {
            return;
        }
        self.at.send_replace(Some(point));
        self.go.acquire().await.unwrap().forget();
        self.at.send_replace(None);
    }

    /// Whatever stops here goes on, now and later.
    fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
        self.go.add_permits(1);
    }
}

#[async_trait]
impl Stops for Gatekeeper {
    async fn at(&self, call: &'static str) {
        if call == "begin" || call == "conclude" {
            self.stop(call).await;
        }
    }
}

/// The local forge, stopped before it reads and before it writes.
struct StoppedForge {
    inner: LocalForge,
    keeper: Arc<Gatekeeper>,
    clock: Arc<VirtualClock>,
    /// Time jumped: git would read that off the machine's clock, which can't jump here.
    jumped: Arc<AtomicBool>,
    /// The branch is read several times in an attempt; only the first stops.
    read: AtomicBool,
}

impl Forge for StoppedForge {
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.inner.stage(first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.jumped.store(false, Ordering::Relaxed);
        tokio::runtime::Handle::current().block_on(self.keeper.stop("push"));
        if !self.jumped.load(Ordering::Relaxed) {
            return self.inner.push_branch(permit, repo, prepared);
        }
        let message = match permit.redeem(self.clock.now()) {
            Err(expired) => expired.to_string(),
            Ok(_) => panic!("a permit outlived a jump of time"),
        };
        Err(PublishError::Failed(TreesError::Unavailable {
            code: "permit-expired",
            message,
        }))
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.inner.delete_branch(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        if !self.read.swap(true, Ordering::Relaxed) {
            tokio::runtime::Handle::current().block_on(self.keeper.stop("read"));
        }
        self.inner.read_branch(repo, branch)
    }
}

/// One of the two workers.
struct Hand {
    keeper: Arc<Gatekeeper>,
    forge: Arc<StoppedForge>,
    worker: Arc<Worker>,
    task: Option<JoinHandle<Step>>,
}

/// The stage.
pub(crate) struct Director {
    _folder: TempDir,
    house: House,
    dirs: Vec<PathBuf>,
    tenant: Tenant,
    workflow: WorkflowId,
    hands: Vec<Hand>,
    /// Judges and runs agents; nothing stops it.
    judge: Worker,
    trees: Arc<dyn Trees>,
    jumped: Arc<AtomicBool>,
    delayed: Option<Letter>,
    last: Option<Letter>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Became {
    /// It happened.
    Done,
    /// The product said no, with this code.
    Refused(String),
    /// The product gives no occasion for it.
    NotOffered,
}

fn git(dir: &Path, words: &[&str]) -> String {
    let out = Command::new("git")
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@b")])
        .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@b")])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "git {words:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

impl Director {
    /// Two people are needed; alice has started a workflow on two repositories, and bob and carol are asked.
    pub(crate) async fn new() -> Self {
        let mut house = House::new(1).await.unwrap();
        house.fates.odd.store(false, Ordering::Relaxed);
        house.organisation.set("version = 1\n[approval]\nlow = 2\n");
        let folder = tempfile::tempdir().unwrap();
        let trees: Arc<dyn Trees> = Arc::new(GitTrees::new(folder.path().join("mirrors")));
        let mut tenant = house.tenants.remove(0);
        tenant.repositories.clear();
        let mut dirs = Vec::new();
        for name in ["first", "second"] {
            let dir = folder.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            git(&dir, &["init", "-q", "-b", "main"]);
            std::fs::write(dir.join("a.txt"), "one\n").unwrap();
            git(&dir, &["add", "."]);
            git(&dir, &["commit", "-qm", "one"]);
            let probe = trees.probe(&dir).unwrap();
            tenant
                .repositories
                .push(tenant.store.register_repository(&probe.git_dir).await.unwrap());
            dirs.push(dir);
        }
        let jumped = Arc::new(AtomicBool::new(false));
        let mut hands = Vec::new();
        for _ in 0..2 {
            hands.push(Hand::new(&house, &trees, &jumped).await);
        }
        let open = Gatekeeper::new();
        open.open();
        let judge = worker(&house, &trees, &open, &jumped).await.0;
        let workflow = start(&house, &tenant).await;
        let director = Self {
            _folder: folder,
            house,
            dirs,
            tenant,
            workflow,
            hands,
            judge,
            trees,
            jumped,
            delayed: None,
            last: None,
        };
        director.run_free().await;
        director
    }

    /// The workflow as it is.
    pub(crate) async fn load(&self) -> Workflow {
        self.house.load(&self.tenant, &self.workflow).await.unwrap()
    }

    /// Branches of ours in both repositories.
    pub(crate) fn branches(&self) -> Vec<usize> {
        let list = |dir: &PathBuf| {
            let found = git(
                dir,
                &["for-each-ref", "--format=%(refname)", "refs/heads/countersign"],
            );
            found.lines().count()
        };
        self.dirs.iter().map(list).collect()
    }

    /// Everything that can be done without people is done; nobody is stopped any more.
    pub(crate) async fn run_free(&self) {
        for _ in 0..500 {
            if self.judge.run_once(None).await.unwrap() == Step::Worked {
                continue;
            }
            let Some(next) = self.house.store.next_run_at(None).await.unwrap() else {
                return;
            };
            self.house.fates.clock.pass_to(next);
        }
        panic!("it never comes to rest");
    }

    /// Lets every worker go on to its end.
    pub(crate) async fn let_go(&mut self) {
        for hand in &mut self.hands {
            hand.keeper.open();
            if let Some(task) = hand.task.take() {
                tokio::time::timeout(PATIENCE, task)
                    .await
                    .expect("it comes to an end")
                    .unwrap();
            }
        }
        self.run_free().await;
    }

    /// Takes one step of a way.
    pub(crate) async fn take(&mut self, step: &str) -> Became {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words[..] {
            ["judge"] => self.judge_next().await,
            ["run", ..] => match self.judge.run_once(None).await.unwrap() {
                Step::Worked => Became::Done,
                Step::Idle => Became::NotOffered,
            },
            ["delayed:", who, verb, place] => match self.letter(who, verb, place).await {
                Some(letter) => {
                    self.delayed = Some(letter);
                    Became::Done
                }
                None => Became::NotOffered,
            },
            ["the", "delayed", "act", "arrives"] => {
                let letter = self.delayed.take();
                self.post(letter).await
            }
            ["wait:", jump] => self.wait(jump.trim_end_matches(','), false).await,
            ["wait:", jump, "renewed"] => self.wait(jump.trim_end_matches(','), true).await,
            ["first", ..] => self.work(0, &words[1..]).await,
            ["second", ..] => self.work(1, &words[1..]).await,
            [who, verb] => self.say(who, verb, "").await,
            [who, verb, place] => self.say(who, verb, place).await,
            _ => panic!("the step `{step}` is not understood"),
        }
    }

    async fn say(&mut self, who: &str, verb: &str, place: &str) -> Became {
        let letter = self.letter(who, verb, place).await;
        self.post(letter).await
    }

    async fn post(&mut self, letter: Option<Letter>) -> Became {
        let Some(letter) = letter else {
            return Became::NotOffered;
        };
        self.house.fates.arrives(&letter).await.unwrap();
        self.last = Some(letter);
        Became::Done
    }

    async fn judge_next(&mut self) -> Became {
        let Some(letter) = self.last.take() else {
            return Became::NotOffered;
        };
        assert_eq!(self.judge.run_once(None).await.unwrap(), Step::Worked);
        self.became(&letter.id).await
    }

    async fn became(&self, id: &InputId) -> Became {
        match self.tenant.store.input_status(id).await.unwrap() {
            InputStatus::Accepted => Became::Done,
            InputStatus::Refused { code, .. } | InputStatus::Held { code, .. } => Became::Refused(code),
            InputStatus::Pending => Became::NotOffered,
        }
    }

    async fn letter(&self, who: &str, verb: &str, place: &str) -> Option<Letter> {
        let w = self.load().await;
        let number = place.strip_prefix("repo").and_then(|n| n.parse::<usize>().ok());
        let about = |r: &&Request| match &r.subject {
            Subject::PatchSet { repository, .. } => {
                number.is_some_and(|n| self.tenant.repositories[n - 1].id == *repository)
            }
            Subject::Question { .. } => place == "question",
            Subject::Plan { .. } => place == "plan",
        };
        let request = w.open_requests().find(about);
        let asked = || request.map(|r| (r.id.clone(), seen(&r.subject)));
        let reason = "because".to_owned();
        let act = match verb {
            "withdraw" => Act::Withdraw { reason },
            "cancel" => Act::Cancel { reason },
            "approve" => asked().map(|(request, seen)| Act::Approve {
                request,
                seen,
                acknowledged: vec![],
            })?,
            "reject" => asked().map(|(request, seen)| Act::Reject {
                request,
                seen,
                reason,
            })?,
            "request-changes" => {
                let comment = reason;
                asked().map(|(request, seen)| Act::RequestChanges {
                    request,
                    seen,
                    comment,
                    comments: Vec::new(),
                })?
            }
            other => {
                let choice = match other {
                    "ask-again" => Choice::AskAgain,
                    "retry" => Choice::Retry,
                    "stop" => Choice::Cancel,
                    _ => panic!("nobody can `{other}`"),
                };
                asked().map(|(request, seen)| Act::Answer {
                    request,
                    seen,
                    choice,
                    text: String::new(),
                })?
            }
        };
        Some(self.house.letter(&self.tenant, &self.workflow, who, act))
    }

    async fn wait(&mut self, jump: &str, renewed: bool) -> Became {
        assert!(!renewed, "no kept way renews a lease");
        let w = self.load().await;
        let requests = w.open_requests().filter_map(|r| r.expires_at);
        let now = self.house.fates.clock.now();
        let ends = requests.chain(w.approvals.iter().map(|a| a.expires_at));
        let first = ends.filter(|t| *t > now).min();
        match (jump, first) {
            ("Lease", _) => self.house.fates.clock.pass(LEASE_MS + 1_000),
            ("Near", Some(end)) => self.house.fates.clock.pass(end.0 - NEAR_MS - now.0),
            // A millisecond goes by with every look: past what ends last of those that end together.
            ("Lapse", Some(end)) => self.house.fates.clock.pass(end.0 - now.0 + 60_000),
            (_, None) => return Became::NotOffered,
            (other, _) => panic!("time can't jump to {other}"),
        }
        self.jumped.store(true, Ordering::Relaxed);
        Became::Done
    }

    async fn work(&mut self, index: usize, words: &[&str]) -> Became {
        let what = words.join(" ");
        if what == "crashes" {
            if let Some(task) = self.hands[index].task.take() {
                task.abort();
            }
            self.hands[index].keeper.open();
            self.hands[index] = Hand::new(&self.house, &self.trees, &self.jumped).await;
            return Became::Done;
        }
        let hand = &mut self.hands[index];
        let until: &[&'static str] = match words[0] {
            "looks:" | "pushes:" => &["conclude"],
            "claims" => &["begin"],
            "begins" => &["read"],
            "asks" => &["push", "conclude"],
            "concludes" => &[],
            _ => panic!("a worker can't `{what}`"),
        };
        let from: &[&'static str] = match words[0] {
            "looks:" | "claims" => return hand.begin(until).await,
            "begins" => &["begin"],
            "asks" => &["read"],
            // Under a seeded fault a worker pushes what it loaded; the product can only go on.
            "pushes:" => &["push", "begin"],
            "concludes" => &["conclude"],
            _ => &[],
        };
        hand.go_on(from, until).await
    }
}

impl Hand {
    async fn new(house: &House, trees: &Arc<dyn Trees>, jumped: &Arc<AtomicBool>) -> Self {
        let keeper = Gatekeeper::new();
        let (worker, forge) = worker(house, trees, &keeper, jumped).await;
        Self {
            keeper,
            forge,
            worker: Arc::new(worker),
            task: None,
        }
    }

    /// Begins a step of the engine's loop.
    async fn begin(&mut self, until: &[&'static str]) -> Became {
        if self.task.is_some() {
            return Became::NotOffered;
        }
        self.forge.read.store(false, Ordering::Relaxed);
        let worker = self.worker.clone();
        self.task = Some(tokio::spawn(async move { worker.run_once(None).await.unwrap() }));
        self.reach(until).await
    }

    async fn go_on(&mut self, from: &[&'static str], until: &[&'static str]) -> Became {
        let at = *self.keeper.at.borrow();
        if self.task.is_none() || !at.is_some_and(|at| from.contains(&at)) {
            return Became::NotOffered;
        }
        self.keeper.at.send_replace(None);
        self.keeper.go.add_permits(1);
        self.reach(until).await
    }

    /// Until it stops at one of these, or comes to its end.
    async fn reach(&mut self, until: &[&'static str]) -> Became {
        let task = self.task.as_mut().unwrap();
        let mut at = self.keeper.at.subscribe();
        let stopped = async { at.wait_for(|at| at.is_some()).await.unwrap().unwrap() };
        let reached = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                biased;
                ended = task => Err(ended.unwrap()),
                at = stopped => Ok(at),
            }
        });
        match reached.await.expect("a worker is stuck") {
            Ok(at) if until.contains(&at) => Became::Done,
            Ok(_elsewhere) => Became::NotOffered,
            Err(step) => {
                self.task = None;
                let meant = until.is_empty() && step == Step::Worked;
                if meant { Became::Done } else { Became::NotOffered }
            }
        }
    }
}

async fn worker(
    house: &House,
    trees: &Arc<dyn Trees>,
    keeper: &Arc<Gatekeeper>,
    jumped: &Arc<AtomicBool>,
) -> (Worker, Arc<StoppedForge>) {
    let life = Life::stopped(house.fates.clone(), keeper.clone());
    let forge = Arc::new(StoppedForge {
        inner: LocalForge::new(trees.clone()),
        keeper: keeper.clone(),
        clock: house.fates.clock.clone(),
        jumped: jumped.clone(),
        read: AtomicBool::new(false),
    });
    let ports = Ports {
        trees: trees.clone(),
        forge: forge.clone(),
        ..house.ports(&life)
    };
    (Worker::start(ports, "played".to_owned()).await.unwrap(), forge)
}

async fn start(house: &House, tenant: &Tenant) -> WorkflowId {
    house.start(tenant, BudgetAsked::default()).await.unwrap()
}

fn seen(subject: &Subject) -> SeenDigest {
    match subject {
        Subject::Plan { digest } => SeenDigest::Plan(*digest),
        Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
        Subject::Question { digest, .. } => SeenDigest::Question(*digest),
    }
}
