//! Starting a workflow: the same feedback, repositories and proposers as on the command line, except commands, which only a
//! person at the server's own terminal may have run.

use super::Json;
use super::directory::asked;
use crate::guard::Principal;
use crate::house::{House, hash};
use crate::problem::Problem;
use crate::repeats;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_core::act::Attendance;
use countersign_core::budget::BudgetAsked;
use countersign_core::command::{IMPORTED_FROM, ISSUE, started_from};
use countersign_core::digest::BodyHash;
use countersign_core::feedback::{
    AgentSpec, FEEDBACK_MAX_BYTES, Feedback, FeedbackOrigin, REPOSITORIES_MAX, RepoRole, RepoSelection,
    SubmittedDiff, UNTRUSTED, WORDS_OF, check_given_metadata, check_metadata,
};
use countersign_core::id::{BranchName, InputId, MemberId, RepositoryId, WorkflowId};
use countersign_core::workflow::Submission;
use countersign_engine::intake::take_in;
use countersign_ports::access::Repeated;
use countersign_ports::agent::ResolvedAgent;
use countersign_ports::conversation::IssueText;
use countersign_ports::store::{InputStatus, NewInput, RepositoryRow};
use countersign_ports::trees::{RepoPlace, TreesError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How long an answer waits for the judgement.
const JUDGED_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks without a beat.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The preference of a caller who won't wait for the judgement (RFC 7240, section 4.1).
const RESPOND_ASYNC: &str = "respond-async";

/// What starts a workflow.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkflow {
    /// The issue's text, at most 256 KiB; may be left out where there are diffs.
    #[serde(default)]
    pub text: String,
    /// Instead of `text` the address of an issue on GitHub, whose repository has to be registered: it is read now, with everything
    /// that was said below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://github.com/octo-org/hello/issues/7")]
    pub issue: Option<String>,
    /// Exactly one is `primary`; they are written in this order. May be left out with `issue`: then it is the issue's own one.
    #[serde(default)]
    pub repositories: Vec<ChosenRepository>,
    /// Who proposes; `codemod` if nothing is said. Not together with `diffs`.
    pub agent: Option<NewAgent>,
    /// Ready-made diffs to be judged instead of an agent's, one per repository at most.
    #[serde(default)]
    pub diffs: Vec<NewDiff>,
    /// Start although the same text is open on the same repositories.
    #[serde(default)]
    pub again: bool,
    /// Your own words about it, such as a ticket's number: at most 16 pairs. A key has 1 to 64 of `a-z0-9_.-`, a value at most
    /// 500 characters. Shown, and looked up by (`GET /api/v1/workflows?metadata.KEY=VALUE`); no agent sees them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What may be spent on agents before a person is asked; the default where nothing is said, and never more than policy
    /// gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<NewBudget>,
    /// Nobody looks at it who starts it; recorded as such.
    #[serde(default)]
    pub unattended: bool,
}

/// What may be spent on agents that run something outside the server.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// Calls, failed ones included: 1 to 1000; 100 if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_calls: Option<u32>,
    /// Time of all calls together, in milliseconds: 1000 to 604800000; ten hours if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_time_ms: Option<u64>,
}

impl NewBudget {
    fn asked(self) -> BudgetAsked {
        let Self {
            agent_calls,
            agent_time_ms,
        } = self;
        BudgetAsked {
            agent_calls,
            agent_time_ms,
        }
    }
}

/// A repository of a new workflow.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenRepository {
    /// Its id or its name, as `GET /api/v1/repositories` lists them.
    pub name: String,
    /// `primary` or `secondary`; `primary` if nothing is said.
    pub role: Option<String>,
    /// The branch to start from; its default branch if nothing is said.
    pub base: Option<String>,
}

/// Who proposes.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum NewAgent {
    /// Structural rules out of the issue's text.
    Codemod,
    /// Answers that are laid down beforehand.
    Scripted {
        /// What a script's file holds.
        #[schema(value_type = Object)]
        script: serde_json::Value,
    },
}

