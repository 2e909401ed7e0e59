//! The lines above a file's hunks: names, modes, ids, renames. Collects them strictly: nothing twice, nothing
//! that contradicts what was said before.

use super::{Edits, FileOp, FilePatch, Hunk, ReadError, refuse};
use crate::diff::FileMode;
use crate::path::{RepoPath, unquote};

/// How many kinds of extended header lines there are; none may appear twice.
pub(super) const EXTENDED_KINDS: usize = 11;

/// Extended header lines of git.
const EXTENDED: [(&[u8], ExtendedKind); EXTENDED_KINDS] = [
    (b"old mode ", ExtendedKind::OldMode),
    (b"new mode ", ExtendedKind::NewMode),
    (b"new file mode ", ExtendedKind::NewFile),
    (b"deleted file mode ", ExtendedKind::DeletedFile),
    (b"rename from ", ExtendedKind::RenameFrom),
    (b"rename to ", ExtendedKind::RenameTo),
    (b"copy from ", ExtendedKind::CopyFrom),
    (b"copy to ", ExtendedKind::CopyTo),
    (b"similarity index ", ExtendedKind::Similarity),
    (b"dissimilarity index ", ExtendedKind::Dissimilarity),
    (b"index ", ExtendedKind::Index),
];

/// What git writes before old and new names; the ones after the first are those of `diff.mnemonicPrefix`: commit, index,
/// work tree, object (git-config(1)).
const MARKS: [Marks; 7] = [
    (b"a/", b"b/"),
    (b"i/", b"w/"),
    (b"c/", b"w/"),
    (b"c/", b"i/"),
    (b"o/", b"w/"),
    (b"w/", b"i/"),
    (b"w/", b"c/"),
];

/// What stands before an old and a new name.
type Marks = (&'static [u8], &'static [u8]);

/// Which extended header a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtendedKind {
    OldMode,
    NewMode,
    NewFile,
    DeletedFile,
    RenameFrom,
    RenameTo,
    CopyFrom,
    CopyTo,
    Similarity,
    Dissimilarity,
    Index,
}

impl ExtendedKind {
    /// Whether this can be nothing but a header: its words are followed by exactly a file's mode.
    pub(super) fn states_mode(self, rest: &[u8]) -> bool {
        use ExtendedKind::{
            CopyFrom, CopyTo, DeletedFile, Dissimilarity, Index, NewFile, NewMode, OldMode, RenameFrom,
            RenameTo, Similarity,
        };
        match self {
            OldMode | NewMode | NewFile | DeletedFile => mode(rest, 0).is_ok(),
            RenameFrom | RenameTo | CopyFrom | CopyTo | Similarity | Dissimilarity | Index => false,
        }
    }
}

/// Recognises an extended header line and gives what follows its keyword.
pub(super) fn extended(line: &[u8]) -> Option<(ExtendedKind, &[u8])> {
    EXTENDED
        .iter()
        .find_map(|(word, kind)| line.strip_prefix(*word).map(|rest| (*kind, rest)))
}

/// A name in a `---` or `+++` line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Null,
    Path(RepoPath),
}

/// A file section while it is being read.
#[derive(Debug, Default)]
pub(super) struct Section {
    line: usize,
    seen: Vec<ExtendedKind>,
    git_line: Option<Vec<u8>>,
    git_name: Option<RepoPath>,
    /// As its `diff --git` line has them.
    marks: Option<Marks>,
    /// `similarity index` says less than 100 %.
    edited: bool,
    names: Option<(Name, Name)>,
    old_mode: Option<FileMode>,
    new_mode: Option<FileMode>,
    index_mode: Option<FileMode>,
    from: Option<RepoPath>,
    to: Option<RepoPath>,
    old_id: Option<String>,
    new_id: Option<String>,
    pub(super) hunks: Vec<Hunk>,
    pub(super) binary: bool,
}

impl Section {
    /// A section that begins at a line (from 1), perhaps with what follows `diff --git `.
    pub(super) fn begin(line: usize, git_line: Option<&[u8]>) -> Self {
        let common = |marks: &Marks| Some((common_name(git_line?, *marks)?, *marks));
        let (git_name, marks) = MARKS.iter().find_map(common).unzip();
        Section {
            line,
            git_line: git_line.map(<[u8]>::to_vec),
            git_name,
            marks,
            ..Section::default()
        }
    }

