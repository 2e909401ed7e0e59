//! Evidence under its own hash, per tenant: one tenant's hash finds nothing in another (hazard 54).

use crate::db::Tx;
use crate::error;
use crate::log::too_large;
use countersign_core::digest::BodyHash;
use countersign_ports::store::{BODY_MAX_BYTES, StoreError};
use sea_orm::Value;

/// Keeps a body; again changes nothing.
pub(crate) async fn put(tx: &Tx<'_>, bytes: &[u8]) -> Result<BodyHash, StoreError> {
    const INSERT: &str =
        "INSERT INTO bodies (tenant, hash, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    if bytes.len() > BODY_MAX_BYTES {
        return Err(too_large(bytes.len()));
    }
    let hash = BodyHash::of_bytes(bytes);
    tx.run(INSERT, [key(&hash), Value::from(bytes)]).await?;
    Ok(hash)
}

/// A body, checked against its hash.
pub(crate) async fn get(tx: &Tx<'_>, hash: &BodyHash) -> Result<Vec<u8>, StoreError> {
    let row = tx
        .row(
            "SELECT bytes FROM bodies WHERE tenant = $1 AND hash = $2",
            [key(hash)],
        )
        .await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "body",
        id: hash.to_hex(),
    })?;
    let bytes = row.bytes("bytes")?;
    if BodyHash::of_bytes(&bytes) == *hash {
        Ok(bytes)
    } else {
        Err(error::damaged(format_args!("the body {hash} was changed")))
    }
}

fn key(hash: &BodyHash) -> Value {
    Value::from(hash.to_hex())
}