/// A ready-made diff.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDiff {
    /// The repository's name or id.
    pub repository: String,
    /// Unified diff, SEARCH/REPLACE blocks or whole files.
    pub diff: String,
}

/// A workflow that was put into the inbox.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// The workflow.
    pub id: String,
    /// Where it is read.
    pub url: String,
    /// Whether it was judged already; if not, it waits in the inbox.
    pub judged: bool,
}

/// Start a workflow
///
/// With an `Idempotency-Key` header the same call gives the same workflow, however often it is made.
///
/// The answer waits up to 5 seconds for the judgement, so that a refusal is told at once. With `Prefer: respond-async` it comes
/// as soon as the submission is on disk: what became of it is told by `GET /api/v1/workflows/{id}`, or by the same call again
/// with the same key and without the preference.
#[utoipa::path(
    post, path = "/api/v1/workflows", tag = "workflows", request_body = NewWorkflow,
    params(("Prefer" = Option<String>, Header, description = "`respond-async`: don't wait for the judgement (RFC 7240)")),
    responses((status = 202, body = Submitted),
        (status = 404, description = "GitHub is not set up", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "the same is open already", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "it can't be started", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "GitHub can't be asked now", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn submit(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Json(new): Json<NewWorkflow>,
) -> Result<Response, Problem> {
    let member = principal.member()?.id.clone();
    let call = serde_json::to_string(&new).map_err(|e| Problem::internal("no-json", e.to_string()))?;
    let (id, input, repeated) = ids(&house, &principal, &headers, &call).await?;
    if !repeated {
        let submission = read(&house, &member, new).await?;
        refuse_duplicate(&house, &submission, &id).await?;
        begin(&house, &member, (&id, &input), submission).await?;
    }
    answered(&house, &id, &input, prefers_async(&headers)).await
}

/// Puts a submission into the inbox, signed with the member's key.
pub(super) async fn begin(
    house: &House,
    by: &MemberId,
    (id, input): (&WorkflowId, &InputId),
    submission: Submission,
) -> Result<(), Problem> {
    let signed = submission.signed(house.tenant(), id, &house.key(by)?);
    Ok(take_in(house.store.as_ref(), input, id, &NewInput::Submit(signed)).await?)
}

/// What is said of a submission that is in the inbox.
pub(super) async fn answered(
    house: &House,
    id: &WorkflowId,
    input: &InputId,
    asynchronous: bool,
) -> Result<Response, Problem> {
    let status = match asynchronous {
        true => house.store.input_status(input).await?,
        false => judged(house, input).await?,
    };
    let judged = match status {
        InputStatus::Accepted => true,
        InputStatus::Pending => false,
        InputStatus::Refused { code, message } | InputStatus::Held { code, message } => {
            return Err(Problem::refused(&code, message));
        }
    };
    let url = format!("/api/v1/workflows/{id}");
    let location = HeaderValue::from_str(&url).ok();
    let mut response = (
        StatusCode::ACCEPTED,
        Json(Submitted {
            id: id.to_string(),
            url,
            judged,
        }),
    )
        .into_response();
    let applied = asynchronous.then(|| HeaderValue::from_static(RESPOND_ASYNC));
    response.headers_mut().extend(
        [
            location.map(|url| (header::LOCATION, url)),
            applied.map(|word| (HeaderName::from_static("preference-applied"), word)),
        ]
        .into_iter()
        .flatten(),
    );
    Ok(response)
}

/// Whether the caller won't wait; preferences stand in one list or several, each with or without parameters.
fn prefers_async(headers: &HeaderMap) -> bool {
    let lists = headers
        .get_all("prefer")
        .into_iter()
        .filter_map(|v| v.to_str().ok());
    let words = lists.flat_map(|list| list.split(','));
    words
        .filter_map(|preference| preference.split(';').next())
        .any(|word| word.trim().eq_ignore_ascii_case(RESPOND_ASYNC))
}

/// New ids, or those that the same call got before; whether that is so and it got as far as the inbox.
pub(super) async fn ids(
    house: &House,
    principal: &Principal,
    headers: &HeaderMap,
    call: &str,
) -> Result<(WorkflowId, InputId, bool), Problem> {
    let (id, input) = (house.new_workflow_id().await?, house.new_input_id().await?);
    let Some(key) = repeats::key(headers)? else {
        return Ok((id, input, false));
    };
    let made = format!("{id} {input}");
    let caller = principal.name();
    match house.access.remember(&caller, key, &hash(call), &made).await? {
        Repeated::First => Ok((id, input, false)),
        Repeated::Other => Err(repeats::reused()),
        Repeated::Same(made) => {
            let ids = made
                .split_once(' ')
                .and_then(|(id, input)| Some((WorkflowId::parse(id).ok()?, InputId::parse(input).ok()?)));
            let (id, input) =
                ids.ok_or_else(|| Problem::internal("bad-repeat", "a remembered call can't be read"))?;
            let there = house.store.input_status(&input).await.is_ok();
            Ok((id, input, there))
        }
    }
}

/// How an input came out, if that is soon.
pub(crate) async fn judged(house: &House, input: &InputId) -> Result<InputStatus, Problem> {
    let (began, mut beats) = (Instant::now(), house.pulse.listen());
    loop {
        let status = house.store.input_status(input).await?;
        if status != InputStatus::Pending || began.elapsed() >= JUDGED_WITHIN {
            return Ok(status);
        }
        let _either = tokio::time::timeout(LOOK_EVERY, beats.changed()).await;
    }
}

pub(super) async fn refuse_duplicate(
    house: &House,
    submission: &Submission,
    id: &WorkflowId,
) -> Result<(), Problem> {
    if submission.again {
        return Ok(());
    }
    let repositories: Vec<RepositoryId> = submission.repositories.iter().map(|r| r.id.clone()).collect();
    let hash = &submission.feedback.hash;
    match house.store.open_duplicate(hash, &repositories, Some(id)).await? {
        None => Ok(()),
        Some(other) => {
            let text = format!("{other} is open with the same text and repositories");
            let next = "Go on with it, or start another one with \"again\": true.";
            Err(Problem::new(StatusCode::CONFLICT, "duplicate", text).next(next))
        }
    }
}

async fn read(house: &House, member: &MemberId, new: NewWorkflow) -> Result<Submission, Problem> {
    let bounds = check_given_metadata(&new.metadata);
    bounds.map_err(|e| Problem::refused(e.code(), e.to_string()))?;
    let budget = new.budget.map(NewBudget::asked).unwrap_or_default();
    let bounds = budget.check();
    bounds.map_err(|e| Problem::refused(e.code(), e.to_string()))?;
    let rows = house.store.repositories().await?;
    let mut metadata = new.metadata.clone();
    let (repositories, feedback) = match &new.issue {
        None => {
            let repositories = selections(&rows, &new.repositories)?;
            let feedback = feedback(&new, &repositories)?;
            (repositories, feedback)
        }
        Some(address) => {
            // What costs nothing is refused before GitHub is asked.
            let chosen = match new.repositories.is_empty() {
                true => None,
                false => Some(selections(&rows, &new.repositories)?),
            };
            if !new.text.trim().is_empty() {
                let text = "there is a text and an issue's address; give one";
                return Err(Problem::refused("text-and-issue", text));
            }
            let (row, issue) = import(house, &rows, address).await?;
            let feedback = Feedback::read(FeedbackOrigin::Issue, issue.text.as_bytes())
                .map_err(|e| Problem::refused(e.code(), e.to_string()))?;
            let from = started_from(&row.id, issue.number);
            metadata.insert(ISSUE.to_owned(), issue.place);
            metadata.insert(IMPORTED_FROM.to_owned(), from);
            if !issue.trusted {
                metadata.insert(WORDS_OF.to_owned(), UNTRUSTED.to_owned());
            }
            check_metadata(&metadata).map_err(|e| Problem::refused(e.code(), e.to_string()))?;
            (chosen.unwrap_or_else(|| vec![alone(row)]), feedback)
        }
    };
    let agent = match (new.agent, new.diffs.is_empty()) {
        (Some(_), false) => {
            return Err(Problem::refused(
                "agent-and-diffs",
                "there is an agent and a ready-made diff; give one",
            ));
        }
        (None, false) => keep_diffs(house, &repositories, &new.diffs).await?,
        (None | Some(NewAgent::Codemod), true) => AgentSpec::Codemod,
        (Some(NewAgent::Scripted { script }), true) => keep_script(house, &script).await?,
    };
    Ok(Submission {
        feedback,
        repositories,
        agent,
        started_by: member.clone(),
        attendance: match new.unattended {
            true => Attendance::Unattended,
            false => Attendance::Attended,
        },
        again: new.again,
        metadata,
        budget: Some(budget),
        signature: None,
    })
}

/// Only issues of registered repositories are read: whoever may start something sees these anyhow.
async fn import<'r>(
    house: &House,
    rows: &'r [RepositoryRow],
    address: &str,
) -> Result<(&'r RepositoryRow, IssueText), Problem> {
    let address = address.to_owned();
    let (full_name, number) = asked(house, move |directory| directory.issue_at(&address)).await?;
    let as_registered = rows.iter().find(|row| match &row.place {
        RepoPlace::Folder(_) => false,
        RepoPlace::Remote(at) => at.full_name.eq_ignore_ascii_case(&full_name),
    });
    let row = match as_registered {
        Some(row) => Some(row),
        None => renamed_to(house, rows, &full_name).await?,
    };
    // GitHub is not asked what there is beside them, nor does an answer tell.
    let row = row.ok_or_else(|| {
        let text = format!("{full_name} is not registered");
        Problem::refused("unknown-repository", text).next(
            "Registered ones: GET /api/v1/repositories. An owner registers one: POST /api/v1/repositories",
        )
    })?;
    let source = row.source();
    let issue = asked(house, move |directory| directory.issue(&source, number)).await?;
    Ok((row, issue))
}

/// Most registered repositories that are asked for the names that they have now.
const RENAMED_MAX: usize = 50;

/// The registered repository that got that name later. One that GitHub does not show now has none.
async fn renamed_to<'r>(
    house: &House,
    rows: &'r [RepositoryRow],
    full_name: &str,
) -> Result<Option<&'r RepositoryRow>, Problem> {
    let remote = rows.iter().filter(|row| row.id.forge.is_remote());
    let ids: Vec<_> = remote.take(RENAMED_MAX).map(|row| row.id.clone()).collect();
    let full_name = full_name.to_owned();
    let found = asked(house, move |directory| {
        for id in ids {
            match directory.called_now(&id) {
                Ok(name) if name.eq_ignore_ascii_case(&full_name) => return Ok(Some(id)),
                Ok(_) | Err(TreesError::Unsupported { .. }) => {}
                Err(error @ (TreesError::Unavailable { .. } | TreesError::Corrupt { .. })) => {
                    return Err(error);
                }
            }
        }
        Ok(None)
    })
    .await?;
    Ok(rows.iter().find(|row| Some(&row.id) == found.as_ref()))
}

