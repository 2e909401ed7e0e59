//! Webhooks get lost: comments and labels that none told of are found by looking, at our own pace.
//! They are put where those of webhooks are; nothing is followed here.

use super::{Commands, Trouble};
use countersign_core::command::{Said, carried, issue_of, read};
use countersign_core::forge::Comment;
use countersign_core::id::{RepositoryId, WorkflowId};
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
/// At how many issues of workflows that are under way one look looks; the next one goes on behind them.
const EDITS_MAX: usize = 30;
/// Most workflows of one issue that are looked at when it was edited.
const OF_ONE_ISSUE_MAX: u32 = 100;

/// What was looked through until when, per repository.
#[derive(Default)]
pub(super) struct Looked {
    comments: BTreeMap<RepositoryId, Timestamp>,
    labels: BTreeMap<RepositoryId, Timestamp>,
    /// The last workflow whose issue was looked at.
    edits: Option<WorkflowId>,
}

impl Commands {
    /// Webhooks get lost: what was said and done of the last time is looked through, at our own pace.
    pub(super) async fn find_all(&self, mut stop: watch::Receiver<bool>) {
        let mut looked = Looked::default();
        while !*stop.borrow() {
            let found = self.find(&mut looked).await;
            let found = found.and(self.find_edits(&mut looked, &stop).await);
            if let Err(error) = found {
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

    /// A webhook told of a label, and not by which event it got there.
    pub(super) async fn look_for_labels(&self, hook: &OpenHook) -> Result<(), Trouble> {
        let Some(row) = self.registered(&hook.repository).await? else {
            return Ok(());
        };
        let since = Timestamp(hook.at.0.saturating_sub(FIND_AGAIN_MS));
        self.find_labels(&row, since).await
    }

    /// A webhook told that an issue was edited: workflows that were started from it are looked at. What can't be asked now is
    /// asked by the next look.
    pub(super) async fn look_at_edit(&self, repository: &RepositoryId, issue: u64) -> Result<(), Trouble> {
        let Some(row) = self.registered(repository).await? else {
            return Ok(());
        };
        for wanted in carried(repository, issue) {
            for id in self.store.workflows_with(&wanted, OF_ONE_ISSUE_MAX).await? {
                if let Err(error) = self.compare(&row, &id).await {
                    tracing::warn!(workflow = %id, %error, "whether the issue was edited is looked at later");
                    break;
                }
            }
        }
        Ok(())
    }

    /// Looks at the issues of the next few workflows that are under way, in turn. One that can't be asked holds up this look
    /// alone: the next goes on behind it.
    async fn find_edits(&self, looked: &mut Looked, stop: &watch::Receiver<bool>) -> Result<(), Trouble> {
        let rows = self.store.repositories().await?;
        let all = self.store.workflows(TALLIED_MAX).await?;
        let mut under_way: Vec<(WorkflowId, &RepositoryRow)> = all
            .into_iter()
            .filter(|listed| !listed.state.is_final())
            .filter_map(|listed| {
                let of = |row: &&RepositoryRow| {
                    row.id.forge.is_remote() && listed.repositories.iter().any(|r| r.id == row.id)
                };
                Some((listed.id.clone(), rows.iter().find(of)?))
            })
            .collect();
        under_way.sort_by(|a, b| a.0.cmp(&b.0));
        let behind = looked.edits.as_ref();
        let first = under_way.partition_point(|(id, _)| behind.is_some_and(|last| id <= last));
        under_way.rotate_left(first);
        for (id, row) in under_way.into_iter().take(EDITS_MAX) {
            if *stop.borrow() {
                break;
            }
            looked.edits = Some(id.clone());
            self.compare(row, &id).await?;
        }
        Ok(())
    }

    /// Whether the issue of a workflow that is under way still says what it was started with. That is shown where somebody decides,
    /// and changes nothing else: what was pinned stays (hazard 53).
    async fn compare(&self, row: &RepositoryRow, id: &WorkflowId) -> Result<(), Trouble> {
        let workflow = self.load(id).await?;
        let Some(submission) = workflow.submission.filter(|_| !workflow.state.is_final()) else {
            return Ok(());
        };
        let Some((_, issue)) = issue_of(&submission.metadata).filter(|(repository, _)| *repository == row.id)
        else {
            return Ok(());
        };
        let text = submission.feedback.text;
        let says_still = self
            .ask(row, move |said, at| said.says_still(at, issue, &text))
            .await?;
        if self.hooks.note_issue(id, !says_still).await? {
            tracing::info!(workflow = %id, edited = !says_still, "the issue of a workflow was looked at");
        }
        Ok(())
    }
}
