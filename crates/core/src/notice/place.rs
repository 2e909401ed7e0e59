//! Places that notices go to: how each is spoken to, and what is said there. An address is known here by its hash only.

use super::Template;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Hex digits of a place's id.
const PLACE_DIGITS: usize = 8;

/// How a place is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceForm {
    /// Mail through SMTP.
    Mail,
    /// A webhook, signed as Standard Webhooks.
    Signed,
    /// An incoming webhook as Slack has them.
    Slack,
    /// Comments below issues of a forge, and what else is said there beside them.
    Comments,
}

impl PlaceForm {
    /// All of them.
    pub const ALL: [PlaceForm; 4] = [
        PlaceForm::Mail,
        PlaceForm::Signed,
        PlaceForm::Slack,
        PlaceForm::Comments,
    ];

    /// `mail`, `webhook`, `slack` or `comments`.
    pub fn as_str(self) -> &'static str {
        match self {
            PlaceForm::Mail => "mail",
            PlaceForm::Signed => "webhook",
            PlaceForm::Slack => "slack",
            PlaceForm::Comments => "comments",
        }
    }

    /// Whether a repetition does nothing: a webhook has the same `webhook-id`, and a comment is looked for before it is
    /// written. Where that is not so, what may have arrived is never sent again (INV-7).
    pub fn knows_repetitions(self) -> bool {
        match self {
            PlaceForm::Signed | PlaceForm::Comments => true,
            PlaceForm::Mail | PlaceForm::Slack => false,
        }
    }

    /// Most tries to such a place within an hour; what comes on top waits. GitHub wants less than 500 new texts an hour
    /// (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
    pub fn tries_per_hour_max(self) -> u32 {
        match self {
            PlaceForm::Mail | PlaceForm::Signed | PlaceForm::Slack => 60,
            PlaceForm::Comments => 400,
        }
    }

    /// What is said there unless somebody wants it otherwise. A program hears of every end at once, people once a day.
    pub fn wants(self) -> BTreeSet<Template> {
        let last = match self {
            PlaceForm::Signed => Template::WorkflowEnded,
            PlaceForm::Mail | PlaceForm::Slack => Template::Digest,
            PlaceForm::Comments => {
                return BTreeSet::from([
                    Template::Status,
                    Template::CommandAnswered,
                    Template::LabelAnswered,
                    Template::GateSummary,
                    Template::Labelled,
                ]);
            }
        };
        BTreeSet::from([
            Template::Test,
            Template::RequestOpened,
            Template::RequestExpiresSoon,
            Template::AlarmRaised,
            last,
        ])
    }
}

/// A place by its form and the hash of its address: it names nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceId(String);

impl PlaceId {
    /// The id of an address.
    pub fn of(form: PlaceForm, address: &str) -> Self {
        let hash = hex::encode(Sha256::digest(
            format!("countersign/place/v1\0{address}").as_bytes(),
        ));
        Self(format!("{}-{}", form.as_str(), &hash[..PLACE_DIGITS]))
    }

    /// Reads one back.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let hash = |form: &PlaceForm| text.strip_prefix(form.as_str())?.strip_prefix('-');
        let found = PlaceForm::ALL.iter().find_map(hash);
        let hex = |h: &str| h.len() == PLACE_DIGITS && h.bytes().all(|b| b.is_ascii_hexdigit());
        match found {
            Some(digits) if hex(digits) => Ok(Self(text.to_owned())),
            Some(_) | None => Err("it is no id of a place"),
        }
    }

    /// How the place is spoken to.
    pub fn form(&self) -> PlaceForm {
        let named = |form: &PlaceForm| {
            self.0
                .strip_prefix(form.as_str())
                .is_some_and(|rest| rest.starts_with('-'))
        };
        let found = PlaceForm::ALL.into_iter().find(named);
        found.expect("because an id begins with its form")
    }

    /// `mail-1a2b3c4d`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where notices go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: PlaceId,
    /// How it is spoken to.
    pub form: PlaceForm,
    /// The address for people, masked.
    pub shown: String,
    /// What is said there.
    pub wants: BTreeSet<Template>,
}
