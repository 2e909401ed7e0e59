//! From text to file sections: finds the diff among prose and fences, and walks it line by line.

use super::header::{EXTENDED_KINDS, Section, extended};
use super::hunk::{is_header_pair, read_hunk};
use super::{FILES_MAX, FilePatch, HUNKS_MAX, INPUT_MAX_BYTES, LINE_MAX_BYTES, LINES_MAX, ReadError, refuse};

/// Reads a unified git diff out of a text.
///
/// # Errors
/// When the text is too large, holds no diff, or holds one that can be read in more than one way.
pub fn read(bytes: &[u8]) -> Result<Vec<FilePatch>, ReadError> {
    if bytes.len() > INPUT_MAX_BYTES {
        return refuse(
            "too-large",
            1,
            format!("A diff may have at most {INPUT_MAX_BYTES} bytes. Split the change."),
        );
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return refuse(
            "empty",
            1,
            "There is nothing to read. Give a unified diff, as `git diff` prints it.",
        );
    }
    let (lines, crlf_transport) = split(bytes)?;
    let mut reader = Reader {
        lines: &lines,
        crlf_transport,
        at: 0,
        section: None,
        patches: Vec::new(),
        hunks: 0,
    };
    while reader.at < reader.lines.len() {
        reader.step()?;
    }
    reader.close()?;
    if reader.patches.is_empty() {
        return refuse(
            "no-diff",
            1,
            "No file change was found. Give a unified diff, as `git diff` prints it.",
        );
    }
    Ok(reader.patches)
}

/// Lines without their line feed. If every line ends in CRLF the CR belongs to the transport and goes too.
fn split(bytes: &[u8]) -> Result<(Vec<&[u8]>, bool), ReadError> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut lines: Vec<&[u8]> = whole.split(|b| *b == b'\n').collect();
    if lines.len() > LINES_MAX {
        return refuse(
            "too-many-lines",
            LINES_MAX,
            format!("A diff may have at most {LINES_MAX} lines. Split it."),
        );
    }
    if let Some(at) = lines.iter().position(|l| l.len() > LINE_MAX_BYTES) {
        return refuse(
            "line-too-long",
            at + 1,
            format!("A line may have at most {LINE_MAX_BYTES} bytes."),
        );
    }
    let (last, others) = lines
        .split_last()
        .map_or((&[][..], &[][..]), |(last, others)| (*last, others));
    let last_fits = last.ends_with(b"\r") || whole.len() == bytes.len();
    let crlf = !others.is_empty() && last_fits && others.iter().all(|l| l.ends_with(b"\r"));
    if crlf {
        for line in &mut lines {
            *line = line.strip_suffix(b"\r").unwrap_or(line);
        }
    }
    Ok((lines, crlf))
}

struct Reader<'a> {
    lines: &'a [&'a [u8]],
    crlf_transport: bool,
    at: usize,
    section: Option<Section>,
    patches: Vec<FilePatch>,
    hunks: usize,
}

impl Reader<'_> {
    /// Takes the line at the cursor, and those that belong to it.
    fn step(&mut self) -> Result<(), ReadError> {
        let line = self.lines[self.at];
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.close()?;
            self.section = Some(Section::begin(self.at + 1, Some(names)));
            self.at += 1;
        } else if line.starts_with(b"diff --cc ") || line.starts_with(b"diff --combined ") {
            return refuse(
                "combined-diff",
                self.at + 1,
                "A combined diff of a merge can't be applied. Give the diff against one parent.",
            );
        } else if is_header_pair(self.lines, self.at) {
            self.take_names()?;
        } else if line.starts_with(b"@@") {
            self.take_hunk()?;
        } else if extended(line).is_some() {
            self.take_extended()?;
        } else {
            if line.starts_with(b"GIT binary patch") || is_binary_note(line) {
                self.mark_binary();
            }
            self.at += 1;
        }
        Ok(())
    }

    fn take_names(&mut self) -> Result<(), ReadError> {
        if self
            .section
            .as_ref()
            .is_none_or(|s| !s.hunks.is_empty() || s.binary)
        {
            self.close()?;
        }
        let line = self.at + 1;
        let section = self.section.get_or_insert_with(|| Section::begin(line, None));
        section.take_names(&self.lines[self.at][4..], &self.lines[self.at + 1][4..], line)?;
        self.at += 2;
        Ok(())
    }

    fn take_hunk(&mut self) -> Result<(), ReadError> {
        let Some(section) = self.section.as_mut() else {
            return refuse(
                "hunk-without-file",
                self.at + 1,
                "This hunk belongs to no file. Put `--- a/PATH` and `+++ b/PATH` lines above it.",
            );
        };
        self.hunks += 1;
        if self.hunks > HUNKS_MAX {
            return refuse(
                "too-many-hunks",
                self.at + 1,
                format!("A diff may have at most {HUNKS_MAX} hunks."),
            );
        }
        let (hunk, next) = read_hunk(self.lines, self.at)?;
        section.hunks.push(hunk);
        self.at = next;
        Ok(())
    }

    /// Extended headers belong to an open section, or open one of their own where their `diff --git` is
    /// missing. Elsewhere they are prose ("index of contents").
    fn take_extended(&mut self) -> Result<(), ReadError> {
        let finished = self
            .section
            .as_ref()
            .is_none_or(|s| !s.hunks.is_empty() || s.binary);
        if finished && !self.opens_bare_section() {
            self.at += 1;
            return Ok(());
        }
        if finished {
            self.close()?;
        }
        let line = self.at + 1;
        let section = self.section.get_or_insert_with(|| Section::begin(line, None));
        if let Some((kind, rest)) = extended(self.lines[self.at]) {
            section.take_extended(kind, rest, line)?;
        }
        self.at += 1;
        Ok(())
    }

    /// A run of extended headers that ends in `---`/`+++` or says a whole rename or copy.
    fn opens_bare_section(&self) -> bool {
        let ahead = self.lines[self.at..].iter().take(EXTENDED_KINDS);
        let run = ahead.take_while(|l| extended(l).is_some()).count();
        let says = |word: &[u8]| {
            self.lines[self.at..self.at + run]
                .iter()
                .any(|l| l.starts_with(word))
        };
        is_header_pair(self.lines, self.at + run)
            || (says(b"rename from ") && says(b"rename to "))
            || (says(b"copy from ") && says(b"copy to "))
    }

    fn mark_binary(&mut self) {
        if let Some(section) = self.section.as_mut() {
            section.binary = true;
        }
    }

    fn close(&mut self) -> Result<(), ReadError> {
        if let Some(section) = self.section.take() {
            if self.patches.len() == FILES_MAX {
                return refuse(
                    "too-many-files",
                    self.at,
                    format!("A diff may change at most {FILES_MAX} files."),
                );
            }
            self.patches.push(section.finish(self.crlf_transport)?);
        }
        Ok(())
    }
}

fn is_binary_note(line: &[u8]) -> bool {
    line.starts_with(b"Binary files ") && line.trim_ascii_end().ends_with(b" differ")
}