    /// Takes one extended header line.
    pub(super) fn take_extended(
        &mut self,
        kind: ExtendedKind,
        rest: &[u8],
        line: usize,
    ) -> Result<(), ReadError> {
        if self.seen.contains(&kind) {
            return refuse(
                "header-repeated",
                line,
                "This header appears twice for one file. A `diff --git` line is missing before it.",
            );
        }
        if self.names.is_some() {
            return refuse(
                "header-misplaced",
                line,
                "This header belongs above the `---` and `+++` lines. A `diff --git` line may be missing before it.",
            );
        }
        self.seen.push(kind);
        match kind {
            ExtendedKind::OldMode | ExtendedKind::DeletedFile => self.old_mode = Some(mode(rest, line)?),
            ExtendedKind::NewMode | ExtendedKind::NewFile => self.new_mode = Some(mode(rest, line)?),
            ExtendedKind::RenameFrom | ExtendedKind::CopyFrom => self.from = Some(plain_name(rest, line)?),
            ExtendedKind::RenameTo | ExtendedKind::CopyTo => self.to = Some(plain_name(rest, line)?),
            ExtendedKind::Similarity => self.edited = rest.trim_ascii() != b"100%",
            ExtendedKind::Dissimilarity => {}
            ExtendedKind::Index => self.take_index(rest, line)?,
        }
        Ok(())
    }

    /// Takes the `---` and `+++` lines, keywords removed.
    pub(super) fn take_names(&mut self, old: &[u8], new: &[u8], line: usize) -> Result<(), ReadError> {
        if self.names.is_some() {
            return refuse(
                "header-repeated",
                line,
                "This file has `---` and `+++` lines twice. Keep one pair.",
            );
        }
        let (before_old, before_new) = self.marks.unwrap_or(MARKS[0]);
        self.names = Some((
            marked_name(old, before_old, line)?,
            marked_name(new, before_new, line + 1)?,
        ));
        Ok(())
    }

    fn take_index(&mut self, rest: &[u8], line: usize) -> Result<(), ReadError> {
        let bad = || {
            refuse(
                "bad-index",
                line,
                "The `index` line must hold two hex ids joined by `..`. Correct or remove it.",
            )
        };
        let Ok(text) = std::str::from_utf8(rest) else {
            return bad();
        };
        let mut words = text.split_whitespace();
        let Some((old, new)) = words.next().and_then(|ids| ids.split_once("..")) else {
            return bad();
        };
        let is_id = |t: &str| (4..=40).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_id(old) || !is_id(new) {
            return bad();
        }
        let stated = |t: &str| t.bytes().any(|b| b != b'0').then(|| t.to_ascii_lowercase());
        self.old_id = stated(old);
        self.new_id = stated(new);
        if let Some(word) = words.next() {
            self.index_mode = Some(mode(word.as_bytes(), line)?);
        }
        Ok(())
    }

    fn has(&self, kind: ExtendedKind) -> bool {
        self.seen.contains(&kind)
    }

    /// Checks the section as a whole and gives the patch.
    pub(super) fn finish(self, crlf_transport: bool) -> Result<FilePatch, ReadError> {
        let op = self.op()?;
        let (old_path, new_path) = self.paths(op)?;
        self.refuse_missing_hunks(op)?;
        let same_mode = if op == FileOp::Create {
            None
        } else {
            self.index_mode
        };
        Ok(FilePatch {
            op,
            old_path,
            new_path,
            old_mode: self.old_mode.or(same_mode),
            new_mode: self.new_mode,
            old_id: self.old_id,
            new_id: self.new_id,
            edits: Edits::Hunks(self.hunks),
            binary: self.binary,
            crlf_transport,
            line: self.line,
        })
    }

    /// Headers that announce hunks, and none follow: the section was cut off, or says nothing.
    fn refuse_missing_hunks(&self, op: FileOp) -> Result<(), ReadError> {
        if !self.hunks.is_empty() || self.binary {
            return Ok(());
        }
        if op == FileOp::Modify && self.new_mode.is_none() {
            return refuse(
                "empty-section",
                self.line,
                "This file section changes nothing. Give hunks or remove it.",
            );
        }
        if self.names.is_some() || self.edited {
            return refuse(
                "hunks-missing",
                self.line,
                "The headers of this file announce changed lines, and none follow. Give the hunks, or leave out the \
                 `---`, `+++` and `similarity index` lines.",
            );
        }
        Ok(())
    }

