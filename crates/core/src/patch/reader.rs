//! From text to file sections: finds diffs, blocks and whole files among prose and fences, and walks them line by
//! line.
//!
//! Prose is whatever is none of them. Where a line could be prose or a part of a change, it refuses.

use super::blocks::{self, Before};
use super::fence::{self, Fence, Holds, Lookahead};
use super::header::{EXTENDED_KINDS, ExtendedKind, Section, extended};
use super::hunk::{is_header_pair, read_hunk};
use super::{
    Edits, FILES_MAX, FileOp, FilePatch, HUNKS_MAX, Hunk, INPUT_MAX_BYTES, LINE_MAX_BYTES, LINES_MAX,
    PROOF_MIN_DIGITS, ReadError, refuse,
};
use crate::path::RepoPath;
use std::collections::BTreeMap;

/// Reads the changes that a text states.
///
/// # Errors
/// When the text is too large, states no change, or states one that can be read in more than one way.
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
        free_from: 0,
        fence: None,
        ahead: Lookahead::default(),
        section: None,
        blocks: BTreeMap::new(),
        last_block: None,
        patches: Vec::new(),
        hunks: 0,
    };
    while reader.at < reader.lines.len() {
        reader.step()?;
    }
    reader.finish()?;
    if !bytes.ends_with(b"\n") {
        let in_hunk = reader.free_from == lines.len();
        refuse_unended(&lines, in_hunk, reader.patches.last())?;
    }
    if reader.patches.is_empty() {
        return refuse(
            "no-diff",
            1,
            "No file change was found. Give a unified diff, as `git diff` prints it, SEARCH/REPLACE blocks below a \
             path, or whole files in fences below a path.",
        );
    }
    Ok(reader.patches)
}

/// A text that doesn't end in a line feed may have been cut inside its last line. Most cuts show, because the line
/// fits nothing then, or its blob id is another one. These would not.
fn refuse_unended(lines: &[&[u8]], in_hunk: bool, last: Option<&FilePatch>) -> Result<(), ReadError> {
    let Some(line) = lines.last() else { return Ok(()) };
    let renames = matches!(
        extended(line),
        Some((ExtendedKind::RenameTo | ExtendedKind::CopyTo, _))
    );
    let proven = last.is_some_and(|p| p.new_id.as_ref().is_some_and(|id| id.len() >= PROOF_MIN_DIGITS));
    if renames || (in_hunk && line.starts_with(b"+") && !proven) {
        return refuse(
            "input-cut",
            lines.len(),
            "The text ends in the middle of a line, so this line may be cut off. End the text with a line feed.",
        );
    }
    Ok(())
}

/// Lines without their line feed. If every line ends in CRLF the CR belongs to the transport and goes too.
fn split(bytes: &[u8]) -> Result<(Vec<&[u8]>, bool), ReadError> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    // Counted before they are kept: sixteen million empty lines would take sixteen times their bytes.
    let ends = whole.iter().filter(|b| **b == b'\n').count();
    if ends >= LINES_MAX {
        return refuse(
            "too-many-lines",
            LINES_MAX,
            format!("A diff may have at most {LINES_MAX} lines. Split it."),
        );
    }
    let mut lines = Vec::with_capacity(ends + 1);
    lines.extend(whole.split(|b| *b == b'\n'));
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
    /// First line that no hunk, header, block or file has used: no path line lies before it.
    free_from: usize,
    /// The fenced block that the cursor is in.
    fence: Option<Open<'a>>,
    ahead: Lookahead,
    section: Option<Section>,
    /// Where the blocks of a path are collected in `patches`.
    blocks: BTreeMap<RepoPath, usize>,
    /// The file of the block that ends at `free_from`.
    last_block: Option<RepoPath>,
    patches: Vec<FilePatch>,
    hunks: usize,
}

/// A fenced block that was opened.
struct Open<'a> {
    fence: Fence<'a>,
    line: usize,
    /// It follows a path line and says that it is a diff.
    diff: bool,
    /// Something was read in it.
    used: bool,
}

