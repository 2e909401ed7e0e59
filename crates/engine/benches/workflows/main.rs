//! How fast workflows go through all of their durable states: `cargo xtask bench workflows --count 2000 --workers 2`
//! prints one JSON object.
//!
//! A scripted agent and an outside that answer at once leave the deciding, the recording and the disk. Beside it, in
//! the same run and on the same disk, stands the obvious alternative: one row per commit, one commit after the other,
//! `synchronous = FULL`. A *transition* is one recorded decision. Under load everything is submitted at once; paced,
//! ten workflows begin every second, and a workflow's time is that from its submission to its end.
#![expect(
    clippy::unwrap_used,
    reason = "a bench reads files and the clock, and stops at anything unexpected"
)]

mod outside;
mod single_commits;

use countersign_agent::Agents;
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SeenDigest, SignedAct};
use countersign_core::facts::Facts;
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, RepoRole, RepoSelection};
use countersign_core::id::{InputId, MemberId, RepositoryId, TenantId, WorkflowId};
use countersign_core::member::{Member, Role};
use countersign_core::policy::{Finding, NoAnswer, RuleText};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Request, Subject};
use countersign_core::workflow::{Effect, Event, State, Submission};
use countersign_engine::bundle::export;
use countersign_engine::own_rules::OwnRules;
use countersign_engine::{Baseline, Observer, Ports, Worker};
use countersign_git::GitTrees;
use countersign_inspect::Salt;
use countersign_ledger::{
    Body, Bundle, Leaf, LedgerKey, RootHash, VerifierKey, commit, origin_of, sign_checkpoint, tree,
};
use countersign_ports::store::{
    CheckpointSigner, Clock, MemberKeys, NewInput, Store, StoreError, TenantStore,
};
use countersign_ports::trees::Trees;
use countersign_store::SqliteStore;
use ed25519_dalek::SigningKey;
use outside::{MemoryForge, Remembered, now};
use single_commits::single_commits;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc, watch};

/// Workflows of the paced part.
const PACED: u64 = 100;
/// Time between two of them.
const PACE: Duration = Duration::from_millis(100);
/// Submissions that wait for the store at a time.
const CLIENTS: usize = 32;
/// How often one story's ledger entries are computed, to time one of them.
const STORIES: usize = 500;

const DIFF: &str = "diff --git a/a.txt b/a.txt\\n--- a/a.txt\\n+++ b/a.txt\\n@@ -1 +1 @@\\n-one\\n+two\\n";

fn main() {
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let before = single_commits(options.count).await;
        let loaded = run(&options, options.count, None).await;
        let paced = run(&options, PACED.min(options.count), Some(PACE)).await;
        let after = single_commits(options.count).await;
        let mut commits: Vec<Duration> = before.iter().chain(&after).copied().collect();
        commits.sort_unstable();
        let loop_rate = rate(commits.len() as u64, commits.iter().sum());
        let report = serde_json::json!({
            "count": options.count,
            "workers": options.workers,
            "single_commits": {
                "per_second": loop_rate,
                "p50_ms": ms(quantile(&commits, 50)),
                "p99_ms": ms(quantile(&commits, 99)),
            },
            "under_load": loaded.json(),
            "paced_10_per_second": paced.json(),
            "transitions_per_second_to_single_commits": loaded.transitions_per_second() / loop_rate,
            "paced_p50_in_single_commits_p50":
                ms(quantile(&paced.times, 50)) / ms(quantile(&commits, 50)),
            "paced_p50_in_single_commits_mean": ms(quantile(&paced.times, 50)) * loop_rate / 1_000.0,
        });
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    });
}

struct Options {
    count: u64,
    workers: u64,
}

impl Options {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let number = |flag: &str, otherwise: u64| {
            let at = words.iter().position(|word| word == flag);
            at.map_or(otherwise, |at| words[at + 1].parse().unwrap())
        };
        Self {
            count: number("--count", 2_000),
            workers: number("--workers", 2),
        }
    }
}

