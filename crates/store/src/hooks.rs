//! What forges told by themselves: kept once each, in one transaction with what it wakes.

use crate::db::Tx;
use crate::effects;
use crate::row::{int, time};
use crate::tenant::{SqliteTenant, in_snapshot, in_tx};
use async_trait::async_trait;
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::Effect;
use countersign_ports::hook::{
    DELIVERIES_KEPT_MS, DELIVERY_NAME_MAX_BYTES, Hook, Hooks, OpenHook, PointsTo, Received, Work,
};
use countersign_ports::store::StoreError;

/// How long after a change CI is looked at, in milliseconds: changes come in swarms, and one look is enough for all.
const LOOK_AFTER_MS: u64 = 3_000;
/// Most old deliveries that one new one makes forgotten.
const FORGOTTEN_AT_ONCE: u32 = 20;
/// What becomes of a delivery that nobody has to work on.
const LOOKED_AT: &str = "looked-at";

async fn receive(tx: &Tx<'_>, hook: &Hook) -> Result<(Received, u64), StoreError> {
    const INSERT: &str = "INSERT INTO hook_deliveries
        (tenant, forge, delivery, body, repository, comment, issue, received_at, outcome)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    if hook.delivery.is_empty() || hook.delivery.len() > DELIVERY_NAME_MAX_BYTES {
        return Err(StoreError::Refused {
            code: "hook-malformed",
            message: format!("a delivery's name has 1 to {DELIVERY_NAME_MAX_BYTES} bytes"),
        });
    }
    if !is_registered(tx, &hook.repository).await? {
        return Ok((Received::NotOurs, 0));
    }
    let now = tx.now().await?;
    let (comment, issue, outcome) = match hook.points_to {
        PointsTo::Change => (None, None, Some(LOOKED_AT.to_owned())),
        PointsTo::Comment { comment } => {
            let outcome = outcome_of(tx, &hook.repository, comment).await?;
            (Some(comment), None, outcome)
        }
        PointsTo::Labels => (None, None, None),
        PointsTo::Edit { issue } => (None, Some(issue), None),
    };
    let or_null = |number: Option<u64>| number.map_or_else(|| None::<i64>.into(), int);
    let values = [
        hook.repository.forge.as_str().into(),
        hook.delivery.as_str().into(),
        hook.body.to_hex().into(),
        int(hook.repository.number),
        or_null(comment),
        or_null(issue),
        time(now),
        outcome.into(),
    ];
    if tx.run(INSERT, values).await? == 0 {
        return Ok((Received::Repeated, 0));
    }
    forget(tx, now.0.saturating_sub(DELIVERIES_KEPT_MS)).await?;
    let woken = match hook.points_to {
        PointsTo::Change => {
            let soon = now.plus_ms(LOOK_AFTER_MS);
            let mut woken = 0;
            for looks in [Effect::ReadChecks, Effect::ReadMerges] {
                woken += effects::bring_forward(tx, looks.kind(), &hook.repository, soon).await?;
            }
            woken
        }
        PointsTo::Comment { .. } | PointsTo::Labels | PointsTo::Edit { .. } => 0,
    };
    Ok((Received::New, woken))
}

/// What a comment that was found by looking is kept under in place of a delivery's name.
const FOUND: &str = "found";

async fn found(tx: &Tx<'_>, repository: &RepositoryId, comments: &[u64]) -> Result<u64, StoreError> {
    const INSERT: &str = "INSERT INTO hook_deliveries
        (tenant, forge, delivery, body, repository, comment, received_at)
        SELECT $1, $2, $3, '', $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM hook_deliveries
            WHERE tenant = $1 AND forge = $2 AND repository = $4 AND comment = $5)";
    if !is_registered(tx, repository).await? {
        return Ok(0);
    }
    let now = tx.now().await?;
    let mut new = 0;
    for comment in comments {
        let values = [
            repository.forge.as_str().into(),
            format!("{FOUND}-{}-{comment}", repository.number).into(),
            int(repository.number),
            int(*comment),
            time(now),
        ];
        new += tx.run(INSERT, values).await?;
    }
    Ok(new)
}

/// What a label is kept under in place of a delivery's name: no delivery names one.
const LABEL: &str = "label";

async fn found_labels(tx: &Tx<'_>, repository: &RepositoryId, events: &[u64]) -> Result<u64, StoreError> {
    const INSERT: &str = "INSERT INTO hook_deliveries
        (tenant, forge, delivery, body, repository, label, received_at)
        VALUES ($1, $2, $3, '', $4, $5, $6) ON CONFLICT DO NOTHING";
    if !is_registered(tx, repository).await? {
        return Ok(0);
    }
    let now = tx.now().await?;
    let mut new = 0;
    for event in events {
        let values = [
            repository.forge.as_str().into(),
            format!("{LABEL}-{}-{event}", repository.number).into(),
            int(repository.number),
            int(*event),
            time(now),
        ];
        new += tx.run(INSERT, values).await?;
    }
    Ok(new)
}

/// What came of a comment that was told of before.
async fn outcome_of(
    tx: &Tx<'_>,
    repository: &RepositoryId,
    comment: u64,
) -> Result<Option<String>, StoreError> {
    const FIND: &str = "SELECT outcome FROM hook_deliveries
        WHERE tenant = $1 AND forge = $2 AND repository = $3 AND comment = $4 AND outcome IS NOT NULL";
    let values = [
        repository.forge.as_str().into(),
        int(repository.number),
        int(comment),
    ];
    let row = tx.row(FIND, values).await?;
    row.map_or(Ok(None), |row| row.text_or_null("outcome"))
}

