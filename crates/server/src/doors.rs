//! Every door of the server and who may open it: one table, printed into `docs/access.md` and held against the routes by a
//! test. A path without a row can't be reached at all.
//!
//! A role that is too weak is refused here; what a decision needs beyond that (separation of duties, enough people, the
//! role for a waiver) is decided in `core`, for every door alike.

use crate::hooks::HOOKS_PATH;
use countersign_core::member::Role;
use countersign_ports::access::Scope;

/// What a caller must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Anybody who can reach the server.
    Nothing,
    /// Anybody who signed what they send with a secret that they share with the server; the door itself checks that.
    Signature,
    /// A person of at least this role, or an API key with this scope.
    PersonOrKey(Role, Scope),
    /// A signed-in person of at least this role; never an API key.
    Person(Role),
    /// As [`Need::Person`], who showed lately who they are: decisions, keys and members.
    PersonLately(Role),
}

/// What an `Idempotency-Key` does at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing: what comes through makes nothing, is the same when it comes twice, or is known by something else.
    NotKeyed,
    /// The first answer is kept and given again.
    Answer,
    /// The first answer shows a secret, which is not kept: whoever repeats the call hears that it was made.
    ShownOnce,
    /// The handler remembers the ids that it gives out, and answers anew how they came out.
    ById,
}

/// One door.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// HTTP method.
    pub method: &'static str,
    /// Path with its parameters, as it is routed.
    pub path: &'static str,
    /// Who may open it.
    pub need: Need,
    /// What an `Idempotency-Key` does.
    pub repeat: Repeat,
}

const fn door(method: &'static str, path: &'static str, need: Need) -> Door {
    Door {
        method,
        path,
        need,
        repeat: Repeat::NotKeyed,
    }
}

impl Door {
    const fn repeats(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }
}

const LOOK: Need = Need::PersonOrKey(Role::Viewer, Scope::Read);
const START: Need = Need::PersonOrKey(Role::Reviewer, Scope::Submit);
const DECIDE: Need = Need::PersonLately(Role::Reviewer);
const OWN: Need = Need::PersonLately(Role::Owner);
const VISIT: Need = Need::Person(Role::Viewer);
const WRITE: Need = Need::Person(Role::Reviewer);

