//! Signed heads of the tenant's log. The signing key lives outside the database and comes in as a
//! [`CheckpointSigner`].

use crate::bodies;
use crate::db::Tx;
use crate::error;
use crate::log;
use crate::rotating;
use crate::row::{Row, int, time};
use crate::workflows;
use countersign_core::id::WorkflowId;
use countersign_core::workflow::event::CheckpointRef;
use countersign_ledger::{Continuity, RootHash, continuity, inspect, origin_of, parse_and_verify};
use countersign_ports::store::{CheckpointRow, CheckpointSigner, StoreError};
use sea_orm::Value;

/// Most checkpoints that one question gives.
const PAGE_MAX: u32 = 10_000;

/// Signs the head for a workflow; also gives the note.
pub(crate) async fn seal(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
    signer: &dyn CheckpointSigner,
) -> Result<(CheckpointRef, CheckpointRow), StoreError> {
    let covers = workflows::version(tx, workflow).await?;
    let (row, root) = head(tx, signer).await?;
    let note = bodies::put(tx, row.note.as_bytes()).await?;
    let reference = CheckpointRef {
        size: row.size,
        root: root.to_string(),
        note,
        covers,
    };
    Ok((reference, row))
}

/// How the log stands to a checkpoint that was seen.
pub(crate) async fn compare(tx: &Tx<'_>, note: &str) -> Result<Continuity, StoreError> {
    let refuse = |code, message: String| StoreError::Refused { code, message };
    let seen = inspect(note).map_err(|e| refuse(e.code(), format!("this is no checkpoint: {e}")))?;
    if seen.origin() != origin_of(tx.tenant().as_str()) {
        let message = format!(
            "this checkpoint is of the log `{}`, not of this one",
            seen.origin()
        );
        return Err(refuse("checkpoint-of-another-log", message));
    }
    let size = log::size(tx).await?;
    let root = match seen.size() <= size {
        true => Some(log::root(tx, seen.size()).await?),
        false => None,
    };
    Ok(continuity(&seen, size, root.as_ref()))
}

/// Signs the head, or gives the note that is there already for it.
pub(crate) async fn head(
    tx: &Tx<'_>,
    signer: &dyn CheckpointSigner,
) -> Result<(CheckpointRow, RootHash), StoreError> {
    rotating::refuse_retired(tx, &signer.verifiers(tx.tenant())).await?;
    let size = log::size(tx).await?;
    let root = log::root(tx, size).await?;
    if let Some(newest) = newest(tx).await? {
        check_history(tx, &newest, size).await?;
        if newest.row.size == size {
            return Ok((newest.row, root));
        }
    }
    let row = CheckpointRow {
        size,
        note: sign(tx, signer, size, &root)?,
        at: tx.now().await?,
    };
    insert(tx, &row, &root).await?;
    Ok((row, root))
}

/// Leaves in the log, and how many of them the newest checkpoint covers.
pub(crate) async fn sizes(tx: &Tx<'_>) -> Result<(u64, u64), StoreError> {
    let covered = newest(tx).await?.map_or(0, |newest| newest.row.size);
    Ok((log::size(tx).await?, covered))
}

/// Checkpoints, newest first.
pub(crate) async fn list(tx: &Tx<'_>, limit: u32) -> Result<Vec<CheckpointRow>, StoreError> {
    let sql = "SELECT size, root, note, at FROM checkpoints WHERE tenant = $1 ORDER BY size DESC LIMIT $2";
    let rows = tx.rows(sql, [int(limit.min(PAGE_MAX).into())]).await?;
    rows.iter()
        .map(|row| read(row).map(|signed| signed.row))
        .collect()
}

struct Signed {
    row: CheckpointRow,
    root: RootHash,
}

async fn newest(tx: &Tx<'_>) -> Result<Option<Signed>, StoreError> {
    let sql = "SELECT size, root, note, at FROM checkpoints WHERE tenant = $1 ORDER BY size DESC LIMIT 1";
    tx.row(sql, []).await?.as_ref().map(read).transpose()
}

/// What was signed before is still what the log begins with; a log that was rewritten is not signed again.
async fn check_history(tx: &Tx<'_>, newest: &Signed, size: u64) -> Result<(), StoreError> {
    let before = newest.row.size;
    if before > size || log::root(tx, before).await? != newest.root {
        let what = format_args!("the ledger no longer begins with the {before} entries that were signed");
        return Err(error::damaged(what));
    }
    Ok(())
}

/// Signs and checks what came back: a note that nobody can verify is worth nothing.
fn sign(
    tx: &Tx<'_>,
    signer: &dyn CheckpointSigner,
    size: u64,
    root: &RootHash,
) -> Result<String, StoreError> {
    let note = signer.sign(tx.tenant(), size, root)?;
    let unusable = |message: String| StoreError::Refused {
        code: "checkpoint-unusable",
        message,
    };
    let checkpoint = parse_and_verify(&note, &signer.verifiers(tx.tenant())).map_err(|e| {
        unusable(format!(
            "the ledger key made a checkpoint that its own public key refuses: {e}"
        ))
    })?;
    let as_asked = checkpoint.size() == size
        && checkpoint.root() == *root
        && checkpoint.origin() == origin_of(tx.tenant().as_str());
    if as_asked {
        Ok(note)
    } else {
        Err(unusable(
            "the ledger key signed something else than the ledger's head".to_owned(),
        ))
    }
}

async fn insert(tx: &Tx<'_>, row: &CheckpointRow, root: &RootHash) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO checkpoints (tenant, size, root, note, at) VALUES ($1, $2, $3, $4, $5)";
    let values = [
        int(row.size),
        Value::from(root.as_bytes().as_slice()),
        row.note.as_str().into(),
        time(row.at),
    ];
    tx.run(INSERT, values).await.map(|_| ())
}

fn read(row: &Row) -> Result<Signed, StoreError> {
    let checkpoint = CheckpointRow {
        size: row.number("size")?,
        note: row.text("note")?,
        at: row.time("at")?,
    };
    Ok(Signed {
        row: checkpoint,
        root: RootHash(row.hash("root")?),
    })
}
