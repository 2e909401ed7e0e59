//! Backups, and data folders that were restored, copied or moved.

use crate::support::{Ran, World};
use std::path::Path;
use std::process::{Command, Stdio};

const MOMENTS_FILE: &str = "COUNTERSIGN_TEST_MOMENTS";
const DIE_AT: &str = "COUNTERSIGN_TEST_DIE_AT";
const BOTH: [&str; 8] = [
    "run",
    "--repo",
    "tollgate",
    "--repo",
    "larder:secondary",
    "--issue",
    "issue.md",
    "--yes",
];

impl World {
    /// Our branches in both repositories.
    pub(crate) fn branches(&self) -> String {
        let list = [
            "for-each-ref",
            "--format=%(refname:short)",
            "refs/heads/countersign",
        ];
        ["tollgate", "larder"]
            .map(|name| self.git(name, &list))
            .join("\n")
    }

    fn delete_branches(&self, name: &str) {
        let list = [
            "for-each-ref",
            "--format=%(refname:short)",
            "refs/heads/countersign",
        ];
        for branch in self.git(name, &list).lines() {
            self.git(name, &["branch", "-D", branch]);
        }
    }

    /// The names of all moments of an undisturbed run, and the places of one kind among them, from 1.
    fn moments(&self, arguments: &[&str], kind: &str) -> Vec<usize> {
        let ran = self
            .command(arguments)
            .env(MOMENTS_FILE, self.path("moments"))
            .output()
            .unwrap();
        crate::support::ran(&ran).exits(0);
        let text = std::fs::read_to_string(self.path("moments")).unwrap();
        std::fs::remove_file(self.path("moments")).unwrap();
        let numbered = (1..).zip(text.lines());
        numbered.filter(|(_, m)| *m == kind).map(|(n, _)| n).collect()
    }

    /// Runs until that moment and no further.
    fn dies_at(&self, arguments: &[&str], moment: usize) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        self.surroundings(&mut command);
        let died = command
            .args(arguments)
            .env(DIE_AT, moment.to_string())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!died.status.success(), "{died:?}");
    }

    /// The id and the state of the only workflow.
    fn only(&self) -> (String, String) {
        let listed = self.run(&["list", "--json"]).exits(0).json();
        let all = listed["workflows"].as_array().unwrap();
        assert_eq!(all.len(), 1, "{listed}");
        let word = |key: &str| all[0][key].as_str().unwrap().to_owned();
        (word("id"), word("state"))
    }

    /// The data folder is lost; only the keys are left, in their place.
    fn lose_the_data(&self) {
        std::fs::rename(self.path("data"), self.path("lost")).unwrap();
        std::fs::create_dir(self.path("data")).unwrap();
        private(&self.path("data"));
        std::fs::rename(self.path("lost/keys"), self.path("data/keys")).unwrap();
    }

    /// A lawful story of the only workflow.
    fn story(&self) -> Ran {
        let (id, state) = self.only();
        let _none = std::fs::remove_file(self.path("story.json"));
        self.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
        let exit = if state == "Done" { 0 } else { 5 };
        self.run(&["verify", "story.json"]).exits(exit).says("✓ lawful")
    }
}

fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(done.success());
}

/// INV-7: hazard 39, a backup from the middle of writing, then the writes, which a person deletes again; then the restore.
#[test]
fn a_restored_backup_writes_nothing_again_that_a_person_deleted() {
    let undisturbed = World::new();
    let before_ref = undisturbed.moments(&BOTH, "before-ref");
    let world = World::new();
    world.dies_at(&BOTH, before_ref[0]);
    let (id, state) = world.only();
    assert_eq!(state, "Applying");
    world.run(&["backup", "--to", "backup"]).exits(0);
    world.run(&["resume", &id, "--yes"]).exits(0);
    assert_eq!(world.branches().lines().filter(|l| !l.is_empty()).count(), 2);
    world.delete_branches("tollgate");
    world.delete_branches("larder");
    world.lose_the_data();

    world
        .run(&["restore", "--from", "backup"])
        .exits(0)
        .says("signed later");
    let nothing = world.branches();
    world
        .run(&["resume", &id, "--yes"])
        .exits(2)
        .says("ledger-behind");
    assert_eq!(world.branches(), nothing);
    let refused = world.run(&["restore", "--resume", "--json"]).exits(2);
    assert_eq!(refused.json()["error"]["code"], "loss-not-accepted");
    let next = refused.json()["error"]["next"].as_str().unwrap().to_owned();
    let lost = next.rsplit(' ').next().unwrap();
    let less = (lost.parse::<u64>().unwrap() - 1).to_string();
    world
        .run(&["restore", "--resume", "--accept-loss-of", &less])
        .exits(2)
        .says("loss-not-accepted");
    let resumed = world
        .run(&["restore", "--resume", "--accept-loss-of", lost, "--json"])
        .exits(0)
        .json();
    assert_eq!(resumed["epoch"], 2);
    assert_eq!(resumed["given_up"], lost.parse::<u64>().unwrap());
    assert_eq!(resumed["workflows"][0]["approvals_void"], 2, "{resumed}");
    assert_eq!(world.branches(), nothing, "resuming writes nothing");
    let (_, state) = world.only();
    assert!(state == "AwaitingApproval" || state == "NeedsHuman", "{state}");
    world.run(&["resume", &id, "--json"]).exits(3);
    assert_eq!(world.branches(), nothing, "and nothing is written by itself");
    world
        .run(&["restore", "--resume"])
        .exits(0)
        .says("nothing to do: this data folder is at work, epoch 2");
    world.story().says("epoch 2").says("given up");
}

