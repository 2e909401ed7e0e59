//! An issue with everything that was said below it (<https://docs.github.com/rest/issues>): words of strangers, with who said
//! them. They are read here and judged by nobody.

use super::error::CallError;
use super::thread::own_words;
use super::{Account, Found, GitHub};
use countersign_core::forge::{self, Deed, DeedKind, Labelled, Standing};
use countersign_core::id::AccountId;
use countersign_core::notice::rendering::COMMENT_MARKER;
use countersign_core::time::Timestamp;
use countersign_ports::conversation::{Conversations, IssueText, RECENT_COMMENTS_MAX, Recent};
use countersign_ports::trees::{RepoSource, TreesError};
use serde::Deserialize;

/// Most comments of one issue that are read.
const COMMENTS_MAX: usize = 300;

/// Who said something, and how GitHub says they belong to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The account's number.
    pub id: u64,
    /// Its name.
    pub login: String,
    /// An app, not a person.
    pub bot: bool,
    /// `OWNER`, `MEMBER`, `COLLABORATOR`, `CONTRIBUTOR`, `NONE`, …
    pub association: String,
}

impl Author {
    /// Whether the repository's people vouch for them: an owner, a member or a collaborator, and no app.
    pub fn is_trusted(&self) -> bool {
        !self.bot && ["OWNER", "MEMBER", "COLLABORATOR"].contains(&self.association.as_str())
    }
}

/// Words with who said them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// Who.
    pub author: Author,
    /// What, in Markdown, exactly as GitHub gives it.
    pub body: String,
}

/// An issue and its comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its number in the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// The issue itself.
    pub opened: Spoken,
    /// What was said since, oldest first.
    pub comments: Vec<Spoken>,
    /// When anything about it changed last: its words, its comments, its labels.
    pub changed_at: Timestamp,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    title: String,
    body: Option<String>,
    user: Option<Account>,
    #[serde(default)]
    author_association: String,
    #[serde(default)]
    pull_request: Option<serde_json::Value>,
    updated_at: String,
}

#[derive(Deserialize)]
struct Comment {
    body: Option<String>,
    user: Option<Account>,
    #[serde(default)]
    author_association: String,
}

fn spoken(user: Option<Account>, association: String, body: Option<String>) -> Spoken {
    let author = match user {
        Some(user) => Author {
            id: user.id,
            bot: user.kind != "User",
            login: user.login,
            association,
        },
        // GitHub has `null` for an account that is gone.
        None => Author {
            id: 0,
            login: "ghost".to_owned(),
            bot: false,
            association: "NONE".to_owned(),
        },
    };
    Spoken {
        author,
        body: body.unwrap_or_default(),
    }
}

impl GitHub {
    /// An issue of a repository with its comments.
    ///
    /// # Errors
    /// `github-not-an-issue` for a pull request; when GitHub does not show it, or it has more than 300 comments.
    pub fn issue(&self, at: &Found, number: u64) -> Result<Thread, TreesError> {
        let doing = format!("Reading issue #{number} of {}", at.full_name);
        let path = format!("/repos/{}/issues/{number}/comments", at.full_name);
        // Before the issue: what comes in between changes its time, and is not what whoever started it saw.
        let comments = self
            .api
            .list(&at.id, &path, COMMENTS_MAX, |page: Vec<Comment>| page)
            .map_err(|e| e.reading(&doing))?;
        let said = |c: Comment| spoken(c.user, c.author_association, c.body);
        let comments = self.without_ours(at, comments)?;
        let mut thread = self.opened(at, number)?;
        thread.comments = comments.into_iter().map(said).collect();
        Ok(thread)
    }

    /// The same without what was said below it.
    fn opened(&self, at: &Found, number: u64) -> Result<Thread, TreesError> {
        let doing = format!("Reading issue #{number} of {}", at.full_name);
        let path = format!("/repos/{}/issues/{number}", at.full_name);
        let issue: Issue = self.api.get(&at.id, &path).map_err(|e| e.reading(&doing))?;
        if issue.pull_request.is_some() {
            return Err(TreesError::Unsupported {
                code: "github-not-an-issue",
                message: format!("#{number} of {} is a pull request. Name an issue.", at.full_name),
            });
        }
        if issue.number != number {
            let why = format!("it shows #{} instead", issue.number);
            return Err(CallError::Odd { why }.reading(&doing));
        }
        let changed_at = moment(&issue.updated_at).map_err(|e| e.reading(&doing))?;
        Ok(Thread {
            number,
            changed_at,
            title: issue.title,
            opened: spoken(issue.user, issue.author_association, issue.body),
            comments: Vec::new(),
        })
    }
}

impl GitHub {
    /// What we said ourselves about earlier workflows is no part of the issue.
    fn without_ours(&self, at: &Found, mut comments: Vec<Comment>) -> Result<Vec<Comment>, TreesError> {
        let marked = |c: &Comment| c.body.as_deref().is_some_and(|b| b.starts_with(COMMENT_MARKER));
        if comments.iter().any(marked) && self.api.settings().credentials.say_who() {
            let us = self.account(&at.id)?.id;
            comments.retain(|c| !(marked(c) && c.user.as_ref().is_some_and(|user| user.id == us)));
        }
        Ok(comments)
    }
}