fn alone(row: &RepositoryRow) -> RepoSelection {
    RepoSelection {
        id: row.id.clone(),
        name: row.name.clone(),
        role: RepoRole::Primary,
        base: None,
    }
}

pub(super) fn find<'a>(rows: &'a [RepositoryRow], name: &str) -> Option<&'a RepositoryRow> {
    rows.iter().find(|r| r.name == name || r.id.to_string() == name)
}

fn selections(rows: &[RepositoryRow], wanted: &[ChosenRepository]) -> Result<Vec<RepoSelection>, Problem> {
    if wanted.is_empty() || wanted.len() > REPOSITORIES_MAX {
        let text = format!("a workflow has 1 to {REPOSITORIES_MAX} repositories");
        return Err(Problem::refused("bad-repositories", text));
    }
    let mut found: Vec<RepoSelection> = Vec::new();
    for ChosenRepository { name, role, base } in wanted {
        let row = find(rows, name).ok_or_else(|| {
            Problem::refused("unknown-repository", format!("`{name}` is not registered"))
                .next("Registered ones: GET /api/v1/repositories")
        })?;
        if found.iter().any(|f| f.id == row.id) {
            let text = format!("the repository {} is named twice", row.name);
            return Err(Problem::refused("repository-twice", text));
        }
        let role = match role.as_deref() {
            None | Some("primary") => RepoRole::Primary,
            Some("secondary") => RepoRole::Secondary,
            Some(other) => {
                let text = format!("`{other}` is neither `primary` nor `secondary`");
                return Err(Problem::refused("unknown-role", text));
            }
        };
        let base = base.as_deref().map(BranchName::parse).transpose();
        let base = base.map_err(|e| Problem::refused("bad-branch", e.to_string()))?;
        found.push(RepoSelection {
            id: row.id.clone(),
            name: row.name.clone(),
            role,
            base,
        });
    }
    if found.iter().filter(|r| r.role == RepoRole::Primary).count() != 1 {
        let text = "exactly one repository has to be the primary one";
        return Err(Problem::refused("one-primary", text));
    }
    Ok(found)
}

