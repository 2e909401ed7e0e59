//! Lines of an input as they come, a window at a time: what is there is taken together, nothing is waited for
//! longer than for the first line. Holds a bounded number of bytes, however fast the other side writes.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Longest line, in bytes, without its line feed: a diff of the largest size whose every fourth byte is escaped.
pub(super) const LINE_MAX_BYTES: usize = 32 << 20;
/// Most lines that are taken together.
pub(super) const WINDOW_LINES: usize = 512;
/// How many bytes may wait; one line more is always taken.
const WAITING_MAX_BYTES: usize = 32 << 20;

/// One line of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Without its line feed.
    Line(Vec<u8>),
    /// Longer than [`LINE_MAX_BYTES`]; it was skipped.
    TooLong,
}

impl Incoming {
    fn len(&self) -> usize {
        match self {
            Incoming::Line(bytes) => bytes.len(),
            Incoming::TooLong => 0,
        }
    }
}

/// An input that is read ahead.
pub(super) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Incoming>,
    bytes: usize,
    ended: Option<io::Result<()>>,
}

impl Lines {
    /// Begins to read. The thread ends with the input or with the process.
    pub(super) fn of(input: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let reader = shared.clone();
        thread::spawn(move || {
            let mut input = BufReader::new(input);
            let ended = loop {
                match next_line(&mut input) {
                    Ok(Some(line)) => reader.put(line),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            reader.lock().ended = Some(ended);
            reader.changed.notify_all();
        });
        Self(shared)
    }

    /// What is there, at least one line; nothing at the end of the input.
    ///
    /// # Errors
    /// When the input can't be read any further; all lines before that were given.
    pub(super) fn window(&self) -> io::Result<Vec<Incoming>> {
        let mut state = self.0.lock();
        while state.waiting.is_empty() {
            if let Some(ended) = state.ended.take() {
                state.ended = Some(Ok(()));
                return ended.map(|()| Vec::new());
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let window: Vec<Incoming> = state.waiting.drain(..).collect();
        state.bytes = 0;
        self.0.changed.notify_all();
        Ok(window)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: Incoming) {
        let mut state = self.lock();
        while state.waiting.len() >= WINDOW_LINES || state.bytes >= WAITING_MAX_BYTES {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += line.len();
        state.waiting.push_back(line);
        self.changed.notify_all();
    }
}

/// `None` at the end. A last line without a line feed counts.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let mut line = Vec::new();
    let most = LINE_MAX_BYTES as u64 + 1;
    if input.take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_MAX_BYTES {
        skip_line(input)?;
        return Ok(Some(Incoming::TooLong));
    }
    Ok(Some(Incoming::Line(line)))
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let (used, ends) = match buffer.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if ends {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: impl Read + Send + 'static) -> Vec<Incoming> {
        let lines = Lines::of(input);
        let mut all = Vec::new();
        loop {
            let window = lines.window().expect("it can be read");
            assert!(window.len() <= WINDOW_LINES);
            if window.is_empty() {
                return all;
            }
            all.extend(window);
        }
    }

    fn line(text: &str) -> Incoming {
        Incoming::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn every_line_comes_once_and_in_order() {
        assert_eq!(all(&b"a\n\nb"[..]), [line("a"), line(""), line("b")]);
        assert_eq!(all(&b""[..]), []);
        let many: Vec<String> = (0..3 * WINDOW_LINES).map(|i| i.to_string()).collect();
        let text = io::Cursor::new(many.join("\n").into_bytes());
        assert_eq!(all(text), many.iter().map(|t| line(t)).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_whole() {
        let long = io::repeat(b'x').take(LINE_MAX_BYTES as u64 + 1);
        assert_eq!(
            all(long.chain(&b"\nnext\n"[..])),
            [Incoming::TooLong, line("next")]
        );
        let longest = io::repeat(b'x').take(LINE_MAX_BYTES as u64);
        assert!(
            matches!(&all(longest.chain(&b"\n"[..]))[..], [Incoming::Line(l)] if l.len() == LINE_MAX_BYTES)
        );
        let endless = io::repeat(b'x').take(2 * LINE_MAX_BYTES as u64);
        assert_eq!(all(endless), [Incoming::TooLong]);
    }

    #[test]
    fn what_came_before_a_failure_is_given_first() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let lines = Lines::of((&b"a\n"[..]).chain(Broken));
        assert_eq!(lines.window().expect("the first line"), [line("a")]);
        assert!(lines.window().is_err());
        assert_eq!(lines.window().expect("the end"), []);
    }
}
