//! One tenant's handle: the [`TenantStore`] port. Every method is one transaction of that tenant.

use crate::store::Shared;
use crate::{
    accounts, alarms, bodies, commit, effects, entries, erasing, facts, freezes, inputs, log, members,
    repositories, rotating,
};
use crate::{hooks, seal, tally, workflows};
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
    Alarm, AlarmRow, CheckpointRow, CheckpointSigner, ClaimedEffect, Cleared, Commit, Committed, EntryRow,
    Freeze, InputStatus, KeyRotation, NewInput, OutsideFacts, RepositoryRow, StoreError, Tally, TenantStore,
    WorkflowRow,
};
use countersign_ports::trees::Remote;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// The data of one tenant and of no other.
pub(crate) struct SqliteTenant {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tenant: TenantId,
}

/// `in_tx!(self, |tx| …)` is one write transaction, `in_snapshot!` one view, `in_statement!` one statement.
macro_rules! in_tx {
    ($self:ident, |$tx:ident| $work:expr) => {
        $self
            .shared
            .db
            .in_tx(&$self.tenant, async |$tx| $work.await)
            .await
    };
}

macro_rules! in_snapshot {
    ($self:ident, |$tx:ident| $work:expr) => {
        $self
            .shared
            .db
            .in_snapshot(&$self.tenant, async |$tx| $work.await)
            .await
    };
}

macro_rules! in_statement {
    ($self:ident, |$tx:ident| $work:expr) => {
        $self
            .shared
            .db
            .in_statement(&$self.tenant, async |$tx| $work.await)
            .await
    };
}

pub(crate) use {in_snapshot, in_tx};

impl SqliteTenant {
    /// Passes a success on and wakes whoever waits for work.
    fn wake_after<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_ok() {
            self.shared.wake();
        }
        result
    }
}

#[async_trait]
impl TenantStore for SqliteTenant {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    async fn register_repository(&self, git_dir: &Path) -> Result<RepositoryRow, StoreError> {
        in_tx!(self, |tx| repositories::register(tx, git_dir))
    }

    async fn register_remote(&self, id: &RepositoryId, remote: &Remote) -> Result<RepositoryRow, StoreError> {
        in_tx!(self, |tx| repositories::register_remote(tx, id, remote))
    }

    async fn repositories(&self) -> Result<Vec<RepositoryRow>, StoreError> {
        in_snapshot!(self, |tx| repositories::list(tx))
    }

    async fn ensure_member(&self, member: &Member) -> Result<(), StoreError> {
        in_tx!(self, |tx| members::ensure(tx, member))
    }

    async fn change_member(&self, member: &Member) -> Result<(), StoreError> {
        in_tx!(self, |tx| members::change(tx, member))
    }

    async fn account_links(&self) -> Result<AccountLinks, StoreError> {
        in_snapshot!(self, |tx| accounts::links(tx))
    }

    async fn link_account(&self, link: &AccountLink, new: Option<&Member>) -> Result<(), StoreError> {
        in_tx!(self, |tx| accounts::link(tx, link, new))
    }

    async fn roster(&self) -> Result<Roster, StoreError> {
        let keys = self.shared.keys.as_ref();
        in_snapshot!(self, |tx| members::roster(tx, keys))
    }

    async fn insert_input(
        &self,
        id: &InputId,
        workflow: &WorkflowId,
        input: &NewInput,
    ) -> Result<(), StoreError> {
        let inserted = in_tx!(self, |tx| inputs::insert(tx, id, workflow, input));
        self.wake_after(inserted)
    }

    async fn input_status(&self, id: &InputId) -> Result<InputStatus, StoreError> {
        in_statement!(self, |tx| inputs::status(tx, id))
    }

    async fn submission_status(&self, workflow: &WorkflowId) -> Result<Option<InputStatus>, StoreError> {
        in_statement!(self, |tx| inputs::submission_status(tx, workflow))
    }

    async fn settle_input(&self, id: &InputId, status: &InputStatus) -> Result<(), StoreError> {
        let settled = in_tx!(self, |tx| inputs::settle(tx, id, status));
        self.wake_after(settled)
    }

    async fn held_inputs(&self, workflow: &WorkflowId) -> Result<Vec<(InputId, String)>, StoreError> {
        in_statement!(self, |tx| inputs::held(tx, workflow))
    }

    async fn events(&self, workflow: &WorkflowId) -> Result<Vec<EventRecord>, StoreError> {
        in_snapshot!(self, |tx| entries::events(tx, workflow))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        let recorded = in_tx!(self, |tx| commit::record(tx, commit));
        match &recorded {
            // What follows is in hand already: nobody else has anything to look for.
            Ok(Committed { next: Some(_), .. }) => recorded,
            Ok(Committed { next: None, .. }) | Err(_) => self.wake_after(recorded),
        }
    }

    async fn reschedule(
        &self,
        effect: &ClaimedEffect,
        at: Timestamp,
        error: &str,
        counts: bool,
    ) -> Result<(), StoreError> {
        let released = in_tx!(self, |tx| effects::reschedule(tx, effect, at, error, counts));
        self.wake_after(released)
    }

    async fn renew(&self, effect: &ClaimedEffect) -> Result<Timestamp, StoreError> {
        in_tx!(self, |tx| effects::renew(tx, effect))
    }

    async fn fresh_facts(
        &self,
        effect: &ClaimedEffect,
        attempt: &Attempt,
        outside: OutsideFacts,
    ) -> Result<FreshFacts, StoreError> {
        let keys = self.shared.keys.as_ref();
        in_tx!(self, |tx| facts::fresh(tx, keys, effect, attempt, outside))
    }

