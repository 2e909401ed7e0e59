//! A permitted notice in words: subject and text of a mail, the body of a signed webhook, the body of a Slack one, a comment,
//! a check run.
//!
//! All words are ours. What varies is made of typed slots, and links begin with the configured origin.

use super::{AboutRequest, Asks, Ended, Notice, OnHead, OnIssue, Status, Summary, Verdict};
use crate::command::{Answer, Outcome};
use crate::digest::canonical_json;
use crate::gate::{GateId, GateOutcome};
use crate::id::{NoticeId, WorkflowId};
use crate::time::Timestamp;
use crate::workflow::State;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;

/// What every comment of ours begins with.
pub const COMMENT_MARKER: &str = "<!-- countersign ";

/// What our check run is called.
pub const CHECK_NAME: &str = "countersign";

/// The label on our pull requests, how it looks where it has to be made, and what it means; GitHub takes 100 characters.
pub const LABEL: (&str, &str, &str) = (
    "countersign",
    "5319e7",
    "Countersign opened it with exactly what people approved",
);

/// Where the server's pages are: `https://review.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOrigin(String);

/// The text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an origin is https://NAME or http://NAME, perhaps with a port, and nothing else")]
pub struct BadOrigin;

impl PageOrigin {
    /// Reads `scheme://host[:port]`.
    ///
    /// # Errors
    /// When there is anything else: a path, a user, a character that host names don't have.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
        match host {
            Some(host) if !host.is_empty() && host.bytes().all(plain) => Ok(Self(text.to_owned())),
            Some(_) | None => Err(BadOrigin),
        }
    }
}

impl PageOrigin {
    /// Whether it may stand where everybody reads it. Under `http://` is a name of this machine, which nobody is to know.
    fn is_public(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for PageOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a redeemed permit allows to send. There is no way to one but a [`NoticePermit`](super::permit::NoticePermit).
#[derive(Debug, PartialEq, Eq)]
pub struct Letter {
    id: NoticeId,
    notice: Notice,
    made_at: Timestamp,
}

/// What is done below an issue. Where is as the permit said: only a [`Letter`] gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    on: OnIssue,
    /// The one comment of ours that begins with this has to have that text; Markdown.
    pub comment: Option<OwnComment>,
    /// Pull requests in other repositories, whose names only their forge knows; said at the end.
    pub siblings: Vec<OnIssue>,
    /// The mark on a comment of somebody.
    pub reaction: Option<(u64, Reaction)>,
}

impl Below {
    /// Where.
    pub fn on(&self) -> &OnIssue {
        &self.on
    }
}

/// A comment of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnComment {
    /// By what it is found again: an HTML comment, its first line.
    pub marker: String,
    /// The whole text, with the marker.
    pub text: String,
}

/// A check run of ours. On which commit is as the permit said: only a [`Letter`] gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCheck {
    on: OnHead,
    /// By what it is found again, with [`CHECK_NAME`] and our App: the workflow.
    pub marker: String,
    /// One line.
    pub title: String,
    /// The text; Markdown.
    pub text: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// The page with all of it, where everybody may know that.
    pub page: Option<String>,
    /// As of [`Below`].
    pub siblings: Vec<OnIssue>,
}

impl OwnCheck {
    /// On which commit.
    pub fn on(&self) -> &OnHead {
        &self.on
    }
}

/// Our [`LABEL`] on a pull request of ours. Which is as the permit said: only a [`Letter`] gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLabel {
    on: OnIssue,
}

impl OwnLabel {
    /// Which pull request.
    pub fn on(&self) -> &OnIssue {
        &self.on
    }
}

/// A mark on a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It was followed.
    ThumbsUp,
    /// It was not.
    Confused,
}

/// The body of a signed webhook.
#[derive(Serialize)]
struct Payload<'a> {
    /// What happened, in the standard's dotted words.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When, RFC 3339.
    timestamp: String,
    /// The slots and the link.
    data: &'a Value,
}

impl Letter {
    /// Only for the gate.
    pub(super) fn new(id: NoticeId, notice: Notice, made_at: Timestamp) -> Self {
        Self { id, notice, made_at }
    }

    /// The notice's id: the same for every try of it.
    pub fn id(&self) -> &NoticeId {
        &self.id
    }