/// What a run of workflows came to.
struct Measured {
    wall: Duration,
    /// What the ledger computes for one workflow: commitments, leaves, hashes.
    ledger: Duration,
    transitions: u64,
    /// From submission to end, sorted.
    times: Vec<Duration>,
}

impl Measured {
    fn transitions_per_second(&self) -> f64 {
        rate(self.transitions, self.wall)
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "workflows": self.times.len(),
            "workflows_per_second": rate(self.times.len() as u64, self.wall),
            "transitions_per_second": self.transitions_per_second(),
            "transitions_per_workflow": self.transitions as f64 / self.times.len() as f64,
            "p50_ms": ms(quantile(&self.times, 50)),
            "p99_ms": ms(quantile(&self.times, 99)),
            "ledger_computes_ms_per_workflow": ms(self.ledger),
            "ledger_computes_share_of_wall":
                self.ledger.as_secs_f64() * self.times.len() as f64 / self.wall.as_secs_f64(),
        })
    }
}

/// Computes a story's commitments, leaves and hashes again and again, and says how long one story takes.
fn ledger_of(bundle: &Bundle) -> Duration {
    let parts: Vec<(Leaf, &countersign_ledger::Salt, &[u8])> = bundle
        .entries
        .iter()
        .map(|entry| match &entry.body {
            Body::Present { salt, bytes } => (Leaf::parse(&entry.leaf).unwrap(), salt, bytes.as_slice()),
            Body::Erased => panic!("nothing was erased"),
        })
        .collect();
    let mut hashes = Vec::new();
    let began = Instant::now();
    for (size, (leaf, salt, body)) in (0..).zip(std::iter::repeat_n(&parts, STORIES).flatten()) {
        assert_eq!(commit(salt, body), leaf.commitment);
        let new = tree::append(size, &leaf.to_bytes().unwrap(), &hashes).unwrap();
        hashes.extend(new);
    }
    began.elapsed() / u32::try_from(STORIES).unwrap()
}

async fn run(options: &Options, count: u64, pace: Option<Duration>) -> Measured {
    let (house, asked) = House::new(count).await;
    let (stop, stopped) = watch::channel(false);
    let first = Worker::start(house.ports.clone(), "bench-1".to_owned())
        .await
        .unwrap();
    let others = (2..=options.workers).map(|n| first.beside(format!("bench-{n}")));
    let mut workers: Vec<Arc<Worker>> = others.map(Arc::new).collect();
    workers.push(Arc::new(first));
    let working: Vec<_> = workers
        .into_iter()
        .map(|worker| tokio::spawn(worker.serve(stopped.clone())))
        .collect();
    let approving = tokio::spawn(approve(house.clone(), asked));

    let began = Instant::now();
    match pace {
        Some(pace) => {
            let mut tick = tokio::time::interval(pace);
            for n in 0..count {
                tick.tick().await;
                house.submit(n).await;
            }
        }
        None => {
            let clients = (0..CLIENTS as u64).map(|client| {
                let house = house.clone();
                tokio::spawn(async move {
                    for n in (client..count).step_by(CLIENTS) {
                        house.submit(n).await;
                    }
                })
            });
            for client in clients.collect::<Vec<_>>() {
                client.await.unwrap();
            }
        }
    }
    house.diary.all_done.notified().await;
    let wall = began.elapsed();
    stop.send(true).unwrap();
    for worker in working {
        worker.await.unwrap().unwrap();
    }
    approving.abort();
    assert_eq!(house.forge.branches() as u64, count, "one branch per workflow");
    let mut times: Vec<Duration> = house.diary.ended.lock().unwrap().values().copied().collect();
    times.sort_unstable();
    let one = house.diary.ended.lock().unwrap().keys().next().unwrap().clone();
    let bundle = export(house.store.as_ref(), &one, house.ports.signer.as_ref(), &[]).await;
    Measured {
        wall,
        ledger: ledger_of(&bundle.unwrap()),
        transitions: house.diary.transitions.load(Ordering::Relaxed),
        times,
    }
}

