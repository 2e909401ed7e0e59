//! What waits for people, and what they decide: by id and digest, through the same function as every other door.

use super::comments::as_review;
use super::submitting::judged;
use super::{Json, Path, Query, bad_cursor, workflow_id};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::{DeltaFileWire, DeltaWire, Problem};
use crate::shown::Seen;
use crate::wire::{RequestWire, WorkflowWire};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
use countersign_core::diff::FileSide;
use countersign_core::id::{RepositoryId, RequestId, WorkflowId};
use countersign_core::narrow::LeftOut;
use countersign_core::patch_set::Draft;
use countersign_core::path::RepoPath;
use countersign_core::question::Choice;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Request, Subject};
use countersign_core::workflow::extendable_until;
use countersign_engine::intake::take_in;
use countersign_ports::store::{InputStatus, NewInput, WorkflowRow};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// For how many days a waiver lives where nobody says.
pub(crate) const WAIVER_DAYS: u32 = 7;
/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Requests on one page, unless more are asked for.
const PAGE: u32 = 100;
/// Requests on one page at most.
const PAGE_MAX: u32 = 500;
/// Most files that are named of what changed meanwhile.
const DELTA_FILES_MAX: usize = 200;
/// Workflows that are looked at for what waits.
const LOOKED_AT_MAX: u32 = 10_000;

/// What waits in a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    workflow: String,
    title: String,
    state: String,
    #[serde(flatten)]
    request: RequestWire,
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitingQuery {
    /// Only this workflow's.
    workflow: Option<String>,
    /// How many at most: 1 to 500, 100 if nothing is said.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// A page of what waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingPage {
    /// The longest first, by when their workflows changed.
    requests: Vec<Waiting>,
    /// The cursor of the next page; null: this is the last one.
    next: Option<String>,
}

/// The place of a request in the list: when its workflow changed, which workflow, which of its requests.
type Place = (u64, String, u64);

fn place_of(row: &WorkflowRow, request: &RequestId) -> Place {
    let number = request.as_str().rsplit(':').next().and_then(|n| n.parse().ok());
    (row.updated_at.0, row.id.to_string(), number.unwrap_or(0))
}

fn place_named(cursor: &str) -> Result<Place, Problem> {
    let mut words = cursor.split('.');
    let (changed, workflow, last) = (words.next(), words.next(), words.next());
    let number = |word: Option<&str>| {
        word.and_then(|w| w.parse().ok())
            .ok_or_else(|| bad_cursor(cursor))
    };
    let workflow = workflow.filter(|id| WorkflowId::parse(id).is_ok());
    match (workflow, words.next()) {
        (Some(workflow), None) => Ok((number(changed)?, workflow.to_owned(), number(last)?)),
        (Some(_) | None, _) => Err(bad_cursor(cursor)),
    }
}

