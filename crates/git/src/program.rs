//! The only place that runs the `git` program: with a scrubbed environment, a deadline and bounded output.
//!
//! What a repository or this machine configures must never run here: no hook, helper, filter, pager, prompt
//! or fsmonitor (INV-5). Children get a process group of their own that is killed when the deadline passes or
//! the caller goes away. They run in our own mirrors and benches only, never in a registered repository. Over a network
//! they speak to one address, with what that one is owed in the environment and never among the arguments; a child that
//! writes there dies with us, even when we are killed or stopped (hazard 38).

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
/// Longest life of a `git` that fetches over a network.
pub(crate) const FETCH_DEADLINE: Duration = Duration::from_secs(300);
/// Longest life of a `git` that only asks over a network.
pub(crate) const ASK_DEADLINE: Duration = Duration::from_secs(20);
/// Longest life of a `git` that writes over a network: below the deadline of an attempt, and that is below the lease.
pub(crate) const PUSH_DEADLINE: Duration = Duration::from_secs(25);
const _: () = assert!(
    PUSH_DEADLINE.as_millis() < countersign_core::permit::REMOTE_WRITE_MAX_MS as u128,
    "a push ends before its attempt does"
);
/// Most bytes of a ref advertisement that are read.
pub(crate) const ADVERTISED_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Where `git` is looked for, whatever the caller's `PATH` says.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The whole environment of the child, besides [`CONFIG`].
const ENVIRONMENT: [(&str, &str); 15] = [
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

/// What `git` may speak unless it is told an address.
const LOCAL_PROTOCOL: &str = "file";

/// Where a `git` may go over a network, and for how long.
pub(crate) struct Network<'n> {
    /// The one protocol that it may speak.
    pub(crate) protocol: &'static str,
    /// Settings for this call alone, such as what it is to say there.
    pub(crate) settings: &'n [(String, String)],
    /// It is ended after this time.
    pub(crate) limit: Duration,
    /// Most bytes that are kept of its standard output.
    pub(crate) stdout_max: u64,
    /// It writes there.
    pub(crate) writes: bool,
}

/// Runs `$@` with a line to us, whose end ends the whole process group; so does the time limit, `$0` seconds, should we be
/// stopped. (A parent-death signal would reach the child and not the grandchild that holds the connection.)
const ON_A_LIFELINE: &str = "exec 3<&0 </dev/null
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
(sleep \"$0\"; kill -KILL 0) >/dev/null 2>&1 &
\"$@\" 3<&-";

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

/// Like [`run`], over a network.
pub(crate) fn reach<I, S>(
    kind: &'static str,
    folder: &Path,
    args: I,
    network: &Network<'_>,
) -> Result<Finished, TreesError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = match network.writes {
        true => on_a_lifeline(folder, network),
        false => command(folder, network.protocol, network.settings),
    };
    command.args(args);
    let line = match network.writes {
        true => Input::HeldOpen,
        false => Input::Bytes(&[]),
    };
    watched(kind, command, line, network.limit, network.stdout_max)
}

fn on_a_lifeline(folder: &Path, network: &Network<'_>) -> Command {
    let mut command = Command::new("/bin/sh");
    let seconds = network.limit.as_secs().max(1).to_string();
    command.args(["-c", ON_A_LIFELINE, &seconds, "git"]);
    surround(&mut command, folder, network.protocol, network.settings);
    command
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
    let mut command = command(folder, LOCAL_PROTOCOL, &[]);
    command.args(args);
    watched(kind, command, Input::Bytes(input), limit, OUTPUT_MAX_BYTES)
}

/// What a child reads.
enum Input<'i> {
    /// These, and then the end.
    Bytes(&'i [u8]),
    /// Nothing, and no end before ours.
    HeldOpen,
}

fn watched(
    kind: &'static str,
    command: Command,
    input: Input<'_>,
    limit: Duration,
    stdout_max: u64,
) -> Result<Finished, TreesError> {
    let span = tracing::debug_span!("git", kind, duration_ms = tracing::field::Empty);
    let _entered = span.enter();
    let started = Instant::now();
    let finished = supervise(command, input, started + limit, stdout_max);
    span.record(
        "duration_ms",
        u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    );
    finished.map_err(|failure| failure.into_error(kind, limit))
}

fn command(folder: &Path, protocol: &str, settings: &[(String, String)]) -> Command {
    let mut command = Command::new("git");
    surround(&mut command, folder, protocol, settings);
    command
}

