//! A whole house in a temporary folder: two tenants, a real SQLite store, repositories in memory, keys, a clock.

use crate::agents::{FILE, MortalAgents};
use crate::life::{Fates, Letter, Life, VirtualClock};
use crate::random::Random;
use crate::repositories::{Repositories, folder};
use crate::store::MortalStore;
use crate::weather::Weather;
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
use countersign_core::budget::BudgetAsked;
use countersign_core::facts::Facts;
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, RepoRole, RepoSelection};
use countersign_core::id::{InputId, MemberId, RepositoryId, TenantId, WorkflowId};
use countersign_core::member::{Member, Role};
use countersign_core::policy::{Finding, NoAnswer, POLICY_PATH, RuleText};
use countersign_core::workflow::{Effect, Event, Submission, Workflow};
use countersign_engine::intake::NotTaken;
use countersign_engine::{Baseline, Observer, OwnRules, Ports};
use countersign_inspect::Salt;
use countersign_ledger::{LedgerKey, RootHash, VerifierKey, origin_of, sign_checkpoint};
use countersign_ports::store::{
    CheckpointSigner, Clock as _, MemberKeys, NewInput, RepositoryRow, Store, StoreError, TenantStore,
};
use countersign_ports::trees::{Remote, RepoSource};
use countersign_store::SqliteStore;
use ed25519_dalek::SigningKey;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// When every house's clock begins.
const START: u64 = 1_900_000_000_000;
/// Who is there, in every tenant; alice starts everything.
pub const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
/// How the engine calls a panic that it caught.
const INTERNAL: &str = "internal error";
/// A folder in memory, if the machine has one: what is on disk is not what is tried here.
const IN_MEMORY: &str = "/dev/shm";

