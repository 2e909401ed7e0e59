//! Effects that look: branches and policies, pinned bases, base branches right before writing, the ledger's head.

use super::{EffectError, Job, Performed};
use crate::own_rules::{RuleFile, rule_files};
use countersign_core::commit_signature::SignedCommits;
use countersign_core::digest::ContextHash;
use countersign_core::feedback::RepoSelection;
use countersign_core::forge::{Listing, RequiredCheck};
use countersign_core::id::{BranchName, CommitSha, RepositoryId, WorkflowId};
use countersign_core::patch_set::PatchSet;
use countersign_core::path::RepoPath;
use countersign_core::policy::POLICY_PATH;
use countersign_core::workflow::EffectResult;
use countersign_core::workflow::effect::SealPurpose;
use countersign_core::workflow::event::{CheckpointRef, RepoLookup, Standing};
use countersign_core::workflow::input::{LoadedRepo, PolicyLayer, PolicyLayers};
use countersign_ports::signing::CommitSigner;
use countersign_ports::trees::{BaseStanding, Pinned, RepoSource, SnapshotEntry, Trees, TreesError};

/// A repository's base with everything that was given to agents of it.
type Loaded = (LoadedRepo, Vec<SnapshotEntry>);

impl Job<'_> {
    pub(super) async fn look_up_refs(&self) -> Result<Performed, EffectError> {
        let mut repositories = Vec::new();
        let (mut policies, mut protections) = (Vec::new(), Vec::new());
        for selection in self.selections()? {
            let source = self.reachable(&selection.id).await?;
            let id = selection.id.clone();
            let at = source.clone();
            let (mut lookup, policy) = self.git(move |trees| look_up(trees, &at, &selection)).await?;
            let protection = self.protection(&source, &lookup.base_branch).await?;
            lookup.listing = self.listing(&source).await;
            repositories.push(lookup);
            policies.push((id.clone(), policy));
            protections.push((id, protection));
        }
        let submission = self.submission()?;
        let ids: Vec<RepositoryId> = submission.repositories.iter().map(|r| r.id.clone()).collect();
        let same = self
            .store
            .open_duplicate(&submission.feedback.hash, &ids, Some(&self.workflow.id))
            .await?;
        let duplicate_of = match same {
            Some(other) if self.began_before(&other).await? => Some(other),
            Some(_) | None => None,
        };
        let (organisation, roster) = (self.baseline()?, self.store.roster().await?);
        Ok(EffectResult::RefsLookedUp {
            repositories,
            policies,
            protections,
            organisation,
            duplicate_of,
            roster,
        }
        .into())
    }

    /// How the forge lists it. What can't be had keeps nothing up: the repository is named nowhere then.
    async fn listing(&self, source: &RepoSource) -> Option<Listing> {
        match self.forge(source, |forge, at| forge.listing(at)).await {
            Ok(listing) => listing,
            Err(error) => {
                tracing::warn!(repository = %source.id, %error, "who sees a repository is not known");
                None
            }
        }
    }

    /// What the forge asks for before something is merged into that branch.
    async fn protection(
        &self,
        source: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<RequiredCheck>, EffectError> {
        if !source.id.forge.has_pull_requests() {
            return Ok(Vec::new());
        }
        let branch = branch.clone();
        self.forge(source, move |forge, at| forge.required_checks(at, &branch))
            .await
    }

    /// Of two with the same text, the one that began later is the duplicate.
    async fn began_before(&self, other: &WorkflowId) -> Result<bool, EffectError> {
        let own = self.store.workflow(&self.workflow.id).await?;
        let other = self.store.workflow(other).await?;
        Ok((other.created_at, &other.id) < (own.created_at, &own.id))
    }

    pub(super) async fn load_context(&self) -> Result<Performed, EffectError> {
        let mut loaded: Vec<Loaded> = Vec::new();
        for lookup in self.workflow.lookups.clone() {
            let source = self.reachable(&lookup.repository).await?;
            let (at, branch) = (source.clone(), lookup.base_branch.clone());
            let mut one = self.git(move |trees| load(trees, &at, &lookup)).await?;
            one.0.policies.protection = self.protection(&source, &branch).await?;
            loaded.push(one);
        }
        let context = context_hash(&self.submission()?.feedback.hash.to_hex(), &loaded);
        let repositories = loaded.into_iter().map(|(repo, _)| repo).collect();
        Ok(EffectResult::ContextLoaded {
            repositories,
            organisation: self.baseline()?,
            context,
        }
        .into())
    }

    pub(super) async fn check_bases(&self) -> Result<Performed, EffectError> {
        let mut standings = Vec::new();
        for patch_set in &self.workflow.patch_sets {
            let source = self.reachable(&patch_set.repository).await?;
            let standing = self.standing(patch_set, &source).await?;
            standings.push((patch_set.repository.clone(), standing));
        }
        let roster = self.store.roster().await?;
        Ok(EffectResult::BasesChecked { standings, roster }.into())
    }

    /// How a patch set's base branch stands now.
    pub(super) async fn standing(
        &self,
        patch_set: &PatchSet,
        source: &RepoSource,
    ) -> Result<Standing, EffectError> {
        let canonical = self.store.body(&patch_set.draft.canonical).await?;
        let (at, branch, base) = (
            source.clone(),
            patch_set.base_branch.clone(),
            patch_set.base.clone(),
        );
        let look = move |trees: &dyn Trees| trees.base_standing(&at, &branch, &base, &canonical);
        Ok(match self.git(look).await? {
            BaseStanding::Unmoved => Standing::Unmoved,
            BaseStanding::MovedClean { tip } => Standing::MovedClean { tip },
            BaseStanding::MovedConflict { tip } => Standing::MovedConflict { tip },
            BaseStanding::Rewritten { tip } => Standing::Rewritten { tip },
            BaseStanding::Gone => Standing::Gone,
        })
    }

    pub(super) async fn seal(&self, purpose: SealPurpose) -> Result<Performed, EffectError> {
        let checkpoint = self
            .store
            .seal(&self.workflow.id, self.ports.signer.as_ref())
            .await?;
        let signed = match (purpose, &self.ports.commit_signer) {
            (SealPurpose::BeforeApproval, Some(signer)) => {
                Some(self.sign_commits(signer.as_ref(), &checkpoint).await?)
            }
            (SealPurpose::BeforeApproval, None) | (SealPurpose::Approved, _) => None,
        };
        let roster = self.store.roster().await?;
        Ok(EffectResult::Sealed {
            checkpoint,
            roster,
            signed,
        }
        .into())
    }

    /// Signs the commits that people are asked about next: the signature is part of what they approve.
    async fn sign_commits(
        &self,
        signer: &dyn CommitSigner,
        checkpoint: &CheckpointRef,
    ) -> Result<SignedCommits, EffectError> {
        let (committer, at) = (signer.committer(), self.ports.store.now().await?);
        let commits = self.workflow.commits_to_sign(checkpoint, committer, at);
        let mut signatures = Vec::new();
        for (repository, unsigned) in commits {
            let signature = signer.sign(unsigned.as_bytes());
            let signature = signature.map_err(|message| EffectError::Lasting {
                code: "commit-not-signed".to_owned(),
                message,
            })?;
            signatures.push((repository, signature));
        }
        Ok(SignedCommits {
            committer: committer.to_owned(),
            at,
            signatures,
        })
    }

    pub(super) fn submission(&self) -> Result<&countersign_core::workflow::Submission, EffectError> {
        self.workflow
            .submission
            .as_ref()
            .ok_or_else(|| EffectError::Lasting {
                code: "workflow-without-submission".to_owned(),
                message: "the workflow has no beginning; its stream is damaged".to_owned(),
            })
    }

    fn selections(&self) -> Result<Vec<RepoSelection>, EffectError> {
        Ok(self.submission()?.repositories.clone())
    }
}

