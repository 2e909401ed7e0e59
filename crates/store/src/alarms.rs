//! Alarms: what points to a forgery, as facts in the ledger, so that whoever can write rows can't make them go away
//! unnoticed.

use crate::db::Tx;
use crate::log::{self, KIND_ALARM};
use crate::{entries, error};
use countersign_core::digest::canonical_json;
use countersign_core::time::Timestamp;
use countersign_ports::store::{Alarm, StoreError};

/// Records an alarm, once.
pub(crate) async fn raise(tx: &Tx<'_>, alarm: &Alarm) -> Result<(), StoreError> {
    tracing::error!(code = alarm.code, workflow = %alarm.workflow, "ALARM: {}", alarm.message);
    let fact = canonical_json(alarm);
    let known = entries::tenant_facts(tx, KIND_ALARM).await?;
    if known.contains(&fact) {
        return Ok(());
    }
    log::append_tenant_fact(tx, KIND_ALARM, &fact).await
}

/// All alarms, oldest first.
pub(crate) async fn all(tx: &Tx<'_>) -> Result<Vec<(Timestamp, Alarm)>, StoreError> {
    let facts = entries::timed_tenant_facts(tx, KIND_ALARM).await?;
    let read = |(at, body): (Timestamp, Vec<u8>)| {
        let alarm = serde_json::from_slice(&body);
        let alarm = alarm.map_err(|_| error::damaged("an alarm in the ledger can't be read"))?;
        Ok((at, alarm))
    };
    facts.into_iter().map(read).collect()
}