async fn is_registered(tx: &Tx<'_>, id: &RepositoryId) -> Result<bool, StoreError> {
    const FIND: &str = "SELECT 1 FROM remote_repositories WHERE tenant = $1 AND forge = $2 AND number = $3";
    let values = [id.forge.as_str().into(), int(id.number)];
    Ok(tx.row(FIND, values).await?.is_some())
}

/// A few at a time, so that no delivery pays for a week's.
async fn forget(tx: &Tx<'_>, before: u64) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM hook_deliveries WHERE n IN (SELECT n FROM hook_deliveries
        WHERE tenant = $1 AND received_at < $2 ORDER BY received_at LIMIT $3)";
    tx.run(FORGET, [int(before), int(FORGOTTEN_AT_ONCE.into())])
        .await
        .map(drop)
}

/// What a restored or copied folder had not looked at is nobody's word there (hazard 39).
pub(crate) async fn void(tx: &Tx<'_>) -> Result<(), StoreError> {
    const VOID: &str = "UPDATE hook_deliveries SET outcome = 'void' WHERE tenant = $1 AND outcome IS NULL";
    tx.run(VOID, []).await.map(drop)
}

async fn open(tx: &Tx<'_>, limit: u32) -> Result<Vec<OpenHook>, StoreError> {
    const OPEN: &str =
        "SELECT n, received_at, forge || '-' || repository AS repository, comment, label, issue
        FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY forge, repository ORDER BY n) AS place
            FROM hook_deliveries WHERE tenant = $1 AND outcome IS NULL)
        ORDER BY place, n LIMIT $2";
    let rows = tx.rows(OPEN, [int(limit.into())]).await?;
    let read = rows.iter().map(|row| {
        let number = |column| row.number_or_null(column);
        let work = match (number("comment")?, number("label")?, number("issue")?) {
            (Some(comment), _, _) => Work::Comment(comment),
            (None, Some(event), _) => Work::Label(event),
            (None, None, Some(issue)) => Work::Edit(issue),
            (None, None, None) => Work::Labels,
        };
        Ok(OpenHook {
            work,
            number: row.number("n")?,
            at: row.time("received_at")?,
            repository: row.parsed("repository", |text| RepositoryId::try_from(text.to_owned()))?,
        })
    });
    read.collect()
}

async fn settle(tx: &Tx<'_>, number: u64, outcome: &str) -> Result<bool, StoreError> {
    const SETTLE: &str = "UPDATE hook_deliveries SET outcome = $3
        WHERE tenant = $1 AND outcome IS NULL AND (n = $2 OR (forge, repository, comment) IN
            (SELECT forge, repository, comment FROM hook_deliveries WHERE tenant = $1 AND n = $2))";
    Ok(tx.run(SETTLE, [int(number), outcome.into()]).await? > 0)
}

/// The first time that it was noticed stays.
async fn note_issue(tx: &Tx<'_>, workflow: &WorkflowId, changed: bool) -> Result<bool, StoreError> {
    const NOTE: &str = "INSERT INTO issue_changes (tenant, workflow, noticed_at)
        VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    const FORGET: &str = "DELETE FROM issue_changes WHERE tenant = $1 AND workflow = $2";
    let changes = match changed {
        true => {
            let now = tx.now().await?;
            tx.run(NOTE, [workflow.as_str().into(), time(now)]).await?
        }
        false => tx.run(FORGET, [workflow.as_str().into()]).await?,
    };
    Ok(changes > 0)
}

pub(crate) async fn issue_changed(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
) -> Result<Option<Timestamp>, StoreError> {
    const FIND: &str = "SELECT noticed_at FROM issue_changes WHERE tenant = $1 AND workflow = $2";
    let row = tx.row(FIND, [workflow.as_str().into()]).await?;
    row.map(|row| row.time("noticed_at")).transpose()
}

#[async_trait]
impl Hooks for SqliteTenant {
    async fn receive(&self, hook: &Hook) -> Result<Received, StoreError> {
        let (received, woken) = in_tx!(self, |tx| receive(tx, hook))?;
        if woken > 0 {
            self.shared.wake();
        }
        Ok(received)
    }

    async fn found(&self, repository: &RepositoryId, comments: &[u64]) -> Result<u64, StoreError> {
        in_tx!(self, |tx| found(tx, repository, comments))
    }

    async fn found_labels(&self, repository: &RepositoryId, events: &[u64]) -> Result<u64, StoreError> {
        in_tx!(self, |tx| found_labels(tx, repository, events))
    }

    async fn note_issue(&self, workflow: &WorkflowId, changed: bool) -> Result<bool, StoreError> {
        in_tx!(self, |tx| note_issue(tx, workflow, changed))
    }

    async fn open(&self, limit: u32) -> Result<Vec<OpenHook>, StoreError> {
        in_snapshot!(self, |tx| open(tx, limit))
    }

    async fn settle(&self, number: u64, outcome: &str) -> Result<bool, StoreError> {
        in_tx!(self, |tx| settle(tx, number, outcome))
    }
}