/// A comment with what tells whether it is still what somebody wrote.
#[derive(Deserialize)]
struct OneComment {
    id: u64,
    body: Option<String>,
    user: Option<Account>,
    created_at: String,
    updated_at: String,
    issue_url: String,
    html_url: String,
    #[serde(default)]
    performed_via_github_app: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Permitted {
    permission: String,
    user: Option<Account>,
}

pub(super) fn moment(text: &str) -> Result<Timestamp, CallError> {
    Timestamp::from_rfc3339(text).ok_or_else(|| CallError::Odd {
        why: "it names a time that is none".to_owned(),
    })
}

impl OneComment {
    fn told(self) -> Result<forge::Comment, CallError> {
        let issue = self.issue_url.rsplit('/').next().and_then(|n| n.parse().ok());
        let issue = issue.ok_or_else(|| CallError::Odd {
            why: "it does not say which issue the comment is on".to_owned(),
        })?;
        let person = |user: &Account| user.kind == "User";
        let deed = Deed {
            kind: DeedKind::Comment {
                edited: self.created_at != self.updated_at,
            },
            number: self.id,
            issue,
            on_pull_request: self.html_url.contains("/pull/"),
            is_person: self.user.as_ref().is_some_and(person),
            by: AccountId(self.user.as_ref().map_or(0, |u| u.id)),
            login: self.user.map(|u| u.login).unwrap_or_default(),
            by_app: self.performed_via_github_app.is_some(),
            at: moment(&self.created_at)?,
        };
        Ok(forge::Comment {
            deed,
            body: self.body.unwrap_or_default(),
        })
    }
}

impl Conversations for GitHub {
    fn comment(&self, repo: &RepoSource, number: u64) -> Result<Option<forge::Comment>, TreesError> {
        let at = self.by_id(&repo.id)?;
        let doing = format!("Reading comment {number} of {}", at.full_name);
        let path = format!("/repos/{}/issues/comments/{number}", at.full_name);
        let read = match self.api.get::<OneComment>(&at.id, &path) {
            Err(CallError::Refused { status: 404, .. }) => return Ok(None),
            read => read.and_then(OneComment::told).map_err(|e| e.reading(&doing))?,
        };
        match read.deed.number == number {
            true => Ok(Some(read)),
            false => Err(CallError::Odd {
                why: "it shows another comment instead".to_owned(),
            }
            .reading(&doing)),
        }
    }

    /// <https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository>
    fn recent_comments(&self, repo: &RepoSource, since: Timestamp) -> Result<Recent, TreesError> {
        let at = self.by_id(&repo.id)?;
        let doing = format!("Looking for new comments in {}", at.full_name);
        // GitHub's times have whole seconds.
        let since = Timestamp(since.0 / 1_000 * 1_000)
            .to_rfc3339()
            .replace(".000", "");
        let path = format!(
            "/repos/{}/issues/comments?since={since}&sort=updated&direction=asc",
            at.full_name
        );
        let first = self
            .api
            .list_first(&at.id, &path, RECENT_COMMENTS_MAX, |page: Vec<OneComment>| page);
        let (all, is_whole) = first.map_err(|e| e.reading(&doing))?;
        let last = all.last().and_then(|c| Timestamp::from_rfc3339(&c.updated_at));
        let readable = |c: OneComment| {
            let number = c.id;
            let told = c.told();
            if let Err(error) = &told {
                tracing::warn!(repository = %repo.id, comment = number, %error, "a comment can't be read");
            }
            told.ok()
        };
        Ok(Recent {
            comments: all.into_iter().filter_map(readable).collect(),
            more_since: last.filter(|_| !is_whole),
        })
    }

    fn labelled(&self, repo: &RepoSource, event: u64) -> Result<Option<Labelled>, TreesError> {
        self.event(&self.by_id(&repo.id)?, event)
    }

    fn recent_labels(
        &self,
        repo: &RepoSource,
        label: &str,
        since: Timestamp,
    ) -> Result<Vec<u64>, TreesError> {
        self.labels_since(&self.by_id(&repo.id)?, label, since)
    }

    /// <https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user>. Its word for who may
    /// push is `write` or `admin`; a maintainer's is `write`.
    fn standing(&self, repo: &RepoSource, login: &str) -> Result<Option<Standing>, TreesError> {
        let at = self.by_id(&repo.id)?;
        let doing = format!("Asking what somebody may do in {}", at.full_name);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if login.is_empty() || !login.bytes().all(plain) {
            return Ok(None);
        }
        let path = format!("/repos/{}/collaborators/{login}/permission", at.full_name);
        match self.api.get::<Permitted>(&at.id, &path) {
            Ok(Permitted { permission, user }) => Ok(user.map(|user| Standing {
                account: AccountId(user.id),
                may_write: ["admin", "write"].contains(&permission.as_str()),
            })),
            Err(CallError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.reading(&doing)),
        }
    }

    fn says_still(&self, repo: &RepoSource, issue: u64, text: &str) -> Result<bool, TreesError> {
        let now = self.opened(&self.by_id(&repo.id)?, issue)?.told("", "");
        Ok(own_words(&now) == own_words(text))
    }

    fn issue(&self, repo: &RepoSource, number: u64) -> Result<IssueText, TreesError> {
        let at = self.by_id(&repo.id)?;
        let thread = self.issue(&at, number)?;
        let server = &self.api.settings().server_url;
        let host = server.split_once("://").map_or(server.as_str(), |(_, host)| host);
        let place = format!("{}#{number}", at.full_name);
        Ok(IssueText {
            text: thread.told(&place, host),
            place,
            number,
            trusted: thread.opened.author.is_trusted(),
            changed_at: thread.changed_at,
        })
    }
}
