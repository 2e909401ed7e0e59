//! What durable work is compared with: one row per commit, one commit after the other, `synchronous = FULL`.

use sea_orm::{ConnectionTrait as _, Database};
use std::time::{Duration, Instant};

/// Bytes of a row: about what one event record has.
const ROW_BYTES: usize = 600;

/// Commits that many rows to a fresh database; the time of each.
pub(crate) async fn single_commits(count: u64) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("loop.db").display());
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    for sql in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE rows (n INTEGER PRIMARY KEY, bytes BLOB)",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
    let insert = format!("INSERT INTO rows (bytes) VALUES (zeroblob({ROW_BYTES}))");
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        db.execute_unprepared(&insert).await.unwrap();
        times.push(began.elapsed());
    }
    times
}
