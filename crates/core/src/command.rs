//! Commands in comments on a forge: what one says, and whether whoever wrote it may say it.
//!
//! Only the first line counts, unquoted and exactly so; a comment that was edited, or that an app wrote, says nothing
//! (hazard 48). Whoever commands may write to the repository by what the forge says now, and is a member (hazards 2 and 36).

use crate::forge::{Comment, Standing};
use crate::id::MemberId;
use crate::member::{Member, Role};
use crate::time::Timestamp;

/// What a command begins with.
pub const PREFIX: &str = "/countersign";

/// What is commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Begin a workflow with the issue as it stands.
    Start,
}

/// What a comment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nothing to us.
    Nothing,
    /// Something to us that is no command.
    Unknown,
    /// A command.
    Command(Command),
}

/// Reads a comment's words.
pub fn read(body: &str) -> Said {
    let first = body.lines().next().unwrap_or_default();
    let Some(rest) = first.strip_prefix(PREFIX) else {
        return Said::Nothing;
    };
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return Said::Nothing;
    }
    match rest.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        ["start"] => Said::Command(Command::Start),
        [..] => Said::Unknown,
    }
}

/// Why a command is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// An app's account wrote it.
    #[error("an app wrote it; only people command")]
    NotAPerson,
    /// A person's account wrote it through an app.
    #[error("it was written through an app; only people command")]
    ByApp,
    /// It does not say any more what it said when it was written.
    #[error("the comment was edited after it was written; say it in a new one")]
    Edited,
    /// There is no issue to start from.
    #[error("this is a pull request, and a workflow starts from an issue")]
    OnPullRequest,
    /// The forge says that they may not write there, or does not say that they may.
    #[error("whoever wrote it may not write to this repository")]
    MayNotWrite,
    /// Nobody here has that account.
    #[error("no member has the account that wrote it; an owner links it: countersign member link")]
    NotLinked,
    /// The member may not start workflows.
    #[error("the member may only look; starting needs a reviewer or more")]
    RoleTooWeak,
    /// Something about the issue changed after the command, so it is not what they saw.
    #[error("the issue changed after this was written; look at it again and say it once more")]
    ChangedSince,
}

impl Denial {
    /// Every one of them.
    pub const ALL: [Denial; 8] = [
        Denial::NotAPerson,
        Denial::ByApp,
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
            Denial::Edited => "comment-edited",
            Denial::OnPullRequest => "not-an-issue",
            Denial::MayNotWrite => "may-not-write",
            Denial::NotLinked => "account-not-linked",
            Denial::RoleTooWeak => "role-too-weak",
            Denial::ChangedSince => "issue-changed",
        }
    }
}

/// Whether the words of that comment are a person's own, as they wrote them. Asked before anything is looked up about them.
///
/// # Errors
/// Why not.
pub fn check_words(comment: &Comment) -> Result<(), Denial> {
    if !comment.is_person {
        Err(Denial::NotAPerson)
    } else if comment.by_app {
        Err(Denial::ByApp)
    } else if comment.edited {
        Err(Denial::Edited)
    } else {
        Ok(())
    }
}

/// Who starts a workflow by that comment. `standing`: what the forge says now of the account behind the author's name;
/// `None` where it does not say. `member`: whose account the author's is.
///
/// # Errors
/// Why nobody does.
pub fn may_start(
    comment: &Comment,
    standing: Option<Standing>,
    member: Option<&Member>,
) -> Result<MemberId, Denial> {
    check_words(comment)?;
    if comment.on_pull_request {
        return Err(Denial::OnPullRequest);
    }
    // A name can be taken over; the number can't.
    let may_write = standing.is_some_and(|s| s.may_write && s.account == comment.author);
    if !may_write {
        return Err(Denial::MayNotWrite);
    }
    let member = member.ok_or(Denial::NotLinked)?;
    match member.role {
        Role::Viewer => Err(Denial::RoleTooWeak),
        Role::Reviewer | Role::Maintainer | Role::Owner => Ok(member.id.clone()),
    }
}

/// What is started is what the author of the command saw: nothing about the issue changed since. Times of a forge are whole
/// seconds; what happens within the command's own second can't be told apart from it.
///
/// # Errors
/// [`Denial::ChangedSince`].
pub fn check_unchanged(comment: &Comment, issue_changed_at: Timestamp) -> Result<(), Denial> {
    match issue_changed_at <= comment.written_at {
        true => Ok(()),
        false => Err(Denial::ChangedSince),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AccountId;

    #[test]
    fn only_an_unquoted_first_line_that_is_exactly_a_command_is_one() {
        let start = Said::Command(Command::Start);
        for (body, said) in [
            ("/countersign start", start),
            ("/countersign   start \r\nbecause it is time", start),
            ("/countersign", Said::Unknown),
            ("/countersign stop", Said::Unknown),
            ("/countersign start now", Said::Unknown),
            ("/countersign Start", Said::Unknown),
            ("/countersignstart", Said::Nothing),
            ("/Countersign start", Said::Nothing),
            (" /countersign start", Said::Nothing),
            ("> /countersign start", Said::Nothing),
            ("`/countersign start`", Said::Nothing),
            ("\u{200b}/countersign start", Said::Nothing),
            ("please\n/countersign start", Said::Nothing),
            ("\n/countersign start", Said::Nothing),
            ("/countersign\u{a0}start", Said::Nothing),
            ("", Said::Nothing),
        ] {
            assert_eq!(read(body), said, "{body:?}");
        }
    }

    fn comment() -> Comment {
        Comment {
            number: 9,
            issue: 7,
            on_pull_request: false,
            author: AccountId(7),
            login: "octo".to_owned(),
            is_person: true,
            by_app: false,
            edited: false,
            written_at: Timestamp(1),
            body: "/countersign start".to_owned(),
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
        let (fine, owner) = (comment(), member(Role::Owner));
        let standing = |account: u64, may_write| {
            Some(Standing {
                account: AccountId(account),
                may_write,
            })
        };
        let yes = standing(7, true);
        assert_eq!(may_start(&fine, yes, Some(&owner)), Ok(owner.id.clone()));
        let with = |change: fn(&mut Comment)| {
            let mut changed = comment();
            change(&mut changed);
            may_start(&changed, yes, Some(&owner)).expect_err("one thing is wrong")
        };
        assert_eq!(with(|c| c.is_person = false), Denial::NotAPerson);
        assert_eq!(with(|c| c.by_app = true), Denial::ByApp);
        assert_eq!(with(|c| c.edited = true), Denial::Edited);
        assert_eq!(with(|c| c.on_pull_request = true), Denial::OnPullRequest);
        for nobody in [None, standing(7, false), standing(8, true)] {
            assert_eq!(may_start(&fine, nobody, Some(&owner)), Err(Denial::MayNotWrite));
        }
        assert_eq!(may_start(&fine, yes, None), Err(Denial::NotLinked));
        assert_eq!(check_unchanged(&fine, Timestamp(1)), Ok(()));
        assert_eq!(
            check_unchanged(&fine, Timestamp(1_001)),
            Err(Denial::ChangedSince)
        );
        let viewer = member(Role::Viewer);
        assert_eq!(may_start(&fine, yes, Some(&viewer)), Err(Denial::RoleTooWeak));
    }
}
