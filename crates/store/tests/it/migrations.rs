//! Every version's tables, filled, are brought up to date and still say the same (hazard 29).
//!
//! `fixtures/v0001.sql` is the dump of a folder that version 1 wrote. When a version is released, its own
//! dump is added (`cargo test -p countersign-store -- --ignored the_dump_of_this_version`) and never edited
//! again.

use crate::support::{
    START, Seal, StandingClock, World, ada, input_id, open, roster, submission, workflow_id,
};
use countersign_core::workflow::{Effect, Input, State, Workflow, decide};
use countersign_ledger::{BundleBuilder, Origin, Trust, verify};
use countersign_ports::store::{
    CheckpointSigner as _, Clock as _, InputStatus, LEASE_MS, NewInput, Settles, TenantStore,
};
use countersign_store::Schema;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use std::path::Path;
use std::sync::Arc;

const V0001: &str = include_str!("../fixtures/v0001.sql");

#[tokio::test]
async fn a_folder_of_version_1_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let raw = raw(&file, "rwc").await;
    raw.execute_unprepared(V0001).await.unwrap();
    raw.close().await.unwrap();
    let clock = Arc::new(StandingClock::default());
    clock.set(START + 2 * LEASE_MS);
    let world = World {
        folder,
        store: open(file, &clock).await.unwrap(),
        clock,
    };

    let local = world.local();
    let states = [
        (1, State::Queued),
        (2, State::Declined),
        (3, State::Cancelled),
        (4, State::LoadingContext),
    ];
    for (number, state) in states {
        let events = local.events(&workflow_id(number)).await.unwrap();
        let events = events.iter().map(|r| &r.event);
        let replayed = Workflow::replay(local.tenant().clone(), workflow_id(number), events);
        let row = local.workflow(&workflow_id(number)).await.unwrap();
        assert_eq!((replayed.state, row.state), (state, state));
        assert_eq!((replayed.version, row.reason), (row.version, replayed.reason));
        assert_eq!(row.repositories, replayed.submission.unwrap().repositories);
    }
    check_inputs(local.as_ref()).await;
    check_ledger(local.as_ref()).await;
    let claimed = world.claim_effect().await;
    assert_eq!((claimed.effect, claimed.attempt), (Effect::LoadContext, 2));
    assert!(
        world.claim().await.is_none(),
        "the other open workflow is closed by a held input"
    );
    world.started(9).await;
}

#[tokio::test]
async fn a_folder_tells_its_tables_before_anything_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let raw = raw(&file, "rwc").await;
    raw.execute_unprepared(V0001).await.unwrap();
    raw.close().await.unwrap();
    for _ in 0..2 {
        let schema = Schema::of(&file).await.unwrap();
        assert_eq!(schema.has(), Some("m0001_first"));
        assert_eq!(schema.missing().first(), Some(&"m0002_access"));
        assert_eq!(schema.missing().last().copied(), schema.brings());
        assert_eq!(schema.newer(), Vec::<&str>::new());
    }
    let world = World::new().await;
    let schema = Schema::of(&world.file()).await.unwrap();
    assert_eq!((schema.has(), schema.missing().len()), (schema.brings(), 0));
    let missing = Schema::of(&folder.path().join("nothing.db")).await.unwrap_err();
    assert!(!missing.code().is_empty() && !folder.path().join("nothing.db").exists());
}

async fn check_inputs(local: &dyn TenantStore) {
    let statuses = [
        local.input_status(&input_id(1)).await.unwrap(),
        local.input_status(&input_id(2)).await.unwrap(),
    ];
    assert_eq!(statuses[0], InputStatus::Accepted);
    assert!(matches!(&statuses[1], InputStatus::Held { code, .. } if code == "poison"));
    assert_eq!(local.roster().await.unwrap().members, [ada()]);
    assert_eq!(local.repositories().await.unwrap()[0].name, "shop");
}

