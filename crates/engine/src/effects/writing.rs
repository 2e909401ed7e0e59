//! The two effects that write: create an approved branch, and take our own branch out of play.
//!
//! The order is the point: attempt recorded, branch read, objects prepared in memory, gate asked, gate asked again,
//! permit consumed, branch read back. The forge's must-not-exist update is the real fence.

use super::{EffectError, Job, Performed, blocking};
use crate::judge::{Judge, Outcome};
use countersign_core::id::{AttemptNumber, BranchName, WriteIntentId};
use countersign_core::permit::{DeleteBranch, FreshFacts, GateRefusal, PushBranch, WriteGate};
use countersign_core::policy;
use countersign_core::workflow::event::{Attempt, AttemptOutcome, WriteIntent};
use countersign_core::workflow::{EffectResult, Input};
use countersign_ports::store::Settles;
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource};

/// An attempt's deadline: below the lease, so that a stalled worker is done before another one begins.
const ATTEMPT_MS: u64 = 45_000;

impl Job<'_> {
    pub(super) async fn write_branch(&self, id: &WriteIntentId) -> Result<Performed, EffectError> {
        let intent = self.intent(id)?.clone();
        let source = self.source(&intent.repository).await?;
        let attempt = self.begin_attempt(&intent).await?;
        let outcome = self.attempt(&intent, &source, &attempt).await?;
        Ok(EffectResult::WriteEnded {
            intent: id.clone(),
            number: attempt.number,
            outcome,
        }
        .into())
    }

    fn intent(&self, id: &WriteIntentId) -> Result<&WriteIntent, EffectError> {
        self.workflow
            .intents
            .iter()
            .find(|i| i.id == *id)
            .ok_or_else(|| EffectError::Lasting {
                code: "intent-missing".to_owned(),
                message: format!("there is no write intent {id} any more"),
            })
    }

    /// Records the attempt before its first byte.
    async fn begin_attempt(&self, intent: &WriteIntent) -> Result<Attempt, EffectError> {
        let earlier = self
            .workflow
            .attempts
            .iter()
            .filter(|(a, _)| a.intent == intent.id)
            .count();
        let attempt = Attempt {
            intent: intent.id.clone(),
            number: AttemptNumber(u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1)),
            fence: self.claimed.fence,
            commit: intent.commit.clone(),
            expected_old: None,
            deadline: self.ports.store.now().await?.plus_ms(ATTEMPT_MS),
        };
        let judge = Judge {
            ports: self.ports,
            store: self.store.clone(),
            workflow: self.workflow.id.clone(),
        };
        let input = Input::AttemptStarting {
            id: self.claimed.id.clone(),
            attempt: attempt.clone(),
        };
        let settles = Settles::KeepsClaim {
            id: self.claimed.id.clone(),
            fence: self.claimed.fence,
        };
        match judge.decide(input, Vec::new(), settles).await {
            Ok(Outcome::Recorded) => Ok(attempt),
            Ok(Outcome::Refused(_)) => Err(countersign_ports::store::StoreError::ClaimLost.into()),
            Err(crate::EngineError::Store(error)) => Err(error.into()),
            Err(error @ crate::EngineError::TooManyClashes(_)) => Err(EffectError::Passing {
                code: error.code().to_owned(),
                message: error.to_string(),
            }),
        }
    }

    /// One try. Errors of reading become outcomes, so that the attempt's row always gets its end.
    async fn attempt(
        &self,
        intent: &WriteIntent,
        source: &RepoSource,
        attempt: &Attempt,
    ) -> Result<AttemptOutcome, EffectError> {
        match self.read_back(source, &intent.branch).await {
            Ok(Some(found)) => return Ok(compare(intent, Some(found), true)),
            Ok(None) => {}
            Err(error) => return as_outcome(error),
        }
        let prepared = match self.prepare(intent, source).await {
            Ok(prepared) => prepared,
            Err(error) => return as_outcome(error),
        };
        let op = PushBranch {
            repository: intent.repository.clone(),
            branch: intent.branch.clone(),
            commit: prepared.commit.clone(),
            tree: prepared.tree.clone(),
            patch_set: intent.patch_set,
            approval: intent.approval,
        };
        // Asked once at the start; that answer is dropped. The second one is the permit.
        if let Err(refusal) = WriteGate::open(&self.facts(attempt).await?, op.clone()) {
            return Ok(refused(&refusal));
        }
        let permit = match WriteGate::open(&self.facts(attempt).await?, op) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(refused(&refusal)),
        };
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        let pushed = blocking(move || forge.push_branch(permit, &at, &prepared)).await?;
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

    async fn facts(&self, attempt: &Attempt) -> Result<FreshFacts, EffectError> {
        let unchanged = self.baseline_unchanged().await?;
        Ok(self.store.fresh_facts(self.claimed, attempt, unchanged).await?)
    }

    /// Puts every effective policy together again, with the organisation's baseline as it is now.
    async fn baseline_unchanged(&self) -> Result<bool, EffectError> {
        let Ok(organisation) = parse(self.baseline()?.as_deref()) else {
            return Ok(false);
        };
        for repo in &self.workflow.repositories {
            let source = self.source(&repo.repository).await?;
            let (default_commit, base) = (repo.default_commit.clone(), repo.base.clone());
            let texts = self.git(move |trees| {
                let path = policy::POLICY_PATH.into();
                Ok((
                    trees.file(&source, &default_commit, &path)?,
                    trees.file(&source, &base, &path)?,
                ))
            });
            let (from_default, from_base) = texts.await?;
            let files =
                parse(from_default.as_deref()).and_then(|d| parse(from_base.as_deref()).map(|b| (d, b)));
            let Ok((from_default, from_base)) = files else {
                return Ok(false);
            };
            let now = policy::effective(organisation.as_ref(), from_default.as_ref(), from_base.as_ref());
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
    ) -> Result<AttemptOutcome, EffectError> {
        let trouble = match pushed {
            Ok(()) => None,
            Err(PublishError::Failed(error)) => return as_outcome(error.into()),
            Err(error @ (PublishError::ExpectedOldMismatch { .. } | PublishError::Unknown { .. })) => {
                Some(error)
            }
        };
        match (self.read_back(source, &intent.branch).await, trouble) {
            (Ok(Some(found)), trouble) => Ok(compare(intent, Some(found), trouble.is_some())),
            (Ok(None), Some(PublishError::ExpectedOldMismatch { found, .. })) => {
                Ok(AttemptOutcome::Foreign {
                    commit: None,
                    detail: format!("the branch can't be created: {found}"),
                })
            }
            (Ok(None), trouble) => {
                let why =
                    trouble.map_or_else(|| "it was written and is not there".to_owned(), |t| t.to_string());
                Ok(AttemptOutcome::Failed {
                    code: "branch-not-there".to_owned(),
                    detail: why,
                })
            }
            (Err(error), _) => Ok(AttemptOutcome::Unknown {
                detail: format!("the branch could not be read back: {error}"),
            }),
        }
    }

    async fn read_back(
        &self,
        source: &RepoSource,
        branch: &BranchName,
    ) -> Result<Option<BranchState>, EffectError> {
        let (forge, at, name) = (self.ports.forge.clone(), source.clone(), branch.clone());
        Ok(blocking(move || forge.read_branch(&at, &name)).await??)
    }

    pub(super) async fn retract_branch(&self, id: &WriteIntentId) -> Result<Performed, EffectError> {
        let intent = self.intent(id)?.clone();
        let source = self.source(&intent.repository).await?;
        let gone = |deleted| {
            Ok(EffectResult::Retracted {
                intent: id.clone(),
                deleted,
            }
            .into())
        };
        let holds_ours =
            |state: &Option<BranchState>| state.as_ref().is_some_and(|s| s.commit == intent.commit);
        if !holds_ours(&self.read_back(&source, &intent.branch).await?) {
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
        let facts = self.store.fresh_facts(self.claimed, &attempt, true).await?;
        let permit = WriteGate::retract(&facts, op).map_err(|r| EffectError::Passing {
            code: r.code().to_owned(),
            message: r.to_string(),
        })?;
        let (forge, at) = (self.ports.forge.clone(), source.clone());
        let deleted = blocking(move || forge.delete_branch(permit, &at)).await?;
        if holds_ours(&self.read_back(&source, &intent.branch).await?) {
            let why = deleted
                .err()
                .map_or_else(|| "the branch is still there".to_owned(), |e| e.to_string());
            return Err(EffectError::Passing {
                code: "branch-still-there".to_owned(),
                message: why,
            });
        }
        gone(true)
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

fn refused(refusal: &GateRefusal) -> AttemptOutcome {
    AttemptOutcome::Refused {
        code: refusal.code().to_owned(),
        detail: refusal.to_string(),
    }
}

/// Before anything was written, every failure is a `Failed` attempt; only the store's own failures go up.
fn as_outcome(error: EffectError) -> Result<AttemptOutcome, EffectError> {
    match error {
        EffectError::Passing { code, message } | EffectError::Lasting { code, message } => {
            Ok(AttemptOutcome::Failed {
                code,
                detail: message,
            })
        }
        EffectError::Store(error) => Err(error.into()),
    }
}
