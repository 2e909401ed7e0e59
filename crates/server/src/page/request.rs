//! One page per request: what is asked, the plan, gates with their evidence and its age, the diff with its violations, what will
//! be written, and the decision, bound to the digest that is shown. What the terminal shows as well is said by [`crate::shown`].

use super::comments;
use super::diff::diff;
use super::files::{self, Files};
use super::said::{self, said};
use super::workflow::{holds, metadata, minute, ways};
use super::{field, fields, frame, lines, problem, respond, since};
use crate::api::decisions::{Decision, WAIVER_DAYS, act_of, find, of_request, take};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Seen, age, around, asking, gates, plan, policy, visible, waivers, write};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::act::Attendance;
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::Revision;
use countersign_core::member::Member;
use countersign_core::patch_set::PatchSet;
use countersign_core::policy::may_waive;
use countersign_core::workflow::event::{Request, Subject};
use maud::{Markup, html};
use std::sync::Arc;

/// `GET /requests/{id}`; with `?since=N`, what changed since that revision.
pub(crate) async fn request(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let shown = match asked_since(query.as_deref()) {
        Ok(since) => show(&house, &principal, &id, (None, since)).await,
        Err(wrong) => Err(wrong),
    };
    match shown {
        Ok(page) => respond(StatusCode::OK, &page),
        Err(error) => problem(&error),
    }
}

/// The revision that the address names.
fn asked_since(query: Option<&str>) -> Result<Option<Revision>, Problem> {
    let query = fields(&Bytes::copy_from_slice(query.unwrap_or_default().as_bytes()));
    let wrong = |_| {
        let text = "`since` has to be the number of a revision";
        Problem::new(StatusCode::BAD_REQUEST, "bad-query", text)
    };
    match field(&query, "since") {
        "" => Ok(None),
        number => number.parse().map(|n| Some(Revision(n))).map_err(wrong),
    }
}

async fn show(
    house: &House,
    principal: &Principal,
    id: &str,
    (wrong, since): (Option<&Problem>, Option<Revision>),
) -> Result<Markup, Problem> {
    let (workflow, id) = of_request(id)?;
    let seen = house.look(&workflow).await?;
    let request = find(&seen, &id)?;
    let member = &principal.member()?.id;
    let parts = Parts {
        holds: holds(house).await?,
        since: since::section(house, &seen, (request, member), since).await?,
        files: files::section(house, &seen, (request, member)).await?,
        comments: comments::section(house, &seen, (request, member)).await?,
    };
    Ok(page(&seen, request, principal, (wrong, &parts)))
}

/// What is read beside the workflow itself.
struct Parts {
    holds: Markup,
    since: Markup,
    files: Files,
    comments: Markup,
}

/// `POST /requests/{id}`: the decision of the form.
pub(crate) async fn decide(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let fields = fields(&body);
    match decided(&house, &principal, &id, &fields).await {
        Ok(workflow) => Redirect::to(&format!("/workflows/{workflow}")).into_response(),
        Err(wrong) => match show(&house, &principal, &id, (Some(&wrong), None)).await {
            Ok(page) => respond(wrong.status(), &page),
            Err(error) => problem(&error),
        },
    }
}

async fn decided(
    house: &House,
    principal: &Principal,
    id: &str,
    fields: &[(String, String)],
) -> Result<String, Problem> {
    let (workflow, id) = of_request(id)?;
    let decision = read(fields)?;
    let act = act_of(house, &workflow, &id, decision).await?;
    take(house, principal, &workflow, act, Attendance::Attended).await?;
    Ok(workflow.to_string())
}

/// The form's fields as the decision of the API.
fn read(fields: &[(String, String)]) -> Result<Decision, Problem> {
    let text = |name: &str| field(fields, name).to_owned();
    let all = |name: &str| {
        fields
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.clone())
            .collect()
    };
    let digest = text("digest");
    match field(fields, "decision") {
        "approve" if field(fields, "read") != "yes" => {
            let text = "nothing was approved: say that you have read what will be written";
            Err(Problem::refused("not-read", text))
        }
        "approve" => Ok(Decision::Approve {
            digest,
            acknowledged: all("acknowledged"),
        }),
        "reject" => Ok(Decision::Reject {
            digest,
            reason: text("words"),
        }),
        "request-changes" => Ok(Decision::RequestChanges {
            digest,
            comment: text("words"),
        }),
        "waive" => waive(fields, digest),
        "extend" => Ok(Decision::Extend { digest, until: None }),
        "answer" => Ok(Decision::Answer {
            digest,
            choice: text("choice"),
            text: text("words"),
        }),
        other => Err(Problem::refused(
            "unknown-decision",
            format!("`{other}` is no decision"),
        )),
    }
}

