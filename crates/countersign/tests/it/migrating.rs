//! `migrate`, on databases of this program, of an older and of a newer one.
//!
//! Databases of others are made by Python's SQLite; where the tests of other programs are left out, so are these.

use crate::others::left_out;
use crate::support::World;
use serde_json::{Value, json};
use std::process::Command;

/// A data folder's tables and rows as version 1 left them.
const VERSION_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/fixtures/v0001.sql");

/// Runs a script on the world's database and gives the first column of its last statement.
pub(crate) fn sql(world: &World, database: &str, script: &str) -> Vec<String> {
    const PYTHON: &str = "import sqlite3, sys\n\
        db = sqlite3.connect(sys.argv[1])\n\
        *first, last = [s for s in sys.argv[2].split('\\n;\\n')]\n\
        for s in first: db.executescript(s)\n\
        for row in db.execute(last): print(row[0])\n\
        db.commit()";
    let done = Command::new("python3")
        .args(["-c", PYTHON])
        .arg(world.path(database))
        .arg(script)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn tables(world: &World, database: &str) -> Vec<String> {
    sql(
        world,
        database,
        "SELECT version FROM seaql_migrations ORDER BY version",
    )
}

#[test]
fn a_database_of_this_program_is_up_to_date() {
    let world = World::new();
    let before = world.run(&["migrate", "--check", "--json"]).exits(0).json();
    assert_eq!(before["had"], Value::Null);
    assert!(!world.path("data").exists(), "looking makes nothing");
    world.run(&["migrate"]).exits(0).says("made ");
    world
        .run(&["migrate"])
        .exits(0)
        .says("up to date: tables")
        .says(before["brings"].as_str().unwrap());
    world.run(&["migrate", "--check"]).exits(0).says("up to date");
    world.run(&["list"]).exits(0);
}

#[test]
fn an_older_database_is_brought_up_to_date_after_a_copy() {
    if left_out() {
        return;
    }
    let world = World::new();
    std::fs::create_dir(world.path("data")).unwrap();
    let script = std::fs::read_to_string(VERSION_1).unwrap();
    sql(&world, "data/countersign.db", &format!("{script}\n;\nSELECT 1"));
    let old = tables(&world, "data/countersign.db");

    let missing = world.run(&["migrate", "--check"]).exits(2).says("missing: m0002");
    assert!(missing.out.contains("countersign migrate"), "{missing}");
    assert_eq!(
        tables(&world, "data/countersign.db"),
        old,
        "looking changes nothing"
    );

    let done = world.run(&["migrate", "--json"]).exits(0).json();
    assert_eq!(done["had"], json!(old[0]));
    assert_eq!(
        done["applied"].as_array().unwrap().len(),
        tables(&world, "data/countersign.db").len() - 1
    );
    let copy = done["copy"].as_str().unwrap();
    assert_eq!(tables(&world, copy), old, "the copy is as it was");
    let rows = |database: &str| sql(&world, database, "SELECT count(*) FROM entries");
    assert_eq!(rows(copy), rows("data/countersign.db"));
    world.run(&["migrate", "--check"]).exits(0);
    let left = std::fs::read_dir(world.path("data")).unwrap();
    let copies = left.filter(|e| {
        let name = e.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("countersign.db.m0001")
    });
    assert_eq!(copies.count(), 1);
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    if left_out() {
        return;
    }
    let world = World::new();
    world.run(&["migrate"]).exits(0);
    sql(
        &world,
        "data/countersign.db",
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)",
    );
    let had = tables(&world, "data/countersign.db");
    for arguments in [&["migrate"][..], &["migrate", "--check"]] {
        world
            .run(arguments)
            .exits(2)
            .says("newer countersign (tables m9999_later)")
            .says("data-newer");
    }
    assert_eq!(tables(&world, "data/countersign.db"), had);
}
