//! Labels that people put on issues (<https://docs.github.com/rest/issues/events>): who did it and when stands in the event, and
//! there alone. A webhook does not name it.

use super::error::CallError;
use super::issue::moment;
use super::{Account, Found, GitHub};
use countersign_core::forge::{Deed, DeedKind, Labelled};
use countersign_core::id::AccountId;
use countersign_core::time::Timestamp;
use countersign_ports::conversation::RECENT_EVENTS_MAX;
use countersign_ports::trees::TreesError;
use serde::Deserialize;

/// How many events are looked at first: mostly all of the last time are among them.
const EVENTS_FIRST: usize = super::client::PER_PAGE;
/// GitHub's word for a label that was put on.
const LABELED: &str = "labeled";

#[derive(Deserialize)]
struct IssueEvent {
    id: u64,
    event: String,
    created_at: String,
    #[serde(default)]
    actor: Option<Account>,
    #[serde(default)]
    label: Option<Label>,
    #[serde(default)]
    issue: Option<OnIssue>,
    #[serde(default)]
    performed_via_github_app: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct OnIssue {
    number: u64,
    #[serde(default)]
    pull_request: Option<serde_json::Value>,
}

impl IssueEvent {
    /// The name of the label, where one was put on.
    fn puts(&self) -> Option<&str> {
        let name = self.label.as_ref().and_then(|label| label.name.as_deref());
        name.filter(|_| self.event == LABELED)
    }

    /// `us`: the number of the account that we use.
    fn told(self, us: Option<u64>) -> Result<Option<Labelled>, CallError> {
        let Some(label) = self.puts().map(str::to_owned) else {
            return Ok(None);
        };
        let issue = self.issue.ok_or_else(|| CallError::Odd {
            why: "it does not say which issue the label is on".to_owned(),
        })?;
        let by = self.actor;
        let id = by.as_ref().map_or(0, |account| account.id);
        let deed = Deed {
            kind: DeedKind::Label { ours: us == Some(id) },
            number: self.id,
            issue: issue.number,
            on_pull_request: issue.pull_request.is_some(),
            by: AccountId(id),
            is_person: by.as_ref().is_some_and(|account| account.kind == "User"),
            login: by.map(|account| account.login).unwrap_or_default(),
            by_app: self.performed_via_github_app.is_some(),
            at: moment(&self.created_at)?,
        };
        Ok(Some(Labelled { deed, label }))
    }
}

impl GitHub {
    /// <https://docs.github.com/rest/issues/events#get-an-issue-event>
    pub(super) fn event(&self, at: &Found, number: u64) -> Result<Option<Labelled>, TreesError> {
        let doing = format!("Reading event {number} of {}", at.full_name);
        let path = format!("/repos/{}/issues/events/{number}", at.full_name);
        let event = match self.api.get::<IssueEvent>(&at.id, &path) {
            Err(CallError::Refused {
                status: 404 | 410, ..
            }) => return Ok(None),
            read => read.map_err(|e| e.reading(&doing))?,
        };
        if event.id != number {
            let why = "it shows another event instead".to_owned();
            return Err(CallError::Odd { why }.reading(&doing));
        }
        let us = match self.api.settings().credentials.say_who() {
            true => Some(self.account(&at.id)?.id),
            false => None,
        };
        event.told(us).map_err(|e| e.reading(&doing))
    }

    /// <https://docs.github.com/rest/issues/events#list-issue-events-for-a-repository>, which gives the newest first.
    pub(super) fn labels_since(
        &self,
        at: &Found,
        label: &str,
        since: Timestamp,
    ) -> Result<Vec<u64>, TreesError> {
        let doing = format!("Looking for new labels in {}", at.full_name);
        let path = format!("/repos/{}/issues/events", at.full_name);
        // GitHub's times have whole seconds.
        let since = Timestamp(since.0 / 1_000 * 1_000);
        let is_new = |e: &IssueEvent| Timestamp::from_rfc3339(&e.created_at).is_some_and(|at| at >= since);
        let read = |most| {
            let first = self
                .api
                .list_first(&at.id, &path, most, |page: Vec<IssueEvent>| page);
            let (events, is_whole) = first.map_err(|e| e.reading(&doing))?;
            let is_enough = is_whole || events.last().is_none_or(|last| !is_new(last));
            Ok((events, is_enough))
        };
        let (mut events, mut is_enough) = read(EVENTS_FIRST)?;
        if !is_enough {
            (events, is_enough) = read(RECENT_EVENTS_MAX)?;
        }
        if !is_enough {
            tracing::warn!(repository = %at.id, most = RECENT_EVENTS_MAX, "more happened than is looked through for labels");
        }
        let wanted = label.to_lowercase();
        let puts_it = |e: &&IssueEvent| e.puts().is_some_and(|name| name.to_lowercase() == wanted);
        // On pull requests the same label says nothing: our own gets there, too.
        let is_on_issue = |e: &&IssueEvent| e.issue.as_ref().is_none_or(|i| i.pull_request.is_none());
        let new = events
            .iter()
            .filter(|e| is_new(e))
            .filter(puts_it)
            .filter(is_on_issue);
        Ok(new.rev().map(|e| e.id).collect())
    }
}
