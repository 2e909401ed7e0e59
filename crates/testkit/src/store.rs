//! A store that fails, and dies with its worker: [`Store`] and [`TenantStore`] around the real ones.
//!
//! It adds nothing and changes nothing: a call either reaches the real store or does not.

use crate::life::Life;
use async_trait::async_trait;
use countersign_core::digest::{BodyHash, FeedbackHash};
use countersign_core::erasure::Erasure;
use countersign_core::feedback::Metadata;
use countersign_core::id::{InputId, RepositoryId, TenantId, WorkflowId};
use countersign_core::member::{Member, Roster};
use countersign_core::permit::FreshFacts;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Attempt, CheckpointRef};
use countersign_ledger::{BundleEntry, Continuity, Earlier, RootHash, Rotation};
use countersign_ports::identity::{AccountLink, AccountLinks};
use countersign_ports::store::{
    Alarm, AlarmRow, CheckpointRow, CheckpointSigner, Claim, ClaimedEffect, Cleared, Commit, Committed,
    EntryRow, Freeze, InputStatus, KeyRotation, NewInput, OutsideFacts, RepositoryRow, Settles, Store,
    StoreError, Tally, TenantStore, WorkflowRow,
};
use countersign_ports::trees::Remote;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// All tenants' work, as one life sees it.
pub struct MortalStore {
    /// The real one.
    pub inner: Arc<dyn Store>,
    /// Whose view it is.
    pub life: Arc<Life>,
}

struct MortalTenant {
    inner: Arc<dyn TenantStore>,
    life: Arc<Life>,
}

impl Life {
    /// Keeps what was claimed, so that a slow agent can hold it.
    fn remember(&self, claimed: Option<&ClaimedEffect>) {
        if let Some(effect) = claimed {
            let mut claimed = self
                .claimed
                .lock()
                .expect("because the claim is only kept and read");
            *claimed = Some(effect.clone());
        }
    }
}

/// Implements a trait by handing each call on between the life's [`Life::before`] and [`Life::after`].
macro_rules! mortal {
    ($port:ident for $of:ident { $($own:item)* } $(fn $call:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $port for $of {
            $($own)*

            $(async fn $call(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.life.before(stringify!($call)).await?;
                let answer = self.inner.$call($($arg),*).await?;
                self.life.after(stringify!($call)).await?;
                Ok(answer)
            })*
        }
    };
}

mortal! { Store for MortalStore {
    fn tenant(&self, tenant: &TenantId) -> Arc<dyn TenantStore> {
        let inner = self.inner.tenant(tenant);
        Arc::new(MortalTenant { inner, life: self.life.clone() })
    }

    async fn claim(
        &self,
        worker: &str,
        only: Option<&WorkflowId>,
        judging: &BTreeSet<WorkflowId>,
    ) -> Result<Option<Claim>, StoreError> {
        self.life.before("claim").await?;
        let claim = self.inner.claim(worker, only, judging).await?;
        if let Some(Claim::Effect(effect)) = &claim {
            self.life.remember(Some(effect));
        }
        self.life.after("claim").await?;
        Ok(claim)
    }

    async fn wait_for_work(&self, limit: Duration) {
        self.inner.wait_for_work(limit).await;
    }
}
    fn now() -> Timestamp;
    fn end_lost_claims() -> u64;
    fn next_run_at(only: Option<&WorkflowId>) -> Option<Timestamp>;
    fn expired() -> Vec<(TenantId, WorkflowId)>;
}

mortal! { TenantStore for MortalTenant {
    fn tenant(&self) -> &TenantId {
        self.inner.tenant()
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.life.before(moment(&commit.settles)).await?;
        let committed = self.inner.commit(commit).await?;
        self.life.remember(committed.next.as_ref());
        self.life.after("commit").await?;
        Ok(committed)
    }
}
    fn register_repository(git_dir: &Path) -> RepositoryRow;
    fn register_remote(id: &RepositoryId, remote: &Remote) -> RepositoryRow;
    fn repositories() -> Vec<RepositoryRow>;
    fn ensure_member(member: &Member) -> ();
    fn change_member(member: &Member) -> ();
    fn account_links() -> AccountLinks;
    fn link_account(link: &AccountLink, new: Option<&Member>) -> ();
    fn roster() -> Roster;
    fn insert_input(id: &InputId, workflow: &WorkflowId, input: &NewInput) -> ();
    fn input_status(id: &InputId) -> InputStatus;
    fn submission_status(workflow: &WorkflowId) -> Option<InputStatus>;
    fn settle_input(id: &InputId, status: &InputStatus) -> ();
    fn held_inputs(workflow: &WorkflowId) -> Vec<(InputId, String)>;
    fn events(workflow: &WorkflowId) -> Vec<EventRecord>;
    fn look_now(workflow: &WorkflowId) -> ();
    fn reschedule(effect: &ClaimedEffect, at: Timestamp, error: &str, counts: bool) -> ();
    fn renew(effect: &ClaimedEffect) -> Timestamp;
    fn fresh_facts(effect: &ClaimedEffect, attempt: &Attempt, outside: OutsideFacts) -> FreshFacts;
    fn seal(workflow: &WorkflowId, signer: &dyn CheckpointSigner) -> CheckpointRef;
    fn seal_head(signer: &dyn CheckpointSigner) -> CheckpointRow;
    fn ledger_size() -> (u64, u64);
    fn checkpoints(limit: u32) -> Vec<CheckpointRow>;
    fn entries(stream: Option<&str>, from: u64, limit: u32) -> Vec<EntryRow>;
    fn workflows_with(metadata: &Metadata, limit: u32) -> BTreeSet<WorkflowId>;
    fn notices(workflow: &WorkflowId, size: u64) -> Vec<BundleEntry>;
    fn earlier(sizes: &[u64], size: u64) -> Vec<Earlier>;
    fn proven(index: u64, size: u64) -> BundleEntry;
    fn root(size: u64) -> RootHash;
    fn continuity(note: &str) -> Continuity;
    fn rotate(rotation: &dyn KeyRotation) -> Rotation;
    fn rotations() -> Vec<Rotation>;
    fn erase(erasure: &Erasure) -> Erasure;
    fn raise(alarm: &Alarm) -> ();
    fn alarms() -> Vec<AlarmRow>;
    fn clear_alarm(cleared: &Cleared) -> ();
    fn freeze(freeze: &Freeze) -> ();
    fn unfreeze(end: &Freeze) -> ();
    fn freezes() -> Vec<(Timestamp, Freeze)>;
    fn export(workflow: &WorkflowId, size: u64) -> Vec<BundleEntry>;
    fn workflows(limit: u32) -> Vec<WorkflowRow>;
    fn tally() -> Tally;
    fn issue_changed(id: &WorkflowId) -> Option<Timestamp>;
    fn workflow(id: &WorkflowId) -> WorkflowRow;
    fn open_duplicate(
        feedback: &FeedbackHash,
        repositories: &[RepositoryId],
        except: Option<&WorkflowId>
    ) -> Option<WorkflowId>;
    fn put_body(bytes: &[u8]) -> BodyHash;
    fn body(hash: &BodyHash) -> Vec<u8>;
}

/// Which moment of a workflow a commit is.
fn moment(settles: &Settles) -> &'static str {
    match settles {
        Settles::Input(_) | Settles::Nothing => "commit",
        Settles::KeepsClaim { .. } => "begin",
        Settles::Effect { .. } => "conclude",
    }
}