/// Why a house could not be set up or looked at; not a finding.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// The real store failed.
    #[error("the store of the house failed: {0}")]
    Store(#[from] StoreError),
    /// The door refused what came in.
    #[error("the door of the house does not take it in: {0}")]
    Door(#[from] NotTaken),
    /// The folder can't be made.
    #[error("the folder of the house can't be made: {0}")]
    Folder(#[from] std::io::Error),
    /// The ledger holds what nobody can read.
    #[error("the ledger of the house can't be read: {0}")]
    Ledger(String),
}

struct Keys;

fn member_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

impl MemberKeys for Keys {
    fn verifying_key(&self, _: &TenantId, _: &MemberId) -> Option<[u8; 32]> {
        Some(member_key().verifying_key().to_bytes())
    }
}

/// Signs with one key for all tenants; the origin tells them apart.
pub struct Signer(LedgerKey);

impl CheckpointSigner for Signer {
    fn sign(&self, tenant: &TenantId, size: u64, root: &RootHash) -> Result<String, StoreError> {
        sign_checkpoint(&origin_of(tenant.as_str()), size, root, &self.0).map_err(|e| StoreError::Refused {
            code: "checkpoint-refused",
            message: e.to_string(),
        })
    }

    fn verifiers(&self, _: &TenantId) -> Vec<VerifierKey> {
        vec![self.0.verifier()]
    }
}

/// The organisation's policy, which may change.
#[derive(Default)]
pub struct Organisation(Mutex<Option<Vec<u8>>>);

impl Organisation {
    /// Another policy from now on.
    pub fn set(&self, text: &str) {
        let mut policy = self.0.lock().expect("because the policy is only set and read");
        *policy = Some(text.as_bytes().to_vec());
    }
}

impl Baseline for Organisation {
    fn read(&self) -> Result<Option<Vec<u8>>, String> {
        Ok(self
            .0
            .lock()
            .expect("because the policy is only set and read")
            .clone())
    }
}

/// No repository of the house brings rules of its own.
struct NoRules;

impl OwnRules for NoRules {
    fn judge(&self, _: &[RuleText], _: &Facts) -> Result<Vec<Finding>, NoAnswer> {
        Ok(Vec::new())
    }
}

struct Traced(Arc<Fates>);

impl Observer for Traced {
    fn recorded(&self, workflow: &WorkflowId, events: &[Event]) {
        let kinds: Vec<&str> = events.iter().map(Event::kind).collect();
        self.0.note(format!("{workflow}: {}", kinds.join(", ")));
    }

    fn performing(&self, workflow: &WorkflowId, effect: &Effect, attempt: u32) {
        self.0.note(format!("{workflow}: {} ({attempt})", effect.kind()));
    }

    /// Whatever goes wrong in the house, nothing in the product may panic over it.
    fn retrying(&self, workflow: &WorkflowId, effect: &Effect, message: &str) {
        self.0
            .note(format!("{workflow}: {} again later: {message}", effect.kind()));
        if message.contains(INTERNAL) {
            let mut broken = self
                .0
                .broken
                .lock()
                .expect("because what broke is only pushed and read");
            broken.push(format!("{workflow}: {}: {message}", effect.kind()));
        }
    }
}

/// One tenant of the house.
pub struct Tenant {
    /// Its data, by the real store.
    pub store: Arc<dyn TenantStore>,
    /// Its repositories.
    pub repositories: Vec<RepositoryRow>,
    started: Mutex<Vec<WorkflowId>>,
}

impl Tenant {
    /// Its workflows, oldest first.
    pub fn workflows(&self) -> Vec<WorkflowId> {
        self.started
            .lock()
            .expect("because workflows are only pushed and read")
            .clone()
    }
}

/// The house.
pub struct House {
    _folder: TempDir,
    /// The real store.
    pub store: Arc<SqliteStore>,
    /// What all lives share.
    pub fates: Arc<Fates>,
    /// The repositories as they really are.
    pub repositories: Arc<Repositories>,
    /// The organisation's policy.
    pub organisation: Arc<Organisation>,
    /// Who signs.
    pub signer: Arc<Signer>,
    /// Its tenants.
    pub tenants: Vec<Tenant>,
    ids: AtomicU64,
}

impl House {
    /// Builds one. Everything that happens in it comes from the seed.
    ///
    /// # Errors
    /// When the folder or the database can't be made.
    pub async fn new(seed: u64) -> Result<Self, HouseError> {
        let folder = match Path::new(IN_MEMORY).is_dir() {
            true => tempfile::tempdir_in(IN_MEMORY)?,
            false => tempfile::tempdir()?,
        };
        let clock = Arc::new(VirtualClock::new(START));
        let fates = Arc::new(Fates {
            random: Random::new(seed),
            clock: clock.clone(),
            odd: AtomicBool::new(true),
            merges: AtomicBool::new(false),
            post: Mutex::default(),
            trace: Mutex::default(),
            faults: Mutex::default(),
            arrived: Mutex::default(),
            broken: Mutex::default(),
        });
        let store = SqliteStore::open(&folder.path().join("c.db"), clock.clone(), Arc::new(Keys)).await?;
        let key = LedgerKey::from_seed("testkit", &[3; 32]).expect("because the name is short and plain");
        let mut house = Self {
            _folder: folder,
            store,
            fates,
            repositories: Arc::new(Repositories::new(clock)),
            organisation: Arc::default(),
            signer: Arc::new(Signer(key)),
            tenants: vec![],
            ids: AtomicU64::new(1),
        };
        for name in ["local", "tn_other"] {
            house.add_tenant(name).await?;
        }
        Ok(house)
    }

    async fn add_tenant(&mut self, name: &str) -> Result<(), HouseError> {
        let id = match name {
            "local" => TenantId::local(),
            other => TenantId::parse(other).expect("because it is a tenant's name"),
        };
        self.store.ensure_tenant(&id).await?;
        let store = self.store.tenant(&id);
        for person in PEOPLE {
            let role = if person == "alice" {
                Role::Owner
            } else {
                Role::Reviewer
            };
            let member = Member {
                id: member_id(person),
                person: person.to_owned(),
                name: person.to_owned(),
                role,
                active: true,
            };
            store.ensure_member(&member).await?;
        }
        let mut repositories = Vec::new();
        for repository in ["one", "two"] {
            let files = [(FILE, "one"), ("b.txt", "other")];
            if id == TenantId::local() {
                let git_dir = PathBuf::from(format!("/{name}/{repository}"));
                self.repositories.commit(&git_dir, &files);
                repositories.push(store.register_repository(&git_dir).await?);
                continue;
            }
            let remote = Remote {
                clone_url: format!("https://git.example/{name}/{repository}.git"),
                full_name: format!("{name}/{repository}"),
            };
            let number = RepositoryId::github(repositories.len() as u64 + 1);
            let policy = (POLICY_PATH, REQUIRES_CI);
            self.repositories
                .commit(&PathBuf::from(&remote.full_name), &[files[0], files[1], policy]);
            repositories.push(store.register_remote(&number, &remote).await?);
        }
        self.tenants.push(Tenant {
            store,
            repositories,
            started: Mutex::default(),
        });
        Ok(())
    }

    /// Some policy wants merges to be waited for from now on: that of one repository on a forge, or of both.
    pub fn await_merges(&self) {
        let rows = self.tenants.iter().flat_map(|t| &t.repositories);
        let remote: Vec<&RepositoryRow> = rows.filter(|row| row.id.forge.has_pull_requests()).collect();
        let most = self.fates.random.below(remote.len()) + 1;
        for row in remote.into_iter().rev().take(most) {
            let wants = format!("{REQUIRES_CI}\n{AWAITS_MERGE}");
            self.repositories
                .commit(&folder(&row.place), &[(POLICY_PATH, &wants)]);
        }
    }

    /// Ports for one life of a worker.
    pub fn ports(&self, life: &Arc<Life>) -> Ports {
        let weather = Arc::new(Weather {
            real: self.repositories.clone(),
            life: life.clone(),
        });
        Ports {
            store: Arc::new(MortalStore {
                inner: self.store.clone(),
                life: life.clone(),
            }),
            trees: weather.clone(),
            forge: weather,
            agents: Arc::new(MortalAgents {
                life: life.clone(),
                store: self.store.clone(),
            }),
            signer: self.signer.clone(),
            commit_signer: None,
            member_keys: Arc::new(Keys),
            baseline: self.organisation.clone(),
            own_rules: Arc::new(NoRules),
            salt: Salt::new([5; 32]),
            observer: Arc::new(Traced(self.fates.clone())),
        }
    }

    /// Where a repository lies.
    pub fn source(row: &RepositoryRow) -> RepoSource {
        row.source()
    }

    fn next_id(&self) -> u128 {
        u128::from(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    /// Alice starts a workflow on both repositories of a tenant, with that budget.
    ///
    /// # Errors
    /// When the real store fails.
    pub async fn start(&self, tenant: &Tenant, budget: BudgetAsked) -> Result<WorkflowId, HouseError> {
        let id = WorkflowId::from_parts(START, self.next_id());
        let script = tenant.store.put_body(b"{}").await?;
        let selection = |(index, row): (usize, &RepositoryRow)| RepoSelection {
            id: row.id.clone(),
            name: row.name.clone(),
            role: if index == 0 {
                RepoRole::Primary
            } else {
                RepoRole::Secondary
            },
            base: None,
        };
        let words = format!("Another line, {id}");
        let submission = Submission {
            feedback: Feedback::read(FeedbackOrigin::Issue, words.as_bytes())
                .expect("because the words are plain"),
            repositories: tenant.repositories.iter().enumerate().map(selection).collect(),
            agent: AgentSpec::Scripted { script },
            started_by: member_id("alice"),
            attendance: Attendance::Attended,
            again: false,
            metadata: std::collections::BTreeMap::new(),
            budget: Some(budget),
            signature: None,
        };
        let signed = submission.signed(tenant.store.tenant(), &id, &member_key());
        let letter = Letter {
            store: tenant.store.clone(),
            id: InputId::from_parts(START, self.next_id()),
            workflow: id.clone(),
            input: NewInput::Submit(signed),
        };
        self.fates.arrives(&letter).await?;
        tenant
            .started
            .lock()
            .expect("because workflows are only pushed and read")
            .push(id.clone());
        Ok(id)
    }

    /// A person's act in an envelope: signed with the key that is held for them.
    pub fn letter(&self, tenant: &Tenant, workflow: &WorkflowId, who: &str, act: Act) -> Letter {
        let record = ActRecord {
            tenant: tenant.store.tenant().clone(),
            workflow: workflow.clone(),
            member: member_id(who),
            authenticated_by: AuthenticatedBy::OsUser,
            attendance: Attendance::Attended,
            at: self.fates.clock.now(),
            act,
        };
        Letter {
            store: tenant.store.clone(),
            id: InputId::from_parts(START, self.next_id()),
            workflow: workflow.clone(),
            input: NewInput::Act(SignedAct::sign(record, &member_key())),
        }
    }

    /// The same letter once more; `anew`: under another id.
    pub fn copy(&self, letter: &Letter, anew: bool) -> Letter {
        let id = if anew {
            InputId::from_parts(START, self.next_id())
        } else {
            letter.id.clone()
        };
        Letter {
            store: letter.store.clone(),
            id,
            workflow: letter.workflow.clone(),
            input: letter.input.clone(),
        }
    }

    /// A workflow as its stream makes it.
    ///
    /// # Errors
    /// When the real store fails.
    pub async fn load(&self, tenant: &Tenant, id: &WorkflowId) -> Result<Workflow, HouseError> {
        let records = tenant.store.events(id).await?;
        let events = records.iter().map(|r| &r.event);
        Ok(Workflow::replay(
            tenant.store.tenant().clone(),
            id.clone(),
            events,
        ))
    }
}

/// What a repository on a forge with CI says about it.
const REQUIRES_CI: &str =
    "version = 1\n[ci]\nchecks = [{ app = \"ci-app\", name = \"test\" }]\ndeadline-minutes = 30";

/// What one says besides that wants merges to be waited for.
const AWAITS_MERGE: &str = "[merge]\nwait = true\ndeadline-days = 3";

/// A member's id.
pub fn member_id(name: &str) -> MemberId {
    MemberId::parse(&format!("mb_{name}")).expect("because names are plain")
}

/// The person behind a member's id.
pub fn person_of(id: &MemberId) -> &str {
    id.as_str().strip_prefix("mb_").unwrap_or_default()
}
