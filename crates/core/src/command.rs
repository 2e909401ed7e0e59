//! Commands on a forge, by comments and by a label: what one says, and whether whoever gave it may give it.
//!
//! Only a comment's first line counts, unquoted and exactly so; a comment that was edited, or that an app wrote, says nothing
//! (hazard 48). A label says one thing: start. Whoever commands may write to the repository by what the forge says now, and is a
//! member (hazards 2 and 36).

use crate::feedback::Metadata;
use crate::forge::{Deed, DeedKind, Standing};
use crate::id::{MemberId, RepositoryId};
use crate::member::{Member, Role};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a command begins with.
pub const PREFIX: &str = "/countersign";

/// The key under which a workflow says from which issue a comment started it: [`started_from`]. No caller can give it.
pub const STARTED_FROM: &str = "countersign.started-from";
/// The key under which a workflow says from which issue somebody imported it, at a terminal or over HTTP: as [`STARTED_FROM`].
/// Nobody asked below the issue, so nothing is said there but answers. No caller can give it.
pub const IMPORTED_FROM: &str = "countersign.imported-from";
/// The key with the same for people: `octo/hello#7`.
pub const ISSUE: &str = "countersign.issue";

/// An issue as [`STARTED_FROM`] has it: `github-1296269#7`.
pub fn started_from(repository: &RepositoryId, issue: u64) -> String {
    format!("{repository}#{issue}")
}

/// Reads what [`started_from`] made; `None` where it is something else.
pub fn read_started_from(text: &str) -> Option<(RepositoryId, u64)> {
    let (repository, issue) = text.split_once('#')?;
    let (repository, issue) = (
        RepositoryId::try_from(repository.to_owned()).ok()?,
        issue.parse().ok()?,
    );
    (started_from(&repository, issue) == text).then_some((repository, issue))
}

/// The issue that a workflow is of, whoever began it where.
pub fn issue_of(metadata: &Metadata) -> Option<(RepositoryId, u64)> {
    let mut keys = [STARTED_FROM, IMPORTED_FROM].into_iter();
    keys.find_map(|key| read_started_from(metadata.get(key)?))
}

/// What the workflows of an issue carry: one of these.
pub fn carried(repository: &RepositoryId, issue: u64) -> [Metadata; 2] {
    let from = started_from(repository, issue);
    [STARTED_FROM, IMPORTED_FROM].map(|key| Metadata::from([(key.to_owned(), from.clone())]))
}

/// What is commanded. Digests are whole: 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Begin a workflow with the issue as it stands.
    Start,
    /// Say how it stands.
    Status,
    /// Yes, to exactly that.
    Approve {
        /// Of what was seen.
        digest: String,
    },
    /// No, for good.
    Reject {
        /// Of what was seen.
        digest: String,
        /// Why.
        reason: String,
    },
    /// Not like this.
    Changes {
        /// Of what was seen.
        digest: String,
        /// What should be different.
        comment: String,
    },
    /// Do the step that stopped once more.
    Retry {
        /// Of what was seen.
        digest: String,
    },
    /// Stop, and take out of play what was written.
    Cancel {
        /// Why.
        reason: String,
    },
}

/// What a comment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing to us.
    Nothing,
    /// Something to us that is no command.
    Unclear(Unclear),
    /// A command.
    Command(Command),
}

/// What keeps words to us from being a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unclear {
    /// There is no such command.
    Unknown,
    /// The digest is missing, or is not whole.
    NoDigest,
    /// More stands on the line of a command that takes no more.
    WordsBeside,
    /// The reason is missing, or what should be different.
    NoReason,
}

