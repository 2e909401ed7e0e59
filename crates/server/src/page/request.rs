//! One page per request: what is asked, the plan, gates with their evidence, the diff with its violations, what will be
//! written, and the decision, bound to the digest that is shown.

use super::comments;
use super::files::{self, Files};
use super::workflow::{holds, metadata, minute};
use super::{field, fields, frame, lines, problem, respond, since};
use crate::api::decisions::{Decision, act_of, find, of_request, take};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Seen, visible, visible_bytes};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::act::Attendance;
use countersign_core::gate::{CheckOutcome, GateOutcome};
use countersign_core::id::{RepositoryId, Revision};
use countersign_core::patch_set::{Draft, PatchSet};
use countersign_core::policy::{Severity, Violation};
use countersign_core::workflow::event::{Request, Subject};
use countersign_inspect::masked;
use maud::{Markup, html};
use std::sync::Arc;

/// Lines of a diff that are shown on the page; the rest is left out and said so.
const LINES_MAX: usize = 20_000;

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

fn page(
    seen: &Seen,
    request: &Request,
    principal: &Principal,
    (wrong, parts): (Option<&Problem>, &Parts),
) -> Markup {
    let workflow = &seen.workflow;
    let (subject, digest) = seen.subject(request);
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
        (metadata(seen)) (issue(seen)) (question(request)) (plan(seen)) (gates(seen))
        (violations(seen, patch_set.map(|p| &p.repository)))
        (parts.since)
        @for draft in seen.drafts().iter().filter(|d| patch_set.is_none_or(|p| p.repository == d.repository)) {
            (diff(seen, draft))
        }
        (parts.files.list)
        @if let Some(patch_set) = patch_set { (write(seen, patch_set)) }
        section {
            h2 { "What nobody has looked at" }
            ul {
                li { "Nothing was built or run; no test has seen this change." }
                li { "Whether dependencies have known holes is not looked up; secrets are known by their form only." }
            }
        }
        (parts.comments)
        @if is_open { (parts.files.unviewed) (form(seen, request, &digest.to_hex())) }
        p { a href={ "/workflows/" (workflow.id) } { "The whole story" } }
    };
    let who = principal.member().ok().map(|m| m.name.clone());
    frame(title, who.as_deref(), &body)
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

fn plan(seen: &Seen) -> Markup {
    let Some(plan) = &seen.workflow.plan else {
        return html! {};
    };
    let several = seen.workflow.repositories.len() > 1;
    html! {
        section {
            h2 { "Plan" }
            @if plan.derived_from_proposal { p.dim { "Read off the finished proposal." } }
            ol { @for step in &plan.steps { li {
                (visible(&step.title))
                @if several { " " span.dim { (visible(&seen.workflow.repository_name(&step.repository))) } }
                ul { @for path in &step.paths { li { code { (visible(&path.path.to_text())) } } } }
            } } }
            @if !plan.acceptance.is_empty() {
                h3 { "Acceptance criteria" }
                ul { @for criterion in &plan.acceptance { li { (visible(&criterion.text)) } } }
            }
        }
    }
}

fn gates(seen: &Seen) -> Markup {
    html! {
        section {
            h2 { "Gates" }
            @for gate in seen.workflow.gates.values() {
                @let (class, mark) = match gate.outcome {
                    GateOutcome::Passed => ("good", "✓ passed"),
                    GateOutcome::Failed => ("bad", "✗ failed"),
                    GateOutcome::NotRequired => ("dim", "– not required"),
                };
                details {
                    summary { (gate.gate) ": " span class=(class) { (mark) } }
                    ul { @for check in &gate.checks {
                        @let mark = match check.outcome {
                            CheckOutcome::Passed => "✓",
                            CheckOutcome::Failed => "✗",
                            CheckOutcome::Missing => "? no evidence",
                        };
                        li { (mark) " " code { (check.id.as_str()) } " " (visible(&check.detail)) }
                    } }
                }
            }
        }
    }
}

