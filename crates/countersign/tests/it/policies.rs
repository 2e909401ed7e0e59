//! `policy show` and `policy check`: where values come from, commits as changes, and SARIF that holds to its schema.

use crate::support::World;
use serde_json::Value;

/// The published schema of the format; `vendor/README.md` says where it comes from.
const SCHEMA: &str = include_str!("../vendor/sarif-schema-2.1.0.json");

fn policy(world: &World, text: &str) {
    world.file("tollgate/.countersign.toml", format!("version = 1\n{text}"));
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "policy"]);
}

/// Commits these files and gives the commit.
fn commit(world: &World, files: &[(&str, &str)]) -> String {
    for (path, content) in files {
        world.file(&format!("tollgate/{path}"), content);
    }
    world.git("tollgate", &["add", "--all"]);
    world.git("tollgate", &["commit", "--quiet", "-m", "change"]);
    world.git("tollgate", &["rev-parse", "HEAD"])
}

#[track_caller]
fn assert_sarif(log: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(log)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// What can't be read as a policy is none that allows everything.
#[test]
fn a_policy_that_is_a_link_or_a_folder_is_refused_and_not_taken_for_none() {
    let world = World::new();
    world.file(
        "tollgate/rules.toml",
        "version = 1\n[paths]\nfrozen = [\"src\"]\n",
    );
    std::os::unix::fs::symlink("rules.toml", world.path("tollgate/.countersign.toml")).unwrap();
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "a link"]);
    let refused = |world: &World| {
        world
            .run(&["policy", "show", "--repo", "tollgate"])
            .exits(2)
            .says("not-a-regular-file");
    };
    refused(&world);
    std::fs::remove_file(world.path("tollgate/.countersign.toml")).unwrap();
    world.file("tollgate/.countersign.toml/x", "version = 1\n");
    world.git("tollgate", &["add", "--all"]);
    world.git("tollgate", &["commit", "--quiet", "-m", "a folder"]);
    refused(&world);
    world.git("tollgate", &["rm", "-r", "--quiet", ".countersign.toml"]);
    world.git("tollgate", &["commit", "--quiet", "-m", "none"]);
    world.run(&["policy", "show", "--repo", "tollgate"]).exits(0);
    std::fs::create_dir_all(world.path("data")).unwrap();
    std::os::unix::fs::symlink("nowhere.toml", world.path("data/policy.toml")).unwrap();
    world
        .run(&["policy", "show", "--repo", "tollgate"])
        .says("the organisation's policy");
}

#[test]
fn every_value_is_shown_with_the_layer_that_set_it() {
    let world = World::new();
    policy(
        &world,
        "[rules]\nci-file = \"block\"\n[limits]\nmax-files = 9000\n",
    );
    world.git("tollgate", &["branch", "release"]);
    policy(&world, "[paths]\nfrozen = [\"infra\"]\n");
    world.file("data/policy.toml", "version = 1\n[approval]\ndays = 3\n");
    let of = |base: &[&str]| {
        let shown = [&["policy", "show", "--repo", "tollgate", "--json"], base].concat();
        world.run(&shown).exits(0).json()
    };
    let source = |shown: &Value, key: &str| {
        let values = shown["values"].as_array().unwrap();
        let found = values.iter().find(|v| v["key"] == key);
        found.map(|v| format!("{} {}", v["value"], v["source"].as_str().unwrap()))
    };
    let (main, release) = (of(&[]), of(&["--base", "release"]));
    assert_eq!(source(&main, "rules.ci-file").unwrap(), "\"warn\" floor");
    assert_eq!(source(&release, "rules.ci-file").unwrap(), "\"block\" base");
    assert_eq!(source(&main, "paths.frozen").unwrap(), "\"infra\" default-branch");
    assert_eq!(
        source(&release, "paths.frozen").unwrap(),
        "\"infra\" default-branch"
    );
    assert_eq!(source(&main, "approval.days").unwrap(), "3 organisation");
    assert_eq!(
        source(&release, "limits.max-files").unwrap(),
        "300 floor",
        "a looser word has no effect"
    );
    assert_ne!(main["digest"], release["digest"]);
    let digits: String = main["digest"].as_str().unwrap().chars().take(8).collect();
    let run = ["run", "--repo", "tollgate", "--issue", "issue.md", "--json"];
    let seen = world.run(&run).exits(3).json();
    assert_eq!(
        seen["repositories"][0]["policy"], main["digest"],
        "the same digest as in a workflow"
    );
    world
        .run(&["policy", "show", "--repo", "tollgate"])
        .exits(0)
        .says(&digits)
        .says("default branch");
}