    /// When the notice was made.
    pub fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// One line.
    pub fn subject(&self) -> String {
        let of = |about: &AboutRequest| format!("{} of {}", asked(about.asks), short(&about.workflow));
        match &self.notice {
            Notice::Test { .. } => "[Countersign] A test: notices arrive here".to_owned(),
            Notice::RequestOpened { about } => format!("[Countersign] {} waits for a decision", of(about)),
            Notice::RequestExpiresSoon { about } => format!("[Countersign] {} runs out soon", of(about)),
            Notice::AlarmRaised { workflow, .. } => {
                format!(
                    "[Countersign] ALARM about {}: somebody has to look",
                    short(workflow)
                )
            }
            Notice::WorkflowEnded { ended } => {
                format!(
                    "[Countersign] {} ended as {}",
                    short(&ended.workflow),
                    ended.state
                )
            }
            Notice::Digest { ended, more, .. } => {
                format!(
                    "[Countersign] {} ended since yesterday",
                    workflows(count(ended, *more))
                )
            }
            Notice::Status { status, .. } => {
                format!("[Countersign] {} {}", short(&status.workflow), stands(status))
            }
            Notice::CommandAnswered { outcome, .. } => {
                format!("[Countersign] A comment came to {}", outcome.code())
            }
            Notice::LabelAnswered { outcome, .. } => {
                format!("[Countersign] A label came to {}", outcome.code())
            }
            Notice::GateSummary { summary, .. } => {
                let workflow = short(&summary.status.workflow);
                format!("[Countersign] {workflow} {}", check_title(summary))
            }
            Notice::Labelled { workflow, .. } => {
                format!("[Countersign] {} has a pull request", short(workflow))
            }
        }
    }

    /// The text of a mail: plain ASCII, lines end with `\n`.
    pub fn text(&self, origin: &PageOrigin) -> String {
        let mut text = String::new();
        for line in self.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str(&format!("\n{}:\n{}\n", self.invites(), self.link(origin)));
        text.push_str(&format!(
            "\nOpening the page decides nothing.\n\n-- \nCountersign, notice {}\n",
            self.id
        ));
        text
    }

    /// The body of a signed webhook: canonical JSON, the same bytes for every try.
    pub fn json(&self, origin: &PageOrigin) -> Vec<u8> {
        canonical_json(&Payload {
            kind: self.kind(),
            timestamp: self.made_at.to_rfc3339(),
            data: &self.data(origin),
        })
    }

    /// The body of an incoming webhook as Slack reads it
    /// (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
    pub fn slack(&self, origin: &PageOrigin) -> Vec<u8> {
        let said = format!("*{}*\n{}", self.subject(), self.lines().join("\n"));
        let link = format!("<{}|{}>", self.link(origin), self.invites());
        canonical_json(&json!({
            "text": self.subject(),
            "blocks": [
                {"type": "section", "text": {"type": "mrkdwn", "text": said}},
                {"type": "section", "text": {"type": "mrkdwn", "text": link}},
            ],
        }))
    }

    /// What is done below an issue; `None` for a notice that belongs below none.
    pub fn below(&self, origin: &PageOrigin) -> Option<Below> {
        match &self.notice {
            Notice::Status { on, status } => Some(Below {
                on: on.clone(),
                comment: Some(status_comment(
                    format!("{COMMENT_MARKER}{} -->", status.workflow),
                    status,
                    origin,
                    " This comment is kept up to date.",
                )),
                siblings: status.siblings.clone(),
                reaction: None,
            }),
            Notice::CommandAnswered {
                on,
                comment,
                outcome,
                status,
            } => {
                let marker = format!("{COMMENT_MARKER}comment {comment} -->");
                let (comment_of_ours, reaction) = match (outcome.answer()?, status) {
                    (Answer::Followed, None) => (None, Reaction::ThumbsUp),
                    (Answer::Followed, Some(status)) => (
                        Some(status_comment(marker, status, origin, "")),
                        Reaction::ThumbsUp,
                    ),
                    (Answer::Not(why), _) => (Some(not_followed(marker, why, *outcome)), Reaction::Confused),
                };
                Some(Below {
                    on: on.clone(),
                    comment: comment_of_ours,
                    siblings: Vec::new(),
                    reaction: Some((*comment, reaction)),
                })
            }
            Notice::LabelAnswered { on, event, outcome } => {
                let marker = format!("{COMMENT_MARKER}label {event} -->");
                Some(Below {
                    on: on.clone(),
                    comment: Some(not_followed(marker, outcome.label_answer()?, *outcome)),
                    siblings: Vec::new(),
                    reaction: None,
                })
            }
            Notice::Test { .. }
            | Notice::RequestOpened { .. }
            | Notice::RequestExpiresSoon { .. }
            | Notice::AlarmRaised { .. }
            | Notice::WorkflowEnded { .. }
            | Notice::Digest { .. }
            | Notice::GateSummary { .. }
            | Notice::Labelled { .. } => None,
        }
    }

