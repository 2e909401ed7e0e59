//! The one printer: everything that a person or a script gets to see goes through here.
//!
//! A closed pipe mutes it and ends nothing: work that was begun goes on. Text goes in as a [`Page`]; JSON is escaped by
//! its own rules, and characters that would repaint a terminal are escaped in it as well.

mod person;

pub(crate) use countersign_server::shown::lines::{Line, Page, Style};
pub(crate) use countersign_server::shown::visible;
pub(crate) use person::{Person, Reply};

use crate::error::CliError;
use countersign_core::policy::is_hidden_character;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Standard output and standard error.
pub(crate) struct Terminal {
    choice: ColourChoice,
    json: bool,
    muted: AtomicBool,
}

impl Terminal {
    /// A printer; with `json`, pages are left out and only JSON goes to standard output.
    pub(crate) fn new(choice: ColourChoice, json: bool) -> Self {
        Self {
            choice,
            json,
            muted: AtomicBool::new(false),
        }
    }

    /// Whether standard output is for a program.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints for people; nothing, where a program reads.
    pub(crate) fn print(&self, page: &Page) {
        if !self.json {
            self.write_out(page.to_text(self.colour(&io::stdout())).as_bytes());
        }
    }

    /// Prints for a program.
    pub(crate) fn print_json<T: Serialize>(&self, value: &T) {
        self.write_out(json_text(value).as_bytes());
    }

    /// Prints one line for a program; `false`: nobody reads any more.
    pub(crate) fn print_json_line<T: Serialize>(&self, value: &T) -> bool {
        self.write_out(line_text(serde_json::to_string(value)).as_bytes());
        !self.muted.load(Ordering::Relaxed)
    }

    /// Prints bytes as they are: only for what is made to be piped, never for what is shown.
    pub(crate) fn pipe(&self, bytes: &[u8]) {
        self.write_out(bytes);
    }

    /// Says what went wrong: text on standard error, and JSON on standard output where a program reads.
    pub(crate) fn fail(&self, error: &CliError) {
        if self.json {
            self.print_json(&error.to_wire());
        }
        let page = error.to_page();
        // There is nobody left to tell.
        let _closed = io::stderr().write_all(page.to_text(self.colour(&io::stderr())).as_bytes());
    }

    /// Says something beside the result: on standard error, where a program reads as well.
    pub(crate) fn note(&self, page: &Page) {
        let _closed = io::stderr().write_all(page.to_text(self.colour(&io::stderr())).as_bytes());
    }

    /// Whether a stream gets colours.
    pub(crate) fn colour(&self, stream: &impl io::IsTerminal) -> bool {
        match self.choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => {
                let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
                    || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
                stream.is_terminal() && !plain
            }
        }
    }

    /// Whether what is printed reaches a screen.
    pub(crate) fn reaches_a_screen(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    fn write_out(&self, bytes: &[u8]) {
        if self.muted.load(Ordering::Relaxed) {
            return;
        }
        let mut out = io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            self.muted.store(true, Ordering::Relaxed);
        }
    }
}

/// Indented JSON in which no character can repaint or reorder a terminal.
fn json_text<T: Serialize>(value: &T) -> String {
    line_text(serde_json::to_string_pretty(value))
}

fn line_text(json: serde_json::Result<String>) -> String {
    let text =
        json.unwrap_or_else(|error| format!("{{\"error\":{{\"code\":\"json\",\"message\":\"{error}\"}}}}"));
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c != '\n' && is_hidden_character(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}