/// Approves whatever is asked, unattended.
async fn approve(house: Arc<House>, mut asked: mpsc::UnboundedReceiver<(WorkflowId, Request)>) {
    while let Some((workflow, request)) = asked.recv().await {
        let Subject::PatchSet { digest, .. } = &request.subject else {
            panic!("{:?}", request.subject)
        };
        let act = Act::Approve {
            request: request.id.clone(),
            seen: SeenDigest::PatchSet(*digest),
            acknowledged: vec![],
        };
        let record = ActRecord {
            tenant: TenantId::local(),
            workflow: workflow.clone(),
            member: me(),
            authenticated_by: AuthenticatedBy::OsUser,
            attendance: Attendance::Unattended,
            at: now(),
            act,
        };
        let act = NewInput::Act(SignedAct::sign(record, &member_key()));
        let house = house.clone();
        tokio::spawn(async move {
            let input = house.next_input();
            house.store.insert_input(&input, &workflow, &act).await.unwrap();
        });
    }
}

/// When what ended.
struct Diary {
    expected: usize,
    transitions: AtomicU64,
    begun: Mutex<BTreeMap<WorkflowId, Instant>>,
    ended: Mutex<BTreeMap<WorkflowId, Duration>>,
    all_done: Notify,
    asked: mpsc::UnboundedSender<(WorkflowId, Request)>,
}

impl Observer for Diary {
    fn recorded(&self, workflow: &WorkflowId, events: &[Event]) {
        self.transitions.fetch_add(1, Ordering::Relaxed);
        for event in events {
            if let Event::RequestOpened { request, .. } = event {
                self.asked.send((workflow.clone(), request.clone())).unwrap();
            }
            if let Event::WorkflowEnded { state, reason } = event {
                assert_eq!(*state, State::Done, "{reason}");
                let took = self.begun.lock().unwrap()[workflow].elapsed();
                let mut ended = self.ended.lock().unwrap();
                ended.insert(workflow.clone(), took);
                if ended.len() == self.expected {
                    self.all_done.notify_one();
                }
            }
        }
    }

    fn performing(&self, _: &WorkflowId, _: &Effect, _: u32) {}

    fn retrying(&self, workflow: &WorkflowId, effect: &Effect, message: &str) {
        panic!("{workflow} tries {} again: {message}", effect.kind());
    }
}

/// A data folder, a repository, and one member.
struct House {
    _folder: TempDir,
    ports: Ports,
    forge: Arc<MemoryForge>,
    store: Arc<dyn TenantStore>,
    diary: Arc<Diary>,
    repository: RepositoryId,
    script: countersign_core::digest::BodyHash,
    inputs: AtomicU64,
}

