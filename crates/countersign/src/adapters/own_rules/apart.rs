//! Runs rules in a process of their own: this very program, started again without environment and with limits of
//! memory and time. A rule can keep the parser busy without end or ask for more memory than there is; neither may end
//! or hold up whoever asks.

use super::APART;
use countersign_core::facts::Facts;
use countersign_core::policy::{Finding, NoAnswer, RuleText};
use countersign_engine::OwnRules;
use countersign_rego::{Answer, Request, answer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Most memory of the process, in bytes of addresses.
const MEMORY_MAX_BYTES: u64 = 1 << 30;
/// Most processor time of it, in seconds; what rules may take together is less.
const PROCESSOR_MAX_SECONDS: u64 = 5;
/// When it is no longer waited for, on a machine that has no time for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: u64 = 4 << 20;
/// Longest request that is read, in bytes.
const REQUEST_MAX_BYTES: u64 = 256 << 20;

/// Runs them apart.
pub(crate) struct Apart;

impl OwnRules for Apart {
    fn judge(&self, rules: &[RuleText], facts: &Facts) -> Result<Vec<Finding>, NoAnswer> {
        let request = Request {
            rules: rules.to_vec(),
            facts: serde_json::to_string(facts)
                .map_err(|e| failed(format!("no facts could be made: {e}")))?,
        };
        let request =
            serde_json::to_vec(&request).map_err(|e| failed(format!("no request could be made: {e}")))?;
        match asked(request)? {
            Answer::Found(findings) => Ok(findings),
            Answer::Refused(refused) => Err(refused),
        }
    }
}

fn failed(why: String) -> NoAnswer {
    NoAnswer::of_all("own-rules-failed", why)
}

fn asked(request: Vec<u8>) -> Result<Answer, NoAnswer> {
    let not_started = |e: io::Error| failed(format!("the process that runs them can't be started: {e}"));
    let program = std::env::current_exe().map_err(not_started)?;
    let mut child = Command::new(program)
        .arg(APART)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(not_started)?;
    let talk = talk(&mut child, request);
    let said = talk.recv_timeout(PATIENCE);
    // It has answered, or it never will.
    let _gone = child.kill();
    let status = child.wait();
    let bytes = said.unwrap_or_default();
    serde_json::from_slice(&bytes).map_err(|_| no_answer(status.ok()))
}

/// Talks from a thread, so that neither a full pipe nor an empty one can hold us up.
fn talk(child: &mut Child, request: Vec<u8>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let pipes = (child.stdin.take(), child.stdout.take());
    std::thread::spawn(move || {
        let (Some(mut into), Some(out)) = pipes else {
            return;
        };
        // It may end before it has read everything; its answer, or that there is none, says why.
        let _ended = into.write_all(&request);
        drop(into);
        let mut answer = Vec::new();
        if out.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).is_ok() {
            // Nobody waits any more after the patience.
            let _late = sender.send(answer);
        }
    });
    receiver
}

fn no_answer(status: Option<ExitStatus>) -> NoAnswer {
    let how = match status.and_then(|status| status.signal()) {
        Some(signal) => format!("was ended by signal {signal}"),
        None => "ended without an answer".to_owned(),
    };
    failed(format!(
        "the process that ran them {how}: they take more than {PROCESSOR_MAX_SECONDS} s or {} MiB; make them smaller",
        MEMORY_MAX_BYTES >> 20
    ))
}

/// What this program does when it is started for that: answers one request. Gives the exit code.
pub(crate) fn answer_apart() -> i32 {
    match answered() {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("countersign: {why}");
            1
        }
    }
}

fn answered() -> io::Result<()> {
    for (resource, limit) in [
        (Resource::As, MEMORY_MAX_BYTES),
        (Resource::Cpu, PROCESSOR_MAX_SECONDS),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        // Who started us may have set a lower one.
        let most = getrlimit(resource).maximum.map_or(limit, |most| most.min(limit));
        let both = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, both)?;
    }
    let mut request = Vec::new();
    io::stdin().take(REQUEST_MAX_BYTES).read_to_end(&mut request)?;
    let answer = serde_json::to_vec(&answer(&request))?;
    io::stdout().write_all(&answer)
}
