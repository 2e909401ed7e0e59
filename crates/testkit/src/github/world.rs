//! What GitHub knows: accounts, tokens, [`Apps`], repositories with their issues, pull requests and checks. Branches and commits are not
//! in here: they are in the bare repositories on disk, and looked up there each time.

use super::apps::Apps;
use super::git;
use super::labels::LabelEvent;
use countersign_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Somebody with a number that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The number.
    pub id: u64,
    /// The name, which may change.
    pub login: String,
    /// An app's account.
    pub bot: bool,
}

/// What a token may do, beside what its account may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Contents, issues, pull requests and checks may be read.
    ReadOnly,
    /// Contents and pull requests may be written.
    ReadWrite,
}

/// What an account may do in a repository, as GitHub orders it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    None,
    /// Look.
    Read,
    /// Sort issues.
    Triage,
    /// Push.
    Write,
    /// Everything.
    Admin,
}

impl Permission {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::None => "none",
            Permission::Read => "read",
            Permission::Triage => "triage",
            Permission::Write => "write",
            Permission::Admin => "admin",
        }
    }
}

/// Words with their author.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Its number, over all.
    pub id: u64,
    /// Whose.
    pub author: u64,
    /// The words.
    pub body: String,
    /// When it was written, and when it was changed last.
    pub times: (String, String),
    /// It came through an app.
    pub by_app: bool,
    /// Marks on it: whose, and which.
    pub reactions: Vec<(u64, String)>,
}

/// Where a comment stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Below {
    Issue(u64),
    Pull(u64),
}

/// An issue.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Its number in the repository, shared with pull requests.
    pub number: u64,
    /// Whose.
    pub author: u64,
    /// Its title.
    pub title: String,
    /// Its words; GitHub has `null` for none.
    pub body: Option<String>,
    /// What was said since.
    pub comments: Vec<Comment>,
    /// Labels on it.
    pub labels: Vec<String>,
    /// How they got there and away.
    pub events: Vec<LabelEvent>,
    /// When anything about it changed last.
    pub updated_at: String,
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Its number in the repository, shared with issues.
    pub number: u64,
    /// Whose.
    pub author: u64,
    /// Its title.
    pub title: String,
    /// Its words.
    pub body: String,
    /// The branch it comes from.
    pub head: String,
    /// What that branch held when it was last there.
    pub head_sha: String,
    /// The branch it goes to.
    pub base: String,
    /// Not ready yet.
    pub draft: bool,
    /// Open.
    pub open: bool,
    /// The commit as which it was merged, and when.
    pub merged: Option<(String, String)>,
    /// Labels on it.
    pub labels: Vec<String>,
    /// What was said below it.
    pub comments: Vec<Comment>,
}

/// What CI said about a commit.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its number, over all.
    pub id: u64,
    /// Who ran it: the app's short name.
    pub app: String,
    /// What.
    pub name: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// `success`, `failure`, …; only of one that is completed.
    pub conclusion: Option<String>,
    /// On which commit.
    pub head: String,
    /// What it says of itself: its `output.summary`.
    pub said: Option<String>,
    /// The same in a line: its `output.title`.
    pub title: Option<String>,
    /// What its app knows it by.
    pub external_id: Option<String>,
    /// Where its app leads to.
    pub details_url: Option<String>,
}

/// A commit status: what anybody with write access may post.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its number, over all.
    pub id: u64,
    /// Who posted it.
    pub creator: u64,
    /// Its name.
    pub context: String,
    /// `success`, `failure`, `error` or `pending`.
    pub state: String,
    /// On which commit.
    pub head: String,
}

