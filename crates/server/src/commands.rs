//! Commands in comments: what a webhook pointed to is looked up at the forge, judged in [`countersign_core::command`], and
//! becomes a signed submission or act in the inbox like that of any other door. One process of a data folder does this.
//!
//! A comment is followed once: the ids of what it starts are made of its own number, so that a second delivery of it, or a
//! process that died in between, starts nothing more.

use crate::house::HeldKeys;
use crate::metrics::Metrics;
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
use countersign_core::command::{
    Command, Denial, ISSUE, Outcome, STARTED_FROM, Said, check_startable, check_words, commander, read,
    started_from,
};
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, Metadata, RepoRole, RepoSelection};
use countersign_core::forge::Comment;
use countersign_core::id::{InputId, MemberId, RepositoryId, RequestId, WorkflowId};
use countersign_core::notice::{Notice, OnIssue, Place, Status};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::pull_requests::opened;
use countersign_core::workflow::{Submission, Workflow};
use countersign_engine::intake::{NotTaken, take_in};
use countersign_ports::conversation::Conversations;
use countersign_ports::hook::{Hooks, OpenHook};
use countersign_ports::notice::{NewNotice, Outbox};
use countersign_ports::reviewing::{ChangedFile, Reviewing};
use countersign_ports::store::{
    InputStatus, NewInput, RepositoryRow, Store, StoreError, TALLIED_MAX, TenantStore,
};
use countersign_ports::trees::TreesError;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often it is looked whether somebody commented.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked for comments that no webhook told of.
const FIND_EVERY: Duration = Duration::from_secs(300);
/// How far the first look goes back, in milliseconds: a day, as long as a server may have been down over night.
const FIND_BACK_MS: u64 = 24 * 60 * 60 * 1000;
/// How far each look overlaps the one before, in milliseconds.
const FIND_AGAIN_MS: u64 = 10 * 60 * 1000;
/// How long nothing is tried after the forge could not be asked, or the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Most comments that are taken up at a time.
const BATCH: u32 = 50;
/// After so many comments that can't be followed now, the rest waits as well: the forge is away.
const MISSES_MAX: usize = 3;
/// How long a comment is tried to be looked up, in milliseconds: an hour. Later nobody waits for it any more.
const TRIED_FOR_MS: u64 = 60 * 60 * 1000;
/// How long the judgement of a start is waited for, before the next comment is looked at.
const JUDGED_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked meanwhile.
const JUDGED_EVERY: Duration = Duration::from_millis(25);

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
    /// Which files members have viewed.
    pub reviewing: Arc<dyn Reviewing>,
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

    /// Webhooks get lost: comments of the last time are looked through, at our own pace.
    async fn find_all(&self, mut stop: watch::Receiver<bool>) {
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
                Some(last) => Timestamp(last.0.saturating_sub(FIND_AGAIN_MS)),
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
            let numbers: Vec<u64> = recent.iter().filter(to_us).map(|c| c.number).collect();
            let new = self.hooks.found(&row.id, &numbers).await?;
            if new > 0 {
                tracing::info!(repository = %row.id, new, "commands were found that no webhook told of");
            }
            looked.insert(row.id, now);
        }
        failed.map_or(Ok(()), Err)
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
        for hook in self.hooks.open(BATCH).await? {
            let now = self.clock.now().await?;
            let outcome = match self.follow(&hook).await {
                Ok(outcome) => outcome,
                Err(error) if error.passes() && now.0 < hook.at.0.saturating_add(TRIED_FOR_MS) => {
                    missed.push(error);
                    match missed.len() < MISSES_MAX {
                        true => continue,
                        false => break,
                    }
                }
                Err(error) => {
                    tracing::warn!(repository = %hook.repository, comment = hook.comment, %error, "a comment can't be followed");
                    Outcome::NotFollowed
                }
            };
            if self.hooks.settle(hook.number, outcome.code()).await? {
                tracing::info!(repository = %hook.repository, comment = hook.comment, outcome = outcome.code(), "a comment was looked at");
                self.metrics.command(outcome);
            }
        }
        missed.pop().map_or(Ok(()), Err)
    }

    async fn follow(&self, hook: &OpenHook) -> Result<Outcome, Trouble> {
        let rows = self.store.repositories().await?;
        let Some(row) = rows.into_iter().find(|row| row.id == hook.repository) else {
            return Ok(Outcome::Gone);
        };
        let number = hook.comment;
        let Some(comment) = self.ask(&row, move |said, at| said.comment(at, number)).await? else {
            return Ok(Outcome::Gone);
        };
        let said = read(&comment.body);
        if said == Said::Nothing {
            return Ok(Outcome::NoCommand);
        }
        let outcome = self.obey(&row, &comment, said).await?;
        self.answer(&row, &comment, outcome).await?;
        Ok(outcome)
    }

    /// Its author is told before it counts as looked at: who dies in between says it once more, which does nothing.
    async fn answer(&self, row: &RepositoryRow, comment: &Comment, outcome: Outcome) -> Result<(), Trouble> {
        let (Some(answers), Some(_)) = (&self.answers, outcome.answer()) else {
            return Ok(());
        };
        let notice = Notice::CommandAnswered {
            on: OnIssue {
                repository: row.id.clone(),
                issue: comment.issue,
            },
            comment: comment.number,
            outcome,
            status: self.asked_status(row, comment, outcome).await?,
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
        comment: &Comment,
        outcome: Outcome,
    ) -> Result<Option<Box<Status>>, Trouble> {
        if outcome != Outcome::Shown {
            return Ok(None);
        }
        let workflow = self.workflow_of(row, comment).await?;
        Ok(workflow.map(|w| Box::new(Status::asked_in(&w, &row.id))))
    }

    async fn obey(&self, row: &RepositoryRow, comment: &Comment, said: Said) -> Result<Outcome, Trouble> {
        let by = match self.commander(row, comment).await? {
            Ok(by) => by,
            Err(denial) => return Ok(Outcome::Denied(denial)),
        };
        let command = match said {
            Said::Nothing => return Ok(Outcome::NoCommand),
            Said::Unknown => return Ok(Outcome::Unknown),
            Said::Command(command) => command,
        };
        let (_, input) = ids(&row.id, comment);
        if let Ok(status) = self.store.input_status(&input).await {
            return Ok(outcome_of(&command, &status));
        }
        match command {
            Command::Start => self.start(row, comment, by).await,
            Command::Status => Ok(match self.workflow_of(row, comment).await? {
                Some(_) => Outcome::Shown,
                None => Outcome::NothingWaits,
            }),
            decision @ (Command::Approve { .. }
            | Command::Reject { .. }
            | Command::Changes { .. }
            | Command::Retry { .. }
            | Command::Cancel { .. }) => self.decide(row, comment, by, decision).await,
        }
    }

    /// Submits exactly what the author of the comment saw.
    async fn start(&self, row: &RepositoryRow, comment: &Comment, by: MemberId) -> Result<Outcome, Trouble> {
        if let Err(denial) = check_startable(comment, None) {
            return Ok(Outcome::Denied(denial));
        }
        // Before the issue is looked at: what we say there of the one that is under way changes it, too.
        let from = started_from(&row.id, comment.issue);
        if !self.under_way(&from).await?.is_empty() {
            return Ok(Outcome::AlreadyStarted);
        }
        let number = comment.issue;
        let issue = self.ask(row, move |said, at| said.issue(at, number)).await?;
        if let Err(denial) = check_startable(comment, Some(issue.changed_at)) {
            return Ok(Outcome::Denied(denial));
        }
        let (id, input) = ids(&row.id, comment);
        let feedback = match Feedback::read(FeedbackOrigin::Issue, issue.text.as_bytes()) {
            Ok(feedback) => feedback,
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    issue = issue.place,
                    "an issue can't be feedback"
                );
                return Ok(Outcome::Refused);
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
        self.taken(&Command::Start, &input, &id, &signed).await
    }

    /// From a command to an act on what waits in the workflow that the issue or the pull request belongs to.
    async fn decide(
        &self,
        row: &RepositoryRow,
        comment: &Comment,
        by: MemberId,
        command: Command,
    ) -> Result<Outcome, Trouble> {
        let Some(workflow) = self.workflow_of(row, comment).await? else {
            return Ok(Outcome::NothingWaits);
        };
        let Some(act) = act_of(&workflow, &command) else {
            return Ok(Outcome::NothingWaits);
        };
        if let Act::Approve { request, .. } = &act
            && !self.has_viewed(&workflow, request, &by).await?
        {
            return Ok(Outcome::NotViewed);
        }
        let key = self.keys.key(&by).map_err(Trouble::Ours)?;
        let record = ActRecord {
            tenant: self.store.tenant().clone(),
            workflow: workflow.id.clone(),
            member: by,
            authenticated_by: AuthenticatedBy::Comment,
            attendance: Attendance::Attended,
            at: self.clock.now().await?,
            act,
        };
        let (_, input) = ids(&row.id, comment);
        let signed = NewInput::Act(SignedAct::sign(record, &key));
        self.taken(&command, &input, &workflow.id, &signed).await
    }

    /// Puts it into the inbox, and waits for a while until it is judged.
    async fn taken(
        &self,
        command: &Command,
        input: &InputId,
        workflow: &WorkflowId,
        signed: &NewInput,
    ) -> Result<Outcome, Trouble> {
        match take_in(self.store.as_ref(), input, workflow, signed).await {
            Ok(()) => {}
            Err(NotTaken::Secret(_)) => return Ok(Outcome::Refused),
            Err(NotTaken::Store(error)) => return Err(error.into()),
        }
        Ok(outcome_of(command, &self.judged(input).await?))
    }

    /// The workflow that is under way from that issue, or has that pull request.
    async fn workflow_of(&self, row: &RepositoryRow, comment: &Comment) -> Result<Option<Workflow>, Trouble> {
        if !comment.on_pull_request {
            let from = started_from(&row.id, comment.issue);
            return match self.under_way(&from).await?.first() {
                Some(id) => self.load(id).await.map(Some),
                None => Ok(None),
            };
        }
        for listed in self.store.workflows(TALLIED_MAX).await? {
            let may_be = !listed.state.is_final() && listed.repositories.iter().any(|r| r.id == row.id);
            if !may_be {
                continue;
            }
            let workflow = self.load(&listed.id).await?;
            let intents = workflow.intents.iter().filter(|i| i.repository == row.id);
            let mut numbers = intents
                .filter_map(|i| opened(&workflow, &i.id))
                .map(|p| p.number.0);
            if numbers.any(|number| number == comment.issue) {
                return Ok(Some(workflow));
            }
        }
        Ok(None)
    }

    async fn load(&self, id: &WorkflowId) -> Result<Workflow, Trouble> {
        let records = self.store.events(id).await?;
        let events = records.iter().map(|r| &r.event);
        Ok(Workflow::replay(self.store.tenant().clone(), id.clone(), events))
    }

    /// Whether the member has marked every file of what they approve as viewed (hazard 48); only patch sets have files.
    async fn has_viewed(
        &self,
        workflow: &Workflow,
        request: &RequestId,
        member: &MemberId,
    ) -> Result<bool, Trouble> {
        let mut requests = workflow.requests.iter();
        let found = requests.find(|r| r.id == *request).map(|r| &r.subject);
        let Some(Subject::PatchSet { repository, .. }) = found else {
            return Ok(false);
        };
        let mut drafts = workflow.drafts.iter();
        let Some(draft) = drafts.find(|d| d.repository == *repository) else {
            return Ok(false);
        };
        let marks = self.reviewing.viewed(member, &workflow.id).await?;
        let viewed: BTreeSet<ChangedFile> = marks.into_iter().map(|m| m.file).collect();
        let mut files = draft.diff.files.iter();
        Ok(files.all(|f| viewed.contains(&ChangedFile::of(repository, &f.change))))
    }

    /// Who the author is here, if they may command at all.
    async fn commander(
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
        Ok(commander(comment, standing, member))
    }

    /// Workflows from that issue that have not ended.
    async fn under_way(&self, from: &str) -> Result<Vec<WorkflowId>, Trouble> {
        let wanted = Metadata::from([(STARTED_FROM.to_owned(), from.to_owned())]);
        let mut found = Vec::new();
        for id in self.store.workflows_with(&wanted, TALLIED_MAX).await? {
            if !self.store.workflow(&id).await?.state.is_final() {
                found.push(id);
            }
        }
        Ok(found)
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

fn outcome_of(command: &Command, status: &InputStatus) -> Outcome {
    match (status, command) {
        (InputStatus::Accepted | InputStatus::Pending, Command::Start) => Outcome::Started,
        (InputStatus::Accepted | InputStatus::Pending, _) => Outcome::Decided,
        (InputStatus::Refused { .. } | InputStatus::Held { .. }, _) => Outcome::Refused,
    }
}

/// What a command does to what waits; `None` where nothing with that digest does.
fn act_of(workflow: &Workflow, command: &Command) -> Option<Act> {
    let waits = |digest: &str| {
        let mut open = workflow.open_requests();
        let found = open.find(|r| r.subject.seen().to_hex() == digest)?;
        Some((found.id.clone(), found.subject.seen()))
    };
    Some(match command {
        Command::Start | Command::Status => return None,
        Command::Approve { digest } => {
            let (request, seen) = waits(digest)?;
            Act::Approve {
                request,
                seen,
                acknowledged: Vec::new(),
            }
        }
        Command::Reject { digest, reason } => {
            let (request, seen) = waits(digest)?;
            Act::Reject {
                request,
                seen,
                reason: reason.clone(),
            }
        }
        Command::Changes { digest, comment } => {
            let (request, seen) = waits(digest)?;
            Act::RequestChanges {
                request,
                seen,
                comment: comment.clone(),
                comments: Vec::new(),
            }
        }
        Command::Retry { digest } => {
            let (request, seen) = waits(digest)?;
            Act::Retry { request, seen }
        }
        Command::Cancel { reason } => Act::Cancel {
            reason: reason.clone(),
        },
    })
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
