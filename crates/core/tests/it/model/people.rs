//! What people may say in the model: bob and carol approve what alice started, and sometimes somebody is against it.

use super::world::{Bounds, World};
use crate::canned;
use countersign_core::act::{Act, SeenDigest};
use countersign_core::id::RequestId;
use countersign_core::question::Choice;
use countersign_core::workflow::event::{Request, Subject};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// What somebody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Say {
    Approve,
    Reject,
    Change,
    Withdraw,
    Cancel,
    AskAgain,
    Retry,
    Stop,
}

/// An act on its way, as it was made: with the digest that was on the screen.
#[derive(Debug, Clone)]
pub struct Letter {
    pub who: &'static str,
    pub say: Say,
    /// About which request, with what was seen.
    pub about: Option<(RequestId, SeenDigest)>,
    /// `repo1`, `repo2`, `question` or nothing, for people.
    pub place: String,
    /// The same act once more, under another input id.
    pub again: bool,
}

impl Letter {
    /// What tells it from other letters; what was seen belongs to the request.
    fn key(&self) -> (&'static str, Say, Option<&RequestId>, bool) {
        (
            self.who,
            self.say,
            self.about.as_ref().map(|(r, _)| r),
            self.again,
        )
    }

    /// The act in it.
    pub fn act(&self) -> Act {
        let words = || "because".to_owned();
        let (request, seen) = self.about.clone().unzip();
        let about = || (request.clone().unwrap(), seen.clone().unwrap());
        match self.say {
            Say::Approve => {
                let (request, seen) = about();
                Act::Approve {
                    request,
                    seen,
                    acknowledged: vec![],
                }
            }
            Say::Reject => {
                let (request, seen) = about();
                Act::Reject {
                    request,
                    seen,
                    reason: words(),
                }
            }
            Say::Change => {
                let (request, seen) = about();
                Act::RequestChanges {
                    request,
                    seen,
                    comment: words(),
                    comments: Vec::new(),
                }
            }
            Say::Withdraw => Act::Withdraw { reason: words() },
            Say::Cancel => Act::Cancel { reason: words() },
            Say::AskAgain => answer(about(), Choice::AskAgain),
            Say::Retry => answer(about(), Choice::Retry),
            Say::Stop => answer(about(), Choice::Cancel),
        }
    }
}

fn answer((request, seen): (RequestId, SeenDigest), choice: Choice) -> Act {
    Act::Answer {
        request,
        seen,
        choice,
        text: String::new(),
    }
}

impl PartialEq for Letter {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Letter {}

impl PartialOrd for Letter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Letter {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.say {
            Say::Approve => "approve",
            Say::Reject => "reject",
            Say::Change => "request-changes",
            Say::Withdraw => "withdraw",
            Say::Cancel => "cancel",
            Say::AskAgain => "ask-again",
            Say::Retry => "retry",
            Say::Stop => "stop",
        };
        write!(f, "{} {verb} {}", self.who, self.place)
    }
}

/// Everything that somebody could say now and has not said yet.
pub fn letters(s: &World, bounds: &Bounds) -> Vec<Arc<Letter>> {
    let mut found = Vec::new();
    let mut say = |who, say, request: Option<&Request>| {
        let letter = Letter {
            who,
            say,
            about: request.map(|r| (r.id.clone(), canned::seen(&r.subject))),
            place: request.map(place).unwrap_or_default(),
            again: false,
        };
        if !s.said.contains(&letter) {
            found.push(Arc::new(letter));
        }
    };
    let w = &s.flow.w;
    let (may_differ, may_be_odd) = (s.spent.against < bounds.against, s.spent.odd < bounds.odd);
    for request in w.open_requests() {
        match &request.subject {
            Subject::Question { question, .. } => {
                for choice in question.kind.choices() {
                    match choice {
                        Choice::AskAgain => say("bob", Say::AskAgain, Some(request)),
                        Choice::Retry => say("bob", Say::Retry, Some(request)),
                        Choice::Cancel => say("bob", Say::Stop, Some(request)),
                        Choice::Provide | Choice::GrantMore => {}
                    }
                }
            }
            Subject::Plan { .. } | Subject::PatchSet { .. } => {
                say("bob", Say::Approve, Some(request));
                say("carol", Say::Approve, Some(request));
                if may_be_odd {
                    say("alice", Say::Approve, Some(request));
                }
                if may_differ {
                    say("bob", Say::Reject, Some(request));
                    say("alice", Say::Change, Some(request));
                }
            }
        }
    }
    if may_differ && !w.state.is_final() {
        if s.books.yes.iter().any(|y| y.who == "bob") {
            say("bob", Say::Withdraw, None);
        }
        say("alice", Say::Cancel, None);
    }
    found
}

/// Whether the letter is against something.
pub fn is_against(say: Say) -> bool {
    match say {
        Say::Reject | Say::Change | Say::Withdraw | Say::Cancel | Say::Stop => true,
        Say::Approve | Say::AskAgain | Say::Retry => false,
    }
}

/// Where in words.
pub fn place(request: &Request) -> String {
    match &request.subject {
        Subject::Plan { .. } => "plan".to_owned(),
        Subject::PatchSet { repository, .. } => format!("repo{}", repository.number),
        Subject::Question { .. } => "question".to_owned(),
    }
}
