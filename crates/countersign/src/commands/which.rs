//! Which workflow was meant: its id, or a beginning or end of it that only one has.

use crate::cli::StoryId;
use crate::desk::Desk;
use crate::error::CliError;
use crate::session::Session;
use countersign_core::feedback::Metadata;
use countersign_core::id::WorkflowId;

/// Fewest characters of a shortened id.
const SHORT_MIN: usize = 4;
/// Length of a ULID.
const ULID_LENGTH: usize = 26;
/// Most workflows that a shortened id is looked for in.
const LOOKED_AT: u32 = 100_000;

/// Finds a workflow.
///
/// # Errors
/// When the text is too short, fits none, or fits several.
pub(crate) async fn find(desk: &Desk, which: &StoryId) -> Result<WorkflowId, CliError> {
    let id = match Meant::read(&which.id)? {
        Meant::Whole(id) => id,
        part @ Meant::Part(_) => {
            let rows = desk.workflows(LOOKED_AT, &Metadata::new()).await?;
            part.only_one(rows.iter().filter_map(|r| WorkflowId::parse(&r.id).ok()))?
        }
    };
    desk.app.set_current(&id);
    Ok(id)
}

/// The same in a data folder.
///
/// # Errors
/// As for [`find`].
pub(crate) async fn find_here(session: &Session, which: &StoryId) -> Result<WorkflowId, CliError> {
    let id = match Meant::read(&which.id)? {
        Meant::Whole(id) => id,
        part @ Meant::Part(_) => {
            let rows = session.store.workflows(LOOKED_AT).await?;
            part.only_one(rows.into_iter().map(|r| r.id))?
        }
    };
    session.app.set_current(&id);
    Ok(id)
}

/// What to look at where the text fits nothing.
const LIST: &str = "`countersign list` shows all ids.";

/// What was typed.
enum Meant {
    Whole(WorkflowId),
    Part(String),
}

impl Meant {
    fn read(text: &str) -> Result<Self, CliError> {
        let text = text.trim();
        let ulid = text
            .strip_prefix(WorkflowId::PREFIX)
            .unwrap_or(text)
            .to_ascii_uppercase();
        let fits_alphabet = ulid.bytes().all(|b| b.is_ascii_alphanumeric());
        if !fits_alphabet || ulid.len() < SHORT_MIN || ulid.len() > ULID_LENGTH {
            let text = format!(
                "`{text}` is not a workflow's id, nor {SHORT_MIN} or more characters of its beginning or end"
            );
            return Err(CliError::refused("bad-id", text).next(LIST));
        }
        if ulid.len() < ULID_LENGTH {
            return Ok(Self::Part(ulid));
        }
        WorkflowId::parse(&format!("{}{ulid}", WorkflowId::PREFIX))
            .map(Self::Whole)
            .map_err(|e| CliError::refused("bad-id", e.to_string()))
    }

    fn only_one(self, ids: impl Iterator<Item = WorkflowId>) -> Result<WorkflowId, CliError> {
        let text = match self {
            Self::Whole(id) => return Ok(id),
            Self::Part(text) => text,
        };
        let fits = |id: &WorkflowId| {
            let own = id.as_str().strip_prefix(WorkflowId::PREFIX).unwrap_or_default();
            own.starts_with(&text) || own.ends_with(&text)
        };
        let found: Vec<WorkflowId> = ids.filter(fits).collect();
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(CliError::refused(
                "not-found",
                format!("no workflow's id begins or ends with `{text}`"),
            )
            .next(LIST)),
            several => {
                let ids: Vec<&str> = several.iter().take(5).map(WorkflowId::as_str).collect();
                let text = format!("`{text}` fits {} workflows: {}", several.len(), ids.join(", "));
                Err(CliError::refused("ambiguous-id", text).next("Give more characters."))
            }
        }
    }
}
