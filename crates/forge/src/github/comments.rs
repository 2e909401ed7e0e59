//! Comments of ours below issues (<https://docs.github.com/rest/issues/comments>): one per marker, changed where its text is
//! another one, marks on comments of others (<https://docs.github.com/rest/reactions/reactions>), and our label on our pull
//! requests (<https://docs.github.com/rest/issues/labels>), which is added and takes no other one away.
//!
//! What is there is looked at before anything is written, so a repetition does nothing. A comment is ours if our account
//! wrote it and it begins with the marker: nobody else's is ever changed. What is said is made of a permit.

use super::error::CallError;
use super::{Account, Credentials, Found, GitHub, InHand, Writer, now};
use async_trait::async_trait;
use countersign_core::notice::permit::NoticePermit;
use countersign_core::notice::rendering::{Below, LABEL, OwnComment, OwnLabel, PageOrigin, Reaction};
use countersign_core::notice::{OnIssue, Place, PlaceForm, PlaceId, Template};
use countersign_ports::notice::{Delivery, Notifier, Wrong};
use countersign_ports::trees::TreesError;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most comments of one issue among which ours is looked for.
const COMMENTS_MAX: usize = 1_000;
/// Most labels of one pull request among which ours is looked for; GitHub allows 100.
const LABELS_MAX: usize = 200;

/// GitHub's issues as a place that notices go to.
pub struct GitHubComments {
    github: Arc<GitHub>,
    place: Place,
    origin: PageOrigin,
}

#[derive(Deserialize)]
struct Written {
    id: u64,
    body: Option<String>,
    user: Option<Account>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

impl GitHubComments {
    /// Below issues of that GitHub, and for an App on the commits that were written; links begin with `origin`.
    pub fn new(github: Arc<GitHub>, origin: PageOrigin) -> Self {
        let form = PlaceForm::Comments;
        let settings = github.api.settings();
        let mut wants = form.wants();
        if !matches!(settings.credentials, Credentials::App(_)) {
            // GitHub takes check runs from Apps only.
            wants.remove(&Template::GateSummary);
        }
        let place = Place {
            id: PlaceId::of(form, &settings.api_url),
            form,
            shown: format!("issues on {}", settings.server_url),
            wants,
        };
        Self {
            github,
            place,
            origin,
        }
    }
}

#[async_trait]
impl Notifier for GitHubComments {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn deliver(&self, permit: NoticePermit) -> Delivery {
        let letter = match permit.redeem(&self.place.id, now()) {
            Ok(letter) => letter,
            Err(error) => return Delivery::Failed(wrong("notice-permit-unusable", error.to_string())),
        };
        let github = Arc::clone(&self.github);
        let (below, check) = (letter.below(&self.origin), letter.check(&self.origin));
        let label = letter.label();
        let done = tokio::task::spawn_blocking(move || match (below, check, label) {
            (Some(below), ..) => github.put_below(&below),
            (None, Some(check), _) => github.put_check(&check),
            (None, None, Some(label)) => github.put_label(&label),
            (None, None, None) => {
                let text = "such a notice belongs to no issue and no commit".to_owned();
                Delivery::Refused(wrong("notice-not-wanted", text))
            }
        })
        .await;
        done.unwrap_or_else(|_died| {
            let text = "commenting ended in an internal error; the log has the details".to_owned();
            Delivery::Unknown(wrong("notice-panicked", text))
        })
    }
}

pub(super) fn wrong(code: &str, message: String) -> Wrong {
    Wrong {
        code: code.to_owned(),
        message,
    }
}

/// Nothing was written: it may go another time, or it never will.
pub(super) fn not_read(error: TreesError) -> Delivery {
    match error {
        TreesError::Unavailable { code, message } => Delivery::Failed(wrong(code, message)),
        TreesError::Unsupported { code, message } | TreesError::Corrupt { code, message } => {
            Delivery::Refused(wrong(code, message))
        }
    }
}

/// A write that gave nothing.
pub(super) fn not_written(error: CallError, doing: &str) -> Delivery {
    let lost = matches!(error, CallError::Lost { .. } | CallError::Odd { .. });
    match (lost, error.reading(doing)) {
        (true, error) => Delivery::Unknown(wrong(error.code(), error.to_string())),
        (false, error) => not_read(error),
    }
}

impl GitHub {
    fn put_below(&self, below: &Below) -> Delivery {
        let prepared = self.by_id(&below.on().repository).and_then(|at| {
            let writer = self.writer(InHand::Say(below))?;
            Ok((at, writer))
        });
        let (at, writer) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return not_read(error),
        };
        // Each for itself: where comments can't be written a mark may be.
        let marked = match below.reaction {
            Some((comment, reaction)) => self.react(&writer, &at, comment, reaction),
            None => Ok(()),
        };
        let said = match &below.comment {
            Some(comment) => {
                let mut comment = comment.clone();
                comment.text.push_str(&self.together_with(&at, &below.siblings));
                self.put_comment(&writer, &at, below.on().issue, &comment)
            }
            None => Ok(()),
        };
        said.and(marked)
            .map_or_else(|failed| failed, |()| Delivery::Delivered)
    }

