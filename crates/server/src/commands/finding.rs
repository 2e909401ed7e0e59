//! Webhooks get lost: comments and labels that none told of are found by looking, at our own pace.
//! They are put where those of webhooks are; nothing is followed here.

use super::{Commands, Trouble};
use countersign_core::command::{STARTED_FROM, Said, read, read_started_from};
use countersign_core::forge::Comment;
use countersign_core::id::RepositoryId;
use countersign_core::time::Timestamp;
use countersign_ports::hook::OpenHook;
use countersign_ports::store::{RepositoryRow, TALLIED_MAX};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked for what no webhook told of.
const FIND_EVERY: Duration = Duration::from_secs(300);
/// How far the first look goes back, in milliseconds: a day, as long as a server may have been down over night.
const FIND_BACK_MS: u64 = 24 * 60 * 60 * 1000;
/// How far each look overlaps the one before, in milliseconds.
const FIND_AGAIN_MS: u64 = 10 * 60 * 1000;

/// What was looked through until when, per repository.
#[derive(Default)]
pub(super) struct Looked {
    comments: BTreeMap<RepositoryId, Timestamp>,
    labels: BTreeMap<RepositoryId, Timestamp>,
}

impl Commands {
    /// Webhooks get lost: what was said and done of the last time is looked through, at our own pace.
    pub(super) async fn find_all(&self, mut stop: watch::Receiver<bool>) {
        let mut looked = Looked::default();
        while !*stop.borrow() {
            if let Err(error) = self.find(&mut looked).await {
                tracing::warn!(%error, "what no webhook told of is looked for later");
            }
            tokio::select! {
                () = tokio::time::sleep(FIND_EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Looks through what came since the last look, with some of what came before it: times of a forge are its own. The
    /// first look goes back a day. Each repository, and each kind of thing there, for itself.
    async fn find(&self, looked: &mut Looked) -> Result<(), Trouble> {
        let remote = |row: &RepositoryRow| row.id.forge.is_remote();
        let mut failed = None;
        for row in self.store.repositories().await?.into_iter().filter(remote) {
            let now = self.clock.now().await?;
            let first = Timestamp(now.0.saturating_sub(FIND_BACK_MS));
            let next = Timestamp(now.0.saturating_sub(FIND_AGAIN_MS));
            let since = looked.comments.get(&row.id).copied().unwrap_or(first);
            match self.find_comments(&row, since).await {
                Ok(more_since) => {
                    let until = more_since.unwrap_or(next);
                    looked.comments.insert(row.id.clone(), until);
                }
                Err(error) => failed = Some(error),
            }
            let since = looked.labels.get(&row.id).copied().unwrap_or(first);
            match self.find_labels(&row, since).await {
                Ok(()) => {
                    looked.labels.insert(row.id.clone(), next);
                }
                Err(error) => failed = Some(error),
            }
            if let Err(error) = self.find_edits(&row).await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// When the last of them was written, if there are more.
    async fn find_comments(
        &self,
        row: &RepositoryRow,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, Trouble> {
        let recent = self
            .ask(row, move |said, at| said.recent_comments(at, since))
            .await?;
        let to_us = |c: &&Comment| read(&c.body) != Said::Nothing;
        let comments = recent.comments.iter().filter(to_us);
        let numbers: Vec<u64> = comments.map(|c| c.deed.number).collect();
        let new = self.hooks.found(&row.id, &numbers).await?;
        if new > 0 {
            tracing::info!(repository = %row.id, new, "commands were found that no webhook told of");
        }
        Ok(recent.more_since)
    }

    /// Nothing is looked for where no label starts.
    async fn find_labels(&self, row: &RepositoryRow, since: Timestamp) -> Result<(), Trouble> {
        let Some(label) = self.start_label.clone() else {
            return Ok(());
        };
        let events = self
            .ask(row, move |said, at| said.recent_labels(at, &label, since))
            .await?;
        let new = self.hooks.found_labels(&row.id, &events).await?;
        if new > 0 {
            tracing::info!(repository = %row.id, new, "labels that start were found");
        }
        Ok(())
    }

    /// A webhook told of a label, and not by which event it got there; or of an edit.
    pub(super) async fn look_at_issues(&self, hook: &OpenHook) -> Result<(), Trouble> {
        let Some(row) = self.registered(&hook.repository).await? else {
            return Ok(());
        };
        let since = Timestamp(hook.at.0.saturating_sub(FIND_AGAIN_MS));
        self.find_labels(&row, since).await?;
        self.find_edits(&row).await
    }

    /// Whether the issues of workflows that are under way still say what these were started with. That is shown where somebody
    /// decides, and changes nothing else: what was pinned stays (hazard 53).
    async fn find_edits(&self, row: &RepositoryRow) -> Result<(), Trouble> {
        let mut failed = None;
        for listed in self.store.workflows(TALLIED_MAX).await? {
            let may_be = !listed.state.is_final() && listed.repositories.iter().any(|r| r.id == row.id);
            if !may_be {
                continue;
            }
            let Some(submission) = self.load(&listed.id).await?.submission else {
                continue;
            };
            let from = submission.metadata.get(STARTED_FROM);
            let from = from.and_then(|text| read_started_from(text));
            let Some((_, issue)) = from.filter(|(repository, _)| *repository == row.id) else {
                continue;
            };
            let text = submission.feedback.text;
            let says_still = self
                .ask(row, move |said, at| said.says_still(at, issue, &text))
                .await;
            match says_still {
                Ok(says_still) => {
                    if self.hooks.note_issue(&listed.id, !says_still).await? {
                        tracing::info!(workflow = %listed.id, edited = !says_still, "the issue of a workflow was looked at");
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
