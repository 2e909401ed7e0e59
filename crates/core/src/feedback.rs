//! What starts a workflow: the words of a person, the repositories they mean, and who is to propose.

use crate::artifact::AgentRole;
use crate::confinement::{NetworkHost, Rights};
use crate::digest::{BodyHash, FeedbackHash};
use crate::id::{BranchName, ForgeKind, RepositoryId};
use crate::outbound::secrets_in;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest accepted feedback text, in bytes.
pub const FEEDBACK_MAX_BYTES: usize = 256 << 10;
/// Most repositories in one workflow.
pub const REPOSITORIES_MAX: usize = 8;

/// Most pairs of metadata that a caller gives to a workflow.
pub const METADATA_MAX_PAIRS: usize = 16;
/// Longest key of a pair, in bytes; small letters, digits, `_`, `.` and `-`.
pub const METADATA_KEY_MAX_BYTES: usize = 64;
/// Longest value of a pair, in characters.
pub const METADATA_VALUE_MAX_CHARS: usize = 500;

/// What the keys of our own pairs begin with; callers have none such.
pub const METADATA_OURS: &str = "countersign.";

/// The key that says whose words an issue's own ones are: [`UNTRUSTED`], or absent. No caller can give it.
pub const WORDS_OF: &str = "countersign.words-of";
/// Somebody's whom the people of the issue's repository don't vouch for.
pub const UNTRUSTED: &str = "untrusted";

/// A caller's own words about a workflow, such as a ticket's number: shown and looked up by, and given to no agent.
pub type Metadata = BTreeMap<String, String>;

/// Holds metadata to its bounds.
///
/// # Errors
/// [`FeedbackError::Metadata`], which says what is wrong.
pub fn check_metadata(metadata: &Metadata) -> Result<(), FeedbackError> {
    let bad = |text: String| Err(FeedbackError::Metadata(text));
    if metadata.len() > METADATA_MAX_PAIRS {
        return bad(format!(
            "there are {} pairs; a workflow has at most {METADATA_MAX_PAIRS}",
            metadata.len()
        ));
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
    for (key, value) in metadata {
        if key.is_empty() || key.len() > METADATA_KEY_MAX_BYTES || !key.bytes().all(plain) {
            let shown: String = key.chars().take(METADATA_KEY_MAX_BYTES).collect();
            return bad(format!(
                "`{}` can't be a key: it has 1 to {METADATA_KEY_MAX_BYTES} small letters, digits, `_`, `.` and `-`",
                shown.escape_debug()
            ));
        }
        if value.chars().count() > METADATA_VALUE_MAX_CHARS || value.chars().any(char::is_control) {
            return bad(format!(
                "the value of `{key}` has at most {METADATA_VALUE_MAX_CHARS} characters, and no control characters"
            ));
        }
    }
    Ok(())
}

/// Holds a caller's metadata to its bounds; what we look workflows up by is not theirs to say.
///
/// # Errors
/// [`FeedbackError::Metadata`], which says what is wrong.
pub fn check_given_metadata(metadata: &Metadata) -> Result<(), FeedbackError> {
    check_metadata(metadata)?;
    match metadata.keys().find(|key| key.starts_with(METADATA_OURS)) {
        None => Ok(()),
        Some(key) => Err(FeedbackError::Metadata(format!(
            "`{key}` can't be a key: those with `{METADATA_OURS}` are Countersign's own"
        ))),
    }
}

/// Where the words came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedbackOrigin {
    /// The text of an issue.
    Issue,
    /// A ready-made diff, with the words that came with it.
    Diff,
}

/// The words, bound by their hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Where from.
    pub origin: FeedbackOrigin,
    /// First non-empty line, shortened: what lists show.
    pub title: String,
    /// The text, exactly as given (UTF-8).
    pub text: String,
    /// Its hash.
    pub hash: FeedbackHash,
}

/// Why a text can't be feedback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackError {
    /// Nothing but white space.
    #[error("the issue text is empty; write what should change")]
    Empty,
    /// Over the limit.
    #[error("the issue text has {bytes} bytes; at most {FEEDBACK_MAX_BYTES} are read")]
    TooLarge {
        /// How long it was.
        bytes: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("the issue text is not UTF-8 (first bad byte at offset {at}); save it as UTF-8")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// A NUL byte.
    #[error("the issue text holds a NUL byte at offset {at}; is it a text file?")]
    Nul {
        /// Offset of the first one.
        at: usize,
    },
    /// A caller's metadata is out of its bounds.
    #[error("the metadata can't be taken: {0}")]
    Metadata(String),
    /// It holds what looks like a secret.
    #[error(
        "line {line} holds what looks like a secret ({rule}); take it out, and replace it where it is valid"
    )]
    Secret {
        /// The scanner's rule.
        rule: String,
        /// The line, from 1.
        line: u32,
    },
}

