//! Forges are held to the same: a repository in a folder, and one on the model of GitHub, with a token and as an App, over real
//! HTTP and real git.

mod apps;
mod conformance;
mod logs;
mod oddities;
mod permits;
mod pulls;

use countersign_core::id::{BranchName, CommitSha, RepositoryId};
use countersign_forge::github::{
    App, Credentials, GitHub as Api, GitHubForge, GitHubSettings, InHand, Secret,
};
use countersign_forge::local::LocalForge;
use countersign_git::{GitTrees, Location, Purpose, Token};
use countersign_ports::directory::Directory as _;
use countersign_ports::forge::Forge;
use countersign_ports::trees::{PreparedCommit, PublishError, RepoSource, Trees as _, TreesError};
use countersign_testkit::github::{GitHub, Permission, Scope, app_key, granted};
use permits::Approved;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Our account's number at the model.
const OURS: u64 = 41;
/// The owner's.
const OCTO: u64 = 7;
/// Our App's.
const APP: u64 = 55;
/// The repository's.
const HELLO: u64 = 1_296_269;
const WRITER: &str = "the-writers-token";
const READER: &str = "the-readers-token";
const FILES: [(&str, &str); 2] = [("a.txt", "one\n"), ("b.txt", "other\n")];
/// What our App is granted; less than it could ask for.
const NEEDED: [(&str, &str); 5] = [
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];
const DIFF: &str = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n";

