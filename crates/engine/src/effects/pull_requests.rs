//! Open an approved branch's pull request, take it out of play, and look at CI.
//!
//! Opening has the order of every write: attempt recorded, what is there read, gate asked, the branch read once more,
//! gate asked again, permit used up, read back. The forge's one-per-branch rule is the real fence.

use super::writing::{Tried, refused, still_there};
use super::{EffectError, Job, Performed, blocking, pause};
use countersign_core::forge::{PullRequest, PullRequestState};
use countersign_core::id::{AccountId, WriteIntentId};
use countersign_core::permit::{ClosePullRequest, OpenPullRequest, WriteGate};
use countersign_core::workflow::EffectResult;
use countersign_core::workflow::event::{Attempt, AttemptOutcome, ReadHead, WriteIntent};
use countersign_core::workflow::pull_requests::{Recognised, opened, recognise};
use countersign_core::workflow::verifying::{Outlook, of_required_names, outlook, required};
use countersign_ports::forge::Forge;
use countersign_ports::trees::{PublishError, RepoSource, TreesError};

/// The longest pause between two looks at CI, in milliseconds.
const CHECKS_PAUSE_MAX_MS: u64 = 60_000;

impl Job<'_> {
    pub(super) async fn open_pull_request(&self, id: &WriteIntentId) -> Result<Performed, EffectError> {
        let intent = self.intent(id)?.clone();
        self.refuse_frozen().await?;
        let source = self.reachable(&intent.repository).await?;
        let operation = id.pull_request();
        let attempt = self.begin_attempt(&operation, &intent.commit).await?;
        let tried = self.opening(&intent, &source, &attempt).await;
        Ok(self.ended(&operation, tried)?.of(operation, &attempt))
    }

    /// One try; an error means that nothing was written by it.
    async fn opening(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        attempt: &Attempt,
    ) -> Result<Tried, EffectError> {
        let account = self.forge(source, |forge, at| forge.account(at)).await?;
        match self.recognised(intent, source, account).await? {
            Recognised::Ours(pull_request) => {
                return Ok(AttemptOutcome::Opened {
                    pull_request,
                    account,
                    found: true,
                }
                .into());
            }
            Recognised::Foreign(detail) => {
                return Ok(AttemptOutcome::Foreign { commit: None, detail }.into());
            }
            Recognised::Nothing => {}
        }
        let op = self.opening_op(intent)?;
        if let Err(refusal) = WriteGate::open(&self.facts(intent, source, attempt).await?, op.clone()) {
            return Ok(refused(&refusal).into());
        }
        if let Some(outcome) = self.head_is_another(intent, source).await? {
            return Ok(outcome.into());
        }
        let permit = match WriteGate::open(&self.facts(intent, source, attempt).await?, op) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(refused(&refusal).into()),
        };
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        // Whatever breaks from here on, the pull requests are read back before anything is concluded.
        let answer = blocking(move || forge.open_pull_request(permit, &at)).await;
        let trouble = match answer {
            Ok(Ok(_)) => None,
            Ok(Err(PublishError::Failed(error))) => return Err(error.into()),
            Ok(Err(error)) => Some(error.to_string()),
            Err(broke) => Some(broke.to_string()),
        };
        let outcome = self.opened_or_unknown(intent, source, account, trouble).await;
        Ok(outcome.into())
    }

    /// The words are those of the approved manifest and no others.
    fn opening_op(&self, intent: &WriteIntent) -> Result<OpenPullRequest, EffectError> {
        let missing = || EffectError::Lasting {
            code: "pull-request-text-missing".to_owned(),
            message: "the approved manifest holds no words for a pull request".to_owned(),
        };
        let patch_set = self.workflow.patch_set(&intent.repository).ok_or_else(missing)?;
        let text = patch_set.manifest.pull_request.clone().ok_or_else(missing)?;
        Ok(OpenPullRequest {
            repository: intent.repository.clone(),
            base_branch: patch_set.base_branch.clone(),
            branch: intent.branch.clone(),
            head: intent.commit.clone(),
            title: text.title,
            body: text.body,
            labels: text.labels,
            draft: text.draft,
            patch_set: intent.patch_set,
            approval: intent.approval,
        })
    }

    /// The branch is read again right before (hazard 4).
    async fn head_is_another(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
    ) -> Result<Option<AttemptOutcome>, EffectError> {
        Ok(match self.read_back(source, &intent.branch).await? {
            Some(state) if state.commit == intent.commit => None,
            Some(state) => Some(AttemptOutcome::Foreign {
                detail: format!(
                    "branch {} holds {}, which is not what was approved",
                    intent.branch, state.commit
                ),
                commit: Some(state.commit),
            }),
            None => Some(AttemptOutcome::Failed {
                code: "branch-not-there".to_owned(),
                detail: format!("branch {} is not there", intent.branch),
            }),
        })
    }

    /// A look that misses what may just have been opened proves nothing: the next try looks again.
    async fn opened_or_unknown(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        account: AccountId,
        trouble: Option<String>,
    ) -> AttemptOutcome {
        match self.recognised(intent, source, account).await {
            Ok(Recognised::Ours(pull_request)) => AttemptOutcome::Opened {
                pull_request,
                account,
                found: trouble.is_some(),
            },
            Ok(Recognised::Foreign(detail)) => AttemptOutcome::Foreign { commit: None, detail },
            Ok(Recognised::Nothing) => AttemptOutcome::Unknown {
                detail: trouble.unwrap_or_else(|| "it was opened and is not seen".to_owned()),
            },
            Err(error) => AttemptOutcome::Unknown {
                detail: format!("the pull request could not be read back: {error}"),
            },
        }
    }

    async fn recognised(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        account: AccountId,
    ) -> Result<Recognised, EffectError> {
        let found = self.pull_requests(intent, source).await?;
        Ok(recognise(&self.workflow, intent, account, &found))
    }

    pub(super) async fn pull_requests(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
    ) -> Result<Vec<PullRequest>, EffectError> {
        let branch = intent.branch.clone();
        self.forge(source, move |forge, at| forge.read_pull_requests(at, &branch))
            .await
    }

    /// Asks the forge off the async threads.
    pub(super) async fn forge<T: Send + 'static>(
        &self,
        source: &RepoSource,
        ask: impl FnOnce(&dyn Forge, &RepoSource) -> Result<T, TreesError> + Send + 'static,
    ) -> Result<T, EffectError> {
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        Ok(blocking(move || ask(forge.as_ref(), &at)).await??)
    }

    pub(super) async fn close_pull_request(&self, id: &WriteIntentId) -> Result<Performed, EffectError> {
        let intent = self.intent(id)?.clone();
        let source = self.reachable(&intent.repository).await?;
        let ended = |closed| {
            let intent = id.clone();
            Ok(EffectResult::PullRequestClosed { intent, closed }.into())
        };
        let (Some(number), Some((attempt, _))) = (
            self.open_and_ours(&intent, &source).await?,
            self.workflow.last_attempt(&id.pull_request()).cloned(),
        ) else {
            return ended(false);
        };
        let op = ClosePullRequest {
            repository: intent.repository.clone(),
            number,
            branch: intent.branch.clone(),
            head: intent.commit.clone(),
        };
        let permit = self.may_retract(&attempt, op).await?;
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        let closed = blocking(move || forge.close_pull_request(permit, &at)).await?;
        if self.open_and_ours(&intent, &source).await?.is_some() {
            return Err(still_there(
                "pull-request-still-open",
                "the pull request is still open",
                closed,
            ));
        }
        ended(true)
    }

    /// Our own pull request, if it is open and shows exactly our commit; whereto it is to be merged doesn't matter here.
    /// One look that misses it proves nothing, neither of what may just have been opened nor of a failed closing.
    async fn open_and_ours(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
    ) -> Result<Option<countersign_core::id::PullRequestNumber>, EffectError> {
        let account = self.forge(source, |forge, at| forge.account(at)).await?;
        let known = opened(&self.workflow, &intent.id).map(|p| p.number);
        let ours = |p: &&PullRequest| {
            p.state == PullRequestState::Open
                && p.branch == intent.branch
                && p.author == account
                && p.head == intent.commit
                && known.is_none_or(|number| number == p.number)
        };
        let seen = |found: Vec<PullRequest>| found.iter().find(ours).map(|p| p.number);
        match seen(self.pull_requests(intent, source).await?) {
            None => Ok(seen(self.pull_requests(intent, source).await?)),
            number => Ok(number),
        }
    }

    /// Looks until it can be concluded; a forge that can't be asked for a while ends nothing before the deadline does.
    pub(super) async fn read_checks(&self) -> Result<Performed, EffectError> {
        let read = self.heads().await;
        let now = self.ports.store.now().await?;
        let awaited = self.workflow.checks_awaited.filter(|(_, until)| now < *until);
        let message = match (&read, awaited) {
            (Ok(heads), Some(_)) if outlook(&self.workflow, heads) == Outlook::Waiting => {
                "required checks have not ended".to_owned()
            }
            (Err(EffectError::Passing { message, .. }), Some(_)) => message.clone(),
            _conclusive => {
                let repositories = read?;
                return Ok(EffectResult::ChecksRead { repositories }.into());
            }
        };
        Err(EffectError::Waits {
            message,
            again_after_ms: pause(awaited, now, CHECKS_PAUSE_MAX_MS),
        })
    }

    async fn heads(&self) -> Result<Vec<ReadHead>, EffectError> {
        let mut heads = Vec::new();
        for intent in &self.workflow.intents {
            if !intent.repository.forge.has_pull_requests() {
                continue;
            }
            let source = self.source(&intent.repository).await?;
            let number = opened(&self.workflow, &intent.id).map(|p| p.number);
            let found = self.pull_requests(intent, &source).await?;
            let required = required(&self.workflow, &intent.repository);
            let checks = if required.is_empty() {
                Vec::new()
            } else {
                let (head, wanted) = (intent.commit.clone(), required.clone());
                let read = move |forge: &dyn Forge, at: &RepoSource| forge.read_checks(at, &head, &wanted);
                of_required_names(&required, self.forge(&source, read).await?)
            };
            heads.push(ReadHead {
                repository: intent.repository.clone(),
                branch: self
                    .read_back(&source, &intent.branch)
                    .await?
                    .map(|state| state.commit),
                pull_request: found.into_iter().find(|p| Some(p.number) == number),
                checks,
            });
        }
        Ok(heads)
    }
}
