//! From a command to a signed submission or act in the inbox, under ids made of the number of the comment, or of the label's event.
//! Whether it is allowed is judged where every decision is, not here.

use super::{Commands, Trouble};
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
use countersign_core::command::{
    Command, ISSUE, Outcome, STARTED_FROM, carried, check_startable, started_from,
};
use countersign_core::feedback::{
    AgentSpec, Feedback, FeedbackOrigin, Metadata, RepoRole, RepoSelection, UNTRUSTED, WORDS_OF,
};
use countersign_core::forge::{Deed, DeedKind};
use countersign_core::id::{InputId, MemberId, RepositoryId, RequestId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::pull_requests::opened;
use countersign_core::workflow::{Submission, Workflow};
use countersign_engine::intake::{NotTaken, take_in};
use countersign_ports::reviewing::ChangedFile;
use countersign_ports::store::{InputStatus, NewInput, RepositoryRow, TALLIED_MAX};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long the judgement of a start is waited for, before the next comment is looked at.
const JUDGED_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked meanwhile.
const JUDGED_EVERY: Duration = Duration::from_millis(25);

impl Commands {
    /// Submits exactly what whoever wrote the comment, or put the label on, saw.
    pub(super) async fn start(
        &self,
        row: &RepositoryRow,
        deed: &Deed,
        by: MemberId,
    ) -> Result<Outcome, Trouble> {
        if let Err(denial) = check_startable(deed, None) {
            return Ok(Outcome::Denied(denial));
        }
        // Before the issue is looked at: what we say there of the one that is under way changes it, too.
        if !self.under_way(row, deed.issue).await?.is_empty() {
            return Ok(Outcome::AlreadyStarted);
        }
        let (number, from) = (deed.issue, started_from(&row.id, deed.issue));
        let issue = self.ask(row, move |said, at| said.issue(at, number)).await?;
        if let Err(denial) = check_startable(deed, Some(issue.changed_at)) {
            return Ok(Outcome::Denied(denial));
        }
        let (id, input) = ids(&row.id, deed);
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
        let mut metadata = Metadata::from([(STARTED_FROM.to_owned(), from), (ISSUE.to_owned(), issue.place)]);
        if !issue.trusted {
            metadata.insert(WORDS_OF.to_owned(), UNTRUSTED.to_owned());
        }
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
            metadata,
            budget: Some(Default::default()),
            signature: None,
        };
        let key = self.keys.key(&by).map_err(Trouble::Ours)?;
        let signed = NewInput::Submit(submission.signed(self.store.tenant(), &id, &key));
        self.taken(&Command::Start, &input, &id, &signed).await
    }

    /// From a command to an act on what waits in the workflow that the issue or the pull request belongs to.
    pub(super) async fn decide(
        &self,
        row: &RepositoryRow,
        deed: &Deed,
        by: MemberId,
        command: Command,
    ) -> Result<Outcome, Trouble> {
        let Some(workflow) = self.workflow_of(row, deed).await? else {
            return Ok(Outcome::NothingWaits);
        };
        // What was said before it was asked, or before the workflow began, is about something else: a comment may be found late.
        let since = self.began(&workflow.id).await?;
        let Some(act) = act_of(&workflow, &command, deed.at).filter(|_| !is_before(deed.at, since)) else {
            return Ok(Outcome::NothingWaits);
        };
        if let Act::Approve { request, .. } = &act
            && let Some(why) = self.unseen(&workflow, request, &by).await?
        {
            return Ok(why);
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
        let (_, input) = ids(&row.id, deed);
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
    pub(super) async fn workflow_of(
        &self,
        row: &RepositoryRow,
        deed: &Deed,
    ) -> Result<Option<Workflow>, Trouble> {
        if !deed.on_pull_request {
            return match self.under_way(row, deed.issue).await?.first() {
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
            if numbers.any(|number| number == deed.issue) {
                return Ok(Some(workflow));
            }
        }
        Ok(None)
    }

    /// When a workflow began.
    async fn began(&self, id: &WorkflowId) -> Result<Timestamp, Trouble> {
        let records = self.store.events(id).await?;
        Ok(records.first().map_or(Timestamp(u64::MAX), |first| first.at))
    }

    pub(super) async fn load(&self, id: &WorkflowId) -> Result<Workflow, Trouble> {
        let records = self.store.events(id).await?;
        let events = records.iter().map(|r| &r.event);
        Ok(Workflow::replay(self.store.tenant().clone(), id.clone(), events))
    }

    /// Why the member has not seen what they approve: they have marked every file of it as viewed (hazard 48), and one of them
    /// after the issue was edited (hazard 53), which only the page says. Only patch sets have files.
    async fn unseen(
        &self,
        workflow: &Workflow,
        request: &RequestId,
        member: &MemberId,
    ) -> Result<Option<Outcome>, Trouble> {
        let mut requests = workflow.requests.iter();
        let found = requests.find(|r| r.id == *request).map(|r| &r.subject);
        let Some(Subject::PatchSet { repository, .. }) = found else {
            return Ok(Some(Outcome::NotViewed));
        };
        let mut drafts = workflow.drafts.iter();
        let Some(draft) = drafts.find(|d| d.repository == *repository) else {
            return Ok(Some(Outcome::NotViewed));
        };
        let marks = self.reviewing.viewed(member, &workflow.id).await?;
        let last = marks.iter().map(|m| m.at).max();
        let viewed: BTreeSet<ChangedFile> = marks.into_iter().map(|m| m.file).collect();
        let mut files = draft.diff.files.iter();
        if !files.all(|f| viewed.contains(&ChangedFile::of(repository, &f.change))) {
            return Ok(Some(Outcome::NotViewed));
        }
        let edited = self.store.issue_changed(&workflow.id).await?;
        Ok(edited
            .filter(|_| last <= edited)
            .map(|_| Outcome::ViewedBeforeEdit))
    }

    /// Workflows of that issue that have not ended, however they were started. One that was imported into other repositories
    /// alone is not decided on from here.
    async fn under_way(&self, row: &RepositoryRow, issue: u64) -> Result<Vec<WorkflowId>, Trouble> {
        let mut found = Vec::new();
        for wanted in carried(&row.id, issue) {
            for id in self.store.workflows_with(&wanted, TALLIED_MAX).await? {
                let listed = self.store.workflow(&id).await?;
                if !listed.state.is_final() && listed.repositories.iter().any(|r| r.id == row.id) {
                    found.push(id);
                }
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
}

pub(super) fn outcome_of(command: &Command, status: &InputStatus) -> Outcome {
    match (status, command) {
        (InputStatus::Accepted | InputStatus::Pending, Command::Start) => Outcome::Started,
        (InputStatus::Accepted | InputStatus::Pending, _) => Outcome::Decided,
        (InputStatus::Refused { code, .. }, Command::Retry { .. }) if is_no_retry(code) => {
            Outcome::NothingToRetry
        }
        (InputStatus::Refused { .. } | InputStatus::Held { .. }, _) => Outcome::Refused,
    }
}

/// Whether an act was refused because what waits is nothing that stopped, by the codes of the workflow's refusals.
fn is_no_retry(code: &str) -> bool {
    matches!(code, "wrong-state" | "not-a-choice")
}

/// Whether it was written before that moment; times of a forge have whole seconds.
fn is_before(written_at: Timestamp, moment: Timestamp) -> bool {
    written_at.0 / 1_000 < moment.0 / 1_000
}

/// What a command does to what waits; `None` where nothing with that digest does.
fn act_of(workflow: &Workflow, command: &Command, written_at: Timestamp) -> Option<Act> {
    let waits = |digest: &str| {
        let mut open = workflow.open_requests();
        let found = open.find(|r| r.subject.seen().to_hex() == digest)?;
        if is_before(written_at, found.opened_at) {
            return None;
        }
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

/// The same for the same comment or label, whoever points to it and however often.
pub(super) fn ids(repository: &RepositoryId, deed: &Deed) -> (WorkflowId, InputId) {
    let kind = match deed.kind {
        DeedKind::Comment { .. } => "comment",
        DeedKind::Label { .. } => "label",
    };
    let random = |what: &str| {
        let text = format!("countersign/{kind}/v1\0{what}\0{repository}\0{}", deed.number);
        let hash = Sha256::digest(text.as_bytes());
        hash.iter()
            .take(16)
            .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte))
    };
    let at = deed.at.0;
    (
        WorkflowId::from_parts(at, random("workflow")),
        InputId::from_parts(at, random("input")),
    )
}
