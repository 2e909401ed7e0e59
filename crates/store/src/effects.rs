//! Durable effects: what is to be done, who holds it and until when.
//!
//! A claim counts a try before anything runs, so that a job which kills its worker reaches its limit; it
//! carries a fence that grows with every claim, so that a worker which lost it can settle nothing. The
//! acknowledgement is part of the transaction that records the result.

use crate::db::{AllTx, Tx};
use crate::error;
use crate::forms;
use crate::row::{int, time};
use countersign_core::id::{EffectId, Fence, RepositoryId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::Effect;
use countersign_ports::store::{ClaimedEffect, LEASE_MS, StoreError};

/// Longest error text that is kept with an effect, in characters.
const ERROR_MAX_CHARS: usize = 2_000;

/// Enqueues what a decision requested. The same id again changes nothing.
pub(crate) async fn enqueue(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
    effects: &[(EffectId, Effect)],
    at: Timestamp,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO effects (tenant, id, workflow, kind, payload, status, run_at)
        VALUES ($1, $2, $3, $4, $5, 'pending', $6) ON CONFLICT (tenant, id) DO NOTHING";
    for (id, effect) in effects {
        let payload = forms::write_effect(effect);
        let values = [
            id.as_str().into(),
            workflow.as_str().into(),
            effect.kind().into(),
            payload.into(),
            time(at),
        ];
        tx.run(INSERT, values).await?;
    }
    Ok(())
}

/// Every waiting effect of a workflow but the outstanding one is at an end: done if its result is recorded, and wanted
/// no longer otherwise.
pub(crate) async fn end_others(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
    outstanding: Option<&EffectId>,
    done: Option<&EffectId>,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE effects SET status = CASE WHEN id = $4 THEN 'done' ELSE 'superseded' END,
        lease_until = NULL, worker = NULL
        WHERE tenant = $1 AND workflow = $2 AND status IN ('pending', 'claimed') AND id IS NOT $3";
    let id = |id: Option<&EffectId>| id.map(EffectId::as_str).into();
    let values = [workflow.as_str().into(), id(outstanding), id(done)];
    tx.run(END, values).await.map(|_| ())
}

/// The outstanding effect waits to be done; otherwise its workflow would stand still for ever.
pub(crate) async fn refuse_missing(tx: &Tx<'_>, id: &EffectId) -> Result<(), StoreError> {
    const WAITS: &str =
        "SELECT 1 FROM effects WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'claimed')";
    match tx.row(WAITS, [id.as_str().into()]).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::Refused {
            code: "effect-missing",
            message: format!("the decision waits for the effect {id}, but nothing is left that would do it"),
        }),
    }
}

/// A claim that is held at this moment.
pub(crate) struct Held {
    /// Of which workflow the effect is.
    pub(crate) workflow: WorkflowId,
    /// Until when.
    pub(crate) lease_until: Timestamp,
}

/// Checks a claim: same fence, still claimed, lease not run out.
///
/// # Errors
/// `ClaimLost` otherwise, also when the effect was superseded or is done.
pub(crate) async fn held(
    tx: &Tx<'_>,
    id: &EffectId,
    fence: Fence,
    now: Timestamp,
) -> Result<Held, StoreError> {
    const HELD: &str = "SELECT workflow, lease_until FROM effects
        WHERE tenant = $1 AND id = $2 AND status = 'claimed' AND fence = $3 AND lease_until > $4";
    let row = tx
        .row(HELD, [id.as_str().into(), int(fence.0), time(now)])
        .await?
        .ok_or(StoreError::ClaimLost)?;
    Ok(Held {
        workflow: row.parsed("workflow", WorkflowId::parse)?,
        lease_until: row.time("lease_until")?,
    })
}

/// Releases a claim; the effect runs again at `at`, or earlier if somebody asked for that meanwhile.
pub(crate) async fn release(tx: &Tx<'_>, id: &EffectId, at: Timestamp) -> Result<(), StoreError> {
    const RELEASE: &str = "UPDATE effects SET status = 'pending', run_at = min($3, coalesce(wanted_at, $3)),
        wanted_at = NULL, lease_until = NULL, worker = NULL WHERE tenant = $1 AND id = $2";
    tx.run(RELEASE, [id.as_str().into(), time(at)]).await.map(|_| ())
}

