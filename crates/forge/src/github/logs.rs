//! What a failed job of GitHub Actions wrote, as far as it tells why
//! (<https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>).
//!
//! A log is a stranger's words, of any length, and lies on another host than GitHub's API: that is asked without a token. It is
//! read as a stream, in little memory: what stands around its first error, and its end. That it can't be had is said in its
//! place and is no failure: how a check ended does not rest on it.

use super::access::Carried;
use super::error::CallError;
use super::{Found, GitHub};
use countersign_core::forge::{CHECK_WORDS_MAX_BYTES, CheckRun, CheckState, RequiredCheck};
use countersign_core::outbound::redacted;
use std::collections::VecDeque;
use std::io::Read;
use std::time::{Duration, Instant};

/// By this name the app is known whose checks are jobs; the number of such a check is that of its job.
const APP: &str = "github-actions";
/// Most logs that are read at one look.
const LOGS_MAX: usize = 10;
/// Most of a log that is read, in bytes.
const LOG_MAX_BYTES: usize = 16 << 20;
/// Reading one has to be done within this time.
const LOG_MAX: Duration = Duration::from_secs(10);
/// What is read at once, in bytes.
const CHUNK_BYTES: usize = 16 << 10;
/// Longest part of a line that is looked at, in bytes.
const LINE_MAX_BYTES: usize = 4 << 10;
/// Longest part of a line that is shown, in characters.
const SHOWN_LINE_MAX_CHARS: usize = 400;
/// Lines that are held before an error and at the end: more than are shown, so that a secret of several lines that begins
/// before those is still known as one.
const HELD_MAX: usize = 200;
/// Lines that are shown before the first error, after it, and of the end.
const SHOWN: (usize, usize, usize) = (40, 10, 80);
/// Most that is shown around the first error, in bytes.
const AROUND_MAX_BYTES: usize = 5 << 10;
/// Room for words of our own, in bytes.
const ROOM_BYTES: usize = 128;
/// With what a line begins that tells of an error
/// (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message>).
const ERROR: &str = "##[error]";
/// Where lines are left out.
const GAP: &str = "[…]";

impl GitHub {
    /// Adds what the logs say to those runs that failed, are required, are jobs, and say nothing themselves.
    pub(super) fn add_logs(&self, at: &Found, required: &[RequiredCheck], runs: &mut [(u64, CheckRun)]) {
        let silent = |run: &CheckRun| {
            let failed = run.state == CheckState::Failure || run.state == CheckState::TimedOut;
            failed && run.said.is_none() && run.app == APP && required.iter().any(|r| r.is_met_by(run))
        };
        let mut silent = runs.iter_mut().filter(|(_, run)| silent(run)).peekable();
        if silent.peek().is_none() {
            return;
        }
        let carried = self.api.reader_of_logs(&at.id);
        for (job, run) in silent.take(LOGS_MAX) {
            let log = match &carried {
                Ok(carried) => self.log(carried, at, *job),
                Err(error) => Err(error.clone()),
            };
            run.said = Some(log.unwrap_or_else(|error| none(&error)));
        }
    }

    fn log(&self, carried: &Carried, at: &Found, job: u64) -> Result<String, CallError> {
        let path = format!("/repos/{}/actions/jobs/{job}/logs", at.full_name);
        let there = self.api.leads_to(carried, &path)?;
        Ok(excerpt(self.api.as_a_stranger(&there)?, Instant::now() + LOG_MAX))
    }
}

/// What stands where a log can't be had.
fn none(error: &CallError) -> String {
    match error.code() {
        "github-not-found" => "[The job's log is not there, or not any more.]".to_owned(),
        "github-forbidden" | "github-token-refused" | "github-app-lacks-permission" => {
            "[The job's log may not be read: that takes the permission Actions: read.]".to_owned()
        }
        code => format!("[The job's log could not be read ({code}).]"),
    }
}

/// What is held of a log while it goes by.
#[derive(Default)]
struct Held {
    before: VecDeque<String>,
    /// The first error and what follows it.
    error: Vec<String>,
    end: VecDeque<String>,
    /// There were more lines between.
    gap: bool,
}

impl Held {
    fn take(&mut self, line: &[u8]) {
        let line = plain(line);
        match self.error.len() {
            0 if line.starts_with(ERROR) => self.error.push(line),
            0 => {
                hold(&mut self.before, line);
            }
            held if held <= SHOWN.1 => self.error.push(line),
            _behind_it => self.gap |= hold(&mut self.end, line),
        }
    }

