//! Codes, keys and repeated calls of one tenant, and with `sessions` the [`Access`] port. Every method is one transaction.

use crate::db::Tx;
use crate::row::{Row, time};
use crate::sessions;
use crate::tenant::{SqliteTenant, in_snapshot, in_tx};
use async_trait::async_trait;
use countersign_core::id::MemberId;
use countersign_core::time::Timestamp;
use countersign_ports::access::{
    ANSWER_LIVES_MS, ANSWERS_MAX, Access, ApiKey, CODES_MAX, KEYS_MAX, REPEATS_MAX, Repeated, SIGN_INS_MAX,
    Scope, SecretHash, Session, Shown,
};
use countersign_ports::store::StoreError;
use sea_orm::Value;
use std::collections::BTreeSet;

/// How exactly the last use is known, in milliseconds.
pub(crate) const SEEN_EVERY_MS: u64 = 60_000;

pub(crate) fn bytes(hash: &SecretHash) -> Value {
    hash.0.to_vec().into()
}

fn key(row: &Row) -> Result<(SecretHash, ApiKey), StoreError> {
    let scopes = |text: &str| -> Result<BTreeSet<Scope>, String> {
        let each = text.split(' ').filter(|word| !word.is_empty());
        each.map(|word| Scope::parse(word).ok_or_else(|| format!("`{word}` is no scope")))
            .collect()
    };
    let key = ApiKey {
        id: row.text("id")?,
        name: row.text("name")?,
        member: row.parsed("member", MemberId::parse)?,
        scopes: row.parsed("scopes", scopes)?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.time_or_null("used_at")?,
        revoked_at: row.time_or_null("revoked_at")?,
    };
    Ok((SecretHash(row.hash("hash")?), key))
}

async fn put_code(
    tx: &Tx<'_>,
    code: &SecretHash,
    member: &MemberId,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let now = tx.now().await?;
    tx.run(
        "DELETE FROM sign_in_codes WHERE tenant = $1 AND expires_at <= $2",
        [time(now)],
    )
    .await?;
    const TOO_MANY: &str = "DELETE FROM sign_in_codes WHERE tenant = $1 AND hash IN
        (SELECT hash FROM sign_in_codes WHERE tenant = $1 ORDER BY expires_at DESC LIMIT -1 OFFSET $2)";
    tx.run(TOO_MANY, [i64::from(CODES_MAX - 1).into()]).await?;
    const INSERT: &str =
        "INSERT INTO sign_in_codes (tenant, hash, member, expires_at) VALUES ($1, $2, $3, $4)";
    tx.run(INSERT, [bytes(code), member.as_str().into(), time(expires_at)])
        .await
        .map(drop)
}

async fn take_code(tx: &Tx<'_>, code: &SecretHash) -> Result<Option<MemberId>, StoreError> {
    const TAKE: &str =
        "DELETE FROM sign_in_codes WHERE tenant = $1 AND hash = $2 RETURNING member, expires_at";
    let now = tx.now().await?;
    match tx.row(TAKE, [bytes(code)]).await? {
        Some(row) if row.time("expires_at")? > now => Ok(Some(row.parsed("member", MemberId::parse)?)),
        Some(_) | None => Ok(None),
    }
}

async fn begin_sign_in(
    tx: &Tx<'_>,
    sign_in: &SecretHash,
    return_to: &str,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let now = tx.now().await?;
    tx.run(
        "DELETE FROM sign_ins WHERE tenant = $1 AND expires_at <= $2",
        [time(now)],
    )
    .await?;
    const TOO_MANY: &str = "DELETE FROM sign_ins WHERE tenant = $1 AND hash IN
        (SELECT hash FROM sign_ins WHERE tenant = $1 ORDER BY expires_at DESC LIMIT -1 OFFSET $2)";
    tx.run(TOO_MANY, [i64::from(SIGN_INS_MAX - 1).into()]).await?;
    const INSERT: &str = "INSERT INTO sign_ins (tenant, hash, return_to, expires_at) VALUES ($1, $2, $3, $4)";
    tx.run(INSERT, [bytes(sign_in), return_to.into(), time(expires_at)])
        .await
        .map(drop)
}

