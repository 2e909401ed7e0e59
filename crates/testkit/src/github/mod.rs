//! A model of GitHub: REST (<https://docs.github.com/rest>) and git's smart HTTP over real bare repositories on disk, with
//! accounts, tokens, permissions, pull requests that follow their branches, checks, limits, and faults on request.
//!
//! It answers as GitHub's documents say and as GitHub was seen to answer; what it does not know it answers with 404 and remembers
//! as [`Asked::unknown`]. It keeps what was asked, so that tests can look at it. It never asks the machine's clock.

mod apps;
mod faults;
mod git;
mod http;
mod labels;
mod rest;
mod world;
mod write;

pub use apps::{App, Apps, Granted, Installation, Minted, app_key, granted, other_key};
pub use faults::Fault;
pub use labels::LabelEvent;
pub use world::{Account, Check, Comment, Issue, Permission, Pull, Repository, Scope, Status, World};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faults::Planned;
use http::{Answer, Request};
use rest::Who;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use world::Found;

/// Where the API is below the address, as on GitHub Enterprise Server.
pub const API: &str = "/api/v3";

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path below [`API`], or that of git.
    pub path: String,
    /// The query, as it came.
    pub query: String,
    /// The body where it was JSON.
    pub body: Option<Value>,
    /// Whose token it carried.
    pub login: Option<String>,
    /// What that was made for, where it was one of an App.
    pub token: Option<Minted>,
    /// What it said of itself: `accept`, `user-agent`, `x-github-api-version`.
    pub headers: BTreeMap<String, String>,
    /// What was answered; 0 where the answer was withheld.
    pub status: u16,
    /// The model has no such door.
    pub unknown: bool,
}

impl Asked {
    /// Whether it went to the API, and not to git, to a page for people or to where logs lie.
    pub fn is_rest(&self) -> bool {
        let elsewhere = self.path.contains(".git/") || self.path.ends_with("/settings/apps/new");
        !elsewhere && !self.is_of_log()
    }

    /// Whether it went to the other host, on which logs lie.
    pub fn is_of_log(&self) -> bool {
        self.path.starts_with(rest::STORAGE)
    }
}

/// How somebody merges a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// By a commit with two parents.
    Commit,
    /// As one new commit.
    Squash,
    /// As copies of its commits.
    Rebase,
}

struct Inside {
    world: World,
    /// Before the last request that changed something.
    before: World,
    planned: Vec<Planned>,
    asked: Vec<Asked>,
}

/// GitHub on a port of this machine.
pub struct GitHub {
    root: PathBuf,
    port: u16,
    inside: Arc<Mutex<Inside>>,
}

