//! A whole house in a temporary folder: two repositories, a store, a forge that can be told to misbehave.

use countersign_agent::Agents;
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SeenDigest, SignedAct};
use countersign_core::facts::Facts;
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, RepoRole, RepoSelection};
use countersign_core::id::{BranchName, InputId, MemberId, RepositoryId, TenantId, WorkflowId};
use countersign_core::member::{Member, Role};
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use countersign_core::policy::{Finding, NoAnswer, RuleId, RuleText, Severity};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::{Effect, Event, Submission, Workflow};
use countersign_engine::{Baseline, Observer, OwnRules, Ports, Step, Worker};
use countersign_forge::local::LocalForge;
use countersign_git::GitTrees;
use countersign_inspect::Salt;
use countersign_ledger::{LedgerKey, RootHash, VerifierKey, origin_of, sign_checkpoint};
use countersign_ports::forge::Forge;
use countersign_ports::notice::Outbox;
use countersign_ports::store::{
    CheckpointSigner, Clock, InputStatus, MemberKeys, NewInput, Store, StoreError, TenantStore,
};
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, Trees, TreesError};
use countersign_store::SqliteStore;
use ed25519_dalek::SigningKey;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // Every look takes a millisecond, so that time never stands still.
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

struct Keys;

pub(crate) fn member_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