/// A broken rule of the form, `REPOSITORY RULE@PATH`, and for how long it may stay so.
fn waive(fields: &[(String, String)], digest: String) -> Result<Decision, Problem> {
    let wrong = |what: &str| Err(Problem::refused("bad-waiver", what.to_owned()));
    let Some((repository, violation)) = field(fields, "violation").split_once(' ') else {
        return wrong("say which broken rule is let pass");
    };
    let Ok(days) = field(fields, "days").trim().parse() else {
        return wrong("`days` has to be a number");
    };
    Ok(Decision::Waive {
        digest,
        repository: repository.to_owned(),
        violation: violation.to_owned(),
        reason: field(fields, "words").to_owned(),
        days: Some(days),
        until: None,
    })
}

fn page(
    seen: &Seen,
    request: &Request,
    principal: &Principal,
    (wrong, parts): (Option<&Problem>, &Parts),
) -> Markup {
    let workflow = &seen.workflow;
    let (subject, digest) = seen.subject(request);
    let member = principal.member().ok();
    let is_open = workflow.open_requests().any(|r| r.id == request.id);
    let title = workflow
        .submission
        .as_ref()
        .map_or("", |s| s.feedback.title.as_str());
    let of = |p: &&PatchSet| match &request.subject {
        Subject::PatchSet { repository, .. } => p.repository == *repository,
        Subject::Plan { .. } | Subject::Question { .. } => false,
    };
    let patch_set = workflow.patch_sets.iter().find(of);
    let body = html! {
        @if let Some(wrong) = wrong {
            p.bad role="alert" { "✗ " (visible(wrong.detail())) " " span.dim { "[" (wrong.code) "]" } }
        }
        (parts.holds)
        h1 { (visible(title)) }
        p { "What is asked: a decision on " strong { (visible(&subject)) } "." }
        p.dim { "Digest " code { (digest.to_hex()) } }
        @if let Some(until) = request.expires_at {
            p class=(if is_open && seen.runs_out_soon(request) { "warn" } else { "dim" }) {
                "Asked until " (minute(&until.to_rfc3339()))
                @if is_open && seen.runs_out_soon(request) { ". It runs out soon; it can be kept open below." }
            }
        }
        @if !is_open { p.warn { "This is decided already, or something newer waits." } }
        (metadata(seen)) (said(&asking::conditions(seen))) (issue(seen)) (said(&asking::asked_later(seen)))
        (question(request)) (said(&plan::page(seen))) (gates(seen)) (said(&gates::critique(seen)))
        (said(&policy::of_workflow(seen)))
        (parts.since)
        @for draft in seen.drafts().iter().filter(|d| patch_set.is_none_or(|p| p.repository == d.repository)) {
            (diff(seen, draft))
        }
        (parts.files.list)
        (said(&around::dependencies(seen))) (said(&around::owners(seen)))
        @if let Some(patch_set) = patch_set { (said(&write::page(seen))) (exactly(seen, patch_set)) }
        (said(&write::unseen(seen)))
        (parts.comments)
        @if is_open {
            (parts.files.unviewed) (form(seen, request, &digest.to_hex()))
            @if let Some(member) = member { (waive_form(seen, request, member)) }
        }
        @if let Some(member) = member { (ways(seen, member)) }
        p { a href={ "/workflows/" (workflow.id) } { "The whole story" } }
    };
    frame(title, member.map(|m| m.name.as_str()), &body)
}

fn issue(seen: &Seen) -> Markup {
    let text = seen
        .workflow
        .submission
        .as_ref()
        .map_or("", |s| s.feedback.text.as_str());
    html! { details { summary { "The issue (untrusted words)" } pre { (lines(text)) } } }
}

fn question(request: &Request) -> Markup {
    html! {
        @if let Subject::Question { question, .. } = &request.subject {
            section {
                h2 { "Question" }
                p { (question.kind.text()) }
                ul { @for detail in &question.details { li { (visible(detail)) } } }
            }
        }
    }
}

/// Each gate with its evidence, and when it came out.
fn gates(seen: &Seen) -> Markup {
    let failed = |gate| {
        seen.workflow
            .gates
            .get(&gate)
            .is_some_and(|g| g.outcome == GateOutcome::Failed)
    };
    html! {
        section {
            h2 { "Gates" }
            @for (gate, lines) in gates::each(seen) {
                @if let Some((first, checks)) = lines.rows().split_first() {
                    @let when = judged_at(seen, gate);
                    @if checks.is_empty() { div.said { (said::line(first)) (when) } }
                    @else {
                        details.said open[failed(gate)] {
                            summary { @for piece in first.used() { (said::part(piece)) } (when) }
                            @for check in checks { (said::line(check)) }
                        }
                    }
                }
            }
        }
    }
}

