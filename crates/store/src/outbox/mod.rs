//! What leaves as a notice: the [`Outbox`] port. A notice is queued once, a try is recorded before anything is sent, and
//! what will not be tried again is a fact in the ledger. Every method is one transaction.

mod trying;

use crate::db::Tx;
use crate::error;
use crate::log::{self, Fact, KIND_NOTICE_ENDED, Log, NOTICE_STREAM};
use crate::row::{Row, int, time};
use crate::tenant::{SqliteTenant, in_snapshot, in_tx};
use async_trait::async_trait;
use countersign_core::digest::canonical_json;
use countersign_core::id::{NoticeId, WorkflowId};
use countersign_core::notice::permit::{NoticeClaim, NoticeFacts};
use countersign_core::notice::{Ended, NOTICE_VERSION, Notice, NoticeRecord, NoticeStanding, PlaceId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::State;
use countersign_ports::notice::{
    Cursor, NOTICES_KEPT_MAX, NOTICES_PAGE_MAX, NewNotice, NoticeRow, Outbox, Settled, Wrong,
};
use countersign_ports::store::StoreError;
use sea_orm::Value;

/// Most workflows that one look at the clock is about.
const WORKFLOWS_MAX: u64 = 10_000;

/// A notice with everything that its columns say.
struct Stored {
    row: NoticeRow,
    maybe_sent: bool,
}

fn read(row: &Row) -> Result<Stored, StoreError> {
    let notice: Result<Notice, _> = serde_json::from_slice(&row.bytes("notice")?);
    let standing = |text: &str| {
        let known = NoticeStanding::ALL.into_iter().find(|s| s.as_str() == text);
        known.ok_or("a notice does not stand like this")
    };
    Ok(Stored {
        maybe_sent: row.flag("maybe_sent")?,
        row: NoticeRow {
            number: row.number("n")?,
            id: row.parsed("id", NoticeId::parse)?,
            notice: notice.map_err(|_| error::damaged("a notice can't be read"))?,
            place: row.parsed("place", PlaceId::parse)?,
            shown: row.text("shown")?,
            standing: row.parsed("standing", standing)?,
            attempts: row.small("attempts")?,
            queued_at: row.time("queued_at")?,
            tried_at: row.time_or_null("tried_at")?,
            until: row.time("run_at")?,
            code: row.text_or_null("code")?,
            message: row.text_or_null("message")?,
        },
    })
}

async fn cursor(tx: &Tx<'_>) -> Result<Option<Cursor>, StoreError> {
    const FIND: &str = "SELECT next_entry, digest_until FROM notice_cursors WHERE tenant = $1";
    let row = tx.row(FIND, []).await?;
    let read = |row: Row| {
        Ok(Cursor {
            next_entry: row.number("next_entry")?,
            digest_until: row.time("digest_until")?,
        })
    };
    row.map(read).transpose()
}

async fn begin(tx: &Tx<'_>) -> Result<Cursor, StoreError> {
    if let Some(known) = cursor(tx).await? {
        return Ok(known);
    }
    let present = Cursor {
        next_entry: log::size(tx).await?,
        digest_until: tx.now().await?,
    };
    const INSERT: &str = "INSERT INTO notice_cursors (tenant, next_entry, digest_until) VALUES ($1, $2, $3)";
    tx.run(INSERT, [int(present.next_entry), time(present.digest_until)])
        .await?;
    Ok(present)
}

async fn rest(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.run("DELETE FROM notice_cursors WHERE tenant = $1", []).await?;
    give_up_elsewhere(tx, &[]).await.map(drop)
}

async fn queue(tx: &Tx<'_>, from: Cursor, to: Cursor, notices: &[NewNotice]) -> Result<u64, StoreError> {
    const MOVE: &str = "UPDATE notice_cursors SET next_entry = $4, digest_until = $5
        WHERE tenant = $1 AND next_entry = $2 AND digest_until = $3";
    let values = [
        int(from.next_entry),
        time(from.digest_until),
        int(to.next_entry),
        time(to.digest_until),
    ];
    if tx.run(MOVE, values).await? == 0 {
        return Err(StoreError::Clash);
    }
    let mut new = 0;
    for notice in notices {
        new += insert(tx, notice).await?;
    }
    Ok(new)
}

async fn add(tx: &Tx<'_>, notices: &[NewNotice]) -> Result<(), StoreError> {
    for notice in notices {
        insert(tx, notice).await?;
    }
    Ok(())
}

async fn insert(tx: &Tx<'_>, new: &NewNotice) -> Result<u64, StoreError> {
    const INSERT: &str = "INSERT INTO notices (tenant, id, notice, place, shown, standing, queued_at, run_at)
        VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $6) ON CONFLICT (tenant, id) DO NOTHING";
    let values = [
        new.notice.id(tx.tenant(), &new.place).as_str().into(),
        Value::from(canonical_json(&new.notice)),
        new.place.as_str().into(),
        new.shown.as_str().into(),
        time(tx.now().await?),
    ];
    tx.run(INSERT, values).await
}

