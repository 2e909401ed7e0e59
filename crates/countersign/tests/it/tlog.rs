//! Checkpoints, inclusion and consistency as Go's transparency log sees them: another implementation of the same formats.

use crate::others::{left_out, tlog};
use crate::support::World;
use serde_json::{Value, json};
use std::process::Command;

/// What Go said: the earlier heads, or why not.
fn asked(world: &World, bundle: &str, key: &str) -> Result<String, String> {
    let ran = Command::new(tlog())
        .arg(world.path(bundle))
        .arg(key)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if ran.status.success() {
        Ok(text(&ran.stdout))
    } else {
        Err(text(&ran.stderr))
    }
}

#[test]
fn go_finds_every_entry_under_the_checkpoint_and_every_commits_trailer_in_the_log() {
    if left_out() {
        return;
    }
    let world = World::new();
    let id = world.done();
    let exported = world
        .run(&["ledger", "export", &id, "-o", "story.json", "--json"])
        .exits(0)
        .json();
    let key = exported["key"].as_str().unwrap();
    let heads = asked(&world, "story.json", key).unwrap();
    let shown = world.run(&["show", &id, "--json"]).exits(0).json();
    let commit = shown["written"][0]["commit"].as_str().unwrap();
    let message = world.git("tollgate", &["cat-file", "commit", commit]);
    let trailer = message
        .lines()
        .find_map(|line| line.strip_prefix("Countersign-Checkpoint: "));
    assert!(
        heads.lines().any(|head| Some(head) == trailer),
        "{trailer:?} in {heads}"
    );
}

#[test]
fn go_refuses_what_was_changed() {
    if left_out() {
        return;
    }
    let world = World::new();
    let id = world.done();
    let exported = world
        .run(&["ledger", "export", &id, "-o", "story.json", "--json"])
        .exits(0)
        .json();
    let key = exported["key"].as_str().unwrap();
    let text = std::fs::read_to_string(world.path("story.json")).unwrap();
    let refused = |why: &str, change: &dyn Fn(&mut Value)| {
        let mut bundle: Value = serde_json::from_str(&text).unwrap();
        change(&mut bundle);
        world.file("changed.json", bundle.to_string());
        let said = asked(&world, "changed.json", key).unwrap_err();
        assert!(said.contains(why), "{why}: {said}");
    };
    refused("inclusion of", &|bundle| {
        bundle["entries"][3]["leaf"] = bundle["entries"][4]["leaf"].clone();
    });
    refused("inclusion of", &|bundle| {
        let other = bundle["entries"][0]["index"].as_u64().unwrap() + 1;
        bundle["entries"][0]["index"] = json!(other);
    });
    refused("inclusion of", &|bundle| {
        let proof = bundle["entries"][0]["proof"].as_array_mut().unwrap();
        proof.swap(0, 1);
    });
    refused("consistency with", &|bundle| {
        bundle["history"][0]["root"] = bundle["history"][1]["root"].clone();
    });
    refused("checkpoint", &|bundle| {
        let note = bundle["checkpoint"].as_str().unwrap();
        let lines: Vec<&str> = note.lines().collect();
        let grown = note.replacen(lines[1], &format!("{}1", lines[1]), 1);
        bundle["checkpoint"] = json!(grown);
    });
    let other = World::new();
    other.done();
    let head = other.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
    let said = asked(&world, "story.json", head["key"].as_str().unwrap()).unwrap_err();
    assert!(said.contains("checkpoint"), "{said}");
}