impl Unclear {
    /// Every one of them.
    pub const ALL: [Unclear; 4] = [
        Unclear::Unknown,
        Unclear::NoDigest,
        Unclear::WordsBeside,
        Unclear::NoReason,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Unclear::Unknown => "unknown-command",
            Unclear::NoDigest => "digest-missing",
            Unclear::WordsBeside => "words-beside",
            Unclear::NoReason => "reason-missing",
        }
    }

    /// What whoever wrote it is told.
    fn answer(self) -> &'static str {
        match self {
            Unclear::Unknown => {
                "That is no command. There are: start, status, approve DIGEST, reject DIGEST why, changes DIGEST what, \
                 retry DIGEST, cancel why."
            }
            Unclear::NoDigest => {
                "That needs the whole digest of what waits, 64 hex digits, right behind the command. The request's page shows it."
            }
            Unclear::WordsBeside => {
                "start and status stand alone on their line; approve and retry with the digest alone. Say anything else on the lines \
                 below."
            }
            Unclear::NoReason => {
                "That needs words of its own: why, or what should be different, behind it or on the lines below."
            }
        }
    }
}

/// Reads a comment's words. Where a command takes words of its own, they are the rest of the first line and all lines
/// below it; one that takes none is no command with a word more (hazard 8: "approve … but not yet" approves nothing).
pub fn read(body: &str) -> Said {
    let (first, below) = body.split_once('\n').unwrap_or((body, ""));
    let Some(rest) = first.strip_prefix(PREFIX) else {
        return Said::Nothing;
    };
    if !rest.is_empty() && !rest.starts_with([' ', '\t', '\r']) {
        return Said::Nothing;
    }
    let (verb, rest) = word(rest);
    let (digest, more) = word(rest);
    let digest = is_digest(digest).then(|| digest.to_ascii_lowercase());
    let words = |line: &str| format!("{line}\n{below}").trim().replace("\r\n", "\n");
    let alone = |beside: &str, command: Command| match beside.is_empty() {
        true => Said::Command(command),
        false => Said::Unclear(Unclear::WordsBeside),
    };
    let because = |line: &str, command: &dyn Fn(String) -> Command| match words(line) {
        none if none.is_empty() => Said::Unclear(Unclear::NoReason),
        given => Said::Command(command(given)),
    };
    match (verb, digest) {
        ("start", _) => alone(rest, Command::Start),
        ("status", _) => alone(rest, Command::Status),
        ("approve", Some(digest)) => alone(more, Command::Approve { digest }),
        ("retry", Some(digest)) => alone(more, Command::Retry { digest }),
        ("reject", Some(digest)) => because(more, &|reason| Command::Reject {
            digest: digest.clone(),
            reason,
        }),
        ("changes", Some(digest)) => because(more, &|comment| Command::Changes {
            digest: digest.clone(),
            comment,
        }),
        ("cancel", _) => because(rest, &|reason| Command::Cancel { reason }),
        ("approve" | "retry" | "reject" | "changes", None) => Said::Unclear(Unclear::NoDigest),
        (_, _) => Said::Unclear(Unclear::Unknown),
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_ascii();
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_ascii())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What a comment, or a label that starts, came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Outcome {
    /// A workflow began with it.
    Started,
    /// One from that issue is under way.
    AlreadyStarted,
    /// It is a decision, and was taken.
    Decided,
    /// How its workflow stands was asked for.
    Shown,
    /// Nothing with that digest waits there.
    NothingWaits,
    /// What waits is nothing that stopped.
    NothingToRetry,
    /// Not every file of what it approves was viewed.
    NotViewed,
    /// The issue was edited after its author looked at what they approve.
    ViewedBeforeEdit,
    /// It says nothing to us.
    NoCommand,
    /// It says something to us that is no command.
    Unclear(Unclear),
    /// It is not there any more, or its issue or its repository isn't.
    Gone,
    /// Its words, the issue's, or the decision can't be taken.
    Refused,
    /// It could not be looked up.
    NotFollowed,
    /// Whoever did it may not, or not like this.
    Denied(Denial),
}

impl Outcome {
    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Outcome> {
        [
            Outcome::Started,
            Outcome::AlreadyStarted,
            Outcome::Decided,
            Outcome::Shown,
            Outcome::NothingWaits,
            Outcome::NothingToRetry,
            Outcome::NotViewed,
            Outcome::ViewedBeforeEdit,
            Outcome::NoCommand,
            Outcome::Gone,
            Outcome::Refused,
            Outcome::NotFollowed,
        ]
        .into_iter()
        .chain(Unclear::ALL.into_iter().map(Outcome::Unclear))
        .chain(Denial::ALL.into_iter().map(Outcome::Denied))
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Outcome::Started => "started",
            Outcome::AlreadyStarted => "already-started",
            Outcome::Decided => "decided",
            Outcome::Shown => "shown",
            Outcome::NothingWaits => "nothing-waits",
            Outcome::NothingToRetry => "nothing-to-retry",
            Outcome::NotViewed => "not-viewed",
            Outcome::ViewedBeforeEdit => "viewed-before-edit",
            Outcome::NoCommand => "no-command",
            Outcome::Unclear(unclear) => unclear.code(),
            Outcome::Gone => "comment-gone",
            Outcome::Refused => "refused",
            Outcome::NotFollowed => "not-followed",
            Outcome::Denied(denial) => denial.code(),
        }
    }

    /// What its author is told; `None`: nothing. Only somebody who may write to the repository is answered, so that no
    /// passer-by can make us speak.
    pub fn answer(self) -> Option<Answer> {
        let not = |why: &'static str| Some(Answer::Not(why));
        match self {
            Outcome::Started | Outcome::Decided | Outcome::Shown => Some(Answer::Followed),
            Outcome::AlreadyStarted => {
                not("A workflow from this issue is under way already; it can be cancelled first.")
            }
            Outcome::NothingWaits => not(
                "No workflow from here is under way, or nothing with that digest waits. The page shows what does.",
            ),
            Outcome::NotViewed => {
                not("Approving by a comment needs every file marked as viewed on the request's page first.")
            }
            Outcome::ViewedBeforeEdit => not(
                "The issue was edited after the files were marked as viewed; what waits is about the text before. Look at the \
                 request's page once more, take a mark off and put it on again, or decide on the page.",
            ),
            Outcome::NothingToRetry => not(
                "Nothing there stopped that can be done once more. The page says what waits, and what can be said to it.",
            ),
            Outcome::Unclear(unclear) => not(unclear.answer()),
            Outcome::Refused => {
                not("It was refused. The page says why; the words may hold what looks like a secret.")
            }
            // Who wrote it may be unknown.
            Outcome::NotFollowed | Outcome::NoCommand | Outcome::Gone => None,
            Outcome::Denied(denial) => match denial {
                Denial::OnPullRequest => not("A workflow starts from an issue, and this is a pull request."),
                Denial::NotLinked => not(
                    "No member has this account. An owner links it: `countersign member link NAME NUMBER`.",
                ),
                Denial::RoleTooWeak => not("This member may only look; commands need a reviewer or more."),
                Denial::ChangedSince => {
                    not("The issue changed after that was written. Look at it again and say it once more.")
                }
                Denial::NotAPerson | Denial::ByApp | Denial::ByUs | Denial::Edited | Denial::MayNotWrite => {
                    None
                }
            },
        }
    }

    /// Why a label did not start anything, as whoever put it there is told; `None`: they are told nothing. What a start came to
    /// stands in the workflow's own comment.
    pub fn label_answer(self) -> Option<&'static str> {
        match (self, self.answer()) {
            (Outcome::Denied(Denial::ChangedSince), _) => Some(
                "The issue changed after the label was put on it. Look at it again, take the label off and put it on once more.",
            ),
            (Outcome::Denied(Denial::ByUs), _) => Some(
                "The account that Countersign itself uses put the label there, and by that one nothing starts. \
                 Use another account for one of the two.",
            ),
            (_, Some(Answer::Not(why))) => Some(why),
            (_, Some(Answer::Followed) | None) => None,
        }
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        outcome.code().to_owned()
    }
}

