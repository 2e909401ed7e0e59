//! An issue with everything that was said below it (<https://docs.github.com/rest/issues>): words of strangers, with who said
//! them. They are read here and judged by nobody.

use super::error::CallError;
use super::{Account, Found, GitHub};
use countersign_ports::trees::TreesError;
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
        let path = format!("/repos/{}/issues/{number}", at.full_name);
        let issue: Issue = self.api.get(&path).map_err(|e| e.reading(&doing))?;
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
        let comments = self
            .api
            .list(&format!("{path}/comments"), COMMENTS_MAX, |page: Vec<Comment>| {
                page
            })
            .map_err(|e| e.reading(&doing))?;
        let said = |c: Comment| spoken(c.user, c.author_association, c.body);
        Ok(Thread {
            number,
            title: issue.title,
            opened: spoken(issue.user, issue.author_association, issue.body),
            comments: comments.into_iter().map(said).collect(),
        })
    }
}
