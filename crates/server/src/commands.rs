//! Commands in comments: what a webhook pointed to is looked up at the forge, judged in [`countersign_core::command`], and
//! becomes a signed submission in the inbox like that of any other door. One process of a data folder does this.
//!
//! A comment is followed once: the ids of what it starts are made of its own number, so that a second delivery of it, or a
//! process that died in between, starts nothing more.

use crate::house::HeldKeys;
use crate::metrics::Metrics;
use countersign_core::act::Attendance;
use countersign_core::command::{Command, Denial, Said, check_unchanged, check_words, may_start, read};
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, Metadata, RepoRole, RepoSelection};
use countersign_core::forge::Comment;
use countersign_core::id::{InputId, MemberId, RepositoryId, WorkflowId};
use countersign_core::workflow::Submission;
use countersign_engine::intake::{NotTaken, take_in};
use countersign_ports::conversation::Conversations;
use countersign_ports::hook::{Hooks, OpenHook};
use countersign_ports::store::{
    InputStatus, NewInput, RepositoryRow, Store, StoreError, TALLIED_MAX, TenantStore,
};
use countersign_ports::trees::TreesError;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often it is looked whether somebody commented.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long nothing is tried after the forge could not be asked, or the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Most comments that are taken up at a time.
const BATCH: u32 = 50;
/// How long a comment is tried to be looked up, in milliseconds: an hour. Later nobody waits for it any more.
const TRIED_FOR_MS: u64 = 60 * 60 * 1000;
/// How long the judgement of a start is waited for, before the next comment is looked at.
const JUDGED_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked meanwhile.
const JUDGED_EVERY: Duration = Duration::from_millis(25);

/// The key under which a workflow says from which issue it was started: `github-1296269#7`.
const STARTED_FROM: &str = "started-from";
/// The key with the same for people: `octo/hello#7`.
const ISSUE: &str = "issue";

/// What comes of a comment beside a [`Denial`], by its stable code.
const STARTED: &str = "started";
const ALREADY: &str = "already-started";
const NO_COMMAND: &str = "no-command";
const UNKNOWN: &str = "unknown-command";
const GONE: &str = "comment-gone";
const REFUSED: &str = "refused";
const NOT_READ: &str = "not-read";

/// Every code that a comment may come to.
pub(crate) fn outcomes() -> impl Iterator<Item = &'static str> {
    let denials = Denial::ALL.into_iter().map(Denial::code);
    [STARTED, ALREADY, NO_COMMAND, UNKNOWN, GONE, REFUSED, NOT_READ]
        .into_iter()
        .chain(denials)
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

/// Follows commands for one tenant.
pub struct Commands {
    /// The database's time.
    pub clock: Arc<dyn Store>,
    /// The tenant's data.
    pub store: Arc<dyn TenantStore>,
    /// Which comments webhooks pointed to.
    pub hooks: Arc<dyn Hooks>,
    /// What they say.
    pub said: Arc<dyn Conversations>,
    /// The keys of members.
    pub keys: Arc<dyn HeldKeys>,
    /// What is counted for operators.
    pub metrics: Arc<Metrics>,
}

impl Commands {
    /// Follows what comes until `stop` says so. A failure is logged and tried again.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
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

    /// Follows all that waits; stops where the forge can't be asked.
    async fn look(&self) -> Result<(), Trouble> {
        for hook in self.hooks.open(BATCH).await? {
            let outcome = match self.follow(&hook).await {
                Ok(outcome) => outcome,
                Err(Trouble::Forge(error @ TreesError::Unavailable { .. })) => {
                    let now = self.clock.now().await?;
                    if now.0 < hook.at.0.saturating_add(TRIED_FOR_MS) {
                        return Err(error.into());
                    }
                    NOT_READ
                }
                Err(Trouble::Forge(error)) => {
                    tracing::warn!(code = error.code(), %error, "a comment can't be read");
                    NOT_READ
                }
                Err(error @ (Trouble::Store(_) | Trouble::Ours(_))) => return Err(error),
            };
            if self.hooks.settle(hook.number, outcome).await? {
                tracing::info!(repository = %hook.repository, comment = hook.comment, outcome, "a comment was looked at");
                self.metrics.command(outcome);
            }
        }
        Ok(())
    }