impl TryFrom<String> for Outcome {
    type Error = &'static str;
    fn try_from(code: String) -> Result<Self, Self::Error> {
        let mut all = Outcome::all();
        all.find(|o| o.code() == code)
            .ok_or("a comment does not come to that")
    }
}

/// What the author of a command is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was followed.
    Followed,
    /// It was not: why, and what to do.
    Not(&'static str),
}

/// Why a command is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Denial {
    /// An app's account did it.
    #[error("an app did it; only people command")]
    NotAPerson,
    /// A person's account did it through an app.
    #[error("it was done through an app; only people command")]
    ByApp,
    /// The account that we use ourselves put the label there.
    #[error("our own account put the label there; only others command by it")]
    ByUs,
    /// It does not say any more what it said when it was written.
    #[error("the comment was edited after it was written; say it in a new one")]
    Edited,
    /// There is no issue to start from.
    #[error("this is a pull request, and a workflow starts from an issue")]
    OnPullRequest,
    /// The forge says that they may not write there, or does not say that they may.
    #[error("whoever did it may not write to this repository")]
    MayNotWrite,
    /// Nobody here has that account.
    #[error("no member has the account that did it; an owner links it: countersign member link")]
    NotLinked,
    /// The member may only look.
    #[error("the member may only look; commanding needs a reviewer or more")]
    RoleTooWeak,
    /// Something about the issue changed after the command, so it is not what they saw.
    #[error("the issue changed after this; look at it again and say it once more")]
    ChangedSince,
}