fn feedback(new: &NewWorkflow, repositories: &[RepoSelection]) -> Result<Feedback, Problem> {
    let refused =
        |error: countersign_core::feedback::FeedbackError| Problem::refused(error.code(), error.to_string());
    if new.text.len() > FEEDBACK_MAX_BYTES {
        let text = format!("the text has more than {FEEDBACK_MAX_BYTES} bytes");
        return Err(Problem::refused("feedback-too-large", text));
    }
    if !new.text.trim().is_empty() || new.diffs.is_empty() {
        return Feedback::read(FeedbackOrigin::Issue, new.text.as_bytes()).map_err(refused);
    }
    // Words for a diff that came without any; they name its bytes, so that another diff is another request.
    let mut text = "Apply the submitted change\n".to_owned();
    for diff in &new.diffs {
        let hash = BodyHash::of_bytes(diff.diff.as_bytes()).to_hex();
        let of = |r: &&RepoSelection| r.name == diff.repository || r.id.to_string() == diff.repository;
        let name = repositories
            .iter()
            .find(of)
            .map_or(diff.repository.as_str(), |r| &r.name);
        text.push_str(&format!("\n{name}: SHA-256 {hash}"));
    }
    text.push('\n');
    Feedback::read(FeedbackOrigin::Diff, text.as_bytes()).map_err(refused)
}

