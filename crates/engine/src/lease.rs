//! Keeps the claim on an effect while it runs.

use countersign_ports::store::{ClaimedEffect, LEASE_MS, StoreError, TenantStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Renews a claim every third of its length until it is dropped or lost.
pub(crate) struct HeldLease(JoinHandle<()>);

impl HeldLease {
    pub(crate) fn keep(store: Arc<dyn TenantStore>, claimed: ClaimedEffect) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(LEASE_MS / 3)).await;
                match store.renew(&claimed).await {
                    Ok(_until) => {}
                    Err(StoreError::ClaimLost) => return,
                    Err(error) => tracing::warn!(
                        code = error.code(),
                        "the claim could not be renewed; trying again"
                    ),
                }
            }
        }))
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.0.abort();
    }
}