    /// Without what looks like a secret, which is looked for before anything is cut.
    fn told(&self, note: Option<&str>) -> String {
        let gap = self.gap.then(|| GAP.to_owned());
        let all = self.before.iter().chain(&self.error).chain(&gap).chain(&self.end);
        let all: Vec<&str> = all.map(String::as_str).collect();
        let clean = redacted(&all.join("\n")).into_owned();
        let lines: Vec<&str> = clean.lines().collect();
        let error = lines.iter().position(|line| line.starts_with(ERROR));
        let mut room = CHECK_WORDS_MAX_BYTES - ROOM_BYTES;
        let mut told = Vec::new();
        let mut rest = &lines[..];
        if let Some(error) = error {
            let (before, from) = lines.split_at(error);
            let (after, end) = from.split_at(from.len().min(SHOWN.1 + 1));
            let after = first(after, AROUND_MAX_BYTES);
            let before = last(before, SHOWN.0, AROUND_MAX_BYTES.saturating_sub(bytes(&after)));
            told = [before, after].concat();
            room = room.saturating_sub(bytes(&told));
            rest = end;
        }
        let end = last(rest, SHOWN.2, room);
        if error.is_some() && end.len() < rest.len() {
            told.push(GAP.to_owned());
        }
        told.extend(end);
        told.extend(note.map(str::to_owned));
        told.join("\n").trim().to_owned()
    }
}

/// Holds a line, and whether another one had to go.
fn hold(lines: &mut VecDeque<String>, line: String) -> bool {
    lines.push_back(line);
    let over = lines.len() > HELD_MAX;
    if over {
        lines.pop_front();
    }
    over
}

/// The first lines, shortened, that fit.
fn first(lines: &[&str], most: usize) -> Vec<String> {
    fitting(lines.iter().copied(), most)
}

/// The last lines, shortened, that fit.
fn last(lines: &[&str], count: usize, most: usize) -> Vec<String> {
    let mut fit = fitting(lines.iter().rev().take(count).copied(), most);
    fit.reverse();
    fit
}

fn fitting<'l>(lines: impl Iterator<Item = &'l str>, most: usize) -> Vec<String> {
    let mut room = most;
    let mut fit = Vec::new();
    for line in lines.map(short) {
        match room.checked_sub(line.len() + 1) {
            Some(left) => room = left,
            None => break,
        }
        fit.push(line);
    }
    fit
}

fn bytes(lines: &[String]) -> usize {
    lines.iter().map(|line| line.len() + 1).sum()
}

fn short(line: &str) -> String {
    match line.char_indices().nth(SHOWN_LINE_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// What matters of a log, at most [`CHECK_WORDS_MAX_BYTES`].
fn excerpt(mut log: impl Read, ends: Instant) -> String {
    let mut held = Held::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut line, mut read) = (Vec::new(), 0);
    let whole = loop {
        let count = match log.read(&mut chunk) {
            Ok(0) => break true,
            Ok(count) if Instant::now() < ends => count,
            Ok(_) | Err(_) => break false,
        };
        let count = count.min(LOG_MAX_BYTES - read);
        read += count;
        for part in chunk[..count].split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_MAX_BYTES - line.len();
            line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                held.take(&line);
                line.clear();
            }
        }
        if read == LOG_MAX_BYTES {
            break false;
        }
    };
    if !line.is_empty() {
        held.take(&line);
    }
    let note = format!("[The log was not read any further than this, after {read} bytes.]");
    let told = held.told(Some(note.as_str()).filter(|_| !whole));
    match told.is_empty() {
        true => "[The job's log is empty.]".to_owned(),
        false => told,
    }
}

/// A line without its time, and without what colours it or can't be printed.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_start_matches('\u{feff}').trim_end();
    let is_time = |word: &str| {
        let digits = word.bytes().take(4).filter(u8::is_ascii_digit).count();
        let shaped = word.bytes().all(|b| b.is_ascii_digit() || b"-:.TZ".contains(&b));
        digits == 4 && word.len() >= 20 && word.contains('T') && word.ends_with('Z') && shaped
    };
    let text = match text.split_once(' ') {
        Some((time, rest)) if is_time(time) => rest,
        None if is_time(text) => "",
        Some(_) | None => text,
    };
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => pass_escape(&mut chars),
            '\t' => shown.push(c),
            c if c.is_control() => {}
            c => shown.push(c),
        }
    }
    shown
}