impl House {
    async fn new(count: u64) -> (Arc<Self>, mpsc::UnboundedReceiver<(WorkflowId, Request)>) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        repository(&path("one"));
        std::fs::create_dir(path("scratch")).unwrap();
        let store = SqliteStore::open(&path("c.db"), Arc::new(Machine), Arc::new(Machine))
            .await
            .unwrap();
        let trees: Arc<dyn Trees> = Arc::new(Remembered::new(GitTrees::new(path("mirrors"))));
        let forge = Arc::new(MemoryForge::default());
        let (asking, asked) = mpsc::unbounded_channel();
        let diary = Arc::new(Diary {
            expected: usize::try_from(count).unwrap(),
            transitions: AtomicU64::new(0),
            begun: Mutex::default(),
            ended: Mutex::default(),
            all_done: Notify::new(),
            asked: asking,
        });
        let ports = Ports {
            store: store.clone(),
            trees: trees.clone(),
            forge: forge.clone(),
            agents: Arc::new(Agents::new(path("scratch"))),
            signer: Arc::new(Signer(LedgerKey::from_seed("bench", &[3; 32]).unwrap())),
            commit_signer: None,
            member_keys: Arc::new(Machine),
            baseline: Arc::new(Machine),
            own_rules: Arc::new(Machine),
            salt: Salt::new([5; 32]),
            observer: diary.clone(),
        };
        let tenant = store.tenant(&TenantId::local());
        let member = Member {
            id: me(),
            person: "me".to_owned(),
            name: "me".to_owned(),
            role: Role::Owner,
            active: true,
        };
        tenant.ensure_member(&member).await.unwrap();
        let git_dir = trees.probe(&path("one")).unwrap().git_dir;
        let repository = tenant.register_repository(&git_dir).await.unwrap().id;
        let script = format!(r#"{{"coder": [{{"diffs": {{"one": "{DIFF}"}}}}]}}"#);
        let script = tenant.put_body(script.as_bytes()).await.unwrap();
        let house = House {
            _folder: folder,
            ports,
            forge,
            store: tenant,
            diary,
            repository,
            script,
            inputs: AtomicU64::new(0),
        };
        (Arc::new(house), asked)
    }

    fn next_input(&self) -> InputId {
        InputId::from_parts(now().0, u128::from(self.inputs.fetch_add(1, Ordering::Relaxed)))
    }

    async fn submit(&self, n: u64) {
        let text = format!("Make it two, time {n}");
        let submission = Submission {
            feedback: Feedback::read(FeedbackOrigin::Issue, text.as_bytes()).unwrap(),
            repositories: vec![RepoSelection {
                id: self.repository.clone(),
                name: "one".to_owned(),
                role: RepoRole::Primary,
                base: None,
            }],
            agent: AgentSpec::Scripted { script: self.script },
            started_by: me(),
            attendance: Attendance::Unattended,
            again: false,
            metadata: std::collections::BTreeMap::new(),
            budget: Some(countersign_core::budget::BudgetAsked::default()),
            signature: None,
        };
        let id = WorkflowId::from_parts(now().0, u128::from(n));
        let submission = submission.signed(self.store.tenant(), &id, &member_key());
        self.diary
            .begun
            .lock()
            .unwrap()
            .insert(id.clone(), Instant::now());
        self.store
            .insert_input(&self.next_input(), &id, &NewInput::Submit(submission))
            .await
            .unwrap();
    }
}

fn repository(dir: &Path) {
    let git = |words: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@b"])
            .args(words)
            .current_dir(dir)
            .status();
        assert!(done.unwrap().success());
    };
    std::fs::create_dir(dir).unwrap();
    std::fs::write(dir.join("a.txt"), "one\n").unwrap();
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
}

fn me() -> MemberId {
    MemberId::parse("mb_me").unwrap()
}

fn member_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// Clock, keys and policy of this machine.
struct Machine;

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        now()
    }
}

impl MemberKeys for Machine {
    fn verifying_key(&self, _: &TenantId, _: &MemberId) -> Option<[u8; 32]> {
        Some(member_key().verifying_key().to_bytes())
    }
}

impl OwnRules for Machine {
    fn judge(&self, _: &[RuleText], _: &Facts) -> Result<Vec<Finding>, NoAnswer> {
        unreachable!("the repository brings no rules of its own")
    }
}

impl Baseline for Machine {
    fn read(&self) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

struct Signer(LedgerKey);

impl CheckpointSigner for Signer {
    fn sign(&self, tenant: &TenantId, size: u64, root: &RootHash) -> Result<String, StoreError> {
        Ok(sign_checkpoint(&origin_of(tenant.as_str()), size, root, &self.0).unwrap())
    }

    fn verifiers(&self, _: &TenantId) -> Vec<VerifierKey> {
        vec![self.0.verifier()]
    }
}

fn rate(count: u64, wall: Duration) -> f64 {
    count as f64 / wall.as_secs_f64()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