    fn op(&self) -> Result<FileOp, ReadError> {
        let null_old = matches!(self.names, Some((Name::Null, _)));
        let null_new = matches!(self.names, Some((_, Name::Null)));
        let create = self.has(ExtendedKind::NewFile) || null_old;
        let delete = self.has(ExtendedKind::DeletedFile) || null_new;
        let rename = self.has(ExtendedKind::RenameFrom) || self.has(ExtendedKind::RenameTo);
        let copy = self.has(ExtendedKind::CopyFrom) || self.has(ExtendedKind::CopyTo);
        let modes = self.has(ExtendedKind::OldMode) || self.has(ExtendedKind::NewMode);
        let stated = [create, delete, rename, copy].iter().filter(|b| **b).count();
        if stated > 1 || (modes && (create || delete)) {
            return self.contradiction(
                "It says more than one of: new file, deleted file, rename, copy, mode change.",
            );
        }
        let whole = self.from.is_some() && self.to.is_some();
        if modes && self.git_line.is_none() {
            return self.contradiction(
                "A mode change needs its `diff --git a/PATH b/PATH` line, or it may belong to another file.",
            );
        }
        if (rename || copy) && !whole {
            return self.contradiction("A rename or copy needs both its `from` and its `to` line.");
        }
        if self.has(ExtendedKind::OldMode) != self.has(ExtendedKind::NewMode) {
            return self.contradiction("A mode change needs both `old mode` and `new mode`.");
        }
        Ok(match (create, delete, rename, copy) {
            (true, _, _, _) => FileOp::Create,
            (_, true, _, _) => FileOp::Delete,
            (_, _, true, _) => FileOp::Rename,
            (_, _, _, true) => FileOp::Copy,
            (false, false, false, false) => FileOp::Modify,
        })
    }

    fn paths(&self, op: FileOp) -> Result<(RepoPath, RepoPath), ReadError> {
        let named = |name: &Name| match name {
            Name::Null => None,
            Name::Path(path) => Some(path.clone()),
        };
        let (old, new) = match &self.names {
            Some((old, new)) => (named(old), named(new)),
            None => (None, None),
        };
        if let (FileOp::Rename | FileOp::Copy, Some(from), Some(to)) = (op, &self.from, &self.to) {
            let agrees = match (&old, &new) {
                (Some(old), Some(new)) => are_marked(old, new, from, to),
                (_, _) => self.names.is_none(),
            };
            let line_agrees = self.git_line.as_ref().is_none_or(|l| names_agree(l, from, to));
            return if from == to || self.git_name.is_some() {
                self.contradiction("A rename or copy must lead to another name.")
            } else if !line_agrees {
                self.contradiction("The `diff --git` line names other files than the rename or copy lines.")
            } else if agrees {
                Ok((from.clone(), to.clone()))
            } else {
                self.contradiction(
                    "The `---` and `+++` lines name other files than the rename or copy lines.",
                )
            };
        }
        let stated: Vec<&RepoPath> = old.iter().chain(new.iter()).chain(self.git_name.iter()).collect();
        let null_on_both = self.names.is_some() && old.is_none() && new.is_none();
        match stated.first() {
            Some(first) if !null_on_both && stated.iter().all(|p| p == first) => {
                Ok(((*first).clone(), (*first).clone()))
            }
            Some(_) => self.contradiction(
                "Its header lines name different files. A rename needs `rename from` and `rename to` lines.",
            ),
            None => refuse(
                "no-path",
                self.line,
                "This section doesn't say which file it changes. Give `--- a/PATH` and `+++ b/PATH` lines.",
            ),
        }
    }

    fn contradiction<T>(&self, what: &str) -> Result<T, ReadError> {
        refuse(
            "header-contradiction",
            self.line,
            format!("The headers of this file contradict each other. {what}"),
        )
    }
}