/// Passes over the rest of an escape sequence (ECMA-48, sections 5.4 and 5.6).
fn pass_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => {
            chars.find(|c| ('@'..='~').contains(c));
        }
        Some(']') => {
            if chars.find(|c| ['\u{7}', '\u{1b}'].contains(c)) == Some('\u{1b}') {
                chars.next();
            }
        }
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Cursor};

    fn of(text: &str) -> String {
        excerpt(Cursor::new(text.as_bytes().to_vec()), Instant::now() + LOG_MAX)
    }

    fn numbered(from: usize, to: usize) -> String {
        let line = |n| format!("2026-11-22T06:00:00.1234567Z line {n}\n");
        (from..to).map(line).collect()
    }

    #[test]
    fn times_colours_and_what_can_not_be_printed_are_left_out() {
        let log = "\u{feff}2026-11-22T06:00:00.1234567Z \u{1b}[36;1mcargo test\u{1b}[0m\r\n\
                   2026-11-22T06:00:01.0000000Z\n\
                   \u{1b}]8;;https://example.org\u{1b}\\a link\u{1b}]8;;\u{7}\u{7}\n2026 was a year\n";
        assert_eq!(of(log), "cargo test\n\na link\n2026 was a year");
    }

    #[test]
    fn what_stands_around_the_first_error_and_the_end_are_told() {
        let error = "2026-11-22T06:00:00.1234567Z ##[error]assertion failed\n";
        let log = format!("{}{error}{}{error}", numbered(0, 500), numbered(500, 1_000));
        let told = of(&log);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "line 460");
        assert_eq!(lines[40], "##[error]assertion failed");
        assert_eq!((lines[50], lines[51], lines[52]), ("line 509", GAP, "line 921"));
        assert_eq!(lines.last(), Some(&"##[error]assertion failed"));
        let short = format!("{}{error}{}", numbered(0, 3), numbered(3, 20));
        assert!(!of(&short).contains(GAP), "{}", of(&short));
        assert_eq!(of(&short).lines().count(), 21);
    }

    #[test]
    fn a_log_without_an_error_is_its_end() {
        let told = of(&numbered(0, 1_000));
        assert!(
            told.starts_with("line 920\n") && told.ends_with("line 999"),
            "{told}"
        );
        assert_eq!(of(""), "[The job's log is empty.]");
        assert_eq!(of("no line's end"), "no line's end");
    }

    #[test]
    fn nothing_that_looks_like_a_secret_is_told_even_where_it_is_cut() {
        let secret = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
        let far = format!("{}{secret}", "a ".repeat(SHOWN_LINE_MAX_CHARS / 2 - 5));
        for line in [format!("token {secret}"), far] {
            let told = of(&format!(
                "{}{line}\n##[error]no\n{}",
                numbered(0, 9),
                numbered(0, 9)
            ));
            assert!(!told.contains("x7Yb"), "{told}");
        }
        // A key that begins before what is shown.
        let kind = "RSA PRIVATE KEY";
        let digits = "MIIEowIBAAKCAQEA7Yb2Kq9Lm4Np6Rt8VwZx7Yb2Kq9Lm4Np6Rt8VwZ\n".repeat(60);
        let key = format!("-----BEGIN {kind}-----\n{digits}-----END {kind}-----\n");
        let told = of(&format!("{}{key}##[error]no\n", numbered(0, 9)));
        assert!(!told.contains("MIIEowIBAAKC"), "{told}");
    }

    #[test]
    fn a_log_without_end_is_read_to_a_limit_and_told_in_few_bytes() {
        struct Endless(&'static [u8], usize);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                for byte in into.iter_mut() {
                    *byte = self.0[self.1 % self.0.len()];
                    self.1 += 1;
                }
                assert!(self.1 < LOG_MAX_BYTES + 2 * CHUNK_BYTES, "it is read on and on");
                Ok(into.len())
            }
        }
        let long = b"##[error]no, and so on for quite a while, until nobody wants to read any more of it\n";
        for words in [
            &b"x"[..],
            long,
            &long[9..],
            b"\x1b[",
            b"\xff\xfe and then what looks like words\n",
        ] {
            let told = excerpt(Endless(words, 0), Instant::now() + Duration::from_secs(600));
            assert!(told.len() <= CHECK_WORDS_MAX_BYTES, "{}", told.len());
            assert!(told.contains("was not read any further"), "{told}");
        }
        let late = excerpt(Endless(b"x\n", 0), Instant::now());
        assert_eq!(
            late,
            "[The log was not read any further than this, after 0 bytes.]"
        );
    }
}
