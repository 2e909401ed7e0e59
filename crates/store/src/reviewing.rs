//! What members keep while reviewing: the [`Reviewing`] port. Every method is one transaction.

use crate::db::Tx;
use crate::row::{Row, int, time};
use crate::tenant::{SqliteTenant, in_snapshot, in_tx};
use async_trait::async_trait;
use countersign_core::digest::BodyHash;
use countersign_core::id::{MemberId, RepositoryId, Revision, WorkflowId};
use countersign_ports::reviewing::{ChangedFile, Reviewing, VIEWED_MAX, Viewed};
use countersign_ports::store::StoreError;

fn mark(row: &Row) -> Result<Viewed, StoreError> {
    Ok(Viewed {
        file: ChangedFile {
            repository: row.parsed("repository", |t| RepositoryId::try_from(t.to_owned()))?,
            change: row.parsed("change", |t| BodyHash::try_from(t.to_owned()))?,
        },
        revision: Revision(row.small("revision")?),
        at: row.time("viewed_at")?,
    })
}

async fn viewed(tx: &Tx<'_>, member: &MemberId, workflow: &WorkflowId) -> Result<Vec<Viewed>, StoreError> {
    const FIND: &str = "SELECT repository, change, revision, viewed_at FROM viewed_files
        WHERE tenant = $1 AND member = $2 AND workflow = $3 ORDER BY viewed_at, repository, change";
    let values = [member.as_str().into(), workflow.as_str().into()];
    tx.rows(FIND, values).await?.iter().map(mark).collect()
}

async fn mark_viewed(
    tx: &Tx<'_>,
    (member, workflow): (&MemberId, &WorkflowId),
    (file, revision): (&ChangedFile, Revision),
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO viewed_files
        (tenant, member, workflow, repository, change, revision, viewed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT DO NOTHING";
    const TOO_MANY: &str = "DELETE FROM viewed_files WHERE rowid IN (SELECT rowid FROM viewed_files
        WHERE tenant = $1 AND member = $2 AND workflow = $3
        ORDER BY viewed_at DESC, rowid DESC LIMIT -1 OFFSET $4)";
    let now = tx.now().await?;
    let values = [
        member.as_str().into(),
        workflow.as_str().into(),
        file.repository.to_string().into(),
        file.change.to_hex().into(),
        int(revision.0.into()),
        time(now),
    ];
    tx.run(INSERT, values).await?;
    let values = [
        member.as_str().into(),
        workflow.as_str().into(),
        int(VIEWED_MAX.into()),
    ];
    tx.run(TOO_MANY, values).await.map(drop)
}

async fn unmark_viewed(
    tx: &Tx<'_>,
    (member, workflow): (&MemberId, &WorkflowId),
    file: &ChangedFile,
) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM viewed_files
        WHERE tenant = $1 AND member = $2 AND workflow = $3 AND repository = $4 AND change = $5";
    let values = [
        member.as_str().into(),
        workflow.as_str().into(),
        file.repository.to_string().into(),
        file.change.to_hex().into(),
    ];
    tx.run(DELETE, values).await.map(drop)
}

#[async_trait]
impl Reviewing for SqliteTenant {
    async fn viewed(&self, member: &MemberId, workflow: &WorkflowId) -> Result<Vec<Viewed>, StoreError> {
        in_snapshot!(self, |tx| viewed(tx, member, workflow))
    }

    async fn mark_viewed(
        &self,
        member: &MemberId,
        workflow: &WorkflowId,
        file: &ChangedFile,
        revision: Revision,
    ) -> Result<(), StoreError> {
        in_tx!(self, |tx| mark_viewed(tx, (member, workflow), (file, revision)))
    }

    async fn unmark_viewed(
        &self,
        member: &MemberId,
        workflow: &WorkflowId,
        file: &ChangedFile,
    ) -> Result<(), StoreError> {
        in_tx!(self, |tx| unmark_viewed(tx, (member, workflow), file))
    }
}