/// List what waits for people
#[utoipa::path(
    get, path = "/api/v1/requests", tag = "requests", params(WaitingQuery),
    responses((status = 200, body = WaitingPage),
        (status = 400, description = "a parameter can't be read", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn requests(
    State(house): State<Arc<House>>,
    Query(query): Query<WaitingQuery>,
) -> Result<Json<WaitingPage>, Problem> {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let after = query.cursor.as_deref().map(place_named).transpose()?;
    let (mut waiting, mut last): (Vec<Waiting>, Option<Place>) = (Vec::new(), None);
    for row in open(&house).await? {
        let is_other = query.workflow.as_deref().is_some_and(|id| id != row.id.as_str());
        let is_before = |after: &Place| (row.updated_at.0, row.id.as_str()) < (after.0, after.1.as_str());
        if is_other || after.as_ref().is_some_and(is_before) {
            continue;
        }
        let seen = house.look(&row.id).await?;
        for request in seen.workflow.open_requests() {
            let place = place_of(&row, &request.id);
            if after.as_ref().is_some_and(|after| place <= *after) {
                continue;
            }
            if waiting.len() == limit {
                let next = last.map(|(changed, workflow, number)| format!("{changed}.{workflow}.{number}"));
                let requests = waiting;
                return Ok(Json(WaitingPage { requests, next }));
            }
            last = Some(place);
            waiting.push(Waiting {
                workflow: row.id.to_string(),
                title: row.title.clone(),
                state: row.state.to_string(),
                request: RequestWire::of(&seen, request),
            });
        }
    }
    Ok(Json(WaitingPage {
        requests: waiting,
        next: None,
    }))
}

/// Workflows in which something waits, the longest first.
pub(crate) async fn open(house: &House) -> Result<Vec<WorkflowRow>, Problem> {
    let mut rows = house.store.workflows(LOOKED_AT_MAX).await?;
    rows.retain(|row| row.open_requests > 0);
    rows.sort_by(|a, b| (a.updated_at, a.id.as_str()).cmp(&(b.updated_at, b.id.as_str())));
    Ok(rows)
}

/// The workflow of a request's id, `<workflow>:rq:<n>`.
pub(crate) fn of_request(id: &str) -> Result<(WorkflowId, RequestId), Problem> {
    let missing = || Problem::missing("request", id);
    let (workflow, _) = id.split_once(':').ok_or_else(missing)?;
    let workflow = WorkflowId::parse(workflow).map_err(|_| missing())?;
    Ok((workflow, RequestId::parse(id).map_err(|_| missing())?))
}

/// A request, open or not.
pub(crate) fn find<'a>(seen: &'a Seen, id: &RequestId) -> Result<&'a Request, Problem> {
    let found = seen.workflow.requests.iter().find(|r| r.id == *id);
    found.ok_or_else(|| Problem::missing("request", id.as_str()))
}

/// Show one request
#[utoipa::path(
    get, path = "/api/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = RequestWire),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn request(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<RequestWire>, Problem> {
    let (workflow, id) = of_request(&id)?;
    let seen = house.look(&workflow).await?;
    let wire = RequestWire::of(&seen, find(&seen, &id)?);
    Ok(Json(wire))
}

/// A decision on a request. `digest` is the whole digest of what the person saw; another one is refused with 409.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "decision", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decision {
    /// Yes, to exactly this.
    Approve {
        /// 64 hex digits.
        digest: String,
        /// Ids of the warnings that were read; every warning has to be here.
        #[serde(default)]
        acknowledged: Vec<String>,
    },
    /// No, for good.
    Reject {
        /// 64 hex digits.
        digest: String,
        /// Why.
        reason: String,
    },
    /// Not like this: another revision. The caller's draft comments on this revision go along.
    RequestChanges {
        /// 64 hex digits.
        digest: String,
        /// What should be different.
        comment: String,
    },
    /// An answer to a question.
    Answer {
        /// 64 hex digits.
        digest: String,
        /// One of the request's choices.
        choice: String,
        /// The words that `provide` asks for.
        #[serde(default)]
        text: String,
    },
    /// Leave patches or hunks out; the rest becomes another revision.
    Deselect {
        /// 64 hex digits.
        digest: String,
        /// What is left out.
        parts: Vec<Part>,
        /// Why.
        reason: String,
    },
    /// Let one broken rule pass, for exactly the content that was seen.
    Waive {
        /// 64 hex digits.
        digest: String,
        /// The repository's name.
        repository: String,
        /// The violation's id, `RULE@PATH`.
        violation: String,
        /// Why.
        reason: String,
        /// For how many days, 1 to 30; 7 if nothing is said.
        days: Option<u32>,
        /// Or until when: RFC 3339, UTC.
        until: Option<String>,
    },
    /// Keep it open for longer.
    Extend {
        /// 64 hex digits.
        digest: String,
        /// Until when, RFC 3339; as long as policy allows if nothing is said.
        until: Option<String>,
    },
    /// Do the step that stopped once more.
    Retry {
        /// 64 hex digits.
        digest: String,
    },
}

/// A patch, or some hunks of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The repository's name or id.
    pub repository: String,
    /// The file's path.
    pub path: String,
    /// Hunks of it, from 1; none: all of it.
    #[serde(default)]
    pub hunks: Vec<u32>,
}