/// CI that runs by itself.
#[derive(Debug, Clone)]
struct Job {
    conclusion: String,
    said: Option<String>,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The number that survives renames and transfers.
    pub id: u64,
    /// Whose.
    pub owner: u64,
    /// Its name.
    pub name: String,
    /// Names that lead here since it was renamed or given away, `owner/name`.
    pub former: Vec<String>,
    /// Whether strangers see it.
    pub private: bool,
    /// Read-only for good.
    pub archived: bool,
    /// What HEAD names.
    pub default_branch: String,
    /// Who may do what.
    pub members: BTreeMap<u64, Permission>,
    /// Issues by number.
    pub issues: BTreeMap<u64, Issue>,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, Pull>,
    /// What CI said.
    pub checks: Vec<Check>,
    /// What was posted beside.
    pub statuses: Vec<Status>,
    /// Checks that branch protection asks for on every branch, each with its app's number.
    pub protection: Vec<(String, Option<u64>)>,
    /// The same by a ruleset.
    pub ruleset: Vec<(String, Option<u64>)>,
    /// Labels that there are, each with its colour.
    pub labels: BTreeMap<String, String>,
    /// Where its objects are.
    pub folder: PathBuf,
}

impl Repository {
    /// The next number of an issue or a pull request.
    pub(super) fn next_number(&self) -> u64 {
        let last = self.issues.keys().chain(self.pulls.keys()).max();
        last.map_or(1, |n| n + 1)
    }

    /// What was said below an issue or a pull request.
    pub(super) fn below(&self, number: u64) -> Option<(Below, &Vec<Comment>)> {
        let issue = self
            .issues
            .get(&number)
            .map(|i| (Below::Issue(number), &i.comments));
        issue.or_else(|| {
            self.pulls
                .get(&number)
                .map(|p| (Below::Pull(number), &p.comments))
        })
    }

    /// A comment, wherever it stands.
    pub(super) fn said(&self, id: u64) -> Option<(Below, &Comment)> {
        let mut numbers = self.issues.keys().chain(self.pulls.keys());
        numbers.find_map(|number| {
            let (below, said) = self.below(*number)?;
            Some((below, said.iter().find(|c| c.id == id)?))
        })
    }

    /// A label as it is spelled there; GitHub tells them apart without upper and lower case.
    pub(super) fn spelled(&self, label: &str) -> Option<&String> {
        self.labels.keys().find(|l| l.eq_ignore_ascii_case(label))
    }

    pub(super) fn said_mut(&mut self, id: u64) -> Option<&mut Comment> {
        let issues = self.issues.values_mut().map(|i| &mut i.comments);
        let pulls = self.pulls.values_mut().map(|p| &mut p.comments);
        issues.chain(pulls).flatten().find(|c| c.id == id)
    }

    pub(super) fn permission(&self, account: u64) -> Permission {
        let own = match self.members.get(&account) {
            Some(permission) => *permission,
            None if self.owner == account => Permission::Admin,
            None => Permission::None,
        };
        match self.private {
            true => own,
            false => own.max(Permission::Read),
        }
    }
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Accounts by number.
    pub accounts: BTreeMap<u64, Account>,
    /// Whose each token is, and what it may do.
    pub tokens: BTreeMap<String, (u64, Scope)>,
    /// Repositories by number.
    pub repositories: BTreeMap<u64, Repository>,
    /// Apps, where they are installed, and their tokens.
    pub apps: Apps,
    /// What jobs of GitHub Actions wrote, by the number of their check; `None`: it has run out.
    pub logs: BTreeMap<u64, Option<Arc<[u8]>>>,
    /// CI that runs by itself, by repository and name.
    jobs: BTreeMap<(u64, String), Job>,
    next_id: u64,
    seconds: u64,
}

/// How a name was found.
pub(super) enum Found {
    /// Under this name.
    Here(u64),
    /// It has another name now.
    Moved(u64),
    /// Nowhere.
    No,
}