impl MemberKeys for Keys {
    fn verifying_key(&self, _: &TenantId, _: &MemberId) -> Option<[u8; 32]> {
        Some(member_key().verifying_key().to_bytes())
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

/// An organisation's policy that tests can change.
#[derive(Default)]
pub(crate) struct Organisation(pub(crate) Mutex<Option<Vec<u8>>>);

impl Baseline for Organisation {
    fn read(&self) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// Rules of the tests' own: a line `block NAME PATH` or `warn NAME PATH` finds that; any other one can't be run.
struct PlainRules;

impl OwnRules for PlainRules {
    fn judge(&self, rules: &[RuleText], facts: &Facts) -> Result<Vec<Finding>, NoAnswer> {
        assert_eq!(facts.origin.as_ref().map(|o| o.proposer), Some("scripted"));
        let mut found = Vec::new();
        for file in rules {
            for (number, line) in (1..).zip(file.text.lines()) {
                let words: Vec<&str> = line.split(' ').collect();
                let severity = match words[0] {
                    "block" => Severity::Block,
                    "warn" => Severity::Warn,
                    _ => {
                        return Err(NoAnswer::at(
                            "own-rules-test",
                            &file.path,
                            Some(number),
                            "it is no rule",
                        ));
                    }
                };
                if facts.files.iter().any(|f| f.path == words[2]) {
                    let at = Finding::at(RuleId::Custom, &words[2].into(), "It may not.");
                    let (custom, severity) = (Some(words[1].to_owned()), Some(severity));
                    found.push(Finding {
                        custom,
                        severity,
                        ..at
                    });
                }
            }
        }
        Ok(found)
    }
}

struct Quiet;

impl Observer for Quiet {
    fn recorded(&self, _: &WorkflowId, _: &[Event]) {}
    fn performing(&self, _: &WorkflowId, _: &Effect, _: u32) {}
    fn retrying(&self, _: &WorkflowId, _: &Effect, _: &str) {}
}

/// How the forge behaves at the next pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Fine,
    /// The push happens, its answer is lost.
    AnswerLost,
    /// The push happens, and the look at it afterwards misses it.
    Unseen,
    /// Nothing happens.
    Down,
    /// Nothing happens, and never will.
    Forbids,
    /// Pushes for this repository number fail.
    DownFor(u64),
    /// The process meets an internal error in the middle.
    Panics,
    /// While the objects travel, somebody commits a conflicting change to the base.
    Moves,
}

pub(crate) struct StormyForge {
    inner: LocalForge,
    pub(crate) weather: Mutex<Weather>,
    pub(crate) pushes: AtomicU64,
    pub(crate) deletions: AtomicU64,
}

fn forbidden() -> PublishError {
    PublishError::Failed(TreesError::Unsupported {
        code: "storm-forbids",
        message: "the storm says no".to_owned(),
    })
}

impl Forge for StormyForge {
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        if *self.weather.lock().unwrap() == Weather::Moves {
            *self.weather.lock().unwrap() = Weather::Fine;
            commit(
                repo.git_dir().unwrap().parent().unwrap(),
                "a.txt",
                "something else\n",
            );
        }
        self.inner.stage(first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.pushes.fetch_add(1, Ordering::Relaxed);
        let failed = |code| {
            PublishError::Failed(TreesError::Unavailable {
                code,
                message: "the storm".to_owned(),
            })
        };
        let weather = *self.weather.lock().unwrap();
        match weather {
            Weather::Fine | Weather::Moves | Weather::Unseen => {
                self.inner.push_branch(permit, repo, prepared)
            }
            Weather::AnswerLost => {
                self.inner.push_branch(permit, repo, prepared)?;
                *self.weather.lock().unwrap() = Weather::Fine;
                let source = TreesError::Unavailable {
                    code: "storm",
                    message: "lost".to_owned(),
                };
                Err(PublishError::Unknown {
                    branch: "b".to_owned(),
                    source,
                })
            }
            Weather::Down => Err(failed("storm")),
            Weather::Forbids => Err(forbidden()),
            Weather::DownFor(number) if repo.id.number == number => Err(failed("storm")),
            Weather::DownFor(_) => self.inner.push_branch(permit, repo, prepared),
            Weather::Panics => {
                *self.weather.lock().unwrap() = Weather::Fine;
                panic!("the storm")
            }
        }
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.deletions.fetch_add(1, Ordering::Relaxed);
        if *self.weather.lock().unwrap() == Weather::Forbids {
            return Err(forbidden());
        }
        self.inner.delete_branch(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        let found = self.inner.read_branch(repo, branch)?;
        let mut weather = self.weather.lock().unwrap();
        if *weather == Weather::Unseen && found.is_some() {
            *weather = Weather::Fine;
            return Ok(None);
        }
        Ok(found)
    }
}

pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ports: Ports,
    pub(crate) forge: Arc<StormyForge>,
    pub(crate) organisation: Arc<Organisation>,
    pub(crate) store: Arc<dyn TenantStore>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) worker: Worker,
    pub(crate) repos: Vec<(RepositoryId, PathBuf)>,
    inputs: AtomicU64,
}

/// In the future, so that the permits of this clock are not old for the machine's clock, by which git redeems them.
const START: u64 = 1_900_000_000_000;

pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let out = Command::new("git")
        .args(args)
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
        "git {args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Adds a commit to `main`.
pub(crate) fn commit(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    git(dir, &["add", "."]);
    git(dir, &["commit", "-qm", file]);
}

/// The diff that every script proposes for a repository.
pub(crate) fn diff() -> &'static str {
    "diff --git a/a.txt b/a.txt\\n--- a/a.txt\\n+++ b/a.txt\\n@@ -1 +1 @@\\n-one\\n+two\\n"
}

