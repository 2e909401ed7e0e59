//! The rules by name, and how much a broken one weighs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a violation weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A person has to acknowledge it when they decide.
    Warn,
    /// The proposal can't go on as it is.
    Block,
}

impl Severity {
    /// The word used in policy files and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warn => "warn",
            Severity::Block => "block",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $floor:ident;)*) => {
        /// Everything that policy checks today.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum RuleId {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl RuleId {
            /// The name used in policy files and texts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(RuleId::$name => $text,)*
                }
            }

            /// Every rule, in the order in which violations are listed.
            pub fn all() -> &'static [RuleId] {
                &[$(RuleId::$name,)*]
            }

            /// What the built-in floor says; nothing makes it lighter.
            pub fn floor_severity(self) -> Severity {
                match self {
                    $(RuleId::$name => Severity::$floor,)*
                }
            }
        }
    };
}

rules! {
    /// A path that the policy froze.
    FrozenPath = "frozen-path", Block;
    /// A file that tells CI what to run.
    CiFile = "ci-file", Warn;
    /// A file that says who may decide what: this policy, CODEOWNERS, prompts.
    PolicyFile = "policy-file", Block;
    /// A file that coding agents read as instructions.
    AgentInstructionFile = "agent-instruction-file", Block;
    /// More changed files than a person reviews well.
    TooManyFiles = "too-many-files", Block;
    /// More changed lines than a person reviews well.
    TooManyLines = "too-many-lines", Block;
    /// One file is larger than allowed.
    FileTooLarge = "file-too-large", Block;
    /// A path that could leave the work tree or reach git's own files on some system.
    PathEscape = "path-escape", Block;
    /// Two paths that some file systems take for one.
    PathCollision = "path-collision", Block;
    /// A path with characters that can't be seen.
    HiddenCharactersInPath = "hidden-characters-in-path", Block;
    /// A symbolic link on either side of the change.
    Symlink = "symlink", Block;
    /// A file that becomes executable, or stops being so.
    ModeChange = "mode-change", Warn;
    /// Another repository's commit, or the file that says where it comes from.
    Submodule = "submodule", Block;
    /// Content that can't be read as text.
    Binary = "binary", Block;
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