    async fn follow(&self, hook: &OpenHook) -> Result<&'static str, Trouble> {
        let rows = self.store.repositories().await?;
        let Some(row) = rows.into_iter().find(|row| row.id == hook.repository) else {
            return Ok(GONE);
        };
        let number = hook.comment;
        let Some(comment) = self.ask(&row, move |said, at| said.comment(at, number)).await? else {
            return Ok(GONE);
        };
        match read(&comment.body) {
            Said::Nothing => Ok(NO_COMMAND),
            Said::Unknown => Ok(UNKNOWN),
            Said::Command(Command::Start) => self.start(&row, &comment).await,
        }
    }

    /// Looks up what tells whether the author may, then what they saw, and submits exactly that.
    async fn start(&self, row: &RepositoryRow, comment: &Comment) -> Result<&'static str, Trouble> {
        let by = match self.starter(row, comment).await? {
            Ok(by) => by,
            Err(denial) => return Ok(denial.code()),
        };
        let number = comment.issue;
        let issue = self.ask(row, move |said, at| said.issue(at, number)).await?;
        if let Err(denial) = check_unchanged(comment, issue.changed_at) {
            return Ok(denial.code());
        }
        let (id, input) = ids(&row.id, comment);
        if let Ok(status) = self.store.input_status(&input).await {
            return Ok(outcome_of(&status));
        }
        let from = format!("{}#{}", row.id, comment.issue);
        if self.is_open_for(&from).await? {
            return Ok(ALREADY);
        }
        let feedback = match Feedback::read(FeedbackOrigin::Issue, issue.text.as_bytes()) {
            Ok(feedback) => feedback,
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    issue = issue.place,
                    "an issue can't be feedback"
                );
                return Ok(REFUSED);
            }
        };
        let submission = Submission {
            feedback,
            repositories: vec![RepoSelection {
                id: row.id.clone(),
                name: row.name.clone(),
                role: RepoRole::Primary,
                base: None,
            }],
            agent: AgentSpec::Codemod,
            started_by: by.clone(),
            attendance: Attendance::Attended,
            again: false,
            metadata: Metadata::from([(STARTED_FROM.to_owned(), from), (ISSUE.to_owned(), issue.place)]),
            budget: Some(Default::default()),
            signature: None,
        };
        let key = self.keys.key(&by).map_err(Trouble::Ours)?;
        let signed = NewInput::Submit(submission.signed(self.store.tenant(), &id, &key));
        match take_in(self.store.as_ref(), &input, &id, &signed).await {
            Ok(()) => {}
            Err(NotTaken::Secret(_)) => return Ok(REFUSED),
            Err(NotTaken::Store(error)) => return Err(error.into()),
        }
        Ok(outcome_of(&self.judged(&input).await?))
    }

    /// Who the author is here, if they may start at all.
    async fn starter(
        &self,
        row: &RepositoryRow,
        comment: &Comment,
    ) -> Result<Result<MemberId, Denial>, Trouble> {
        if let Err(denial) = check_words(comment) {
            return Ok(Err(denial));
        }
        let login = comment.login.clone();
        let standing = match self.ask(row, move |said, at| said.standing(at, &login)).await {
            Ok(standing) => standing,
            Err(error @ Trouble::Forge(TreesError::Unavailable { .. })) => return Err(error),
            // What can't be looked up is a no.
            Err(Trouble::Forge(_)) => None,
            Err(error @ (Trouble::Store(_) | Trouble::Ours(_))) => return Err(error),
        };
        let links = self.store.account_links().await?;
        let roster = self.store.roster().await?;
        let member = links
            .member_of(comment.author.0)
            .and_then(|id| roster.find(id).ok());
        Ok(may_start(comment, standing, member))
    }

    /// Whether a workflow from that issue is under way.
    async fn is_open_for(&self, from: &str) -> Result<bool, Trouble> {
        let wanted = Metadata::from([(STARTED_FROM.to_owned(), from.to_owned())]);
        for id in self.store.workflows_with(&wanted, TALLIED_MAX).await? {
            if !self.store.workflow(&id).await?.state.is_final() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn judged(&self, input: &InputId) -> Result<InputStatus, Trouble> {
        let began = Instant::now();
        loop {
            let status = self.store.input_status(input).await?;
            if status != InputStatus::Pending || began.elapsed() >= JUDGED_WITHIN {
                return Ok(status);
            }
            tokio::time::sleep(JUDGED_EVERY).await;
        }
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

fn outcome_of(status: &InputStatus) -> &'static str {
    match status {
        InputStatus::Accepted | InputStatus::Pending => STARTED,
        InputStatus::Refused { .. } | InputStatus::Held { .. } => REFUSED,
    }
}

/// The same for the same comment, whoever points to it and however often.
fn ids(repository: &RepositoryId, comment: &Comment) -> (WorkflowId, InputId) {
    let random = |what: &str| {
        let text = format!("countersign/comment/v1\0{what}\0{repository}\0{}", comment.number);
        let hash = Sha256::digest(text.as_bytes());
        hash.iter()
            .take(16)
            .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte))
    };
    let at = comment.written_at.0;
    (
        WorkflowId::from_parts(at, random("workflow")),
        InputId::from_parts(at, random("input")),
    )
}
