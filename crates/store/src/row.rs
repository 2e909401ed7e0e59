//! Values on their way into and out of rows. What can't be read back is damage, never a default.

use crate::error;
use countersign_core::time::Timestamp;
use countersign_ports::store::StoreError;
use sea_orm::{QueryResult, TryGetable, Value};

/// An unsigned number as SQLite holds it. Saturates at 2^63 − 1, which no counter or time of ours reaches.
pub(crate) fn int(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A time as SQLite holds it.
pub(crate) fn time(at: Timestamp) -> Value {
    int(at.0)
}

/// One row of an answer.
pub(crate) struct Row(pub(crate) QueryResult);

impl Row {
    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    pub(crate) fn bytes_or_null(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(column)
    }

    pub(crate) fn hash(&self, column: &str) -> Result<[u8; 32], StoreError> {
        exactly_32(column, self.bytes(column)?)
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.number(column)? != 0)
    }

    pub(crate) fn number(&self, column: &str) -> Result<u64, StoreError> {
        let number: i64 = self.get(column)?;
        u64::try_from(number).map_err(|_| error::damaged(format_args!("`{column}` is below zero")))
    }

    pub(crate) fn small(&self, column: &str) -> Result<u32, StoreError> {
        u32::try_from(self.number(column)?)
            .map_err(|_| error::damaged(format_args!("`{column}` is too large")))
    }

    pub(crate) fn number_or_null(&self, column: &str) -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = self.get(column)?;
        let unsigned = number.map(u64::try_from).transpose();
        unsigned.map_err(|_| error::damaged(format_args!("`{column}` is below zero")))
    }

    pub(crate) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.number(column).map(Timestamp)
    }

    pub(crate) fn time_or_null(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.number_or_null(column)?.map(Timestamp))
    }

    /// A text column that holds an identifier or another word of ours.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).map_err(|why| error::damaged(format_args!("`{column}`: {why}")))
    }

    fn get<T: TryGetable>(&self, column: &str) -> Result<T, StoreError> {
        let value = self.0.try_get("", column);
        value.map_err(|_| error::damaged(format_args!("a row's `{column}` can't be read")))
    }
}

/// The 32 bytes of a hash or salt.
pub(crate) fn exactly_32(column: &str, bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| error::damaged(format_args!("`{column}` does not have 32 bytes")))
}