/// Whether a person looked.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct How {
    /// Nobody looked: recorded as such, taken only where policy allows it, and only for an approval and for stopping.
    #[serde(default)]
    unattended: bool,
}

impl How {
    fn attendance(self) -> Attendance {
        match self.unattended {
            true => Attendance::Unattended,
            false => Attendance::Attended,
        }
    }
}

impl Decision {
    fn digest(&self) -> &str {
        match self {
            Decision::Approve { digest, .. }
            | Decision::Reject { digest, .. }
            | Decision::RequestChanges { digest, .. }
            | Decision::Answer { digest, .. }
            | Decision::Deselect { digest, .. }
            | Decision::Waive { digest, .. }
            | Decision::Extend { digest, .. }
            | Decision::Retry { digest } => digest,
        }
    }
}

/// Decide
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/decisions", tag = "requests", params(("id" = String, Path), How), request_body = Decision,
    responses((status = 200, description = "taken; the workflow as it is now", body = WorkflowWire),
        (status = 403, description = "not by this caller", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "something else waits by now; `waits` says what, and `delta` what changed since the revision that was decided on", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "it can't be decided so", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn decide(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(how): Query<How>,
    Json(decision): Json<Decision>,
) -> Result<Json<WorkflowWire>, Problem> {
    let (workflow, id) = of_request(&id)?;
    let act = act_of(&house, &workflow, &id, decision).await?;
    take(&house, &principal, &workflow, act, how.attendance()).await?;
    Ok(Json(WorkflowWire::of(&house.look(&workflow).await?)))
}

/// From a decision to an act on what waits now; the digest has to be that of what waits.
pub(crate) async fn act_of(
    house: &House,
    workflow: &WorkflowId,
    id: &RequestId,
    decision: Decision,
) -> Result<Act, Problem> {
    let seen = house.look(workflow).await?;
    let request = find(&seen, id)?;
    let (_, digest) = seen.subject(request);
    let is_open = seen.workflow.open_requests().any(|r| r.id == *id);
    if !is_open || digest.to_hex() != decision.digest().to_ascii_lowercase() {
        return Err(moved_on(&seen, (request, decision.digest()), is_open));
    }
    let (request, seen_digest) = (id.clone(), digest);
    Ok(match decision {
        Decision::Approve { acknowledged, .. } => Act::Approve {
            request,
            seen: seen_digest,
            acknowledged,
        },
        Decision::Reject { reason, .. } => Act::Reject {
            request,
            seen: seen_digest,
            reason,
        },
        Decision::RequestChanges { comment, .. } => Act::RequestChanges {
            request,
            seen: seen_digest,
            comment,
            comments: Vec::new(),
        },
        Decision::Extend { until, .. } => {
            let at = house.ports.store.now().await?;
            let found = find(&seen, &request)?;
            let until = match until {
                Some(text) => moment(&text)?,
                None => extendable_until(&seen.workflow, found, at)
                    .ok_or_else(|| Problem::refused("not-extendable", "this request does not run out"))?,
            };
            Act::Extend {
                request,
                seen: seen_digest,
                until,
            }
        }
        Decision::Retry { .. } => Act::Retry {
            request,
            seen: seen_digest,
        },
        Decision::Answer { choice, text, .. } => {
            let choice = Choice::parse(&choice)
                .ok_or_else(|| Problem::refused("not-a-choice", format!("`{choice}` is not a choice")))?;
            Act::Answer {
                request,
                seen: seen_digest,
                choice,
                text,
            }
        }
        Decision::Deselect { parts, reason, .. } => {
            let left_out = parts
                .into_iter()
                .map(|part| left_out(&seen, part))
                .collect::<Result<_, _>>()?;
            Act::Deselect {
                request,
                seen: seen_digest,
                left_out,
                reason,
            }
        }
        Decision::Waive {
            repository,
            violation,
            reason,
            days,
            until,
            ..
        } => Act::Waive {
            request,
            seen: seen_digest,
            repository: repository_named(&seen, &repository)?,
            violation,
            reason,
            until: until_when(house, days, until.as_deref()).await?,
        },
    })
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    Timestamp::from_rfc3339(text)
        .ok_or_else(|| Problem::refused("bad-time", format!("`{text}` is not a time as RFC 3339 has it")))
}

async fn until_when(house: &House, days: Option<u32>, until: Option<&str>) -> Result<Timestamp, Problem> {
    match (days, until) {
        (Some(_), Some(_)) => {
            let text = "there are `days` and `until`; give one";
            Err(Problem::refused("days-and-until", text))
        }
        (None, Some(text)) => moment(text),
        (days, None) => {
            let days = u64::from(days.unwrap_or(WAIVER_DAYS));
            Ok(house.ports.store.now().await?.plus_ms(days * DAY_MS))
        }
    }
}

fn repository_named(seen: &Seen, name: &str) -> Result<countersign_core::id::RepositoryId, Problem> {
    let mut all = seen.workflow.submission.iter().flat_map(|s| &s.repositories);
    let found = all.find(|r| r.name == name || r.id.to_string() == name);
    found.map(|r| r.id.clone()).ok_or_else(|| {
        Problem::refused(
            "unknown-repository",
            format!("`{name}` is none of this workflow's repositories"),
        )
    })
}

fn left_out(seen: &Seen, part: Part) -> Result<LeftOut, Problem> {
    Ok(LeftOut {
        repository: repository_named(seen, &part.repository)?,
        path: RepoPath::from_bytes(part.path),
        hunks: part.hunks,
    })
}

/// What was decided on is not what waits: says what does.
fn moved_on(seen: &Seen, (request, given): (&Request, &str), is_open: bool) -> Problem {
    let same_subject = |r: &&Request| match (&r.subject, &request.subject) {
        (Subject::PatchSet { repository: a, .. }, Subject::PatchSet { repository: b, .. }) => a == b,
        (Subject::Plan { .. }, Subject::Plan { .. })
        | (Subject::Question { .. }, Subject::Question { .. }) => true,
        (Subject::PatchSet { .. } | Subject::Plan { .. } | Subject::Question { .. }, _) => false,
    };
    let waits = seen.workflow.open_requests().find(same_subject);
    let delta = waits.and_then(|waits| delta(seen, given, waits));
    let waits = waits.and_then(|r| serde_json::to_value(RequestWire::of(seen, r)).ok());
    let (code, text) = match is_open {
        true => ("digest-mismatch", "what waits is not what you decided on"),
        false => (
            "request-not-open",
            "this is decided already, or something newer waits",
        ),
    };
    let problem = Problem::new(StatusCode::CONFLICT, code, text).next("Look at what waits now, then decide.");
    let problem = match waits {
        Some(now) => problem.waits(now),
        None => problem,
    };
    match delta {
        Some(delta) => problem.delta(delta),
        None => problem,
    }
}

/// What was given a digest in an earlier revision, against what waits; nothing where it was none of this workflow's.
fn delta(seen: &Seen, given: &str, waits: &Request) -> Option<DeltaWire> {
    let given = given.to_ascii_lowercase();
    let mut earlier = seen.workflow.requests.iter();
    let decided_on = earlier.find(|r| r.subject.seen().to_hex() == given && r.revision < waits.revision)?;
    let all = seen.drafts_by_revision();
    let (old, new) = (all.get(&decided_on.revision)?, all.get(&waits.revision)?);
    let (old, new) = (results(old), results(new));
    let places: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differs = places
        .into_iter()
        .filter(|place| old.get(*place) != new.get(*place));
    let files: Vec<DeltaFileWire> = differs
        .map(|(repository, path)| DeltaFileWire {
            repository: seen.workflow.repository_name(repository),
            path: path.to_text(),
        })
        .collect();
    let (from, to) = (decided_on.revision, waits.revision);
    Some(DeltaWire {
        from: from.0,
        to: to.0,
        files_total: files.len() as u64,
        files: files.into_iter().take(DELTA_FILES_MAX).collect(),
        interdiff: format!(
            "/api/v1/workflows/{}/interdiff?from={from}&to={to}",
            seen.workflow.id
        ),
    })
}

/// What every path that drafts touch holds afterwards; nothing, where it is gone.
fn results(drafts: &[Draft]) -> BTreeMap<(&RepositoryId, &RepoPath), Option<&FileSide>> {
    let mut found = BTreeMap::new();
    for draft in drafts {
        for file in &draft.diff.files {
            for path in file.paths() {
                let after = file.new_side().filter(|side| side.path == *path);
                found.insert((&draft.repository, path), after);
            }
        }
    }
    found
}

/// Something a person does to a workflow as a whole.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WholeAct {
    /// Take one's own approvals back.
    Withdraw {
        /// Why.
        reason: String,
    },
    /// Stop, and take out of play what was written.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Take a deferred workflow up again.
    Wake,
}

/// Withdraw, cancel or wake
#[utoipa::path(
    post, path = "/api/v1/workflows/{id}/acts", tag = "workflows", params(("id" = String, Path), How), request_body = WholeAct,
    responses((status = 200, description = "taken; the workflow as it is now", body = WorkflowWire),
        (status = 422, description = "it can't be done now", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn act(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(how): Query<How>,
    Json(act): Json<WholeAct>,
) -> Result<Json<WorkflowWire>, Problem> {
    let id = workflow_id(&id)?;
    house.look(&id).await?;
    if matches!(act, WholeAct::Cancel { .. }) && !how.unattended {
        drop_held(&house, &id).await?;
    }
    let act = match act {
        WholeAct::Withdraw { reason } => Act::Withdraw { reason },
        WholeAct::Cancel { reason } => Act::Cancel { reason },
        WholeAct::Wake => Act::Wake,
    };
    take(&house, &principal, &id, act, how.attendance()).await?;
    Ok(Json(WorkflowWire::of(&house.look(&id).await?)))
}

/// A person who cancels resolves inputs that can't be judged by dropping them; until then they hold the workflow closed.
async fn drop_held(house: &House, id: &WorkflowId) -> Result<(), Problem> {
    for (input, why) in house.store.held_inputs(id).await? {
        let message = format!("dropped by a person who cancelled the workflow; {why}");
        let code = "input-dropped".to_owned();
        let status = InputStatus::Refused { code, message };
        house.store.settle_input(&input, &status).await?;
    }
    Ok(())
}

/// Signs an act in the name of whoever is signed in, and waits until it is judged.
pub(crate) async fn take(
    house: &House,
    principal: &Principal,
    workflow: &WorkflowId,
    act: Act,
    attendance: Attendance,
) -> Result<(), Problem> {
    let member = principal.member()?.id.clone();
    let key = house.key(&member)?;
    let (act, sent) = as_review(house, workflow, &member, act).await?;
    let record = ActRecord {
        tenant: house.tenant().clone(),
        workflow: workflow.clone(),
        member: member.clone(),
        authenticated_by: AuthenticatedBy::Session,
        attendance,
        at: house.ports.store.now().await?,
        act,
    };
    let input = house.new_input_id().await?;
    let signed = NewInput::Act(SignedAct::sign(record, &key));
    take_in(house.store.as_ref(), &input, workflow, &signed).await?;
    match judged(house, &input).await? {
        InputStatus::Accepted => {
            // They are recorded now. What stays behind is of an earlier revision, and is not sent again.
            if let Err(error) = house.reviewing.drop_draft_comments(&member, &sent).await {
                tracing::warn!(%error, "draft comments that were sent could not be dropped");
            }
            Ok(())
        }
        InputStatus::Pending => {
            let text = "it is in the inbox, and nobody has judged it yet";
            Err(
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-judged-yet", text)
                    .next("Nothing is lost. Look at the workflow in a moment.")
                    .left_something(),
            )
        }
        InputStatus::Refused { code, message } => {
            let status = match code.as_str() {
                "digest-mismatch" | "request-not-open" => StatusCode::CONFLICT,
                "not-eligible" | "not-entitled" => StatusCode::FORBIDDEN,
                _other => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Err(Problem::new(status, &code, message))
        }
        InputStatus::Held { code, message } => Err(Problem::internal(&code, message)),
    }
}