/// Gives a child its whole environment, a group of its own, and pipes.
fn surround(command: &mut Command, folder: &Path, protocol: &str, settings: &[(String, String)]) {
    command
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir(folder)
        .process_group(0);
    let count = CONFIG.len() + settings.len();
    command
        .env("GIT_CEILING_DIRECTORIES", "/")
        .env("GIT_ALLOW_PROTOCOL", protocol)
        .env("GIT_CONFIG_COUNT", count.to_string());
    let own = settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (i, (key, value)) in CONFIG.into_iter().chain(own).enumerate() {
        command
            .env(format!("GIT_CONFIG_KEY_{i}"), key)
            .env(format!("GIT_CONFIG_VALUE_{i}"), value);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
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

fn supervise(
    mut command: Command,
    input: Input<'_>,
    deadline: Instant,
    stdout_max: u64,
) -> Result<Finished, Failure> {
    let child = command.spawn().map_err(Failure::Start)?;
    let mut child = Leash { child, done: false };
    let stdout = child.child.stdout.take().map(|pipe| collect(pipe, stdout_max));
    let stderr = child
        .child
        .stderr
        .take()
        .map(|pipe| collect(pipe, OUTPUT_MAX_BYTES));
    let _held_open = match (child.child.stdin.take(), input) {
        (Some(pipe), Input::Bytes(bytes)) => {
            give(pipe, bytes);
            None
        }
        (line, Input::HeldOpen) => line,
        (None, Input::Bytes(_)) => None,
    };
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
fn collect(mut pipe: impl Read + Send + 'static, most: u64) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _error_is_end = pipe.by_ref().take(most).read_to_end(&mut kept);
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
        let mut list = command(folder.path(), LOCAL_PROTOCOL, &[]);
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

    /// Whether it comes true while the machine finds time for it.
    fn soon(is_so: impl Fn() -> bool) -> bool {
        (0..2_000).any(|_| {
            is_so() || {
                thread::sleep(Duration::from_millis(10));
                false
            }
        })
    }

    /// A push that hangs with a grandchild, and the number of that one.
    fn hanging(folder: &Path, limit: Duration) -> (Child, std::path::PathBuf) {
        let pid = folder.join("pid");
        let hang = format!("!sh -c 'echo $$ > {}; sleep 60'", pid.display());
        let settings = [("alias.hang".to_owned(), hang)];
        let network = Network {
            protocol: "https",
            settings: &settings,
            limit,
            stdout_max: OUTPUT_MAX_BYTES,
            writes: true,
        };
        let mut command = on_a_lifeline(folder, &network);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.arg("hang").spawn().expect("it starts");
        let written = || std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'));
        assert!(soon(written), "it must start");
        let number = std::fs::read_to_string(&pid).expect("it is there");
        (child, Path::new("/proc").join(number.trim()).join("cwd"))
    }

    #[test]
    fn a_push_ends_with_us_and_takes_its_grandchildren_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut child, grandchild) = hanging(folder.path(), Duration::from_secs(60));
        assert!(grandchild.exists());
        // What the kernel does when we are killed.
        drop(child.stdin.take());
        let status = child.wait().expect("it ends");
        assert!(!status.success());
        assert!(soon(|| !grandchild.exists()), "the grandchild must be gone");
    }

    #[test]
    fn a_push_ends_in_time_even_while_we_are_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut child, grandchild) = hanging(folder.path(), Duration::from_secs(1));
        // Nobody watches it from here, and the line stays open.
        let line = child.stdin.take();
        assert!(!child.wait().expect("it ends").success());
        assert!(soon(|| !grandchild.exists()), "the grandchild must be gone");
        drop(line);
    }

    #[test]
    fn what_a_call_is_owed_is_in_no_argument() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = [("http.https://h/.extraHeader".to_owned(), "canary".to_owned())];
        for writes in [false, true] {
            let network = Network {
                protocol: "https",
                settings: &settings,
                limit: DEADLINE,
                stdout_max: OUTPUT_MAX_BYTES,
                writes,
            };
            let made = match writes {
                true => on_a_lifeline(folder.path(), &network),
                false => command(folder.path(), network.protocol, network.settings),
            };
            assert!(!made.get_args().any(|a| a.to_string_lossy().contains("canary")));
            assert!(made.get_envs().any(|(_, v)| v.is_some_and(|v| v == "canary")));
            let protocol = made.get_envs().find(|(k, _)| *k == "GIT_ALLOW_PROTOCOL");
            assert_eq!(protocol.and_then(|(_, v)| v), Some(OsStr::new("https")));
        }
    }
}