    /// What is posted on a commit as a check run; `None` for a notice that is none.
    pub fn check(&self, origin: &PageOrigin) -> Option<OwnCheck> {
        let Notice::GateSummary { on, summary } = &self.notice else {
            return None;
        };
        Some(OwnCheck {
            on: on.clone(),
            marker: summary.status.workflow.to_string(),
            title: check_title(summary).to_owned(),
            text: check_text(summary, origin),
            verdict: summary.verdict(),
            page: origin.is_public().then(|| status_page(&summary.status, origin)),
            siblings: summary.status.siblings.clone(),
        })
    }

    /// Which pull request gets our label; `None` for a notice that gives none.
    pub fn label(&self) -> Option<OwnLabel> {
        let Notice::Labelled { on, .. } = &self.notice else {
            return None;
        };
        Some(OwnLabel { on: on.clone() })
    }

    fn kind(&self) -> &'static str {
        match self.notice {
            Notice::Test { .. } => "test",
            Notice::RequestOpened { .. } => "request.opened",
            Notice::RequestExpiresSoon { .. } => "request.expires_soon",
            Notice::AlarmRaised { .. } => "alarm.raised",
            Notice::WorkflowEnded { .. } => "workflow.ended",
            Notice::Digest { .. } => "digest",
            Notice::Status { .. } => "workflow.status",
            Notice::CommandAnswered { .. } => "command.answered",
            Notice::LabelAnswered { .. } => "label.answered",
            Notice::GateSummary { .. } => "workflow.gates",
            Notice::Labelled { .. } => "workflow.labelled",
        }
    }

    /// The slots, and the page to open.
    fn data(&self, origin: &PageOrigin) -> Value {
        let url = self.link(origin);
        match &self.notice {
            Notice::Test { .. } => json!({"url": url}),
            Notice::RequestOpened { about } | Notice::RequestExpiresSoon { about } => json!({
                "request": about.request.as_str(),
                "workflow": about.workflow.as_str(),
                "asks": about.asks.as_str(),
                "revision": about.revision.0,
                "expires_at": about.expires_at.map(Timestamp::to_rfc3339),
                "url": url,
            }),
            Notice::AlarmRaised { workflow, entry } => {
                json!({"workflow": workflow.as_str(), "entry": entry, "url": url})
            }
            Notice::WorkflowEnded { ended } => {
                json!({"workflow": ended.workflow.as_str(), "state": ended.state.as_str(), "url": url})
            }
            Notice::Digest {
                since,
                until,
                ended,
                more,
                waiting,
            } => {
                let each = |e: &Ended| json!({"workflow": e.workflow.as_str(), "state": e.state.as_str()});
                json!({
                    "since": since.to_rfc3339(),
                    "until": until.to_rfc3339(),
                    "ended": ended.iter().map(each).collect::<Vec<_>>(),
                    "more": more,
                    "waiting": waiting,
                    "url": url,
                })
            }
            Notice::Status { status, .. } => json!({
                "workflow": status.workflow.as_str(),
                "state": status.state.as_str(),
                "revision": status.revision.0,
                "url": url,
            }),
            Notice::CommandAnswered { comment, outcome, .. } => {
                json!({"comment": comment, "outcome": outcome.code(), "url": url})
            }
            Notice::LabelAnswered { event, outcome, .. } => {
                json!({"event": event, "outcome": outcome.code(), "url": url})
            }
            Notice::Labelled { on, workflow } => {
                json!({"workflow": workflow.as_str(), "pull_request": on.issue, "url": url})
            }
            Notice::GateSummary { on, summary } => json!({
                "workflow": summary.status.workflow.as_str(),
                "head": on.head.as_str(),
                "state": summary.status.state.as_str(),
                "url": url,
            }),
        }
    }

    fn lines(&self) -> Vec<String> {
        match &self.notice {
            Notice::Test { at } => vec![
                "Somebody asked Countersign for a test of its notices.".to_owned(),
                format!("Asked at   {}", minute(*at)),
            ],
            Notice::RequestOpened { about } => about_lines("waits for a decision", about),
            Notice::RequestExpiresSoon { about } => {
                about_lines("runs out soon, and nobody has decided yet", about)
            }
            Notice::AlarmRaised { workflow, entry } => vec![
                "Something was found that nobody approved. What it is stands on the page.".to_owned(),
                format!("Workflow   {workflow}"),
                format!("Ledger     entry {entry}"),
            ],
            Notice::WorkflowEnded { ended } => vec![
                format!("A workflow ended as {}.", ended.state),
                format!("Workflow   {}", ended.workflow),
            ],
            Notice::Digest {
                since,
                until,
                ended,
                more,
                waiting,
            } => digest_lines((*since, *until), ended, *more, *waiting),
            Notice::Status { status, .. } => vec![
                format!("A workflow {}.", stands(status)),
                format!("Workflow   {}", status.workflow),
            ],
            Notice::CommandAnswered { comment, outcome, .. } => {
                vec![format!("Comment {comment} came to {}.", outcome.code())]
            }
            Notice::LabelAnswered { event, outcome, .. } => {
                vec![format!("The label of event {event} came to {}.", outcome.code())]
            }
            Notice::Labelled { on, workflow } => vec![
                format!("Pull request #{} is one of ours.", on.issue),
                format!("Workflow   {workflow}"),
            ],
            Notice::GateSummary { on, summary } => vec![
                format!("A commit of a workflow: {}.", check_title(summary)),
                format!("Workflow   {}", summary.status.workflow),
                format!("Commit     {}", on.head),
            ],
        }
    }

    fn link(&self, origin: &PageOrigin) -> String {
        match &self.notice {
            Notice::Test { .. }
            | Notice::Digest { .. }
            | Notice::CommandAnswered { .. }
            | Notice::LabelAnswered { .. } => format!("{origin}/"),
            Notice::Status { status, .. } => status_page(status, origin),
            Notice::GateSummary { summary, .. } => status_page(&summary.status, origin),
            Notice::RequestOpened { about } | Notice::RequestExpiresSoon { about } => {
                format!("{origin}/requests/{}", about.request)
            }
            Notice::AlarmRaised { workflow, .. } | Notice::Labelled { workflow, .. } => {
                format!("{origin}/workflows/{workflow}")
            }
            Notice::WorkflowEnded { ended } => format!("{origin}/workflows/{}", ended.workflow),
        }
    }

    fn invites(&self) -> &'static str {
        match &self.notice {
            Notice::RequestOpened { .. } | Notice::RequestExpiresSoon { .. } => "Look at it and decide",
            Notice::AlarmRaised { .. }
            | Notice::WorkflowEnded { .. }
            | Notice::Status { .. }
            | Notice::GateSummary { .. }
            | Notice::Labelled { .. } => "Look at it",
            Notice::Test { .. }
            | Notice::Digest { .. }
            | Notice::CommandAnswered { .. }
            | Notice::LabelAnswered { .. } => "What waits",
        }
    }
}

