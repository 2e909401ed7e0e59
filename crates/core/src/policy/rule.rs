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
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $floor:ident;)*) => {
        /// Everything that policy checks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum RuleId {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
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

            /// What breaks the rule: its line of documentation.
            pub fn catches(self) -> &'static str {
                match self {
                    $(RuleId::$name => concat!($($doc),*).trim_ascii_start(),)*
                }
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
    /// Content that could not be inspected: too large, or not what its name says.
    NotInspected = "not-inspected", Block;
    /// What looks like a key, token or password.
    Secret = "secret", Block;
    /// A manifest or lock file changes.
    DependencyChange = "dependency-change", Warn;
    /// A dependency that was not there before.
    DependencyAdded = "dependency-added", Warn;
    /// A dependency comes from somewhere else: git, an address, a folder, another registry.
    DependencySource = "dependency-source", Block;
    /// The same version of a dependency has another checksum.
    DependencyIntegrity = "dependency-integrity", Block;
    /// Something new runs when dependencies are installed or the project is built.
    InstallScript = "install-script", Block;
    /// A lock file changes without its manifest by more than an update within its ranges, or a manifest without its lock file.
    LockfileMismatch = "lockfile-mismatch", Block;
    /// Added lines hold characters that hide or reorder text: bidirectional, tag or control characters.
    HiddenText = "hidden-text", Block;
    /// Added lines hold characters that can't be seen.
    InvisibleCharacter = "invisible-character", Warn;
    /// A name in added lines mixes scripts whose letters look alike.
    MixedScript = "mixed-script", Warn;
    /// A path or a name in added lines is spelt in a Unicode form that others don't expect.
    NotNormalised = "not-normalised", Warn;
    /// `.gitattributes` changes, which decides how other files are shown and stored.
    GitAttributes = "git-attributes", Block;
    /// A pointer to content that is stored elsewhere and that nobody reviews here.
    LfsPointer = "lfs-pointer", Block;
    /// A file that is generated, so that nobody reads it.
    GeneratedFile = "generated-file", Warn;
    /// Tests are deleted, skipped or emptied, or assert less.
    WeakenedTest = "weakened-test", Warn;
    /// A step of CI can't fail any more, or is gone.
    CiNeverFails = "ci-never-fails", Block;
    /// A file that CI runs without being a CI file itself.
    CiCalledScript = "ci-called-script", Warn;
    /// Licence terms, or who is named in them.
    Licence = "licence", Warn;
    /// A rule that the policy brings itself.
    Custom = "custom", Warn;
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RuleId {
    /// What to do instead, as the end of a sentence.
    pub fn way_out(self) -> &'static str {
        match self {
            RuleId::FrozenPath | RuleId::PolicyFile | RuleId::AgentInstructionFile | RuleId::CiFile => {
                "leave this file out, or have a maintainer change it outside Countersign"
            }
            RuleId::TooManyFiles | RuleId::TooManyLines => "split the change into smaller ones",
            RuleId::FileTooLarge => "make the file smaller or leave it out",
            RuleId::PathEscape => "choose a path that every system keeps inside the work tree",
            RuleId::PathCollision => {
                "choose a name that differs by more than case, Unicode form or final dots"
            }
            RuleId::HiddenCharactersInPath => "choose a name of visible characters",
            RuleId::Symlink => {
                "use an ordinary file, or have a maintainer change the link outside Countersign"
            }
            RuleId::ModeChange => "keep the mode as it was",
            RuleId::Submodule => {
                "leave submodules as they are, or have a maintainer change them outside Countersign"
            }
            RuleId::Binary => "leave this file out, or have a maintainer add it outside Countersign",
            RuleId::NotInspected => "make the file smaller or well formed, or leave it out",
            RuleId::Secret => {
                "read it from the environment or a secret store; if it was a real one, replace it where it is valid"
            }
            RuleId::DependencyChange | RuleId::DependencyAdded => "leave the dependencies as they are",
            RuleId::DependencySource => "take the dependency from the registry that it came from before",
            RuleId::DependencyIntegrity => "restore the checksum, or take another version",
            RuleId::InstallScript => "do without the script",
            RuleId::LockfileMismatch => "change manifest and lock file together",
            RuleId::HiddenText => "write the text without such characters, or as escapes",
            RuleId::InvisibleCharacter => "write it without such characters, or as escapes",
            RuleId::MixedScript => "spell the name with the letters of one script",
            RuleId::NotNormalised => "spell the name in Unicode's NFC form",
            RuleId::GitAttributes => {
                "leave this file out, or have a maintainer change it outside Countersign"
            }
            RuleId::LfsPointer => {
                "store the content itself, or have a maintainer change it outside Countersign"
            }
            RuleId::GeneratedFile => "change what it is generated from",
            RuleId::WeakenedTest => "keep the test as strong as it was",
            RuleId::CiNeverFails => "let the step fail",
            RuleId::CiCalledScript => "leave this file out",
            RuleId::Licence => "leave the licence as it is",
            RuleId::Custom => "do what the rule's message says",
        }
    }

    /// Whether a person can let it pass for one path and content.
    ///
    /// Not what is about the whole change, and not what could reach outside of the work tree.
    pub fn waivable(self) -> bool {
        !matches!(
            self,
            RuleId::TooManyFiles | RuleId::TooManyLines | RuleId::PathEscape | RuleId::PathCollision
        )
    }
}
