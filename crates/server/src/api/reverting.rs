//! Taking back what landed: a workflow of its own, with a ready-made diff that goes the same road as every other one.
//!
//! The diff is made against the branch as it is now, so that what came later stays. It may begin while its repository is
//! frozen because of what landed; its writing waits, as every one does, until an owner lifts that.

use super::submitting::{Submitted, answered, begin, ids, refuse_duplicate};
use super::{Path, workflow_id};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use countersign_core::act::Attendance;
use countersign_core::feedback::{
    AgentSpec, Feedback, FeedbackOrigin, Metadata, RepoRole, RepoSelection, SubmittedDiff,
};
use countersign_core::forge::Landed;
use countersign_core::id::{BranchName, CommitSha, MemberId, RepositoryId, WorkflowId};
use countersign_core::outbound::Outbound;
use countersign_core::patch_set::SUBJECT_MAX_CHARS;
use countersign_core::workflow::merging::REVERTS;
use countersign_core::workflow::pull_requests::opened;
use countersign_core::workflow::{Submission, Workflow};
use countersign_ports::store::TenantStore;
use countersign_ports::trees::{Taken, Trees};
use std::sync::Arc;

/// What landed somewhere.
struct There {
    repository: RepositoryId,
    name: String,
    branch: BranchName,
    commit: CommitSha,
    before: CommitSha,
}

fn landed(workflow: &Workflow) -> Vec<There> {
    let mut found = Vec::new();
    for merge in &workflow.merges {
        let (Some(Landed::As { commit, before, .. }), Some(patch_set)) =
            (&merge.landed, workflow.patch_set(&merge.repository))
        else {
            continue;
        };
        found.push(There {
            repository: merge.repository.clone(),
            name: workflow.repository_name(&merge.repository),
            branch: patch_set.base_branch.clone(),
            commit: commit.clone(),
            before: before.clone(),
        });
    }
    found
}

/// What takes back all that landed of a workflow, not signed yet.
///
/// # Errors
/// When nothing of it is known to have landed, nothing of it is there any more, or what came later touches the same lines.
pub async fn reverting(
    trees: &Arc<dyn Trees>,
    store: &dyn TenantStore,
    id: &WorkflowId,
    by: &MemberId,
) -> Result<Submission, Problem> {
    let records = store.events(id).await?;
    let events = records.iter().map(|r| &r.event);
    let workflow = Workflow::replay(store.tenant().clone(), id.clone(), events);
    let there = landed(&workflow);
    if there.is_empty() {
        let text = format!("nothing of {id} is known to have landed");
        return Err(Problem::refused("nothing-landed", text)
            .next("What landed is looked at where policy waits for a merge."));
    }
    let (mut diffs, mut repositories) = (Vec::new(), Vec::new());
    let mut text = String::new();
    for one in there {
        let Some(canonical) = undoing(trees, store, &one).await? else {
            continue;
        };
        diffs.push(SubmittedDiff {
            repository: one.repository.clone(),
            diff: store.put_body(&canonical).await?,
        });
        text.push_str(&format!("- {}: {} in {}\n", one.name, one.commit, one.branch));
        repositories.push(RepoSelection {
            role: match repositories.is_empty() {
                true => RepoRole::Primary,
                false => RepoRole::Secondary,
            },
            id: one.repository,
            name: one.name,
            base: Some(one.branch),
        });
    }
    if diffs.is_empty() {
        let text = format!("nothing of what {id} landed as is there any more");
        return Err(Problem::refused("nothing-to-revert", text));
    }
    let text = format!("{}\n\nIt landed by {id}:\n\n{text}", title(&workflow));
    let feedback = Feedback::read(FeedbackOrigin::Diff, text.as_bytes());
    Ok(Submission {
        feedback: feedback.map_err(|e| Problem::refused(e.code(), e.to_string()))?,
        repositories,
        agent: AgentSpec::Diff { diffs },
        started_by: by.clone(),
        attendance: Attendance::Attended,
        again: false,
        metadata: Metadata::from([(REVERTS.to_owned(), id.to_string())]),
        budget: Some(Default::default()),
        signature: None,
    })
}

/// What it is called: by the title of what landed and, where that is in one repository, its pull request. `#12` would link from
/// wherever it is read.
fn title(workflow: &Workflow) -> String {
    let intents = || workflow.intents.iter();
    let mut numbers = intents().filter_map(|i| Some(opened(workflow, &i.id)?.number));
    let number = match (numbers.next(), numbers.next()) {
        (Some(only), None) => format!(" (pull request {only})"),
        (Some(_) | None, _) => String::new(),
    };
    let title = workflow
        .submission
        .as_ref()
        .map_or("", |s| s.feedback.title.as_str());
    let around = format!("Take back \"\"{number}").chars().count();
    let title = Outbound::line(title, SUBJECT_MAX_CHARS.saturating_sub(around));
    match title.is_empty() {
        true => format!("Take back {}{number}", workflow.id),
        false => format!("Take back \"{title}\"{number}"),
    }
}

/// The diff that takes it back; `None`: nothing of it is there any more.
async fn undoing(
    trees: &Arc<dyn Trees>,
    store: &dyn TenantStore,
    there: &There,
) -> Result<Option<Vec<u8>>, Problem> {
    let rows = store.repositories().await?;
    let row = rows.into_iter().find(|row| row.id == there.repository);
    let missing = || {
        Problem::refused(
            "unknown-repository",
            format!("`{}` is not registered", there.name),
        )
    };
    let (source, trees) = (row.ok_or_else(missing)?.source(), Arc::clone(trees));
    let (branch, commit, before) = (there.branch.clone(), there.commit.clone(), there.before.clone());
    let taken = tokio::task::spawn_blocking(move || trees.taking_back(&source, &branch, &commit, &before));
    let taken = taken
        .await
        .map_err(|e| Problem::internal("internal", e.to_string()))?;
    match taken.map_err(|e| Problem::refused(e.code(), e.to_string()))? {
        Taken::By { canonical } => Ok(Some(canonical)),
        Taken::NotThere => Ok(None),
        Taken::Conflicts => {
            let text = format!(
                "{}: what came after {} touches the same lines",
                there.name,
                there.commit.short()
            );
            Err(Problem::refused("revert-conflicts", text)
                .next("Make the change by hand, and submit it as a diff."))
        }
    }
}

/// Start a workflow that takes back what landed
///
/// Its diff is made against the branches as they are now. It needs approvals as every change does, and may begin while the
/// repository is frozen because of what landed.
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/revert", tag = "workflows", params(("id" = String, Path)),
    responses((status = 202, body = Submitted),
        (status = 404, description = "there is no such workflow", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "it is being taken back already", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "it can't be taken back", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn revert(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = workflow_id(&id)?;
    if house.store.events(&id).await?.is_empty() {
        return Err(Problem::missing("workflow", id.as_str()));
    }
    let by = principal.member()?.id.clone();
    let (new, input, repeated) = ids(&house, &principal, &headers, &format!("revert {id}")).await?;
    if !repeated {
        let submission = reverting(&house.ports.trees, house.store.as_ref(), &id, &by).await?;
        refuse_duplicate(&house, &submission, &new).await?;
        begin(&house, &by, (&new, &input), submission).await?;
    }
    answered(&house, &new, &input, false).await
}
