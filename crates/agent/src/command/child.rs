//! One run of the program: its own process group, a scrubbed environment, bounded pipes, and an end.
//!
//! Whatever happens (an answer, a deadline, a dropped call), the whole process group is killed. Only a program
//! without confinement can move its children into other groups and escape that; it could do anything else, too.

use super::launch::{Group as Origin, Launch};
use crate::answer::{malformed, past_deadline, unavailable};
use crate::text::visible;
use countersign_ports::agent::{AgentError, OUTPUT_MAX_BYTES};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};
use tokio::sync::oneshot;

/// How much of the end of standard error is kept.
const STDERR_MAX_BYTES: usize = 64 << 10;
/// How much of it is quoted in a message.
const QUOTED_LINES: usize = 5;
const QUOTED_MAX_CHARS: usize = 2_000;
/// How long pipes may stay open after the program itself has ended.
const PIPES_GRACE: Duration = Duration::from_secs(2);
/// Read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// A run to be made.
pub(super) struct Child {
    /// What is started.
    pub(super) launch: Launch,
    /// How long it may take.
    pub(super) deadline: Duration,
}

/// A run that ended by itself.
pub(super) struct Run {
    /// All of standard output.
    pub(super) stdout: Vec<u8>,
    /// The end of standard error.
    pub(super) stderr: Vec<u8>,
    /// How it ended.
    pub(super) status: ExitStatus,
}

impl Child {
    /// Runs the program with `input` on its standard input.
    ///
    /// # Errors
    /// `Unavailable` when it can't be started, takes too long or leaves a process behind that holds its
    /// output; `Malformed` when it writes too much.
    pub(super) async fn run(&self, input: Vec<u8>) -> Result<Run, AgentError> {
        let (mut child, _parent) = self.spawn().await.map_err(|e| {
            let program = self.launch.program.display();
            unavailable(
                "command-not-started",
                format!("`{program}` can't be started: {e}"),
            )
        })?;
        let group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            // Ends at once when there is too much output, whatever the program does then.
            let pipes = async { tokio::try_join!(feed(stdin, input), read_all(stdout), read_end(stderr)) };
            let (stdout, stderr) = tokio::select! {
                read = pipes => read.map(|((), stdout, stderr)| (stdout, stderr))?,
                () = ended_long_ago(&mut child, &group) => return Err(left_behind()),
            };
            let status = child.wait().await.map_err(lost)?;
            group.kill();
            Ok(Run {
                stdout,
                stderr,
                status,
            })
        };
        let outcome = tokio::time::timeout(self.deadline, talk).await;
        group.kill();
        // After the kill this is short; it makes sure that no zombie is left when the answer is out.
        let _ = tokio::time::timeout(PIPES_GRACE, child.wait()).await;
        outcome.map_err(|_| past_deadline(self.deadline.as_secs()))?
    }

    /// Starts it from a thread that lasts as long as what is given along: bubblewrap ends when the *thread*
    /// that started it does (prctl(2), `PR_SET_PDEATHSIG`), and a runtime's threads come and go.
    async fn spawn(&self) -> io::Result<(tokio::process::Child, mpsc::Sender<()>)> {
        let launch = &self.launch;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .current_dir(&launch.folder)
            .env_clear()
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        match launch.group {
            Origin::Given => {
                command.process_group(0);
            }
            Origin::OwnSession => {}
        }
        let (sender, receiver) = oneshot::channel();
        let (alive, until_dropped) = mpsc::channel::<()>();
        let runtime = tokio::runtime::Handle::current();
        thread::Builder::new().name("command".to_owned()).spawn(move || {
            let _within = runtime.enter();
            // Nobody listens when the call was dropped; then the child is, too, and killed.
            let _ = sender.send(command.spawn());
            let _ = until_dropped.recv();
        })?;
        let child = receiver.await.map_err(io::Error::other)??;
        Ok((child, alive))
    }
}

/// The program's process group; killed once, at the latest when this is dropped.
///
/// Once, because the number of a group that is gone may be given to another one some day.
struct Group {
    leader: Option<Pid>,
    killed: AtomicBool,
}

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self {
            leader,
            killed: AtomicBool::new(false),
        }
    }

    /// Ends every process of the group. A group that is gone is fine.
    fn kill(&self) {
        if let (Some(leader), false) = (self.leader, self.killed.swap(true, Ordering::Relaxed)) {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program may end without reading its input; that is its own business.
async fn feed(stdin: Option<ChildStdin>, input: Vec<u8>) -> Result<(), AgentError> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&input).await;
        let _ = stdin.shutdown().await;
    }
    Ok(())
}

async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, AgentError> {
    let mut all = Vec::new();
    if let Some(pipe) = pipe {
        let limit = OUTPUT_MAX_BYTES as u64 + 1;
        pipe.take(limit).read_to_end(&mut all).await.map_err(lost)?;
    }
    if all.len() > OUTPUT_MAX_BYTES {
        let message =
            format!("the command wrote more than {OUTPUT_MAX_BYTES} bytes; it has to answer with less");
        return Err(malformed("command-output-too-large", message));
    }
    Ok(all)
}

/// Reads to the end and keeps only the last bytes.
async fn read_end(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, AgentError> {
    let mut end = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(end) };
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        end.extend_from_slice(&chunk[..read]);
        let over = end.len().saturating_sub(STDERR_MAX_BYTES);
        end.drain(..over);
    }
    Ok(end)
}

/// Resolves when the program ended a while ago and its pipes are still open.
async fn ended_long_ago(child: &mut tokio::process::Child, group: &Group) {
    let _ = child.wait().await;
    group.kill();
    tokio::time::sleep(PIPES_GRACE).await;
}

fn left_behind() -> AgentError {
    unavailable(
        "command-left-a-process",
        "the command ended, but a process that it started still holds its output open",
    )
}

fn lost(error: io::Error) -> AgentError {
    unavailable(
        "command-lost",
        format!("the command's answer could not be read: {error}"),
    )
}

/// The last lines of standard error, as the end of a sentence.
pub(super) fn last_words(stderr: &[u8]) -> String {
    let text = visible(stderr);
    let mut lines: Vec<&str> = text
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(QUOTED_LINES)
        .collect();
    lines.reverse();
    if lines.is_empty() {
        return "it wrote nothing on standard error".to_owned();
    }
    let joined = lines.join("\n");
    let from = joined.chars().count().saturating_sub(QUOTED_MAX_CHARS);
    format!(
        "the end of its standard error:\n{}",
        joined.chars().skip(from).collect::<String>()
    )
}
