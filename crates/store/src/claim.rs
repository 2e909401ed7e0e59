//! Which work comes next: tenants in turn, and of a tenant its inputs before its effects.

use crate::db::AllTx;
use crate::effects::{self, Taken, Wanted};
use crate::inputs;
use crate::row::time;
use countersign_core::id::{TenantId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_ports::store::{Claim, StoreError};
use std::collections::BTreeSet;

/// Who asks for work, and what for.
pub(crate) struct Ask<'a> {
    /// The worker's name, for people.
    pub(crate) worker: &'a str,
    /// Only this workflow.
    pub(crate) only: Option<&'a WorkflowId>,
    /// Not these.
    pub(crate) judging: &'a BTreeSet<WorkflowId>,
    /// Whose turn it was last: the others come first.
    pub(crate) served: Option<TenantId>,
}

/// What was found, with the tenant whose turn it was.
pub(crate) struct Found {
    /// Whose turn it was.
    pub(crate) tenant: TenantId,
    /// The item; an error when a stored effect can't be read. It was put off, so the next claim goes on.
    pub(crate) claim: Result<Claim, StoreError>,
}

/// Claims one item.
pub(crate) async fn next(all: &AllTx, ask: &Ask<'_>) -> Result<Option<Found>, StoreError> {
    let now = all.now().await?;
    let judging = list(ask.judging);
    let Some(tenant) = next_tenant(all, ask, &judging, now).await? else {
        return Ok(None);
    };
    if let Some(claim) = inputs::oldest(&all.of(&tenant), ask.only, &judging).await? {
        return Ok(Some(Found {
            tenant,
            claim: Ok(claim),
        }));
    }
    let any = Wanted::Any {
        only: ask.only,
        judging: &judging,
    };
    let taken = effects::claim(&all.of(&tenant), ask.worker, &any, now).await?;
    Ok(taken.map(|taken| match taken {
        Taken::Effect(effect) => Found {
            tenant,
            claim: Ok(Claim::Effect(effect)),
        },
        Taken::Unreadable(error) => Found {
            tenant,
            claim: Err(error),
        },
    }))
}

/// Workflows as a JSON list, to be bound as one value.
fn list(workflows: &BTreeSet<WorkflowId>) -> String {
    let quoted: Vec<String> = workflows.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// The next tenant with work, in turn after the one that was served last (hazard 59).
async fn next_tenant(
    all: &AllTx,
    ask: &Ask<'_>,
    judging: &str,
    now: Timestamp,
) -> Result<Option<TenantId>, StoreError> {
    let sql = format!(
        "SELECT t.id AS tenant FROM tenants t
        WHERE EXISTS (SELECT 1 FROM inputs i
            WHERE i.tenant = t.id AND ($1 IS NULL OR i.workflow = $1)
            AND i.workflow NOT IN (SELECT value FROM json_each($4)) AND {})
        OR EXISTS (SELECT 1 FROM effects e
            WHERE e.tenant = t.id AND ($1 IS NULL OR e.workflow = $1)
            AND e.workflow NOT IN (SELECT value FROM json_each($4)) AND {})
        ORDER BY t.id > coalesce($3, '') DESC, t.id LIMIT 1",
        inputs::MAY_BE_JUDGED,
        effects::MAY_RUN,
    );
    let only = ask.only.map(WorkflowId::as_str);
    let served = ask.served.as_ref().map(TenantId::as_str);
    let row = all
        .row(&sql, [only.into(), time(now), served.into(), judging.into()])
        .await?;
    row.map(|row| row.parsed("tenant", TenantId::parse)).transpose()
}
