//! The database's errors in our words: a stable code, a sentence with what to do next, and the database's own
//! words only as the source.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the errors of other libraries are open lists"
)]

use countersign_ledger::{LeafError, TreeError};
use countersign_ports::store::StoreError;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Primary result codes of SQLite (<https://www.sqlite.org/rescode.html>).
mod sqlite {
    pub(super) const PERM: u32 = 3;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const READONLY: u32 = 8;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const NOTADB: u32 = 26;
    /// Extended: the shared memory beside the write-ahead log could not be made larger, which its file system has no room for.
    pub(super) const IOERR_SHMSIZE: u32 = IOERR | 19 << 8;
}

/// The code of a database that another process keeps locked.
pub(crate) const LOCKED_CODE: &str = "data-locked";

/// What a failed statement means.
pub(crate) fn database(error: DbErr) -> StoreError {
    let (code, message) = match sqlx_error(&error) {
        Some(error) => explain(error),
        None => match error {
            DbErr::ConnectionAcquire(_) => LOCKED,
            _ => (
                "data-error",
                "the database refused a statement; run again, and report it if it stays",
            ),
        },
    };
    StoreError::Unavailable {
        code,
        message: message.to_owned(),
        source: Some(Box::new(error)),
    }
}

/// What a failed connection means.
pub(crate) fn connecting(error: sqlx::Error) -> StoreError {
    let (code, message) = explain(&error);
    StoreError::Unavailable {
        code,
        message: message.to_owned(),
        source: Some(Box::new(error)),
    }
}

/// What a failed step on the data folder's own files means.
pub(crate) fn files(what: &str, error: std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    let (code, message) = match error.kind() {
        ErrorKind::NotFound => (
            "data-missing",
            "the folder is not there; make it, or name another one",
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => READ_ONLY,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DISK_FULL,
        _ => IO,
    };
    StoreError::Unavailable {
        code,
        message: format!("{what}: {message}"),
        source: Some(Box::new(error)),
    }
}

/// Something stored can't be what was stored.
pub(crate) fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        code: "data-damaged",
        message: format!(
            "the stored data is damaged: {what}; restore a backup and keep this folder for examination"
        ),
    }
}

/// A leaf that can't be written is the caller's data; nothing was stored.
pub(crate) fn leaf(error: &LeafError) -> StoreError {
    StoreError::Refused {
        code: error.code(),
        message: format!("this can't be a ledger entry: {error}"),
    }
}

/// Hashes of the log that are missing or contradict each other.
pub(crate) fn tree(error: &TreeError) -> StoreError {
    damaged(format_args!("the ledger's tree is incomplete ({error})"))
}

/// A code and a sentence.
pub(crate) type Words = (&'static str, &'static str);

const DISK_FULL: Words = (
    "disk-full",
    "the disk is full; make room and run again: nothing was lost",
);
const READ_ONLY: Words = (
    "data-read-only",
    "the data folder can't be written; give yourself write access, or use another folder with --data",
);
const LOCKED: Words = (
    LOCKED_CODE,
    "another process keeps the database locked; wait for it to finish, then run again",
);
const DAMAGED: Words = (
    "data-damaged",
    "the database file is damaged; restore a backup and keep this folder for examination",
);
const IO: Words = (
    "data-io",
    "the disk gave an error; check the disk and free space, then run again",
);

fn explain(error: &sqlx::Error) -> Words {
    let code = error
        .as_database_error()
        .and_then(|e| e.code())
        .and_then(|c| c.parse::<u32>().ok());
    match code {
        Some(code) => meaning(code),
        None => match error {
            sqlx::Error::PoolTimedOut => LOCKED,
            _ => (
                "data-error",
                "the database did not answer; run again, and report it if it stays",
            ),
        },
    }
}

/// What SQLite's result code means, primary or extended.
pub(crate) fn meaning(code: u32) -> Words {
    if code == sqlite::IOERR_SHMSIZE {
        return DISK_FULL;
    }
    match code & 0xff {
        sqlite::FULL => DISK_FULL,
        sqlite::READONLY | sqlite::PERM => READ_ONLY,
        sqlite::BUSY | sqlite::LOCKED => LOCKED,
        sqlite::CORRUPT | sqlite::NOTADB => DAMAGED,
        sqlite::IOERR => IO,
        sqlite::CANTOPEN => (
            "data-cannot-open",
            "the database file can't be opened; check that the folder is there and yours",
        ),
        sqlite::CONSTRAINT => (
            "data-conflict",
            "the database refused a row that contradicts what is stored; nothing was written",
        ),
        _ => (
            "data-error",
            "the database gave an error; run again, and report it if it stays",
        ),
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}