fn violations(seen: &Seen, of: Option<&RepositoryId>) -> Markup {
    let wanted = |v: &&Violation| of.is_none_or(|of| v.repository == *of);
    let found: Vec<&Violation> = seen.workflow.violations.iter().filter(wanted).collect();
    html! {
        section {
            h2 { "Policy" }
            @if found.is_empty() { p.dim { "No rule is broken." } }
            ul { @for violation in found {
                @let (class, word) = match violation.severity {
                    Severity::Block => ("bad", "BLOCK"),
                    Severity::Warn => ("warn", "warning"),
                };
                li {
                    strong class=(class) { (word) } " " code { (visible(&violation.id())) }
                    @if !violation.lines.is_empty() {
                        " line " (violation.lines.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
                    }
                    div { (visible(&violation.message)) }
                    @if violation.waived_until.is_some() { div.dim { "Waived." } }
                    @else { div.dim { (visible(&violation.remedy)) } }
                }
            } }
        }
    }
}

fn diff(seen: &Seen, draft: &Draft) -> Markup {
    let shown = masked(seen.diff(draft), &draft.findings);
    html! {
        section {
            h2 { "Diff of " (visible(&seen.workflow.repository_name(&draft.repository))) " "
                span.dim { "+" (draft.diff.added()) " −" (draft.diff.removed()) } }
            @if shown.lines > 0 { p.warn { (shown.lines) " lines hold what looks like a secret; it is masked." } }
            (diff_lines(&shown.bytes))
            @if lines_in(&shown.bytes) > LINES_MAX {
                p { "The whole diff: " code { "countersign diff " (seen.workflow.id) } }
            }
        }
    }
}

fn lines_in(diff: &[u8]) -> usize {
    diff.split_inclusive(|b| *b == b'\n').count()
}

/// Longest head of a hunk up to its second `@@`, in bytes: four numbers of 20 digits, and what is between.
const HUNK_HEAD_MAX_BYTES: usize = 96;

/// Where one is in a diff: what a line is, and its number, by which comments name it.
#[derive(Default)]
struct Walk {
    in_hunk: bool,
    old: u64,
    new: u64,
}

impl Walk {
    /// The class of the next line, and its number on its own side; on the new one where both have it.
    fn step(&mut self, line: &[u8]) -> (&'static str, Option<u64>) {
        if let Some((old, new)) = hunk_begins(line) {
            *self = Self {
                in_hunk: true,
                old,
                new,
            };
            return ("hunk", None);
        }
        self.in_hunk &= !line.starts_with(b"diff ");
        let (class, on_old, on_new) = match line.first() {
            Some(b'+') if self.in_hunk => ("add", 0, 1),
            Some(b'-') if self.in_hunk => ("del", 1, 0),
            Some(b' ') if self.in_hunk => ("same", 1, 1),
            Some(_) if line.starts_with(b"diff ") => ("file", 0, 0),
            Some(_) | None => ("dim", 0, 0),
        };
        let number = match (on_old, on_new) {
            (0, 0) => None,
            (_, 0) => Some(self.old),
            (_, _) => Some(self.new),
        };
        (self.old, self.new) = (self.old + on_old, self.new + on_new);
        (class, number)
    }
}

/// The first lines of a hunk's two sides, out of `@@ -OLD[,N] +NEW[,N] @@`.
fn hunk_begins(line: &[u8]) -> Option<(u64, u64)> {
    // What follows the numbers is a line of the file, in whatever bytes.
    let head = String::from_utf8_lossy(&line[..line.len().min(HUNK_HEAD_MAX_BYTES)]);
    let mut sides = head.strip_prefix("@@ -")?.splitn(3, ' ');
    let first = |side: &str| side.split(',').next()?.parse().ok();
    Some((first(sides.next()?)?, first(sides.next()?.strip_prefix('+')?)?))
}

/// A diff in colours, with its lines' numbers, as far as a page goes.
pub(super) fn diff_lines(diff: &[u8]) -> Markup {
    let (all, mut walk) = (lines_in(diff), Walk::default());
    let bare = |line: &'_ [u8]| line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len);
    html! {
        pre.diff tabindex="0" { @for line in diff.split_inclusive(|b| *b == b'\n').take(LINES_MAX) {
            @let line = &line[..bare(line)];
            @let (class, number) = walk.step(line);
            span class=(class) data-line=[number] { (visible_bytes(line)) "\n" }
        } }
        @if all > LINES_MAX { p.warn { "Only the first " (LINES_MAX) " of " (all) " lines are shown here." } }
    }
}

fn write(seen: &Seen, patch_set: &PatchSet) -> Markup {
    let manifest = &patch_set.manifest;
    html! {
        section {
            h2 { "What will be written" }
            dl {
                dt { "Repository" } dd { (visible(&seen.place(&patch_set.repository))) }
                dt { "Branch" } dd { code { (visible(manifest.branch.as_str())) } " (new)" }
                dt { "Commit" } dd { code { (manifest.commit.as_str()) } }
                @if let Some(signature) = &manifest.signature {
                    dt { "Signed by" } dd { code { (visible(&signature.key)) } ", as " (visible(&signature.committer)) }
                }
                dt { "Tree" } dd { code { (patch_set.draft.diff.result_tree.as_str()) } }
                @if let Some(text) = &manifest.pull_request {
                    dt { "Pull request" } dd {
                        (visible(&text.title)) " (into " code { (visible(patch_set.base_branch.as_str())) } ")"
                        pre { (visible(&text.body)) }
                    }
                }
                dt { "Runs" } dd { (visible(&seen.runs(patch_set))) }
                dt { "On" } dd { code { (visible(patch_set.base_branch.as_str())) } " at " code { (patch_set.base.as_str()) } }
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

#[cfg(test)]
mod tests {
    use super::Walk;

    #[test]
    fn lines_have_the_numbers_by_which_comments_name_them() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -9,3 +12,3 @@ fn \u{e4}()\n same\n-old\n+new\n+newer\n\\ No newline\n\
                    @@ -40 +44 @@\n-@@ -1 +1 @@\ndiff --git a/y b/y\n+++ b/y\n";
        let mut walk = Walk::default();
        let steps: Vec<_> = diff.lines().map(|line| walk.step(line.as_bytes())).collect();
        let expected = [
            ("file", None),
            ("dim", None),
            ("dim", None),
            ("hunk", None),
            ("same", Some(12)),
            ("del", Some(10)),
            ("add", Some(13)),
            ("add", Some(14)),
            ("dim", None),
            ("hunk", None),
            ("del", Some(40)),
            ("file", None),
            ("dim", None),
        ];
        assert_eq!(steps, expected);
    }
}
