//! Port to the memory of the product: streams, ledger, inputs, durable effects and bodies, in one transaction each.
//!
//! What can't be recorded does not happen (INV-4): [`TenantStore::commit`] appends events and ledger entries,
//! projects the lists, enqueues the next effect and settles what led to it, all or nothing. A [`TenantStore`] sees
//! one tenant and no other (INV-6).

use crate::identity::{AccountLink, AccountLinks};
use crate::trees::{Remote, RepoPlace, RepoSource};
use async_trait::async_trait;
use countersign_core::act::SignedAct;
use countersign_core::digest::{BodyHash, FeedbackHash};
use countersign_core::erasure::Erasure;
use countersign_core::feedback::{Metadata, RepoSelection};
use countersign_core::id::{
    EffectId, Fence, InputId, MemberId, RepositoryId, Revision, TenantId, Version, WorkflowId,
};
use countersign_core::member::{Member, Roster};
use countersign_core::permit::FreshFacts;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Attempt, CheckpointRef};
use countersign_core::workflow::{Decision, Effect, State, Submission};
use countersign_ledger::{BundleEntry, Continuity, Earlier, RootHash, Rotation, VerifierKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The clock of the machine that the database runs on.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The public halves of the keys that Countersign holds for members, from outside the database.
pub trait MemberKeys: Send + Sync {
    /// A member's Ed25519 public key (32 bytes), if one is held.
    fn verifying_key(&self, tenant: &TenantId, member: &MemberId) -> Option<[u8; 32]>;
}

/// Signs the tenant's ledger with a key from outside the database.
pub trait CheckpointSigner: Send + Sync {
    /// Signs a tree head as a C2SP checkpoint note.
    fn sign(
        &self,
        tenant: &TenantId,
        size: u64,
        root: &countersign_ledger::RootHash,
    ) -> Result<String, StoreError>;

    /// The public keys by which such notes are verified.
    fn verifiers(&self, tenant: &TenantId) -> Vec<VerifierKey>;
}

/// Hands the ledger over from one signing key to the next; both lie outside the database.
pub trait KeyRotation: Send + Sync {
    /// Signs for the last time with the key until now.
    fn old(&self) -> &dyn CheckpointSigner;

    /// States, signed by both keys, that the log of `size` leaves goes on under the new one
    /// ([`countersign_ledger::Rotation::sign`]).
    fn statement(&self, tenant: &TenantId, size: u64) -> Result<Vec<u8>, StoreError>;
}

/// Remembers the newest signed checkpoint outside of the database, so that an older copy of it is noticed.
pub trait Witness: Send + Sync {
    /// The note that was kept last, if any.
    fn newest(&self, tenant: &TenantId) -> Result<Option<String>, StoreError>;

    /// Keeps a note. Called after the commit that recorded it, so what is kept is never ahead of the database; called
    /// again with an older one it changes nothing.
    fn keep(&self, tenant: &TenantId, size: u64, note: &str) -> Result<(), StoreError>;
}

/// Something that points to a forgery. Also the persisted form of the ledger's entry about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// Version of the form.
    pub v: u32,
    /// Stable kebab-case code.
    pub code: String,
    /// About which workflow.
    pub workflow: WorkflowId,
    /// What was noticed, in a sentence.
    pub message: String,
}

impl Alarm {
    /// A new one.
    pub fn new(code: &str, workflow: &WorkflowId, message: String) -> Self {
        Self {
            v: 1,
            code: code.to_owned(),
            workflow: workflow.clone(),
            message,
        }
    }
}

/// An alarm as it stands. It stays in the ledger for good; clearing it says that somebody has seen to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// Where the ledger has it, which is its number.
    pub index: u64,
    /// When it was raised.
    pub at: Timestamp,
    /// What it says.
    pub alarm: Alarm,
    /// Who saw to it, if somebody did.
    pub cleared: Option<(Timestamp, Cleared)>,
}

