//! Private keys of several lines: from a header such as `-----BEGIN RSA PRIVATE KEY-----` to their end, with or without
//! an end line, indented, quoted, or in one line with `\n` between.
//!
//! A header alone is no key: programs that read keys name it. There must be a body.

use crate::entropy::{self, Bits};
use std::ops::Range;

/// A key is looked at up to here, in bytes from its header on.
pub(crate) const MAX_BLOCK_BYTES: usize = 64 << 10;

/// Letters in a row that count as body; words of prose and headers are shorter.
const RUN: usize = 20;

/// Body letters that make a key. The smallest, Ed25519 in PKCS#8, has 64.
const BODY: usize = 40;

/// So many bytes may lie between the header and the body: lines such as `Proc-Type` and `Comment`.
const HEADERS: usize = 200;

/// After so many bytes without body the key is over.
const GAP: usize = 400;

/// Runs that are farther apart than this don't make a body together: line ends, indents, quotes lie between runs.
const JOIN: usize = 48;

/// Body letters whose entropy is taken.
const SAMPLE: usize = 256;

const END: &[u8] = b"-----END";
const BEGIN: &[u8] = b"-----BEGIN";

/// The key that begins with a header at `start`, or `None` if there is no body.
pub(crate) fn find(text: &[u8], start: usize, header: usize) -> Option<Range<usize>> {
    let limit = text.len().min(start + MAX_BLOCK_BYTES);
    let mut body = Body::new(start + header);
    let mut at = start + header;
    while at < limit && at < body.end + body.patience() {
        if text[at] == b'-' {
            let rest = &text[at..limit];
            if rest.starts_with(END) {
                return body.is_key().then(|| start..end_of_line(text, at + END.len()));
            }
            if rest.starts_with(BEGIN) {
                break;
            }
        }
        at = body.take(text, at, limit);
    }
    body.is_key().then_some(start..body.end)
}

struct Body {
    letters: usize,
    sample: Vec<u8>,
    /// Where the last run ended.
    end: usize,
}

impl Body {
    fn new(end: usize) -> Self {
        Self {
            letters: 0,
            sample: Vec::new(),
            end,
        }
    }

    /// Reads one run of body letters, or one other byte; gives the next position.
    fn take(&mut self, text: &[u8], at: usize, limit: usize) -> usize {
        let rest = &text[at..limit];
        let run = rest.iter().take_while(|b| is_letter(**b)).count();
        if run >= RUN || (run > 0 && self.is_last_line(text, at, run)) {
            if at > self.end + JOIN && !self.is_key() {
                self.letters = 0;
                self.sample.clear();
            }
            self.letters += run;
            let room = SAMPLE.saturating_sub(self.sample.len());
            self.sample.extend(rest[..run].iter().take(room));
            self.end = at + run;
        }
        at + run.max(1)
    }

    /// Whether a short run is the body's last line: alone on the line behind it.
    fn is_last_line(&self, text: &[u8], at: usize, run: usize) -> bool {
        let between = &text[self.end.min(at)..at];
        let ends = matches!(
            text.get(at + run),
            None | Some(b'\r' | b'\n' | b'\\' | b'"' | b'\'' | b'-')
        );
        let breaks = between.iter().filter(|b| **b == b'\n').count();
        self.letters > 0 && ends && breaks <= 1 && between.len() <= JOIN
    }

    fn patience(&self) -> usize {
        if self.letters == 0 { HEADERS } else { GAP }
    }

    fn is_key(&self) -> bool {
        self.letters >= BODY && entropy::of(&self.sample) >= Bits::from_f64(3.5)
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Behind the dashes that close an end line.
fn end_of_line(text: &[u8], from: usize) -> usize {
    let rest = &text[from..text.len().min(from + 64)];
    match rest.windows(5).position(|w| w == b"-----") {
        Some(dashes) => from + dashes + 5,
        None => from,
    }
}
