//! The data folder and its keys: nobody else's.

use crate::migrating::sql;
use crate::others::left_out;
use crate::support::World;
use crate::terminal::Typist;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn folder_and_keys_are_made_for_one_user() {
    let world = World::new();
    world.done();
    let data = world.path("data");
    for folder in ["", "keys", "keys/members", "mirrors", "scratch"] {
        assert_eq!(mode(&data.join(folder)), 0o700, "{folder}");
    }
    let members = std::fs::read_dir(data.join("keys/members")).unwrap();
    let seeds: Vec<_> = members
        .map(|e| e.unwrap().path())
        .chain([data.join("keys/ledger.seed")])
        .collect();
    assert_eq!(seeds.len(), 2);
    for seed in seeds {
        assert_eq!(mode(&seed), 0o600);
        let text = std::fs::read_to_string(&seed).unwrap();
        assert!(text.trim_end().len() == 64 && text.trim_end().bytes().all(|b| b.is_ascii_hexdigit()));
    }
    let left: Vec<_> = std::fs::read_dir(data.join("keys"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 4, "no temporary file stays: {left:?}");
}

/// INV-11.
#[test]
fn keys_that_others_can_read_are_refused() {
    let world = World::new();
    world.done();
    let seed = world.path("data/keys/ledger.seed");
    set_mode(&seed, 0o640);
    world
        .run(&["list"])
        .exits(2)
        .says("key-permissions")
        .says("chmod 600");
    set_mode(&seed, 0o600);
    set_mode(&world.path("data/keys"), 0o755);
    world.run(&["list"]).exits(2).says("chmod 700");
    set_mode(&world.path("data/keys"), 0o700);
    world.run(&["list"]).exits(0);
    std::fs::write(&seed, "not hex\n").unwrap();
    world.run(&["list"]).exits(1).says("key-damaged");
}

#[test]
fn keys_can_lie_elsewhere() {
    let world = World::new();
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--yes",
        "--keys",
        "elsewhere",
    ];
    world.run(&flags).exits(0);
    assert!(world.path("elsewhere/ledger.seed").exists() && !world.path("data/keys").exists());
}

#[test]
fn a_folder_of_other_things_is_not_taken_for_a_data_folder() {
    let world = World::new();
    set_mode(&world.path("tollgate"), 0o755);
    world
        .run(&["list", "--data", "tollgate"])
        .exits(2)
        .says("data-folder-open");
    world
        .run(&["list", "--data", "issue.md"])
        .exits(2)
        .says("data-folder-is-a-file");
    std::fs::create_dir(world.path("open")).unwrap();
    set_mode(&world.path("open"), 0o755);
    world.run(&["list", "--data", "open"]).exits(0);
    assert_eq!(mode(&world.path("open")), 0o700);
}

#[test]
fn a_damaged_database_is_an_error_and_no_panic() {
    let world = World::new();
    world.done();
    std::fs::write(
        world.path("data/countersign.db"),
        "this is no database, and never was one",
    )
    .unwrap();
    let ran = world.run(&["list"]);
    assert!(ran.code == 1 && !ran.err.contains("panicked"), "{ran}");
}

#[test]
fn damage_is_told_by_doctor_and_nobody_is_sent_on() {
    if left_out() {
        return;
    }
    let world = World::new();
    let id = world.waiting();
    world.run(&["doctor"]).exits(0).says("all whole");
    let spoil = format!(
        "DROP TRIGGER entry_bodies_never_change\n;\nUPDATE entry_bodies SET body = x'00' WHERE idx = (SELECT max(idx) FROM entries WHERE stream = '{id}')\n;\nSELECT changes()"
    );
    sql(&world, "data/countersign.db", &spoil);
    let ran = world.run(&["resume", &id]).exits(1).says("data-damaged");
    assert!(!ran.err.contains("Go on with"), "{ran}");
    world
        .run(&["doctor"])
        .exits(2)
        .says("[data-damaged]")
        .says("docs/recovery.md");
}

#[test]
fn an_input_that_cannot_be_judged_is_told_wherever_somebody_looks_or_decides() {
    if left_out() {
        return;
    }
    let world = World::new();
    let id = world.waiting();
    let input = countersign_core::id::InputId::from_parts(1, 1);
    let put = format!(
        "INSERT INTO inputs (tenant, id, workflow, payload, status, received_at) \
         VALUES ('local', '{}', '{id}', x'00', 'pending', 0)\n;\nSELECT changes()",
        input.as_str()
    );
    sql(&world, "data/countersign.db", &put);
    // Whoever decides meets it first, and is told what to do instead of going in circles.
    let drop = format!("countersign cancel {id} --reason");
    for _ in 0..2 {
        world
            .run(&["approve", &id, "--yes"])
            .exits(2)
            .says("[input-held]")
            .says(&drop);
    }
    for look in ["show", "resume"] {
        world.run(&[look, &id]).says("It is held").says(&drop);
    }
    world
        .run(&["doctor"])
        .says("are held by inputs that can't be judged");
    let cancel = ["cancel", &id, "--reason", "Somebody wrote into the database."];
    Typist::sits_at(&world, &cancel).leaves();
    let shown = world.run(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(
        shown["state"], "Cancelled",
        "the refused approvals do not count: {shown}"
    );
}

#[test]
fn the_baseline_of_the_data_folder_counts() {
    let world = World::new();
    world.waiting();
    world.file(
        "data/policy.toml",
        "version = 1\n[paths]\nfrozen = [\"src/**\"]\n",
    );
    world
        .run(&["policy", "check", "--repo", "tollgate", "--diff", "fix.diff"])
        .exits(2)
        .says("frozen-path@src/lib.rs");
    world.file("data/policy.toml", "version = 7\n");
    world
        .run(&["policy", "check", "--repo", "tollgate", "--diff", "fix.diff"])
        .exits(2)
        .says("policy-version");
}
