//! What operators measure, in the words of Prometheus: what happens is counted here as it is told, what the store knows is read
//! when somebody scrapes (`scrape`), and answers are timed by a layer (`crate::answered`).
//!
//! Every label's values come from a closed list of ours: never an id, a title, a raw path or a name that somebody chose.

mod scrape;

pub(crate) use scrape::scrape;

use crate::hooks::HookWord;
use countersign_core::artifact::AgentRole;
use countersign_core::command::Outcome;
use countersign_core::workflow::event::{AttemptOutcome, RequestStatus};
use countersign_core::workflow::{Effect, Event, State};
use countersign_engine::TryEnd;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::borrow::Cow;
use std::time::Duration;

/// What every name begins with.
const PREFIX: &str = "countersign";
/// Upper bounds for answers over HTTP, in seconds.
const ANSWER_SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Upper bounds for what is done outside of the database, in seconds.
const WORK_SECONDS: [f64; 11] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// Kinds of effects that are there, at zero, before the first of them is performed.
const EFFECT_KINDS: [&str; 15] = [
    "look-up-refs",
    "load-context",
    "triage",
    "plan",
    "draft",
    "narrow",
    "critique",
    "seal-ledger",
    "check-bases",
    "write-branch",
    "retract-branch",
    "open-pull-request",
    "close-pull-request",
    "read-checks",
    "read-merges",
];
/// How requests end.
const REQUEST_ENDS: [RequestStatus; 9] = [
    RequestStatus::Approved,
    RequestStatus::Rejected,
    RequestStatus::ChangesRequested,
    RequestStatus::Answered,
    RequestStatus::Waived,
    RequestStatus::Expired,
    RequestStatus::Withdrawn,
    RequestStatus::Cancelled,
    RequestStatus::Superseded,
];
/// How attempts at writing end.
const WRITE_OUTCOMES: [&str; 6] = ["written", "opened", "foreign", "refused", "failed", "unknown"];
/// Who may be asked.
pub(crate) const ROLES: [AgentRole; 7] = [
    AgentRole::Triage,
    AgentRole::Architect,
    AgentRole::Planner,
    AgentRole::Coder,
    AgentRole::Critic,
    AgentRole::Fixer,
    AgentRole::Extractor,
];

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Durations<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// What this process has counted since it began.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    transitions: Counts<1>,
    requests_closed: Counts<1>,
    tries: Counts<2>,
    try_durations: Durations<1>,
    write_attempts: Counts<1>,
    agent_calls: Durations<1>,
    answers_refused: Counts<1>,
    hooks: Counts<1>,
    commands: Counts<1>,
    labels: Counts<1>,
    pub(crate) http_requests: Counts<3>,
    pub(crate) http_durations: Durations<2>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix(PREFIX);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The program that answers", version);
        let work: fn() -> Histogram = || Histogram::new(WORK_SECONDS);
        let answers: fn() -> Histogram = || Histogram::new(ANSWER_SECONDS);
        let metrics = Self {
            transitions: counts(&mut all, "transitions", "States that workflows entered"),
            requests_closed: counts(&mut all, "requests_closed", "Requests to people that ended"),
            tries: counts(&mut all, "effect_tries", "Tries of effects that ended"),
            try_durations: durations(
                &mut all,
                "effect_try_duration",
                "How long tries of effects took",
                work,
            ),
            write_attempts: counts(
                &mut all,
                "write_attempts",
                "Attempts at writing a branch that ended",
            ),
            agent_calls: durations(
                &mut all,
                "agent_call_duration",
                "How long calls of agents took",
                work,
            ),
            answers_refused: counts(
                &mut all,
                "agent_answers_refused",
                "Answers of agents that were refused",
            ),
            hooks: counts(&mut all, "webhook_deliveries", "Deliveries of a forge's webhooks"),
            commands: counts(&mut all, "comments_followed", "Comments that webhooks pointed to"),
            labels: counts(
                &mut all,
                "labels_followed",
                "Labels that were put on issues to start",
            ),
            http_requests: counts(&mut all, "http_requests", "Requests over HTTP that were answered"),
            http_durations: durations(
                &mut all,
                "http_request_duration",
                "How long it took until an answer began",
                answers,
            ),
            registry: all,
        };
        metrics.begin_at_zero();
        metrics
    }
}

fn counts<const N: usize>(all: &mut Registry, name: &str, help: &str) -> Counts<N> {
    let family = Counts::default();
    all.register(name, help, family.clone());
    family
}