impl GitHub {
    /// Starts one that keeps its repositories in this folder.
    ///
    /// # Panics
    /// When this machine has no port left.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("because there is a free port");
        let port = listener
            .local_addr()
            .expect("because it listens somewhere")
            .port();
        let inside = Arc::new(Mutex::new(Inside {
            world: World::default(),
            before: World::default(),
            planned: Vec::new(),
            asked: Vec::new(),
        }));
        let (shared, url) = (Arc::clone(&inside), format!("http://127.0.0.1:{port}"));
        http::serve(listener, move |request| answer(&shared, &url, request));
        Self {
            root: root.to_owned(),
            port,
            inside,
        }
    }

    /// Where repositories are cloned from.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the API is.
    pub fn api_url(&self) -> String {
        format!("{}{API}", self.url())
    }

    /// Where one repository is cloned from.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn clone_url(&self, id: u64) -> String {
        self.change(|world| {
            let name = world.full_name(&world.repositories[&id]);
            format!("{}/{name}.git", self.url())
        })
    }

    /// Adds a repository with one commit of these files on `main`; an empty one where there are none.
    pub fn repository(&self, id: u64, owner: u64, name: &str, files: &[(&str, &str)]) -> u64 {
        self.change(|world| world.repository(&self.root, id, owner, name, files))
    }

    /// Looks at what GitHub knows, or changes it as somebody on its pages would.
    pub fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut inside = lock(&self.inside);
        inside.world.settle();
        act(&mut inside.world)
    }

    /// A commit with these files on top of a branch, which is made where it is not there.
    pub fn commit(&self, id: u64, branch: &str, files: &[(&str, &str)]) -> String {
        git::commit(&self.folder(id), branch, files)
    }

    /// Sets a branch to a commit, by force.
    pub fn set_branch(&self, id: u64, branch: &str, commit: &str) {
        let full = format!("refs/heads/{branch}");
        git::ask(&self.folder(id), &["update-ref", &full, commit], b"").expect("because git sets it");
    }

    /// Takes a branch away.
    pub fn delete_branch(&self, id: u64, branch: &str) {
        let full = format!("refs/heads/{branch}");
        git::ask(&self.folder(id), &["update-ref", "-d", &full], b"").expect("because git deletes it");
    }

    /// Somebody merges a pull request on GitHub's own page, which closes it: the commit that the base holds then. What is
    /// named beside gets into the merge, though it is in no commit that was there.
    ///
    /// # Panics
    /// When there is none of that number, or it conflicts.
    pub fn merge(&self, id: u64, number: u64, how: Merge, beside: &[(&str, &str)]) -> String {
        let folder = self.folder(id);
        self.change(|world| {
            let now = world.later();
            let pull = world.repository_mut(id).pulls.get_mut(&number);
            let pull = pull.expect("because the pull request is there");
            let made = git::merge(&folder, &pull.base, &pull.head_sha, how, beside);
            let made = made.expect("because it merges");
            (pull.open, pull.merged) = (false, Some((made.clone(), now)));
            made
        })
    }

    /// Lets nobody push to these branches.
    pub fn protect(&self, id: u64, branches: &[&str]) {
        git::protect(&self.folder(id), branches);
    }

    /// What each branch holds.
    pub fn branches(&self, id: u64) -> BTreeMap<String, String> {
        git::branches(&self.folder(id))
    }

    /// What `git` says about the repository; `None` where it fails.
    pub fn git(&self, id: u64, arguments: &[&str]) -> Option<String> {
        git::ask(&self.folder(id), arguments, b"")
    }

    fn folder(&self, id: u64) -> PathBuf {
        self.root.join(format!("{id}.git"))
    }

    /// The next request of that method whose path holds `part` meets this fault. Faults for the same wait in line.
    pub fn next(&self, method: &str, part: &str, fault: Fault) {
        let planned = Planned::new(method, part, fault);
        lock(&self.inside).planned.push(planned);
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.inside).asked.clone()
    }

    /// How often that was asked: the method, and the end of the path.
    pub fn times(&self, method: &str, end: &str) -> usize {
        let is = |a: &&Asked| a.method == method && a.path.ends_with(end);
        lock(&self.inside).asked.iter().filter(is).count()
    }
}

