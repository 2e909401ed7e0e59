//! Commits that are signed with an SSH key: what people approve is the signed commit, and git itself verifies it.

use crate::killed::{DIE_AT, MOMENTS_FILE, RUN, go_on};
use crate::served::{Served, text, world};
use crate::support::{Ran, World, ran};
use serde_json::json;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

const EMAIL: &str = "bot@example.org";

fn keygen(world: &World, arguments: &[&str]) -> String {
    let done = Command::new("ssh-keygen")
        .current_dir(world.root.path())
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "ssh-keygen {arguments:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// Makes a key, sets that commits are signed with it, and gives its fingerprint as ssh-keygen shows it.
fn sign_with(world: &World, name: &str) -> String {
    keygen(
        world,
        &["-q", "-t", "ed25519", "-N", "", "-C", "countersign", "-f", name],
    );
    set(world, name);
    let shown = keygen(world, &["-l", "-f", name]);
    let fingerprint = shown.split_whitespace().nth(1).unwrap().to_owned();
    assert!(fingerprint.starts_with("SHA256:"), "{shown}");
    fingerprint
}

fn set(world: &World, key: &str) {
    world.file(
        "data/config.toml",
        format!("[commits]\nsigning_key_file = \"../{key}\"\nemail = \"{EMAIL}\"\n"),
    );
    change_mode(world, "data", 0o700);
    change_mode(world, "data/config.toml", 0o600);
}

fn change_mode(world: &World, path: &str, mode: u32) {
    std::fs::set_permissions(world.path(path), Permissions::from_mode(mode)).unwrap();
}

/// What git says of a commit's signature, where only that key may sign; `Err`: it is refused.
fn git_verifies(world: &World, repository: &str, commit: &str, key: &str) -> Result<String, String> {
    let public = std::fs::read_to_string(world.path(&format!("{key}.pub"))).unwrap();
    world.file("allowed", format!("{EMAIL} namespaces=\"git\" {public}"));
    let allowed = format!("gpg.ssh.allowedSignersFile={}", world.path("allowed").display());
    let said = Command::new("git")
        .current_dir(world.path(repository))
        .env("HOME", world.root.path())
        .args(["-c", "gpg.format=ssh", "-c", &allowed])
        .args(["verify-commit", commit])
        .output()
        .unwrap();
    let words = String::from_utf8(said.stderr).unwrap();
    if said.status.success() {
        Ok(words)
    } else {
        Err(words)
    }
}

fn approved_commit(world: &World, id: &str) -> String {
    let shown = world.run(&["show", id, "--json"]).json();
    text(&shown["patch_sets"][0], "commit").to_owned()
}

fn only_branch(world: &World, repository: &str) -> String {
    let list = ["for-each-ref", "--format=%(objectname)", "refs/heads/countersign"];
    let all = world.git(repository, &list);
    assert_eq!(all.lines().count(), 1, "{all}");
    all
}

#[test]
fn git_verifies_what_was_approved_and_the_story_is_proven() {
    let world = World::new();
    let fingerprint = sign_with(&world, "signing");
    let id = world.waiting();
    let shown = world.run(&["show", &id]);
    shown.says(&format!("{fingerprint}, as Countersign <{EMAIL}>"));
    let approved = approved_commit(&world, &id);
    let wire = world.run(&["show", &id, "--json"]).json();
    assert_eq!(text(&wire["patch_sets"][0], "signed_by"), fingerprint);
    world.run(&["resume", &id, "--yes"]).exits(0);
    let commit = only_branch(&world, "tollgate");
    assert_eq!(commit, approved);
    let said = git_verifies(&world, "tollgate", &commit, "signing").unwrap();
    assert!(
        said.contains("Good \"git\" signature") && said.contains(&fingerprint),
        "{said}"
    );
    // The signature is part of the object, where git itself puts it.
    let object = world.git("tollgate", &["cat-file", "commit", &commit]);
    let header: Vec<&str> = object.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(header[4], "gpgsig -----BEGIN SSH SIGNATURE-----");
    assert_eq!(header.last().copied(), Some(" -----END SSH SIGNATURE-----"));
    assert!(object.contains("\nCountersign-Checkpoint: "), "{object}");
    world.git("tollgate", &["fsck", "--strict"]);
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    world
        .run(&["verify", "story.json"])
        .exits(0)
        .says("origin proven");
    world
        .run(&["doctor"])
        .says(&format!("signed by {fingerprint}, as Countersign <{EMAIL}>"));
}

#[test]
fn what_was_approved_is_written_though_the_key_was_changed_since() {
    let world = World::new();
    sign_with(&world, "old");
    let id = world.waiting();
    let approved = approved_commit(&world, &id);
    sign_with(&world, "new");
    world.run(&["resume", &id, "--yes"]).exits(0);
    let commit = only_branch(&world, "tollgate");
    assert_eq!(commit, approved);
    assert!(git_verifies(&world, "tollgate", &commit, "old").is_ok());
    let refused = git_verifies(&world, "tollgate", &commit, "new").unwrap_err();
    assert!(refused.contains("No principal matched"), "{refused}");
}

#[test]
fn killed_between_approval_and_write_the_same_signed_commits_are_written() {
    let undisturbed = World::new();
    sign_with(&undisturbed, "signing");
    let mut command = undisturbed.command(&RUN);
    let done = command
        .env(MOMENTS_FILE, undisturbed.path("moments"))
        .output()
        .unwrap();
    ran(&done).exits(0);
    let moments = std::fs::read_to_string(undisturbed.path("moments")).unwrap();
    let before_ref = 1 + moments.lines().position(|m| m == "before-ref").unwrap();

    let world = World::new();
    sign_with(&world, "signing");
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    world.surroundings(&mut command);
    let died = command.args(RUN).env(DIE_AT, before_ref.to_string());
    let died = died.stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(died.status.signal(), Some(9), "{died:?}");
    let listed = world.run(&["list", "--json"]).exits(0).json();
    let id = text(&listed["workflows"][0], "id").to_owned();
    let shown = world.run(&["show", &id, "--json"]).json();
    go_on(&world).exits(0);
    for (at, repository) in ["tollgate", "larder"].into_iter().enumerate() {
        let commit = only_branch(&world, repository);
        assert_eq!(commit, text(&shown["patch_sets"][at], "commit"));
        assert!(git_verifies(&world, repository, &commit, "signing").is_ok());
    }
}

#[test]
fn every_revision_is_signed() {
    let world = world();
    sign_with(&world, "signing");
    let served = Served::start(&world, &[]);
    let token = served.token();
    let new = json!({"text": crate::support::ISSUE, "repositories": [{"name": "tollgate"}]});
    let submitted = served
        .json("POST", "/api/v1/workflows", &token, &new)
        .is(202)
        .json();
    let id = text(&submitted, "id").to_owned();
    let first = served.request_of(&token, &id);
    let decide = |request: &serde_json::Value, words: serde_json::Value| {
        let path = format!("/api/v1/requests/{}/decisions", text(request, "id"));
        served.json("POST", &path, &token, &words).is(200);
    };
    let rules = "Rather so.\n\n```codemod\n[[step]]\nsearch = \"quote(\"\nreplace = \"quote_kilos(\"\n```\n";
    let changes = json!({"decision": "request-changes", "digest": first["digest"], "comment": rules});
    decide(&first, changes);
    let second = served.until(|| {
        let waits = served.request_of(&token, &id);
        (waits["id"] != first["id"]).then_some(waits)
    });
    decide(
        &second,
        json!({"decision": "approve", "digest": second["digest"]}),
    );
    let list = ["for-each-ref", "--format=%(objectname)", "refs/heads/countersign"];
    let commit = served.until(|| Some(world.git("tollgate", &list)).filter(|found| !found.is_empty()));
    let object = world.git("tollgate", &["cat-file", "commit", &commit]);
    assert!(object.contains("\nCountersign-Revision: 2"), "{object}");
    assert!(git_verifies(&world, "tollgate", &commit, "signing").is_ok());
}

#[test]
fn a_key_that_can_not_be_used_is_refused_before_anything_begins() {
    let world = World::new();
    let run = || -> Ran { world.run(&["run", "--repo", "tollgate", "--issue", "issue.md"]) };
    set(&world, "missing");
    run()
        .exits(2)
        .says("file-missing")
        .says("the key that signs commits");
    keygen(
        &world,
        &["-q", "-t", "ed25519", "-N", "a passphrase", "-f", "locked"],
    );
    set(&world, "locked");
    run().exits(2).says("commit-key-locked").says("ssh-keygen -p");
    keygen(&world, &["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "rsa"]);
    set(&world, "rsa");
    run().exits(2).says("commit-key-algorithm").says("-t ed25519");
    keygen(&world, &["-q", "-t", "ecdsa", "-N", "", "-f", "ecdsa"]);
    set(&world, "ecdsa");
    run().exits(2).says("commit-key-algorithm");
    sign_with(&world, "good");
    change_mode(&world, "good.pub", 0o600);
    set(&world, "good.pub");
    run()
        .exits(2)
        .says("commit-key-refused")
        .says("Make one: ssh-keygen");
    change_mode(&world, "good", 0o640);
    set(&world, "good");
    run().exits(2).says("commit-key-open").says("chmod 600");
    world.run(&["doctor"]).exits(2).says("commit-key-open");
    world.file("data/config.toml", format!("[commits]\nemail = \"{EMAIL}\"\n"));
    run()
        .exits(2)
        .says("commits.email")
        .says("commits.signing_key_file");
    assert_eq!(world.git("tollgate", &["branch", "--list", "countersign/*"]), "");
}
