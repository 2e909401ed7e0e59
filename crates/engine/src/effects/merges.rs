//! Look whether pull requests were merged, and what landed. What is not what was approved freezes its repository and raises
//! an alarm before it is recorded, so that nothing is written there in between (hazard 5).

use super::{EffectError, Job, Performed, pause};
use countersign_core::forge::{Landed, PullRequest, PullRequestState};
use countersign_core::id::CommitSha;
use countersign_core::workflow::EffectResult;
use countersign_core::workflow::event::{ReadMerge, WriteIntent};
use countersign_core::workflow::merging::{Outlook, differing, outlook};
use countersign_core::workflow::pull_requests::opened;
use countersign_ports::store::{Alarm, Freeze, StoreError};
use countersign_ports::trees::{Merged, RepoSource};

/// The code of the alarm.
const LANDED_DIFFERENT: &str = "landed-different";
/// What the store says where it is frozen already.
const FROZEN_ALREADY: &str = "frozen-already";
/// The longest pause between two looks, in milliseconds; a webhook shortens it.
const MERGES_PAUSE_MAX_MS: u64 = 10 * 60_000;

impl Job<'_> {
    /// Looks until it can be concluded; a forge that can't be asked for a while ends nothing before the deadline does.
    pub(super) async fn read_merges(&self) -> Result<Performed, EffectError> {
        let (merges, trouble) = self.merges().await;
        // Before anything else: what is known of one repository does not wait for another one that can't be read.
        for (intent, found) in differing(&self.workflow, &merges) {
            self.freeze_and_alarm(intent, found).await?;
        }
        let read = trouble.map_or(Ok(merges), Err);
        let now = self.ports.store.now().await?;
        let awaited = self.workflow.merge_awaited.filter(|(_, until)| now < *until);
        let message = match (&read, awaited) {
            (Ok(merges), Some(_)) if outlook(&self.workflow, merges) == Outlook::Waiting => {
                "nobody has merged yet".to_owned()
            }
            (Err(EffectError::Passing { message, .. }), Some(_)) => message.clone(),
            _conclusive => {
                let repositories = read?;
                return Ok(EffectResult::MergesRead { repositories }.into());
            }
        };
        Err(EffectError::Waits {
            message,
            again_after_ms: pause(awaited, now, MERGES_PAUSE_MAX_MS),
        })
    }

    /// What can be read, and the first trouble on the way.
    async fn merges(&self) -> (Vec<ReadMerge>, Option<EffectError>) {
        let (mut merges, mut trouble) = (Vec::new(), None);
        for intent in &self.workflow.intents {
            if !intent.repository.forge.has_pull_requests() {
                continue;
            }
            match self.merge(intent).await {
                Ok(merge) => merges.push(merge),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        (merges, trouble)
    }

    async fn merge(&self, intent: &WriteIntent) -> Result<ReadMerge, EffectError> {
        let source = self.source(&intent.repository).await?;
        let number = opened(&self.workflow, &intent.id).map(|p| p.number);
        let found = self.pull_requests(intent, &source).await?;
        let pull_request = found.into_iter().find(|p| Some(p.number) == number);
        Ok(ReadMerge {
            repository: intent.repository.clone(),
            landed: match pull_request.as_ref().and_then(merged_as) {
                Some(commit) => self.landed(intent, &source, commit).await?,
                None => None,
            },
            pull_request,
        })
    }

    async fn landed(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        merged_as: CommitSha,
    ) -> Result<Option<Landed>, EffectError> {
        let Some(patch_set) = self.workflow.patch_set(&intent.repository) else {
            return Ok(None);
        };
        let canonical = self.store.body(&patch_set.draft.canonical).await?;
        let (at, approved) = (source.clone(), intent.commit.clone());
        let (branch, base) = (patch_set.base_branch.clone(), patch_set.base.clone());
        let look = move |trees: &dyn countersign_ports::trees::Trees| {
            let merged = Merged {
                branch: &branch,
                merged_as: &merged_as,
                approved: &approved,
                base: &base,
                canonical: &canonical,
            };
            trees.landed(&at, &merged)
        };
        self.git(look).await.map(Some)
    }

    /// Once each, however often it is found again.
    async fn freeze_and_alarm(&self, intent: &WriteIntent, found: String) -> Result<(), EffectError> {
        let freeze = Freeze {
            v: 1,
            repository: Some(intent.repository.clone()),
            by: None,
            because: Some(self.workflow.id.clone()),
            reason: format!("what was merged is not what was approved in {}", self.workflow.id),
        };
        match self.store.freeze(&freeze).await {
            Ok(())
            | Err(StoreError::Refused {
                code: FROZEN_ALREADY, ..
            }) => {}
            Err(error) => return Err(error.into()),
        }
        let alarm = Alarm::new(LANDED_DIFFERENT, &self.workflow.id, found);
        self.store.raise(&alarm).await?;
        Ok(())
    }
}

fn merged_as(pull: &PullRequest) -> Option<CommitSha> {
    match pull.state {
        PullRequestState::Merged => pull.merged_as.clone(),
        PullRequestState::Open | PullRequestState::Closed => None,
    }
}