async fn keep_diffs(
    house: &House,
    repositories: &[RepoSelection],
    diffs: &[NewDiff],
) -> Result<AgentSpec, Problem> {
    let mut kept: Vec<SubmittedDiff> = Vec::new();
    for NewDiff { repository, diff } in diffs {
        let of = |r: &&RepoSelection| r.name == *repository || r.id.to_string() == *repository;
        let Some(found) = repositories.iter().find(of) else {
            let text = format!("`{repository}` is none of this workflow's repositories");
            return Err(Problem::refused("unknown-repository", text));
        };
        if kept.iter().any(|k| k.repository == found.id) {
            let text = format!("there are two diffs for {}", found.name);
            return Err(Problem::refused("two-diffs", text));
        }
        let diff = house.store.put_body(diff.as_bytes()).await?;
        kept.push(SubmittedDiff {
            repository: found.id.clone(),
            diff,
        });
    }
    Ok(AgentSpec::Diff { diffs: kept })
}

async fn keep_script(house: &House, script: &serde_json::Value) -> Result<AgentSpec, Problem> {
    let bytes = serde_json::to_vec(script).map_err(|e| Problem::refused("bad-script", e.to_string()))?;
    let built = house.ports.agents.build(ResolvedAgent::Scripted {
        script: bytes.clone(),
    });
    built.map_err(|e| Problem::refused(e.code(), e.to_string()))?;
    Ok(AgentSpec::Scripted {
        script: house.store.put_body(&bytes).await?,
    })
}