fn look_up(
    trees: &dyn Trees,
    source: &RepoSource,
    selection: &RepoSelection,
) -> Result<(RepoLookup, Option<Vec<u8>>), TreesError> {
    let heads = trees.heads(source)?;
    let base_branch = selection
        .base
        .clone()
        .unwrap_or_else(|| heads.default_branch.clone());
    let base_commit = heads.heads.get(&base_branch).cloned();
    let default = match heads.heads.contains_key(&heads.default_branch) {
        true => Some(trees.pin(source, &heads.default_branch)?.commit),
        false => None,
    };
    let policy = default
        .as_ref()
        .map(|commit| policy_text(trees, source, commit))
        .transpose()?
        .flatten();
    let lookup = RepoLookup {
        repository: selection.id.clone(),
        default_branch: heads.default_branch,
        default_commit: default,
        base_branch,
        base_commit,
        listing: None,
    };
    Ok((lookup, policy))
}

fn load(trees: &dyn Trees, source: &RepoSource, lookup: &RepoLookup) -> Result<Loaded, TreesError> {
    let Pinned {
        commit: base,
        tree: base_tree,
    } = trees.pin(source, &lookup.base_branch)?;
    // A repository whose HEAD names a branch without commits takes its policy from the base alone.
    let default_commit = match lookup.default_commit {
        Some(_) => trees.pin(source, &lookup.default_branch)?.commit,
        None => base.clone(),
    };
    let entries = trees.snapshot(source, &base)?;
    let policies = PolicyLayers {
        default_branch: policy_layer(trees, source, &default_commit)?,
        base: policy_layer(trees, source, &base)?,
        protection: Vec::new(),
    };
    let repo = LoadedRepo {
        repository: lookup.repository.clone(),
        base_branch: lookup.base_branch.clone(),
        base,
        base_tree,
        default_commit,
        files: entries.len() as u64,
        policies,
    };
    Ok((repo, entries))
}

/// What one commit says about policy.
pub(crate) fn policy_layer(
    trees: &dyn Trees,
    source: &RepoSource,
    commit: &CommitSha,
) -> Result<PolicyLayer, TreesError> {
    let rules = rule_files(trees, source, commit)?;
    Ok(PolicyLayer {
        text: policy_text(trees, source, commit)?,
        own_rules: rules.iter().map(RuleFile::named).collect(),
    })
}

fn policy_text(
    trees: &dyn Trees,
    source: &RepoSource,
    commit: &CommitSha,
) -> Result<Option<Vec<u8>>, TreesError> {
    trees.file(source, commit, &RepoPath::from(POLICY_PATH))
}

/// Base commits, feedback bytes, and sorted paths and blob ids of everything that agents can read.
fn context_hash(feedback: &str, loaded: &[Loaded]) -> ContextHash {
    let repositories: Vec<_> = loaded
        .iter()
        .map(|(repo, entries)| {
            let files: Vec<_> = entries.iter().map(|e| (&e.path, e.mode, &e.blob)).collect();
            (&repo.repository, &repo.base, files)
        })
        .collect();
    ContextHash::of(&(feedback, repositories))
}