/// A forge with one repository of `FILES`, and what strangers do there.
struct House {
    folder: TempDir,
    trees: Arc<GitTrees>,
    forge: Arc<dyn Forge>,
    source: RepoSource,
    /// Where `git` of a stranger works.
    bare: std::path::PathBuf,
    github: Option<GitHub>,
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

/// `git` in a bare repository, as its owner.
fn git(folder: &Path, words: &[&str]) -> String {
    let done = Command::new("git")
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "S"), ("GIT_AUTHOR_EMAIL", "s@b")])
        .envs([("GIT_COMMITTER_NAME", "S"), ("GIT_COMMITTER_EMAIL", "s@b")])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl House {
    /// A repository in a folder.
    fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (work, bare) = (folder.path().join("work"), folder.path().join("hello.git"));
        std::fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main", "."]);
        for (path, content) in FILES {
            std::fs::write(work.join(path), content).unwrap();
        }
        git(&work, &["add", "."]);
        git(&work, &["commit", "-qm", "first"]);
        git(folder.path(), &["clone", "-q", "--bare", "work", "hello.git"]);
        let trees = Arc::new(GitTrees::new(folder.path().join("mirrors")));
        let bare = std::fs::canonicalize(bare).unwrap();
        Self {
            forge: Arc::new(LocalForge::new(trees.clone())),
            source: RepoSource::folder(RepositoryId::local(1), bare.clone()),
            trees,
            bare,
            folder,
            github: None,
        }
    }

    /// A repository on the model of GitHub, where our account may write.
    fn github() -> Self {
        Self::github_with(WRITER)
    }

    /// The same with another token.
    fn github_with(token: &str) -> Self {
        Self::github_as(Credentials::Token(Secret::new(token)))
    }

    /// The same as an App that is installed on this one repository, and no member of it.
    fn app() -> Self {
        let app = App::new(&APP.to_string(), &app_key()).unwrap();
        Self::github_as(Credentials::App(app))
    }

    fn github_as(credentials: Credentials) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let github = GitHub::start(folder.path());
        github.change(|world| {
            world.account(OCTO, "octo");
            world.account(OURS, "countersign");
            world.token(WRITER, OURS, Scope::ReadWrite);
            world.token(READER, OURS, Scope::ReadOnly);
        });
        github.repository(HELLO, OCTO, "hello", &FILES);
        github.change(|w| w.repository_mut(HELLO).members.insert(OURS, Permission::Write));
        github.change(|w| {
            w.app(APP, "countersigner", granted(&NEEDED));
            w.install(APP, &[HELLO]);
        });
        let api = Arc::new(Self::api_as(&github, credentials));
        let locator = api.clone();
        let trees = GitTrees::new(folder.path().join("mirrors")).with_remotes(Arc::new(
            move |id, _registered, purpose: Purpose<'_>| {
                let found = locator.by_id(id)?;
                let git = |t: &Secret| match locator.tokens_pass() {
                    true => Token::passing(t.reveal()),
                    false => Token::new(t.reveal()),
                };
                let writer = |in_hand| {
                    let writer = locator.writer(in_hand)?;
                    let token = writer.token().map(git);
                    Ok::<_, TreesError>(token.map(|t| t.held_by(Arc::new(writer))))
                };
                let token = match purpose {
                    Purpose::Read => locator.readers_token(id)?.as_ref().map(git),
                    Purpose::Push { permit, workflows } => writer(InHand::Push { permit, workflows })?,
                    Purpose::Delete(permit) => writer(InHand::Delete(permit))?,
                };
                Ok(Location {
                    clone_url: found.clone_url,
                    token,
                })
            },
        ));
        let trees = Arc::new(trees);
        let found = api.registrable("octo/hello").unwrap();
        Self {
            forge: Arc::new(GitHubForge::new(api, trees.clone())),
            source: RepoSource {
                id: found.id.clone(),
                place: countersign_ports::trees::RepoPlace::Remote(found.remote()),
            },
            trees,
            bare: folder.path().join(format!("{HELLO}.git")),
            folder,
            github: Some(github),
        }
    }

    fn api(github: &GitHub, token: &str) -> Api {
        Self::api_as(github, Credentials::Token(Secret::new(token)))
    }

    fn api_as(github: &GitHub, credentials: Credentials) -> Api {
        Api::new(GitHubSettings {
            api_url: github.api_url(),
            server_url: github.url(),
            credentials,
        })
        .unwrap()
    }

    fn hub(&self) -> &GitHub {
        self.github.as_ref().unwrap()
    }

    /// An approved change of `a.txt`, prepared on the branch `main` as it is now.
    fn approved(&self, name: &str) -> (Approved, PreparedCommit) {
        self.approved_change(name, DIFF)
    }

    fn approved_change(&self, name: &str, diff: &str) -> (Approved, PreparedCommit) {
        let (trees, repo) = (&self.trees, &self.source);
        let base = trees.pin(repo, &branch("main")).unwrap().commit;
        let applied = trees.apply(repo, &base, diff.as_bytes()).unwrap().unwrap();
        let tree = applied.diff.result_tree.clone();
        let who = "Countersign <countersign@example.org> 1700000000 +0000";
        let bytes = format!("tree {tree}\nparent {base}\nauthor {who}\ncommitter {who}\n\nSay two\n");
        let prepared = trees
            .prepare(repo, &base, &applied.canonical, &tree, bytes.as_bytes())
            .unwrap();
        let approved = Approved {
            repository: repo.id.clone(),
            branch: branch(name),
            commit: prepared.commit.clone(),
            tree,
        };
        (approved, prepared)
    }

    fn push(&self, approved: &Approved, prepared: &PreparedCommit) -> Result<(), PublishError> {
        self.forge.stage(&approved.push(), &self.source, prepared)?;
        self.forge.push_branch(approved.push(), &self.source, prepared)
    }

    fn holds(&self, name: &str) -> Option<CommitSha> {
        let state = self.forge.read_branch(&self.source, &branch(name)).unwrap();
        state.map(|s| s.commit)
    }

    /// A stranger makes a commit on top of `from` and sets a branch to it.
    fn stranger(&self, name: &str, from: &str) -> String {
        let made = git(
            &self.bare,
            &[
                "commit-tree",
                &format!("{from}^{{tree}}"),
                "-p",
                from,
                "-m",
                "mine",
            ],
        );
        git(&self.bare, &["update-ref", &format!("refs/heads/{name}"), &made]);
        made
    }
}

fn code(error: &PublishError) -> &'static str {
    match error {
        PublishError::ExpectedOldMismatch { .. } => "mismatch",
        PublishError::Unknown { .. } => "unknown",
        PublishError::Failed(error) => error.code(),
    }
}

#[track_caller]
fn refused<T>(result: Result<T, PublishError>) -> &'static str {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => code(&error),
    }
}

#[track_caller]
fn unread<T>(result: Result<T, TreesError>) -> &'static str {
    match result {
        Ok(_) => panic!("it was read"),
        Err(error) => error.code(),
    }
}