/// Somebody has seen to an alarm. Also the persisted form of the ledger's entry about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleared {
    /// Version of the form.
    pub v: u32,
    /// Which alarm, by its number.
    pub alarm: u64,
    /// Who.
    pub by: MemberId,
    /// What was found and done, in a sentence.
    pub note: String,
}

/// Approved writes stop, and nothing new begins. Also the persisted form of the ledger's entries about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Version of the form.
    pub v: u32,
    /// In this repository only; `None`: in all of them.
    pub repository: Option<RepositoryId>,
    /// Who; nobody: Countersign itself, because of something that it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
    /// Because of which workflow's landing; what takes that back may begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<WorkflowId>,
    /// Why.
    pub reason: String,
}

impl Freeze {
    /// Whether it holds for work on any of these repositories.
    pub fn covers<'a>(&self, mut repositories: impl Iterator<Item = &'a RepositoryId>) -> bool {
        match &self.repository {
            None => true,
            Some(frozen) => repositories.any(|r| r == frozen),
        }
    }
}

/// Longest reason of a freeze and note about an alarm, in bytes.
pub const NOTE_MAX_BYTES: usize = 2_000;

/// Why the store could not answer or record. Nothing was half-written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The stream went on meanwhile, or the decision is older than what was recorded since by more than the ledger takes: load
    /// again and decide again.
    #[error("the workflow changed meanwhile")]
    Clash,
    /// The claim was lost to another worker, or the effect is no longer wanted.
    #[error("the claim on this effect is no longer held")]
    ClaimLost,
    /// No such thing in this tenant.
    #[error("there is no {what} `{id}` here")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The disk is full, the folder is read-only, the database is locked or damaged.
    #[error("{message}")]
    Unavailable {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with what to do next.
        message: String,
        /// What the database said, for the log.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Something stored can't be what was stored.
    #[error("{message}")]
    Corrupt {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence.
        message: String,
    },
    /// Nothing is written to this database by anybody: it is an older copy, or lies elsewhere than its epoch says. It
    /// can be read.
    #[error("{message}")]
    Closed {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence.
        message: String,
    },
    /// The caller's data can't be stored: a body over its limit, an unknown tenant.
    #[error("{message}")]
    Refused {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with what to do next.
        message: String,
    },
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Clash => "store-clash",
            StoreError::ClaimLost => "store-claim-lost",
            StoreError::NotFound { .. } => "not-found",
            StoreError::Unavailable { code, .. }
            | StoreError::Corrupt { code, .. }
            | StoreError::Closed { code, .. }
            | StoreError::Refused { code, .. } => code,
        }
    }
}

/// A registered repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRow {
    /// Its id; a local one gets its number at registration, any other one has it from its forge.
    pub id: RepositoryId,
    /// Its short name: the name of the folder or on the forge without `.git`, made unique by a number where needed.
    pub name: String,
    /// Where it lies. The canonical git folder is the key of a local one.
    pub place: RepoPlace,
    /// When it was registered.
    pub registered_at: Timestamp,
}

impl RepositoryRow {
    /// What git and the forge are asked with.
    pub fn source(&self) -> RepoSource {
        RepoSource {
            id: self.id.clone(),
            place: self.place.clone(),
        }
    }
}

/// What an outside fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewInput {
    /// Start a workflow.
    Submit(Submission),
    /// A human did something.
    Act(SignedAct),
}

/// How an input stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputStatus {
    /// Nobody has judged it yet.
    Pending,
    /// It was taken.
    Accepted,
    /// It changed nothing, and why.
    Refused {
        /// Stable code.
        code: String,
        /// Plain sentence.
        message: String,
    },
    /// It can't be judged and holds its workflow closed until a human resolves it.
    Held {
        /// Stable code.
        code: String,
        /// Plain sentence.
        message: String,
    },
}

