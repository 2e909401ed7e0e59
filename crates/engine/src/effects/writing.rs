//! The two effects that write: create an approved branch, and take our own branch out of play.
//!
//! The order is the point: attempt recorded, branch read, objects prepared in memory, gate asked, objects brought
//! there, gate asked again, permit used up with the ref locked, branch read back. The forge's must-not-exist update
//! is the real fence.

use super::looking::policy_layer;
use super::{EffectError, Job, Performed, blocking};
use countersign_core::id::{AttemptNumber, BranchName, CommitSha, WriteIntentId};
use countersign_core::permit::{
    DeleteBranch, FreshFacts, GateRefusal, PushBranch, RetractOp, RetractPermit, WriteGate,
};
use countersign_core::policy::{self, PolicySource};
use countersign_core::workflow::event::{Attempt, AttemptOutcome, WriteIntent};
use countersign_core::workflow::writing::base_stands;
use countersign_core::workflow::{EffectResult, Input};
use countersign_ports::store::{OutsideFacts, StoreError};
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, TreesError};
use std::sync::Arc;

/// An attempt's deadline: below the lease, so that a stalled worker is done before another one begins.
const ATTEMPT_MS: u64 = 45_000;

impl Job<'_> {
    pub(super) async fn write_branch(&self, id: &WriteIntentId) -> Result<Performed, EffectError> {
        let intent = self.intent(id)?.clone();
        self.refuse_frozen().await?;
        let source = self.reachable(&intent.repository).await?;
        let attempt = self.begin_attempt(id, &intent.commit).await?;
        let tried = self.attempt(&intent, &source, &attempt).await;
        Ok(self.ended(id, tried)?.of(id.clone(), &attempt))
    }

    /// Before an attempt is begun; a freeze that comes later is seen by the gate.
    pub(super) async fn refuse_frozen(&self) -> Result<(), EffectError> {
        let repositories = || self.workflow.repositories.iter().map(|r| &r.repository);
        let frozen = self.store.freezes().await?;
        match frozen.into_iter().find(|(_, f)| f.covers(repositories())) {
            None => Ok(()),
            Some((at, freeze)) => Err(EffectError::Frozen {
                message: format!("writing is frozen since {at}: {}", freeze.reason),
            }),
        }
    }

    pub(super) fn intent(&self, id: &WriteIntentId) -> Result<&WriteIntent, EffectError> {
        self.workflow
            .intents
            .iter()
            .find(|i| i.id == *id)
            .ok_or_else(|| EffectError::Lasting {
                code: "intent-missing".to_owned(),
                message: format!("there is no write intent {id} any more"),
            })
    }

    /// The right to take something of ours out of play, by facts of this moment.
    pub(super) async fn may_retract<Op: RetractOp>(
        &self,
        attempt: &Attempt,
        op: Op,
    ) -> Result<RetractPermit<Op>, EffectError> {
        // What stands outside speaks against writing, never against taking back.
        let outside = OutsideFacts {
            baseline_unchanged: true,
            base_stands: true,
        };
        let facts = self.fresh(attempt, outside).await?;
        WriteGate::retract(&facts, op).map_err(|r| EffectError::Passing {
            code: r.code().to_owned(),
            message: r.to_string(),
        })
    }

    /// Records the attempt before its first byte.
    pub(super) async fn begin_attempt(
        &self,
        operation: &WriteIntentId,
        commit: &CommitSha,
    ) -> Result<Attempt, EffectError> {
        let earlier = self
            .workflow
            .attempts
            .iter()
            .filter(|(a, _)| a.intent == *operation)
            .count();
        let attempt = Attempt {
            intent: operation.clone(),
            number: AttemptNumber(u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1)),
            fence: self.claimed.fence,
            commit: commit.clone(),
            expected_old: None,
            deadline: self.ports.store.now().await?.plus_ms(ATTEMPT_MS),
        };
        let input = Input::AttemptStarting {
            id: self.claimed.id.clone(),
            attempt: attempt.clone(),
        };
        match self.record(input, Some(self.workflow.clone())).await? {
            true => Ok(attempt),
            false => Err(StoreError::ClaimLost.into()),
        }
    }

    /// One try: what is there already, or a write of it. An error means that nothing was written by it.
    async fn attempt(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        attempt: &Attempt,
    ) -> Result<Tried, EffectError> {
        match self.read_back(source, &intent.branch).await? {
            Some(found) => Ok(compare(intent, Some(found), true).into()),
            None => self.write(intent, source, attempt).await,
        }
    }

    /// How a try of an operation ended. Errors become outcomes, so that the attempt's row always gets its end.
    ///
    /// Where an earlier try may have written, one that says that it wrote nothing itself proves nothing, whatever it saw: looks
    /// can be stale. It stays unknown, so that whoever ends the workflow looks for it and takes it back, and nothing is given
    /// up for good.
    pub(super) fn ended(
        &self,
        operation: &WriteIntentId,
        tried: Result<Tried, EffectError>,
    ) -> Result<Tried, EffectError> {
        let tried = tried.or_else(as_outcome)?;
        match tried.outcome {
            AttemptOutcome::Failed { detail, .. } | AttemptOutcome::Refused { detail, .. }
                if self.workflow.may_be_written(operation) =>
            {
                let detail = format!("an earlier try may have written it, and this one did not: {detail}");
                Ok(AttemptOutcome::Unknown { detail }.into())
            }
            AttemptOutcome::Failed { .. }
            | AttemptOutcome::Refused { .. }
            | AttemptOutcome::Written { .. }
            | AttemptOutcome::Opened { .. }
            | AttemptOutcome::Foreign { .. }
            | AttemptOutcome::Unknown { .. } => Ok(tried),
        }
    }

    /// Prepares in memory, asks the gate, brings the objects there, asks again with facts of that moment, and uses
    /// the second yes up for the ref.
    async fn write(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        attempt: &Attempt,
    ) -> Result<Tried, EffectError> {
        let prepared = Arc::new(self.prepare(intent, source).await?);
        let op = PushBranch {
            repository: intent.repository.clone(),
            branch: intent.branch.clone(),
            commit: prepared.commit.clone(),
            tree: prepared.tree.clone(),
            patch_set: intent.patch_set,
            approval: intent.approval,
        };
        let first = match WriteGate::open(&self.facts(intent, source, attempt).await?, op.clone()) {
            Ok(first) => first,
            Err(refusal) => return Ok(refused(&refusal).into()),
        };
        let (forge, at, objects) = (self.ports.forge.clone(), source.clone(), prepared.clone());
        let staged = blocking(move || forge.stage(&first, &at, &objects)).await?;
        if staged.is_err() {
            return self.conclude(intent, source, staged).await;
        }
        let permit = match WriteGate::open(&self.facts(intent, source, attempt).await?, op) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(refused(&refusal).into()),
        };
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        let branch = intent.branch.to_string();
        // Whatever breaks from here on, the branch is read back before anything is concluded.
        let pushed = match blocking(move || forge.push_branch(permit, &at, &prepared)).await {
            Ok(pushed) => pushed,
            Err(broke) => Err(PublishError::Unknown {
                branch,
                source: TreesError::Unavailable {
                    code: "effect-panicked",
                    message: broke.to_string(),
                },
            }),
        };
        self.conclude(intent, source, pushed).await
    }

    async fn prepare(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
    ) -> Result<PreparedCommit, EffectError> {
        let patch_set = self
            .workflow
            .patch_set(&intent.repository)
            .ok_or_else(|| EffectError::Lasting {
                code: "patch-set-missing".to_owned(),
                message: "the approved patch set is gone".to_owned(),
            })?;
        let canonical = self.store.body(&patch_set.draft.canonical).await?;
        let (at, base, tree) = (source.clone(), patch_set.base.clone(), intent.tree.clone());
        let bytes = patch_set.manifest.commit_bytes.clone();
        self.git(move |trees| trees.prepare(&at, &base, &canonical, &tree, bytes.as_bytes()))
            .await
    }

    pub(super) async fn facts(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        attempt: &Attempt,
    ) -> Result<FreshFacts, EffectError> {
        let outside = OutsideFacts {
            baseline_unchanged: self.baseline_unchanged().await?,
            base_stands: self.base_stands(intent, source).await?,
        };
        self.fresh(attempt, outside).await
    }

    /// A clock that is behind stops this try, not the worker.
    pub(super) async fn fresh(
        &self,
        attempt: &Attempt,
        outside: OutsideFacts,
    ) -> Result<FreshFacts, EffectError> {
        match self.store.fresh_facts(self.claimed, attempt, outside).await {
            Err(StoreError::Unavailable { code, message, .. }) => {
                let code = code.to_owned();
                Err(EffectError::Passing { code, message })
            }
            other => Ok(other?),
        }
    }

    /// Gate 4 may have been judged long ago: the base is looked at again.
    async fn base_stands(&self, intent: &WriteIntent, source: &RepoSource) -> Result<bool, EffectError> {
        let Some(patch_set) = self.workflow.patch_set(&intent.repository) else {
            return Ok(false);
        };
        let standing = self.standing(patch_set, source).await?;
        Ok(base_stands(&self.workflow, &intent.repository, &standing))
    }

    /// Puts every effective policy together again, with the organisation's baseline as it is now.
    async fn baseline_unchanged(&self) -> Result<bool, EffectError> {
        let Ok(organisation) = parse(self.baseline()?.as_deref()) else {
            return Ok(false);
        };
        for repo in &self.workflow.repositories {
            let source = self.source(&repo.repository).await?;
            let (default_commit, base) = (repo.default_commit.clone(), repo.base.clone());
            let layers = self.git(move |trees| {
                Ok((
                    policy_layer(trees, &source, &default_commit)?,
                    policy_layer(trees, &source, &base)?,
                ))
            });
            let (of_default, of_base) = layers.await?;
            let files = parse(of_default.text.as_deref())
                .and_then(|d| parse(of_base.text.as_deref()).map(|b| (d, b)));
            let Ok((from_default, from_base)) = files else {
                return Ok(false);
            };
            let now = policy::effective(organisation.as_ref(), from_default.as_ref(), from_base.as_ref())
                .with_own_rules(&of_default.own_rules, PolicySource::DefaultBranch)
                .with_own_rules(&of_base.own_rules, PolicySource::Base)
                // What the forge asks for it sees to itself when somebody merges.
                .with_protection(&repo.policy.protection());
            if now.digest() != repo.policy.digest() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn conclude(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        pushed: Result<(), PublishError>,
    ) -> Result<Tried, EffectError> {
        let trouble = match pushed {
            Ok(()) => None,
            Err(PublishError::Failed(error)) => return Err(error.into()),
            Err(error @ (PublishError::ExpectedOldMismatch { .. } | PublishError::Unknown { .. })) => {
                Some(error)
            }
        };
        let outcome = match (self.read_back(source, &intent.branch).await, trouble) {
            (Ok(Some(found)), trouble) => compare(intent, Some(found), trouble.is_some()),
            (Ok(None), Some(PublishError::ExpectedOldMismatch { found, .. })) => AttemptOutcome::Foreign {
                commit: None,
                detail: format!("the branch can't be created: {found}"),
            },
            // A look that misses what may just have been written proves nothing: the next try looks again.
            (Ok(None), trouble) => {
                let why =
                    trouble.map_or_else(|| "it was written and is not seen".to_owned(), |t| t.to_string());
                AttemptOutcome::Unknown { detail: why }
            }
            (Err(error), _) => AttemptOutcome::Unknown {
                detail: format!("the branch could not be read back: {error}"),
            },
        };
        Ok(outcome.into())
    }

    pub(super) async fn read_back(
        &self,
        source: &RepoSource,
        branch: &BranchName,
    ) -> Result<Option<BranchState>, EffectError> {
        let (forge, at, name) = (self.ports.forge.clone(), source.clone(), branch.clone());
        Ok(blocking(move || forge.read_branch(&at, &name)).await??)
    }

    pub(super) async fn retract_branch(&self, id: &WriteIntentId) -> Result<Performed, EffectError> {
        let intent = self.intent(id)?.clone();
        let source = self.reachable(&intent.repository).await?;
        let gone = |deleted| {
            Ok(EffectResult::Retracted {
                intent: id.clone(),
                deleted,
            }
            .into())
        };
        if !self.holds_ours(&intent, &source).await? {
            return gone(false);
        }
        let Some((attempt, _)) = self.workflow.last_attempt(id).cloned() else {
            return gone(false);
        };
        let op = DeleteBranch {
            repository: intent.repository.clone(),
            branch: intent.branch.clone(),
            commit: intent.commit.clone(),
        };
        let permit = self.may_retract(&attempt, op).await?;
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        let deleted = blocking(move || forge.delete_branch(permit, &at)).await?;
        if self.holds_ours(&intent, &source).await? {
            return Err(still_there(
                "branch-still-there",
                "the branch is still there",
                deleted,
            ));
        }
        gone(true)
    }

    /// Whether our branch stands and holds what we wrote. One look that misses it proves nothing, neither of what
    /// may just have been written nor of a deletion that may have failed.
    async fn holds_ours(&self, intent: &WriteIntent, source: &RepoSource) -> Result<bool, EffectError> {
        let ours = |state: Option<BranchState>| state.is_some_and(|s| s.commit == intent.commit);
        Ok(ours(self.read_back(source, &intent.branch).await?)
            || ours(self.read_back(source, &intent.branch).await?))
    }
}

fn parse(text: Option<&[u8]>) -> Result<Option<policy::PolicyFile>, ()> {
    let Some(bytes) = text else { return Ok(None) };
    let text = std::str::from_utf8(bytes).map_err(|_| ())?;
    policy::parse(text).map(Some).map_err(|_| ())
}

fn compare(intent: &WriteIntent, state: Option<BranchState>, found: bool) -> AttemptOutcome {
    match state {
        Some(state) if state.commit == intent.commit && state.tree == intent.tree => {
            AttemptOutcome::Written {
                commit: state.commit,
                tree: state.tree,
                found,
            }
        }
        Some(state) => AttemptOutcome::Foreign {
            detail: format!(
                "branch {} holds {}, which is not what was approved",
                intent.branch, state.commit
            ),
            commit: Some(state.commit),
        },
        None => AttemptOutcome::Failed {
            code: "branch-not-there".to_owned(),
            detail: format!("branch {} is not there", intent.branch),
        },
    }
}

pub(super) fn refused(refusal: &GateRefusal) -> AttemptOutcome {
    AttemptOutcome::Refused {
        code: refusal.code().to_owned(),
        detail: refusal.to_string(),
    }
}

/// How one try of a write ended.
pub(super) struct Tried {
    outcome: AttemptOutcome,
    for_good: bool,
}

impl From<AttemptOutcome> for Tried {
    fn from(outcome: AttemptOutcome) -> Self {
        Self {
            outcome,
            for_good: false,
        }
    }
}

impl Tried {
    pub(super) fn of(self, operation: WriteIntentId, attempt: &Attempt) -> Performed {
        let result = EffectResult::WriteEnded {
            intent: operation,
            number: attempt.number,
            outcome: self.outcome,
        };
        Performed {
            for_good: self.for_good,
            ..result.into()
        }
    }
}

/// Before anything was written, every failure is a `Failed` attempt; only the store's own failures go up.
fn as_outcome(error: EffectError) -> Result<Tried, EffectError> {
    let failed = |code, detail, for_good| {
        let outcome = AttemptOutcome::Failed { code, detail };
        Ok(Tried { outcome, for_good })
    };
    match error {
        EffectError::Passing { code, message } => failed(code, message, false),
        EffectError::Lasting { code, message } => failed(code, message, true),
        waiting @ (EffectError::Frozen { .. } | EffectError::Waits { .. } | EffectError::Rests { .. }) => {
            Err(waiting)
        }
        EffectError::Store(error) => Err(error.into()),
    }
}

/// What was to be taken out of play stands, whatever was done about it: for good, where that was refused for good.
pub(super) fn still_there(code: &str, what: &str, done: Result<(), PublishError>) -> EffectError {
    let code = code.to_owned();
    match done {
        Ok(()) => EffectError::Passing {
            code,
            message: what.to_owned(),
        },
        Err(PublishError::Failed(
            TreesError::Unsupported { message, .. } | TreesError::Corrupt { message, .. },
        )) => EffectError::Lasting { code, message },
        Err(
            error @ (PublishError::Failed(_)
            | PublishError::ExpectedOldMismatch { .. }
            | PublishError::Unknown { .. }),
        ) => EffectError::Passing {
            code,
            message: error.to_string(),
        },
    }
}
