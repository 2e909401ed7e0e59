//! A story, sentence by sentence.

use crate::shown::Sentence;
use countersign_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// One sentence of a story.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoryWire {
    /// RFC 3339, UTC.
    pub at: String,
    /// ✓ good · ✗ bad · ? waits · – neither · `·` neutral.
    pub mark: String,
    /// The words; may hold untrusted ones.
    pub text: String,
}

impl StoryWire {
    /// From what is told.
    pub fn of((at, sentence): &(Timestamp, Sentence)) -> Self {
        Self {
            at: at.to_rfc3339(),
            mark: sentence.mark.to_owned(),
            text: sentence.text.clone(),
        }
    }
}
