//! A store in a folder of its own, with a clock that stands until it is moved, and decisions to record.

use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, MemberKey, SignedAct};
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, RepoRole, RepoSelection};
use countersign_core::id::{
    BranchName, CommitSha, EffectId, InputId, MemberId, RepositoryId, TenantId, Version, WorkflowId,
};
use countersign_core::member::{Member, Role, Roster};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::RepoLookup;
use countersign_core::workflow::{Decision, EffectResult, Event, Input, Submission, Workflow, decide, start};
use countersign_ledger::{LedgerKey, RootHash, VerifierKey, origin_of, sign_checkpoint};
use countersign_ports::store::{
    CheckpointSigner, Claim, ClaimedEffect, Clock, Commit, MemberKeys, Settles, Store as _, StoreError,
    TenantStore,
};
use countersign_store::SqliteStore;
use ed25519_dalek::SigningKey;
use sea_orm::ConnectionTrait as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// When every test begins: 2026-11-20T21:00:00Z.
pub(crate) const START: u64 = 1_795_208_400_000;

/// Moves only when told.
#[derive(Debug, Default)]
pub(crate) struct StandingClock(AtomicU64);

impl StandingClock {
    pub(crate) fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    pub(crate) fn forward(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn back(&self, ms: u64) {
        self.0.fetch_sub(ms, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Knows the key of `mb_ada` and nobody else's.
struct OneKey;

impl MemberKeys for OneKey {
    fn verifying_key(&self, _tenant: &TenantId, member: &MemberId) -> Option<[u8; 32]> {
        (*member == ada().id).then(|| ada_key().verifying_key().to_bytes())
    }
}

pub(crate) fn ada_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn ada() -> Member {
    Member {
        id: MemberId::parse("mb_ada").unwrap(),
        person: "ada".to_owned(),
        name: "Ada".to_owned(),
        role: Role::Owner,
        active: true,
    }
}

pub(crate) fn roster() -> Roster {
    let key = MemberKey::from_bytes(ada_key().verifying_key().to_bytes());
    Roster {
        members: vec![ada()],
        keys: BTreeMap::from([(ada().id, key)]),
    }
}

/// Signs with the ledger key of that seed.
pub(crate) struct Seal(pub(crate) u8);

impl Seal {
    fn key(&self, tenant: &TenantId) -> LedgerKey {
        LedgerKey::from_seed(&origin_of(tenant.as_str()), &[self.0; 32]).unwrap()
    }
}

impl CheckpointSigner for Seal {
    fn sign(&self, tenant: &TenantId, size: u64, root: &RootHash) -> Result<String, StoreError> {
        Ok(sign_checkpoint(&origin_of(tenant.as_str()), size, root, &self.key(tenant)).unwrap())
    }

    fn verifiers(&self, tenant: &TenantId) -> Vec<VerifierKey> {
        vec![self.key(tenant).verifier()]
    }
}

/// One data folder and one process that has it open.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) store: Arc<SqliteStore>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(StandingClock::default());
        clock.set(START);
        let store = open(folder.path().join("store.db"), &clock).await.unwrap();
        Self { folder, clock, store }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// The same folder in a second process, or in this one after a crash: nothing was closed.
    pub(crate) async fn reopened(self) -> Self {
        let Self { folder, clock, store } = self;
        drop(store);
        let store = open(folder.path().join("store.db"), &clock).await.unwrap();
        Self { folder, clock, store }
    }

    pub(crate) fn local(&self) -> Arc<dyn TenantStore> {
        self.store.tenant(&TenantId::local())
    }

    /// What somebody does who has the file and an SQL prompt.
    pub(crate) async fn sql(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        let db = sea_orm::Database::connect(format!("sqlite://{}?mode=rw", self.file().display())).await?;
        let done = db.execute_unprepared(sql).await.map(|_| ());
        db.close().await?;
        done
    }

    /// A workflow that has started: three events, and the look-up of its branches waits.
    pub(crate) async fn started(&self, number: u128) -> Workflow {
        self.started_in(self.local().as_ref(), number).await
    }

    pub(crate) async fn started_in(&self, tenant: &dyn TenantStore, number: u128) -> Workflow {
        let empty = Workflow::empty(tenant.tenant().clone(), workflow_id(number));
        let decision = start(
            &empty,
            submission(&format!("fix number {number}")),
            self.clock.now(),
        )
        .unwrap();
        let workflow = decision.workflow.clone();
        tenant
            .commit(&self.commit(0, decision, Settles::Nothing))
            .await
            .unwrap();
        workflow
    }

    pub(crate) fn commit(&self, expected: u64, decision: Decision, settles: Settles) -> Commit {
        Commit {
            expected: Version(expected),
            at: self.clock.now(),
            decision,
            bodies: Vec::new(),
            settles,
            goes_on: None,
        }
    }

    /// Gate 0 passes.
    pub(crate) fn looked_up(&self, workflow: &Workflow) -> Decision {
        let id = workflow.outstanding.as_ref().unwrap().0.clone();
        decide(
            workflow,
            Input::Effect {
                id,
                result: lookup_result(None),
            },
            self.clock.now(),
        )
        .unwrap()
    }

    /// Gate 0 fails: it is declined, which is an end.
    pub(crate) fn declined(&self, workflow: &Workflow) -> Decision {
        let id = workflow.outstanding.as_ref().unwrap().0.clone();
        let result = lookup_result(Some(workflow_id(4_711)));
        decide(workflow, Input::Effect { id, result }, self.clock.now()).unwrap()
    }

    pub(crate) async fn claim(&self) -> Option<Claim> {
        self.store.claim("tester", None, &BTreeSet::new()).await.unwrap()
    }

    pub(crate) async fn claim_effect(&self) -> ClaimedEffect {
        match self.claim().await {
            Some(Claim::Effect(effect)) => effect,
            other => panic!("an effect was expected, not {other:?}"),
        }
    }

    pub(crate) fn act(&self, workflow: &WorkflowId, act: Act) -> SignedAct {
        let record = ActRecord {
            tenant: TenantId::local(),
            workflow: workflow.clone(),
            member: ada().id,
            authenticated_by: AuthenticatedBy::OsUser,
            attendance: Attendance::Attended,
            at: self.clock.now(),
            act,
        };
        SignedAct::sign(record, &ada_key())
    }

    pub(crate) fn cancel(&self, workflow: &WorkflowId) -> SignedAct {
        self.act(
            workflow,
            Act::Cancel {
                reason: "enough".to_owned(),
            },
        )
    }
}

pub(crate) async fn open(file: PathBuf, clock: &Arc<StandingClock>) -> Result<Arc<SqliteStore>, StoreError> {
    SqliteStore::open(&file, Arc::clone(clock) as Arc<dyn Clock>, Arc::new(OneKey)).await
}

pub(crate) fn workflow_id(number: u128) -> WorkflowId {
    WorkflowId::from_parts(START, number)
}

pub(crate) fn input_id(number: u128) -> InputId {
    InputId::from_parts(START, number)
}

pub(crate) fn submission(text: &str) -> Submission {
    Submission {
        feedback: Feedback::read(FeedbackOrigin::Issue, text.as_bytes()).unwrap(),
        repositories: vec![RepoSelection {
            id: RepositoryId::local(1),
            name: "shop".to_owned(),
            role: RepoRole::Primary,
            base: None,
        }],
        agent: AgentSpec::Codemod,
        started_by: ada().id,
        attendance: Attendance::Attended,
        again: false,
        metadata: std::collections::BTreeMap::new(),
        budget: Some(countersign_core::budget::BudgetAsked::default()),
        signature: None,
    }
}

pub(crate) fn sha(digit: char) -> CommitSha {
    CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
}

fn lookup_result(duplicate_of: Option<WorkflowId>) -> EffectResult {
    let main = BranchName::parse("main").unwrap();
    let repository = RepositoryId::local(1);
    EffectResult::RefsLookedUp {
        repositories: vec![RepoLookup {
            repository: repository.clone(),
            default_branch: main.clone(),
            default_commit: Some(sha('a')),
            base_branch: main,
            base_commit: Some(sha('a')),
            listing: None,
        }],
        protections: Vec::new(),
        policies: vec![(repository, None)],
        organisation: None,
        duplicate_of,
        roster: roster(),
    }
}

/// A decision of the test's own making: these events, and the effect of the last request among them.
pub(crate) fn crafted(workflow: &Workflow, events: Vec<Event>) -> Decision {
    let mut after = workflow.clone();
    let mut effects: Vec<(EffectId, countersign_core::workflow::Effect)> = Vec::new();
    for event in &events {
        after.apply(event);
        if let Event::EffectRequested { id, effect } = event {
            effects = vec![(id.clone(), effect.clone())];
        }
    }
    Decision {
        events,
        effects,
        workflow: after,
    }
}
