//! What `git` says of a host that it could not get an answer from, in our words. Must never repeat what could hold a token.

use super::Reached;
use crate::error::{unavailable, unsupported};
use crate::program::Finished;
use countersign_ports::trees::TreesError;

/// Words of git or curl → code, sentence, and whether it may pass.
const KNOWN: &[(&[&str], &str, &str)] = &[
    (
        &[
            "error: 301",
            "error: 302",
            "error: 307",
            "error: 308",
            "unable to update url base from redirection",
        ],
        "remote-moved",
        "it answers from another address, which is not followed. Retry; if it stays so, look the repository up on its host.",
    ),
    (
        &[
            "Authentication failed",
            "error: 401",
            "could not read Username",
            "terminal prompts disabled",
            "Invalid username",
        ],
        "remote-token-refused",
        "it does not accept the token. Make a new one and set it (docs/github.md).",
    ),
    (
        &["error: 403"],
        "remote-forbidden",
        "it does not let this token do that, or the repository is archived. Give the token the permission, or unarchive the repository (docs/github.md).",
    ),
    (
        &["error: 404", "not found"],
        "remote-not-found",
        "it is not there, or the token may not see it: the host says the same for both (docs/github.md).",
    ),
    (
        &["error: 429"],
        "remote-limited",
        "it was asked too often. It is asked again later.",
    ),
    (
        &["not our ref", "couldn't find remote ref", "no such remote ref"],
        "commit-missing",
        "it does not have that commit any more. Start again from its current branch.",
    ),
    (
        &[
            "Could not resolve host",
            "Failed to connect",
            "Connection refused",
            "Couldn't connect",
            "timed out",
            "Connection timed out",
        ],
        "remote-unreachable",
        "it can't be reached. It is asked again later.",
    ),
    (
        &["SSL", "certificate"],
        "remote-tls",
        "its certificate does not hold. Look at who answers under that name.",
    ),
];

/// A token that is made for one purpose is made anew; why that can't be done says whoever makes it.
const TOKEN_OVER: &str = "remote-token-over";

/// What may pass by itself or by a person's deed there, and what a person has to change here.
pub(super) fn of(reached: &Reached<'_>, doing: &str, done: &Finished) -> TreesError {
    let name = &reached.remote.full_name;
    match known(done) {
        Some(("remote-token-refused", _)) if reached.token_passes => unavailable(
            TOKEN_OVER,
            format!("{doing} {name}: it does not take the App's token any more. It is tried again."),
        ),
        Some((
            code @ ("commit-missing" | "remote-token-refused" | "remote-forbidden" | "remote-tls"),
            what,
        )) => unsupported(code, format!("{doing} {name}: {what}")),
        Some((code, what)) => unavailable(code, format!("{doing} {name}: {what}")),
        None => unavailable(
            "remote-failed",
            format!("{doing} {name} failed: {}. It is asked again later.", done.said()),
        ),
    }
}

/// Code and sentence, where the words are known.
pub(super) fn known(done: &Finished) -> Option<(&'static str, &'static str)> {
    let has = |words: &[&str]| words.iter().any(|w| done.stderr.contains(w));
    let row = KNOWN.iter().find(|(words, _, _)| has(words));
    row.map(|(_, code, what)| (*code, *what))
}

/// Whether the host refused, or was never spoken to: nothing can have been written.
pub(super) fn was_refused(done: &Finished) -> bool {
    known(done).is_some_and(|(code, _)| {
        matches!(
            code,
            "remote-moved"
                | "remote-token-refused"
                | "remote-forbidden"
                | "remote-not-found"
                | "remote-limited"
        ) || (code == "remote-unreachable" && !done.stderr.contains("timed out"))
    })
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, TOKEN_OVER};

    #[test]
    fn the_page_on_github_lists_every_code() {
        let page = include_str!("../../../../docs/github.md");
        for code in KNOWN.iter().map(|(_, code, _)| *code).chain([TOKEN_OVER]) {
            assert!(
                page.contains(&format!("`{code}`")),
                "docs/github.md does not list `{code}`"
            );
        }
    }
}
