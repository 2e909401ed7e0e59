//! What can be wrong with a story: a stable code, the entry, and a plain sentence.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub code: ProblemCode,
    /// Sequence number of the entry at fault, from 1; none where the whole story is.
    pub seq: Option<u64>,
    /// What is wrong, in a sentence. May hold words of the story, which are untrusted.
    pub message: String,
}

impl Problem {
    /// A problem of one entry.
    pub fn at(seq: u64, code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            code,
            seq: Some(seq),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "entry {seq}: {} [{}]", self.message, self.code),
            None => write!(f, "{} [{}]", self.message, self.code),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// Every kind of problem, with its stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
        }

        impl ProblemCode {
            /// All of them.
            pub const ALL: &'static [ProblemCode] = &[$(ProblemCode::$name),*];

            /// The code as it is shown.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ProblemCode::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// An entry of the stream is of a kind that this program does not know.
    KindUnknown = "kind-unknown";
    /// An entry's body can't be read as the form and version that this program knows.
    RecordUnreadable = "record-unreadable";
    /// An entry's body belongs to another place.
    RecordMisplaced = "record-misplaced";
    /// A body is gone and no erasure in the ledger says so.
    ErasedUnrecorded = "erased-unrecorded";
    /// An erasure's entry can't be read.
    ErasureUnreadable = "erasure-unreadable";
    /// The production rules do not lead from the state before to what is recorded.
    TransitionIllegal = "transition-illegal";
    /// The stream's last leaf and the story's end don't go together.
    EndMismatch = "end-mismatch";
    /// A repository's policy is looser than the built-in floor.
    PolicyTooLoose = "policy-too-loose";
    /// Evidence that the story names is not in the bundle.
    EvidenceMissing = "evidence-missing";
    /// Something lies in the bundle that the story does not name.
    EvidenceUnnamed = "evidence-unnamed";
    /// Evidence is not what the story says of it.
    EvidenceOther = "evidence-other";
    /// A human's act is not signed by the key recorded for that member.
    ActNotAuthentic = "act-not-authentic";
    /// The workflow was not started by who is said to have started it, by the key recorded for them.
    StartNotAuthentic = "start-not-authentic";
    /// A human's act was made for another workflow.
    ActMisplaced = "act-misplaced";
    /// Somebody acted who is no member, or whose role is too weak.
    ActNotEntitled = "act-not-entitled";
    /// An approval by somebody who may not approve this content.
    ApprovalNotEligible = "approval-not-eligible";
    /// An approval of something else than what was asked about.
    ApprovalOtherDigest = "approval-other-digest";
    /// An approval that leaves a policy warning unacknowledged.
    ApprovalUnacknowledged = "approval-unacknowledged";
    /// An approval that nobody looked at, where policy demands a person.
    ApprovalUnattended = "approval-unattended";
    /// An approval that lives longer than policy lets it.
    ApprovalTooLong = "approval-too-long";
    /// A write for which not enough people had approved exactly this.
    ApprovalMissing = "approval-missing";
    /// A write for which enough people had approved, and not all of that was still alive.
    ApprovalExpired = "approval-expired";
    /// A write without the approval of an owner that CODEOWNERS names.
    OwnerMissing = "owner-missing";
    /// A gate's outcome or digest doesn't follow from its checks.
    GateEvidence = "gate-evidence";
    /// A write without a gate before it.
    GateMissing = "gate-missing";
    /// A waiver that is not what its act says, or lives longer than policy lets it.
    WaiverOther = "waiver-other";
    /// A write that rests on a waiver that had run out or that nobody gave.
    WaiverDead = "waiver-dead";
    /// A write manifest's commit id is not that of its bytes.
    ManifestCommit = "manifest-commit";
    /// A write manifest's branch is not the one that its content gives.
    ManifestBranch = "manifest-branch";
    /// A commit's bytes don't say what they have to: tree, parent, workflow, revision, checkpoint.
    ManifestContent = "manifest-content";
    /// A commit's signature is not by the recorded key over its bytes.
    ManifestSignature = "manifest-signature";
    /// A patch set's digest is not that of its parts.
    PatchSetDigest = "patch-set-digest";
    /// A write is not what was approved.
    WriteOther = "write-other";
    /// A write after a rejection or a cancellation.
    WriteStopped = "write-stopped";
    /// A signed checkpoint that the story names does not hold.
    SealInvalid = "seal-invalid";
    /// The data folder was taken up again under an epoch that the ledger does not record.
    EpochMissing = "epoch-missing";
    /// No signed checkpoint from before the write covers the approvals.
    SealMissing = "seal-missing";
    /// An agent that runs something outside answered without a reserved call.
    CallUnreserved = "call-unreserved";
    /// An agent call was reserved beyond the budget.
    BudgetExceeded = "budget-exceeded";
    /// Gate 5 says more than the evidence of CI on exactly the written commit, or than policy.
    CiUnproven = "ci-unproven";
    /// Gate 6 says more than the evidence of what landed.
    LandingUnproven = "landing-unproven";
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
