//! RFC 8785 canonical JSON in and out, for this crate's record forms only.
//!
//! What is read must equal its own re-encoding, so one value has one byte string: repeated keys, other key
//! orders, spaces, escapes and number spellings are refused. Errors name a place and never quote the input,
//! which is someone else's text.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why bytes are not the canonical form of a record.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Not JSON, or not these fields.
    Json { line: usize, column: usize },
    /// Not these fields, and the record says that it has this version.
    OtherVersion { found: u64 },
    /// The same record in other bytes.
    NotCanonical,
}

/// Encodes a record form: a struct of strings, integers up to [`crate::MAX_INTEGER`], lists and nulls.
pub(crate) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    serde_jcs::to_vec(record).expect("because record forms hold no floats and no map with non-string keys")
}

/// Decodes a record form from its canonical bytes and no others.
pub(crate) fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, Shape> {
    let record: T = serde_json::from_slice(bytes).map_err(|error| explain(bytes, &error))?;
    if encode(&record) == bytes {
        Ok(record)
    } else {
        Err(Shape::NotCanonical)
    }
}

/// Every record form has a `v`, and each is at version 1: another number explains why the fields are strange.
fn explain(bytes: &[u8], error: &serde_json::Error) -> Shape {
    let json = Shape::Json {
        line: error.line(),
        column: error.column(),
    };
    match serde_json::from_slice::<Versioned>(bytes) {
        Ok(Versioned { v: Some(found) }) if found != 1 => Shape::OtherVersion { found },
        Ok(_) | Err(_) => json,
    }
}

#[derive(Deserialize)]
struct Versioned {
    v: Option<u64>,
}