fn lock(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request. A slow push does not hold the others up: git runs without the lock.
fn answer(inside: &Mutex<Inside>, url: &str, request: Request) -> Option<Answer> {
    let (fault, token) = {
        let mut inside = lock(inside);
        inside.world.settle();
        let fault = faults::meet(&mut inside.planned, &request);
        let token = token_of(&request);
        (fault, token)
    };
    let rest = request.path.strip_prefix(API).map(str::to_owned);
    let done = match fault {
        Some(fault) if fault.comes_first() => Some(fault.instead(&request.path)),
        Some(_) | None => match &rest {
            Some(path) => Some(in_rest(inside, url, path, &request, token.as_deref(), fault)),
            None => elsewhere(inside, url, &request, token.as_deref()),
        },
    };
    let answer = match (fault, done) {
        (Some(fault), Some(done)) => fault.after(done),
        (_, done) => done,
    };
    let mut inside = lock(inside);
    let minted = token
        .as_ref()
        .and_then(|t| inside.world.apps.minted.get(t))
        .cloned();
    let account = match &minted {
        Some(minted) => Some(inside.world.bot(minted)),
        None => token.and_then(|t| inside.world.tokens.get(&t).map(|(id, _)| *id)),
    };
    let login = account.map(|id| inside.world.login(id).to_owned());
    let kept = ["accept", "user-agent", "x-github-api-version", "if-none-match"];
    let headers = request.headers.iter().filter(|(n, _)| kept.contains(&n.as_str()));
    inside.asked.push(Asked {
        headers: headers.map(|(n, v)| (n.clone(), v.clone())).collect(),
        method: request.method,
        path: rest.unwrap_or(request.path),
        query: request.query,
        body: serde_json::from_slice(&request.body).ok(),
        login,
        token: minted,
        status: answer.as_ref().map_or(0, |a| a.status),
        unknown: answer.as_ref().is_some_and(|a| a.status == rest::NO_DOOR),
    });
    answer
}

fn in_rest(
    inside: &Mutex<Inside>,
    url: &str,
    path: &str,
    request: &Request,
    token: Option<&str>,
    fault: Option<Fault>,
) -> Answer {
    let mut inside = lock(inside);
    if fault == Some(Fault::Stale) {
        let mut old = inside.before.clone();
        return rest::answer(&mut old, url, path, request, token);
    }
    if request.method == "GET" {
        return rest::answer(&mut inside.world, url, path, request, token);
    }
    let before = inside.world.clone();
    let answer = rest::answer(&mut inside.world, url, path, request, token);
    // That a token ends changes nothing that anybody looks at.
    if request.method != "DELETE" || path != apps::TOKEN {
        inside.before = before;
    }
    answer
}

/// The token, which `git` sends as the password of a Basic login (RFC 7617).
fn token_of(request: &Request) -> Option<String> {
    let given = request.header("authorization");
    if let Some(token) = given.strip_prefix("Bearer ").or(given.strip_prefix("token ")) {
        return Some(token.to_owned());
    }
    let login = STANDARD.decode(given.strip_prefix("Basic ")?).ok()?;
    let login = String::from_utf8(login).ok()?;
    login.split_once(':').map(|(_, token)| token.to_owned())
}

/// A page for people, or git.
fn elsewhere(inside: &Mutex<Inside>, url: &str, request: &Request, token: Option<&str>) -> Option<Answer> {
    let page = rest::stored(&lock(inside).world, request);
    let page = page.or_else(|| apps::page(&mut lock(inside).world, request));
    page.or_else(|| through_git(inside, url, request, token))
}

/// `/OWNER/NAME.git/…`; `None` where git itself breaks.
fn through_git(inside: &Mutex<Inside>, url: &str, request: &Request, token: Option<&str>) -> Option<Answer> {
    let plain = |status: u16, text: &str| {
        Some(Answer {
            status,
            headers: vec![
                ("Content-Type".to_owned(), "text/plain".to_owned()),
                ("WWW-Authenticate".to_owned(), "Basic realm=\"GitHub\"".to_owned()),
            ],
            body: text.as_bytes().to_vec(),
        })
    };
    let Some((name, inside_path)) = request.path.split_once(".git/") else {
        return plain(404, "Not Found");
    };
    let (folder, login) = {
        let guard = lock(inside);
        let world = &guard.world;
        let Ok((who, account)) = rest::who(world, token) else {
            return plain(401, "Invalid username or token.");
        };
        let repository = match world.find(name.trim_start_matches('/')) {
            Found::Here(id) => &world.repositories[&id],
            Found::Moved(id) => {
                let to = world.full_name(&world.repositories[&id]);
                let mut answer = plain(301, "")?;
                let query = &request.query;
                let to = format!("{url}/{to}.git/{inside_path}?{query}");
                answer.headers.push(("Location".to_owned(), to));
                return Some(answer);
            }
            Found::No => return plain(404, "Repository not found."),
        };
        let asking = rest::Call {
            url,
            request,
            who,
            account,
        };
        let permission = asking.permission(repository);
        let pushes = request.query == "service=git-receive-pack" || inside_path == "git-receive-pack";
        if permission < Permission::Read {
            return plain(404, "Repository not found.");
        }
        let (may_read, may_write, without_workflows) = match &asking.who {
            Who::Nobody if pushes => return plain(401, "Authentication required."),
            Who::Nobody | Who::App(_) => (true, false, false),
            Who::Person(scope) => (true, *scope == Scope::ReadWrite, false),
            Who::Installed(token) => (
                token.may("contents", "read"),
                token.may("contents", "write"),
                !token.may("workflows", "write"),
            ),
        };
        if !may_read {
            return plain(403, "Resource not accessible by integration");
        }
        let may_write = permission >= Permission::Write && may_write;
        if pushes && !may_write {
            let text = format!("Permission to {name} denied to {}.", world.login(account));
            return plain(403, &text);
        }
        if pushes && repository.archived {
            return plain(403, "This repository was archived so it is read-only.");
        }
        let as_whom = git::As {
            login: world.login(account).to_owned(),
            without_workflows,
        };
        (repository.folder.clone(), as_whom)
    };
    git::backend(&folder, &format!("/{inside_path}"), &login, request)
}

/// An answer in JSON.
fn in_json(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        headers: vec![(
            "Content-Type".to_owned(),
            "application/json; charset=utf-8".to_owned(),
        )],
        body: body.to_string().into_bytes(),
    }
}

/// GitHub's way to say no.
fn no(status: u16, message: &str) -> Answer {
    in_json(
        status,
        &json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        }),
    )
}
