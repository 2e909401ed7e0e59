//! Policy: what counts for a repository now, and what it would say of a change. Nothing is recorded, and no repository is
//! written to; commits that are looked at are kept in our own mirror, as for a workflow.

use super::submitting::find;
use super::{Json, Path, Query, workflow_id};
use crate::house::House;
use crate::problem::Problem;
use crate::wire::{GateWire, PolicyWire, ViolationWire};
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::id::{BranchName, RepositoryId};
use countersign_core::policy::POLICY_MAX_BYTES;
use countersign_engine::policies::LayersError;
use countersign_engine::previewing::{PreviewError, Previewed, Subject, policy_of, preview};
use countersign_ports::store::RepositoryRow;
use countersign_ports::trees::RepoSource;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

/// Largest diff that is held against a policy, in bytes.
const DIFF_MAX_BYTES: usize = 4 << 20;
/// Looks at a repository at a time, over all callers.
const LOOKS_MAX: usize = 2;
/// How long a caller waits for one, its place in the queue included.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// The places at which repositories are looked at; whoever gave up waiting leaves theirs when the work has ended.
static LOOKS: Semaphore = Semaphore::const_new(LOOKS_MAX);

/// For which base.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyQuery {
    /// The branch that work would start from; the default branch if nothing is said.
    base: Option<String>,
}

/// Show the policy that counts for a repository now, every value with the layer that set it
#[utoipa::path(
    get, path = "/api/v1/repositories/{id}/policy", operation_id = "show_policy", tag = "policy",
    params(("id" = String, Path, description = "the repository's id or name"), PolicyQuery),
    responses((status = 200, body = PolicyWire),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "a layer can't be read, or there is no such branch", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn show(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(query): Query<PolicyQuery>,
) -> Result<Json<PolicyWire>, Problem> {
    let rows = house.store.repositories().await?;
    let row = find(&rows, &id).ok_or_else(|| Problem::missing("repository", &id))?;
    let (source, base) = (source(row), branch(query.base.as_deref())?);
    let runs = house.ports.own_rules.runs();
    let found = in_time(async move { policy_of(&house.ports, source, base).await }).await?;
    Ok(Json(PolicyWire::of(&found, runs)))
}

/// A change to be held against a policy: a diff for a repository, or a workflow's drafts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPreview {
    /// The repository of the diff, by id or name; not together with `workflow`.
    repository: Option<String>,
    /// The branch that the diff starts from; the default branch if nothing is said.
    base: Option<String>,
    /// A unified diff, at most 4 MiB.
    diff: Option<String>,
    /// The workflow whose newest drafts are judged, on the bases that it pinned.
    workflow: Option<String>,
    /// The text of a policy file that counts instead of the repository's own, on the default branch and in the base; at most
    /// 64 KiB. The organisation's policy and the repository's own rules count in any case.
    policy: Option<String>,
}

/// What policy would say.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewWire {
    /// Whether a broken rule blocks.
    blocked: bool,
    /// Every broken rule.
    violations: Vec<ViolationWire>,
    /// `low`, `medium` or `high`.
    risk: String,
    /// Why.
    risk_reasons: Vec<String>,
    /// Gate 0, as far as policy decides it, and gate 2. `undecided`: nothing failed, and evidence is missing (a plan, a
    /// critic's answer), which is not a pass.
    gates: Vec<GateWire>,
    /// What counts in each repository.
    repositories: Vec<JudgedWire>,
    /// Whether a person would be asked about the plan, too.
    asks_for_plan: bool,
}

/// One repository of a preview.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgedWire {
    repository: String,
    base_branch: String,
    base_commit: String,
    /// Digest of the effective policy.
    policy: String,
    /// How many people would have to approve.
    approvals: u32,
}