/// One item of work, claimed.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is claimed at a time and moved once; a box would be one more allocation for each"
)]
pub enum Claim {
    /// An input to judge.
    Input {
        /// Whose.
        tenant: TenantId,
        /// For which workflow.
        workflow: WorkflowId,
        /// Which input.
        id: InputId,
        /// What it says.
        input: NewInput,
    },
    /// An input whose stored form can't be read; it is to be held.
    Undecidable {
        /// Whose.
        tenant: TenantId,
        /// For which workflow.
        workflow: WorkflowId,
        /// Which input.
        id: InputId,
        /// What is wrong with it.
        reason: String,
    },
    /// An effect to perform.
    Effect(ClaimedEffect),
}

/// An effect with the claim on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEffect {
    /// Whose.
    pub tenant: TenantId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// Which effect.
    pub id: EffectId,
    /// What to do.
    pub effect: Effect,
    /// Which try this is, from 1; a try whose worker died counts.
    pub attempt: u32,
    /// The fencing token of this claim.
    pub fence: Fence,
    /// Until when the claim is held unless it is renewed.
    pub lease_until: Timestamp,
}

/// What led to a commit, settled in its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settles {
    /// An input was accepted.
    Input(InputId),
    /// A claimed effect gave its result. If it is still the outstanding one afterwards, it is tried again later.
    Effect {
        /// Which.
        id: EffectId,
        /// The claim; a lost one refuses the whole commit.
        fence: Fence,
        /// When to try again, if it is still outstanding: milliseconds after the commit's `at`.
        again_after_ms: u64,
    },
    /// A claimed effect goes on under the same claim (an attempt is recorded before its first byte).
    KeepsClaim {
        /// Which.
        id: EffectId,
        /// The claim; a lost one refuses the whole commit.
        fence: Fence,
    },
    /// Nothing: time went by.
    Nothing,
}

/// One transition, to be recorded whole or not at all.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The stream's version that was decided on.
    pub expected: Version,
    /// When it was decided.
    pub at: Timestamp,
    /// What was decided.
    pub decision: Decision,
    /// Evidence bodies that the events name by hash.
    pub bodies: Vec<Vec<u8>>,
    /// What led to it.
    pub settles: Settles,
    /// The worker that goes on with the effect which this commit asks for: it is claimed in the same transaction,
    /// which spares a claim of its own. Inputs of the workflow that wait come first; then nothing is claimed.
    pub goes_on: Option<String>,
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The effect that the worker goes on with.
    pub next: Option<ClaimedEffect>,
    /// Leaves in the tenant's log.
    pub ledger_size: u64,
}

/// What the write gate looks at and the store can't know; the engine looks it up right before it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutsideFacts {
    /// The organisation's baseline is the one that the approved policies were made from.
    pub baseline_unchanged: bool,
    /// The base branch may still be written on.
    pub base_stands: bool,
}

/// What lists show of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRow {
    /// Its id.
    pub id: WorkflowId,
    /// First line of its feedback.
    pub title: String,
    /// Where it is.
    pub state: State,
    /// Why it is there.
    pub reason: String,
    /// The current revision.
    pub revision: Revision,
    /// How many events it has.
    pub version: Version,
    /// Its repositories.
    pub repositories: Vec<RepoSelection>,
    /// How many requests are open.
    pub open_requests: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A signed checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Leaves that it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub at: Timestamp,
}

/// One ledger entry for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Its index in the tenant's log, from 0.
    pub index: u64,
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// The body, unless it was erased.
    pub body: Option<Vec<u8>>,
}

/// How much there is of what operators watch, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The database's time of that moment.
    pub at: Timestamp,
    /// Workflows by state, of the newest [`TALLIED_MAX`]; a state without any is left out.
    pub workflows: BTreeMap<State, u64>,
    /// Requests that wait for people in these workflows.
    pub open_requests: u64,
    /// When the workflow with an open request that has stood still the longest last changed.
    pub waiting_since: Option<Timestamp>,
    /// Effects that are still to be done.
    pub effects: Vec<EffectTally>,
    /// Inputs that nobody has judged yet.
    pub pending_inputs: u64,
    /// Inputs that can't be judged; each holds its workflow closed.
    pub held_inputs: u64,
    /// Since when the oldest item lies there that a worker could take and none has taken.
    pub unclaimed_since: Option<Timestamp>,
    /// Alarms that nobody has cleared.
    pub open_alarms: u64,
    /// What is frozen.
    pub freezes: u64,
    /// Leaves in the log, and how many of them the newest checkpoint covers.
    pub ledger_size: (u64, u64),
}

