//! Alarms: what points to a forgery, as facts in the ledger, so that whoever can write rows can't make them go away
//! unnoticed.

use crate::db::Tx;
use crate::log::{self, KIND_ALARM, KIND_ALARM_CLEARED};
use crate::{entries, error};
use countersign_core::digest::canonical_json;
use countersign_ports::store::{Alarm, AlarmRow, Cleared, StoreError};
use serde::de::DeserializeOwned;

/// Records an alarm, once; one that was cleared is raised anew.
pub(crate) async fn raise(tx: &Tx<'_>, alarm: &Alarm) -> Result<(), StoreError> {
    tracing::error!(code = alarm.code, workflow = %alarm.workflow, "ALARM: {}", alarm.message);
    let known = all(tx).await?;
    if known.iter().any(|k| k.alarm == *alarm && k.cleared.is_none()) {
        return Ok(());
    }
    log::append_tenant_fact(tx, KIND_ALARM, &canonical_json(alarm)).await
}

/// All alarms, oldest first.
pub(crate) async fn all(tx: &Tx<'_>) -> Result<Vec<AlarmRow>, StoreError> {
    let mut rows: Vec<AlarmRow> = Vec::new();
    for fact in entries::placed_tenant_facts(tx, &[KIND_ALARM, KIND_ALARM_CLEARED]).await? {
        if fact.kind == KIND_ALARM {
            rows.push(AlarmRow {
                index: fact.index,
                at: fact.at,
                alarm: read(&fact.body)?,
                cleared: None,
            });
            continue;
        }
        let cleared: Cleared = read(&fact.body)?;
        let row = rows.iter_mut().find(|r| r.index == cleared.alarm);
        let row = row.ok_or_else(|| error::damaged("an alarm was cleared that was never raised"))?;
        row.cleared = Some((fact.at, cleared));
    }
    Ok(rows)
}

/// Records that somebody has seen to one.
pub(crate) async fn clear(tx: &Tx<'_>, cleared: &Cleared) -> Result<(), StoreError> {
    let rows = all(tx).await?;
    let id = cleared.alarm.to_string();
    match rows.iter().find(|r| r.index == cleared.alarm) {
        None => Err(StoreError::NotFound { what: "alarm", id }),
        Some(AlarmRow { cleared: Some(_), .. }) => Err(StoreError::Refused {
            code: "alarm-cleared-already",
            message: format!("alarm {id} was cleared already"),
        }),
        Some(AlarmRow { cleared: None, .. }) => {
            log::append_tenant_fact(tx, KIND_ALARM_CLEARED, &canonical_json(cleared)).await
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|_| error::damaged("an alarm in the ledger can't be read"))
}
