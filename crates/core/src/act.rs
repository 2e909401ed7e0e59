//! What a human does to a workflow: one signed record per act, bound to exactly what they saw.
//!
//! The signature is made by the key that Countersign holds for that member; it attests the login, not the person's
//! own hand. A row that somebody inserted without that key is refused (hazard 40).

use crate::digest::{ApprovalDigest, PlanDigest, QuestionDigest, canonical_json};
use crate::id::{MemberId, ParseIdError, RepositoryId, RequestId, TenantId, WorkflowId};
use crate::line_comment::LineComment;
use crate::narrow::LeftOut;
use crate::question::Choice;
use crate::time::Timestamp;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Longest comment, reason or answer, in bytes.
pub const COMMENT_MAX_BYTES: usize = 64 << 10;

/// How the person was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticatedBy {
    /// The operating system's user at a terminal of this machine.
    OsUser,
    /// A session of the server, which began with a one-time code.
    Session,
    /// A comment on a forge, by the account that is linked to the member.
    Comment,
}

/// Whether a person looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attendance {
    /// A person at a terminal.
    Attended,
    /// `--yes` or `--auto`: nobody looked, and every story says so.
    Unattended,
}

/// What exactly was on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", content = "digest", rename_all = "kebab-case")]
pub enum SeenDigest {
    /// A patch set with its siblings, plan, policy and gates.
    PatchSet(ApprovalDigest),
    /// A plan.
    Plan(PlanDigest),
    /// A question.
    Question(QuestionDigest),
}

impl SeenDigest {
    /// 64 hex digits.
    pub fn to_hex(&self) -> String {
        match self {
            SeenDigest::PatchSet(d) => d.to_hex(),
            SeenDigest::Plan(d) => d.to_hex(),
            SeenDigest::Question(d) => d.to_hex(),
        }
    }
}

/// The act itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// Yes to a plan or a patch set.
    Approve {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// Ids of the warnings that were read; every warning must be here.
        acknowledged: Vec<String>,
    },
    /// No, for good.
    Reject {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// Why.
        reason: String,
    },
    /// Not like this; a new revision with this comment as input.
    RequestChanges {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// What should be different.
        comment: String,
        /// Remarks on lines; absent before there were such.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        comments: Vec<LineComment>,
    },
    /// An answer to a question, from its own list of choices.
    Answer {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// The choice.
        choice: Choice,
        /// The words that the choice asks for; empty otherwise.
        text: String,
    },
    /// Not these parts: a new revision from the rest.
    Deselect {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// What is left out.
        left_out: Vec<LeftOut>,
        /// Why.
        reason: String,
    },
    /// Let one broken rule pass, for one path and exactly the content that was seen.
    Waive {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// In which repository.
        repository: RepositoryId,
        /// Which violation, by [`crate::policy::Violation::id`].
        violation: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// Take back one's own approvals.
    Withdraw {
        /// Why.
        reason: String,
    },
    /// Stop, and take out of play what was written.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Go on from where it stopped: the short answer to a question that offers it.
    Retry {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
    },
    /// Keep a request open for longer; it changes nothing about what is asked.
    Extend {
        /// Which request.
        request: RequestId,
        /// What was seen.
        seen: SeenDigest,
        /// Until when: later than now asked, and no later than a request that is opened now would live.
        until: Timestamp,
    },
    /// Take a deferred workflow up again.
    Wake,
}

impl Act {
    /// The free words in it, each with what it is called: what has to be looked at before it is kept.
    pub fn words(&self) -> Vec<(&'static str, &str)> {
        match self {
            Act::Reject { reason, .. }
            | Act::Deselect { reason, .. }
            | Act::Waive { reason, .. }
            | Act::Withdraw { reason }
            | Act::Cancel { reason } => vec![("the reason", reason)],
            Act::RequestChanges {
                comment, comments, ..
            } => {
                let on_lines = comments.iter().map(|c| ("a comment on a line", c.text.as_str()));
                [("the comment", comment.as_str())]
                    .into_iter()
                    .chain(on_lines)
                    .collect()
            }
            Act::Answer { text, .. } => vec![("the answer", text)],
            Act::Approve { .. } | Act::Retry { .. } | Act::Extend { .. } | Act::Wake => Vec::new(),
        }
    }

    /// The verb, for people.
    pub fn verb(&self) -> &'static str {
        match self {
            Act::Approve { .. } => "approve",
            Act::Reject { .. } => "reject",
            Act::RequestChanges { .. } => "request changes",
            Act::Answer { .. } => "answer",
            Act::Deselect { .. } => "deselect",
            Act::Waive { .. } => "waive",
            Act::Withdraw { .. } => "withdraw",
            Act::Cancel { .. } => "cancel",
            Act::Retry { .. } => "retry",
            Act::Extend { .. } => "extend",
            Act::Wake => "wake",
        }
    }
}

/// Who did what, when, and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActRecord {
    /// In which tenant.
    pub tenant: TenantId,
    /// To which workflow.
    pub workflow: WorkflowId,
    /// Who.
    pub member: MemberId,
    /// How they were recognised.
    pub authenticated_by: AuthenticatedBy,
    /// Whether they looked.
    pub attendance: Attendance,
    /// When, by the database's time.
    pub at: Timestamp,
    /// What.
    pub act: Act,
}

/// A record with its authenticity field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAct {
    /// The record.
    pub record: ActRecord,
    /// Ed25519 over [`SignedAct::message`], 128 hex digits.
    pub signature: String,
}

/// The public half of the key that is held for a member: Ed25519, 32 bytes, as 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberKey([u8; 32]);

impl MemberKey {
    /// From the key's bytes; whether they are a key shows when something is to be checked with them.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether this key signed the act.
    pub fn signed(&self, act: &SignedAct) -> bool {
        self.signed_message(&SignedAct::message(&act.record), &act.signature)
    }

    /// Whether this key made that signature (128 hex digits) of the message, checked strictly (RFC 8032, no malleable
    /// forms). Bytes that are no key, or a weak one, have signed nothing.
    pub fn signed_message(&self, message: &[u8], signature: &str) -> bool {
        let key = VerifyingKey::from_bytes(&self.0).ok();
        key.is_some_and(|key| !key.is_weak() && is_signature(&key, message, signature))
    }
}

impl TryFrom<String> for MemberKey {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        crate::digest::parse_hex("MemberKey", &text).map(Self)
    }
}

impl From<MemberKey> for String {
    fn from(key: MemberKey) -> String {
        hex::encode(key.0)
    }
}

const DOMAIN: &[u8] = b"countersign/act/v1\0";

impl SignedAct {
    /// Signs a record with the key that is held for its member.
    pub fn sign(record: ActRecord, key: &SigningKey) -> Self {
        let signature = hex::encode(key.sign(&Self::message(&record)).to_bytes());
        Self { record, signature }
    }

    /// What is signed: a domain tag and the record's canonical JSON.
    pub fn message(record: &ActRecord) -> Vec<u8> {
        [DOMAIN, &canonical_json(record)].concat()
    }

    /// Whether the signature is that key's, checked strictly (RFC 8032, no malleable forms).
    pub fn is_authentic(&self, key: &VerifyingKey) -> bool {
        is_signature(key, &Self::message(&self.record), &self.signature)
    }
}

fn is_signature(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let mut bytes = [0; 64];
    if hex::decode_to_slice(signature, &mut bytes).is_err() {
        return false;
    }
    key.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
}