/// Releases a claim without a result.
pub(crate) async fn reschedule(
    tx: &Tx<'_>,
    effect: &ClaimedEffect,
    at: Timestamp,
    error: &str,
    counts: bool,
) -> Result<(), StoreError> {
    const NOTE: &str =
        "UPDATE effects SET last_error = $3, attempts = attempts - $4 WHERE tenant = $1 AND id = $2";
    held(tx, &effect.id, effect.fence, tx.now().await?).await?;
    let error: String = error.chars().take(ERROR_MAX_CHARS).collect();
    let given_back = int(u64::from(!counts));
    tx.run(NOTE, [effect.id.as_str().into(), error.into(), given_back])
        .await?;
    release(tx, &effect.id, at).await
}

/// Effects of that kind, of workflows on that repository, run again at `at` if that is earlier than they would; how many
/// there are. One that somebody holds runs again once more: what its holder sees may be older.
pub(crate) async fn bring_forward(
    tx: &Tx<'_>,
    kind: &str,
    repository: &RepositoryId,
    at: Timestamp,
) -> Result<u64, StoreError> {
    const FORWARD: &str = "UPDATE effects SET
        run_at = CASE WHEN status = 'pending' THEN min(run_at, $4) ELSE run_at END,
        wanted_at = CASE WHEN status = 'claimed' THEN $4 ELSE wanted_at END
        WHERE tenant = $1 AND kind = $2 AND status IN ('pending', 'claimed')
        AND workflow IN (SELECT w.id FROM workflows w WHERE w.tenant = $1
            AND instr(',' || w.repositories_key || ',', ',' || $3 || ',') > 0
            AND EXISTS (SELECT 1 FROM effects o WHERE o.tenant = $1 AND o.workflow = w.id
                AND o.status IN ('pending', 'claimed')))";
    let values = [kind.into(), repository.to_string().into(), time(at)];
    tx.run(FORWARD, values).await
}

/// A look of a workflow that waits for its time is due now.
pub(crate) async fn look_now(tx: &Tx<'_>, workflow: &WorkflowId) -> Result<(), StoreError> {
    const NOW: &str = "UPDATE effects SET run_at = min(run_at, $5)
        WHERE tenant = $1 AND workflow = $2 AND kind IN ($3, $4) AND status = 'pending'";
    let now = tx.now().await?;
    let values = [
        workflow.as_str().into(),
        Effect::ReadChecks.kind().into(),
        Effect::ReadMerges.kind().into(),
        time(now),
    ];
    tx.run(NOW, values).await.map(drop)
}

/// Holds a claim for another lease.
pub(crate) async fn renew(tx: &Tx<'_>, effect: &ClaimedEffect) -> Result<Timestamp, StoreError> {
    const RENEW: &str = "UPDATE effects SET lease_until = $3 WHERE tenant = $1 AND id = $2";
    let now = tx.now().await?;
    held(tx, &effect.id, effect.fence, now).await?;
    let until = now.plus_ms(LEASE_MS);
    tx.run(RENEW, [effect.id.as_str().into(), time(until)]).await?;
    Ok(until)
}

/// Every claim ends; the tries that were begun still count.
pub(crate) async fn end_claims(all: &AllTx) -> Result<u64, StoreError> {
    const END: &str = "UPDATE effects SET status = 'pending', lease_until = NULL, worker = NULL
        WHERE status = 'claimed'";
    all.run(END, []).await
}

/// What a claim of an effect found.
pub(crate) enum Taken {
    /// An effect to perform.
    Effect(ClaimedEffect),
    /// One that can't be read: it was put off by a lease, so that it does not stand in everybody's way.
    Unreadable(StoreError),
}

/// Which effects a claim may take.
pub(crate) enum Wanted<'a> {
    /// The first one in line.
    Any {
        /// Only of this workflow.
        only: Option<&'a WorkflowId>,
        /// Not of these workflows: a JSON list.
        judging: &'a str,
    },
    /// This one, unless an input of its workflow waits.
    This(&'a EffectId),
}