fn mode(text: &[u8], line: usize) -> Result<FileMode, ReadError> {
    match text.trim_ascii() {
        b"100644" => Ok(FileMode::Regular),
        b"100755" => Ok(FileMode::Executable),
        b"120000" => Ok(FileMode::Symlink),
        b"160000" => Ok(FileMode::Submodule),
        _ => refuse(
            "bad-mode",
            line,
            "A mode must be 100644, 100755, 120000 or 160000.",
        ),
    }
}

fn plain_name(text: &[u8], line: usize) -> Result<RepoPath, ReadError> {
    if text.ends_with(b"\r") {
        return refuse(
            "mixed-line-ends",
            line,
            "This header ends in CRLF and other lines of the diff don't. Give the whole diff one kind of line end.",
        );
    }
    if text.first() == Some(&b'"') {
        return match unquote(text) {
            Ok(bytes) => Ok(RepoPath::from_bytes(bytes)),
            Err(error) => refuse("bad-path", line, format!("In this header {error}.")),
        };
    }
    Ok(RepoPath::from_bytes(text))
}

/// A `---` or `+++` name: a time stamp behind a tab is dropped, the `a/` or `b/` too.
fn marked_name(text: &[u8], prefix: &[u8], line: usize) -> Result<Name, ReadError> {
    let has_stamp = text.contains(&b'\t');
    let name = text.split(|b| *b == b'\t').next().unwrap_or(text);
    let text = if has_stamp { name } else { text };
    let path = plain_name(text, line)?;
    if path.as_bytes() == b"/dev/null" {
        return Ok(Name::Null);
    }
    let bytes = path.as_bytes().strip_prefix(prefix).unwrap_or(path.as_bytes());
    Ok(Name::Path(RepoPath::from_bytes(bytes)))
}

/// The name in `diff --git a/X b/X`, if both sides agree; otherwise the other headers must say it. Equal
/// names are quoted alike and equally long, so the space between them is the middle.
fn common_name(rest: &[u8], (before_old, before_new): Marks) -> Option<RepoPath> {
    let unprefixed = |side: &[u8], prefix: &[u8]| -> Option<Vec<u8>> {
        let whole = if side.first() == Some(&b'"') {
            unquote(side).ok()?
        } else {
            side.to_vec()
        };
        Some(whole.strip_prefix(prefix)?.to_vec())
    };
    let middle = rest.len() / 2;
    let (old, new) = (rest.get(..middle)?, rest.get(middle..)?.strip_prefix(b" ")?);
    let (old, new) = (unprefixed(old, before_old)?, unprefixed(new, before_new)?);
    (old == new).then(|| RepoPath::from_bytes(old))
}

/// Whether the `---` and `+++` names are those of a rename or copy, as they are or with what git writes before them.
fn are_marked(old: &RepoPath, new: &RepoPath, from: &RepoPath, to: &RepoPath) -> bool {
    let plain = old == from && new == to;
    let is = |path: &RepoPath, mark: &[u8], name: &RepoPath| {
        path.as_bytes().strip_prefix(mark) == Some(name.as_bytes())
    };
    plain
        || MARKS
            .iter()
            .any(|marks| is(old, marks.0, from) && is(new, marks.1, to))
}

/// Whether what follows `diff --git ` is exactly these two names with git's own prefixes. Other prefixes (or
/// none) can't be told from the names, and are not judged.
fn names_agree(rest: &[u8], old: &RepoPath, new: &RepoPath) -> bool {
    if !rest.starts_with(b"a/") && !rest.starts_with(b"\"a/") {
        return true;
    }
    let prefixed = |prefix: &[u8], path: &RepoPath| [prefix, path.as_bytes()].concat();
    let is = |text: &[u8], name: &[u8]| {
        text == name || (text.first() == Some(&b'"') && unquote(text).is_ok_and(|bytes| bytes == name))
    };
    let (old, new) = (prefixed(b"a/", old), prefixed(b"b/", new));
    let left = if rest.first() == Some(&b'"') {
        closing_quote(rest).map_or(rest.len(), |i| i + 1)
    } else {
        old.len()
    };
    let (Some(left), Some(right)) = (rest.get(..left), rest.get(left..)) else {
        return false;
    };
    is(left, &old) && right.strip_prefix(b" ").is_some_and(|right| is(right, &new))
}

/// Where a C-quoted text that begins with a quote ends.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (i, b) in text.iter().enumerate().skip(1) {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(i),
            _ => {}
        }
    }
    None
}