/// Say what policy would make of a diff or of a workflow's drafts; nothing is recorded
#[utoipa::path(
    post, path = "/api/v1/policy/preview", operation_id = "preview_policy", tag = "policy", request_body = NewPreview,
    responses((status = 200, body = PreviewWire),
        (status = 422, description = "it can't be judged: the diff does not apply, or a policy can't be read", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "it takes too long, or too many are asked at once", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn judge(
    State(house): State<Arc<House>>,
    Json(new): Json<NewPreview>,
) -> Result<Json<PreviewWire>, Problem> {
    let rows = house.store.repositories().await?;
    if new
        .policy
        .as_ref()
        .is_some_and(|text| text.len() > POLICY_MAX_BYTES)
    {
        let text = format!("a policy has at most {POLICY_MAX_BYTES} bytes");
        return Err(Problem::refused("policy-too-large", text));
    }
    let (subject, instead) = (subject(&rows, &new)?, new.policy);
    let judged =
        in_time(async move { preview(&house.ports, house.store.as_ref(), subject, instead).await }).await?;
    Ok(Json(wire(&judged, &rows)))
}

fn subject(rows: &[RepositoryRow], new: &NewPreview) -> Result<Subject, Problem> {
    match (&new.repository, &new.diff, &new.workflow) {
        (Some(name), Some(diff), None) => {
            if diff.len() > DIFF_MAX_BYTES {
                let text = format!("a diff has at most {DIFF_MAX_BYTES} bytes");
                return Err(Problem::refused("diff-too-large", text));
            }
            let row = find(rows, name).ok_or_else(|| {
                Problem::refused("unknown-repository", format!("`{name}` is not registered"))
                    .next("Registered ones: GET /api/v1/repositories")
            })?;
            Ok(Subject::Diff {
                source: source(row),
                base: branch(new.base.as_deref())?,
                diff: diff.as_bytes().to_vec(),
            })
        }
        (None, None, Some(id)) if new.base.is_none() => Ok(Subject::Workflow(workflow_id(id)?)),
        (_, _, _) => Err(Problem::refused(
            "preview-of-what",
            "give `repository` and `diff` (and `base`, if it is not the default branch), or `workflow` alone",
        )),
    }
}

fn source(row: &RepositoryRow) -> RepoSource {
    row.source()
}

fn branch(name: Option<&str>) -> Result<Option<BranchName>, Problem> {
    let parsed = name.map(BranchName::parse).transpose();
    parsed.map_err(|e| Problem::refused("bad-branch", e.to_string()))
}

/// Looks at repositories at one of few places, and waits for it no longer than [`LOOK_MAX`].
async fn in_time<T: Send + 'static>(
    look: impl Future<Output = Result<T, PreviewError>> + Send + 'static,
) -> Result<T, Problem> {
    let work = async {
        let place = LOOKS.acquire().await.map_err(|_| PreviewError::Broke)?;
        // A task of its own: its place is free again when the work has ended, not when nobody waits for it any more.
        let held = tokio::spawn(async move {
            let found = look.await;
            drop(place);
            found
        });
        held.await.map_err(|_| PreviewError::Broke)?
    };
    match tokio::time::timeout(LOOK_MAX, work).await {
        Ok(found) => Ok(found?),
        Err(_) => {
            let text = format!("this took longer than {} seconds", LOOK_MAX.as_secs());
            Err(
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "preview-too-slow", text)
                    .next("Try again, or give a smaller diff."),
            )
        }
    }
}

fn wire(judged: &Previewed, rows: &[RepositoryRow]) -> PreviewWire {
    let Previewed {
        workflow, preview, ..
    } = judged;
    let name = |id: &RepositoryId| {
        let row = rows.iter().find(|r| r.id == *id);
        row.map_or_else(|| id.to_string(), |r| r.name.clone())
    };
    let needed = |id: &RepositoryId| {
        preview
            .approvals
            .iter()
            .find(|(of, _)| of == id)
            .map_or(0, |(_, n)| *n)
    };
    let violations = preview.violations.iter();
    PreviewWire {
        blocked: preview.violations.iter().any(|v| v.blocks()),
        violations: violations
            .map(|v| ViolationWire::of(v, &name(&v.repository)))
            .collect(),
        risk: preview.tier.tier.to_string(),
        risk_reasons: preview.tier.reasons.clone(),
        gates: [&preview.intake, &preview.proposal]
            .map(|g| GateWire::of(g, name).without_all_evidence(g))
            .into(),
        repositories: workflow
            .repositories
            .iter()
            .map(|r| JudgedWire {
                repository: name(&r.repository),
                base_branch: r.base_branch.to_string(),
                base_commit: r.base.to_string(),
                policy: r.policy.digest().to_hex(),
                approvals: needed(&r.repository),
            })
            .collect(),
        asks_for_plan: preview.asks_for_plan,
    }
}

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Baseline(text) => Self::refused("baseline-unreadable", text),
            PreviewError::Policy(LayersError::Trees(error)) => error.into(),
            PreviewError::Policy(error) => Self::refused(error.code(), error.to_string()),
            PreviewError::Refused { refusal, .. } => Self::refused(refusal.code, refusal.to_string())
                .next("The diff has to apply exactly to its base."),
            PreviewError::NoDrafts(_) => Self::refused("no-drafts", error.to_string()),
            PreviewError::Store(error) => error.into(),
            PreviewError::Broke => Self::internal("preview-broke", error.to_string()),
        }
    }
}
