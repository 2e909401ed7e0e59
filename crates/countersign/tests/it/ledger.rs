//! Export, verify, and what `verify` refuses.

use crate::support::{World, me};

#[test]
fn an_exported_story_is_proven_here_and_only_consistent_elsewhere() {
    let world = World::new();
    let id = world.done();
    let exported = world
        .run(&["ledger", "export", &id, "-o", "story.json", "--json"])
        .exits(0)
        .json();
    let key = exported["key"].as_str().unwrap();
    let here = world
        .run(&["verify", "story.json"])
        .exits(0)
        .says("no human reviewed this");
    here.says("origin proven")
        .says(&format!("{} approved", me()))
        .says("complete");
    let elsewhere = ["verify", "story.json", "--data", "nowhere"];
    let ran = world.run(&elsewhere).exits(5).says("origin unproven");
    assert!(!world.path("nowhere").exists(), "verify makes nothing: {ran}");
    let with_key = [&elsewhere[..], &["--key", key]].concat();
    world.run(&with_key).exits(0).says("origin proven");
    world.file("keys.txt", format!("# ours\n{key}\n"));
    let with_file = [&elsewhere[..], &["--key", "keys.txt", "--json"]].concat();
    let verdict = world.run(&with_file).exits(0).json();
    assert_eq!(verdict["verdict"], "proven");
    assert_eq!(verdict["unattended"], true);
    assert_eq!(verdict["state"], "Done");
    world
        .run(&["verify", "story.json", "--key", "nonsense"])
        .exits(2)
        .says("key-malformed");
}

#[test]
fn a_changed_bundle_is_refused_with_code_and_place() {
    let world = World::new();
    let id = world.done();
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    let text = std::fs::read_to_string(world.path("story.json")).unwrap();
    world.file("cut.json", &text[..text.len() - 10]);
    world
        .run(&["verify", "cut.json"])
        .exits(2)
        .says("refused")
        .says("Place:");
    let at = text.find("\"proof\":[\"").unwrap() + 10;
    let other = if &text[at..=at] == "a" { "b" } else { "a" };
    world.file(
        "forged.json",
        format!("{}{other}{}", &text[..at], &text[at + 1..]),
    );
    let ran = world.run(&["verify", "forged.json", "--json"]).exits(2);
    assert!(ran.json()["error"]["code"].is_string(), "{ran}");
    world.file("none.json", "{}");
    world.run(&["verify", "none.json"]).exits(2);
    world
        .run(&["verify", "missing.json"])
        .exits(2)
        .says("file-missing");
}

#[test]
fn an_export_goes_to_standard_output_on_demand() {
    let world = World::new();
    let id = world.done();
    let ran = world.run(&["ledger", "export", &id, "-o", "-"]).exits(0);
    world.file("piped.json", &ran.out);
    world.run(&["verify", "piped.json"]).exits(0);
    world.run(&["ledger", "export", &id]).exits(0);
    assert!(world.path(&format!("{id}.bundle.json")).exists());
}

#[test]
fn checkpoints_and_entries_can_be_read() {
    let world = World::new();
    let id = world.done();
    let sealed = world.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
    let note = sealed["note"].as_str().unwrap();
    assert!(
        note.starts_with("countersign/local\n")
            && sealed["key"].as_str().unwrap().starts_with("countersign.local/")
    );
    world.file("note.txt", note);
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    world
        .run(&["verify", "story.json", "--checkpoint", "note.txt"])
        .exits(0);
    let entries = world.run(&["ledger", "show", &id, "--json"]).exits(0).json();
    assert_eq!(entries["entries"][0]["kind"], "workflow-started");
    let last = entries["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (last["kind"].as_str(), last["ended"].as_bool()),
        (Some("workflow-ended"), Some(true))
    );
    world
        .run(&["ledger", "show"])
        .exits(0)
        .says("under a signed checkpoint");
}
