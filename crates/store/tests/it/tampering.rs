//! Somebody with the file and an SQL prompt: the log refuses, and what they force is noticed.

use crate::support::{Seal, World};
use countersign_ports::store::StoreError;

#[tokio::test]
async fn the_log_can_only_grow() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    world.local().seal(&workflow.id, &Seal(1)).await.unwrap();
    world.local().put_body(b"evidence").await.unwrap();
    let refused = [
        ("UPDATE entries SET kind = 'x'", "entries never change"),
        ("DELETE FROM entries", "entries are never deleted"),
        (
            "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE idx = 0",
            "appended in order",
        ),
        (
            "INSERT INTO entries VALUES ('local', 9, 9, 's', 1, 'k', 0, x'00')",
            "appended in order",
        ),
        (
            "INSERT INTO entries SELECT tenant, 3, 4, stream, 9, kind, at, leaf FROM entries WHERE idx = 2",
            "appended in order",
        ),
        (
            "UPDATE entry_bodies SET body = x'00'",
            "bodies of entries never change",
        ),
        (
            "INSERT OR REPLACE INTO entry_bodies SELECT * FROM entry_bodies",
            "an entry has one body",
        ),
        (
            "UPDATE tree_hashes SET hash = zeroblob(32)",
            "tree hashes never change",
        ),
        ("DELETE FROM tree_hashes", "tree hashes are never deleted"),
        (
            "INSERT OR REPLACE INTO tree_hashes VALUES ('local', 0, zeroblob(32))",
            "appended in order",
        ),
        ("UPDATE checkpoints SET note = ''", "checkpoints never change"),
        ("DELETE FROM checkpoints", "checkpoints are never deleted"),
        (
            "INSERT OR REPLACE INTO checkpoints VALUES ('local', 3, zeroblob(32), '', 0)",
            "appended in order",
        ),
        ("UPDATE bodies SET bytes = x'00'", "bodies never change"),
    ];
    for (sql, why) in refused {
        let error = world.sql(sql).await.expect_err(sql).to_string();
        assert!(error.contains(why), "{sql}: {error}");
    }
    assert_eq!(world.local().events(&workflow.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn whatever_is_changed_behind_our_back_is_noticed() {
    let forced = [
        "DROP TRIGGER entry_bodies_never_change; UPDATE entry_bodies
            SET body = CAST(replace(CAST(body AS TEXT), 'fix', 'fax') AS BLOB) WHERE idx = 0",
        "DROP TRIGGER entry_bodies_never_change; UPDATE entry_bodies SET salt = zeroblob(32) WHERE idx = 1",
        "DROP TRIGGER entries_never_change; UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), '2026', '2025')
            AS BLOB) WHERE idx = 1",
        "DROP TRIGGER entries_never_change; UPDATE entries SET kind = 'member.added' WHERE idx = 1",
        "DROP TRIGGER entries_never_change; UPDATE entries SET at = at + 1 WHERE idx = 1",
        "DROP TRIGGER entries_never_change; UPDATE entries SET seq = seq + 1 WHERE idx = 2",
        "DROP TRIGGER tree_hashes_never_change; UPDATE tree_hashes SET hash = zeroblob(32) WHERE position = 0",
        "PRAGMA foreign_keys = OFF; DROP TRIGGER entries_never_go; DELETE FROM entries WHERE idx = 0",
        "PRAGMA foreign_keys = OFF; DROP TRIGGER entries_never_go; DELETE FROM entries WHERE idx = 1",
        "DELETE FROM entry_bodies WHERE idx = 1",
    ];
    for sql in forced {
        let world = World::new().await;
        let workflow = world.started(1).await;
        world.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let result = world.local().events(&workflow.id).await;
        assert!(
            matches!(result, Err(StoreError::Corrupt { .. })),
            "{sql}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_tail_that_was_cut_off_stops_the_workflow() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let cut = "PRAGMA foreign_keys = OFF; DROP TRIGGER entries_never_go; DELETE FROM entries WHERE idx = 2";
    world.sql(cut).await.unwrap();
    let commit = world.commit(
        3,
        world.looked_up(&workflow),
        countersign_ports::store::Settles::Nothing,
    );
    assert_eq!(
        world.local().commit(&commit).await.unwrap_err().code(),
        "data-damaged"
    );
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_not_signed_again() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    world.local().seal(&workflow.id, &Seal(1)).await.unwrap();
    world.started(2).await;
    let sql = "DROP TRIGGER tree_hashes_never_change; UPDATE tree_hashes SET hash = zeroblob(32) WHERE position = 2";
    world.sql(sql).await.unwrap();
    let error = world.local().seal(&workflow.id, &Seal(1)).await.unwrap_err();
    assert_eq!(error.code(), "data-damaged");
    assert!(
        error
            .to_string()
            .contains("no longer begins with the 3 entries that were signed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_that_was_changed_is_not_given_out() {
    let world = World::new().await;
    let hash = world.local().put_body(b"evidence").await.unwrap();
    world
        .sql("DROP TRIGGER bodies_never_change; UPDATE bodies SET bytes = x'00'")
        .await
        .unwrap();
    assert_eq!(
        world.local().body(&hash).await.unwrap_err().code(),
        "data-damaged"
    );
}

#[tokio::test]
async fn a_repository_that_was_moved_by_hand_is_not_written_to() {
    let world = World::new().await;
    let folder = std::path::Path::new("/srv/repos/greeter.git");
    world.local().register_repository(folder).await.unwrap();
    assert_eq!(world.local().repositories().await.unwrap().len(), 1);
    world
        .sql("UPDATE repositories SET git_dir = CAST('/srv/repos/other.git' AS BLOB)")
        .await
        .unwrap();
    let noticed = world.local().repositories().await.unwrap_err();
    assert_eq!(noticed.code(), "data-damaged");
}

#[tokio::test]
async fn a_stream_that_lost_its_tail_is_not_read() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let cut = "PRAGMA foreign_keys = OFF; DROP TRIGGER entries_never_go;
        DELETE FROM entries WHERE idx = (SELECT max(idx) FROM entries)";
    world.sql(cut).await.unwrap();
    let noticed = world.local().events(&workflow.id).await.unwrap_err();
    assert_eq!(noticed.code(), "data-damaged");
}
