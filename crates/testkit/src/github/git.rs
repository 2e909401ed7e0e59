//! The real `git` over the model's bare repositories: what branches hold, and fetch and push over smart HTTP
//! (gitprotocol-http(5)) by `git http-backend`.

use super::Merge;
use super::http::{Answer, Request};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Refuses what a protected branch refuses; the model writes the names beside it.
const UPDATE_HOOK: &str = "#!/bin/sh
if [ -n \"$MODEL_WITHOUT_WORKFLOWS\" ] && git rev-parse -q --verify \"$3^\" >/dev/null &&
  ! git diff --quiet \"$3^\" \"$3\" -- .github/workflows; then
  echo 'refusing to allow a GitHub App to create or update workflow without `workflows` permission' >&2
  exit 1
fi
if grep -qxF \"${1#refs/heads/}\" protected-branches 2>/dev/null; then
  echo 'error: GH006: Protected branch update failed.' >&2
  exit 1
fi
";
/// Where the hook reads them.
const PROTECTED: &str = "protected-branches";

fn program(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .current_dir(folder)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Octo")
            .env(format!("GIT_{who}_EMAIL"), "octo@example.org")
            .env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    command
}

/// What git says; `None` where it fails.
pub(super) fn ask(folder: &Path, arguments: &[&str], input: &[u8]) -> Option<String> {
    let mut child = program(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input).ok()?;
    let done = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    done.status.success().then_some(text)
}

/// An empty bare repository as GitHub serves it: single commits and filtered histories may be asked for.
pub(super) fn create(folder: &Path) {
    fs::create_dir_all(folder).expect("because the folder is ours");
    let init = ["init", "--quiet", "--bare", "--template=", "-b", "main", "."];
    ask(folder, &init, b"").expect("because git makes a repository");
    for (name, value) in [
        ("http.receivepack", "true"),
        ("uploadpack.allowFilter", "true"),
        ("uploadpack.allowAnySHA1InWant", "true"),
    ] {
        ask(folder, &["config", name, value], b"").expect("because git sets it");
    }
    let hook = folder.join("hooks/update");
    fs::create_dir_all(folder.join("hooks")).expect("because the folder is ours");
    fs::write(&hook, UPDATE_HOOK).expect("because the folder is ours");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("because the file is ours");
}

/// Pushes to these branches fail.
pub(super) fn protect(folder: &Path, branches: &[&str]) {
    fs::write(folder.join(PROTECTED), branches.join("\n") + "\n").expect("because the folder is ours");
}

/// What a branch holds.
pub(super) fn branch(folder: &Path, name: &str) -> Option<String> {
    ask(
        folder,
        &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")],
        b"",
    )
}

/// Every branch with its commit.
pub(super) fn branches(folder: &Path) -> BTreeMap<String, String> {
    let format = "--format=%(refname:lstrip=2) %(objectname)";
    let listed = ask(folder, &["for-each-ref", format, "refs/heads/"], b"").unwrap_or_default();
    let pairs = listed.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
}

/// A commit with these files on top of the branch, which is made where it is not there.
pub(super) fn commit(folder: &Path, name: &str, files: &[(&str, &str)]) -> String {
    let index = folder.join("model-index");
    let _gone = fs::remove_file(&index);
    let run = |arguments: &[&str], input: &[u8]| {
        let index = index.to_string_lossy().into_owned();
        let variable = format!("GIT_INDEX_FILE={index}");
        let mut words = vec!["-c", "core.bare=true"];
        words.extend(arguments);
        asked_with(folder, &variable, &words, input).expect("because git makes a commit")
    };
    let parent = branch(folder, name);
    if let Some(parent) = &parent {
        run(&["read-tree", parent], b"");
    }
    for (path, content) in files {
        let blob = run(&["hash-object", "-w", "--stdin"], content.as_bytes());
        let entry = format!("100644,{blob},{path}");
        run(&["update-index", "--add", "--cacheinfo", &entry], b"");
    }
    let tree = run(&["write-tree"], b"");
    let mut words = vec!["commit-tree", &tree, "-m", "change"];
    words.extend(parent.iter().flat_map(|p| ["-p", p.as_str()]));
    let made = run(&words, b"");
    run(&["update-ref", &format!("refs/heads/{name}"), &made], b"");
    made
}

/// Merges a commit into a branch with git's own rules, and with these files beside: what the branch holds then. `None`: it
/// conflicts.
pub(super) fn merge(
    folder: &Path,
    name: &str,
    head: &str,
    how: Merge,
    beside: &[(&str, &str)],
) -> Option<String> {
    let tip = branch(folder, name)?;
    let tree = ask(folder, &["merge-tree", "--write-tree", &tip, head], b"")?;
    let parents: &[&str] = match how {
        Merge::Commit => &["-p", &tip, "-p", head],
        Merge::Squash | Merge::Rebase => &["-p", &tip],
    };
    let merge = |tree: &str| {
        let words = [&["commit-tree", tree, "-m", "merge"], parents].concat();
        ask(folder, &words, b"")
    };
    let full = format!("refs/heads/{name}");
    let mut made = merge(&tree)?;
    if !beside.is_empty() {
        ask(folder, &["update-ref", "refs/heads/model-merge", &made], b"")?;
        let other = commit(folder, "model-merge", beside);
        ask(folder, &["update-ref", "-d", "refs/heads/model-merge"], b"")?;
        made = merge(&format!("{other}^{{tree}}"))?;
    }
    ask(folder, &["update-ref", &full, &made], b"")?;
    Some(made)
}

fn asked_with(folder: &Path, variable: &str, arguments: &[&str], input: &[u8]) -> Option<String> {
    let (name, value) = variable.split_once('=')?;
    let mut child = program(folder)
        .env(name, value)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input).ok()?;
    let done = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    done.status.success().then_some(text)
}

/// As whom git is asked.
pub(super) struct As {
    pub(super) login: String,
    /// What CI does may not be changed
    /// (<https://docs.github.com/apps/creating-github-apps/registering-a-github-app/choosing-permissions-for-a-github-app>).
    pub(super) without_workflows: bool,
}

/// Hands a request to `git http-backend` (RFC 3875). `inside` is the path below the repository, `/info/refs`.
pub(super) fn backend(folder: &Path, inside: &str, whom: &As, request: &Request) -> Option<Answer> {
    let mut command = program(folder);
    command
        .args(["http-backend"])
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", inside)
        .env("QUERY_STRING", &request.query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        .env("REMOTE_USER", &whom.login)
        .env("REMOTE_ADDR", "127.0.0.1");
    if whom.without_workflows {
        command.env("MODEL_WITHOUT_WORKFLOWS", "1");
    }
    if !request.header("content-encoding").is_empty() {
        command.env("HTTP_CONTENT_ENCODING", request.header("content-encoding"));
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let (mut pipe, body) = (child.stdin.take()?, request.body.clone());
    let feeding = std::thread::spawn(move || pipe.write_all(&body));
    let said = child.wait_with_output().ok()?.stdout;
    let _broken_pipe_is_fine = feeding.join();
    let end = said.windows(4).position(|w| w == b"\r\n\r\n")?;
    let mut answer = Answer {
        status: 200,
        headers: Vec::new(),
        body: said[end + 4..].to_vec(),
    };
    for field in String::from_utf8_lossy(&said[..end]).lines() {
        let (name, value) = field.split_once(": ")?;
        if name == "Status" {
            answer.status = value.get(..3)?.parse().ok()?;
        } else {
            answer.headers.push((name.to_owned(), value.to_owned()));
        }
    }
    Some(answer)
}
