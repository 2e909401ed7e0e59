//! A person at the terminal device. Decisions come from here and never from standard input (hazard 36).

use super::{Page, Terminal, visible};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

/// The kernel keeps this many bytes of one typed line and silently drops the rest (N_TTY).
const TYPED_LINE_MAX_BYTES: usize = 4095;

/// The terminal device, opened.
#[derive(Clone)]
pub(crate) struct Person {
    device: Arc<Mutex<Device>>,
    colour: bool,
    sees_stdout: bool,
}

struct Device {
    input: BufReader<File>,
    output: File,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A line, without its end.
    Words(String),
    /// The terminal drops what is longer; nothing of the line is used.
    TooLong,
    /// The end of input: Ctrl-D, or the terminal is gone.
    End,
}

impl Person {
    /// The person at this process's terminal, if there is one.
    pub(crate) fn at_terminal(terminal: &Terminal) -> Option<Self> {
        let open = || File::options().read(true).write(true).open("/dev/tty");
        let (input, output) = (open().ok()?, open().ok()?);
        Some(Self {
            colour: terminal.colour(&output),
            sees_stdout: terminal.reaches_a_screen(),
            device: Arc::new(Mutex::new(Device {
                input: BufReader::new(input),
                output,
            })),
        })
    }

    /// Shows what is decided on: on the terminal device, even where standard output goes elsewhere.
    pub(crate) fn show(&self, terminal: &Terminal, page: &Page) {
        if self.sees_stdout {
            terminal.print(page);
        } else {
            self.write(page.to_text(self.colour).as_bytes());
        }
    }

    /// Says something on the terminal device.
    pub(crate) fn tell(&self, page: &Page) {
        self.write(page.to_text(self.colour).as_bytes());
    }

    /// Asks for one line. The prompt is made visible like everything else.
    pub(crate) async fn ask(&self, prompt: &str) -> Reply {
        self.write(format!("{} ", shown(prompt)).as_bytes());
        let device = self.device.clone();
        let read = tokio::task::spawn_blocking(move || read_line(&device));
        read.await.unwrap_or(Reply::End)
    }

    /// Asks for text of several lines, up to a line with a single dot or the end of input.
    pub(crate) async fn ask_lines(&self, prompt: &str) -> Reply {
        self.write(format!("{}\n", shown(prompt)).as_bytes());
        let mut text = String::new();
        loop {
            match self.ask("|").await {
                Reply::Words(line) if line.trim_end() == "." => return Reply::Words(text),
                Reply::Words(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Reply::TooLong => return Reply::TooLong,
                Reply::End => {
                    self.write(b"\n");
                    return Reply::Words(text);
                }
            }
        }
    }

    fn write(&self, bytes: &[u8]) {
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        // A terminal that is gone shows itself when it is read.
        let _gone = device
            .output
            .write_all(bytes)
            .and_then(|()| device.output.flush());
    }
}

fn shown(prompt: &str) -> String {
    let lines: Vec<String> = prompt.split('\n').map(visible).collect();
    lines.join("\n")
}

fn read_line(device: &Mutex<Device>) -> Reply {
    let mut device = device.lock().unwrap_or_else(PoisonError::into_inner);
    let mut line = Vec::new();
    loop {
        match device.input.read_until(b'\n', &mut line) {
            Ok(0) if line.is_empty() => return Reply::End,
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Reply::End,
        }
    }
    if line.len() >= TYPED_LINE_MAX_BYTES {
        return Reply::TooLong;
    }
    let text = String::from_utf8_lossy(&line);
    Reply::Words(text.trim_end_matches(['\n', '\r']).to_owned())
}
