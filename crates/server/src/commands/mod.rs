//! Commands in comments, and the label that starts: what a webhook pointed to is looked up at the forge, judged in
//! [`countersign_core::command`], and becomes a signed submission or act in the inbox like that of any other door. One process of
//! a data folder does this.
//!
//! A comment is followed once: the ids of what it starts are made of its own number, so that a second delivery of it, or a
//! process that died in between, starts nothing more. So is a label, by the number of the event.

mod deciding;
mod finding;

use crate::house::HeldKeys;
use crate::metrics::Metrics;
use countersign_core::command::{Command, Denial, Outcome, Said, check_deed, commander, read};
use countersign_core::forge::{Deed, DeedKind};
use countersign_core::id::{MemberId, RepositoryId};
use countersign_core::notice::{Notice, OnIssue, Place, Status};
use countersign_ports::conversation::{Conversations, LIMITED};
use countersign_ports::hook::{Hooks, Work};
use countersign_ports::notice::{NewNotice, Outbox};
use countersign_ports::reviewing::Reviewing;
use countersign_ports::store::{RepositoryRow, Store, StoreError, TenantStore};
use countersign_ports::trees::TreesError;
use deciding::{ids, outcome_of};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether somebody commented.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long nothing is tried after the forge could not be asked, or the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Most comments that are taken up at a time.
const BATCH: u32 = 50;
/// After so many that can't be followed now, the rest waits as well: the forge is away.
const MISSES_MAX: usize = 3;
/// What becomes of a telling of issues: labels on them are followed one by one.
const LOOKED_AT: &str = "looked-at";
/// How long a comment is tried to be looked up, in milliseconds: an hour. Later nobody waits for it any more.
const TRIED_FOR_MS: u64 = 60 * 60 * 1000;

/// Where what comes of commands is said.
pub struct Answers {
    /// What waits to be said.
    pub outbox: Arc<dyn Outbox>,
    /// The forge.
    pub place: Place,
}

/// Why a comment could not be followed to an end.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Forge(#[from] TreesError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Ours(String),
}

impl Trouble {
    /// Whether it may go another time.
    fn passes(&self) -> bool {
        match self {
            Trouble::Forge(TreesError::Unavailable { .. }) | Trouble::Ours(_) => true,
            Trouble::Forge(TreesError::Unsupported { .. } | TreesError::Corrupt { .. }) => false,
            Trouble::Store(StoreError::Refused { .. } | StoreError::Corrupt { .. }) => false,
            Trouble::Store(
                StoreError::Clash
                | StoreError::ClaimLost
                | StoreError::NotFound { .. }
                | StoreError::Unavailable { .. }
                | StoreError::Closed { .. },
            ) => true,
        }
    }

    /// Whether the forge wants to be left alone for a while, in this repository and maybe in no other.
    fn is_a_limit(&self) -> bool {
        matches!(self, Trouble::Forge(TreesError::Unavailable { code, .. }) if *code == LIMITED)
    }
}

/// Follows commands for one tenant.
pub struct Commands {
    /// The database's time.
    pub clock: Arc<dyn Store>,
    /// The tenant's data.
    pub store: Arc<dyn TenantStore>,
    /// What webhooks pointed to.
    pub hooks: Arc<dyn Hooks>,
    /// What they say.
    pub said: Arc<dyn Conversations>,
    /// The keys of members.
    pub keys: Arc<dyn HeldKeys>,
    /// Which files members have viewed.
    pub reviewing: Arc<dyn Reviewing>,
    /// The label that starts a workflow from its issue; `None`: none does.
    pub start_label: Option<String>,
    /// Where their authors are told; nothing is said without.
    pub answers: Option<Answers>,
    /// What is counted for operators.
    pub metrics: Arc<Metrics>,
}

impl Commands {
    /// Follows what comes until `stop` says so. A failure is logged and tried again.
    pub async fn serve(self, stop: watch::Receiver<bool>) {
        tokio::join!(self.follow_all(stop.clone()), self.find_all(stop));
    }

