//! Pull requests (<https://docs.github.com/rest/pulls/pulls>): those of one branch, opened and closed.

use super::error::CallError;
use super::{Account, Found, GitHub, Writer};
use countersign_core::forge::{PULL_REQUESTS_MAX, PullRequest, PullRequestState};
use countersign_core::id::{AccountId, BranchName, CommitSha, PullRequestNumber, RepositoryId};
use countersign_core::permit::{ClosePullRequest, OpenPullRequest};
use countersign_ports::trees::{PublishError, TreesError};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Wire {
    number: u64,
    state: String,
    #[serde(default)]
    merged_at: Option<String>,
    // Of one that is open: what a merge would be like, which is no evidence of anything.
    #[serde(default)]
    merge_commit_sha: Option<String>,
    // GitHub has `null` for an account that is gone.
    user: Option<Account>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    // GitHub has `null` for a fork that is gone.
    repo: Option<Numbered>,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

/// GitHub's own account for those that are gone (<https://github.com/ghost>).
const GHOST: u64 = 10_137;

impl Wire {
    /// In our words; `None` where its branch is one of a fork.
    fn read(&self, of: &RepositoryId) -> Result<Option<PullRequest>, CallError> {
        let odd = |why: &str| CallError::Odd { why: why.to_owned() };
        let is_here = |side: &Side| side.repo.as_ref().is_some_and(|repo| repo.id == of.number);
        if !is_here(&self.base) {
            return Err(odd("it shows a pull request of another repository"));
        }
        if !is_here(&self.head) {
            return Ok(None);
        }
        let branch =
            |name: &str| BranchName::parse(name).map_err(|_| odd("it names a branch that can't be one"));
        let state = match (self.state.as_str(), &self.merged_at) {
            ("open", _) => PullRequestState::Open,
            ("closed", Some(_)) => PullRequestState::Merged,
            ("closed", None) => PullRequestState::Closed,
            (_, _) => return Err(odd("it shows a pull request that is neither open nor closed")),
        };
        let merged_as = self.merge_commit_sha.as_deref().map(CommitSha::parse);
        let merged_as = merged_as
            .filter(|_| state == PullRequestState::Merged)
            .transpose()
            .map_err(|_| odd("it names a merge that is no commit"))?;
        Ok(Some(PullRequest {
            number: PullRequestNumber(self.number),
            branch: branch(&self.head.name)?,
            head: CommitSha::parse(&self.head.sha).map_err(|_| odd("it names a head that is no commit"))?,
            base_branch: branch(&self.base.name)?,
            author: AccountId(self.user.as_ref().map_or(GHOST, |user| user.id)),
            state,
            merged_as,
        }))
    }
}

impl GitHub {
    /// Those whose branch is this one of the repository itself, oldest first, whatever their state.
    pub(super) fn pull_requests(
        &self,
        at: &Found,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        let doing = format!(
            "Reading the pull requests of branch `{branch}` of {}",
            at.full_name
        );
        let head: String =
            form_urlencoded::byte_serialize(format!("{}:{branch}", at.owner()).as_bytes()).collect();
        let path = format!("/repos/{}/pulls?state=all&head={head}", at.full_name);
        let read = || {
            let all = self
                .api
                .list(&at.id, &path, PULL_REQUESTS_MAX, |page: Vec<Wire>| page)?;
            let mut found = Vec::new();
            for wire in all {
                found.extend(wire.read(&at.id)?.filter(|pull| pull.branch == *branch));
            }
            found.sort_by_key(|pull| pull.number);
            Ok(found)
        };
        read().map_err(|e: CallError| e.reading(&doing))
    }

    /// Opens one, once.
    pub(super) fn open(
        &self,
        writer: &Writer,
        at: &Found,
        op: &OpenPullRequest,
    ) -> Result<PullRequest, PublishError> {
        let doing = format!("Opening a pull request in {}", at.full_name);
        let body = json!({
            "title": op.title,
            "body": op.body,
            "head": op.branch.as_str(),
            "base": op.base_branch.as_str(),
            "draft": op.draft,
        });
        let path = format!("/repos/{}/pulls", at.full_name);
        let wire: Wire = match self.api.send(writer, Method::POST, &path, &body) {
            Ok(wire) => wire,
            Err(CallError::Refused { status: 422, said }) if said.contains("already exists") => {
                return Err(PublishError::ExpectedOldMismatch {
                    branch: op.branch.to_string(),
                    found: "there is a pull request of it already".to_owned(),
                });
            }
            Err(error) => return Err(error.writing(&doing, &op.branch)),
        };
        let read = wire.read(&at.id).and_then(|pull| {
            pull.ok_or_else(|| CallError::Odd {
                why: "it shows a pull request of a fork".to_owned(),
            })
        });
        let pull = read.map_err(|e| e.after_a_write().writing(&doing, &op.branch))?;
        self.label(writer, at, &pull, &op.labels);
        Ok(pull)
    }

    /// Labels come in a call of their own. That it fails takes nothing back, and is not repeated.
    fn label(&self, writer: &Writer, at: &Found, pull: &PullRequest, labels: &[String]) {
        if labels.is_empty() {
            return;
        }
        let path = format!("/repos/{}/issues/{}/labels", at.full_name, pull.number);
        let body = json!({"labels": labels});
        let sent: Result<Value, CallError> = self.api.send(writer, Method::POST, &path, &body);
        if let Err(error) = sent {
            tracing::warn!(
                code = error.code(),
                repository = %at.id,
                pull_request = %pull.number,
                "the labels of a pull request could not be set"
            );
        }
    }

    fn pull_request(&self, at: &Found, number: PullRequestNumber) -> Result<Option<PullRequest>, CallError> {
        let wire: Wire = self
            .api
            .get(&at.id, &format!("/repos/{}/pulls/{number}", at.full_name))?;
        wire.read(&at.id)
    }

    /// Whether it is open; what is open and not ours any more is left as it is, with an error.
    pub(super) fn must_close(&self, at: &Found, op: &ClosePullRequest) -> Result<bool, PublishError> {
        let doing = format!("Reading pull request #{} of {}", op.number, at.full_name);
        let found = self
            .pull_request(at, op.number)
            .map_err(|e| PublishError::Failed(e.reading(&doing)))?;
        let mismatch = |found: String| {
            Err(PublishError::ExpectedOldMismatch {
                branch: op.branch.to_string(),
                found,
            })
        };
        let Some(pull) = found else {
            return mismatch(format!("pull request #{} is one of a fork", op.number));
        };
        match pull.state {
            PullRequestState::Closed | PullRequestState::Merged => return Ok(false),
            PullRequestState::Open => {}
        }
        if pull.branch != op.branch {
            return mismatch(format!(
                "pull request #{} is one of branch `{}`",
                op.number, pull.branch
            ));
        }
        if pull.head != op.head {
            return mismatch(format!(
                "the head of pull request #{} is {}",
                op.number, pull.head
            ));
        }
        Ok(true)
    }

    /// Closes it, once.
    pub(super) fn close(
        &self,
        writer: &Writer,
        at: &Found,
        op: &ClosePullRequest,
    ) -> Result<(), PublishError> {
        let doing = format!("Closing pull request #{} of {}", op.number, at.full_name);
        let path = format!("/repos/{}/pulls/{}", at.full_name, op.number);
        let closed: Result<Wire, CallError> =
            self.api
                .send(writer, Method::PATCH, &path, &json!({"state": "closed"}));
        match closed {
            Ok(wire) if wire.state == "closed" => Ok(()),
            Ok(_) => Err(CallError::Lost {
                why: "it shows the pull request as open still".to_owned(),
            }
            .writing(&doing, &op.branch)),
            Err(error) => Err(error.writing(&doing, &op.branch)),
        }
    }
}
