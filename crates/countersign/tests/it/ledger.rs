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
    let newest = world
        .run(&["ledger", "show", &id, "--limit", "3", "--json"])
        .exits(0)
        .json();
    let all = entries["entries"].as_array().unwrap();
    assert_eq!(newest["entries"].as_array().unwrap()[..], all[all.len() - 3..]);
}

#[test]
fn a_lawful_story_is_said_to_be_one_and_a_forged_one_names_what_is_wrong() {
    let world = World::new();
    let id = world.done();
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    world
        .run(&["verify", "story.json"])
        .exits(0)
        .says("✓ lawful: every step follows the rules");
    let verdict = world.run(&["verify", "story.json", "--json"]).exits(0).json();
    assert_eq!(verdict["lawful"], true);
    assert_eq!(verdict["problems"].as_array().unwrap().len(), 0);
    // Evidence can be left out by anybody who passes the file on; the log's signature still holds.
    let bytes = std::fs::read(world.path("story.json")).unwrap();
    let mut bundle = countersign_ledger::Bundle::parse(&bytes).unwrap();
    bundle.attachments.remove(0);
    world.file("less.json", bundle.to_bytes().unwrap());
    let ran = world.run(&["verify", "less.json"]).exits(2);
    let ran = ran.says("✗ entry ").says("[evidence-missing]").says("✗ unlawful");
    ran.says("origin proven");
    let verdict = world.run(&["verify", "less.json", "--json"]).exits(2).json();
    assert_eq!(verdict["verdict"], "unlawful");
    assert_eq!(verdict["problems"][0]["code"], "evidence-missing");
    assert!(verdict["problems"][0]["seq"].as_u64().is_some());
}

#[test]
fn a_new_key_is_followed_from_the_old_one_and_the_old_one_signs_no_more() {
    let world = World::new();
    let id = world.done();
    let key_of = |ran: serde_json::Value| ran["key"].as_str().unwrap().to_owned();
    let before = world.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
    world.file("before.txt", before["note"].as_str().unwrap());
    let old_key = key_of(before);
    let old_seed = std::fs::read(world.path("data/keys/ledger.seed")).unwrap();
    let rotated = world.run(&["ledger", "rotate-key", "--json"]).exits(0).json();
    assert_eq!(rotated["from"], old_key.as_str());
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    let elsewhere = |key: &str| world.run(&["--data", "elsewhere", "verify", "story.json", "--key", key]);
    elsewhere(&old_key)
        .exits(0)
        .says("handed over to")
        .says("✓ lawful");
    elsewhere(rotated["to"].as_str().unwrap())
        .exits(0)
        .says("✓ lawful");
    world
        .run(&["verify", "story.json"])
        .exits(0)
        .says("origin proven");
    world
        .run(&["ledger", "consistency", "--from", "before.txt"])
        .exits(0)
        .says("goes on from");
    world
        .run(&[
            "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--again",
        ])
        .exits(0);
    // Whoever kept the old seed signs nothing with it.
    std::fs::write(world.path("data/keys/ledger.seed"), &old_seed).unwrap();
    world
        .run(&["ledger", "export", &id, "-o", "late.json"])
        .exits(2)
        .says("ledger-key-retired");
}

#[test]
fn a_change_of_keys_that_was_cut_off_is_finished_at_the_next_start() {
    let world = World::new();
    let id = world.done();
    let old_seed = std::fs::read(world.path("data/keys/ledger.seed")).unwrap();
    world.run(&["ledger", "rotate-key"]).exits(0);
    // As if the process had died after the ledger knew, and before the files did.
    let seed = world.path("data/keys/ledger.seed");
    std::fs::rename(&seed, world.path("data/keys/ledger.next.seed")).unwrap();
    world.file("data/keys/ledger.seed", &old_seed);
    chmod_private(&seed);
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    assert!(!world.path("data/keys/ledger.next.seed").exists());
    assert_ne!(std::fs::read(&seed).unwrap(), old_seed);
}

fn chmod_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn erased_words_leave_a_story_that_verifies_as_erased() {
    let world = World::new();
    let id = world.done();
    world
        .run(&["ledger", "erase", &id, "--reason", " "])
        .exits(2)
        .says("bad-text");
    world
        .run(&[
            "ledger",
            "erase",
            &id,
            "feedback",
            "diffs",
            "--reason",
            "asked for",
        ])
        .exits(0)
        .says("their leaves stay");
    world.run(&["list"]).exits(0).says("(erased)");
    world.run(&["show", &id]).exits(2).says("body-erased");
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    let ran = world.run(&["verify", "story.json"]).exits(5);
    ran.says(&format!("? erased by {}: ", me()))
        .says("asked for")
        .says("? not judged")
        .says("origin proven");
    let verdict = world.run(&["verify", "story.json", "--json"]).exits(5).json();
    assert_eq!(verdict["verdict"], "judged-in-part");
    assert_eq!(verdict["erasures"][0]["reason"], "asked for");
    let text = std::fs::read_to_string(world.path("story.json")).unwrap();
    assert!(!text.contains("Prices go in grams"));
}

