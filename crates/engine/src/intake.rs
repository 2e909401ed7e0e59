//! The door through which everything comes in: words are looked at before anything of them is kept (INV-11).
//!
//! What holds a secret is refused here and never stored, whoever says it and from where; a test holds everybody else off
//! the inbox. Whether an input may change anything is judged later, by `decide`.

use crate::trace;
use countersign_core::id::{InputId, WorkflowId};
use countersign_core::outbound::refused_words;
use countersign_ports::store::{NewInput, StoreError, TenantStore};

/// Why an input was not taken in; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Its words hold what looks like a secret.
    #[error("{0}")]
    Secret(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NotTaken {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            NotTaken::Secret(_) => "words-hold-secret",
            NotTaken::Store(error) => error.code(),
        }
    }
}

/// Puts an input into the inbox.
///
/// # Errors
/// When its words hold what looks like a secret, or the store fails.
pub async fn take_in(
    store: &dyn TenantStore,
    id: &InputId,
    workflow: &WorkflowId,
    input: &NewInput,
) -> Result<(), NotTaken> {
    let words = match input {
        NewInput::Submit(submission) => submission.words(),
        NewInput::Act(act) => {
            let words = act.record.act.words().into_iter();
            words.map(|(what, text)| (what, text.into())).collect()
        }
    };
    if let Some(why) = words
        .into_iter()
        .find_map(|(what, text)| refused_words(what, &text))
    {
        return Err(NotTaken::Secret(why));
    }
    trace::is_about(&tracing::Span::current(), workflow);
    Ok(store.insert_input(id, workflow, input).await?)
}
