//! `patch apply --batch`: many diffs over many bases of one repository, one answer per line, in order.
//!
//! All bases of a window of lines are copied by one fetch into a folder that is thrown away; a base is copied
//! once as long as there is room. The repository itself is only read.

use super::lines::{Incoming, LINE_MAX_BYTES, Lines};
use crate::commands::throwaway::{Throwaway, blocking};
use crate::error::{CliError, Exit};
use crate::session::App;
use crate::terminal::Terminal;
use crate::wire::{AppliedWire, BatchAnswer, BatchId, BatchLine, BatchOutcome, RefusedWire};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::id::{BranchName, CommitSha};
use countersign_ports::trees::{ApplyRefusal, Trees as _, TreesError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Most bases that are kept at a time; then the copy is thrown away and begun anew.
const BASES_MAX: usize = 4_096;
/// Most diffs that are applied at the same time.
const WORKERS_MAX: usize = 8;
/// Where a refusal is about the line and not about its diff.
const PLACE_BASE: &str = "base";
const PLACE_REPOSITORY: &str = "the repository";

/// One line, read.
struct Job {
    id: BatchId,
    base: CommitSha,
    diff: Vec<u8>,
}

/// A line whose answer is known before anything is applied, or not.
type Prepared = Result<Job, BatchAnswer>;

/// `patch apply --batch`.
pub(super) async fn batch(app: &App, repo: &Path) -> Result<Exit, CliError> {
    let copy = Throwaway::of(repo).await?;
    let terminal = app.terminal.clone();
    blocking(move || {
        let mut desk = Desk {
            copy,
            kept: BTreeSet::new(),
            line: 0,
        };
        let lines = Lines::of(std::io::stdin());
        loop {
            let window = lines.window().map_err(|e| {
                CliError::internal(
                    "stdin-unreadable",
                    format!("standard input can't be read any further: {e}"),
                )
            })?;
            if window.is_empty() || !desk.answer(window, &terminal)? {
                return Ok(Exit::Ok);
            }
        }
    })
    .await?
}

struct Desk {
    copy: Throwaway,
    kept: BTreeSet<CommitSha>,
    line: u64,
}

impl Desk {
    /// Answers a window of lines; `false`: nobody reads the answers any more.
    fn answer(&mut self, window: Vec<Incoming>, terminal: &Terminal) -> Result<bool, CliError> {
        let mut prepared = Vec::with_capacity(window.len());
        for line in window {
            self.line += 1;
            prepared.push(self.read(&line));
        }
        let prepared = self.keep_bases(prepared)?;
        Ok(self.apply_all(prepared, terminal))
    }

    fn read(&self, line: &Incoming) -> Prepared {
        let bad = |what: String| Err(refusal(None, "bad-line", what, format!("line {}", self.line)));
        let bytes = match line {
            Incoming::Line(bytes) => bytes,
            Incoming::TooLong => {
                return bad(format!(
                    "The line has more than {LINE_MAX_BYTES} bytes and was skipped. Split the change."
                ));
            }
        };
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return bad(
                "The line is no JSON object. Give one with `id`, `base` and `diff` per line.".to_owned(),
            );
        }
        let line: BatchLine = match serde_json::from_slice(bytes) {
            Ok(line) => line,
            Err(error) => {
                return bad(format!(
                    "The line can't be read: {error}. Give one JSON object with `id`, `base` and `diff` per line."
                ));
            }
        };
        let diff = match (line.diff, line.diff_base64.map(|text| STANDARD.decode(text))) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(Ok(bytes))) => bytes,
            (None, Some(Err(_))) => return bad("`diff_base64` is not base64 with padding.".to_owned()),
            (None, None) | (Some(_), Some(_)) => {
                return bad("The line needs `diff` or `diff_base64`, and not both.".to_owned());
            }
        };
        let (id, name) = (line.id, line.base);
        match self.base(&name) {
            Ok(base) => Ok(Job { id, base, diff }),
            Err((code, message)) => Err(refusal(Some(id), code, message, PLACE_BASE)),
        }
    }

    /// The commit that a line names.
    fn base(&self, name: &str) -> Result<CommitSha, (&'static str, String)> {
        if let Ok(commit) = CommitSha::parse(name) {
            return Ok(commit);
        }
        let Ok(branch) = BranchName::parse(name) else {
            return Err((
                "bad-base",
                "`base` is neither 40 hex digits of a commit nor a branch.".to_owned(),
            ));
        };
        match self.copy.git.read_branch(&self.copy.source, &branch) {
            Ok(Some(state)) => Ok(state.commit),
            Ok(None) => Err((
                "branch-missing",
                format!(
                    "The repository has no branch `{branch}`. Name one that exists, or give all 40 digits."
                ),
            )),
            Err(error) => Err((error.code(), error.to_string())),
        }
    }

    /// Copies the bases that are new, all at once.
    fn keep_bases(&mut self, prepared: Vec<Prepared>) -> Result<Vec<Prepared>, CliError> {
        let bases: BTreeSet<CommitSha> = prepared.iter().flatten().map(|job| job.base.clone()).collect();
        let mut new: Vec<CommitSha> = bases.difference(&self.kept).cloned().collect();
        if self.kept.len() + new.len() > BASES_MAX {
            self.copy.begin_anew()?;
            self.kept.clear();
            new = bases.into_iter().collect();
        }
        let answers = self.copy.git.pin_commits(&self.copy.source, &new);
        let mut failed: Vec<(CommitSha, TreesError)> = Vec::new();
        let mut general = None;
        match answers {
            Ok(answers) => {
                for (base, answer) in new.into_iter().zip(answers) {
                    match answer {
                        Ok(_) => {
                            self.kept.insert(base);
                        }
                        Err(error) => failed.push((base, error)),
                    }
                }
            }
            Err(error) => general = Some(error),
        }
        let with_base = |job: Job| {
            if self.kept.contains(&job.base) {
                return Ok(job);
            }
            let error = failed
                .iter()
                .find(|(base, _)| *base == job.base)
                .map(|(_, error)| error);
            Err(not_kept(job.id, error.or(general.as_ref())))
        };
        Ok(prepared.into_iter().map(|p| p.and_then(with_base)).collect())
    }

    /// Applies on several threads and prints in order, each answer as soon as those before it are out.
    fn apply_all(&self, prepared: Vec<Prepared>, terminal: &Terminal) -> bool {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let queue = Mutex::new(prepared.into_iter().enumerate());
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..workers.min(WORKERS_MAX) {
                let (send, take) = (send.clone(), &take);
                scope.spawn(move || {
                    while let Some((at, prepared)) = take() {
                        let answer = prepared.map_or_else(|known| known, |job| self.apply(job));
                        if send.send((at, answer)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            print_in_order(receive, terminal)
        })
    }

    fn apply(&self, job: Job) -> BatchAnswer {
        match self.copy.git.apply(&self.copy.source, &job.base, &job.diff) {
            Ok(Ok(applied)) => BatchAnswer {
                id: Some(job.id),
                outcome: BatchOutcome::Applied(AppliedWire::of(applied, None)),
            },
            Ok(Err(refused)) => BatchAnswer {
                id: Some(job.id),
                outcome: BatchOutcome::Refused(RefusedWire { refused }),
            },
            Err(error) => refusal(Some(job.id), error.code(), error.to_string(), PLACE_REPOSITORY),
        }
    }
}

/// Prints what came as soon as all before it is printed; `false`: nobody reads it.
fn print_in_order(answers: mpsc::Receiver<(usize, BatchAnswer)>, terminal: &Terminal) -> bool {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (at, answer) in answers {
        early.insert(at, answer);
        while let Some(answer) = early.remove(&next) {
            if !terminal.print_json_line(&answer) {
                return false;
            }
            next += 1;
        }
    }
    true
}

fn not_kept(id: BatchId, error: Option<&TreesError>) -> BatchAnswer {
    match error {
        Some(error @ TreesError::Unsupported { code, .. }) => {
            refusal(Some(id), code, error.to_string(), PLACE_BASE)
        }
        Some(error @ (TreesError::Unavailable { code, .. } | TreesError::Corrupt { code, .. })) => {
            refusal(Some(id), code, error.to_string(), PLACE_REPOSITORY)
        }
        None => refusal(
            Some(id),
            "not-pinned",
            "The base could not be copied.",
            PLACE_REPOSITORY,
        ),
    }
}

fn refusal(
    id: Option<BatchId>,
    code: &'static str,
    message: impl Into<String>,
    place: impl Into<String>,
) -> BatchAnswer {
    let refused = ApplyRefusal {
        code,
        message: message.into(),
        place: place.into(),
    };
    BatchAnswer {
        id,
        outcome: BatchOutcome::Refused(RefusedWire { refused }),
    }
}