/// Claims an effect of a tenant that may run now.
pub(crate) async fn claim(
    tx: &Tx<'_>,
    worker: &str,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Option<Taken>, StoreError> {
    const FOUND: &str =
        "SELECT e.id, e.workflow, e.payload, e.attempts FROM effects e WHERE e.tenant = $1 AND";
    let found = match wanted {
        Wanted::Any { only, judging } => {
            let sql = format!(
                "{FOUND} ($3 IS NULL OR e.workflow = $3)
                AND e.workflow NOT IN (SELECT value FROM json_each($4)) AND {MAY_RUN}
                ORDER BY e.run_at, e.n LIMIT 1"
            );
            let only = only.map(WorkflowId::as_str);
            tx.row(&sql, [time(now), only.into(), (*judging).into()]).await?
        }
        Wanted::This(id) => {
            let sql = format!("{FOUND} e.id = $3 AND {MAY_RUN} AND {NO_INPUT_WAITS}");
            tx.row(&sql, [time(now), id.as_str().into()]).await?
        }
    };
    let Some(row) = found else {
        return Ok(None);
    };
    let id = row.parsed("id", EffectId::parse)?;
    let workflow = row.parsed("workflow", WorkflowId::parse)?;
    let attempt = row.small("attempts")?.saturating_add(1);
    let until = now.plus_ms(LEASE_MS);
    match forms::read_effect(&row.bytes("payload")?) {
        Ok(effect) => {
            let fence = next_fence(tx.all()).await?;
            let tenant = tx.tenant().clone();
            let claimed = ClaimedEffect {
                tenant,
                workflow,
                id,
                effect,
                attempt,
                fence,
                lease_until: until,
            };
            mark_claimed(tx, &claimed, worker).await?;
            Ok(Some(Taken::Effect(claimed)))
        }
        Err(why) => {
            put_off(tx, &id, until, &why.to_string()).await?;
            let what = format_args!("effect {id} can't be read: {why}");
            Ok(Some(Taken::Unreadable(error::damaged(what))))
        }
    }
}

/// When the next waiting effect becomes claimable, held workflows left out.
pub(crate) async fn next_run_at(
    all: &AllTx,
    only: Option<&WorkflowId>,
) -> Result<Option<Timestamp>, StoreError> {
    const NEXT: &str = "SELECT min(coalesce(e.lease_until, e.run_at)) AS next FROM effects e
        WHERE e.status IN ('pending', 'claimed') AND ($1 IS NULL OR e.workflow = $1)
        AND NOT EXISTS (SELECT 1 FROM inputs i
            WHERE i.tenant = e.tenant AND i.workflow = e.workflow AND i.status = 'held')";
    let row = all.row(NEXT, [only.map(WorkflowId::as_str).into()]).await?;
    row.map_or(Ok(None), |row| row.time_or_null("next"))
}

/// Whether effect `e` may run at `$2`: due or abandoned, its workflow not closed by a held input and without
/// another effect that somebody holds.
pub(crate) const MAY_RUN: &str = "e.status IN ('pending', 'claimed')
    AND (e.status = 'pending' AND e.run_at <= $2 OR e.status = 'claimed' AND e.lease_until <= $2)
    AND NOT EXISTS (SELECT 1 FROM inputs i
        WHERE i.tenant = e.tenant AND i.workflow = e.workflow AND i.status = 'held')
    AND NOT EXISTS (SELECT 1 FROM effects o
        WHERE o.tenant = e.tenant AND o.workflow = e.workflow AND o.id <> e.id
        AND o.status = 'claimed' AND o.lease_until > $2)";

/// Whether nobody has anything to say about the workflow of effect `e` first.
const NO_INPUT_WAITS: &str = "NOT EXISTS (SELECT 1 FROM inputs i
    WHERE i.tenant = e.tenant AND i.workflow = e.workflow AND i.status IN ('pending', 'held'))";

async fn next_fence(all: &AllTx) -> Result<Fence, StoreError> {
    let row = all
        .row(
            "UPDATE meta SET value = value + 1 WHERE key = 'fence' RETURNING value",
            [],
        )
        .await?;
    row.ok_or_else(|| error::damaged("the fence counter is gone"))?
        .number("value")
        .map(Fence)
}

async fn mark_claimed(tx: &Tx<'_>, claimed: &ClaimedEffect, worker: &str) -> Result<(), StoreError> {
    const CLAIM: &str =
        "UPDATE effects SET status = 'claimed', attempts = attempts + 1, fence = $3, lease_until = $4,
        worker = $5 WHERE tenant = $1 AND id = $2";
    let values = [
        claimed.id.as_str().into(),
        int(claimed.fence.0),
        time(claimed.lease_until),
        worker.into(),
    ];
    tx.run(CLAIM, values).await.map(|_| ())
}

async fn put_off(tx: &Tx<'_>, id: &EffectId, until: Timestamp, why: &str) -> Result<(), StoreError> {
    const NOTE: &str =
        "UPDATE effects SET last_error = $3, attempts = attempts + 1 WHERE tenant = $1 AND id = $2";
    tx.run(NOTE, [id.as_str().into(), why.into()]).await?;
    release(tx, id, until).await
}