    async fn follow_all(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self.look().await {
                Ok(()) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "commands in comments wait");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Follows all that waits. What can't be followed now waits for another time, and holds nothing else up.
    async fn look(&self) -> Result<(), Trouble> {
        let mut missed = Vec::new();
        // Repositories at which we are to be left alone for a while: others may go on.
        let mut resting = BTreeSet::new();
        // One look is enough for all that was told before it.
        let mut looked = BTreeSet::new();
        for hook in self.hooks.open(BATCH).await? {
            if resting.contains(&hook.repository) {
                continue;
            }
            let now = self.clock.now().await?;
            let is_looked_at = looked.contains(&(hook.repository.clone(), hook.work));
            let followed = match hook.work {
                Work::Comment(number) => self.follow(&hook.repository, number).await.map(Some),
                Work::Label(event) => self.follow_label(&hook.repository, event).await.map(Some),
                Work::Labels | Work::Edit(_) if is_looked_at => Ok(None),
                Work::Labels => self.look_for_labels(&hook).await.map(|()| None),
                Work::Edit(issue) => self.look_at_edit(&hook.repository, issue).await.map(|()| None),
            };
            let outcome = match followed {
                Ok(Some(outcome)) => outcome,
                Ok(None) => {
                    self.hooks.settle(hook.number, LOOKED_AT).await?;
                    looked.insert((hook.repository, hook.work));
                    continue;
                }
                Err(error) if error.passes() && now.0 < hook.at.0.saturating_add(TRIED_FOR_MS) => {
                    if error.is_a_limit() {
                        resting.insert(hook.repository);
                        continue;
                    }
                    missed.push(error);
                    match missed.len() < MISSES_MAX {
                        true => continue,
                        false => break,
                    }
                }
                Err(error) => {
                    tracing::warn!(repository = %hook.repository, what = ?hook.work, %error, "what a webhook pointed to can't be followed");
                    Outcome::NotFollowed
                }
            };
            if self.hooks.settle(hook.number, outcome.code()).await? {
                tracing::info!(repository = %hook.repository, what = ?hook.work, outcome = outcome.code(), "a command was looked at");
                match hook.work {
                    Work::Comment(_) => self.metrics.command(outcome),
                    Work::Label(_) => self.metrics.label(outcome),
                    Work::Labels | Work::Edit(_) => {}
                }
            }
        }
        missed.pop().map_or(Ok(()), Err)
    }

    async fn follow(&self, repository: &RepositoryId, number: u64) -> Result<Outcome, Trouble> {
        let Some(row) = self.registered(repository).await? else {
            return Ok(Outcome::Gone);
        };
        let Some(comment) = self.ask(&row, move |said, at| said.comment(at, number)).await? else {
            return Ok(Outcome::Gone);
        };
        let outcome = match read(&comment.body) {
            Said::Nothing => return Ok(Outcome::NoCommand),
            Said::Unclear(unclear) => match self.commander(&row, &comment.deed).await? {
                Ok(_by) => Outcome::Unclear(unclear),
                Err(denial) => Outcome::Denied(denial),
            },
            Said::Command(command) => self.obey(&row, &comment.deed, command).await?,
        };
        self.answer(&row, &comment.deed, outcome).await?;
        Ok(outcome)
    }

    /// A label says what a comment with `/countersign start` says.
    async fn follow_label(&self, repository: &RepositoryId, event: u64) -> Result<Outcome, Trouble> {
        let (Some(wanted), Some(row)) = (&self.start_label, self.registered(repository).await?) else {
            return Ok(Outcome::NoCommand);
        };
        let Some(labelled) = self.ask(&row, move |said, at| said.labelled(at, event)).await? else {
            return Ok(Outcome::Gone);
        };
        // Another one may start since it was found.
        if labelled.label.to_lowercase() != wanted.to_lowercase() {
            return Ok(Outcome::NoCommand);
        }
        let outcome = self.obey(&row, &labelled.deed, Command::Start).await?;
        self.answer(&row, &labelled.deed, outcome).await?;
        Ok(outcome)
    }

    async fn registered(&self, repository: &RepositoryId) -> Result<Option<RepositoryRow>, Trouble> {
        let rows = self.store.repositories().await?;
        Ok(rows.into_iter().find(|row| row.id == *repository))
    }

    /// Whoever commanded is told before it counts as looked at: who dies in between says it once more, which does nothing.
    async fn answer(&self, row: &RepositoryRow, deed: &Deed, outcome: Outcome) -> Result<(), Trouble> {
        let Some(answers) = &self.answers else {
            return Ok(());
        };
        let on = OnIssue {
            repository: row.id.clone(),
            issue: deed.issue,
            is_pull_request: deed.on_pull_request,
        };
        let notice = match deed.kind {
            DeedKind::Comment { .. } if outcome.answer().is_some() => Notice::CommandAnswered {
                on,
                comment: deed.number,
                outcome,
                status: self.asked_status(row, deed, outcome).await?,
            },
            DeedKind::Label { .. } if outcome.label_answer().is_some() => Notice::LabelAnswered {
                on,
                event: deed.number,
                outcome,
            },
            DeedKind::Comment { .. } | DeedKind::Label { .. } => return Ok(()),
        };
        let place = answers.place.clone();
        let new = NewNotice {
            notice,
            place: place.id,
            shown: place.shown,
        };
        Ok(answers.outbox.add(&[new]).await?)
    }

    /// How the workflow stands, if that was asked for.
    async fn asked_status(
        &self,
        row: &RepositoryRow,
        deed: &Deed,
        outcome: Outcome,
    ) -> Result<Option<Box<Status>>, Trouble> {
        if outcome != Outcome::Shown {
            return Ok(None);
        }
        let workflow = self.workflow_of(row, deed).await?;
        Ok(workflow.map(|w| Box::new(Status::asked_in(&w, &row.id))))
    }

    async fn obey(&self, row: &RepositoryRow, deed: &Deed, command: Command) -> Result<Outcome, Trouble> {
        let by = match self.commander(row, deed).await? {
            Ok(by) => by,
            Err(denial) => return Ok(Outcome::Denied(denial)),
        };
        let (_, input) = ids(&row.id, deed);
        if let Ok(status) = self.store.input_status(&input).await {
            return Ok(outcome_of(&command, &status));
        }
        match command {
            Command::Start => self.start(row, deed, by).await,
            Command::Status => Ok(match self.workflow_of(row, deed).await? {
                Some(_) => Outcome::Shown,
                None => Outcome::NothingWaits,
            }),
            decision @ (Command::Approve { .. }
            | Command::Reject { .. }
            | Command::Changes { .. }
            | Command::Retry { .. }
            | Command::Cancel { .. }) => self.decide(row, deed, by, decision).await,
        }
    }

    /// Who did it, as a member here, if they may command at all.
    async fn commander(&self, row: &RepositoryRow, deed: &Deed) -> Result<Result<MemberId, Denial>, Trouble> {
        if let Err(denial) = check_deed(deed) {
            return Ok(Err(denial));
        }
        let login = deed.login.clone();
        let standing = match self.ask(row, move |said, at| said.standing(at, &login)).await {
            Ok(standing) => standing,
            Err(error @ Trouble::Forge(TreesError::Unavailable { .. })) => return Err(error),
            // What can't be looked up is a no.
            Err(Trouble::Forge(_)) => None,
            Err(error @ (Trouble::Store(_) | Trouble::Ours(_))) => return Err(error),
        };
        let links = self.store.account_links().await?;
        let roster = self.store.roster().await?;
        let member = links.member_of(deed.by.0).and_then(|id| roster.find(id).ok());
        Ok(commander(deed, standing, member))
    }

    /// Asks the forge off the async threads.
    async fn ask<T: Send + 'static>(
        &self,
        row: &RepositoryRow,
        ask: impl FnOnce(&dyn Conversations, &countersign_ports::trees::RepoSource) -> Result<T, TreesError>
        + Send
        + 'static,
    ) -> Result<T, Trouble> {
        let (said, source) = (Arc::clone(&self.said), row.source());
        let asked = tokio::task::spawn_blocking(move || ask(said.as_ref(), &source)).await;
        Ok(asked
            .map_err(|_died| Trouble::Ours("asking the forge ended in an internal error".to_owned()))??)
    }
}