/// Effects of one kind that are still to be done, whether somebody works on them or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectTally {
    /// Their kind ([`Effect::kind`]).
    pub kind: String,
    /// How many.
    pub outstanding: u64,
    /// When the oldest of them became due; later than now for one that is to be tried again.
    pub due_since: Timestamp,
}

/// Workflows that a [`Tally`] looks at, newest first.
pub const TALLIED_MAX: u32 = 10_000;

/// Longest body that is kept, in bytes.
pub const BODY_MAX_BYTES: usize = 32 << 20;
/// How long a claim is held before it has to be renewed, in milliseconds.
pub const LEASE_MS: u64 = 60_000;
/// How often an effect is tried before a human is asked.
pub const TRIES_MAX: u32 = 5;
/// Most undecided inputs per workflow.
pub const INBOX_MAX: u32 = 100;

/// All tenants' work: for workers.
#[async_trait]
pub trait Store: Send + Sync {
    /// The handle of one tenant.
    fn tenant(&self, tenant: &TenantId) -> Arc<dyn TenantStore>;

    /// The database's time, never below the last ledger time.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Claims one item: inputs before effects, fair over tenants, in order within a workflow, one item of a workflow
    /// at a time. An effect's claim counts a try and gives a new fence. With `only`, other workflows are left alone;
    /// so are those in `judging`, whose inputs somebody of this process judges at the moment.
    async fn claim(
        &self,
        worker: &str,
        only: Option<&WorkflowId>,
        judging: &BTreeSet<WorkflowId>,
    ) -> Result<Option<Claim>, StoreError>;

    /// Ends every claim of earlier workers. Only for the holder of the data folder's owner lock, once, at its start:
    /// whoever held a claim before is dead. The tries that were begun still count.
    async fn end_lost_claims(&self) -> Result<u64, StoreError>;

    /// Waits until something may be there to claim, at most `limit`. A hint: a sweep is the truth.
    async fn wait_for_work(&self, limit: Duration);

    /// When the next pending or leased effect becomes claimable, if any is waiting.
    async fn next_run_at(&self, only: Option<&WorkflowId>) -> Result<Option<Timestamp>, StoreError>;

    /// Workflows in which a request has run out.
    async fn expired(&self) -> Result<Vec<(TenantId, WorkflowId)>, StoreError>;
}

/// One tenant's data.
#[async_trait]
pub trait TenantStore: Send + Sync {
    /// Whose data this is.
    fn tenant(&self) -> &TenantId;

    /// Registers a repository by its canonical git folder; registering again gives the same row.
    async fn register_repository(&self, git_dir: &std::path::Path) -> Result<RepositoryRow, StoreError>;

    /// Registers a repository of a remote forge by the number that it has there; registering again gives the row as it was
    /// first registered. Refused: a local id (`repository-not-remote`), a URL that is not `https://`, or that holds
    /// somebody's name or token (`clone-url-unusable`).
    async fn register_remote(&self, id: &RepositoryId, remote: &Remote) -> Result<RepositoryRow, StoreError>;

    /// All registered repositories, local ones first, by number.
    async fn repositories(&self) -> Result<Vec<RepositoryRow>, StoreError>;

    /// Adds a member if there is none of that id.
    async fn ensure_member(&self, member: &Member) -> Result<(), StoreError>;

    /// Changes the name, role or membership of somebody who is a member, as a new fact in the ledger; nothing where nothing
    /// is different. Refused (`last-owner`) where nobody active would be an owner any more.
    async fn change_member(&self, member: &Member) -> Result<(), StoreError>;

