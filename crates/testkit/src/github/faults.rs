//! What can go wrong between us and GitHub, on request: once per fault, for the first request that it is meant for.

use super::http::{Answer, Request};
use super::no;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The work is done, and 502 answered.
    BadGatewayAfter,
    /// Nothing is done, and 502 answered.
    BadGateway,
    /// The work is done, and the connection cut.
    AnswerLost,
    /// Too much at once: 403 with `retry-after` in seconds
    /// (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
    SecondaryLimit(u32),
    /// The hour's requests are used up: 403, nothing remains.
    LimitReached,
    /// GitHub hides what one may not see, and says 404.
    NotFound,
    /// The answer is from before the last change.
    Stale,
    /// More bytes than anybody wants to read.
    Endless,
    /// No JSON.
    Gibberish,
    /// The token is not taken any more.
    TokenOver,
}

impl Fault {
    /// Nothing is done before it.
    pub(super) fn comes_first(self) -> bool {
        match self {
            Fault::BadGateway
            | Fault::SecondaryLimit(_)
            | Fault::LimitReached
            | Fault::NotFound
            | Fault::Endless
            | Fault::Gibberish
            | Fault::TokenOver => true,
            Fault::BadGatewayAfter | Fault::AnswerLost | Fault::Stale => false,
        }
    }

    /// What is answered where nothing was done.
    pub(super) fn instead(self, path: &str) -> Answer {
        let with = |mut answer: Answer, fields: &[(&str, String)]| {
            let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone()));
            answer.headers.extend(fields);
            answer
        };
        let resource = if path.contains("/search/") {
            "search"
        } else {
            "core"
        };
        match self {
            Fault::SecondaryLimit(seconds) => with(
                no(
                    403,
                    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                ),
                &[("retry-after", seconds.to_string())],
            ),
            Fault::LimitReached => with(
                no(403, "API rate limit exceeded for user ID 1."),
                &[
                    ("x-ratelimit-remaining", "0".to_owned()),
                    ("x-ratelimit-resource", resource.to_owned()),
                    ("x-ratelimit-reset", "4102444800".to_owned()),
                ],
            ),
            Fault::NotFound => no(404, "Not Found"),
            Fault::TokenOver => no(401, "Bad credentials"),
            Fault::Endless => {
                let mut answer = no(200, "");
                answer.body = vec![b' '; 32 << 20];
                answer
            }
            Fault::Gibberish => {
                let mut answer = no(200, "");
                answer.body = b"<html>We are having a problem</html>".to_vec();
                answer
            }
            Fault::BadGateway | Fault::BadGatewayAfter | Fault::AnswerLost | Fault::Stale => {
                no(502, "Server Error")
            }
        }
    }

    /// What becomes of the answer to work that was done; `None` cuts the connection.
    pub(super) fn after(self, done: Answer) -> Option<Answer> {
        match self {
            Fault::AnswerLost => None,
            Fault::BadGatewayAfter => Some(no(502, "Server Error")),
            Fault::BadGateway
            | Fault::SecondaryLimit(_)
            | Fault::LimitReached
            | Fault::NotFound
            | Fault::Stale
            | Fault::Endless
            | Fault::Gibberish
            | Fault::TokenOver => Some(done),
        }
    }
}

/// A fault that waits for its request.
pub(super) struct Planned {
    method: String,
    part: String,
    fault: Fault,
}

impl Planned {
    pub(super) fn new(method: &str, part: &str, fault: Fault) -> Self {
        Self {
            method: method.to_owned(),
            part: part.to_owned(),
            fault,
        }
    }
}

/// The fault that this request meets, which is used up.
pub(super) fn meet(planned: &mut Vec<Planned>, request: &Request) -> Option<Fault> {
    let is = |p: &Planned| p.method == request.method && request.path.contains(&p.part);
    let at = planned.iter().position(is)?;
    Some(planned.remove(at).fault)
}