/// All of them.
pub const DOORS: &[Door] = &[
    door("GET", "/healthz", Need::Nothing),
    door("GET", "/readyz", Need::Nothing),
    door("GET", "/metrics", LOOK),
    door("GET", "/assets/page.css", Need::Nothing),
    door("GET", "/help/errors/{code}", Need::Nothing),
    door("GET", "/sign-in", Need::Nothing),
    door("POST", "/sign-in", Need::Nothing),
    door("GET", "/sign-in/github", Need::Nothing),
    door("GET", "/sign-in/github/callback", Need::Nothing),
    door("POST", "/sign-out", VISIT),
    door("GET", "/", VISIT),
    door("GET", "/workflows/{id}", VISIT),
    door("GET", "/requests/{id}", VISIT),
    door("POST", "/requests/{id}", DECIDE),
    door("POST", "/requests/{id}/viewed", VISIT),
    door("POST", "/requests/{id}/comments", WRITE),
    door("POST", "/requests/{id}/comments/drop", WRITE),
    door("GET", "/api/openapi.json", Need::Nothing),
    door("GET", "/api/docs", Need::Nothing),
    door("GET", "/api/docs/", Need::Nothing),
    door("GET", "/api/docs/{*rest}", Need::Nothing),
    door("GET", "/docs", Need::Nothing),
    door("POST", "/api/v1/sessions", Need::Nothing),
    door("GET", "/api/v1/sessions", VISIT),
    door("DELETE", "/api/v1/sessions", VISIT),
    door("DELETE", "/api/v1/sessions/{id}", VISIT),
    door("GET", "/api/v1/session", LOOK),
    door("DELETE", "/api/v1/session", VISIT),
    door("GET", "/api/v1/workflows", LOOK),
    door("POST", "/api/v1/workflows", START).repeats(Repeat::ById),
    door("GET", "/api/v1/workflows/{id}", LOOK),
    door("GET", "/api/v1/workflows/{id}/events", LOOK),
    door("GET", "/api/v1/workflows/{id}/story", LOOK),
    door("GET", "/api/v1/workflows/{id}/diffs", LOOK),
    door("GET", "/api/v1/workflows/{id}/interdiff", LOOK),
    door("GET", "/api/v1/workflows/{id}/patches", LOOK),
    door("GET", "/api/v1/workflows/{id}/viewed", VISIT),
    door("PUT", "/api/v1/workflows/{id}/viewed", VISIT),
    door("DELETE", "/api/v1/workflows/{id}/viewed", VISIT),
    door("GET", "/api/v1/workflows/{id}/artifacts", LOOK),
    door("GET", "/api/v1/workflows/{id}/agent-runs", LOOK),
    door("GET", "/api/v1/workflows/{id}/effect-attempts", LOOK),
    door("GET", "/api/v1/workflows/{id}/export", LOOK),
    door("POST", "/api/v1/workflows/{id}/revert", START).repeats(Repeat::ById),
    door("POST", "/api/v1/workflows/{id}/acts", DECIDE).repeats(Repeat::Answer),
    door("GET", "/api/v1/agent-runs", LOOK),
    door("GET", "/api/v1/patches/{id}", LOOK),
    door("GET", "/api/v1/requests", LOOK),
    door("GET", "/api/v1/requests/{id}", LOOK),
    door("POST", "/api/v1/requests/{id}/decisions", DECIDE).repeats(Repeat::Answer),
    door("GET", "/api/v1/requests/{id}/comments", WRITE),
    door("POST", "/api/v1/requests/{id}/comments", WRITE).repeats(Repeat::Answer),
    door("PATCH", "/api/v1/comments/{id}", WRITE),
    door("DELETE", "/api/v1/comments/{id}", WRITE),
    door("GET", "/api/v1/repositories", LOOK),
    door("POST", "/api/v1/repositories", OWN).repeats(Repeat::Answer),
    door(
        "GET",
        "/api/v1/github/repositories",
        Need::Person(Role::Maintainer),
    ),
    door("GET", "/api/v1/repositories/{id}/policy", LOOK),
    door("POST", "/api/v1/policy/preview", LOOK),
    door("GET", "/api/v1/members", LOOK),
    door("POST", "/api/v1/members", OWN).repeats(Repeat::ShownOnce),
    door("PATCH", "/api/v1/members/{id}", OWN),
    door("POST", "/api/v1/members/{id}/codes", OWN).repeats(Repeat::ShownOnce),
    door("GET", "/api/v1/keys", Need::Person(Role::Owner)),
    door("POST", "/api/v1/keys", OWN).repeats(Repeat::ShownOnce),
    door("DELETE", "/api/v1/keys/{id}", OWN),
    door("GET", "/api/v1/alarms", LOOK),
    door(
        "POST",
        "/api/v1/alarms/{id}/clear",
        Need::PersonLately(Role::Maintainer),
    )
    .repeats(Repeat::Answer),
    door("GET", "/api/v1/freezes", LOOK),
    door("POST", "/api/v1/freezes", OWN).repeats(Repeat::Answer),
    door("POST", "/api/v1/freezes/{id}/end", OWN).repeats(Repeat::Answer),
    door("GET", "/api/v1/notices", LOOK),
    door("GET", "/api/v1/usage", LOOK),
    door("GET", "/api/v1/settings", Need::Person(Role::Owner)),
    door("GET", "/api/v1/ledger", LOOK),
    door("GET", "/api/v1/ledger/entries", LOOK),
    door("GET", "/api/v1/ledger/checkpoint", LOOK),
    door("GET", "/api/v1/ledger/proofs/{sequence}", LOOK),
    door("GET", "/api/v1/ledger/consistency", LOOK),
    door("GET", "/api/v1/events", LOOK),
    door("POST", HOOKS_PATH, Need::Signature),
];

