//! Which workflow was meant: its id, or a beginning or end of it that only one has.

use crate::cli::StoryId;
use crate::error::CliError;
use crate::session::Session;
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
pub(crate) async fn find(session: &Session, which: &StoryId) -> Result<WorkflowId, CliError> {
    let text = which.id.trim();
    let ulid = text
        .strip_prefix(WorkflowId::PREFIX)
        .unwrap_or(text)
        .to_ascii_uppercase();
    let fits_alphabet = ulid.bytes().all(|b| b.is_ascii_alphanumeric());
    let list = "`countersign list` shows all ids.";
    if !fits_alphabet || ulid.len() < SHORT_MIN || ulid.len() > ULID_LENGTH {
        let text = format!(
            "`{text}` is not a workflow's id, nor {SHORT_MIN} or more characters of its beginning or end"
        );
        return Err(CliError::refused("bad-id", text).next(list));
    }
    if ulid.len() == ULID_LENGTH {
        let id = WorkflowId::parse(&format!("{}{ulid}", WorkflowId::PREFIX))
            .map_err(|e| CliError::refused("bad-id", e.to_string()))?;
        session.app.set_current(&id);
        return Ok(id);
    }
    let rows = session.store.workflows(LOOKED_AT).await?;
    let fits = |id: &WorkflowId| {
        let own = id.as_str().strip_prefix(WorkflowId::PREFIX).unwrap_or_default();
        own.starts_with(&ulid) || own.ends_with(&ulid)
    };
    let found: Vec<WorkflowId> = rows.into_iter().map(|r| r.id).filter(fits).collect();
    match found.as_slice() {
        [only] => {
            session.app.set_current(only);
            Ok(only.clone())
        }
        [] => Err(CliError::refused(
            "not-found",
            format!("no workflow's id begins or ends with `{text}`"),
        )
        .next(list)),
        several => {
            let ids: Vec<&str> = several.iter().take(5).map(WorkflowId::as_str).collect();
            let text = format!("`{text}` fits {} workflows: {}", several.len(), ids.join(", "));
            Err(CliError::refused("ambiguous-id", text).next("Give more characters."))
        }
    }
}
