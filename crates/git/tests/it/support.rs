//! Real git repositories in throwaway folders, made with the real `git` and no configuration of this machine.

use countersign_core::id::{BranchName, CommitSha, RepositoryId};
use countersign_ports::trees::RepoSource;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Octal mode and content.
pub(crate) type Content = (&'static str, Vec<u8>);
/// Path → mode and content.
pub(crate) type Files = BTreeMap<Vec<u8>, Content>;

/// A regular file.
pub(crate) fn file(path: &str, content: &str) -> (Vec<u8>, Content) {
    (path.as_bytes().to_vec(), ("100644", content.as_bytes().to_vec()))
}

/// Any entry.
pub(crate) fn entry(path: &[u8], mode: &'static str, content: &[u8]) -> (Vec<u8>, Content) {
    (path.to_vec(), (mode, content.to_vec()))
}

/// Numbered lines.
pub(crate) fn numbered(from: u32, to: u32) -> String {
    (from..=to).map(|i| format!("line {i}\n")).collect()
}

/// One repository and room for mirrors.
pub(crate) struct Sandbox {
    pub(crate) dir: TempDir,
    pub(crate) repo: PathBuf,
}

impl Sandbox {
    /// An empty repository with a work tree, on branch `main`.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let repo = dir.path().join("repo");
        fs::create_dir_all(dir.path().join("home")).expect("a home");
        let sandbox = Self { dir, repo };
        sandbox.git_in(
            sandbox.dir.path(),
            ["init", "--quiet", "--initial-branch=main", "repo"],
        );
        sandbox
    }

    /// A repository whose `main` holds these files.
    pub(crate) fn with(files: &Files) -> Self {
        let sandbox = Self::empty();
        sandbox.commit("main", files);
        sandbox.git(["reset", "--quiet", "--hard"]);
        sandbox
    }

    pub(crate) fn mirrors(&self) -> PathBuf {
        self.dir.path().join("mirrors")
    }

    pub(crate) fn git_dir(&self) -> PathBuf {
        fs::canonicalize(self.repo.join(".git")).expect("a git folder")
    }

    pub(crate) fn source(&self) -> RepoSource {
        RepoSource::folder(RepositoryId::local(1), self.git_dir())
    }

    /// The real program, as a user would run it.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .current_dir(folder)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
            .env("HOME", self.dir.path().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for (who, date) in [("AUTHOR", "1700000000 +0000"), ("COMMITTER", "1700000000 +0000")] {
            command
                .env(format!("GIT_{who}_NAME"), "Test")
                .env(format!("GIT_{who}_EMAIL"), "test@example.com");
            command.env(format!("GIT_{who}_DATE"), date);
        }
        command
    }

    pub(crate) fn git<const N: usize>(&self, args: [&str; N]) -> String {
        self.git_in(&self.repo, args)
    }

    pub(crate) fn git_in<const N: usize>(&self, folder: &Path, args: [&str; N]) -> String {
        let mut command = self.command(folder);
        command.args(args);
        String::from_utf8_lossy(&feed(command, b"").expect("git succeeds"))
            .trim()
            .to_owned()
    }

    pub(crate) fn git_bytes<const N: usize>(&self, args: [&str; N], input: &[u8]) -> Result<Vec<u8>, String> {
        let mut command = self.command(&self.repo);
        command.args(args);
        feed(command, input)
    }

    /// Makes a tree of exactly these files, a commit on top of the branch, and moves the branch there.
    pub(crate) fn commit(&self, branch: &str, files: &Files) -> CommitSha {
        let tree = self.tree(files);
        let full = format!("refs/heads/{branch}");
        let parent = self
            .git_bytes(["rev-parse", "--quiet", "--verify", &full], b"")
            .ok();
        let parent = parent.map(|p| String::from_utf8_lossy(&p).trim().to_owned());
        let commit = match &parent {
            Some(parent) => self.git(["commit-tree", &tree, "-p", parent, "-m", "change"]),
            None => self.git(["commit-tree", &tree, "-m", "first"]),
        };
        self.git(["update-ref", &full, &commit]);
        CommitSha::parse(&commit).expect("a commit id")
    }

    /// Writes a tree of exactly these files.
    pub(crate) fn tree(&self, files: &Files) -> String {
        let mut listing = Vec::new();
        for (path, (mode, content)) in files {
            let id = if *mode == "160000" {
                content.clone()
            } else {
                let id = self
                    .git_bytes(["hash-object", "-w", "--stdin"], content)
                    .expect("a blob");
                id.trim_ascii().to_vec()
            };
            listing.extend_from_slice(format!("{mode} ").as_bytes());
            listing.extend_from_slice(&id);
            listing.push(b'\t');
            listing.extend_from_slice(path);
            listing.push(0);
        }
        self.with_index(None, ["update-index", "-z", "--index-info"], &listing)
            .expect("an index")
    }

    /// What `git apply --cached` makes of a diff on a tree, or its complaint.
    pub(crate) fn git_apply(&self, base: &str, diff: &[u8]) -> Result<String, String> {
        self.with_index(Some(base), ["apply", "--cached", "--whitespace=nowarn"], diff)
    }

    /// Runs one command on a throwaway index that starts as `base`, and writes the tree.
    fn with_index<const N: usize>(
        &self,
        base: Option<&str>,
        args: [&str; N],
        input: &[u8],
    ) -> Result<String, String> {
        let index = tempfile::tempdir_in(self.dir.path()).expect("a folder");
        let run = |args: &[&str], input: &[u8]| {
            let mut command = self.command(&self.repo);
            command
                .env("GIT_INDEX_FILE", index.path().join("index"))
                .args(args);
            feed(command, input)
        };
        run(&["read-tree", base.unwrap_or("--empty")], b"")?;
        run(&args, input)?;
        Ok(String::from_utf8_lossy(&run(&["write-tree"], b"")?)
            .trim()
            .to_owned())
    }

    /// What a user would submit: git's own diff between two commits.
    pub(crate) fn diff(&self, from: &str, to: &str) -> Vec<u8> {
        self.git_bytes(["diff", "-M", "-C", "--no-ext-diff", from, to], b"")
            .expect("a diff")
    }

    /// Every file below the repository with its bytes and time, for "nothing else was touched".
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
        snapshot_of(&self.repo)
    }
}

/// Every file below a folder with its bytes and time.
pub(crate) fn snapshot_of(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    collect(folder, &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        if metadata.is_dir() {
            collect(&path, found);
        } else if metadata.is_file() {
            let modified = metadata.modified().expect("a time");
            found.insert(path.clone(), (fs::read(&path).expect("content"), modified));
        }
    }
}

pub(crate) fn feed(mut command: Command, input: &[u8]) -> Result<Vec<u8>, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("git starts");
    let mut stdin = child.stdin.take().expect("stdin");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let done = child.wait_with_output().expect("git ends");
    let _broken_pipe_is_fine = writer.join().expect("the writer ends");
    if done.status.success() {
        Ok(done.stdout)
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

pub(crate) fn branch(name: &str) -> BranchName {
    BranchName::parse(name).expect("a branch name")
}
