//! A history becomes a real bare repository, by one run of `git fast-import`: fast, and without a work tree.

use super::history::{Commit, History};
use crate::Outcome;
use crate::command::{capture, failed, git, shown};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// The branch of both.
pub(super) const BRANCH: &str = "main";

/// Makes the repository at an unused path.
pub(super) fn create(path: &Path, history: &History) -> Outcome {
    let head = format!("--initial-branch={BRANCH}");
    capture(&mut git(path, &["init", "--quiet", "--bare", &head]))?;
    let mut command = git(path, &["fast-import", "--quiet", "--date-format=raw"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let broken = |e: std::io::Error| format!("`git fast-import` for {} failed: {e}", history.name);
    let mut child = command.spawn().map_err(broken)?;
    let mut input = child
        .stdin
        .take()
        .ok_or_else(|| format!("`{}` takes no input", shown(&command)))?;
    // Its answer says more than a broken pipe does.
    let _ = input.write_all(&stream(history));
    drop(input);
    let output = child.wait_with_output().map_err(broken)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(&command, &output)),
    }
}

/// What `git fast-import` reads.
fn stream(history: &History) -> Vec<u8> {
    let mut out = Vec::new();
    for commit in history.commits {
        out.extend_from_slice(&header(commit));
        for (path, text) in commit.files {
            out.extend_from_slice(format!("M 100644 inline {path}\n").as_bytes());
            data(&mut out, text);
        }
        out.push(b'\n');
    }
    out
}

fn header(commit: &Commit) -> Vec<u8> {
    let Commit {
        author, at, message, ..
    } = commit;
    let mut out =
        format!("commit refs/heads/{BRANCH}\nauthor {author} {at} +0200\ncommitter {author} {at} +0200\n")
            .into_bytes();
    data(&mut out, &format!("{message}\n"));
    out
}

fn data(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("data {}\n{text}\n", text.len()).as_bytes());
}
