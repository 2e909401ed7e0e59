//! What changed between what two revisions would write: the difference of the two resulting trees, not of two diffs.
//!
//! Both results are computed anew from the pinned bases and the recorded canonical diffs. What only a moved base changed
//! stands apart. It is for looking only; nothing here is approved or applied.

use super::{Json, Path, Query, workflow_id};
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Proposals, Seen};
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::diff_view::{Wanted, typed_diff};
use countersign_core::id::{RepositoryId, Revision, WorkflowId};
use countersign_core::patch_set::Draft;
use countersign_core::policy::Finding;
use countersign_core::workflow::event::PinnedRepo;
use countersign_inspect::masked_between;
use countersign_ports::store::TenantStore;
use countersign_ports::trees::{Interdiff, Proposed, Trees};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

/// How many are computed at a time; the next one waits.
const AT_ONCE: usize = 2;
/// Paths that only the base changed, listed at most; the rest is counted.
const BASE_ONLY_MAX: usize = 1_000;

static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

/// Which two revisions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct InterdiffQuery {
    /// The earlier one.
    from: u32,
    /// The later one; the newest if nothing is said.
    to: Option<u32>,
}

/// What changed between two revisions.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InterdiffsWire {
    /// From which revision.
    pub from: u32,
    /// To which one.
    pub to: u32,
    /// One per repository that either of them changes.
    pub repositories: Vec<InterdiffWire>,
}

/// What changed in one repository.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InterdiffWire {
    /// The repository's name.
    pub repository: String,
    /// The two revisions start from different commits.
    pub base_moved: bool,
    /// The commit that the earlier one starts from.
    pub from_base: String,
    /// The commit that the later one starts from.
    pub to_base: String,
    /// Lines.
    pub added: u64,
    /// Lines.
    pub removed: u64,
    /// From the earlier result to the later one, without files that only the base changed; empty: no difference. Bytes
    /// that are not UTF-8 are replaced, and what looks like a secret is.
    pub diff: String,
    /// Whether bytes were replaced that are not UTF-8.
    pub lossy: bool,
    /// How many lines are there without what looks like a secret.
    pub masked_lines: u32,
    /// Files that differ in exactly the way in which the two bases do; at most 1,000 of them.
    pub base_only: Vec<String>,
    /// How many there are.
    pub base_only_files: u64,
    /// Files, hunks, lines, words, hidden characters and anchors; null where lines were masked.
    #[schema(value_type = Option<Object>)]
    pub typed: Option<serde_json::Value>,
}

/// Show what changed between two revisions
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/interdiff", operation_id = "interdiff", tag = "patches", params(("id" = String, Path), InterdiffQuery),
    responses((status = 200, body = InterdiffsWire),
        (status = 404, description = "there is no such workflow, or no diff in one of the revisions; `detail` says in which there is one", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn interdiff(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(query): Query<InterdiffQuery>,
) -> Result<Json<InterdiffsWire>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    let asked = (Revision(query.from), query.to.map(Revision));
    between(&house.ports.trees, house.store.as_ref(), &seen, asked)
        .await
        .map(Json)
}

/// What changed between two revisions of a workflow; the later one is the newest if none is named.
///
/// # Errors
/// `unknown-revision` where one of them has no diff; whatever goes wrong while both results are computed.
pub async fn between(
    trees: &Arc<dyn Trees>,
    store: &dyn TenantStore,
    seen: &Seen,
    (from, to): (Revision, Option<Revision>),
) -> Result<InterdiffsWire, Problem> {
    let all = seen.proposals_by_revision();
    let newest = all.keys().next_back().copied().unwrap_or(Revision(1));
    let to = to.unwrap_or(newest);
    let unknown = |wanted: Revision| no_such(&seen.workflow.id, wanted, all.keys());
    let old = all.get(&from).ok_or_else(|| unknown(from))?;
    let new = all.get(&to).ok_or_else(|| unknown(to))?;
    let mut repositories = Vec::new();
    for pin in new.pins.iter() {
        let touched = |of: &Proposals| of.drafts.iter().any(|d| d.repository == pin.repository);
        if touched(old) || touched(new) {
            repositories.push(one(trees, store, seen, &pin.repository, (old, new)).await?);
        }
    }
    Ok(InterdiffsWire {
        from: from.0,
        to: to.0,
        repositories,
    })
}

fn no_such<'a>(workflow: &WorkflowId, wanted: Revision, all: impl Iterator<Item = &'a Revision>) -> Problem {
    let all: Vec<String> = all.map(ToString::to_string).collect();
    let there = match all.is_empty() {
        true => "nothing has been proposed yet".to_owned(),
        false => format!("there is one in revision {}", all.join(", ")),
    };
    let text = format!("revision {wanted} of {workflow} has no diff; {there}");
    Problem::new(StatusCode::NOT_FOUND, "unknown-revision", text)
}