async fn take_sign_in(tx: &Tx<'_>, sign_in: &SecretHash) -> Result<Option<String>, StoreError> {
    const TAKE: &str = "DELETE FROM sign_ins WHERE tenant = $1 AND hash = $2 RETURNING return_to, expires_at";
    let now = tx.now().await?;
    match tx.row(TAKE, [bytes(sign_in)]).await? {
        Some(row) if row.time("expires_at")? > now => row.text("return_to").map(Some),
        Some(_) | None => Ok(None),
    }
}

async fn add_key(tx: &Tx<'_>, secret: &SecretHash, key: &ApiKey) -> Result<(), StoreError> {
    let now = tx.now().await?;
    const IN_FORCE: &str = "SELECT count(*) AS n FROM api_keys
        WHERE tenant = $1 AND revoked_at IS NULL AND expires_at > $2";
    let row = tx.row(IN_FORCE, [time(now)]).await?;
    if row.map_or(Ok(0), |row| row.number("n"))? >= u64::from(KEYS_MAX) {
        return Err(StoreError::Refused {
            code: "too-many-keys",
            message: format!("there are {KEYS_MAX} API keys already; revoke one that is not used any more"),
        });
    }
    const INSERT: &str = "INSERT INTO api_keys
        (tenant, id, hash, name, member, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let scopes: Vec<&str> = key.scopes.iter().map(|s| s.as_str()).collect();
    let values = [
        key.id.as_str().into(),
        bytes(secret),
        key.name.as_str().into(),
        key.member.as_str().into(),
        scopes.join(" ").into(),
        time(key.created_at),
        time(key.expires_at),
    ];
    tx.run(INSERT, values).await.map(drop)
}

async fn find_key(tx: &Tx<'_>, id: &str) -> Result<Option<(SecretHash, ApiKey)>, StoreError> {
    let row = tx
        .row(
            "SELECT * FROM api_keys WHERE tenant = $1 AND id = $2",
            [id.into()],
        )
        .await?;
    row.as_ref().map(key).transpose()
}

async fn keys(tx: &Tx<'_>) -> Result<Vec<ApiKey>, StoreError> {
    const ALL: &str = "SELECT * FROM api_keys WHERE tenant = $1 ORDER BY created_at DESC, id";
    let rows = tx.rows(ALL, []).await?;
    rows.iter().map(|row| key(row).map(|(_, key)| key)).collect()
}

async fn touch_key(tx: &Tx<'_>, id: &str) -> Result<(), StoreError> {
    let now = tx.now().await?;
    const TOUCH: &str = "UPDATE api_keys SET used_at = $3
        WHERE tenant = $1 AND id = $2 AND coalesce(used_at, 0) < $4";
    let before = Timestamp(now.0.saturating_sub(SEEN_EVERY_MS));
    tx.run(TOUCH, [id.into(), time(now), time(before)])
        .await
        .map(drop)
}

async fn revoke_key(tx: &Tx<'_>, id: &str) -> Result<(), StoreError> {
    let now = tx.now().await?;
    const REVOKE: &str =
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $3) WHERE tenant = $1 AND id = $2";
    match tx.run(REVOKE, [id.into(), time(now)]).await? {
        0 => Err(StoreError::NotFound {
            what: "API key",
            id: id.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A kept answer begins with the moment at which it is forgotten, in milliseconds; what a call named never begins with a
/// digit, and has no such moment.
const IS_ANSWER: &str = "made GLOB '[0-9]*'";

fn lives_until(made: &str) -> Option<(Timestamp, &str)> {
    let (until, answer) = made.split_once(' ')?;
    Some((Timestamp(until.parse().ok()?), answer))
}

/// What was remembered of a caller's key; what has run out goes.
async fn remembered(
    tx: &Tx<'_>,
    (caller, key): (&str, &str),
    request: &SecretHash,
) -> Result<Option<Repeated>, StoreError> {
    const FIND: &str = "SELECT request, made FROM repeats WHERE tenant = $1 AND caller = $2 AND key = $3";
    let Some(row) = tx.row(FIND, [caller.into(), key.into()]).await? else {
        return Ok(None);
    };
    let made = row.text("made")?;
    let answer = match lives_until(&made) {
        Some((until, _)) if until <= tx.now().await? => {
            forget(tx, caller, key).await?;
            return Ok(None);
        }
        Some((_, answer)) => answer.to_owned(),
        None => made,
    };
    let same = SecretHash(row.hash("request")?) == *request;
    Ok(Some(match same {
        true => Repeated::Same(answer),
        false => Repeated::Other,
    }))
}

async fn forget(tx: &Tx<'_>, caller: &str, key: &str) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM repeats WHERE tenant = $1 AND caller = $2 AND key = $3";
    tx.run(FORGET, [caller.into(), key.into()]).await.map(drop)
}

async fn remember(
    tx: &Tx<'_>,
    (caller, key): (&str, &str),
    request: &SecretHash,
    made: &str,
) -> Result<Repeated, StoreError> {
    if let Some(found) = remembered(tx, (caller, key), request).await? {
        return Ok(found);
    }
    const INSERT: &str =
        "INSERT INTO repeats (tenant, caller, key, request, made) VALUES ($1, $2, $3, $4, $5)";
    let values = [caller.into(), key.into(), bytes(request), made.into()];
    tx.run(INSERT, values).await?;
    const FORGET: &str = "DELETE FROM repeats WHERE tenant = $1 AND n <= (SELECT max(n) FROM repeats) - $2";
    tx.run(FORGET, [i64::from(REPEATS_MAX).into()]).await?;
    Ok(Repeated::First)
}

async fn begin_call(
    tx: &Tx<'_>,
    caller: (&str, &str),
    request: &SecretHash,
    begun: &str,
) -> Result<Repeated, StoreError> {
    let now = tx.now().await?;
    let over =
        format!("DELETE FROM repeats WHERE tenant = $1 AND {IS_ANSWER} AND CAST(made AS INTEGER) <= $2");
    tx.run(&over, [time(now)]).await?;
    let made = format!("{} {begun}", now.plus_ms(ANSWER_LIVES_MS).0);
    let found = remember(tx, caller, request, &made).await?;
    let too_many = format!(
        "DELETE FROM repeats WHERE tenant = $1 AND n IN (SELECT n FROM repeats
            WHERE tenant = $1 AND {IS_ANSWER} ORDER BY n DESC LIMIT -1 OFFSET $2)"
    );
    tx.run(&too_many, [i64::from(ANSWERS_MAX).into()]).await?;
    Ok(found)
}

async fn end_call(tx: &Tx<'_>, caller: &str, key: &str, answer: Option<&str>) -> Result<(), StoreError> {
    let Some(answer) = answer else {
        return forget(tx, caller, key).await;
    };
    let keep = format!(
        "UPDATE repeats SET made = CAST(made AS INTEGER) || ' ' || $4
            WHERE tenant = $1 AND caller = $2 AND key = $3 AND {IS_ANSWER}"
    );
    let values = [caller.into(), key.into(), answer.into()];
    tx.run(&keep, values).await.map(drop)
}

/// Kept answers that tell of a workflow go with its words.
pub(crate) async fn forget_answers(tx: &Tx<'_>, workflow: &str) -> Result<(), StoreError> {
    let forget = format!("DELETE FROM repeats WHERE tenant = $1 AND {IS_ANSWER} AND instr(made, $2) > 0");
    tx.run(&forget, [workflow.into()]).await.map(drop)
}

/// Ends every session, code and key: what a copy of the database knows of them lets nobody in.
pub(crate) async fn close_all(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.run("DELETE FROM sign_in_codes WHERE tenant = $1", []).await?;
    tx.run("DELETE FROM sign_ins WHERE tenant = $1", []).await?;
    tx.run("DELETE FROM session_tokens WHERE tenant = $1", []).await?;
    tx.run("DELETE FROM sessions WHERE tenant = $1", []).await?;
    const REVOKE: &str = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE tenant = $1";
    let now = tx.now().await?;
    tx.run(REVOKE, [time(now)]).await.map(drop)
}

#[async_trait]
impl Access for SqliteTenant {
    async fn put_code(
        &self,
        code: &SecretHash,
        member: &MemberId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, |tx| put_code(tx, code, member, expires_at))
    }

    async fn take_code(&self, code: &SecretHash) -> Result<Option<MemberId>, StoreError> {
        in_tx!(self, |tx| take_code(tx, code))
    }

    async fn begin_sign_in(
        &self,
        sign_in: &SecretHash,
        return_to: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, |tx| begin_sign_in(tx, sign_in, return_to, expires_at))
    }

    async fn take_sign_in(&self, sign_in: &SecretHash) -> Result<Option<String>, StoreError> {
        in_tx!(self, |tx| take_sign_in(tx, sign_in))
    }

    async fn begin_session(&self, token: &SecretHash, session: &Session) -> Result<(), StoreError> {
        in_tx!(self, |tx| sessions::begin(tx, token, session))
    }

    async fn session(&self, token: &SecretHash) -> Result<Option<Shown>, StoreError> {
        in_snapshot!(self, |tx| sessions::shown(tx, token))
    }

    async fn replaced(&self, token: &SecretHash) -> Result<Option<String>, StoreError> {
        in_snapshot!(self, |tx| sessions::replaced(tx, token))
    }

    async fn is_session(&self, id: &str) -> Result<bool, StoreError> {
        in_snapshot!(self, |tx| sessions::goes_on(tx, id))
    }

    async fn sessions(&self, member: &MemberId) -> Result<Vec<Session>, StoreError> {
        in_snapshot!(self, |tx| sessions::of_member(tx, member))
    }

    async fn touch_session(&self, id: &str) -> Result<(), StoreError> {
        in_tx!(self, |tx| sessions::touch(tx, id))
    }

    async fn rotate_session(&self, old: &SecretHash, new: &SecretHash) -> Result<bool, StoreError> {
        in_tx!(self, |tx| sessions::rotate(tx, old, new))
    }

    async fn confirm_token(&self, token: &SecretHash) -> Result<(), StoreError> {
        in_tx!(self, |tx| sessions::confirm(tx, token))
    }

    async fn end_session(&self, id: &str) -> Result<bool, StoreError> {
        in_tx!(self, |tx| sessions::end(tx, id))
    }

    async fn end_sessions(&self, member: &MemberId) -> Result<u64, StoreError> {
        in_tx!(self, |tx| sessions::end_all(tx, member))
    }

    async fn add_key(&self, secret: &SecretHash, key: &ApiKey) -> Result<(), StoreError> {
        in_tx!(self, |tx| add_key(tx, secret, key))
    }

    async fn key(&self, id: &str) -> Result<Option<(SecretHash, ApiKey)>, StoreError> {
        in_snapshot!(self, |tx| find_key(tx, id))
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        in_snapshot!(self, |tx| keys(tx))
    }

    async fn touch_key(&self, id: &str) -> Result<(), StoreError> {
        in_tx!(self, |tx| touch_key(tx, id))
    }

    async fn revoke_key(&self, id: &str) -> Result<(), StoreError> {
        in_tx!(self, |tx| revoke_key(tx, id))
    }

    async fn remember(
        &self,
        caller: &str,
        key: &str,
        request: &SecretHash,
        made: &str,
    ) -> Result<Repeated, StoreError> {
        in_tx!(self, |tx| remember(tx, (caller, key), request, made))
    }

    async fn begin_call(
        &self,
        caller: &str,
        key: &str,
        request: &SecretHash,
        begun: &str,
    ) -> Result<Repeated, StoreError> {
        in_tx!(self, |tx| begin_call(tx, (caller, key), request, begun))
    }

    async fn end_call(&self, caller: &str, key: &str, answer: Option<&str>) -> Result<(), StoreError> {
        in_tx!(self, |tx| end_call(tx, caller, key, answer))
    }
}
