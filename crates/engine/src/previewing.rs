//! What policy would say of a change: a diff that somebody gives, or a workflow's drafts. Applies in memory, asks
//! [`countersign_core::workflow::preview`], records nothing and writes to no repository.

use crate::Ports;
use crate::effects::draft;
use crate::inspection::At;
use crate::policies::{Counting, Layers, LayersError, Organisation, layers, standing};
use countersign_core::facts::Origin;
use countersign_core::id::{BranchName, RepositoryId, WorkflowId};
use countersign_core::member::Roster;
use countersign_core::patch_set::Draft;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::PinnedRepo;
use countersign_core::workflow::{Preview, Workflow, preview as judge};
use countersign_ports::store::{StoreError, TenantStore};
use countersign_ports::trees::{ApplyRefusal, RepoSource, TreesError};

/// Where the organisation's policy is looked for, in words for people elsewhere.
const ORGANISATION_PLACE: &str = "policy.toml of the data folder";

/// What is held against a policy.
#[derive(Debug)]
pub enum Subject {
    /// A diff for a repository.
    Diff {
        /// Which, and where it lies.
        source: RepoSource,
        /// The branch that it starts from; the default branch where none is named.
        base: Option<BranchName>,
        /// A unified diff.
        diff: Vec<u8>,
    },
    /// The drafts of a workflow's newest revision, on the bases that it pinned.
    Workflow(WorkflowId),
}

/// What would come of it.
#[derive(Debug)]
pub struct Previewed {
    /// The workflow as it was judged; only its id says nothing where a diff was given.
    pub workflow: Workflow,
    /// The policy of every repository that has a change.
    pub policies: Vec<(RepositoryId, Layers)>,
    /// The judgement.
    pub preview: Preview,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The organisation's policy is there and can't be read.
    #[error("{0}")]
    Baseline(String),
    /// A policy can't be read.
    #[error(transparent)]
    Policy(#[from] LayersError),
    /// The diff does not apply to its base.
    #[error("{repository}: {refusal}")]
    Refused {
        /// Where.
        repository: RepositoryId,
        /// Why.
        refusal: ApplyRefusal,
    },
    /// The workflow has no drafts (yet).
    #[error("{0} has no drafts in its newest revision")]
    NoDrafts(WorkflowId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work ended in an internal error.
    #[error("the judgement ended in an internal error")]
    Broke,
}

impl From<TreesError> for PreviewError {
    fn from(error: TreesError) -> Self {
        PreviewError::Policy(error.into())
    }
}

/// One change, and where it starts from.
struct Change {
    source: RepoSource,
    /// The branch, and what the workflow pinned; nothing pinned: as the branch is now.
    base: Option<BranchName>,
    pinned: Option<PinnedRepo>,
    diff: Vec<u8>,
}

/// Holds a change against the policy that counts now, or with `instead` against that text in the place of the
/// repository's own file. The organisation's policy counts in any case.
///
/// # Errors
/// When there is nothing to judge, the diff does not apply, or a policy can't be read.
pub async fn preview(
    ports: &Ports,
    store: &dyn TenantStore,
    subject: Subject,
    instead: Option<String>,
) -> Result<Previewed, PreviewError> {
    let (workflow, changes) = gather(store, subject).await?;
    let text = ports.baseline.read().map_err(PreviewError::Baseline)?;
    let organisation = Organisation {
        place: ORGANISATION_PLACE.to_owned(),
        text,
    };
    let (roster, now) = (store.roster().await?, ports.store.now().await?);
    let ports = ports.clone();
    let work = move || {
        let against = Against {
            ports: &ports,
            organisation,
            instead,
        };
        against.judged(workflow, changes, (&roster, now))
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| PreviewError::Broke)?
}

/// What a repository's policy is now, for work on that branch.
///
/// # Errors
/// When the branch is not there, or a policy can't be read.
pub async fn policy_of(
    ports: &Ports,
    source: RepoSource,
    base: Option<BranchName>,
) -> Result<Layers, PreviewError> {
    let text = ports.baseline.read().map_err(PreviewError::Baseline)?;
    let place = ORGANISATION_PLACE.to_owned();
    let trees = ports.trees.clone();
    let work = move || {
        let organisation = Organisation { place, text };
        crate::policies::now(trees.as_ref(), organisation, &source, base.as_ref())
    };
    let found = tokio::task::spawn_blocking(work).await;
    Ok(found.map_err(|_| PreviewError::Broke)??)
}

async fn gather(store: &dyn TenantStore, subject: Subject) -> Result<(Workflow, Vec<Change>), PreviewError> {
    let id = match subject {
        Subject::Diff { source, base, diff } => {
            let nobody = WorkflowId::from_parts(0, 0);
            let change = Change {
                source,
                base,
                pinned: None,
                diff,
            };
            return Ok((Workflow::empty(store.tenant().clone(), nobody), vec![change]));
        }
        Subject::Workflow(id) => id,
    };
    store.workflow(&id).await?;
    let records = store.events(&id).await?;
    let events = records.iter().map(|r| &r.event);
    let workflow = Workflow::replay(store.tenant().clone(), id.clone(), events);
    if workflow.drafts.is_empty() {
        return Err(PreviewError::NoDrafts(id));
    }
    let rows = store.repositories().await?;
    let mut changes = Vec::new();
    for draft in &workflow.drafts {
        let pinned = workflow
            .repositories
            .iter()
            .find(|r| r.repository == draft.repository);
        let row = rows.iter().find(|r| r.id == draft.repository);
        let (Some(pinned), Some(row)) = (pinned, row) else {
            return Err(StoreError::NotFound {
                what: "repository",
                id: draft.repository.to_string(),
            }
            .into());
        };
        changes.push(Change {
            source: row.source(),
            base: Some(pinned.base_branch.clone()),
            pinned: Some(pinned.clone()),
            diff: store.body(&draft.canonical).await?,
        });
    }
    Ok((workflow, changes))
}

/// What changes are held against.
struct Against<'a> {
    ports: &'a Ports,
    organisation: Organisation,
    instead: Option<String>,
}

impl Against<'_> {
    fn judged(
        &self,
        mut workflow: Workflow,
        changes: Vec<Change>,
        (roster, now): (&Roster, Timestamp),
    ) -> Result<Previewed, PreviewError> {
        let origin = workflow.submission.as_ref().map(Origin::of);
        let (mut policies, mut repositories, mut drafts) = (Vec::new(), Vec::new(), Vec::new());
        for change in &changes {
            let (repo, found) = self.pinned(change)?;
            drafts.push(self.drafted(change, &repo, origin.as_ref())?);
            repositories.push(repo);
            policies.push((change.source.id.clone(), found));
        }
        workflow.repositories = repositories;
        workflow.drafts = drafts;
        Ok(Previewed {
            preview: judge(&workflow, roster, now),
            workflow,
            policies,
        })
    }