#[test]
fn an_older_copy_writes_no_more_once_it_was_shown_a_newer_checkpoint_of_its_own() {
    let world = World::new();
    world.done();
    // The keys were put back along with the database, so that nothing there knows of anything newer.
    let files = [
        "countersign.db",
        "countersign.db-wal",
        "countersign.db-shm",
        "keys/ledger.seen",
    ];
    let copies = files.map(|name| std::fs::read(world.path(&format!("data/{name}"))).ok());
    let again = [
        "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--again",
    ];
    world.run(&again).exits(0);
    let size = |name: &str| {
        let head = world.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
        world.file(name, head["note"].as_str().unwrap());
        head["size"].as_u64().unwrap()
    };
    let newest = size("newest.txt");
    for (name, copy) in files.iter().zip(copies) {
        let path = world.path(&format!("data/{name}"));
        // Into the very same file, which keeps its place.
        match copy {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
    }
    chmod_private(&world.path("data/keys/ledger.seen"));
    let older = size("older.txt");
    // A stranger's checkpoint changes nothing.
    let stranger = [
        "--data", "other", "run", "--repo", "tollgate", "--issue", "issue.md", "--yes",
    ];
    world.run(&stranger).exits(0);
    let theirs = world
        .run(&["--data", "other", "ledger", "checkpoint", "--json"])
        .exits(0)
        .json();
    world.file("theirs.txt", theirs["note"].as_str().unwrap());
    let shown = |file: &str| world.run(&["ledger", "consistency", "--from", file]);
    shown("theirs.txt").exits(2).says("checkpoint-no-known-signature");
    world.run(&["ledger", "checkpoint"]).exits(0);

    shown("newest.txt")
        .exits(2)
        .says("ledger-behind")
        .says("From now on nothing is written here");
    world.run(&again).exits(2).says("ledger-behind");
    world.run(&["list"]).exits(0);
    world
        .run(&["doctor"])
        .exits(2)
        .says("[ledger-behind]")
        .says("countersign restore --resume");
    let lost = (newest - older).to_string();
    world
        .run(&["restore", "--resume", "--accept-loss-of", &lost])
        .exits(0);
    // What a person gave up closes nothing again.
    shown("newest.txt").exits(2).says("Epoch 2 of this ledger");
    world.run(&again).exits(0);
}

#[test]
fn an_older_copy_of_the_data_folder_is_read_and_not_written() {
    let world = World::new();
    let id = world.done();
    let database = ["countersign.db", "countersign.db-wal", "countersign.db-shm"];
    let copies = database.map(|name| std::fs::read(world.path(&format!("data/{name}"))).ok());
    world.run(&["ledger", "checkpoint"]).exits(0);
    let first = world.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
    world
        .run(&[
            "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--again",
        ])
        .exits(0);
    let newest = world.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
    world.file("first.txt", first["note"].as_str().unwrap());
    world.file("newest.txt", newest["note"].as_str().unwrap());
    world
        .run(&["ledger", "consistency", "--from", "newest.txt"])
        .exits(0);
    for (name, copy) in database.iter().zip(copies) {
        let path = world.path(&format!("data/{name}"));
        let _gone = std::fs::remove_file(&path);
        if let Some(bytes) = copy {
            std::fs::write(path, bytes).unwrap();
        }
    }
    world.run(&["list"]).exits(0).says(&id[..12]);
    world.run(&["show", &id]).exits(0);
    world
        .run(&[
            "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--again",
        ])
        .exits(2)
        .says("ledger-behind")
        .says("an older copy was put back");
    world
        .run(&["ledger", "consistency", "--from", "newest.txt"])
        .exits(2)
        .says("ledger-behind");
    world.file("junk.txt", "junk");
    world
        .run(&["ledger", "consistency", "--from", "junk.txt"])
        .exits(2)
        .says("checkpoint-");
}

#[test]
fn a_checkpoint_that_was_kept_is_compared_with_an_export_since_it() {
    let world = World::new();
    let first = world.done();
    let kept = world.run(&["ledger", "checkpoint", "--json"]).exits(0).json();
    world.file("kept.txt", kept["note"].as_str().unwrap());
    world
        .run(&[
            "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--again",
        ])
        .exits(0);
    world
        .run(&["ledger", "export", &first, "-o", "plain.json"])
        .exits(0);
    let with = ["--checkpoint", "kept.txt"];
    let ran = world
        .run(&[&["verify", "plain.json"], &with[..]].concat())
        .exits(5);
    let told = "not compared: the file proves nothing about the checkpoint";
    assert_eq!(ran.out.matches(told).count(), 1, "{ran}");
    let verdict = world
        .run(&[&["verify", "plain.json", "--json"], &with[..]].concat())
        .exits(5)
        .json();
    assert_eq!(verdict["verdict"], "checkpoint-not-compared");
    world
        .run(&[
            "ledger",
            "export",
            &first,
            "-o",
            "since.json",
            "--since",
            "kept.txt",
        ])
        .exits(0);
    let ran = world
        .run(&[&["verify", "since.json"], &with[..]].concat())
        .exits(0);
    assert!(!ran.out.contains("not compared"), "{ran}");
}

#[test]
fn a_story_whose_end_was_cut_off_is_open_and_not_proven() {
    let world = World::new();
    let id = world.waiting();
    let shown = world.run(&["ledger", "show", &id, "--json"]).exits(0).json();
    let before = shown["entries"].as_array().unwrap().len();
    world.run(&["cancel", &id, "--reason", "Never mind."]);
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    let whole = world.run(&["verify", "story.json", "--json"]).exits(0).json();
    assert_eq!(whole["verdict"], "proven");
    let bytes = std::fs::read(world.path("story.json")).unwrap();
    let mut bundle = countersign_ledger::Bundle::parse(&bytes).unwrap();
    assert!(bundle.entries.len() > before);
    bundle.entries.truncate(before);
    world.file("cut.json", bundle.to_bytes().unwrap());
    world.run(&["verify", "cut.json"]).exits(5).says("? open: ");
    let verdict = world.run(&["verify", "cut.json", "--json"]).exits(5).json();
    assert_eq!(verdict["verdict"], "open");
    assert_eq!(
        (verdict["complete"].as_bool(), verdict["proven"].as_bool()),
        (Some(false), Some(true))
    );
}

#[test]
fn a_checkpoint_that_is_none_or_of_another_ledger_does_not_condemn_the_file() {
    let world = World::new();
    let id = world.done();
    let checkpoint = |data: &str, file: &str| {
        let args = ["--data", data, "ledger", "checkpoint", "--json"];
        world.file(file, world.run(&args).exits(0).json()["note"].as_str().unwrap());
    };
    // The story of another installation has as many entries, and its log the same name.
    let run = [
        "--data", "other", "run", "--repo", "tollgate", "--issue", "issue.md", "--yes",
    ];
    world.run(&run).exits(0);
    checkpoint("data", "ours.txt");
    checkpoint("other", "theirs.txt");
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    let verify = |file: &str| world.run(&["verify", "story.json", "--checkpoint", file]);
    verify("ours.txt").exits(0);
    verify("theirs.txt")
        .exits(2)
        .says("theirs.txt: ")
        .says("is of another ledger")
        .says("[verify-other-ledger]");
    world.file("junk.txt", "junk");
    let ran = verify("junk.txt").exits(2).says("junk.txt: ");
    assert!(!ran.err.contains("Don't rely on anything in this file"), "{ran}");
}

/// Knows nobody's key, like somebody with an SQL prompt.
struct NoKeys;

impl countersign_ports::store::MemberKeys for NoKeys {
    fn verifying_key(
        &self,
        _: &countersign_core::id::TenantId,
        _: &countersign_core::id::MemberId,
    ) -> Option<[u8; 32]> {
        None
    }
}

impl countersign_ports::store::Clock for NoKeys {
    fn now(&self) -> countersign_core::time::Timestamp {
        countersign_core::time::Timestamp(0)
    }
}

#[tokio::test]
async fn an_approval_that_somebody_wrote_into_the_database_is_refused_and_everybody_is_told() {
    use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
    use countersign_core::id::{InputId, TenantId, WorkflowId};
    use countersign_ports::store::{NewInput, Store as _};
    use std::sync::Arc;

    let world = World::new();
    let start = ["run", "--repo", "tollgate", "--issue", "issue.md", "--json"];
    let shown = world.run(&start).exits(3).json();
    let id = WorkflowId::parse(shown["id"].as_str().unwrap()).unwrap();
    let file = world.path("data/countersign.db");
    let store = countersign_store::SqliteStore::open(&file, Arc::new(NoKeys), Arc::new(NoKeys))
        .await
        .unwrap();
    let tenant = store.tenant(&TenantId::local());
    let member = tenant.roster().await.unwrap().members.remove(0).id;
    let request = shown["requests"][0]["id"].as_str().unwrap();
    let record = ActRecord {
        tenant: TenantId::local(),
        workflow: id.clone(),
        member,
        authenticated_by: AuthenticatedBy::OsUser,
        attendance: Attendance::Attended,
        at: countersign_core::time::Timestamp(0),
        act: Act::Approve {
            request: countersign_core::id::RequestId::parse(request).unwrap(),
            seen: countersign_core::act::SeenDigest::PatchSet(
                countersign_core::digest::ApprovalDigest::of_bytes(b""),
            ),
            acknowledged: vec![],
        },
    };
    let forged = SignedAct::sign(record, &ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let input = InputId::from_parts(1, 1);
    tenant
        .insert_input(&input, &id, &NewInput::Act(forged))
        .await
        .unwrap();
    store.close().await;

    world.run(&["resume", id.as_str()]).exits(3);
    let told = "! ALARM ";
    world
        .run(&["list"])
        .exits(0)
        .says(told)
        .says("[act-not-authentic]");
    world
        .run(&["show", id.as_str()])
        .exits(0)
        .says(told)
        .says("`approve` in the name of");
    let list = world.run(&["list", "--json"]).exits(0).json();
    assert_eq!(list["alarms"][0]["code"], "act-not-authentic");
    world.run(&["approve", id.as_str(), "--yes"]).exits(0);
}