pub(crate) fn me() -> MemberId {
    MemberId::parse("mb_me").unwrap()
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicU64::new(START)));
        let store = SqliteStore::open(&folder.path().join("c.db"), clock.clone(), Arc::new(Keys))
            .await
            .unwrap();
        let trees: Arc<dyn Trees> = Arc::new(GitTrees::new(folder.path().join("mirrors")));
        let forge = Arc::new(StormyForge {
            inner: LocalForge::new(trees.clone()),
            weather: Mutex::new(Weather::Fine),
            pushes: AtomicU64::new(0),
            deletions: AtomicU64::new(0),
        });
        let organisation = Arc::new(Organisation::default());
        std::fs::create_dir(folder.path().join("scratch")).unwrap();
        let ports = Ports {
            store: store.clone(),
            trees,
            forge: forge.clone(),
            agents: Arc::new(Agents::new(folder.path().join("scratch"))),
            signer: Arc::new(Signer(LedgerKey::from_seed("test", &[3; 32]).unwrap())),
            commit_signer: None,
            member_keys: Arc::new(Keys),
            baseline: organisation.clone(),
            own_rules: Arc::new(PlainRules),
            salt: Salt::new([5; 32]),
            observer: Arc::new(Quiet),
        };
        let tenant = store.tenant(&TenantId::local());
        let outbox = store.outbox(&TenantId::local());
        let member = Member {
            id: me(),
            person: "me".to_owned(),
            name: "me".to_owned(),
            role: Role::Owner,
            active: true,
        };
        tenant.ensure_member(&member).await.unwrap();
        let worker = Worker::start(ports.clone(), "test".to_owned()).await.unwrap();
        let mut house = House {
            folder,
            clock,
            ports,
            forge,
            organisation,
            store: tenant,
            outbox,
            worker,
            repos: vec![],
            inputs: AtomicU64::new(0),
        };
        for name in ["one", "two"] {
            house.add_repository(name).await;
        }
        house
    }

    async fn add_repository(&mut self, name: &str) {
        let dir = self.folder.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        git(&dir, &["init", "-q", "-b", "main"]);
        commit(&dir, "a.txt", "one\n");
        let probe = self.ports.trees.probe(&dir).unwrap();
        let row = self.store.register_repository(&probe.git_dir).await.unwrap();
        self.repos.push((row.id, dir));
    }

    fn next_input(&self) -> InputId {
        InputId::from_parts(START, u128::from(self.inputs.fetch_add(1, Ordering::Relaxed)))
    }

    /// Starts a workflow on both repositories and runs it to its first rest.
    pub(crate) async fn start(&self) -> WorkflowId {
        self.start_with(diff(), diff()).await
    }

    /// The same with other diffs, written as in a JSON text.
    pub(crate) async fn start_with(&self, one: &str, two: &str) -> WorkflowId {
        self.start_from(None, one, two).await
    }

    /// The same from another branch.
    pub(crate) async fn start_from(&self, base: Option<&str>, one: &str, two: &str) -> WorkflowId {
        let id = self.submit_from(base, one, two).await;
        self.run().await;
        id
    }

    /// Puts a workflow on both repositories into the inbox without running the worker.
    pub(crate) async fn submit(&self) -> WorkflowId {
        self.submit_from(None, diff(), diff()).await
    }

    async fn submit_from(&self, base: Option<&str>, one: &str, two: &str) -> WorkflowId {
        let script = format!(r#"{{"coder": [{{"diffs": {{"one": "{one}", "two": "{two}"}}}}]}}"#);
        let script = self.store.put_body(script.as_bytes()).await.unwrap();
        let selection = |(index, (id, dir)): (usize, &(RepositoryId, PathBuf))| RepoSelection {
            id: id.clone(),
            name: dir.file_name().unwrap().to_string_lossy().into_owned(),
            role: if index == 0 {
                RepoRole::Primary
            } else {
                RepoRole::Secondary
            },
            base: base.map(|name| BranchName::parse(name).unwrap()),
        };
        let submission = Submission {
            feedback: Feedback::read(FeedbackOrigin::Issue, b"Make it two").unwrap(),
            repositories: self.repos.iter().enumerate().map(selection).collect(),
            agent: AgentSpec::Scripted { script },
            started_by: me(),
            attendance: Attendance::Attended,
            again: false,
            metadata: std::collections::BTreeMap::new(),
            budget: Some(countersign_core::budget::BudgetAsked::default()),
            signature: None,
        };
        let id = WorkflowId::from_parts(START, u128::from(self.inputs.fetch_add(1, Ordering::Relaxed)));
        let signed = submission.signed(self.store.tenant(), &id, &member_key());
        self.store
            .insert_input(&self.next_input(), &id, &NewInput::Submit(signed))
            .await
            .unwrap();
        id
    }

    /// Works until nothing is left to do now; backoffs are skipped by moving the clock.
    pub(crate) async fn run(&self) {
        for _ in 0..500 {
            if self.worker.run_once(None).await.unwrap() == Step::Worked {
                continue;
            }
            let Some(next) = self.ports.store.next_run_at(None).await.unwrap() else {
                return;
            };
            self.clock.0.fetch_max(next.0, Ordering::Relaxed);
        }
        panic!("it never comes to rest");
    }

    /// Somebody sets the clock.
    pub(crate) fn jump(&self, ms: i64) {
        let before = self.clock.0.load(Ordering::Relaxed);
        self.clock
            .0
            .store(before.saturating_add_signed(ms), Ordering::Relaxed);
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) async fn load(&self, id: &WorkflowId) -> Workflow {
        let records = self.store.events(id).await.unwrap();
        Workflow::replay(TenantId::local(), id.clone(), records.iter().map(|r| &r.event))
    }

    pub(crate) fn sign(&self, id: &WorkflowId, act: Act) -> SignedAct {
        let record = ActRecord {
            tenant: TenantId::local(),
            workflow: id.clone(),
            member: me(),
            authenticated_by: AuthenticatedBy::OsUser,
            attendance: Attendance::Attended,
            at: self.clock.now(),
            act,
        };
        SignedAct::sign(record, &member_key())
    }

    /// Puts an act into the inbox without running the worker.
    pub(crate) async fn post(&self, id: &WorkflowId, act: SignedAct) -> InputId {
        let input = self.next_input();
        self.store
            .insert_input(&input, id, &NewInput::Act(act))
            .await
            .unwrap();
        input
    }

    pub(crate) async fn act(&self, id: &WorkflowId, act: Act) -> InputStatus {
        let input = self.post(id, self.sign(id, act)).await;
        self.run().await;
        self.store.input_status(&input).await.unwrap()
    }

    pub(crate) async fn approvals(&self, id: &WorkflowId) -> Vec<Act> {
        let workflow = self.load(id).await;
        let approve = |r: &countersign_core::workflow::event::Request| match &r.subject {
            Subject::PatchSet { digest, .. } => Some(Act::Approve {
                request: r.id.clone(),
                seen: SeenDigest::PatchSet(*digest),
                acknowledged: vec![],
            }),
            Subject::Plan { .. } | Subject::Question { .. } => None,
        };
        workflow.open_requests().filter_map(approve).collect()
    }

    pub(crate) async fn approve_all(&self, id: &WorkflowId) {
        for act in self.approvals(id).await {
            self.act(id, act).await;
        }
    }

    /// The short answer to the open question.
    pub(crate) async fn retry(&self, id: &WorkflowId) -> InputStatus {
        let workflow = self.load(id).await;
        let open = workflow.open_requests().next().unwrap();
        let Subject::Question { digest, .. } = &open.subject else {
            panic!("it asks nothing")
        };
        let (request, seen) = (open.id.clone(), SeenDigest::Question(*digest));
        self.act(id, Act::Retry { request, seen }).await
    }

    /// Branches of ours in every repository.
    pub(crate) fn branches(&self) -> Vec<Vec<String>> {
        let list = |dir: &PathBuf| {
            git(
                dir,
                &[
                    "for-each-ref",
                    "--format=%(refname:short)",
                    "refs/heads/countersign",
                ],
            )
        };
        self.repos
            .iter()
            .map(|(_, dir)| list(dir).lines().map(str::to_owned).collect())
            .collect()
    }

    pub(crate) fn assert_written_once(&self) {
        for (branches, (_, dir)) in self.branches().iter().zip(&self.repos) {
            assert_eq!(branches.len(), 1, "one branch per repository: {branches:?}");
            assert_eq!(git(dir, &["show", &format!("{}:a.txt", branches[0])]), "two");
        }
    }

    pub(crate) fn assert_nothing_written(&self) {
        assert!(self.branches().iter().all(Vec::is_empty), "{:?}", self.branches());
    }
}