    /// Whose which account at the provider is.
    async fn account_links(&self) -> Result<AccountLinks, StoreError>;

    /// Links an account to a member, who is added first where `new` has them; the same again changes nothing. Where it
    /// came by its name on the list, it is refused if the account is another member's (`account-taken`) or the name stood
    /// for another one (`account-other`).
    async fn link_account(&self, link: &AccountLink, new: Option<&Member>) -> Result<(), StoreError>;

    /// All members.
    async fn roster(&self) -> Result<Roster, StoreError>;

    /// Inserts an input once; any process may. The same id again changes nothing.
    async fn insert_input(
        &self,
        id: &InputId,
        workflow: &WorkflowId,
        input: &NewInput,
    ) -> Result<(), StoreError>;

    /// How an input stands.
    async fn input_status(&self, id: &InputId) -> Result<InputStatus, StoreError>;

    /// How the submission stands that was to begin a workflow; `None` if nobody submitted it here.
    async fn submission_status(&self, workflow: &WorkflowId) -> Result<Option<InputStatus>, StoreError>;

    /// Settles an input that changes nothing.
    async fn settle_input(&self, id: &InputId, status: &InputStatus) -> Result<(), StoreError>;

    /// Inputs that hold a workflow closed because they can't be judged, oldest first, each with the reason.
    async fn held_inputs(&self, workflow: &WorkflowId) -> Result<Vec<(InputId, String)>, StoreError>;

    /// All events of a workflow, in order; empty if there is none.
    async fn events(&self, workflow: &WorkflowId) -> Result<Vec<EventRecord>, StoreError>;

    /// Records one transition and settles what led to it, in one transaction.
    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError>;

    /// Puts a claimed effect back without a result, to be tried again at `at`. `counts`: whether this try counts.
    async fn reschedule(
        &self,
        effect: &ClaimedEffect,
        at: Timestamp,
        error: &str,
        counts: bool,
    ) -> Result<(), StoreError>;

    /// Holds a claim for another [`LEASE_MS`]; the new end, or `ClaimLost`.
    async fn renew(&self, effect: &ClaimedEffect) -> Result<Timestamp, StoreError>;

    /// Reads everything that the write gate looks at, in one transaction that also checks the claim.
    async fn fresh_facts(
        &self,
        effect: &ClaimedEffect,
        attempt: &Attempt,
        outside: OutsideFacts,
    ) -> Result<FreshFacts, StoreError>;

    /// Signs the ledger's head and keeps the note; `covers` is the workflow's version then.
    async fn seal(
        &self,
        workflow: &WorkflowId,
        signer: &dyn CheckpointSigner,
    ) -> Result<CheckpointRef, StoreError>;

    /// Signs the ledger's head and keeps the note, if entries came since the last one.
    async fn seal_head(&self, signer: &dyn CheckpointSigner) -> Result<CheckpointRow, StoreError>;

    /// Leaves in the log, and how many of them the newest checkpoint covers.
    async fn ledger_size(&self) -> Result<(u64, u64), StoreError>;

    /// All checkpoints, newest first.
    async fn checkpoints(&self, limit: u32) -> Result<Vec<CheckpointRow>, StoreError>;

    /// Entries of one stream, or of the whole log, in order, from an index, at most `limit`.
    async fn entries(&self, stream: Option<&str>, from: u64, limit: u32)
    -> Result<Vec<EntryRow>, StoreError>;

    /// Entries of the tenant's own stream that a workflow's story rests on, with proofs against a checkpoint of that
    /// size: every change of keys, and the workflow's erasures.
    async fn notices(&self, workflow: &WorkflowId, size: u64) -> Result<Vec<BundleEntry>, StoreError>;

    /// Earlier heads of the log with the proof that the head of `size` leaves goes on from each.
    async fn earlier(&self, sizes: &[u64], size: u64) -> Result<Vec<Earlier>, StoreError>;