fn judged_at(seen: &Seen, gate: GateId) -> Markup {
    html! { @if let Some(at) = seen.judged_at(gate) {
        span.dim { " · " time datetime=(at.to_rfc3339()) { (minute(&at.to_rfc3339())) } ", " (age(at, seen.at)) }
    } }
}

/// What the terminal does not say of it in full: whole hashes.
fn exactly(seen: &Seen, patch_set: &PatchSet) -> Markup {
    html! {
        section {
            h2 { "Exactly, in " (visible(&seen.workflow.repository_name(&patch_set.repository))) }
            dl {
                dt { "Tree" } dd { code { (patch_set.draft.diff.result_tree.as_str()) } }
                dt { "On" } dd { code { (visible(patch_set.base_branch.as_str())) } " at " code { (patch_set.base.as_str()) } }
            }
        }
    }
}

/// Broken rules that whoever looks may let pass here; one at a time, as what waits changes with each.
fn waive_form(seen: &Seen, request: &Request, member: &Member) -> Markup {
    let mut mine = waivers::waivable(seen);
    mine.retain(|v| {
        member.role >= may_waive(v.severity) && waivers::asked_at(seen, v).is_some_and(|r| r.id == request.id)
    });
    let Some(days_max) = waivers::days_max(seen, &mine) else {
        return html! {};
    };
    let (_, digest) = seen.subject(request);
    html! {
        form.decide #waive method="post" action={ "/requests/" (request.id) } {
            input type="hidden" name="digest" value=(digest.to_hex());
            fieldset {
                legend { "Or let a broken rule pass" }
                p.dim { "For exactly this content: with any other, the rule counts again." }
                @for violation in &mine {
                    label { input type="radio" name="violation" value={ (violation.repository) " " (violation.id()) } required; " "
                        code { (visible(&violation.id())) } " "
                        span.dim { (visible(&seen.workflow.repository_name(&violation.repository))) }
                        @if let Some(content) = &violation.content { " " span.dim { (waivers::bound_to(content)) } } }
                }
                label for="waive-reason" { "Why; it is recorded, and shown to whoever approves" }
                textarea #waive-reason name="words" rows="3" required {}
                label { "For how many days " input type="number" name="days" min="1" max=(days_max)
                    value=(WAIVER_DAYS.min(days_max)) required; }
                button.danger type="submit" name="decision" value="waive" { "Let it pass" }
            }
        }
    }
}

fn form(seen: &Seen, request: &Request, digest: &str) -> Markup {
    let action = format!("/requests/{}", request.id);
    if let Subject::Question { question, .. } = &request.subject {
        return html! {
            form.decide method="post" action=(action) {
                input type="hidden" name="digest" value=(digest);
                input type="hidden" name="decision" value="answer";
                fieldset {
                    legend { "Answer" }
                    @for choice in question.kind.choices() {
                        label { input type="radio" name="choice" value=(choice.as_str()) required; " "
                            strong { (choice.as_str()) } ": " (choice.meaning()) }
                    }
                    label for="words" { "Words, where the choice asks for them" }
                    textarea #words name="words" rows="6" {}
                    button type="submit" { "Answer" }
                }
            }
        };
    }
    html! {
        form.decide method="post" action=(action) {
            input type="hidden" name="digest" value=(digest);
            fieldset {
                legend { "Approve exactly this" }
                @for warning in seen.warnings(request) {
                    label { input type="checkbox" name="acknowledged" value=(warning.id()); " I have read the warning "
                        code { (visible(&warning.id())) } }
                }
                label { input type="checkbox" name="read" value="yes"; " I have read what will be written, and its diff" }
                button type="submit" name="decision" value="approve" {
                    "Approve " (digest.chars().take(8).collect::<String>())
                }
            }
        }
        form.decide method="post" action=(action) {
            input type="hidden" name="digest" value=(digest);
            fieldset {
                legend { "Or not" }
                label for="words" { "Your words: what should be different, or why not" }
                textarea #words name="words" rows="4" required {}
                button type="submit" name="decision" value="request-changes" { "Request changes" }
                " "
                button.danger type="submit" name="decision" value="reject" { "Reject for good" }
            }
        }
        @if seen.runs_out_soon(request) {
            form.decide method="post" action=(action) {
                input type="hidden" name="digest" value=(digest);
                fieldset {
                    legend { "Or later" }
                    button type="submit" name="decision" value="extend" { "Keep it open for longer" }
                }
            }
        }
    }
}