    /// The last line, of pull requests in other repositories. A private one is not named where everybody reads this.
    pub(super) fn together_with(&self, at: &Found, siblings: &[OnIssue]) -> String {
        let mut named = Vec::new();
        for sibling in siblings {
            named.push(match self.by_id(&sibling.repository) {
                Ok(there) if at.listing().may_name(&there.listing()) => {
                    format!("{}#{}", there.full_name, sibling.issue)
                }
                Ok(_) => "one in a private repository".to_owned(),
                // That keeps nothing else from being said.
                Err(_unseen) => "one that can't be seen now".to_owned(),
            });
        }
        match named.is_empty() {
            true => String::new(),
            false => format!("\nTogether with: {}\n", named.join(", ")),
        }
    }

    /// Our comment with that marker has that text afterwards.
    fn put_comment(
        &self,
        writer: &Writer,
        at: &Found,
        issue: u64,
        comment: &OwnComment,
    ) -> Result<(), Delivery> {
        let doing = format!("Commenting on #{issue} of {}", at.full_name);
        let below = format!("/repos/{}/issues/{issue}/comments", at.full_name);
        let us = self.account(&at.id).map_err(not_read)?.id;
        let all = self
            .api
            .list(&at.id, &below, COMMENTS_MAX, |page: Vec<Written>| page);
        let all = all.map_err(|e| not_read(e.reading(&doing)))?;
        let is_ours = |w: &&Written| {
            let by_us = w.user.as_ref().is_some_and(|user| user.id == us);
            by_us && w.body.as_deref().is_some_and(|b| b.starts_with(&comment.marker))
        };
        let (method, path) = match all.iter().find(is_ours) {
            Some(ours) if ours.body.as_deref().map(str::trim_end) == Some(comment.text.trim_end()) => {
                return Ok(());
            }
            Some(ours) => {
                let path = format!("/repos/{}/issues/comments/{}", at.full_name, ours.id);
                (Method::PATCH, path)
            }
            None => (Method::POST, below),
        };
        let body = json!({"body": comment.text});
        let sent: Result<Value, CallError> = self.api.send(writer, method, &path, &body);
        sent.map(drop).map_err(|e| not_written(e, &doing))
    }

    /// Our label is on that pull request afterwards, and in the repository.
    fn put_label(&self, label: &OwnLabel) -> Delivery {
        self.add_label(label)
            .map_or_else(|failed| failed, |()| Delivery::Delivered)
    }

    fn add_label(&self, label: &OwnLabel) -> Result<(), Delivery> {
        let (name, color, description) = LABEL;
        let at = self.by_id(&label.on().repository).map_err(not_read)?;
        let number = label.on().issue;
        let doing = format!("Labelling #{number} of {}", at.full_name);
        let on_it = format!("/repos/{}/issues/{number}/labels", at.full_name);
        let all = self.api.list(&at.id, &on_it, LABELS_MAX, |page: Vec<Label>| page);
        let all = all.map_err(|e| not_read(e.reading(&doing)))?;
        // GitHub tells labels apart without upper and lower case.
        if all.iter().any(|there| there.name.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        let in_it = format!("/repos/{}/labels", at.full_name);
        let known: Result<Label, CallError> = self.api.get(&at.id, &format!("{in_it}/{name}"));
        let is_missing = match known {
            Ok(_there) => false,
            Err(CallError::Refused { status: 404, .. }) => true,
            Err(error) => return Err(not_read(error.reading(&doing))),
        };
        let writer = self.writer(InHand::Label(label)).map_err(not_read)?;
        if is_missing {
            let body = json!({"name": name, "color": color, "description": description});
            let made: Result<Value, CallError> = self.api.send(&writer, Method::POST, &in_it, &body);
            match made {
                Ok(_) => {}
                Err(CallError::Refused { status: 422, said }) if said.contains("already_exists") => {}
                Err(error) => return Err(not_written(error, &doing)),
            }
        }
        let body = json!({"labels": [name]});
        let sent: Result<Value, CallError> = self.api.send(&writer, Method::POST, &on_it, &body);
        sent.map(drop).map_err(|e| not_written(e, &doing))
    }

    /// Again changes nothing there.
    fn react(&self, writer: &Writer, at: &Found, comment: u64, reaction: Reaction) -> Result<(), Delivery> {
        let doing = format!("Marking comment {comment} of {}", at.full_name);
        let path = format!("/repos/{}/issues/comments/{comment}/reactions", at.full_name);
        let content = match reaction {
            Reaction::ThumbsUp => "+1",
            Reaction::Confused => "confused",
        };
        let body = json!({"content": content});
        let sent: Result<Value, CallError> = self.api.send(writer, Method::POST, &path, &body);
        sent.map(drop).map_err(|e| not_written(e, &doing))
    }
}