async fn one(
    trees: &Arc<dyn Trees>,
    store: &dyn TenantStore,
    seen: &Seen,
    repository: &RepositoryId,
    (old, new): (&Proposals, &Proposals),
) -> Result<InterdiffWire, Problem> {
    let name = seen.workflow.repository_name(repository);
    let row = seen.rows.iter().find(|r| r.id == *repository);
    let row = row.ok_or_else(|| Problem::missing("repository", &name))?;
    let source = row.source();
    let (from, to) = (
        proposed(store, old, repository).await?,
        proposed(store, new, repository).await?,
    );
    let bases = (from.base.to_string(), to.base.to_string());
    let trees = Arc::clone(trees);
    let turn = ROOM.acquire().await;
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        trees.interdiff(&source, &from, &to)
    });
    let broke = |_| Problem::internal("internal", "comparing the two revisions broke off");
    let found = work.await.map_err(broke)??;
    let findings = (findings(old, repository), findings(new, repository));
    wire(name, bases, &found, findings)
}

fn draft<'a>(of: &'a Proposals, repository: &RepositoryId) -> Option<&'a Draft> {
    of.drafts.iter().find(|d| d.repository == *repository)
}

fn findings<'a>(of: &'a Proposals, repository: &RepositoryId) -> &'a [Finding] {
    draft(of, repository).map_or(&[], |d| &d.findings)
}

async fn proposed(
    store: &dyn TenantStore,
    of: &Proposals,
    repository: &RepositoryId,
) -> Result<Proposed, Problem> {
    let pin = of.pins.iter().find(|p: &&PinnedRepo| p.repository == *repository);
    let pin = pin.ok_or_else(|| Problem::missing("pinned base of", &repository.to_string()))?;
    let (canonical, tree) = match draft(of, repository) {
        Some(draft) => (
            store.body(&draft.canonical).await?,
            draft.diff.result_tree.clone(),
        ),
        None => (Vec::new(), pin.base_tree.clone()),
    };
    Ok(Proposed {
        base: pin.base.clone(),
        canonical,
        tree,
    })
}

fn wire(
    repository: String,
    (from_base, to_base): (String, String),
    found: &Interdiff,
    findings: (&[Finding], &[Finding]),
) -> Result<InterdiffWire, Problem> {
    let shown = masked_between(&found.canonical, findings);
    let typed = match shown.lines {
        0 => {
            let view = typed_diff(&found.diff, &found.canonical, &|_| None, &Wanted::default())
                .map_err(|e| Problem::internal(e.code(), "the difference can't be shown line by line"))?;
            Some(serde_json::to_value(&view).map_err(|e| Problem::internal("no-json", e.to_string()))?)
        }
        _masked => None,
    };
    let base_only = found.base_only.iter().take(BASE_ONLY_MAX);
    Ok(InterdiffWire {
        repository,
        base_moved: from_base != to_base,
        from_base,
        to_base,
        added: found.diff.added(),
        removed: found.diff.removed(),
        diff: String::from_utf8_lossy(&shown.bytes).into_owned(),
        lossy: std::str::from_utf8(&found.canonical).is_err(),
        masked_lines: shown.lines,
        base_only: base_only.map(|p| p.to_text()).collect(),
        base_only_files: found.base_only.len() as u64,
        typed,
    })
}