impl World {
    /// A number that nothing else has.
    pub(super) fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        1_000_000 + self.next_id
    }

    /// Adds somebody.
    pub fn account(&mut self, id: u64, login: &str) -> u64 {
        let bot = login.ends_with("[bot]");
        let login = login.to_owned();
        self.accounts.insert(id, Account { id, login, bot });
        id
    }

    /// Gives somebody a token.
    pub fn token(&mut self, token: &str, account: u64, scope: Scope) {
        self.tokens.insert(token.to_owned(), (account, scope));
    }

    /// Adds a repository with one commit of these files on `main`; an empty one where there are none.
    pub(super) fn repository(
        &mut self,
        root: &Path,
        id: u64,
        owner: u64,
        name: &str,
        files: &[(&str, &str)],
    ) -> u64 {
        let folder = root.join(format!("{id}.git"));
        git::create(&folder);
        if !files.is_empty() {
            git::commit(&folder, "main", files);
        }
        let repository = Repository {
            id,
            owner,
            name: name.to_owned(),
            former: Vec::new(),
            private: false,
            archived: false,
            default_branch: "main".to_owned(),
            members: BTreeMap::new(),
            issues: BTreeMap::new(),
            pulls: BTreeMap::new(),
            checks: Vec::new(),
            statuses: Vec::new(),
            protection: Vec::new(),
            ruleset: Vec::new(),
            labels: BTreeMap::new(),
            folder,
        };
        self.repositories.insert(id, repository);
        id
    }

    /// Gives a repository another name; the old one leads on.
    pub fn rename(&mut self, id: u64, name: &str) {
        let former = self.full_name(&self.repositories[&id]);
        let repository = self.repository_mut(id);
        repository.former.push(former);
        repository.name = name.to_owned();
    }

    /// One of them, to be changed.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn repository_mut(&mut self, id: u64) -> &mut Repository {
        self.repositories
            .get_mut(&id)
            .expect("because the test made it before")
    }

    /// Opens an issue and gives its number.
    pub fn issue(&mut self, repository: u64, author: u64, title: &str, body: &str) -> u64 {
        let updated_at = self.later();
        let repository = self.repository_mut(repository);
        let number = repository.next_number();
        let issue = Issue {
            number,
            author,
            title: title.to_owned(),
            body: (!body.is_empty()).then(|| body.to_owned()),
            comments: Vec::new(),
            labels: Vec::new(),
            events: Vec::new(),
            updated_at,
        };
        repository.issues.insert(number, issue);
        number
    }

    /// Somebody says something below an issue or a pull request: the comment's number.
    pub fn comment(&mut self, repository: u64, number: u64, author: u64, body: &str) -> u64 {
        let (id, now) = (self.fresh(), self.later());
        let comment = Comment {
            id,
            author,
            body: body.to_owned(),
            times: (now.clone(), now.clone()),
            by_app: false,
            reactions: Vec::new(),
        };
        if let Some(pull) = self.repository_mut(repository).pulls.get_mut(&number) {
            pull.comments.push(comment);
            return id;
        }
        let issue = self.issue_mut(repository, number);
        issue.updated_at = now;
        issue.comments.push(comment);
        id
    }

    /// Somebody changes what an issue says.
    pub fn edit_issue(&mut self, repository: u64, issue: u64, body: &str) {
        let now = self.later();
        let issue = self.issue_mut(repository, issue);
        issue.body = Some(body.to_owned());
        issue.updated_at = now;
    }

    /// Somebody changes what a comment says.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn edit_comment(&mut self, repository: u64, comment: u64, body: &str) {
        let now = self.later();
        let repository = self.repository_mut(repository);
        if let Some((Below::Issue(issue), _)) = repository.said(comment) {
            let issue = repository.issues.get_mut(&issue);
            issue.expect("because it was found").updated_at.clone_from(&now);
        }
        let comment = repository.said_mut(comment);
        let comment = comment.expect("because the test wrote it before");
        comment.body = body.to_owned();
        comment.times.1 = now;
    }

    /// One of a repository's issues, to be changed.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn issue_mut(&mut self, repository: u64, issue: u64) -> &mut Issue {
        let issues = &mut self.repository_mut(repository).issues;
        issues.get_mut(&issue).expect("because the test opened it before")
    }

    /// A moment later than all before it; GitHub's have whole seconds.
    pub(super) fn later(&mut self) -> String {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.seconds = (self.seconds + 1).max(since.map_or(0, |s| s.as_secs()));
        Timestamp(self.seconds * 1_000).to_rfc3339().replace(".000", "")
    }

    /// A check of that app concludes on a commit; an older one of that name there is replaced.
    pub fn check(&mut self, repository: u64, app: &str, name: &str, head: &str, conclusion: Option<&str>) {
        let id = self.fresh();
        let checks = &mut self.repository_mut(repository).checks;
        checks.retain(|c| (c.app.as_str(), c.name.as_str(), c.head.as_str()) != (app, name, head));
        checks.push(Check {
            id,
            app: app.to_owned(),
            name: name.to_owned(),
            status: conclusion.map_or("in_progress", |_| "completed").to_owned(),
            conclusion: conclusion.map(str::to_owned),
            head: head.to_owned(),
            said: None,
            title: None,
            external_id: None,
            details_url: None,
        });
    }

    /// What the job wrote that is the newest check of that name; `None`: that has run out.
    ///
    /// # Panics
    /// When there is no such check.
    pub fn log(&mut self, repository: u64, name: &str, text: Option<&str>) {
        let checks = &self.repository_mut(repository).checks;
        let job = checks.iter().rfind(|c| c.name == name);
        let job = job.expect("because the test made it before").id;
        self.logs.insert(job, text.map(|text| Arc::from(text.as_bytes())));
    }

    /// From now on GitHub Actions runs that on whatever an open pull request holds, once per commit, and says this.
    pub fn job(&mut self, repository: u64, name: &str, conclusion: &str, said: Option<&str>) {
        let job = Job {
            conclusion: conclusion.to_owned(),
            said: said.map(str::to_owned),
        };
        self.jobs.insert((repository, name.to_owned()), job);
    }

    /// Somebody opens a pull request of a branch that is there.
    pub fn pull(&mut self, repository: u64, author: u64, head: &str, base: &str) -> u64 {
        let repository = self.repository_mut(repository);
        let number = repository.next_number();
        let pull = Pull {
            number,
            author,
            title: head.to_owned(),
            body: String::new(),
            head: head.to_owned(),
            head_sha: git::branch(&repository.folder, head).unwrap_or_default(),
            base: base.to_owned(),
            draft: false,
            open: true,
            merged: None,
            labels: Vec::new(),
            comments: Vec::new(),
        };
        repository.pulls.insert(number, pull);
        number
    }

    pub(super) fn full_name(&self, repository: &Repository) -> String {
        format!("{}/{}", self.login(repository.owner), repository.name)
    }

    pub(super) fn login(&self, account: u64) -> &str {
        self.accounts.get(&account).map_or("ghost", |a| a.login.as_str())
    }

    pub(super) fn find(&self, full_name: &str) -> Found {
        let is = |r: &&Repository| self.full_name(r).eq_ignore_ascii_case(full_name);
        if let Some(found) = self.repositories.values().find(is) {
            return Found::Here(found.id);
        }
        let was = |r: &&Repository| r.former.iter().any(|f| f.eq_ignore_ascii_case(full_name));
        self.repositories
            .values()
            .find(was)
            .map_or(Found::No, |r| Found::Moved(r.id))
    }

    /// Pull requests follow their branches: their head moves along, and where it is gone they close. Then CI runs.
    pub(super) fn settle(&mut self) {
        for repository in self.repositories.values_mut() {
            if repository.pulls.values().all(|p| !p.open) {
                continue;
            }
            let branches = git::branches(&repository.folder);
            for pull in repository.pulls.values_mut().filter(|p| p.open) {
                match branches.get(&pull.head) {
                    Some(sha) => pull.head_sha.clone_from(sha),
                    None => pull.open = false,
                }
            }
        }
        for ((repository, name), job) in self.jobs.clone() {
            self.run_job(repository, &name, &job);
        }
    }

    fn run_job(&mut self, repository: u64, name: &str, job: &Job) {
        let repository_now = self.repository_mut(repository);
        let open = repository_now.pulls.values().filter(|p| p.open);
        let mut heads: BTreeSet<String> = open.map(|p| p.head_sha.clone()).collect();
        for check in repository_now.checks.iter().filter(|c| c.name == name) {
            heads.remove(&check.head);
        }
        for head in heads {
            self.check(repository, "github-actions", name, &head, Some(&job.conclusion));
            if let Some(check) = self.repository_mut(repository).checks.last_mut() {
                check.said.clone_from(&job.said);
            }
        }
    }
}