/// What will not be tried again is a fact.
async fn record_ends(tx: &Tx<'_>, rows: &[NoticeRow]) -> Result<(), StoreError> {
    let at = tx.now().await?;
    let fact = |row: &NoticeRow| Fact {
        kind: KIND_NOTICE_ENDED,
        at,
        body: canonical_json(&NoticeRecord {
            v: NOTICE_VERSION,
            id: row.id.clone(),
            notice: row.notice.clone(),
            place: row.place.as_str().to_owned(),
            attempts: row.attempts,
            standing: row.standing,
            code: row.code.clone(),
        }),
        ends: false,
    };
    let facts: Vec<Fact> = rows.iter().map(fact).collect();
    if facts.is_empty() {
        return Ok(());
    }
    Log::open(tx, NOTICE_STREAM).await?.append(facts).await
}

/// Above the limit the oldest of those that ended go; the ledger has them.
async fn forget(tx: &Tx<'_>) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM notices WHERE tenant = $1 AND standing NOT IN ('waiting', 'sending')
        AND n <= (SELECT max(n) FROM notices) - $2";
    tx.run(FORGET, [int(NOTICES_KEPT_MAX.into())]).await.map(drop)
}

async fn give_up_elsewhere(tx: &Tx<'_>, places: &[PlaceId]) -> Result<u64, StoreError> {
    const ELSEWHERE: &str = "SELECT * FROM notices WHERE tenant = $1 AND standing = 'waiting'
        AND place NOT IN (SELECT value FROM json_each($2)) ORDER BY n";
    let ids: Vec<&str> = places.iter().map(PlaceId::as_str).collect();
    let rows = tx
        .rows(ELSEWHERE, [serde_json::Value::from(ids).to_string().into()])
        .await?;
    let wrong = Wrong {
        code: "notice-place-gone".to_owned(),
        message: "nothing is sent to that place any more".to_owned(),
    };
    end_all(tx, &rows, NoticeStanding::GivenUp, &wrong).await
}

/// Nothing that a restored or copied folder had waiting is sent from it; what it says may be long decided (hazard 39).
pub(crate) async fn void(tx: &Tx<'_>) -> Result<(), StoreError> {
    const OPEN: &str =
        "SELECT * FROM notices WHERE tenant = $1 AND standing IN ('waiting', 'sending') ORDER BY n";
    tx.run("DELETE FROM notice_cursors WHERE tenant = $1", []).await?;
    let rows = tx.rows(OPEN, []).await?;
    let wrong = Wrong {
        code: "notice-of-another-epoch".to_owned(),
        message: "the data folder was restored, copied or moved before it was sent".to_owned(),
    };
    end_all(tx, &rows, NoticeStanding::Void, &wrong).await.map(drop)
}

async fn end_all(
    tx: &Tx<'_>,
    rows: &[Row],
    standing: NoticeStanding,
    wrong: &Wrong,
) -> Result<u64, StoreError> {
    const END: &str = "UPDATE notices SET standing = $3, run_at = $4, code = $5, message = $6
        WHERE tenant = $1 AND id = $2";
    let now = tx.now().await?;
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = read(row)?.row;
        let values = [
            row.id.as_str().into(),
            standing.as_str().into(),
            time(now),
            wrong.code.as_str().into(),
            wrong.message.as_str().into(),
        ];
        tx.run(END, values).await?;
        (row.standing, row.code) = (standing, Some(wrong.code.clone()));
        ended.push(row);
    }
    record_ends(tx, &ended).await?;
    Ok(ended.len() as u64)
}

async fn running_out(tx: &Tx<'_>, before: Timestamp) -> Result<Vec<(WorkflowId, Timestamp)>, StoreError> {
    const SOON: &str = "SELECT id, next_expiry_at FROM workflows
        WHERE tenant = $1 AND next_expiry_at <= $2 ORDER BY next_expiry_at LIMIT $3";
    let rows = tx.rows(SOON, [time(before), int(WORKFLOWS_MAX)]).await?;
    let read = |row: &Row| Ok((row.parsed("id", WorkflowId::parse)?, row.time("next_expiry_at")?));
    rows.iter().map(read).collect()
}

