//! The only place that runs the `git` program: with a scrubbed environment, a deadline and bounded output.
//!
//! What a repository or this machine configures must never run here: no hook, helper, filter, pager, prompt
//! or fsmonitor (INV-5). Children get a process group of their own that is killed when the deadline passes or
//! the caller goes away. They run in our own mirrors and benches only, never in a registered repository.

use crate::error::{cause, from_io, unavailable, unsupported};
use countersign_ports::trees::TreesError;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest life of one `git` process.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// Most bytes that we keep of what `git` says on stdout, and on stderr.
const OUTPUT_MAX_BYTES: u64 = 64 * 1024;
/// How often a running `git` is looked at.
const POLL: Duration = Duration::from_millis(5);
/// Where `git` is looked for, whatever the caller's `PATH` says.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The whole environment of the child, besides [`CONFIG`].
const ENVIRONMENT: [(&str, &str); 16] = [
    ("PATH", SEARCH_PATH),
    ("HOME", "/nonexistent"),
    ("XDG_CONFIG_HOME", "/nonexistent"),
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "/bin/false"),
    ("SSH_ASKPASS", "/bin/false"),
    ("GIT_LFS_SKIP_SMUDGE", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_ALLOW_PROTOCOL", "file"),
    ("GIT_ALLOC_LIMIT", ALLOC_MAX),
];
/// Largest piece of memory that `git` may ask for at once: what inflates to more ends it.
const ALLOC_MAX: &str = "1g";

/// Settings that win over every configuration file.
const CONFIG: [(&str, &str); 11] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("credential.helper", ""),
    ("http.followRedirects", "false"),
    ("transfer.fsckObjects", "true"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
];

/// What a finished `git` left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    /// What git said, as one short line without its advice.
    pub(crate) fn said(&self) -> String {
        let lines = self.stderr.lines().filter(|l| !l.starts_with("hint:"));
        cause(&lines.collect::<Vec<_>>().join("; "))
    }
}

/// Runs `git` with these arguments in a folder. `kind` names the call in traces; arguments aren't logged.
pub(crate) fn run<I, S>(kind: &'static str, folder: &Path, args: I) -> Result<Finished, TreesError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    feed(kind, folder, args, &[])
}

/// Like [`run`], with bytes on its standard input.
pub(crate) fn feed<I, S>(
    kind: &'static str,
    folder: &Path,
    args: I,
    input: &[u8],
) -> Result<Finished, TreesError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    run_until(kind, folder, args, input, DEADLINE)
}