    /// One entry with its proof against the log's first `size` leaves. Nothing found where the log has no such entry, refused
    /// (`size-beyond-ledger`) where it has fewer leaves.
    async fn proven(&self, index: u64, size: u64) -> Result<BundleEntry, StoreError>;

    /// The root of the log's first `size` leaves; refused (`size-beyond-ledger`) where it has fewer.
    async fn root(&self, size: u64) -> Result<RootHash, StoreError>;

    /// How the log stands to a checkpoint of it that was seen; its signature is not looked at.
    async fn continuity(&self, note: &str) -> Result<Continuity, StoreError>;

    /// Hands the ledger over to another signing key: seals it with the old one and records the change. Checkpoints by
    /// the old key are refused from then on.
    async fn rotate(&self, rotation: &dyn KeyRotation) -> Result<Rotation, StoreError>;

    /// All changes of keys, oldest first.
    async fn rotations(&self) -> Result<Vec<Rotation>, StoreError>;

    /// Erases bodies of an ended workflow, records that, and gives what was really there to erase. Evidence that
    /// another workflow names as well stays.
    async fn erase(&self, erasure: &Erasure) -> Result<Erasure, StoreError>;

    /// Records an alarm; the same one again changes nothing.
    async fn raise(&self, alarm: &Alarm) -> Result<(), StoreError>;

    /// All alarms, oldest first.
    async fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError>;

    /// Records that somebody has seen to an alarm. Refused where there is none of that number, or it was cleared already.
    async fn clear_alarm(&self, cleared: &Cleared) -> Result<(), StoreError>;

    /// Stops approved writes. Refused (`frozen-already`) where the same is frozen.
    async fn freeze(&self, freeze: &Freeze) -> Result<(), StoreError>;

    /// Lets them go on; `end` names what is unfrozen, by whom and why. Refused (`not-frozen`) where it is not.
    async fn unfreeze(&self, end: &Freeze) -> Result<(), StoreError>;

    /// What is frozen, oldest first, with the time of each.
    async fn freezes(&self) -> Result<Vec<(Timestamp, Freeze)>, StoreError>;

    /// What a workflow waits for outside (CI, a merge) is looked at as soon as somebody works, whenever it would have been.
    async fn look_now(&self, workflow: &WorkflowId) -> Result<(), StoreError>;

    /// A stream's entries with salts, bodies and inclusion proofs against a checkpoint of that size.
    async fn export(&self, workflow: &WorkflowId, size: u64) -> Result<Vec<BundleEntry>, StoreError>;

    /// Workflows, newest first.
    async fn workflows(&self, limit: u32) -> Result<Vec<WorkflowRow>, StoreError>;

    /// Of the newest workflows, at most `limit`: those that began with all of these pairs among their metadata. What was
    /// erased is not found.
    async fn workflows_with(
        &self,
        metadata: &Metadata,
        limit: u32,
    ) -> Result<BTreeSet<WorkflowId>, StoreError>;

    /// Counts and ages, all of one moment.
    async fn tally(&self) -> Result<Tally, StoreError>;

    /// When it was noticed that the issue which a workflow was started from says something else by now; `None`: it was not.
    async fn issue_changed(&self, id: &WorkflowId) -> Result<Option<Timestamp>, StoreError>;

    /// One workflow's row.
    async fn workflow(&self, id: &WorkflowId) -> Result<WorkflowRow, StoreError>;

    /// An open workflow with the same text and repositories, other than `except`, the oldest.
    async fn open_duplicate(
        &self,
        feedback: &FeedbackHash,
        repositories: &[RepositoryId],
        except: Option<&WorkflowId>,
    ) -> Result<Option<WorkflowId>, StoreError>;

    /// Keeps a body under its hash; again changes nothing.
    async fn put_body(&self, bytes: &[u8]) -> Result<BodyHash, StoreError>;

    /// A body by its hash; its bytes are checked against it.
    async fn body(&self, hash: &BodyHash) -> Result<Vec<u8>, StoreError>;
}
