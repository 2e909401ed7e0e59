//! The ledger's newest entries, read once for everybody who listens.
//!
//! Nobody else watches the ledger: ten thousand listeners that did so themselves would keep the database from everybody.
//! Whoever falls behind what is kept here reads the ledger on their own, so nothing is ever lost.

use crate::house::House;
use crate::live::{Changed, Pulse};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Entries that are kept for listeners who are a little late.
const KEPT: usize = 1_024;
/// Entries that are read at a time.
const BATCH: u32 = 200;

/// An entry as every listener gets it.
pub(crate) struct Told {
    /// Its index in the ledger.
    pub(crate) index: u64,
    /// Its stream: a workflow's id, or the tenant's own.
    pub(crate) stream: String,
    /// [`Changed`] as JSON.
    pub(crate) data: String,
}

/// Where new entries come out; it begins to watch when the first one listens.
#[derive(Clone, Default)]
pub(crate) struct Tail {
    told: Arc<tokio::sync::OnceCell<broadcast::Sender<Arc<Told>>>>,
}

impl Tail {
    /// Every entry that is recorded from now on, in order.
    pub(crate) async fn listen(
        &self,
        house: &Arc<House>,
    ) -> Result<broadcast::Receiver<Arc<Told>>, crate::Problem> {
        let begin = async || {
            let next = house.store.ledger_size().await?.0;
            let (sender, _) = broadcast::channel(KEPT);
            tokio::spawn(watch(Arc::clone(house), next, sender.clone()));
            Ok::<_, crate::Problem>(sender)
        };
        Ok(self.told.get_or_try_init(begin).await?.subscribe())
    }
}

/// Reads what is new, for ever. A ledger that can't be read now is read at the next beat.
async fn watch(house: Arc<House>, mut next: u64, sender: broadcast::Sender<Arc<Told>>) {
    let mut beats = house.pulse.listen();
    loop {
        beats.mark_unchanged();
        let rows = match house.store.entries(None, next, BATCH).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(code = error.code(), "live events wait: the ledger can't be read");
                Vec::new()
            }
        };
        for row in &rows {
            next = row.index + 1;
            // Listeners meet what can't be read where they read it themselves, and end there.
            let Ok(told) = Changed::told(row) else { continue };
            let _nobody_listens = sender.send(Arc::new(told));
        }
        if rows.is_empty() {
            Pulse::wait(&mut beats).await;
        }
    }
}
