//! A lawful story once more in in-toto's words: a layout, one link per step and person, and the files that they speak of,
//! so that `in-toto-verify`, which knows nothing of us, checks it.
//!
//! [`chain`] takes a judged story apart, [`Chain::files`] writes the folder; `statements` has the layout and the links
//! (in-toto specification 1.0, as JSON in DSSE envelopes). Signing keys are arguments. It must never speak for somebody
//! who did not approve, never of a story that is not lawful or not done, and never anything that the ledger doesn't hold.

mod statements;

use crate::Verdict;
use crate::checks::{self, Outcome};
use crate::story;
use countersign_core::act::MemberKey;
use countersign_core::id::{MemberId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::{Event, State};
use countersign_ledger::{ContentHash, StatementKey, StatementVerifier};
use std::collections::BTreeMap;
use thiserror::Error;

/// File of the layout.
pub const LAYOUT_FILE: &str = "root.layout";
/// File of the owner's public key.
pub const OWNER_KEY_FILE: &str = "ledger.pem";
/// How long after the story's end in-toto's verifier accepts the layout: 3652 days, ten years.
pub const LAYOUT_LIVES_MS: u64 = 3652 * 24 * 60 * 60 * 1000;

/// Why there is nothing to tell in in-toto's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InTotoError {
    /// The story breaks the rules.
    #[error("this story breaks the rules in {problems} places, so nothing is attested of it")]
    Unlawful {
        /// In how many places.
        problems: usize,
    },
    /// Bodies are gone.
    #[error("parts of this story were erased, so who approved what can't be attested any more")]
    Erased,
    /// It goes on.
    #[error("this workflow has not ended; what it is to write is not written yet")]
    Unfinished,
    /// It ended without a result.
    #[error("this workflow ended as {state}: nothing of it counts as approved and written")]
    NotDone {
        /// How it ended.
        state: State,
    },
    /// It ended without a write.
    #[error("this workflow has written nothing")]
    NothingWritten,
    /// A repository's name is no file's name.
    #[error("a repository of this workflow has a name that can't be the name of a file")]
    Name,
    /// The caller has not given the key of somebody who approved.
    #[error("the key that is held for {member} is missing, and nobody else speaks for them")]
    KeyMissing {
        /// Whose.
        member: MemberId,
    },
}

impl InTotoError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unlawful { .. } => "story-unlawful",
            Self::Erased => "body-erased",
            Self::Unfinished => "workflow-unfinished",
            Self::NotDone { .. } => "workflow-not-done",
            Self::NothingWritten => "nothing-written",
            Self::Name => "repository-name-unusable",
            Self::KeyMissing { .. } => "member-key-missing",
        }
    }
}

/// What happened, step by step, ready to be signed.
pub struct Chain {
    workflow: WorkflowId,
    ended_at: Timestamp,
    outcome: Outcome,
    diffs: BTreeMap<ContentHash, Vec<u8>>,
}

/// Takes a judged story apart.
///
/// # Errors
/// When it is not lawful, not whole, or not done.
pub fn chain(verdict: &Verdict) -> Result<Chain, InTotoError> {
    let problems = verdict.problems.len();
    if problems > 0 {
        return Err(InTotoError::Unlawful { problems });
    }
    if !verdict.unjudged.is_empty() || !verdict.erasures.is_empty() {
        return Err(InTotoError::Erased);
    }
    let last = verdict.records.last().filter(|_| verdict.report.complete);
    let (ended_at, state) = match last.map(|record| (record.at, &record.event)) {
        Some((at, Event::WorkflowEnded { state, .. })) => (at, *state),
        Some(_) | None => return Err(InTotoError::Unfinished),
    };
    if state != State::Done {
        return Err(InTotoError::NotDone { state });
    }
    let (story, _) = story::read(&verdict.report);
    let outcome = checks::outcome(&story, &verdict.report);
    if outcome.written.is_empty() {
        return Err(InTotoError::NothingWritten);
    }
    if !outcome.written.iter().all(|write| is_file_name(&write.name)) {
        return Err(InTotoError::Name);
    }
    let attachments = verdict.report.attachments.iter();
    Ok(Chain {
        workflow: story.workflow,
        ended_at,
        outcome,
        diffs: attachments.map(|a| (a.hash, a.body.clone())).collect(),
    })
}

/// Plain enough for a file, a step's name and in-toto's patterns alike.
fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

impl Chain {
    /// Everybody who approved, with the key that the story records for them.
    pub fn approvers(&self) -> BTreeMap<MemberId, MemberKey> {
        let yeses = self.outcome.written.iter().flat_map(|write| &write.yeses);
        yeses.map(|yes| (yes.member.clone(), yes.key)).collect()
    }

    /// Until when the layout is accepted: [`LAYOUT_LIVES_MS`] after the end of the story.
    pub fn expires(&self) -> Timestamp {
        self.ended_at.plus_ms(LAYOUT_LIVES_MS)
    }

    /// The whole folder: names, with `/` between folder and file, and contents. The same story and keys give the same
    /// bytes. `owner` signs the layout and the server's steps, `members` the approvals.
    ///
    /// # Errors
    /// [`InTotoError::KeyMissing`], [`InTotoError::Erased`].
    pub fn files(
        &self,
        owner: &StatementKey,
        members: &BTreeMap<MemberId, StatementKey>,
    ) -> Result<BTreeMap<String, Vec<u8>>, InTotoError> {
        let mut files = statements::artifacts(self)?;
        files.extend(statements::links(self, &files, owner, members)?);
        let keys: BTreeMap<&MemberId, StatementVerifier> =
            members.iter().map(|(id, key)| (id, key.verifier())).collect();
        let layout = statements::layout(self, &owner.verifier(), &keys)?;
        files.insert(
            LAYOUT_FILE.to_owned(),
            countersign_ledger::dsse::envelope(&layout, owner),
        );
        files.insert(OWNER_KEY_FILE.to_owned(), owner.verifier().to_pem().into_bytes());
        Ok(files)
    }
}