impl FeedbackError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            FeedbackError::Empty => "feedback-empty",
            FeedbackError::TooLarge { .. } => "feedback-too-large",
            FeedbackError::NotUtf8 { .. } => "feedback-not-utf8",
            FeedbackError::Nul { .. } => "feedback-nul",
            FeedbackError::Metadata(_) => "bad-metadata",
            FeedbackError::Secret { .. } => "feedback-secret",
        }
    }
}

/// Longest title that lists show, in characters.
const TITLE_MAX_CHARS: usize = 100;

impl Feedback {
    /// Reads a text as it came.
    ///
    /// # Errors
    /// When it is empty, larger than [`FEEDBACK_MAX_BYTES`], not UTF-8, or holds a NUL byte or what looks like a
    /// secret: it will be stored, shown and given to agents (INV-11).
    pub fn read(origin: FeedbackOrigin, bytes: &[u8]) -> Result<Self, FeedbackError> {
        if bytes.len() > FEEDBACK_MAX_BYTES {
            return Err(FeedbackError::TooLarge { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| FeedbackError::NotUtf8 { at: e.valid_up_to() })?;
        if let Some(at) = bytes.iter().position(|b| *b == 0) {
            return Err(FeedbackError::Nul { at });
        }
        if let Some(found) = secrets_in(text).into_iter().next() {
            let (rule, line) = (found.rule, found.line);
            return Err(FeedbackError::Secret { rule, line });
        }
        let first = text
            .lines()
            .map(|l| l.trim().trim_start_matches('#').trim())
            .find(|l| !l.is_empty());
        let title = first
            .ok_or(FeedbackError::Empty)?
            .chars()
            .take(TITLE_MAX_CHARS)
            .collect();
        Ok(Self {
            origin,
            title,
            text: text.to_owned(),
            hash: FeedbackHash::of_bytes(bytes),
        })
    }
}

/// Which part a repository plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepoRole {
    /// The one that the feedback is about.
    Primary,
    /// One that has to change along.
    Secondary,
}

/// One repository of a workflow, as asked for. The order in the list is the write order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepoSelection {
    /// Which repository.
    pub id: RepositoryId,
    /// Its short name, unique in the workflow.
    pub name: String,
    /// Primary or secondary.
    pub role: RepoRole,
    /// The branch to start from; absent: the default branch.
    pub base: Option<BranchName>,
}

/// Who proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AgentSpec {
    /// Structural rules and search/replace from a fenced block in the feedback.
    Codemod,
    /// Answers from a file, for tests and demonstrations; the file's bytes are kept as a body.
    Scripted {
        /// The script's bytes.
        script: BodyHash,
    },
    /// An external program; what it may do is recorded and shown to the reviewer.
    Command {
        /// The command line, run by `sh -c`.
        command: String,
        /// What it may do on this machine.
        rights: Rights,
    },
    /// A change that some other tool or person made: one diff per repository, kept as bodies.
    Diff {
        /// Repository and diff.
        diffs: Vec<SubmittedDiff>,
    },
}

/// A ready-made diff for one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmittedDiff {
    /// For which repository.
    pub repository: RepositoryId,
    /// The diff's bytes.
    pub diff: BodyHash,
}