/// Why something was not followed, as a comment.
fn not_followed(marker: String, why: &str, outcome: Outcome) -> OwnComment {
    let code = outcome.code();
    let text = format!("{marker}\n**Countersign did not follow that.** {why} (`{code}`)\n");
    OwnComment { marker, text }
}

/// How a workflow stands, as a comment.
fn status_comment(marker: String, status: &Status, origin: &PageOrigin, more: &str) -> OwnComment {
    let table = table(status, &[], None, origin);
    let text = format!(
        "{marker}\n**Countersign: {}**\n\n{table}\nWorkflow `{}`.{more}\n",
        stands(status),
        status.workflow
    );
    OwnComment { marker, text }
}

fn check_title(summary: &Summary) -> &'static str {
    match summary.in_play {
        true => stands(&summary.status),
        false => "was taken out of play",
    }
}

/// How a workflow stands and because of what, as a check run.
fn check_text(summary: &Summary, origin: &PageOrigin) -> String {
    let people = match summary.people {
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    };
    let approved = format!("by {people}, `{}`", summary.approved);
    let table = table(&summary.status, &summary.checks, Some(approved), origin);
    format!(
        "{table}\nWorkflow `{}`. Beside each gate: how many of its checks passed.\n",
        summary.status.workflow
    )
}