impl Denial {
    /// Every one of them.
    pub const ALL: [Denial; 9] = [
        Denial::NotAPerson,
        Denial::ByApp,
        Denial::ByUs,
        Denial::Edited,
        Denial::OnPullRequest,
        Denial::MayNotWrite,
        Denial::NotLinked,
        Denial::RoleTooWeak,
        Denial::ChangedSince,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Denial::NotAPerson => "not-a-person",
            Denial::ByApp => "written-by-app",
            Denial::ByUs => "own-account",
            Denial::Edited => "comment-edited",
            Denial::OnPullRequest => "not-an-issue",
            Denial::MayNotWrite => "may-not-write",
            Denial::NotLinked => "account-not-linked",
            Denial::RoleTooWeak => "role-too-weak",
            Denial::ChangedSince => "issue-changed",
        }
    }
}

/// Whether that is what a person did themselves, as they did it. Asked before anything is looked up about them.
///
/// # Errors
/// Why not.
pub fn check_deed(deed: &Deed) -> Result<(), Denial> {
    if !deed.is_person {
        return Err(Denial::NotAPerson);
    }
    if deed.by_app {
        return Err(Denial::ByApp);
    }
    match deed.kind {
        DeedKind::Comment { edited: true } => Err(Denial::Edited),
        DeedKind::Label { ours: true } => Err(Denial::ByUs),
        DeedKind::Comment { edited: false } | DeedKind::Label { ours: false } => Ok(()),
    }
}

/// Whose command that is. `standing`: what the forge says now of the account behind the name of whoever did it; `None` where
/// it does not say. `member`: whose account that is. What the member may decide is judged where every decision is.
///
/// # Errors
/// Why it is nobody's.
pub fn commander(
    deed: &Deed,
    standing: Option<Standing>,
    member: Option<&Member>,
) -> Result<MemberId, Denial> {
    check_deed(deed)?;
    // A name can be taken over; the number can't.
    let may_write = standing.is_some_and(|s| s.may_write && s.account == deed.by);
    if !may_write {
        return Err(Denial::MayNotWrite);
    }
    let member = member.ok_or(Denial::NotLinked)?;
    match member.role {
        Role::Viewer => Err(Denial::RoleTooWeak),
        Role::Reviewer | Role::Maintainer | Role::Owner => Ok(member.id.clone()),
    }
}