    /// The base with the policy that counts for it now.
    fn pinned(&self, change: &Change) -> Result<(PinnedRepo, Layers), PreviewError> {
        let trees = self.ports.trees.as_ref();
        let found = standing(trees, &change.source, change.base.as_ref())?;
        let base = change.pinned.as_ref().map_or(&found.base.commit, |p| &p.base);
        let at = Counting {
            source: &change.source,
            default_branch: &found.default_branch,
            default_commit: &found.default_commit,
            base,
        };
        let found_layers = layers(trees, self.organisation.clone(), at, self.instead.as_deref())?;
        let repo = PinnedRepo {
            repository: change.source.id.clone(),
            base_branch: found.base_branch.clone(),
            base: base.clone(),
            base_tree: change
                .pinned
                .as_ref()
                .map_or(found.base.tree, |p| p.base_tree.clone()),
            default_commit: found.default_commit.clone(),
            files: 0,
            policy: found_layers.policy.clone(),
        };
        Ok((repo, found_layers))
    }

    fn drafted(
        &self,
        change: &Change,
        repo: &PinnedRepo,
        origin: Option<&Origin>,
    ) -> Result<Draft, PreviewError> {
        let at = At {
            source: &change.source,
            base: &repo.base,
            default_commit: &repo.default_commit,
            origin,
            own_rules: self.ports.own_rules.as_ref(),
        };
        let (trees, salt) = (self.ports.trees.as_ref(), &self.ports.salt);
        match draft(trees, &at, (&change.diff, &[]), salt)? {
            Ok((draft, _canonical)) => Ok(draft),
            Err(refusal) => Err(PreviewError::Refused {
                repository: change.source.id.clone(),
                refusal,
            }),
        }
    }
}
