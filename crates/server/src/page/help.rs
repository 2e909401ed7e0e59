//! A page for every code that a problem can have: its `type` leads here.

use super::{frame, respond};
use crate::shown::visible;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

/// Codes of which the answer itself says all that there is to say, one per line.
const CODES: &str = include_str!("codes.txt");

/// What codes mean that the server itself gives, and what to do.
const HELP: &[(&str, &str)] = &[
    (
        "bad-body",
        "The body can't be read as what this address takes. /api/openapi.json says what that is.",
    ),
    (
        "bad-waiver",
        "A waiver names one broken rule, says why, and lives for 1 to 30 days, or fewer where policy says so.",
    ),
    (
        "body-too-large",
        "The body is larger than this server reads. A diff may have 8 MiB.",
    ),
    (
        "code-refused",
        "A code works once, for 15 minutes. `countersign code` on the server's machine prints another.",
    ),
    (
        "cross-site",
        "A form was sent from a page of another site, or without saying from where. Nothing was done.",
    ),
    (
        "digest-mismatch",
        "What you decided on is not what waits now. Look at the new digest and its diff, then decide.",
    ),
    (
        "duplicate",
        "A workflow with the same text and repositories is open. Go on with it, or start one `again`.",
    ),
    (
        "first-call-unanswered",
        "A call with this idempotency key was begun, and nobody knows how it ended: it goes on still, or the server stopped in the \
         middle of it. Read whether its effect is there. If not, make it again with a new key.",
    ),
    (
        "github-code-refused",
        "GitHub does not take the code that it gave: it was used or has run out. Begin the sign-in again.",
    ),
    (
        "github-denied",
        "At GitHub it was not allowed that this server learns who you are. Nothing else is asked for.",
    ),
    (
        "github-name-taken",
        "A member has the account's name and is not linked to it. An owner says whether that is one person: `member link`.",
    ),
    (
        "github-not-listed",
        "No member has this account, and it is not on the list. An owner adds it, or links it: `member link`.",
    ),
    (
        "github-not-set-up",
        "This server has no settings for that: for sign-in with GitHub (a code works: `countersign code`), or an App or a token to \
         ask GitHub with.",
    ),
    (
        "github-odd-answer",
        "GitHub, or what is set in its place, answers what can't be understood. The server's log says more.",
    ),
    (
        "github-other-account",
        "The name on the list stands for another account, which came first with it. Names can be taken over, accounts can't.",
    ),
    (
        "github-refuses-us",
        "GitHub does not know this server: the application's id, its secret or its callback address is wrong.",
    ),
    (
        "github-unreachable",
        "GitHub can't be reached from the server, or is out of order. A code works without it: `countersign code`.",
    ),
    (
        "idempotency-key-reused",
        "The key stands for another call already. Each new call needs a new key.",
    ),
    (
        "made-already",
        "The call with this idempotency key was made before. Its answer showed a secret, which is not kept, or was too large to be. \
         Read what there is; where a secret got lost, take back what it belongs to and make another with a new key.",
    ),
    (
        "method-not-allowed",
        "The address is there, but not with this method. The answer's header `Allow` names those that are.",
    ),
    (
        "not-for-keys",
        "API keys look and start. Deciding, keys and members need a signed-in person.",
    ),
    ("not-found", "There is no such thing, or not in this place."),
    (
        "not-judged-yet",
        "It waits in the inbox: the worker is busy or stopped. Nothing is lost.",
    ),
    (
        "request-not-open",
        "Somebody has decided already, or a newer revision waits.",
    ),
    (
        "role-too-weak",
        "The member's role does not allow this. An owner can change roles.",
    ),
    (
        "sign-in-again",
        "Decisions need somebody who showed who they are within the last 12 hours.",
    ),
    (
        "sign-in-stale",
        "A sign-in with GitHub ends once, within 10 minutes, in the browser that began it. Begin it again.",
    ),
    ("sign-in-needed", "Nobody is signed in, or the session has ended."),
    (
        "no-such-line",
        "A comment stands on lines that the diff shows, all of them in one hunk. Nothing was kept.",
    ),
    (
        "stale-revision",
        "Comments are written on the diff that waits for a decision. A newer one waits by now, or none.",
    ),
    (
        "stale-view",
        "The file was changed after you looked at it. Nothing was marked: look at what it is now.",
    ),
    (
        "too-many-requests",
        "More requests came at once than one caller may send. Slow down a little.",
    ),
    (
        "words-hold-secret",
        "The text holds what looks like a secret. Nothing of it was kept. Take it out, and change that secret.",
    ),
    (
        "unknown-revision",
        "There is no diff in that revision: it was never begun, or it ended before anything was proposed. The answer names \
         those that have one.",
    ),
    (
        "wrong-host",
        "The server answers to its own name only, so that another site can't speak to it through your browser.",
    ),
    (
        "bad-cursor",
        "A cursor is `next` of a page of the same list in the same order. It names a place, so it stays good when rows come and go.",
    ),
    (
        "internal",
        "It is the server's fault. The log has a line for it under the answer's `x-request-id`, and `panic.log` in the data \
         folder says what it was.",
    ),
    (
        "too-many-streams",
        "As many listen to live events as the server, or one caller, may have. Close streams that nobody reads.",
    ),
    (
        "too-slow",
        "The answer took longer than 60 seconds. What was asked for may have happened: read what became of it first.",
    ),
];

/// What codes of one beginning are about.
const ABOUT: &[(&str, &str)] = &[
    (
        "data-",
        "It is about the database in the server's data folder. `countersign doctor` on the server's machine looks at it.",
    ),
    (
        "leaf-",
        "It is about what is stored in the ledger. `countersign doctor` on the server's machine looks at it.",
    ),
    (
        "record-",
        "It is about what is stored in the ledger. `countersign doctor` on the server's machine looks at it.",
    ),
    (
        "tree-",
        "It is about the ledger's tree, or the files of a repository, as they are stored.",
    ),
    (
        "policy-",
        "It is about a file of rules. `countersign policy check` says where.",
    ),
    (
        "own-rules-",
        "It is about a repository's own rules, which its file of rules names.",
    ),
    ("git-", "It is about the program `git` on the server's machine."),
    (
        "remote-",
        "It is about a repository elsewhere, and what it answers to git.",
    ),
    (
        "github-",
        "It is about GitHub, or the App or the token that the server asks it with.",
    ),
    (
        "feedback-",
        "It is about the text that is to start a workflow. Nothing of it was kept.",
    ),
];

/// What is known of a code; `None`: no problem has it.
fn text(code: &str) -> Option<&'static str> {
    if let Some((_, text)) = HELP.iter().find(|(name, _)| *name == code) {
        return Some(text);
    }
    CODES.lines().find(|known| *known == code)?;
    let about = ABOUT.iter().find(|(beginning, _)| code.starts_with(beginning));
    Some(about.map_or("", |(_, text)| text))
}

/// `GET /help/errors/{code}`.
pub(crate) async fn help(Path(code): Path<String>) -> Response {
    let text = text(&code);
    let body = html! {
        h1 { code { (visible(&code)) } }
        @match text {
            Some(text) => {
                @if !text.is_empty() { p { (text) } }
                p { "The answer itself says what is wrong, in `detail`, and what to do about it, in `next`." }
            },
            None => p { "No answer of this server has this code." },
        }
    };
    let status = if text.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    respond(status, &frame("Help", None, &body))
}
