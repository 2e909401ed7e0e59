//! Webhooks get lost: comments that none told of are found by looking, at our own pace.
//! They are put where those of webhooks are; nothing is followed here.

use super::{Commands, Trouble};
use countersign_core::command::{Said, read};
use countersign_core::forge::Comment;
use countersign_core::id::RepositoryId;
use countersign_core::time::Timestamp;
use countersign_ports::store::RepositoryRow;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked for comments that no webhook told of.
const FIND_EVERY: Duration = Duration::from_secs(300);
/// How far the first look goes back, in milliseconds: a day, as long as a server may have been down over night.
const FIND_BACK_MS: u64 = 24 * 60 * 60 * 1000;
/// How far each look overlaps the one before, in milliseconds.
const FIND_AGAIN_MS: u64 = 10 * 60 * 1000;

impl Commands {
    /// Webhooks get lost: comments of the last time are looked through, at our own pace.
    pub(super) async fn find_all(&self, mut stop: watch::Receiver<bool>) {
        let mut looked = BTreeMap::new();
        while !*stop.borrow() {
            if let Err(error) = self.find(&mut looked).await {
                tracing::warn!(%error, "comments that no webhook told of are looked for later");
            }
            tokio::select! {
                () = tokio::time::sleep(FIND_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Looks through what was said since the last look, with some of what was said before it: times of a forge are its own. The
    /// first look goes back a day.
    async fn find(&self, looked: &mut BTreeMap<RepositoryId, Timestamp>) -> Result<(), Trouble> {
        let remote = |row: &RepositoryRow| row.id.forge.is_remote();
        let mut failed = None;
        for row in self.store.repositories().await?.into_iter().filter(remote) {
            let now = self.clock.now().await?;
            let since = match looked.get(&row.id) {
                Some(since) => *since,
                None => Timestamp(now.0.saturating_sub(FIND_BACK_MS)),
            };
            let recent = self
                .ask(&row, move |said, at| said.recent_comments(at, since))
                .await;
            let recent = match recent {
                Ok(recent) => recent,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            let to_us = |c: &&Comment| read(&c.body) != Said::Nothing;
            let numbers: Vec<u64> = recent.comments.iter().filter(to_us).map(|c| c.number).collect();
            let new = self.hooks.found(&row.id, &numbers).await?;
            if new > 0 {
                tracing::info!(repository = %row.id, new, "commands were found that no webhook told of");
            }
            let next = Timestamp(now.0.saturating_sub(FIND_AGAIN_MS));
            looked.insert(row.id, recent.more_since.unwrap_or(next));
        }
        failed.map_or(Ok(()), Err)
    }
}