impl<'a> Reader<'a> {
    /// Takes the line at the cursor, and those that belong to it.
    fn step(&mut self) -> Result<(), ReadError> {
        let line = self.lines[self.at];
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.close()?;
            self.section = Some(Section::begin(self.at + 1, Some(names)));
            self.at += 1;
            self.used();
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
        } else if blocks::is_head(line) {
            self.take_block()?;
        } else if blocks::is_stray(line) {
            return blocks::stray(self.at);
        } else if let Some(found) = fence::fence(line) {
            self.take_fence(found)?;
        } else {
            if line.starts_with(b"GIT binary patch") || is_binary_note(line) {
                self.mark_binary()?;
            }
            self.refuse_half_header(line)?;
            self.refuse_inset(line)?;
            self.at += 1;
        }
        Ok(())
    }

    /// A change that is indented, quoted or in a form that is not read must not pass for prose: a part of what was meant would be
    /// left out.
    fn refuse_inset(&self, line: &[u8]) -> Result<(), ReadError> {
        let plain = uninset(line);
        let next = self.lines.get(self.at + 1).map(|next| uninset(next));
        let is_diff = plain.starts_with(b"diff --git ")
            || (plain.starts_with(b"--- ") && next.is_some_and(|next| next.starts_with(b"+++ ")));
        if plain.len() < line.len() && is_diff {
            return refuse(
                "change-indented",
                self.at + 1,
                "A change seems to begin here, and it is indented or quoted. Put its lines at the margin, or leave it out.",
            );
        }
        if plain.starts_with(b"*** Begin Patch") {
            return refuse(
                "form-unknown",
                self.at + 1,
                "Changes in this form (`*** Begin Patch`) are not read. Give a unified diff, as `git diff` prints it.",
            );
        }
        Ok(())
    }

    /// Everything before the cursor is a part of some change.
    fn used(&mut self) {
        self.free_from = self.at;
        self.last_block = None;
        if let Some(open) = self.fence.as_mut() {
            open.used = true;
        }
    }

    /// A fence opens or closes. Either way the section before it has ended.
    fn take_fence(&mut self, found: Fence<'a>) -> Result<(), ReadError> {
        self.close()?;
        if let Some(open) = self.fence.take() {
            if found.closes(&open.fence) {
                self.refuse_empty_diff(&open)?;
            } else {
                self.refuse_inner_file(&open, &found)?;
                self.fence = Some(open);
            }
            self.at += 1;
            return Ok(());
        }
        let diff = match fence::holds(self.lines, self.at, self.free_from, &mut self.ahead)? {
            Holds::File { path, content, next } => return self.take_file(path, &content, next),
            Holds::Diff => true,
            Holds::Other => false,
        };
        self.fence = Some(Open {
            fence: found,
            line: self.at + 1,
            diff,
            used: false,
        });
        self.at += 1;
        Ok(())
    }

    /// `src/a.rs` above a `diff` fence that names no file: its lines must not be dropped silently.
    fn refuse_empty_diff(&self, open: &Open<'_>) -> Result<(), ReadError> {
        if open.diff && !open.used {
            return refuse(
                "diff-without-file",
                open.line,
                "This fence holds a diff without `--- a/PATH` and `+++ b/PATH` lines. Put them above its first hunk.",
            );
        }
        Ok(())
    }

    /// A file that seems to begin inside another fence: that one was probably never closed.
    fn refuse_inner_file(&mut self, open: &Open<'_>, found: &Fence<'_>) -> Result<(), ReadError> {
        if found.info.is_empty()
            || matches!(
                fence::holds(self.lines, self.at, self.free_from, &mut self.ahead),
                Ok(Holds::Other)
            )
        {
            return Ok(());
        }
        refuse(
            "fence-ambiguous",
            self.at + 1,
            format!(
                "This fence seems to hold a file, and the fence of line {} is still open. Close that one first.",
                open.line
            ),
        )
    }

    fn take_file(&mut self, path: RepoPath, content: &[&[u8]], next: usize) -> Result<(), ReadError> {
        let line = self.at + 1;
        self.push_write(path, Edits::Whole(joined(content)), line)?;
        self.at = next;
        self.used();
        Ok(())
    }

    fn push_write(&mut self, path: RepoPath, edits: Edits, line: usize) -> Result<(), ReadError> {
        let op = match edits {
            Edits::Fill(_) | Edits::Whole(_) => FileOp::Write,
            Edits::Hunks(_) | Edits::Blocks(_) => FileOp::Modify,
        };
        self.push(FilePatch {
            op,
            old_path: path.clone(),
            new_path: path,
            old_mode: None,
            new_mode: None,
            old_id: None,
            new_id: None,
            edits,
            binary: false,
            crlf_transport: self.crlf_transport,
            line,
        })
    }

    fn take_block(&mut self) -> Result<(), ReadError> {
        self.close()?;
        self.count_hunk()?;
        let before = Before {
            free_from: self.free_from,
            last: self.last_block.as_ref(),
        };
        let path = blocks::path_of(self.lines, self.at, &before)?;
        let block = blocks::read_block(self.lines, self.at)?;
        let known = self.blocks.get(&path).map(|i| &mut self.patches[*i].edits);
        match known {
            Some(Edits::Blocks(hunks)) if block.searches => hunks.push(block.hunk),
            Some(_) => return several_with_empty_search(self.at),
            None => {
                let edits = if block.searches {
                    Edits::Blocks(vec![block.hunk])
                } else {
                    Edits::Fill(added(block.hunk))
                };
                self.push_write(path.clone(), edits, self.at + 1)?;
                self.blocks.insert(path.clone(), self.patches.len() - 1);
            }
        }
        self.at = block.next;
        self.used();
        self.last_block = Some(path);
        Ok(())
    }

    fn count_hunk(&mut self) -> Result<(), ReadError> {
        self.hunks += 1;
        if self.hunks > HUNKS_MAX {
            return refuse(
                "too-many-hunks",
                self.at + 1,
                format!("A diff may have at most {HUNKS_MAX} hunks."),
            );
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
        self.used();
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
        let (hunk, next) = read_hunk(self.lines, self.at)?;
        section.hunks.push(hunk);
        self.count_hunk()?;
        self.at = next;
        self.used();
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
        self.used();
        Ok(())
    }

    /// A run of extended headers that ends in `---`/`+++`, says a whole rename or copy, or states a mode: a section
    /// without its `diff --git` line must not pass for prose.
    fn opens_bare_section(&self) -> bool {
        let ahead = self.lines[self.at..].iter().take(EXTENDED_KINDS);
        let run = ahead.take_while(|l| extended(l).is_some()).count();
        let says = |word: &[u8]| {
            self.lines[self.at..self.at + run]
                .iter()
                .any(|l| l.starts_with(word))
        };
        let states_mode = |line: &&&[u8]| extended(line).is_some_and(|(kind, rest)| kind.states_mode(rest));
        is_header_pair(self.lines, self.at + run)
            || self.lines[self.at..self.at + run].iter().any(|l| states_mode(&l))
            || (says(b"rename from ") && says(b"rename to "))
            || (says(b"copy from ") && says(b"copy to "))
    }

    /// `--- a/x` without its `+++ b/x` among a file's headers: the text was cut, or mixed up.
    fn refuse_half_header(&self, line: &[u8]) -> Result<(), ReadError> {
        let among_headers = self.free_from == self.at
            && self
                .section
                .as_ref()
                .is_some_and(|s| s.hunks.is_empty() && !s.binary);
        if among_headers && (line.starts_with(b"--- ") || line.starts_with(b"+++ ")) {
            return refuse(
                "header-contradiction",
                self.at + 1,
                "The `---` and `+++` lines of a file come together. Give both, the old name first.",
            );
        }
        Ok(())
    }

    fn mark_binary(&mut self) -> Result<(), ReadError> {
        let Some(section) = self.section.as_mut() else {
            return refuse(
                "no-path",
                self.at + 1,
                "This binary change belongs to no file, and binary changes aren't applied. Leave it out.",
            );
        };
        section.binary = true;
        Ok(())
    }

    fn close(&mut self) -> Result<(), ReadError> {
        match self.section.take() {
            Some(section) => self.push(section.finish(self.crlf_transport)?),
            None => Ok(()),
        }
    }

    fn push(&mut self, patch: FilePatch) -> Result<(), ReadError> {
        if self.patches.len() == FILES_MAX {
            return refuse(
                "too-many-files",
                self.at,
                format!("A diff may change at most {FILES_MAX} files."),
            );
        }
        self.patches.push(patch);
        Ok(())
    }

    /// The input ends. An open fence with words in which nothing was found may be a file that was cut off.
    fn finish(&mut self) -> Result<(), ReadError> {
        self.close()?;
        let Some(open) = self.fence.take() else {
            return Ok(());
        };
        self.refuse_empty_diff(&open)?;
        let words = self.lines[open.line..].iter().any(|l| !l.trim_ascii().is_empty());
        if words && !open.used && !self.patches.is_empty() {
            return refuse(
                "fence-open",
                open.line,
                "This fence is never closed, so the answer may be cut off or its fences mixed up. Close it.",
            );
        }
        Ok(())
    }
}

/// A line without what indents or quotes it.
fn uninset(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|b| !matches!(b, b' ' | b'\t' | b'>'));
    &line[start.unwrap_or(line.len())..]
}

fn several_with_empty_search<T>(at: usize) -> Result<T, ReadError> {
    refuse(
        "search-empty",
        at + 1,
        "A block with an empty SEARCH gives a new file whole, so it must be the file's only block. Join them.",
    )
}

/// Lines as content.
fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|l| l.iter().chain(b"\n"))
        .copied()
        .collect()
}

/// What a block without SEARCH adds.
fn added(hunk: Hunk) -> Vec<u8> {
    hunk.lines.into_iter().flat_map(|l| l.bytes).collect()
}

fn is_binary_note(line: &[u8]) -> bool {
    line.starts_with(b"Binary files ") && line.trim_ascii_end().ends_with(b" differ")
}
