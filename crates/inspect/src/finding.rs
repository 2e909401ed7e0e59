//! What was seen in a change, in the shape that policy weighs.
//!
//! How much a finding weighs is not said here: policy decides.

use countersign_core::id::BlobSha;
use countersign_core::path::RepoPath;
use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The rules that this crate looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// The name used in policy files and texts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Rule::$name => $text,)*
                }
            }
        }
    };
}

rules! {
    /// A manifest or lockfile changes.
    DependencyChange = "dependency-change";
    /// Something is pulled in that was not before.
    DependencyAdded = "dependency-added";
    /// A dependency comes from somewhere else than before, or from outside the known registries.
    DependencySource = "dependency-source";
    /// Same version from the same place, other content.
    DependencyIntegrity = "dependency-integrity";
    /// Installing or building newly runs a program.
    InstallScript = "install-script";
    /// Manifest and lockfile don't tell the same story.
    LockfileMismatch = "lockfile-mismatch";
    /// Text that shows otherwise than it is read: bidirectional, tag and control characters.
    HiddenText = "hidden-text";
    /// Characters that take no room.
    InvisibleCharacter = "invisible-character";
    /// A name with look-alike letters of another script.
    MixedScript = "mixed-script";
    /// A path or a name that is not in Unicode's composed form (NFC).
    NotNormalised = "not-normalised";
    /// A file that tells git and viewers how to treat others.
    GitAttributes = "git-attributes";
    /// The content lies elsewhere: only a pointer is reviewed.
    LfsPointer = "lfs-pointer";
    /// A generated file, which people seldom read.
    GeneratedFile = "generated-file";
    /// A test that shows less than before.
    WeakenedTest = "weakened-test";
    /// A step of CI that can't fail any more, or is gone.
    CiNeverFails = "ci-never-fails";
    /// A file that CI runs.
    CiCalledScript = "ci-called-script";
    /// Who may use the code, and under what terms.
    Licence = "licence";
    /// Content that could not be looked at: missing evidence is never a pass.
    NotInspected = "not-inspected";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was seen in the content or paths of a change; policy decides how much it weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule it is about.
    pub rule: Rule,
    /// Where.
    pub path: Option<RepoPath>,
    /// The content it is about: the new side, or the old one of a deleted file.
    pub blob: Option<BlobSha>,
    /// Lines of the new side, from 1, rising; empty where no line can be named.
    pub lines: Vec<u32>,
    /// One sentence; untrusted words in it are short and show no hidden characters.
    pub message: String,
}