    async fn seal(
        &self,
        workflow: &WorkflowId,
        signer: &dyn CheckpointSigner,
    ) -> Result<CheckpointRef, StoreError> {
        let (reference, row) = in_tx!(self, |tx| seal::seal(tx, workflow, signer))?;
        self.shared.witness(&self.tenant, &row).await;
        Ok(reference)
    }

    async fn seal_head(&self, signer: &dyn CheckpointSigner) -> Result<CheckpointRow, StoreError> {
        let (row, _root) = in_tx!(self, |tx| seal::head(tx, signer))?;
        self.shared.witness(&self.tenant, &row).await;
        Ok(row)
    }

    async fn notices(&self, workflow: &WorkflowId, size: u64) -> Result<Vec<BundleEntry>, StoreError> {
        in_snapshot!(self, |tx| entries::notices(tx, workflow, size))
    }

    async fn earlier(&self, sizes: &[u64], size: u64) -> Result<Vec<Earlier>, StoreError> {
        in_snapshot!(self, |tx| log::earlier(tx, sizes, size))
    }

    async fn proven(&self, index: u64, size: u64) -> Result<BundleEntry, StoreError> {
        in_snapshot!(self, |tx| entries::one_proven(tx, index, size))
    }

    async fn root(&self, size: u64) -> Result<RootHash, StoreError> {
        in_snapshot!(self, |tx| entries::root_of(tx, size))
    }

    async fn continuity(&self, note: &str) -> Result<Continuity, StoreError> {
        in_snapshot!(self, |tx| seal::compare(tx, note))
    }

    async fn rotate(&self, rotation: &dyn KeyRotation) -> Result<Rotation, StoreError> {
        in_tx!(self, |tx| rotating::rotate(tx, rotation))
    }

    async fn rotations(&self) -> Result<Vec<Rotation>, StoreError> {
        in_snapshot!(self, |tx| rotating::rotations(tx))
    }

    async fn erase(&self, erasure: &Erasure) -> Result<Erasure, StoreError> {
        in_tx!(self, |tx| erasing::erase(tx, erasure))
    }

    async fn raise(&self, alarm: &Alarm) -> Result<(), StoreError> {
        in_tx!(self, |tx| alarms::raise(tx, alarm))
    }

    async fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError> {
        in_snapshot!(self, |tx| alarms::all(tx))
    }

    async fn clear_alarm(&self, cleared: &Cleared) -> Result<(), StoreError> {
        in_tx!(self, |tx| alarms::clear(tx, cleared))
    }

    async fn freeze(&self, freeze: &Freeze) -> Result<(), StoreError> {
        in_tx!(self, |tx| freezes::begin(tx, freeze))
    }

    async fn unfreeze(&self, end: &Freeze) -> Result<(), StoreError> {
        let ended = in_tx!(self, |tx| freezes::end(tx, end));
        self.wake_after(ended)
    }

    async fn freezes(&self) -> Result<Vec<(Timestamp, Freeze)>, StoreError> {
        in_snapshot!(self, |tx| freezes::all(tx))
    }

    async fn look_now(&self, workflow: &WorkflowId) -> Result<(), StoreError> {
        let brought = in_tx!(self, |tx| effects::look_now(tx, workflow));
        self.wake_after(brought)
    }

    async fn ledger_size(&self) -> Result<(u64, u64), StoreError> {
        in_snapshot!(self, |tx| seal::sizes(tx))
    }

    async fn checkpoints(&self, limit: u32) -> Result<Vec<CheckpointRow>, StoreError> {
        in_snapshot!(self, |tx| seal::list(tx, limit))
    }

    async fn entries(
        &self,
        stream: Option<&str>,
        from: u64,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        in_snapshot!(self, |tx| entries::page(tx, stream, from, limit))
    }

    async fn export(&self, workflow: &WorkflowId, size: u64) -> Result<Vec<BundleEntry>, StoreError> {
        in_snapshot!(self, |tx| entries::export(tx, workflow, size))
    }

    async fn workflows(&self, limit: u32) -> Result<Vec<WorkflowRow>, StoreError> {
        in_snapshot!(self, |tx| workflows::list(tx, limit))
    }

    async fn workflows_with(
        &self,
        metadata: &Metadata,
        limit: u32,
    ) -> Result<BTreeSet<WorkflowId>, StoreError> {
        in_snapshot!(self, |tx| entries::begun_with(tx, metadata, limit))
    }

    async fn tally(&self) -> Result<Tally, StoreError> {
        in_snapshot!(self, |tx| tally::count(tx))
    }

    async fn issue_changed(&self, id: &WorkflowId) -> Result<Option<Timestamp>, StoreError> {
        in_statement!(self, |tx| hooks::issue_changed(tx, id))
    }

    async fn workflow(&self, id: &WorkflowId) -> Result<WorkflowRow, StoreError> {
        in_statement!(self, |tx| workflows::one(tx, id))
    }

    async fn open_duplicate(
        &self,
        feedback: &FeedbackHash,
        repositories: &[RepositoryId],
        except: Option<&WorkflowId>,
    ) -> Result<Option<WorkflowId>, StoreError> {
        in_statement!(self, |tx| workflows::open_duplicate(
            tx,
            feedback,
            repositories,
            except
        ))
    }

    async fn put_body(&self, bytes: &[u8]) -> Result<BodyHash, StoreError> {
        in_tx!(self, |tx| bodies::put(tx, bytes))
    }

    async fn body(&self, hash: &BodyHash) -> Result<Vec<u8>, StoreError> {
        in_statement!(self, |tx| bodies::get(tx, hash))
    }
}
