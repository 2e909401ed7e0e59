//! A reviewer's remark on lines of a proposal: a part of one request for changes, never an act of its own.
//!
//! Whether the lines are there is known only to whoever has the diff; here it is held that the file is one of those
//! that the proposal changes, and how much may be said.

use crate::id::RepositoryId;
use crate::outbound::refused_words;
use crate::patch_set::Draft;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};

/// Most comments in one request for changes.
pub const LINE_COMMENTS_MAX: usize = 100;
/// Longest text of one of them, in bytes.
pub const LINE_COMMENT_MAX_BYTES: usize = 8 << 10;
/// Longest texts of all of them together, in bytes.
pub const LINE_COMMENTS_MAX_BYTES: usize = 64 << 10;

/// Which side of a diff a line number counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommentSide {
    /// The base.
    Old,
    /// The result.
    New,
}

impl CommentSide {
    /// `old` or `new`.
    pub fn as_str(self) -> &'static str {
        match self {
            CommentSide::Old => "old",
            CommentSide::New => "new",
        }
    }

    /// The side of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [CommentSide::Old, CommentSide::New]
            .into_iter()
            .find(|side| side.as_str() == text)
    }
}

/// A remark on one line or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineComment {
    /// In which repository.
    pub repository: RepositoryId,
    /// Which file: its path after the change, or before it where the file is deleted.
    pub path: RepoPath,
    /// In which side the lines are counted.
    pub side: CommentSide,
    /// The first line, from 1.
    pub first: u32,
    /// The last line; the same one for a single line.
    pub last: u32,
    /// The words.
    pub text: String,
}

impl LineComment {
    /// `src/lib.rs, line 3` or `src/lib.rs, old lines 3 to 5`.
    pub fn place(&self) -> String {
        let old = match self.side {
            CommentSide::Old => "old ",
            CommentSide::New => "",
        };
        match self.first == self.last {
            true => format!("{}, {old}line {}", self.path, self.first),
            false => format!("{}, {old}lines {} to {}", self.path, self.first, self.last),
        }
    }

    /// What is wrong with it, in a sentence, if it is to be a remark on one of these drafts.
    pub fn wrong(&self, drafts: &[Draft]) -> Option<String> {
        let place = self.place();
        if self.first == 0 || self.last < self.first {
            return Some(format!(
                "{place}: lines count from 1, and the last one does not come first"
            ));
        }
        let text = self.text.trim();
        if text.is_empty() || self.text.len() > LINE_COMMENT_MAX_BYTES {
            return Some(format!(
                "{place}: a comment has 1 to {LINE_COMMENT_MAX_BYTES} bytes, and this one has {}",
                text.len()
            ));
        }
        let draft = drafts.iter().find(|d| d.repository == self.repository);
        let changed = draft.is_some_and(|d| d.diff.files.iter().any(|f| *f.path() == self.path));
        if !changed {
            return Some(format!("{place}: the proposal does not change this file"));
        }
        refused_words(&format!("the comment on {place}"), &self.text)
    }
}

/// What is wrong with the comments of one request for changes, in a sentence.
pub fn wrong(comments: &[LineComment], drafts: &[Draft]) -> Option<String> {
    if comments.len() > LINE_COMMENTS_MAX {
        return Some(format!(
            "there are {} comments on lines; at most {LINE_COMMENTS_MAX} are taken",
            comments.len()
        ));
    }
    let bytes: usize = comments.iter().map(|c| c.text.len()).sum();
    if bytes > LINE_COMMENTS_MAX_BYTES {
        return Some(format!(
            "the comments on lines have {bytes} bytes together; at most {LINE_COMMENTS_MAX_BYTES} are taken"
        ));
    }
    comments.iter().find_map(|c| c.wrong(drafts))
}

/// A request for changes as an agent gets to read it: the words, then each comment with its place. Quoted line by line, so
/// that no comment opens or closes a block of the words.
pub fn as_words(comment: &str, comments: &[LineComment], name: impl Fn(&RepositoryId) -> String) -> String {
    let mut out = comment.to_owned();
    for one in comments {
        out.push_str(&format!("\n\nOn {} {}:", name(&one.repository), one.place()));
        for line in one.text.lines() {
            out.push_str(&format!("\n> {line}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(first: u32, last: u32) -> LineComment {
        LineComment {
            repository: RepositoryId::local(1),
            path: "a.rs".into(),
            side: CommentSide::New,
            first,
            last,
            text: "Why?\n```diff".to_owned(),
        }
    }

    #[test]
    fn agents_read_the_words_first_and_then_each_comment_with_its_lines() {
        let old = LineComment {
            side: CommentSide::Old,
            ..comment(2, 4)
        };
        let words = as_words("Not so.", &[comment(3, 3), old], |_| "shop".to_owned());
        assert_eq!(
            words,
            "Not so.\n\nOn shop a.rs, line 3:\n> Why?\n> ```diff\n\nOn shop a.rs, old lines 2 to 4:\n> Why?\n> ```diff"
        );
        assert_eq!(as_words("Not so.", &[], |_| String::new()), "Not so.");
    }

    #[test]
    fn a_comment_on_no_line_or_on_a_file_that_stays_is_refused() {
        assert!(
            comment(0, 0)
                .wrong(&[])
                .is_some_and(|w| w.contains("count from 1"))
        );
        assert!(
            comment(4, 3)
                .wrong(&[])
                .is_some_and(|w| w.contains("count from 1"))
        );
        assert!(
            comment(3, 3)
                .wrong(&[])
                .is_some_and(|w| w.contains("does not change"))
        );
        let many = vec![comment(1, 1); LINE_COMMENTS_MAX + 1];
        assert!(wrong(&many, &[]).is_some_and(|w| w.contains("at most 100")));
        let long = LineComment {
            text: "x".repeat(LINE_COMMENT_MAX_BYTES + 1),
            ..comment(1, 1)
        };
        assert!(long.wrong(&[]).is_some_and(|w| w.contains("1 to 8192 bytes")));
    }
}
