//! The intake of facts from outside: inserted once by any process, judged in order by the one that holds the
//! owner lock. An input that can't be judged is held, and closes its workflow until a human resolves it
//! (hazard 60).

use crate::db::Tx;
use crate::forms;
use crate::row::{Row, time};
use countersign_core::id::{InputId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_ports::store::{Claim, INBOX_MAX, InputStatus, NewInput, StoreError};

/// Longest stored form of an input, in bytes.
pub(crate) const INPUT_MAX_BYTES: usize = 2 << 20;

/// Inserts an input once.
pub(crate) async fn insert(
    tx: &Tx<'_>,
    id: &InputId,
    workflow: &WorkflowId,
    input: &NewInput,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO inputs (tenant, id, workflow, payload, status, received_at)
        VALUES ($1, $2, $3, $4, 'pending', $5)";
    const KNOWN: &str = "SELECT 1 FROM inputs WHERE tenant = $1 AND id = $2";
    if tx.row(KNOWN, [id.as_str().into()]).await?.is_some() {
        return Ok(());
    }
    let payload = forms::write_input(input);
    if payload.len() > INPUT_MAX_BYTES {
        return Err(StoreError::Refused {
            code: "input-too-large",
            message: format!(
                "this has {} bytes; at most {INPUT_MAX_BYTES} are taken, so say it shorter",
                payload.len()
            ),
        });
    }
    if undecided(tx, workflow).await? >= INBOX_MAX {
        return Err(StoreError::Refused {
            code: "inbox-full",
            message: format!(
                "{INBOX_MAX} inputs of {workflow} wait to be judged; `countersign resume` judges them"
            ),
        });
    }
    let values = [
        id.as_str().into(),
        workflow.as_str().into(),
        payload.into(),
        time(tx.now().await?),
    ];
    tx.run(INSERT, values).await.map(|_| ())
}

/// How many inputs of a workflow nobody has judged for good: pending and held ones.
pub(crate) async fn undecided(tx: &Tx<'_>, workflow: &WorkflowId) -> Result<u32, StoreError> {
    const COUNT: &str = "SELECT count(*) AS n FROM inputs
        WHERE tenant = $1 AND workflow = $2 AND status IN ('pending', 'held')";
    let row = tx.row(COUNT, [workflow.as_str().into()]).await?;
    row.map_or(Ok(0), |row| row.small("n"))
}

/// Inputs that hold a workflow closed, with the reason.
pub(crate) async fn held(tx: &Tx<'_>, workflow: &WorkflowId) -> Result<Vec<(InputId, String)>, StoreError> {
    const HELD: &str = "SELECT id, message FROM inputs
        WHERE tenant = $1 AND workflow = $2 AND status = 'held' ORDER BY n";
    let mut found = Vec::new();
    for row in tx.rows(HELD, [workflow.as_str().into()]).await? {
        let id = InputId::parse(&row.text("id")?)
            .map_err(|e| crate::error::damaged(format_args!("the id of an input: {e}")))?;
        found.push((id, row.text_or_null("message")?.unwrap_or_default()));
    }
    Ok(found)
}

/// How an input stands.
pub(crate) async fn status(tx: &Tx<'_>, id: &InputId) -> Result<InputStatus, StoreError> {
    const STATUS: &str = "SELECT status, code, message FROM inputs WHERE tenant = $1 AND id = $2";
    let row = tx
        .row(STATUS, [id.as_str().into()])
        .await?
        .ok_or_else(|| not_found(id))?;
    standing(&row)
}

/// How the first input of a workflow stands.
pub(crate) async fn submission_status(
    tx: &Tx<'_>,
    workflow: &WorkflowId,
) -> Result<Option<InputStatus>, StoreError> {
    const FIRST: &str = "SELECT status, code, message FROM inputs
        WHERE tenant = $1 AND workflow = $2 ORDER BY n LIMIT 1";
    let row = tx.row(FIRST, [workflow.as_str().into()]).await?;
    row.as_ref().map(standing).transpose()
}

fn standing(row: &Row) -> Result<InputStatus, StoreError> {
    let why = || -> Result<(String, String), StoreError> {
        Ok((
            row.text_or_null("code")?.unwrap_or_default(),
            row.text_or_null("message")?.unwrap_or_default(),
        ))
    };
    match row.text("status")?.as_str() {
        PENDING => Ok(InputStatus::Pending),
        ACCEPTED => Ok(InputStatus::Accepted),
        REFUSED => why().map(|(code, message)| InputStatus::Refused { code, message }),
        HELD => why().map(|(code, message)| InputStatus::Held { code, message }),
        other => Err(crate::error::damaged(format_args!(
            "an input has the status `{other}`"
        ))),
    }
}

/// Settles an undecided input that changes nothing; a held one may also be put back.
pub(crate) async fn settle(tx: &Tx<'_>, id: &InputId, status: &InputStatus) -> Result<(), StoreError> {
    const SETTLE: &str = "UPDATE inputs SET status = $3, code = $4, message = $5, settled_at = $6
        WHERE tenant = $1 AND id = $2 AND status IN ('pending', 'held')";
    let (word, code, message) = match status {
        InputStatus::Pending => (PENDING, None, None),
        InputStatus::Accepted => (ACCEPTED, None, None),
        InputStatus::Refused { code, message } => (REFUSED, Some(code.as_str()), Some(message.as_str())),
        InputStatus::Held { code, message } => (HELD, Some(code.as_str()), Some(message.as_str())),
    };
    let now = tx.now().await?;
    let values = [
        id.as_str().into(),
        word.into(),
        code.into(),
        message.into(),
        time(now),
    ];
    if tx.run(SETTLE, values).await? == 1 || self::status(tx, id).await? == *status {
        return Ok(());
    }
    Err(StoreError::Refused {
        code: "input-settled",
        message: format!("the input {id} was judged already"),
    })
}

/// An input led to the commit of this transaction.
///
/// # Errors
/// `ClaimLost` when it is not pending for that workflow any more: it was judged already, or is held.
pub(crate) async fn accept(
    tx: &Tx<'_>,
    id: &InputId,
    workflow: &WorkflowId,
    now: Timestamp,
) -> Result<(), StoreError> {
    const ACCEPT: &str = "UPDATE inputs SET status = 'accepted', settled_at = $4
        WHERE tenant = $1 AND id = $2 AND workflow = $3 AND status = 'pending'";
    match tx
        .run(ACCEPT, [id.as_str().into(), workflow.as_str().into(), time(now)])
        .await?
    {
        1 => Ok(()),
        _ => Err(StoreError::ClaimLost),
    }
}

/// The tenant's oldest input to judge, closed workflows left out.
pub(crate) async fn oldest(
    tx: &Tx<'_>,
    only: Option<&WorkflowId>,
    judging: &str,
) -> Result<Option<Claim>, StoreError> {
    let sql = format!(
        "SELECT i.id, i.workflow, i.payload FROM inputs i
        WHERE i.tenant = $1 AND ($2 IS NULL OR i.workflow = $2)
        AND i.workflow NOT IN (SELECT value FROM json_each($3)) AND {MAY_BE_JUDGED} ORDER BY i.n LIMIT 1"
    );
    let values = [only.map(WorkflowId::as_str).into(), judging.into()];
    let Some(row) = tx.row(&sql, values).await? else {
        return Ok(None);
    };
    let tenant = tx.tenant().clone();
    let workflow = row.parsed("workflow", WorkflowId::parse)?;
    let id = row.parsed("id", InputId::parse)?;
    Ok(Some(match forms::read_input(&row.bytes("payload")?) {
        Ok(input) => Claim::Input {
            tenant,
            workflow,
            id,
            input,
        },
        Err(why) => Claim::Undecidable {
            tenant,
            workflow,
            id,
            reason: format!("the stored input can't be read: {why}"),
        },
    }))
}

/// Whether input `i` may be judged: pending, and its workflow not closed by a held one.
pub(crate) const MAY_BE_JUDGED: &str = "i.status = 'pending'
    AND NOT EXISTS (SELECT 1 FROM inputs h
        WHERE h.tenant = i.tenant AND h.workflow = i.workflow AND h.status = 'held')";

const PENDING: &str = "pending";
const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";
const HELD: &str = "held";

fn not_found(id: &InputId) -> StoreError {
    StoreError::NotFound {
        what: "input",
        id: id.to_string(),
    }
}
