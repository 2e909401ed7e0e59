//! What operators watch, counted: a few statements over one view, bounded by an index or a limit, and the tenant's own stream,
//! out of which alarms and freezes are read as everywhere. It changes nothing.

use crate::db::Tx;
use crate::row::{int, time};
use crate::{alarms, effects, freezes, inputs, seal, workflows};
use countersign_core::time::Timestamp;
use countersign_ports::store::{EffectTally, StoreError, TALLIED_MAX, Tally};
use std::collections::BTreeMap;

/// Counts everything at the database's time.
pub(crate) async fn count(tx: &Tx<'_>) -> Result<Tally, StoreError> {
    let at = tx.now().await?;
    let open_alarms = alarms::all(tx)
        .await?
        .iter()
        .filter(|a| a.cleared.is_none())
        .count();
    let mut tally = Tally {
        at,
        workflows: BTreeMap::new(),
        open_requests: 0,
        waiting_since: None,
        effects: outstanding(tx).await?,
        pending_inputs: 0,
        held_inputs: 0,
        unclaimed_since: unclaimed_since(tx, at).await?,
        open_alarms: number(open_alarms),
        freezes: number(freezes::all(tx).await?.len()),
        ledger_size: seal::sizes(tx).await?,
    };
    count_workflows(tx, &mut tally).await?;
    count_inputs(tx, &mut tally).await?;
    Ok(tally)
}

async fn count_workflows(tx: &Tx<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    const BY_STATE: &str = "SELECT state, count(*) AS number, sum(open_requests) AS open,
            min(CASE WHEN open_requests > 0 THEN updated_at END) AS since
        FROM (SELECT state, open_requests, updated_at FROM workflows
            WHERE tenant = $1 ORDER BY created_at DESC LIMIT $2)
        GROUP BY state";
    for row in tx.rows(BY_STATE, [int(TALLIED_MAX.into())]).await? {
        let state = row.parsed("state", workflows::parse_state)?;
        tally.workflows.insert(state, row.number("number")?);
        tally.open_requests += row.number("open")?;
        let since = [tally.waiting_since, row.time_or_null("since")?];
        tally.waiting_since = since.into_iter().flatten().min();
    }
    Ok(())
}

async fn count_inputs(tx: &Tx<'_>, tally: &mut Tally) -> Result<(), StoreError> {
    const UNDECIDED: &str = "SELECT coalesce(sum(status = 'pending'), 0) AS pending,
            coalesce(sum(status = 'held'), 0) AS held
        FROM inputs WHERE tenant = $1 AND status IN ('pending', 'held')";
    if let Some(row) = tx.row(UNDECIDED, []).await? {
        tally.pending_inputs = row.number("pending")?;
        tally.held_inputs = row.number("held")?;
    }
    Ok(())
}

async fn outstanding(tx: &Tx<'_>) -> Result<Vec<EffectTally>, StoreError> {
    const BY_KIND: &str = "SELECT kind, count(*) AS number, min(run_at) AS since FROM effects
        WHERE tenant = $1 AND status IN ('pending', 'claimed') GROUP BY kind ORDER BY kind";
    let rows = tx.rows(BY_KIND, []).await?;
    rows.iter()
        .map(|row| {
            Ok(EffectTally {
                kind: row.text("kind")?,
                outstanding: row.number("number")?,
                due_since: row.time("since")?,
            })
        })
        .collect()
}

/// What a worker could take by the very conditions of a claim.
async fn unclaimed_since(tx: &Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let sql = format!(
        "SELECT min(since) AS since FROM (
            SELECT i.received_at AS since FROM inputs i WHERE i.tenant = $1 AND {}
            UNION ALL SELECT coalesce(e.lease_until, e.run_at) FROM effects e WHERE e.tenant = $1 AND {})",
        inputs::MAY_BE_JUDGED,
        effects::MAY_RUN,
    );
    let row = tx.row(&sql, [time(now)]).await?;
    row.map_or(Ok(None), |row| row.time_or_null("since"))
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
