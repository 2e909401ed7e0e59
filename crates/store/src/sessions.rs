//! Sessions and their tokens. A session has one token at a time; while one follows another both let in, for a short time.
//!
//! A token that came back after its time is no token any more, and says whose session it was: whoever has it has kept a copy.

use crate::access::{SEEN_EVERY_MS, bytes};
use crate::db::Tx;
use crate::row::{Row, time};
use countersign_core::id::MemberId;
use countersign_core::time::Timestamp;
use countersign_ports::access::{
    SESSION_IDLE_MS, SESSIONS_MAX, SecretHash, Session, Shown, TOKEN_OVERLAP_MS, TokenState,
};
use countersign_ports::store::StoreError;

/// A session's columns.
const COLUMNS: &str = "s.id, s.member, s.through, s.began_at, s.authenticated_at, s.seen_at, s.expires_at";

fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.text("id")?,
        member: row.parsed("member", MemberId::parse)?,
        through: row.text("through")?,
        began_at: row.time("began_at")?,
        authenticated_at: row.time("authenticated_at")?,
        seen_at: row.time("seen_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// Since when something has been left alone for as long as `ms`.
fn before(now: Timestamp, ms: u64) -> Timestamp {
    Timestamp(now.0.saturating_sub(ms))
}

/// Begins a session; what has ended goes, and above the limit the oldest of that member.
pub(crate) async fn begin(tx: &Tx<'_>, token: &SecretHash, session: &Session) -> Result<(), StoreError> {
    let now = tx.now().await?;
    const ENDED: &str = "DELETE FROM sessions WHERE tenant = $1 AND (expires_at <= $2 OR seen_at <= $3)";
    tx.run(ENDED, [time(now), time(before(now, SESSION_IDLE_MS))])
        .await?;
    const TOO_MANY: &str = "DELETE FROM sessions WHERE tenant = $1 AND hash IN (SELECT hash FROM sessions
        WHERE tenant = $1 AND member = $2 ORDER BY began_at DESC LIMIT -1 OFFSET $3)";
    let member = || session.member.as_str().into();
    tx.run(TOO_MANY, [member(), i64::from(SESSIONS_MAX - 1).into()])
        .await?;
    without_sessions(tx).await?;
    const INSERT: &str = "INSERT INTO sessions
        (tenant, hash, member, through, began_at, authenticated_at, seen_at, expires_at, id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = [
        bytes(token),
        member(),
        session.through.as_str().into(),
        time(session.began_at),
        time(session.authenticated_at),
        time(session.seen_at),
        time(session.expires_at),
        session.id.as_str().into(),
    ];
    tx.run(INSERT, values).await?;
    const TOKEN: &str = "INSERT INTO session_tokens (tenant, hash, session, made_at, used_at)
        VALUES ($1, $2, $3, $4, $4)";
    tx.run(
        TOKEN,
        [bytes(token), session.id.as_str().into(), time(session.began_at)],
    )
    .await
    .map(drop)
}

/// Tokens go with their session.
async fn without_sessions(tx: &Tx<'_>) -> Result<(), StoreError> {
    const GONE: &str = "DELETE FROM session_tokens WHERE tenant = $1
        AND session NOT IN (SELECT id FROM sessions WHERE tenant = $1)";
    tx.run(GONE, []).await.map(drop)
}

/// What a token lets into.
pub(crate) async fn shown(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<Shown>, StoreError> {
    let now = tx.now().await?;
    let sql = format!(
        "SELECT {COLUMNS}, t.made_at, t.used_at, t.replaced_at FROM session_tokens t
        JOIN sessions s ON s.tenant = t.tenant AND s.id = t.session WHERE t.tenant = $1 AND t.hash = $2"
    );
    let Some(row) = tx.row(&sql, [bytes(token)]).await? else {
        return Ok(None);
    };
    let state = match (row.time_or_null("replaced_at")?, row.time_or_null("used_at")?) {
        (Some(at), _) if at.plus_ms(TOKEN_OVERLAP_MS) <= now => return Ok(None),
        (Some(_), _) => TokenState::Replaced,
        (None, None) => TokenState::New,
        (None, Some(_)) => TokenState::Current,
    };
    let session = session(&row)?;
    let made_at = row.time("made_at")?;
    Ok(session.goes_on(now).then_some(Shown {
        session,
        state,
        made_at,
    }))
}

/// The session of a token that was replaced longer ago than both may be there.
pub(crate) async fn replaced(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<String>, StoreError> {
    const FIND: &str =
        "SELECT session FROM session_tokens WHERE tenant = $1 AND hash = $2 AND replaced_at <= $3";
    let until = before(tx.now().await?, TOKEN_OVERLAP_MS);
    let row = tx.row(FIND, [bytes(token), time(until)]).await?;
    row.map(|row| row.text("session")).transpose()
}

/// Whether a session goes on.
pub(crate) async fn goes_on(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.tenant = $1 AND s.id = $2");
    let now = tx.now().await?;
    let row = tx.row(&sql, [id.into()]).await?;
    row.map_or(Ok(false), |row| Ok(session(&row)?.goes_on(now)))
}

/// A member's sessions that go on, the last used first.
pub(crate) async fn of_member(tx: &Tx<'_>, member: &MemberId) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.tenant = $1 AND s.member = $2 ORDER BY s.seen_at DESC, s.id"
    );
    let now = tx.now().await?;
    let rows = tx.rows(&sql, [member.as_str().into()]).await?;
    let all: Result<Vec<Session>, StoreError> = rows.iter().map(session).collect();
    Ok(all?.into_iter().filter(|session| session.goes_on(now)).collect())
}

/// The session was used.
pub(crate) async fn touch(tx: &Tx<'_>, id: &str) -> Result<(), StoreError> {
    let now = tx.now().await?;
    const TOUCH: &str = "UPDATE sessions SET seen_at = $3 WHERE tenant = $1 AND id = $2 AND seen_at < $4";
    tx.run(TOUCH, [id.into(), time(now), time(before(now, SEEN_EVERY_MS))])
        .await
        .map(drop)
}

/// Adds the next token, unless there is one that may still come back.
pub(crate) async fn rotate(tx: &Tx<'_>, old: &SecretHash, new: &SecretHash) -> Result<bool, StoreError> {
    const OF: &str = "SELECT session FROM session_tokens
        WHERE tenant = $1 AND hash = $2 AND used_at IS NOT NULL AND replaced_at IS NULL";
    let Some(row) = tx.row(OF, [bytes(old)]).await? else {
        return Ok(false);
    };
    let (session, now) = (row.text("session")?, tx.now().await?);
    const ON_ITS_WAY: &str = "SELECT 1 AS n FROM session_tokens
        WHERE tenant = $1 AND session = $2 AND used_at IS NULL AND replaced_at IS NULL AND made_at > $3";
    let since = before(now, TOKEN_OVERLAP_MS);
    let on_its_way = tx.row(ON_ITS_WAY, [session.as_str().into(), time(since)]).await?;
    if on_its_way.is_some() {
        return Ok(false);
    }
    const LOST: &str = "UPDATE session_tokens SET replaced_at = $3
        WHERE tenant = $1 AND session = $2 AND used_at IS NULL AND replaced_at IS NULL";
    tx.run(LOST, [session.as_str().into(), time(now)]).await?;
    const NEXT: &str = "INSERT INTO session_tokens (tenant, hash, session, made_at) VALUES ($1, $2, $3, $4)";
    tx.run(NEXT, [bytes(new), session.as_str().into(), time(now)])
        .await?;
    Ok(true)
}

/// A new token came back, so nobody needs another one.
pub(crate) async fn confirm(tx: &Tx<'_>, token: &SecretHash) -> Result<(), StoreError> {
    let now = tx.now().await?;
    const USED: &str = "UPDATE session_tokens SET used_at = $3
        WHERE tenant = $1 AND hash = $2 AND used_at IS NULL AND replaced_at IS NULL";
    if tx.run(USED, [bytes(token), time(now)]).await? == 0 {
        return Ok(());
    }
    const OTHERS: &str = "UPDATE session_tokens SET replaced_at = $3
        WHERE tenant = $1 AND hash <> $2 AND replaced_at IS NULL
        AND session = (SELECT session FROM session_tokens WHERE tenant = $1 AND hash = $2)";
    tx.run(OTHERS, [bytes(token), time(now)]).await.map(drop)
}

/// Ends a session.
pub(crate) async fn end(tx: &Tx<'_>, id: &str) -> Result<bool, StoreError> {
    const END: &str = "DELETE FROM sessions WHERE tenant = $1 AND id = $2";
    let ended = tx.run(END, [id.into()]).await?;
    without_sessions(tx).await?;
    Ok(ended > 0)
}

/// Ends all sessions of a member, and their codes.
pub(crate) async fn end_all(tx: &Tx<'_>, member: &MemberId) -> Result<u64, StoreError> {
    let of = || [member.as_str().into()];
    tx.run(
        "DELETE FROM sign_in_codes WHERE tenant = $1 AND member = $2",
        of(),
    )
    .await?;
    let ended = tx
        .run("DELETE FROM sessions WHERE tenant = $1 AND member = $2", of())
        .await?;
    without_sessions(tx).await?;
    Ok(ended)
}