/// What is the same wherever it is said how a workflow stands.
fn table(status: &Status, checks: &[(GateId, u32)], approved: Option<String>, origin: &PageOrigin) -> String {
    let mut rows = vec![("Revision", status.revision.to_string())];
    let mark = |(gate, outcome): &(GateId, GateOutcome)| {
        let sign = match outcome {
            GateOutcome::Passed => "✓",
            GateOutcome::Failed => "✗",
            GateOutcome::NotRequired => "not required",
        };
        let passed = checks.iter().find(|(of, n)| of == gate && *n > 0);
        let passed = passed.map_or_else(String::new, |(_, n)| format!(" {n}"));
        format!("{} {sign}{passed}", gate.name())
    };
    let gates: Vec<String> = status.gates.iter().map(mark).collect();
    if !gates.is_empty() {
        rows.push(("Gates", gates.join(" · ")));
    }
    if let Some(approved) = approved {
        rows.push(("Approved", approved));
    }
    if let Some(number) = status.pull_request {
        rows.push(("Pull request", format!("#{number}")));
    }
    if origin.is_public() {
        rows.push(("Page", status_page(status, origin)));
    }
    let mut text = "| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        text.push_str(&format!("| {name} | {value} |\n"));
    }
    text
}

/// The page of what waits, or of the workflow.
fn status_page(status: &Status, origin: &PageOrigin) -> String {
    match &status.request {
        Some(request) => format!("{origin}/requests/{request}"),
        None => format!("{origin}/workflows/{}", status.workflow),
    }
}

/// What a workflow does.
fn stands(status: &Status) -> &'static str {
    match status.state {
        State::Applying if status.retracting => "takes back what was written",
        State::Queued | State::LoadingContext | State::Triaging => "looks at the issue",
        State::Planning => "makes a plan",
        State::AwaitingPlanApproval => "waits for a decision on the plan",
        State::Coding => "makes a proposal",
        State::Reviewing => "reviews the proposal",
        State::AwaitingApproval => "waits for a decision on the change",
        State::Applying => "writes what was approved",
        State::PrOpen => "opens the pull request",
        State::VerifyingCi => "waits for CI",
        State::AwaitingMerge => "waits for somebody to merge",
        State::Done => "is done",
        State::NeedsHuman if status.moved => {
            "waits for an answer: somebody else changed the branch or the pull request, and nobody approved what is there now"
        }
        State::NeedsHuman => "waits for an answer",
        State::BlockedPolicy => "is blocked by policy",
        State::Declined => "was declined",
        State::Deferred => "was put off",
        State::Failed => "was rejected",
        State::Cancelled => "was cancelled",
    }
}

fn about_lines(happened: &str, about: &AboutRequest) -> Vec<String> {
    let mut lines = vec![
        format!("{} {happened}.", asked(about.asks)),
        format!("Workflow   {}", about.workflow),
        format!("Revision   {}", about.revision),
    ];
    if let Some(at) = about.expires_at {
        lines.push(format!("Runs out   {}", minute(at)));
    }
    lines
}

fn digest_lines(
    (since, until): (Timestamp, Timestamp),
    ended: &[Ended],
    more: u32,
    waiting: u32,
) -> Vec<String> {
    let mut lines = vec![
        format!("{} ended.", workflows(count(ended, more))),
        format!("From       {}", minute(since)),
        format!("Until      {}", minute(until)),
    ];
    let each = |e: &Ended| format!("{:<10} {}", e.state.as_str(), e.workflow);
    lines.extend(ended.iter().map(each));
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.push(match waiting {
        0 => "Nothing waits for a person.".to_owned(),
        some => format!(
            "{} for a person.",
            if some == 1 {
                "1 workflow waits".to_owned()
            } else {
                format!("{some} workflows wait")
            }
        ),
    });
    lines
}

fn asked(asks: Asks) -> &'static str {
    match asks {
        Asks::Plan => "A plan",
        Asks::PatchSet => "A patch set",
        Asks::Question => "A question",
    }
}

fn count(ended: &[Ended], more: u32) -> u64 {
    ended.len() as u64 + u64::from(more)
}

fn workflows(n: u64) -> String {
    if n == 1 {
        "1 workflow".to_owned()
    } else {
        format!("{n} workflows")
    }
}

/// The last letters of an id, by which people know a workflow.
fn short(workflow: &WorkflowId) -> &str {
    const LETTERS: usize = 4;
    let id = workflow.as_str();
    &id[id.len().saturating_sub(LETTERS)..]
}

/// `2026-11-28 15:00 UTC`.
fn minute(at: Timestamp) -> String {
    const LETTERS: usize = 16;
    let text: String = at.to_rfc3339().chars().take(LETTERS).collect();
    format!("{} UTC", text.replacen('T', " ", 1))
}
