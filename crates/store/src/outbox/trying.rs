//! Tries: each is recorded before anything is sent, and settled once.

use super::{Stored, forget, insert, read, record_ends};
use crate::db::Tx;
use crate::error;
use crate::row::{int, time};
use countersign_core::id::NoticeId;
use countersign_core::notice::ending::{Follows, TryEnded};
use countersign_core::notice::permit::{NoticeClaim, NoticeFacts, RATE_WINDOW_MS};
use countersign_core::notice::{NoticeStanding, PlaceId};
use countersign_core::time::Timestamp;
use countersign_ports::notice::{NewNotice, NoticeRow, Settled};
use countersign_ports::store::StoreError;

/// The next notice for a place.
const NEXT: &str = "SELECT * FROM notices WHERE tenant = $1 AND place = $2 AND standing = 'waiting'
    AND run_at <= $3 ORDER BY run_at, n LIMIT 1";

pub(super) async fn next(tx: &Tx<'_>, place: &PlaceId) -> Result<Option<Stored>, StoreError> {
    let now = tx.now().await?;
    let row = tx.row(NEXT, [place.as_str().into(), time(now)]).await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn claim(tx: &Tx<'_>, place: &PlaceId) -> Result<Option<NoticeFacts>, StoreError> {
    match next(tx, place).await? {
        Some(stored) => begin_try(tx, stored).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn begin_one(tx: &Tx<'_>, new: &NewNotice) -> Result<NoticeFacts, StoreError> {
    insert(tx, new).await?;
    let row = one(tx, &new.notice.id(tx.tenant(), &new.place)).await?;
    if row.standing != NoticeStanding::Waiting {
        return Err(StoreError::ClaimLost);
    }
    let maybe_sent = false;
    begin_try(tx, Stored { row, maybe_sent }).await
}

/// Records the try; nothing was sent yet.
async fn begin_try(tx: &Tx<'_>, stored: Stored) -> Result<NoticeFacts, StoreError> {
    const TRY: &str = "UPDATE notices SET standing = 'sending', attempts = attempts + 1, tried_at = $3
        WHERE tenant = $1 AND id = $2";
    let now = tx.now().await?;
    tx.run(TRY, [stored.row.id.as_str().into(), time(now)]).await?;
    let attempt = stored.row.attempts.saturating_add(1);
    facts(tx, stored, attempt, now).await
}

/// What the gate looks at, read anew.
async fn facts(tx: &Tx<'_>, stored: Stored, attempt: u32, now: Timestamp) -> Result<NoticeFacts, StoreError> {
    const ACTIVE: &str = "SELECT active FROM tenants WHERE id = $1";
    const TRIED: &str = "SELECT count(*) AS n FROM notices
        WHERE tenant = $1 AND place = $2 AND tried_at > $3 AND id <> $4";
    let active = tx.row(ACTIVE, []).await?;
    let hour = Timestamp(now.0.saturating_sub(RATE_WINDOW_MS));
    let Stored { row, maybe_sent } = stored;
    let values = [row.place.as_str().into(), time(hour), row.id.as_str().into()];
    let tried = tx.row(TRIED, values).await?;
    let held = NoticeClaim {
        now,
        id: row.id,
        place: row.place,
        queued_at: row.queued_at,
        attempt,
        not_sent_before: !maybe_sent,
        tenant_active: active.map_or(Ok(false), |row| row.flag("active"))?,
        tries_in_hour: tried.map_or(Ok(0), |row| row.small("n"))?,
    };
    Ok(NoticeFacts::attest(tx.tenant().clone(), row.notice, held))
}

pub(super) async fn put_back(tx: &Tx<'_>, claim: &NoticeClaim, until: Timestamp) -> Result<(), StoreError> {
    const BACK: &str =
        "UPDATE notices SET standing = 'waiting', attempts = attempts - 1, tried_at = NULL, run_at = $4
        WHERE tenant = $1 AND id = $2 AND standing = 'sending' AND attempts = $3";
    let values = [claim.id.as_str().into(), int(claim.attempt.into()), time(until)];
    match tx.run(BACK, values).await? {
        0 => Err(StoreError::ClaimLost),
        _ => Ok(()),
    }
}

pub(super) async fn settle(tx: &Tx<'_>, claim: &NoticeClaim, settled: &Settled) -> Result<(), StoreError> {
    const SETTLE: &str = "UPDATE notices SET standing = $4, run_at = $5, maybe_sent = max(maybe_sent, $6),
            code = $7, message = $8
        WHERE tenant = $1 AND id = $2 AND standing = 'sending' AND attempts = $3";
    let now = tx.now().await?;
    let (standing, at) = match settled.follows {
        Follows::Ends(standing) => (standing, now),
        Follows::Again(at) => (NoticeStanding::Waiting, at),
    };
    let maybe_sent = match settled.ended {
        TryEnded::Unknown | TryEnded::Delivered => 1,
        TryEnded::Failed | TryEnded::Refused => 0,
    };
    let wrong = settled.wrong.as_ref();
    let values = [
        claim.id.as_str().into(),
        int(claim.attempt.into()),
        standing.as_str().into(),
        time(at),
        int(maybe_sent),
        wrong.map(|w| w.code.as_str()).into(),
        wrong.map(|w| w.message.as_str()).into(),
    ];
    if tx.run(SETTLE, values).await? == 0 {
        return Err(StoreError::ClaimLost);
    }
    match settled.follows {
        Follows::Ends(_) => {
            record_ends(tx, &[one(tx, &claim.id).await?]).await?;
            forget(tx).await
        }
        Follows::Again(_) => Ok(()),
    }
}

async fn one(tx: &Tx<'_>, id: &NoticeId) -> Result<NoticeRow, StoreError> {
    const ONE: &str = "SELECT * FROM notices WHERE tenant = $1 AND id = $2";
    let row = tx.row(ONE, [id.as_str().into()]).await?;
    let row = row.ok_or_else(|| error::damaged("a notice is gone while it is sent"))?;
    read(&row).map(|stored| stored.row)
}

pub(super) async fn lost(tx: &Tx<'_>) -> Result<Vec<NoticeFacts>, StoreError> {
    const LOST: &str = "SELECT * FROM notices WHERE tenant = $1 AND standing = 'sending' ORDER BY n";
    let now = tx.now().await?;
    let mut found = Vec::new();
    for row in tx.rows(LOST, []).await? {
        let stored = read(&row)?;
        let attempt = stored.row.attempts;
        found.push(facts(tx, stored, attempt, now).await?);
    }
    Ok(found)
}