#[test]
fn after_a_restore_people_approve_anew_and_it_is_written_once() {
    let world = World::new();
    let id = world.waiting();
    world.run(&["backup", "--to", "backup"]).exits(0);
    world.lose_the_data();
    world.run(&["restore", "--from", "backup"]).exits(0);
    world.run(&["list"]).exits(0).says(&id[..12]);
    world
        .run(&["approve", &id, "--yes"])
        .exits(2)
        .says("data-folder-copied")
        .says("countersign restore --resume");
    world
        .run(&["restore", "--resume"])
        .exits(0)
        .says("AwaitingApproval")
        .says("nothing was written");
    assert_eq!(world.branches().trim(), "");
    world.run(&["approve", &id, "--yes"]).exits(0);
    assert_eq!(world.only().1, "Done");
    assert_eq!(world.branches().trim().lines().count(), 1);
    world.story().says("epoch 2");
    // Whoever passes it on can't keep quiet about it.
    let bytes = std::fs::read(world.path("story.json")).unwrap();
    let mut bundle = countersign_ledger::Bundle::parse(&bytes).unwrap();
    bundle.notices.clear();
    world.file("quiet.json", bundle.to_bytes().unwrap());
    world
        .run(&["verify", "quiet.json"])
        .exits(2)
        .says("[epoch-missing]");
}

#[test]
fn a_backup_does_not_lie_in_the_data_folder() {
    let world = World::new();
    world.done();
    for inside in ["data/backup", "data/deep/down", "tollgate/../data/backup"] {
        world
            .run(&["backup", "--to", inside])
            .exits(2)
            .says("backup-inside");
        assert!(!world.path(inside).exists());
    }
    assert!(!world.path("data/deep").exists());
    world.run(&["backup", "--to", "data-backup"]).exits(0);
}

#[test]
fn a_copied_folder_is_read_and_not_written_while_the_original_goes_on() {
    let world = World::new();
    let id = world.waiting();
    copy_folder(&world.path("data"), &world.path("copy"));
    let copy = |arguments: &[&str]| world.run(&[&["--data", "copy"], arguments].concat());
    copy(&["list"]).exits(0).says(&id[..12]);
    copy(&["show", &id]).exits(0);
    copy(&["ledger", "show"]).exits(0);
    copy(&["ledger", "export", &id, "-o", "copied.json"]).exits(0);
    copy(&["verify", "copied.json"]).exits(5).says("? open: ");
    copy(&["approve", &id, "--yes"])
        .exits(2)
        .says("data-folder-copied");
    copy(&["ledger", "checkpoint"])
        .exits(2)
        .says("data-folder-copied");
    copy(&["doctor"])
        .exits(2)
        .says("[data-folder-copied]")
        .says("countersign restore --resume");
    copy(&["backup", "--to", "of-the-copy"]).exits(2);
    assert!(!world.path("of-the-copy").exists());
    assert_eq!(world.branches().trim(), "");
    world.run(&["approve", &id, "--yes"]).exits(0);
    assert_eq!(world.only().1, "Done");
    // Whoever moves a folder says so once.
    std::fs::rename(world.path("data"), world.path("moved")).unwrap();
    let moved = |arguments: &[&str]| world.run(&[&["--data", "moved"], arguments].concat());
    moved(&["ledger", "checkpoint"])
        .exits(2)
        .says("data-folder-copied");
    moved(&["restore", "--resume"]).exits(0).says("epoch 2 began");
    moved(&["ledger", "checkpoint"]).exits(0);
}

#[test]
fn a_backup_is_made_while_a_flow_is_running_and_replaces_nothing() {
    let world = World::new();
    let mut running = world.command(&BOTH).stdout(Stdio::null()).spawn().unwrap();
    let mut made = 0;
    loop {
        let ended = running.try_wait().unwrap();
        if world.path("data/countersign.db").exists() {
            let name = format!("backup-{made}");
            let ran = world.run(&["backup", "--to", &name]);
            if ran.code == 0 {
                made += 1;
            }
        }
        if let Some(ended) = ended {
            assert!(ended.success());
            break;
        }
    }
    assert!(made > 0);
    for n in 0..made {
        let (name, data) = (format!("backup-{n}"), format!("data-{n}"));
        let restore = ["restore", "--from", &name, "--data", &data, "--keys", "data/keys"];
        let put_back = world.run(&[&restore[..], &["--json"]].concat()).exits(0).json();
        assert_eq!(put_back["signed"], true);
    }
    world
        .run(&["backup", "--to", "backup-0"])
        .exits(2)
        .says("backup-exists");
}

