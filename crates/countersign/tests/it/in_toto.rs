//! An export as in-toto's own verifier sees it: what it accepts, and what it rejects.

use crate::canned::{self, Team};
use crate::others::{in_toto_verify, left_out};
use crate::support::{World, collect};
use crate::teller::{self, Teller};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_audit::in_toto::chain;
use countersign_core::workflow::{EffectResult, Input, State};
use countersign_ledger::dsse::envelope;
use countersign_ledger::{LedgerKey, StatementKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that was exported, to be tampered with in copies.
struct Proof {
    folder: PathBuf,
    verifier: PathBuf,
    command: String,
    scratch: tempfile::TempDir,
}

impl Proof {
    fn new(folder: PathBuf, command: &str) -> Self {
        Self {
            folder,
            verifier: in_toto_verify(),
            command: command.to_owned(),
            scratch: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs the command that the export has printed; what the verifier said, and whether it accepted.
    fn judged(&self, folder: &Path) -> (bool, String) {
        let programs = self.verifier.parent().unwrap().display();
        let ran = Command::new("sh")
            .args(["-c", &self.command])
            .current_dir(folder)
            .env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"))
            .output()
            .unwrap();
        (
            ran.status.success(),
            String::from_utf8_lossy(&ran.stderr).into_owned(),
        )
    }

    #[track_caller]
    fn accepted(&self) {
        let (accepted, said) = self.judged(&self.copy("untouched"));
        assert!(accepted, "{said}");
    }

    /// A copy in which something was changed is rejected, for that reason and no other.
    #[track_caller]
    fn rejected(&self, what: &str, why: &str, change: impl FnOnce(&Path)) {
        let copy = self.copy(what);
        change(&copy);
        let (accepted, said) = self.judged(&copy);
        assert!(!accepted, "accepted: {what}");
        assert!(said.contains(why), "{what}: rejected for something else: {said}");
    }

    fn copy(&self, name: &str) -> PathBuf {
        let to = self.scratch.path().join(name.replace(' ', "-"));
        let mut files = Vec::new();
        collect(&self.folder, &mut files);
        for (path, content) in files {
            let file = to.join(path.strip_prefix(&self.folder).unwrap());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        to
    }
}

/// Links of a step, sorted by name.
fn links(folder: &Path, step: &str) -> Vec<PathBuf> {
    let begins = format!("{step}.");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begins))
        .collect();
    found.sort();
    found
}

/// The one link of a step.
fn link(folder: &Path, step: &str) -> PathBuf {
    let found = links(folder, step);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn statement(file: &Path) -> Value {
    let payload = STANDARD
        .decode(json_of(file)["payload"].as_str().unwrap())
        .unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// Puts another statement under the signature that is there.
fn with_statement(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut said = statement(file);
    change(&mut said);
    let mut whole = json_of(file);
    whole["payload"] = json!(STANDARD.encode(said.to_string()));
    fs::write(file, whole.to_string()).unwrap();
}

/// Says something else, signed by that key.
fn signed_anew(file: &Path, key: &StatementKey, change: impl FnOnce(&mut Value)) {
    let mut said = statement(file);
    change(&mut said);
    fs::write(file, envelope(&said, key)).unwrap();
}

/// Signed by that key, in the name of whose signature was there.
fn forged(file: &Path, key: &StatementKey) {
    let name = json_of(file)["signatures"][0]["keyid"].clone();
    signed_anew(file, key, |_same| ());
    let mut whole = json_of(file);
    whole["signatures"][0]["keyid"] = name;
    fs::write(file, whole.to_string()).unwrap();
}

fn stranger() -> StatementKey {
    StatementKey::of_member(&[9; 32])
}

fn seed(file: &Path) -> [u8; 32] {
    let text = fs::read_to_string(file).unwrap();
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).unwrap();
    seed
}

/// Both repositories, written; gives the workflow.
fn both_done(world: &World) -> String {
    let ran = world
        .run(&[
            "run",
            "--repo",
            "tollgate",
            "--repo",
            "larder:secondary",
            "--issue",
            "issue.md",
            "--yes",
            "--json",
        ])
        .exits(0);
    ran.json()["id"].as_str().unwrap().to_owned()
}

const OTHER_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn in_totos_own_verifier_accepts_the_export_and_nothing_that_was_changed() {
    if left_out() {
        return;
    }
    let world = World::new();
    let id = both_done(&world);
    let export = [
        "ledger",
        "export",
        &id,
        "-o",
        "story.json",
        "--in-toto",
        "proof",
        "--json",
    ];
    let exported = world.run(&export).exits(0).json();
    let command = exported["in_toto"]["command"].as_str().unwrap();
    let proof = Proof::new(world.path("proof"), command);
    proof.accepted();
    rejects_other_files(&proof);
    rejects_other_approvals(&proof);
    rejects_other_layouts(&proof);
}

fn rejects_other_files(proof: &Proof) {
    proof.rejected("changed patch", "'DISALLOW patch/*' matched", |folder| {
        let file = folder.join("patch/tollgate.diff");
        let diff = fs::read_to_string(&file).unwrap();
        fs::write(file, diff.replace("quote_grams", "quote_pounds")).unwrap();
    });
    proof.rejected("patch left out", "'REQUIRE patch/larder.diff'", |folder| {
        fs::remove_file(folder.join("patch/larder.diff")).unwrap();
    });
    proof.rejected("patch added", "'DISALLOW patch/*' matched", |folder| {
        fs::write(folder.join("patch/third.diff"), "+more\n").unwrap();
    });
    proof.rejected("changed commit", "'DISALLOW commit/*' matched", |folder| {
        fs::write(folder.join("commit/tollgate.commit"), "tree 0\n").unwrap();
    });
    proof.rejected("changed verdict", "'DISALLOW verdict.json' matched", |folder| {
        fs::write(folder.join("verdict.json"), "{}").unwrap();
    });
}

fn rejects_other_approvals(proof: &Proof) {
    proof.rejected("missing approval", "LinkNotFoundError", |folder| {
        fs::remove_file(link(folder, "approve-larder")).unwrap();
    });
    proof.rejected("forged approval", "ThresholdVerificationError", |folder| {
        forged(&link(folder, "approve-larder"), &stranger());
    });
    proof.rejected("forged write", "ThresholdVerificationError", |folder| {
        forged(&link(folder, "apply"), &stranger());
    });
    proof.rejected(
        "link under an old signature",
        "ThresholdVerificationError",
        |folder| {
            with_statement(&link(folder, "apply"), |link| {
                link["products"]["commit/tollgate.commit"]["sha256"] = json!(OTHER_HASH);
            });
        },
    );
}

fn rejects_other_layouts(proof: &Proof) {
    proof.rejected("changed layout", "SignatureVerificationError", |folder| {
        with_statement(&folder.join("root.layout"), |layout| {
            layout["expires"] = json!("2099-01-01T00:00:00Z");
        });
    });
    proof.rejected(
        "layout without approvals",
        "SignatureVerificationError",
        |folder| {
            with_statement(&folder.join("root.layout"), |layout| {
                let steps = layout["steps"].as_array_mut().unwrap();
                steps.retain(|step| !step["name"].as_str().unwrap().starts_with("approve"));
            });
        },
    );
    proof.rejected("layout of a stranger", "SignatureVerificationError", |folder| {
        signed_anew(&folder.join("root.layout"), &stranger(), |_same| ());
    });
}

#[test]
fn not_even_the_ledgers_own_key_attests_a_write_of_something_else() {
    if left_out() {
        return;
    }
    let world = World::new();
    let id = both_done(&world);
    let exported = world
        .run(&["ledger", "export", &id, "--in-toto", "proof", "--json"])
        .exits(0)
        .json();
    let proof = Proof::new(
        world.path("proof"),
        exported["in_toto"]["command"].as_str().unwrap(),
    );
    let ledger = LedgerKey::from_seed("any", &seed(&world.path("data/keys/ledger.seed"))).unwrap();
    let ledger = StatementKey::of_ledger(&ledger);
    let mut seeds = Vec::new();
    collect(&world.path("data/keys/members"), &mut seeds);
    assert_eq!(seeds.len(), 1, "one member");
    let member = StatementKey::of_member(&seed(&seeds[0].0));

    proof.rejected("apply of another patch", "'DISALLOW *' matched", |folder| {
        signed_anew(&link(folder, "apply"), &ledger, |link| {
            link["materials"]["patch/larder.diff"]["sha256"] = json!(OTHER_HASH);
        });
    });
    proof.rejected("write of another commit", "'DISALLOW *' matched", |folder| {
        signed_anew(&link(folder, "apply"), &ledger, |link| {
            link["products"]["commit/larder.commit"]["sha256"] = json!(OTHER_HASH);
        });
    });
    proof.rejected("policy on another patch", "'DISALLOW *' matched", |folder| {
        signed_anew(&link(folder, "policy"), &ledger, |link| {
            link["materials"]["patch/larder.diff"]["sha256"] = json!(OTHER_HASH);
        });
    });
    proof.rejected(
        "approval of half of it",
        "'REQUIRE patch/larder.diff'",
        |folder| {
            signed_anew(&link(folder, "approve-tollgate"), &member, |link| {
                link["materials"]
                    .as_object_mut()
                    .unwrap()
                    .remove("patch/larder.diff");
            });
        },
    );
    proof.rejected("approval by the ledger", "ThresholdVerificationError", |folder| {
        forged(&link(folder, "approve-tollgate"), &ledger);
    });
}

#[test]
fn where_two_people_had_to_approve_one_is_not_enough_and_nobody_counts_twice() {
    if left_out() {
        return;
    }
    let mut teller = Teller::new(Team::Three);
    let at = teller.at.plus_ms(1_000);
    for name in canned::TO_APPROVAL {
        if name == "load-context: loaded" {
            two_approvers(&mut teller);
        } else {
            teller.result(name);
        }
    }
    for who in ["bob", "carol", "bob", "carol"] {
        teller.approve(who);
    }
    assert!(teller.at > at);
    let told = teller.written();
    assert_eq!(told.workflow.state, State::Done);
    let scratch = tempfile::tempdir().unwrap();
    let members = attested(&told, scratch.path());
    let layout = statement(&scratch.path().join("root.layout"));
    assert_eq!(layout["steps"][2]["threshold"], 2, "{layout:#}");
    let command = "in-toto-verify --layout root.layout --verification-keys ledger.pem";
    let proof = Proof::new(scratch.path().to_owned(), command);
    proof.accepted();
    proof.rejected("one of two", "LinkNotFoundError", |folder| {
        fs::remove_file(&links(folder, "approve-repo1")[0]).unwrap();
    });
    proof.rejected("the same person twice", "ThresholdVerificationError", |folder| {
        let both = links(folder, "approve-repo1");
        fs::copy(&both[0], &both[1]).unwrap();
    });
    proof.rejected("one of two forged", "ThresholdVerificationError", |folder| {
        forged(&links(folder, "approve-repo2")[1], &stranger());
    });
    proof.rejected(
        "two who approved different things",
        "ThresholdVerificationError",
        |folder| {
            let file = &links(folder, "approve-repo1")[0];
            let id = json_of(file)["signatures"][0]["keyid"].clone();
            let key = members.iter().find(|key| json!(key.verifier().id()) == id);
            signed_anew(file, key.unwrap(), |link| {
                link["materials"]["patch/repo1.diff"]["sha256"] = json!(OTHER_HASH);
            });
        },
    );
}

/// Writes the folder of a story; gives the keys of the two who approved.
fn attested(told: &Teller, to: &Path) -> Vec<StatementKey> {
    let chain = chain(&teller::verdict(&told.told)).unwrap();
    let keys = [[1; 32], [2; 32]].map(|seed| StatementKey::of_member(&seed));
    let members: BTreeMap<_, _> = chain.approvers().into_keys().zip(keys).collect();
    assert_eq!(members.len(), 2);
    let owner = StatementKey::of_ledger(&teller::ledger_key());
    for (name, bytes) in chain.files(&owner, &members).unwrap() {
        let file = to.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    members.into_values().collect()
}

/// Pins a policy that asks for two people.
fn two_approvers(teller: &mut Teller) {
    let at = teller.at.plus_ms(1_000);
    let mut all = canned::results(&teller.workflow, teller.team, at).into_iter();
    let (_, mut input) = all.find(|(name, _)| *name == "load-context: loaded").unwrap();
    if let Input::Effect {
        result: EffectResult::ContextLoaded { repositories, .. },
        ..
    } = &mut input
    {
        for repository in repositories {
            let text = b"version = 1\n[approval]\nlow = 2\nmedium = 2\nhigh = 2\n";
            repository.policies.base.text = Some(text.to_vec());
            repository.policies.default_branch.text = Some(text.to_vec());
        }
    }
    assert!(teller.take(input, at));
}

#[test]
fn the_folder_says_what_the_ledger_says_and_comes_out_the_same_again() {
    let world = World::new();
    let id = both_done(&world);
    for folder in ["one", "two"] {
        let ran = world
            .run(&["ledger", "export", &id, "--in-toto", folder])
            .exits(0);
        ran.says("an in-toto layout")
            .says(&format!("cd {folder} && in-toto-verify --layout root.layout"));
    }
    let files = |folder: &str| {
        let mut files = Vec::new();
        collect(&world.path(folder), &mut files);
        let mut files: Vec<_> = files
            .into_iter()
            .map(|(path, content)| (path.strip_prefix(world.path(folder)).unwrap().to_owned(), content))
            .collect();
        files.sort();
        files
    };
    assert_eq!(files("one"), files("two"));
    let folder = world.path("one");
    let layout = statement(&folder.join("root.layout"));
    let steps: Vec<(&str, u64)> = layout["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["name"].as_str().unwrap(),
                step["threshold"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("propose", 1),
        ("policy", 1),
        ("approve-tollgate", 1),
        ("approve-larder", 1),
        ("apply", 1),
    ];
    assert_eq!(steps, expected);
    // What lies there is what git has.
    let shown = world.run(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(shown["written"].as_array().unwrap().len(), 2);
    for written in shown["written"].as_array().unwrap() {
        let (name, commit) = (
            written["repository"].as_str().unwrap(),
            written["commit"].as_str().unwrap(),
        );
        let file = format!("one/commit/{name}.commit");
        let hashed = world.git(name, &["hash-object", "-t", "commit", &format!("../{file}")]);
        assert_eq!(hashed, commit);
        let applied = statement(&link(&folder, "apply"))["byproducts"]["branches"][name].clone();
        assert_eq!(applied["commit"], commit);
        // And the patch gives that commit's tree.
        world.git(name, &["apply", "--index", &format!("../one/patch/{name}.diff")]);
        let tree = world.git(name, &["write-tree"]);
        assert_eq!(
            world.git(name, &["rev-parse", &format!("{commit}^{{tree}}")]),
            tree
        );
    }
    let readme = layout["readme"].as_str().unwrap();
    assert!(readme.contains("No human reviewed this"), "{readme}");
    let approval = statement(&link(&folder, "approve-tollgate"));
    assert_eq!(
        approval["byproducts"]["act"]["record"]["attendance"],
        "unattended"
    );
}

#[test]
fn what_is_not_done_not_whole_or_not_theirs_is_not_attested() {
    let world = World::new();
    let refused = |id: &str, code: &str| {
        let ran = world
            .run(&["ledger", "export", id, "-o", "no.json", "--in-toto", "no"])
            .exits(2);
        let ran = ran.says(code);
        assert!(
            !world.path("no").exists() && !world.path("no.json").exists(),
            "{ran}"
        );
    };
    let waiting = world.waiting();
    refused(&waiting, "workflow-unfinished");
    world.run(&["cancel", &waiting, "--reason", "no"]).exits(0);
    refused(&waiting, "workflow-not-done");

    let id = world.done();
    let mut seeds = Vec::new();
    collect(&world.path("data/keys/members"), &mut seeds);
    let (file, content) = seeds.remove(0);
    let other = hex::encode([5; 32]);
    fs::write(&file, format!("{other}\n")).unwrap();
    refused(&id, "member-key-other");
    fs::remove_file(&file).unwrap();
    refused(&id, "member-key-missing");
    world.file("full/x", "x");
    fs::write(&file, content).unwrap();
    chmod(&file);
    world
        .run(&["ledger", "export", &id, "--in-toto", "full"])
        .exits(2)
        .says("folder-not-empty");
    world
        .run(&["ledger", "export", &id, "--in-toto", "good"])
        .exits(0);
    world
        .run(&["ledger", "erase", &id, "diffs", "--reason", "asked for"])
        .exits(0);
    refused(&id, "body-erased");
}

fn chmod(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}
