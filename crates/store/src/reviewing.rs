//! What members keep while reviewing: the [`Reviewing`] port. Every method is one transaction.

use crate::db::Tx;
use crate::error;
use crate::row::{Row, int, time};
use crate::tenant::{SqliteTenant, in_snapshot, in_tx};
use async_trait::async_trait;
use countersign_core::digest::{BodyHash, canonical_json};
use countersign_core::id::{MemberId, RepositoryId, Revision, WorkflowId};
use countersign_core::line_comment::LineComment;
use countersign_ports::reviewing::{
    ChangedFile, DRAFT_COMMENTS_MAX, DraftComment, Reviewing, VIEWED_MAX, Viewed,
};
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

fn draft(row: &Row) -> Result<DraftComment, StoreError> {
    let comment: LineComment = serde_json::from_slice(&row.bytes("comment")?)
        .map_err(|why| error::damaged(format_args!("a draft comment can't be read: {why}")))?;
    Ok(DraftComment {
        id: row.text("id")?,
        workflow: row.parsed("workflow", WorkflowId::parse)?,
        revision: Revision(row.small("revision")?),
        comment,
        at: row.time("written_at")?,
    })
}

async fn draft_comments(
    tx: &Tx<'_>,
    member: &MemberId,
    workflow: &WorkflowId,
) -> Result<Vec<DraftComment>, StoreError> {
    const FIND: &str = "SELECT id, workflow, revision, comment, written_at FROM draft_comments
        WHERE tenant = $1 AND member = $2 AND workflow = $3 ORDER BY n";
    let values = [member.as_str().into(), workflow.as_str().into()];
    tx.rows(FIND, values).await?.iter().map(draft).collect()
}

async fn draft_comment(tx: &Tx<'_>, member: &MemberId, id: &str) -> Result<Option<DraftComment>, StoreError> {
    const FIND: &str = "SELECT id, workflow, revision, comment, written_at FROM draft_comments
        WHERE tenant = $1 AND member = $2 AND id = $3";
    let row = tx.row(FIND, [member.as_str().into(), id.into()]).await?;
    row.as_ref().map(draft).transpose()
}

async fn put_draft_comment(tx: &Tx<'_>, member: &MemberId, draft: &DraftComment) -> Result<(), StoreError> {
    const CHANGE: &str =
        "UPDATE draft_comments SET comment = $4 WHERE tenant = $1 AND member = $2 AND id = $3";
    const INSERT: &str =
        "INSERT INTO draft_comments (tenant, id, member, workflow, revision, comment, written_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let comment = || canonical_json(&draft.comment).into();
    let (who, id) = (|| member.as_str().into(), || draft.id.as_str().into());
    if tx.run(CHANGE, [who(), id(), comment()]).await? > 0 {
        return Ok(());
    }
    if draft_comments(tx, member, &draft.workflow).await?.len() >= DRAFT_COMMENTS_MAX as usize {
        return Err(StoreError::Refused {
            code: "too-many-comments",
            message: format!(
                "there are {DRAFT_COMMENTS_MAX} draft comments already; drop one that is not needed"
            ),
        });
    }
    let values = [
        id(),
        who(),
        draft.workflow.as_str().into(),
        int(draft.revision.0.into()),
        comment(),
        time(draft.at),
    ];
    tx.run(INSERT, values).await.map(drop)
}

async fn drop_draft_comments(tx: &Tx<'_>, member: &MemberId, ids: &[String]) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM draft_comments WHERE tenant = $1 AND member = $2 AND id = $3";
    for id in ids {
        tx.run(DELETE, [member.as_str().into(), id.as_str().into()])
            .await?;
    }
    Ok(())
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

    async fn draft_comments(
        &self,
        member: &MemberId,
        workflow: &WorkflowId,
    ) -> Result<Vec<DraftComment>, StoreError> {
        in_snapshot!(self, |tx| draft_comments(tx, member, workflow))
    }

    async fn draft_comment(&self, member: &MemberId, id: &str) -> Result<Option<DraftComment>, StoreError> {
        in_snapshot!(self, |tx| draft_comment(tx, member, id))
    }

    async fn put_draft_comment(&self, member: &MemberId, draft: &DraftComment) -> Result<(), StoreError> {
        in_tx!(self, |tx| put_draft_comment(tx, member, draft))
    }

    async fn drop_draft_comments(&self, member: &MemberId, ids: &[String]) -> Result<(), StoreError> {
        in_tx!(self, |tx| drop_draft_comments(tx, member, ids))
    }
}