impl AgentSpec {
    /// The kind, as it is stored and as rules see it.
    pub fn kind(&self) -> &'static str {
        match self {
            AgentSpec::Codemod => "codemod",
            AgentSpec::Scripted { .. } => "scripted",
            AgentSpec::Command { .. } => "command",
            AgentSpec::Diff { .. } => "diff",
        }
    }

    /// How people are told who proposes.
    pub fn label(&self) -> String {
        match self {
            AgentSpec::Codemod => "codemod".to_owned(),
            AgentSpec::Scripted { .. } => "scripted".to_owned(),
            AgentSpec::Command { command, rights } => match rights {
                Rights::Confined { .. } => format!("command `{command}` (confined)"),
                Rights::Unconfined => format!("command `{command}` (unconfined)"),
            },
            AgentSpec::Diff { .. } => "submitted diff".to_owned(),
        }
    }

    /// Whether a call of that role runs something outside this program's own code, so that it counts against the
    /// budget. A script stands in tests for a program, and does in every role.
    pub fn calls_outside(&self, role: AgentRole) -> bool {
        match (self, role) {
            (AgentSpec::Codemod | AgentSpec::Diff { .. }, _) => false,
            // The critic of a program's work is the built-in one.
            (AgentSpec::Command { .. }, AgentRole::Critic) => false,
            (
                AgentSpec::Command { .. },
                AgentRole::Triage
                | AgentRole::Architect
                | AgentRole::Planner
                | AgentRole::Coder
                | AgentRole::Fixer
                | AgentRole::Extractor,
            ) => true,
            (AgentSpec::Scripted { .. }, _) => true,
        }
    }

    /// Whether the agent runs programs without confinement on this machine.
    pub fn unconfined(&self) -> bool {
        match self {
            AgentSpec::Command { rights, .. } => *rights == Rights::Unconfined,
            AgentSpec::Codemod | AgentSpec::Scripted { .. } | AgentSpec::Diff { .. } => false,
        }
    }

    /// Whether the agent may work on a repository of that forge: a program without confinement runs with the
    /// rights that write to a remote forge, so it never may there (hazard 33). A new forge has to be decided
    /// on here.
    pub fn allowed_on(&self, forge: ForgeKind) -> bool {
        match forge {
            // What a program could write there with its user's rights, it could write without us, too.
            ForgeKind::Local => true,
            ForgeKind::GitHub => !self.unconfined(),
        }
    }

    /// The same in words, for people: `no network`, `may read /opt/fixer`, `may reach api.example.com:443`.
    pub fn reach_words(&self) -> Vec<String> {
        let Some((reads, reaches)) = self.reach() else {
            return Vec::new();
        };
        let mut words: Vec<String> = reaches.iter().map(|host| format!("may reach {host}")).collect();
        if words.is_empty() {
            words.push("no network".to_owned());
        }
        words.extend(reads.iter().map(|path| format!("may read {path}")));
        words
    }

    /// What an external program may read beside its snapshot and the system's programs, and which hosts it
    /// may reach; `None` where nothing of the kind runs, or nothing holds it.
    pub fn reach(&self) -> Option<(&[String], &[NetworkHost])> {
        match self {
            AgentSpec::Command {
                rights: Rights::Confined { reads, reaches },
                ..
            } => Some((reads, reaches)),
            AgentSpec::Command {
                rights: Rights::Unconfined,
                ..
            }
            | AgentSpec::Codemod
            | AgentSpec::Scripted { .. }
            | AgentSpec::Diff { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> &'static str {
        Feedback::read(FeedbackOrigin::Issue, bytes).map_or_else(|e| e.code(), |_| "taken")
    }

    #[test]
    fn what_can_not_be_feedback_is_refused_by_a_code_of_its_own() {
        // Put together here, so that this file holds no such thing.
        let secret = format!("Use it\n\nwith glpat-{}\n", "x7Yb2Kq9Lm4Np6Rt8VwZ");
        let (most, more) = ("x".repeat(FEEDBACK_MAX_BYTES), "x".repeat(FEEDBACK_MAX_BYTES + 1));
        let table: [(&[u8], &str); 8] = [
            (b"", "feedback-empty"),
            (b" \n\t\n#\n", "feedback-empty"),
            (more.as_bytes(), "feedback-too-large"),
            (most.as_bytes(), "taken"),
            (b"caf\xe9", "feedback-not-utf8"),
            (b"a\0b", "feedback-nul"),
            (secret.as_bytes(), "feedback-secret"),
            (b"Use a token for it", "taken"),
        ];
        for (bytes, expected) in table {
            assert_eq!(
                code(bytes),
                expected,
                "{:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(40)])
            );
        }
    }

    #[test]
    fn a_refused_secret_is_named_by_its_place_and_never_repeated() {
        let text = format!("Use it\n\nwith glpat-{}\n", "x7Yb2Kq9Lm4Np6Rt8VwZ");
        let error = Feedback::read(FeedbackOrigin::Issue, text.as_bytes()).expect_err("it holds a token");
        assert!(error.to_string().starts_with("line 3 "), "{error}");
        assert!(!format!("{error} {error:?}").contains("x7Yb2Kq9"), "{error:?}");
    }

    #[test]
    fn the_title_is_the_first_line_that_says_something() {
        let read = |text: &str| Feedback::read(FeedbackOrigin::Issue, text.as_bytes()).expect("text");
        assert_eq!(read("\n## Say it in grams\n\nMore.\n").title, "Say it in grams");
        assert_eq!(read(&"x".repeat(500)).title.chars().count(), TITLE_MAX_CHARS);
    }

    #[test]
    fn metadata_is_held_to_its_bounds() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            check_metadata(&pairs.collect())
        };
        let (key, value) = (
            "k".repeat(METADATA_KEY_MAX_BYTES),
            "ü".repeat(METADATA_VALUE_MAX_CHARS),
        );
        assert_eq!(
            of(&[("ticket", "PAY-17"), ("a.b_c-9", ""), (&key, &value)]),
            Ok(())
        );
        assert!(check_given_metadata(&[("countersign.x".to_owned(), String::new())].into()).is_err());
        let (long_key, long_value) = (format!("{key}k"), format!("{value}."));
        for (key, value) in [
            ("", "x"),
            ("Ticket", "x"),
            ("tick et", "x"),
            ("größe", "x"),
            (&long_key, "x"),
            ("k", &long_value),
            ("k", "two\nlines"),
            ("k", "\u{1b}[2J"),
        ] {
            let refused = of(&[(key, value)]).expect_err("it is out of bounds");
            assert_eq!(refused.code(), "bad-metadata", "{key:?}");
        }
        let many = |n: usize| (0..n).map(|n| (format!("k{n}"), String::new())).collect();
        assert_eq!(check_metadata(&many(METADATA_MAX_PAIRS)), Ok(()));
        assert!(check_metadata(&many(METADATA_MAX_PAIRS + 1)).is_err());
    }
}