async fn check_ledger(local: &dyn TenantStore) {
    let checkpoint = local.checkpoints(1).await.unwrap().remove(0);
    let keys = Seal(1).verifiers(local.tenant());
    let mut bundle = BundleBuilder::new(local.tenant().as_str(), workflow_id(2).as_str());
    for entry in local.export(&workflow_id(2), checkpoint.size).await.unwrap() {
        bundle.push(entry);
    }
    let bytes = bundle.finish(checkpoint.note.clone(), &keys).to_bytes().unwrap();
    let report = verify(
        &bytes,
        &Trust {
            keys,
            ..Trust::default()
        },
    )
    .unwrap();
    assert!(report.complete && matches!(report.origin, Origin::Proven { .. }));
    assert_eq!(
        local.seal_head(&Seal(1)).await.unwrap(),
        checkpoint,
        "the history is the one that was signed"
    );
}

#[tokio::test]
#[ignore = "writes the fixture of the version at hand; run it once per released version"]
async fn the_dump_of_this_version() {
    let world = World::new().await;
    fill(&world).await;
    let db = raw(&world.file(), "rw").await;
    let dump = dump(&db).await;
    db.close().await.unwrap();
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v0001.sql"),
        dump,
    )
    .unwrap();
}

/// One of everything: an open workflow, two ended ones, one at work, inputs in several states, a sealed head.
async fn fill(world: &World) {
    let local = world.local();
    local.ensure_member(&ada()).await.unwrap();
    local
        .register_repository(Path::new("/srv/shop.git"))
        .await
        .unwrap();
    let held = world.started(1).await;
    let declined = world.started(2).await;
    local
        .commit(&world.commit(3, world.declined(&declined), Settles::Nothing))
        .await
        .unwrap();

    let cancelled = world.started(3).await;
    let act = world.cancel(&cancelled.id);
    local
        .insert_input(&input_id(1), &cancelled.id, &NewInput::Act(act.clone()))
        .await
        .unwrap();
    let input = Input::Act {
        input: input_id(1),
        act,
        roster: roster(),
    };
    let decision = decide(&cancelled, input, world.clock.now()).unwrap();
    local
        .commit(&world.commit(3, decision, Settles::Input(input_id(1))))
        .await
        .unwrap();

    local
        .insert_input(&input_id(2), &held.id, &NewInput::Submit(submission("poison")))
        .await
        .unwrap();
    let poison = InputStatus::Held {
        code: "poison".to_owned(),
        message: "it can't be judged".to_owned(),
    };
    local.settle_input(&input_id(2), &poison).await.unwrap();

    let working = world.started(4).await;
    let lookup = world.claim_effect().await;
    let settles = Settles::Effect {
        id: lookup.id,
        fence: lookup.fence,
        again_after_ms: 0,
    };
    let mut commit = world.commit(3, world.looked_up(&working), settles);
    commit.bodies = vec![b"evidence".to_vec()];
    local.commit(&commit).await.unwrap();
    world.claim_effect().await;
    local.seal(&working.id, &Seal(1)).await.unwrap();
}

async fn raw(file: &Path, mode: &str) -> DatabaseConnection {
    Database::connect(format!("sqlite://{}?mode={mode}", file.display()))
        .await
        .unwrap()
}

/// Tables, rows, then indexes and triggers.
async fn dump(db: &DatabaseConnection) -> String {
    let own = "FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND sql IS NOT NULL";
    let mut lines = column(
        db,
        &format!("SELECT sql || ';' {own} AND type = 'table' ORDER BY rowid"),
    )
    .await;
    for table in column(
        db,
        &format!("SELECT name {own} AND type = 'table' ORDER BY rowid"),
    )
    .await
    {
        let columns = column(
            db,
            &format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
        )
        .await;
        let quoted: Vec<String> = columns.iter().map(|c| format!("quote({c})")).collect();
        let (names, values) = (columns.join(", "), quoted.join(" || ', ' || "));
        let key = format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk");
        let order = column(db, &key).await.join(", ");
        let sql = format!(
            "SELECT 'INSERT INTO {table} ({names}) VALUES (' || {values} || ');' FROM {table} ORDER BY {order}"
        );
        lines.extend(column(db, &sql).await);
    }
    lines.extend(
        column(
            db,
            &format!("SELECT sql || ';' {own} AND type <> 'table' ORDER BY rowid"),
        )
        .await,
    );
    lines.join("\n") + "\n"
}

async fn column(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
