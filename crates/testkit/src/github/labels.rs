//! Labels on issues: who puts them on and takes them off, and the events that tell of it
//! (<https://docs.github.com/rest/issues/events>).

use super::http::Answer;
use super::in_json;
use super::no;
use super::rest::{Call, issue, page, user};
use super::world::{Issue, Repository, World};
use serde_json::{Value, json};

/// A label got onto an issue or away from it.
#[derive(Debug, Clone)]
pub struct LabelEvent {
    /// Its number, over all.
    pub id: u64,
    /// Who did it.
    pub actor: u64,
    /// On and not off.
    pub on: bool,
    /// The label.
    pub label: String,
    /// When.
    pub at: String,
    /// It came through an app.
    pub by_app: bool,
}

impl World {
    /// Somebody puts a label on an issue: the event's number.
    pub fn put_label(&mut self, repository: u64, number: u64, actor: u64, label: &str) -> u64 {
        self.issue_mut(repository, number).labels.push(label.to_owned());
        self.label_event(repository, number, actor, label, true)
    }

    /// Somebody takes it off again.
    pub fn take_label(&mut self, repository: u64, number: u64, actor: u64, label: &str) -> u64 {
        self.issue_mut(repository, number).labels.retain(|l| l != label);
        self.label_event(repository, number, actor, label, false)
    }

    fn label_event(&mut self, repository: u64, number: u64, actor: u64, label: &str, on: bool) -> u64 {
        let (id, now) = (self.fresh(), self.later());
        let issue = self.issue_mut(repository, number);
        issue.updated_at.clone_from(&now);
        issue.events.push(LabelEvent {
            id,
            actor,
            on,
            label: label.to_owned(),
            at: now,
            by_app: false,
        });
        id
    }
}

/// All of a repository, newest first.
pub(super) fn events(world: &World, call: &Call<'_>, found: &Repository) -> Answer {
    let mut all: Vec<(&Issue, &LabelEvent)> = each(found).collect();
    all.sort_by_key(|(_, event)| std::cmp::Reverse(event.id));
    let all = all
        .into_iter()
        .map(|(issue, event)| shown(world, call, found, issue, event));
    page(call, all.collect(), |all| json!(all))
}

/// One of them.
pub(super) fn event(world: &World, call: &Call<'_>, found: &Repository, number: &str) -> Answer {
    let number = number.parse().unwrap_or(0_u64);
    match each(found).find(|(_, event)| event.id == number) {
        Some((issue, event)) => in_json(200, &shown(world, call, found, issue, event)),
        None => no(404, "Not Found"),
    }
}

fn each(found: &Repository) -> impl Iterator<Item = (&Issue, &LabelEvent)> {
    let issues = found.issues.values();
    issues.flat_map(|issue| issue.events.iter().map(move |event| (issue, event)))
}

fn shown(world: &World, call: &Call<'_>, found: &Repository, on: &Issue, event: &LabelEvent) -> Value {
    json!({
        "id": event.id,
        "actor": user(world, event.actor),
        "event": if event.on { "labeled" } else { "unlabeled" },
        "commit_id": null,
        "created_at": event.at,
        "label": {"name": event.label, "color": "0e8a16"},
        "issue": issue(world, call, found, on),
        "performed_via_github_app": event.by_app.then(|| json!({"id": 1, "slug": "some-app"})),
    })
}