fn durations<const N: usize>(
    all: &mut Registry,
    name: &str,
    help: &str,
    buckets: fn() -> Histogram,
) -> Durations<N> {
    let family = Durations::new_with_constructor(buckets);
    all.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

/// One label with its value.
pub(crate) fn label(name: &'static str, value: &'static str) -> (&'static str, Cow<'static, str>) {
    (name, Cow::Borrowed(value))
}

impl Metrics {
    /// A comment was looked at, and came to that.
    pub(crate) fn command(&self, outcome: Outcome) {
        self.commands
            .get_or_create(&[label("outcome", outcome.code())])
            .inc();
    }

    /// A label was looked at, and came to that.
    pub(crate) fn label(&self, outcome: Outcome) {
        self.labels
            .get_or_create(&[label("outcome", outcome.code())])
            .inc();
    }

    /// A delivery of a forge came.
    pub(crate) fn hook(&self, word: HookWord) {
        self.hooks.get_or_create(&[label("outcome", word.as_str())]).inc();
    }

    /// A count that is there before the first occurrence: the increase to one is seen, too.
    fn begin_at_zero(&self) {
        for state in State::ALL {
            let _at_zero = self.transitions.get_or_create(&[label("state", state.as_str())]);
        }
        for status in REQUEST_ENDS {
            let _at_zero = self
                .requests_closed
                .get_or_create(&[label("status", end_word(status))]);
        }
        for kind in EFFECT_KINDS {
            for outcome in TryEnd::ALL {
                let labels = [label("kind", kind), label("outcome", outcome.as_str())];
                let _at_zero = self.tries.get_or_create(&labels);
            }
        }
        for outcome in WRITE_OUTCOMES {
            let _at_zero = self.write_attempts.get_or_create(&[label("outcome", outcome)]);
        }
        for outcome in Outcome::all().map(Outcome::code) {
            let _at_zero = self.commands.get_or_create(&[label("outcome", outcome)]);
            let _at_zero = self.labels.get_or_create(&[label("outcome", outcome)]);
        }
        for word in HookWord::ALL {
            let _at_zero = self.hooks.get_or_create(&[label("outcome", word.as_str())]);
        }
        for role in ROLES {
            let _at_zero = self
                .answers_refused
                .get_or_create(&[label("role", role.as_str())]);
        }
    }

    /// These events of a workflow were recorded.
    pub fn recorded(&self, events: &[Event]) {
        for event in events {
            if let Event::StateEntered { state, .. } | Event::WorkflowEnded { state, .. } = event {
                self.transitions
                    .get_or_create(&[label("state", state.as_str())])
                    .inc();
            }
            if let Event::RequestClosed { status, .. } = event {
                self.requests_closed
                    .get_or_create(&[label("status", end_word(*status))])
                    .inc();
            }
            if let Event::AttemptEnded { outcome, .. } = event {
                self.write_attempts
                    .get_or_create(&[label("outcome", outcome_word(outcome))])
                    .inc();
            }
            if let Event::AgentCalled { run } = event {
                let took = Duration::from_millis(run.took_ms).as_secs_f64();
                self.agent_calls
                    .get_or_create(&[label("role", run.role.as_str())])
                    .observe(took);
            }
            if let Event::AnswerRefused { role, .. } = event {
                self.answers_refused
                    .get_or_create(&[label("role", role.as_str())])
                    .inc();
            }
        }
    }

    /// A try of an effect came to its end.
    pub fn performed(&self, effect: &Effect, end: TryEnd, took: Duration) {
        let kind = label("kind", effect.kind());
        self.tries
            .get_or_create(&[kind.clone(), label("outcome", end.as_str())])
            .inc();
        self.try_durations
            .get_or_create(&[kind])
            .observe(took.as_secs_f64());
    }
}

fn end_word(status: RequestStatus) -> &'static str {
    match status {
        RequestStatus::Open => "open",
        RequestStatus::Approved => "approved",
        RequestStatus::Rejected => "rejected",
        RequestStatus::ChangesRequested => "changes-requested",
        RequestStatus::Answered => "answered",
        RequestStatus::Waived => "waived",
        RequestStatus::Expired => "expired",
        RequestStatus::Withdrawn => "withdrawn",
        RequestStatus::Cancelled => "cancelled",
        RequestStatus::Superseded => "superseded",
    }
}

fn outcome_word(outcome: &AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Written { .. } => "written",
        AttemptOutcome::Foreign { .. } => "foreign",
        AttemptOutcome::Refused { .. } => "refused",
        AttemptOutcome::Failed { .. } => "failed",
        AttemptOutcome::Unknown { .. } => "unknown",
        AttemptOutcome::Opened { .. } => "opened",
    }
}