#[test]
fn every_key_of_a_policy_file_is_shown() {
    let world = World::new();
    policy(
        &world,
        "[paths]\nfrozen = [\"x\"]\n[bases]\nallowed = [\"main\"]\n",
    );
    let shown = world
        .run(&["policy", "show", "--repo", "tollgate", "--json"])
        .exits(0)
        .json();
    let keys: Vec<&str> = shown["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["key"].as_str().unwrap())
        .collect();
    let template = countersign_core::policy::template();
    let mut table = String::new();
    for line in template.lines() {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut table);
        } else if let Some((key, _)) = line.strip_prefix("# ").and_then(|l| l.split_once(" = "))
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        {
            let wanted = format!("{table}.{key}");
            assert!(keys.contains(&wanted.as_str()), "`policy show` has no {wanted}");
        }
    }
}

/// INV-9.
#[test]
fn a_commit_is_held_against_the_policy_before_it_never_against_its_own() {
    let world = World::new();
    policy(&world, "[paths]\nfrozen = [\"README.md\"]\n");
    let loosened = [(".countersign.toml", "version = 1\n"), ("README.md", "# mine\n")];
    let id = commit(&world, &loosened);
    for named in [id.as_str(), "main"] {
        let checked = world
            .run(&[
                "policy", "check", "--repo", "tollgate", "--commit", named, "--json",
            ])
            .exits(2)
            .json();
        let found: Vec<&str> = checked["violations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["id"].as_str().unwrap())
            .collect();
        assert_eq!(found, ["frozen-path@README.md", "policy-file@.countersign.toml"]);
    }
    let tightened = [
        (".countersign.toml", "version = 1\n[limits]\nmax-lines = 1\n"),
        ("README.md", "# a\n# b\n"),
    ];
    let id = commit(&world, &tightened);
    let checked = world
        .run(&["policy", "check", "--repo", "tollgate", "--commit", &id, "--json"])
        .exits(2)
        .json();
    assert_eq!(
        checked["violations"].as_array().unwrap().len(),
        1,
        "its own limit is not its judge: {checked}"
    );
    let root = world.git("tollgate", &["rev-list", "--max-parents=0", "HEAD"]);
    world
        .run(&["policy", "check", "--repo", "tollgate", "--commit", &root])
        .exits(2)
        .says("no-parent");
    world.git(
        ".",
        &[
            "clone",
            "--quiet",
            "--depth=1",
            "--no-local",
            "tollgate",
            "shallow",
        ],
    );
    world
        .run(&["policy", "check", "--repo", "shallow", "--commit", &id])
        .exits(2)
        .says("commit-missing")
        .says("git fetch --deepen=1");
    world
        .run(&[
            "policy", "check", "--repo", "tollgate", "--commit", &id, "--diff", "fix.diff",
        ])
        .exits(64);
    world.run(&["policy", "check", "--repo", "tollgate"]).exits(64);
}

/// Rules in gitleaks' format add to ours, take none of them away, and one that can't be read lets nothing pass.
#[test]
fn a_repository_says_what_else_looks_like_a_secret() {
    let world = World::new();
    let rules = "[extend]\nuseDefault = true\ndisabledRules = [\"generic-password\"]\n\n[[rules]]\nid = \"acme-token\"\n\
                 description = \"Token of Acme\"\nregex = '''\\b(acme_[a-z0-9]{32})\\b'''\nkeywords = [\"acme_\"]\n";
    let acme = format!("acme_{}", "k3".repeat(16));
    let ours = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    world.file(
        "new.diff",
        format!("--- /dev/null\n+++ b/keys.txt\n@@ -0,0 +1,2 @@\n+one {acme}\n+two {ours}\n"),
    );
    let check = |world: &World| {
        let checked = world.run(&[
            "policy", "check", "--repo", "tollgate", "--diff", "new.diff", "--json",
        ]);
        checked.exits(2).json()["violations"].clone()
    };
    let of = |violations: &Value, id: &str| {
        let mut all = violations.as_array().unwrap().iter();
        let found = all.find(|v| v["id"] == id);
        found.map(|v| v["message"].as_str().unwrap().to_owned())
    };
    let before = of(&check(&world), "secret@keys.txt").unwrap();
    assert!(!before.contains("Token of Acme"), "{before}");
    commit(&world, &[(".countersign/rules/acme.gitleaks.toml", rules)]);
    let after = of(&check(&world), "secret@keys.txt").unwrap();
    assert!(
        after.contains("line 1, column 5: Token of Acme (acme-token"),
        "{after}"
    );
    assert!(
        after.contains("; line 2, column 5: "),
        "ours count all the same: {after}"
    );
    assert!(!after.contains(&acme) && !after.contains(&ours), "{after}");
    world
        .run(&["policy", "show", "--repo", "tollgate"])
        .exits(0)
        .says(".countersign/rules/acme.gitleaks.toml");
    let broken = "[[rules]]\nid = 7\n";
    commit(&world, &[(".countersign/rules/acme.gitleaks.toml", broken)]);
    let refused = check(&world);
    let why = of(&refused, "custom@.countersign/rules/acme.gitleaks.toml").unwrap();
    assert!(why.contains("secret-rules-unread"), "{why}");
    assert!(of(&refused, "secret@keys.txt").is_some(), "{refused}");
}

#[test]
fn sarif_holds_to_its_schema_and_keeps_its_fingerprints() {
    let world = World::new();
    let files = [
        (".github/workflows/ci.yml", "on: push\n"),
        ("AGENTS.md", "Be brief.\n"),
        ("b b\u{fc}.py", "a = \"x\u{200b}\"\nb = 1\nc = \"y\u{200b}\"\n"),
    ];
    let id = commit(&world, &files);
    let check = |id: &str| {
        let flags = [
            "policy", "check", "--repo", "tollgate", "--commit", id, "--format", "sarif",
        ];
        world.run(&flags).exits(2).json()
    };
    let log = check(&id);
    assert_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let with = |rule: &str| results.iter().find(|r| r["ruleId"] == rule).unwrap();
    assert_eq!(with("agent-instruction-file")["level"], "error");
    assert_eq!(with("ci-file")["level"], "warning");
    let hidden = with("invisible-character");
    let place = &hidden["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "b%20b%C3%BC.py");
    assert_eq!(place["region"]["startLine"], 1);
    assert_eq!(
        hidden["relatedLocations"][0]["physicalLocation"]["region"]["startLine"],
        3
    );
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    assert!(
        !log.to_string().contains(world.root.path().to_str().unwrap()),
        "no path of this machine"
    );

    // The same content at another commit has the same fingerprint, another content has another one.
    let print = |log: &Value, rule: &str| {
        let results = log["runs"][0]["results"].as_array().unwrap();
        let found = results.iter().find(|r| r["ruleId"] == rule).unwrap();
        found["partialFingerprints"]["countersignViolation/v1"].clone()
    };
    world.git("tollgate", &["revert", "--no-edit", &id]);
    commit(&world, &[("c.txt", "c\n")]);
    let again = check(&commit(&world, &files));
    assert_eq!(
        print(&again, "agent-instruction-file"),
        print(&log, "agent-instruction-file")
    );
    let other = check(&commit(&world, &[("AGENTS.md", "Be long.\n")]));
    assert_ne!(
        print(&other, "agent-instruction-file"),
        print(&log, "agent-instruction-file")
    );
}

#[test]
fn sarif_of_the_whole_change_and_of_a_diff_that_does_not_apply_is_valid_as_well() {
    let world = World::new();
    policy(&world, "[limits]\nmax-files = 1\n");
    let id = commit(&world, &[("a", "a\n"), ("b", "b\n")]);
    let flags = [
        "policy", "check", "--repo", "tollgate", "--commit", &id, "--format", "sarif",
    ];
    let log = world.run(&flags).exits(2).json();
    assert_sarif(&log);
    assert!(
        log["runs"][0]["results"][0]["locations"][0]["message"]["text"]
            .as_str()
            .unwrap()
            .contains("whole change")
    );
    world.file("wrong.diff", crate::support::DIFF.replace("{ w }", "{ v }"));
    let flags = [
        "policy",
        "check",
        "--repo",
        "tollgate",
        "--diff",
        "wrong.diff",
        "--format",
        "sarif",
    ];
    let log = world.run(&flags).exits(2).json();
    assert_sarif(&log);
    assert_eq!(
        log["runs"][0]["invocations"][0]["executionSuccessful"], false,
        "not a clean result"
    );
}