fn run_until<I, S>(
    kind: &'static str,
    folder: &Path,
    args: I,
    input: &[u8],
    limit: Duration,
) -> Result<Finished, TreesError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let span = tracing::debug_span!("git", kind, duration_ms = tracing::field::Empty);
    let _entered = span.enter();
    let started = Instant::now();
    let mut command = command(folder);
    command.args(args);
    let finished = supervise(command, input, started + limit);
    span.record(
        "duration_ms",
        u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    );
    finished.map_err(|failure| failure.into_error(kind, limit))
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir(folder)
        .process_group(0);
    command
        .env("GIT_CEILING_DIRECTORIES", "/")
        .env("GIT_CONFIG_COUNT", CONFIG.len().to_string());
    for (i, (key, value)) in CONFIG.iter().enumerate() {
        command
            .env(format!("GIT_CONFIG_KEY_{i}"), key)
            .env(format!("GIT_CONFIG_VALUE_{i}"), value);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

enum Failure {
    Start(io::Error),
    Wait(io::Error),
    Deadline,
}

impl Failure {
    fn into_error(self, kind: &str, limit: Duration) -> TreesError {
        match self {
            Failure::Start(error) if error.kind() == io::ErrorKind::NotFound => unsupported(
                "git-missing",
                format!("The program `git` was not found in {SEARCH_PATH}. Install git, then retry."),
            ),
            Failure::Start(error) | Failure::Wait(error) => from_io(&format!("Running git {kind}"), &error),
            Failure::Deadline => unavailable(
                "git-timeout",
                format!(
                    "git {kind} did not finish within {} s and was ended. Retry later.",
                    limit.as_secs()
                ),
            ),
        }
    }
}

fn supervise(mut command: Command, input: &[u8], deadline: Instant) -> Result<Finished, Failure> {
    let child = command.spawn().map_err(Failure::Start)?;
    let mut child = Leash { child, done: false };
    let stdout = child.child.stdout.take().map(collect);
    let stderr = child.child.stderr.take().map(collect);
    if let Some(pipe) = child.child.stdin.take() {
        give(pipe, input);
    }
    let status = loop {
        if let Some(status) = child.child.try_wait().map_err(Failure::Wait)? {
            break status;
        }
        if Instant::now() >= deadline {
            return Err(Failure::Deadline);
        }
        thread::sleep(POLL);
    };
    child.end();
    Ok(Finished {
        status,
        stdout: joined(stdout),
        stderr: String::from_utf8_lossy(&joined(stderr)).into_owned(),
    })
}

/// Kills the whole process group when dropped, so that no grandchild outlives the call.
struct Leash {
    child: Child,
    done: bool,
}

impl Leash {
    fn end(&mut self) {
        if !self.done {
            self.done = true;
            if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                // The group may be gone already, which is what we want.
                let _gone = kill_process_group(group, Signal::KILL);
            }
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.end();
        let _reaped = self.child.wait();
    }
}

/// Writes beside the child, which may end without reading: then the pipe breaks, and its status tells why.
fn give(mut pipe: impl Write + Send + 'static, input: &[u8]) {
    if input.is_empty() {
        return;
    }
    let input = input.to_vec();
    thread::spawn(move || {
        let _broken_is_fine = pipe.write_all(&input);
    });
}

/// Reads to the end so that the child never blocks, and keeps the first bytes.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _error_is_end = pipe.by_ref().take(OUTPUT_MAX_BYTES).read_to_end(&mut kept);
        let _rest = io::copy(&mut pipe, &mut io::sink());
        kept
    })
}

fn joined(reader: Option<JoinHandle<Vec<u8>>>) -> Vec<u8> {
    reader.and_then(|r| r.join().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_sees_only_our_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut list = command(folder.path());
        let done = list
            .args(["config", "--list", "--show-origin"])
            .stdout(Stdio::piped())
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert_eq!(text.lines().count(), CONFIG.len(), "{text}");
        assert!(text.lines().all(|l| l.starts_with("command line:")), "{text}");
    }

    #[test]
    fn git_gets_its_input_and_gives_its_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let many = vec![b'x'; 300_000];
        let done = feed("hash-object", folder.path(), ["hash-object", "--stdin"], &many).expect("it runs");
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &many);
        let id = id.expect("an id").to_string();
        assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), id);
        let deaf = feed("version", folder.path(), ["version"], &many).expect("it runs");
        assert!(deaf.status.success(), "input that nobody reads does no harm");
    }

    #[test]
    fn a_git_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let hang = format!("!sh -c 'echo $$ > {}; sleep 60'", pid.display());
        let alias = ["-c".to_owned(), format!("alias.hang={hang}"), "hang".to_owned()];
        let error =
            run_until("hang", folder.path(), alias, &[], Duration::from_millis(400)).expect_err("it hangs");
        assert_eq!(error.code(), "git-timeout");
        let child = std::fs::read_to_string(&pid).expect("it started");
        let entry = Path::new("/proc").join(child.trim()).join("cwd");
        // A killed process lingers until the machine finds time for it.
        let gone = || {
            (0..500).any(|_| {
                !entry.exists() || {
                    std::thread::sleep(Duration::from_millis(20));
                    false
                }
            })
        };
        assert!(gone(), "the grandchild must be gone");
    }
}