/// What is started is an issue, and what whoever commanded it saw: nothing about it changed since. Times of a forge are
/// whole seconds; what happens within the command's own second can't be told apart from it. `None`: not looked up yet.
///
/// # Errors
/// [`Denial::OnPullRequest`], [`Denial::ChangedSince`].
pub fn check_startable(deed: &Deed, issue_changed_at: Option<Timestamp>) -> Result<(), Denial> {
    if deed.on_pull_request {
        return Err(Denial::OnPullRequest);
    }
    match issue_changed_at.is_none_or(|at| at <= deed.at) {
        true => Ok(()),
        false => Err(Denial::ChangedSince),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AccountId;

    const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn only_an_unquoted_first_line_that_is_exactly_a_command_is_one() {
        let start = || Said::Command(Command::Start);
        let digest = || DIGEST.to_owned();
        let approved = || Said::Command(Command::Approve { digest: digest() });
        let cancelled = |reason: &str| {
            Said::Command(Command::Cancel {
                reason: reason.to_owned(),
            })
        };
        for (body, said) in [
            ("/countersign start".to_owned(), start()),
            ("/countersign   start \r\nbecause it is time".to_owned(), start()),
            ("/countersign status".to_owned(), Said::Command(Command::Status)),
            (format!("/countersign approve {DIGEST}"), approved()),
            (format!("/countersign approve {DIGEST}\r\nWell done."), approved()),
            (
                format!("/countersign approve {}", DIGEST.to_uppercase()),
                approved(),
            ),
            (
                format!("/countersign reject {DIGEST} not now\r\n\r\nnor ever\r\n"),
                Said::Command(Command::Reject {
                    digest: digest(),
                    reason: "not now\n\nnor ever".to_owned(),
                }),
            ),
            (
                format!("/countersign changes {DIGEST}\nSay it in grams."),
                Said::Command(Command::Changes {
                    digest: digest(),
                    comment: "Say it in grams.".to_owned(),
                }),
            ),
            (
                format!("/countersign retry {DIGEST}"),
                Said::Command(Command::Retry { digest: digest() }),
            ),
            (
                "/countersign cancel it was wrong".to_owned(),
                cancelled("it was wrong"),
            ),
        ] {
            assert_eq!(read(&body), said, "{body:?}");
        }
        for (unclear, why) in [
            ("/countersign", Unclear::Unknown),
            ("/countersign stop", Unclear::Unknown),
            ("/countersign Start", Unclear::Unknown),
            (&format!("/countersign\napprove {DIGEST}"), Unclear::Unknown),
            ("/countersign start now", Unclear::WordsBeside),
            ("/countersign status please", Unclear::WordsBeside),
            (&format!("/countersign start {DIGEST}"), Unclear::WordsBeside),
            (
                &format!("/countersign approve {DIGEST} but not yet"),
                Unclear::WordsBeside,
            ),
            (
                &format!("/countersign retry {DIGEST} later"),
                Unclear::WordsBeside,
            ),
            ("/countersign approve", Unclear::NoDigest),
            ("/countersign approve 00112233", Unclear::NoDigest),
            (&format!("/countersign approve {DIGEST}0"), Unclear::NoDigest),
            (
                &format!("/countersign reject {}", &DIGEST[1..]),
                Unclear::NoDigest,
            ),
            (&format!("/countersign reject {DIGEST}"), Unclear::NoReason),
            (&format!("/countersign changes {DIGEST} \r\n "), Unclear::NoReason),
            ("/countersign cancel", Unclear::NoReason),
        ] {
            assert_eq!(read(unclear), Said::Unclear(why), "{unclear:?}");
        }
        for nothing in [
            "/countersignstart",
            "/Countersign start",
            " /countersign start",
            "> /countersign start",
            "`/countersign start`",
            "\u{200b}/countersign start",
            "please\n/countersign start",
            "\n/countersign start",
            "/countersign\u{a0}start",
            "",
        ] {
            assert_eq!(read(nothing), Said::Nothing, "{nothing:?}");
        }
    }

    fn deed() -> Deed {
        Deed {
            kind: DeedKind::Comment { edited: false },
            number: 9,
            issue: 7,
            on_pull_request: false,
            by: AccountId(7),
            login: "octo".to_owned(),
            is_person: true,
            by_app: false,
            at: Timestamp(1),
        }
    }

    fn member(role: Role) -> Member {
        Member {
            id: MemberId::parse("mb_octo").expect("an id"),
            person: "octo".to_owned(),
            name: "Octo".to_owned(),
            role,
            active: true,
        }
    }

    #[test]
    fn each_condition_denies_alone() {
        let (fine, owner) = (deed(), member(Role::Owner));
        let standing = |account: u64, may_write| {
            Some(Standing {
                account: AccountId(account),
                may_write,
            })
        };
        let yes = standing(7, true);
        assert_eq!(commander(&fine, yes, Some(&owner)), Ok(owner.id.clone()));
        let label = |ours| Deed {
            kind: DeedKind::Label { ours },
            ..deed()
        };
        assert_eq!(commander(&label(false), yes, Some(&owner)), Ok(owner.id.clone()));
        let with = |change: fn(&mut Deed)| {
            let mut changed = deed();
            change(&mut changed);
            commander(&changed, yes, Some(&owner)).expect_err("one thing is wrong")
        };
        assert_eq!(with(|d| d.is_person = false), Denial::NotAPerson);
        assert_eq!(with(|d| d.by_app = true), Denial::ByApp);
        let edited = |d: &mut Deed| d.kind = DeedKind::Comment { edited: true };
        assert_eq!(with(edited), Denial::Edited);
        assert_eq!(with(|d| d.kind = DeedKind::Label { ours: true }), Denial::ByUs);
        let mut on_pull_request = deed();
        on_pull_request.on_pull_request = true;
        assert_eq!(
            commander(&on_pull_request, yes, Some(&owner)),
            Ok(owner.id.clone())
        );
        assert_eq!(
            check_startable(&on_pull_request, None),
            Err(Denial::OnPullRequest)
        );
        for nobody in [None, standing(7, false), standing(8, true)] {
            assert_eq!(commander(&fine, nobody, Some(&owner)), Err(Denial::MayNotWrite));
        }
        assert_eq!(commander(&fine, yes, None), Err(Denial::NotLinked));
        assert_eq!(check_startable(&fine, Some(Timestamp(1))), Ok(()));
        assert_eq!(
            check_startable(&fine, Some(Timestamp(1_001))),
            Err(Denial::ChangedSince)
        );
        let viewer = member(Role::Viewer);
        assert_eq!(commander(&fine, yes, Some(&viewer)), Err(Denial::RoleTooWeak));
    }

    #[test]
    fn an_outcome_is_its_code_and_codes_are_different() {
        let codes: std::collections::BTreeSet<&str> = Outcome::all().map(Outcome::code).collect();
        assert_eq!(codes.len(), Outcome::all().count());
        for outcome in Outcome::all() {
            assert_eq!(Outcome::try_from(outcome.code().to_owned()), Ok(outcome));
        }
    }

    #[test]
    fn whoever_put_a_label_is_told_why_nothing_started_and_how_to_say_it_again() {
        for outcome in Outcome::all() {
            let told = outcome.label_answer();
            if outcome == Outcome::Denied(Denial::ChangedSince) {
                assert!(told.is_some_and(|t| t.contains("take the label off")), "{told:?}");
            } else if outcome == Outcome::Denied(Denial::ByUs) {
                assert!(told.is_some() && outcome.answer().is_none());
            } else if [Outcome::Started, Outcome::Denied(Denial::MayNotWrite)].contains(&outcome) {
                assert_eq!(told, None);
            } else {
                assert_eq!(told.is_some(), matches!(outcome.answer(), Some(Answer::Not(_))));
            }
        }
    }

    #[test]
    fn where_a_workflow_was_started_from_is_read_back_exactly() {
        let hello = RepositoryId::github(1_296_269);
        let text = started_from(&hello, 7);
        assert_eq!(text, "github-1296269#7");
        assert_eq!(read_started_from(&text), Some((hello, 7)));
        for odd in [
            "",
            "github-1#",
            "github-1#07",
            "github-1#+7",
            "github-01#7",
            "hub-1#7",
            "github-1#7#8",
        ] {
            assert_eq!(read_started_from(odd), None, "{odd}");
        }
    }
}