#[test]
fn a_backup_that_was_changed_or_cut_is_refused_and_nothing_is_put_in_place() {
    let world = World::new();
    world.done();
    world.run(&["backup", "--to", "good"]).exits(0);
    let manifest = std::fs::read_to_string(world.path("good/manifest.json")).unwrap();
    let database = std::fs::read(world.path("good/countersign.db")).unwrap();
    let with = |name: &str, manifest: Option<&str>, database: Option<&[u8]>| {
        std::fs::create_dir(world.path(name)).unwrap();
        if let Some(manifest) = manifest {
            world.file(&format!("{name}/manifest.json"), manifest);
        }
        if let Some(database) = database {
            world.file(&format!("{name}/countersign.db"), database);
        }
    };
    let mut flipped = database.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    with("flipped", Some(&manifest), Some(&flipped));
    with("cut", Some(&manifest), Some(&database[..database.len() - 4096]));
    with("bare", None, Some(&database));
    with("empty", Some(&manifest), None);
    with("garbled", Some(&manifest[..manifest.len() / 2]), Some(&database));
    with(
        "outside",
        Some(&manifest.replace("countersign.db", "../good/countersign.db")),
        Some(&database),
    );
    for (name, code) in [
        ("flipped", "backup-damaged"),
        ("cut", "backup-damaged"),
        ("bare", "backup-incomplete"),
        ("empty", "file-missing"),
        ("garbled", "backup-damaged"),
        ("outside", "backup-damaged"),
    ] {
        world
            .run(&[
                "restore",
                "--from",
                name,
                "--data",
                "fresh",
                "--keys",
                "data/keys",
            ])
            .exits(2)
            .says(code);
        assert!(!world.path("fresh").exists(), "{name}");
    }
    let unfinished = std::fs::read_dir(world.root.path()).unwrap().flatten();
    let left = unfinished.filter(|e| e.file_name().to_string_lossy().contains("unfinished"));
    assert_eq!(left.count(), 0);
    world
        .run(&["restore", "--from", "good"])
        .exits(2)
        .says("data-folder-used");
}

/// A digest can be made anew by anybody; the ledger's own hashes and its key hold all the same.
#[test]
fn a_backup_with_a_rewritten_ledger_is_refused_although_its_digests_fit() {
    let world = World::new();
    world.done();
    world.run(&["backup", "--to", "backup"]).exits(0);
    world.run(&["ledger", "rotate-key"]).exits(0);
    let restore = [
        "restore",
        "--from",
        "backup",
        "--data",
        "fresh",
        "--keys",
        "data/keys",
    ];
    world.run(&restore).exits(2).says("backup-other-key");
    assert!(!world.path("fresh").exists());
}

#[test]
fn a_copy_of_the_files_of_a_backup_writes_nothing_even_in_the_place_of_the_original() {
    let world = World::new();
    let id = world.waiting();
    world.run(&["backup", "--to", "backup"]).exits(0);
    // Over the old file, so that it keeps its place on the disk.
    let bytes = std::fs::read(world.path("backup/countersign.db")).unwrap();
    std::fs::write(world.path("data/countersign.db"), bytes).unwrap();
    world
        .run(&["approve", &id, "--yes"])
        .exits(2)
        .says("data-folder-copied");
    world.run(&["restore", "--resume"]).exits(0);
    world.run(&["approve", &id, "--yes"]).exits(0);
}

/// Killed at every commit, it is simply run again; so is a restore.
#[test]
fn resuming_is_killed_at_every_commit_and_comes_to_the_same_end() {
    let world = World::new();
    world.waiting();
    world.run(&["backup", "--to", "backup"]).exits(0);
    let keys = world.path("data/keys");
    let restored = |n: usize| {
        let data = format!("data-{n}");
        std::fs::create_dir(world.path(&data)).unwrap();
        private(&world.path(&data));
        copy_folder(&keys, &world.path(&format!("{data}/keys")));
        world
            .run(&["restore", "--from", "backup", "--data", &data])
            .exits(0);
        data
    };
    let data = restored(0);
    let resume = ["--data", &data, "restore", "--resume"];
    let commits = world.moments(&resume, "before-commit").len();
    assert!(commits >= 3, "an epoch, a workflow, the end");
    for n in 1..=commits * 2 {
        let data = restored(n);
        let resume = ["--data", &data, "restore", "--resume"];
        world.dies_at(&resume, n);
        world.run(&resume).exits(0);
        let shown = world.run(&["--data", &data, "list", "--json"]).exits(0).json();
        assert_eq!(
            shown["workflows"][0]["state"], "AwaitingApproval",
            "killed at {n}"
        );
        let entries = world
            .run(&["--data", &data, "ledger", "show", "--json"])
            .exits(0)
            .json();
        let of_kind = |kind: &str| {
            let all = entries["entries"].as_array().unwrap();
            all.iter().filter(|e| e["kind"] == kind).count()
        };
        assert_eq!(
            (of_kind("store.epoch-begun"), of_kind("reconciled")),
            (2, 1),
            "killed at {n}: {entries}"
        );
        world.run(&["--data", &data, "ledger", "checkpoint"]).exits(0);
    }
}