async fn ended(tx: &Tx<'_>, since: Timestamp, until: Timestamp) -> Result<(Vec<Ended>, u32), StoreError> {
    const CHANGED: &str = "SELECT id, state FROM workflows
        WHERE tenant = $1 AND updated_at > $2 AND updated_at <= $3 ORDER BY updated_at, id LIMIT $4";
    const WAITING: &str = "SELECT count(*) AS n FROM workflows WHERE tenant = $1 AND open_requests > 0";
    let state = |text: &str| {
        let known = State::ALL.into_iter().find(|s| s.as_str() == text);
        known.ok_or("there is no such state")
    };
    let mut ended = Vec::new();
    for row in tx
        .rows(CHANGED, [time(since), time(until), int(WORKFLOWS_MAX)])
        .await?
    {
        let state = row.parsed("state", state)?;
        if state.is_final() {
            let workflow = row.parsed("id", WorkflowId::parse)?;
            ended.push(Ended { workflow, state });
        }
    }
    let waiting = tx.row(WAITING, []).await?;
    Ok((ended, waiting.map_or(Ok(0), |row| row.small("n"))?))
}

async fn list_before(tx: &Tx<'_>, number: u64, limit: u32) -> Result<Vec<NoticeRow>, StoreError> {
    const NEWEST: &str = "SELECT * FROM notices WHERE tenant = $1 AND n < $2 ORDER BY n DESC LIMIT $3";
    let values = [int(number), int(limit.min(NOTICES_PAGE_MAX).into())];
    let rows = tx.rows(NEWEST, values).await?;
    rows.iter()
        .map(|row| read(row).map(|stored| stored.row))
        .collect()
}

#[async_trait]
impl Outbox for SqliteTenant {
    async fn begin(&self) -> Result<Cursor, StoreError> {
        in_tx!(self, |tx| begin(tx))
    }

    async fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        in_snapshot!(self, |tx| cursor(tx))
    }

    async fn rest(&self) -> Result<(), StoreError> {
        in_tx!(self, |tx| rest(tx))
    }

    async fn queue(&self, from: Cursor, to: Cursor, notices: &[NewNotice]) -> Result<u64, StoreError> {
        in_tx!(self, |tx| queue(tx, from, to, notices))
    }

    async fn add(&self, notices: &[NewNotice]) -> Result<(), StoreError> {
        in_tx!(self, |tx| add(tx, notices))
    }

    async fn begin_one(&self, notice: &NewNotice) -> Result<NoticeFacts, StoreError> {
        in_tx!(self, |tx| trying::begin_one(tx, notice))
    }

    async fn claim(&self, place: &PlaceId) -> Result<Option<NoticeFacts>, StoreError> {
        // Looking is cheap and writing is not: most looks find nothing.
        if in_snapshot!(self, |tx| trying::next(tx, place))?.is_none() {
            return Ok(None);
        }
        in_tx!(self, |tx| trying::claim(tx, place))
    }

    async fn put_back(&self, claim: &NoticeClaim, until: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, |tx| trying::put_back(tx, claim, until))
    }

    async fn settle(&self, claim: &NoticeClaim, settled: &Settled) -> Result<(), StoreError> {
        in_tx!(self, |tx| trying::settle(tx, claim, settled))
    }

    async fn lost(&self) -> Result<Vec<NoticeFacts>, StoreError> {
        in_snapshot!(self, |tx| trying::lost(tx))
    }

    async fn give_up_elsewhere(&self, places: &[PlaceId]) -> Result<u64, StoreError> {
        in_tx!(self, |tx| give_up_elsewhere(tx, places))
    }

    async fn running_out(&self, before: Timestamp) -> Result<Vec<(WorkflowId, Timestamp)>, StoreError> {
        in_snapshot!(self, |tx| running_out(tx, before))
    }

    async fn ended(&self, since: Timestamp, until: Timestamp) -> Result<(Vec<Ended>, u32), StoreError> {
        in_snapshot!(self, |tx| ended(tx, since, until))
    }

    async fn list(&self, limit: u32) -> Result<Vec<NoticeRow>, StoreError> {
        in_snapshot!(self, |tx| list_before(tx, u64::MAX, limit))
    }

    async fn list_before(&self, number: u64, limit: u32) -> Result<Vec<NoticeRow>, StoreError> {
        in_snapshot!(self, |tx| list_before(tx, number, limit))
    }
}