/// The row of a door.
pub fn find(method: &str, path: &str) -> Option<&'static Door> {
    // A question about a resource's headers is a question about the resource.
    let method = if method == "HEAD" { "GET" } else { method };
    DOORS.iter().find(|d| d.method == method && d.path == path)
}

/// Whoever stands before a door, in short: what the table distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Nobody known.
    Nobody,
    /// A signed-in person; `lately`: they showed who they are a short time ago.
    Person {
        /// What they are.
        role: Role,
        /// Whether that was lately.
        lately: bool,
    },
    /// An API key, and the role of the member it belongs to.
    Key {
        /// What it may do.
        scopes: &'a [Scope],
        /// What its member is.
        role: Role,
    },
}

/// Why a door stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// Nobody known stands there.
    SignIn,
    /// A key, where only people may be.
    NotForKeys,
    /// The key may do other things only.
    Scope(Scope),
    /// The role is too weak.
    Role(Role),
    /// The person has to show again who they are.
    Again,
}

/// Whether a caller may open a door.
///
/// # Errors
/// Why not.
pub fn open(need: Need, caller: Caller<'_>) -> Result<(), Shut> {
    let of_role = |role: Role, wanted: Role| {
        if role >= wanted {
            Ok(())
        } else {
            Err(Shut::Role(wanted))
        }
    };
    match (need, caller) {
        (Need::Nothing | Need::Signature, _) => Ok(()),
        (_, Caller::Nobody) => Err(Shut::SignIn),
        (Need::PersonOrKey(wanted, scope), Caller::Key { scopes, role }) => {
            if scopes.contains(&scope) {
                of_role(role, wanted)
            } else {
                Err(Shut::Scope(scope))
            }
        }
        (Need::Person(_) | Need::PersonLately(_), Caller::Key { .. }) => Err(Shut::NotForKeys),
        (Need::PersonOrKey(wanted, _) | Need::Person(wanted), Caller::Person { role, .. }) => {
            of_role(role, wanted)
        }
        (Need::PersonLately(wanted), Caller::Person { role, lately }) => {
            of_role(role, wanted)?;
            if lately { Ok(()) } else { Err(Shut::Again) }
        }
    }
}

/// The table for people, in Markdown: every door against every kind of caller.
pub fn table() -> String {
    let callers = [
        ("nobody", Caller::Nobody),
        (
            "key: read",
            Caller::Key {
                scopes: &[Scope::Read],
                role: Role::Owner,
            },
        ),
        (
            "key: submit",
            Caller::Key {
                scopes: &[Scope::Submit],
                role: Role::Owner,
            },
        ),
        (
            "viewer",
            Caller::Person {
                role: Role::Viewer,
                lately: true,
            },
        ),
        (
            "reviewer",
            Caller::Person {
                role: Role::Reviewer,
                lately: true,
            },
        ),
        (
            "maintainer",
            Caller::Person {
                role: Role::Maintainer,
                lately: true,
            },
        ),
        (
            "owner",
            Caller::Person {
                role: Role::Owner,
                lately: true,
            },
        ),
        (
            "owner, not lately",
            Caller::Person {
                role: Role::Owner,
                lately: false,
            },
        ),
    ];
    let mut out = String::from("| door |");
    for (name, _) in callers {
        out.push_str(&format!(" {name} |"));
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(callers.len()));
    for door in DOORS {
        out.push_str(&format!("\n| `{} {}` |", door.method, door.path));
        for (_, caller) in callers {
            let word = match open(door.need, caller) {
                Ok(()) if door.need == Need::Signature => "signed",
                Ok(()) => "yes",
                Err(Shut::SignIn) => "sign in",
                Err(Shut::Again) => "again",
                Err(Shut::NotForKeys | Shut::Scope(_) | Shut::Role(_)) => "no",
            };
            out.push_str(&format!(" {word} |"));
        }
    }
    out.push('\n');
    out
}
