//! What `patch apply` reads and prints. Field by field: `docs/patches.md`.

use countersign_ports::trees::{Applied, ApplyRefusal, ApplyWarning};
use serde::{Deserialize, Serialize};

/// A diff that applies.
#[derive(Debug, Serialize)]
pub(crate) struct AppliedWire {
    /// The resulting tree.
    pub(crate) tree: String,
    /// Visible repairs.
    pub(crate) warnings: Vec<ApplyWarning>,
    /// With `--cross-check`: the other program that came to the same tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) second_applier: Option<String>,
}

impl AppliedWire {
    /// From what was applied.
    pub(crate) fn of(applied: Applied, second_applier: Option<String>) -> Self {
        Self {
            tree: applied.diff.result_tree.to_string(),
            warnings: applied.warnings,
            second_applier,
        }
    }
}

/// A diff that doesn't.
#[derive(Debug, Serialize)]
pub(crate) struct RefusedWire {
    /// Code, message and place.
    pub(crate) refused: ApplyRefusal,
}

/// One line of `patch apply --batch`'s input. What else it holds is not looked at.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `id`, `base` and `diff`")]
pub(crate) struct BatchLine {
    /// Whatever the caller calls it.
    pub(crate) id: BatchId,
    /// 40 digits of a commit, or a branch.
    pub(crate) base: String,
    /// The diff as text.
    pub(crate) diff: Option<String>,
    /// The diff as bytes in base64 (RFC 4648, with padding), where it is not UTF-8.
    pub(crate) diff_base64: Option<String>,
}

/// A name that comes back as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "`id` is neither text nor a whole number")]
pub(crate) enum BatchId {
    /// A whole number from 0 to 2^64 − 1.
    Number(u64),
    /// A negative one, from −2^63.
    Negative(i64),
    /// A text.
    Text(String),
}

/// One line of its output.
#[derive(Debug, Serialize)]
pub(crate) struct BatchAnswer {
    /// The line's own; `null` where the line could not be read.
    pub(crate) id: Option<BatchId>,
    /// What came out.
    #[serde(flatten)]
    pub(crate) outcome: BatchOutcome,
}

/// What came out of one line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum BatchOutcome {
    /// The diff applies.
    Applied(AppliedWire),
    /// It doesn't.
    Refused(RefusedWire),
}
