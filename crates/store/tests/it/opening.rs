//! Data folders as people have them: missing, foreign, damaged, locked, full, read-only.

use crate::support::{START, StandingClock, World, open};
use countersign_ports::store::StoreError;
use countersign_store::OwnerLock;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

#[tokio::test]
async fn the_files_are_private_to_their_user() {
    let world = World::new().await;
    world.started(1).await;
    let mut seen = 0;
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the database, its log and its index");
}

#[tokio::test]
async fn a_file_that_others_could_read_is_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    std::fs::write(&file, b"").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    open_at(&file).await.unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_plainly() {
    let error = open_at(Path::new("/nonexistent/countersign/store.db"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), "data-missing");
    assert!(
        error.to_string().contains("/nonexistent/countersign/store.db"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let text = b"this is somebody's diary and no database at all\n".repeat(100);
    std::fs::write(&file, &text).unwrap();
    let error = open_at(&file).await.err().unwrap();
    assert_eq!(error.code(), "data-damaged");
    assert!(matches!(error, StoreError::Unavailable { source: Some(_), .. }));
    assert_eq!(std::fs::read(&file).unwrap(), text);
}

#[tokio::test]
async fn a_folder_of_a_newer_program_is_left_alone() {
    let world = World::new().await;
    world
        .sql("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)")
        .await
        .unwrap();
    let error = open_at(&world.file()).await.err().unwrap();
    assert_eq!(error.code(), "data-newer");
    assert!(error.to_string().contains("m9999_later"), "{error}");
}

#[tokio::test]
async fn those_that_open_at_once_make_one_database() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let all = tokio::join!(open_at(&file), open_at(&file), open_at(&file));
        for opened in [all.0, all.1, all.2] {
            opened.unwrap();
        }
    }
}

#[tokio::test]
async fn another_process_sees_what_was_committed_and_can_insert() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let beside = open(world.file(), &world.clock).await.unwrap();
    let tenant = countersign_ports::store::Store::tenant(beside.as_ref(), &workflow.tenant);
    assert_eq!(tenant.events(&workflow.id).await.unwrap().len(), 3);
    let act = countersign_ports::store::NewInput::Act(world.cancel(&workflow.id));
    tenant
        .insert_input(&crate::support::input_id(1), &workflow.id, &act)
        .await
        .unwrap();
    assert!(matches!(
        world.claim().await,
        Some(countersign_ports::store::Claim::Input { .. })
    ));
    beside.close().await;
}

#[tokio::test]
async fn one_process_owns_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let held = OwnerLock::try_acquire(folder.path())
        .unwrap()
        .expect("nobody has it");
    assert!(OwnerLock::try_acquire(folder.path()).unwrap().is_none());
    assert_eq!(OwnerLock::last_holder(folder.path()), Some(std::process::id()));
    drop(held);
    assert!(OwnerLock::try_acquire(folder.path()).unwrap().is_some());
    let error = OwnerLock::try_acquire(Path::new("/nonexistent/countersign")).unwrap_err();
    assert_eq!(error.code(), "data-missing");
}

#[tokio::test]
#[ignore = "mounts a small file system, which needs root"]
async fn a_full_and_a_read_only_disk_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Mounted::new(folder.path(), "size=1m");
    let clock = Arc::new(StandingClock::default());
    clock.set(START);
    let store = open(folder.path().join("store.db"), &clock).await.unwrap();
    let world = World {
        folder: tempfile::tempdir().unwrap(),
        clock,
        store,
    };
    let workflow = world.started(1).await;
    let local = world.local();
    let error = local.put_body(&vec![7; 2 << 20]).await.unwrap_err();
    assert_eq!(error.code(), "disk-full");
    assert_eq!(local.events(&workflow.id).await.unwrap().len(), 3);
    local.put_body(b"small things still fit").await.unwrap();

    world.store.close().await;
    disk.remount("ro");
    let file = folder.path().join("store.db");
    assert_eq!(open_at(&file).await.err().unwrap().code(), "data-read-only");
    assert_eq!(
        OwnerLock::try_acquire(folder.path()).unwrap_err().code(),
        "data-read-only"
    );
    disk.remount("rw");
    let store = open(file, &world.clock).await.unwrap();
    let local = countersign_ports::store::Store::tenant(store.as_ref(), &workflow.tenant);
    assert_eq!(local.events(&workflow.id).await.unwrap().len(), 3);
    store.close().await;
}

struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(at: &Path, options: &str) -> Self {
        let args = ["-t", "tmpfs", "-o", options, "countersign-test"];
        assert!(
            std::process::Command::new("mount")
                .args(args)
                .arg(at)
                .status()
                .unwrap()
                .success()
        );
        Self(at.to_owned())
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        assert!(
            std::process::Command::new("mount")
                .args(["-o", &options])
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

async fn open_at(file: &Path) -> Result<Arc<countersign_store::SqliteStore>, StoreError> {
    let clock = Arc::new(StandingClock::default());
    clock.set(START);
    open(file.to_owned(), &clock).await
}
