//! Rules in Rego that nobody should have written: they end in a block, never in a pass and never in our own end.
#![cfg(feature = "rego")]

use crate::support::World;

fn check(rules: &str) -> serde_json::Value {
    let world = World::new();
    world.file("tollgate/.countersign/rules/a.rego", rules);
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "rules"]);
    let asked = [
        "policy", "check", "--repo", "tollgate", "--diff", "fix.diff", "--json",
    ];
    let ran = world.run(&asked).exits(2);
    ran.json()["violations"].clone()
}

/// Rules with one violation under a condition.
fn under(condition: &str) -> String {
    format!(
        "package a\nviolations contains {{\"rule\": \"a\", \"severity\": \"warn\", \"message\": \"x\"}} if {{\n{condition}\n}}\n"
    )
}

#[test]
fn rules_that_never_end_are_ended() {
    let slow = "some a in numbers.range(1, 5000)\nsome b in numbers.range(1, 5000)\nsome c in numbers.range(1, 5000)\na + b + c == 0";
    let found = check(&under(slow));
    assert_eq!(found[0]["severity"], "block");
    let message = found[0]["message"].as_str().unwrap();
    assert!(
        message.contains("own-rules-too-slow") && message.contains("a.rego"),
        "{message}"
    );
}

#[test]
fn nesting_that_keeps_the_parser_busy_is_ended() {
    let found = check(&format!(
        "package a\nx := {}1{}\nviolations := set()\n",
        "[".repeat(300),
        "]".repeat(300)
    ));
    let message = found[0]["message"].as_str().unwrap();
    assert!(
        message.contains("own-rules-failed") && message.contains("ended"),
        "{message}"
    );
}

#[test]
fn rules_that_ask_for_all_memory_end_themselves_only() {
    let found = check(&under("count(numbers.range(1, 10000000000)) > 0"));
    assert_eq!(found[0]["severity"], "block");
    assert!(found[0]["waived_by_role"].is_null(), "{found}");
    let message = found[0]["message"].as_str().unwrap();
    assert!(
        message.contains("own-rules-failed") && message.contains("ended by signal"),
        "{message}"
    );
}

#[test]
fn a_rule_s_finding_is_a_result_of_its_own_for_code_scanning() {
    let world = World::new();
    let rule = "package a\nviolations contains {\"rule\": \"no-lib\", \"severity\": \"block\", \"message\": \"Not here.\", \"path\": f.path, \"line\": 1} if some f in input.files\n";
    world.file("tollgate/.countersign/rules/a.rego", rule);
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "rules"]);
    let asked = [
        "policy", "check", "--repo", "tollgate", "--diff", "fix.diff", "--format", "sarif",
    ];
    let log = world.run(&asked).exits(2).json();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["level"]),
        (&"custom/no-lib".into(), &"error".into()),
        "{result}"
    );
}

#[test]
fn the_policy_that_is_shown_names_every_file_with_commit_and_digest() {
    let world = World::new();
    world.file("tollgate/.countersign/rules/a.rego", "package lib\n");
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "rules"]);
    let head = world.git("tollgate", &["rev-parse", "HEAD"]);
    let shown = world
        .run(&["policy", "show", "--repo", "tollgate", "--json"])
        .exits(0)
        .json();
    let file = &shown["own_rules"][0];
    assert_eq!(
        (&file["path"], &file["commit"]),
        (&".countersign/rules/a.rego".into(), &head.clone().into()),
        "{file}"
    );
    // printf 'package lib\n' | sha256sum
    let real = file["digest"].as_str().unwrap();
    assert_eq!(
        real,
        "6d5de2f89b37d300a3aea78915deab1ef26054b0edd6324ecfc6b168abd8a0ae"
    );
    assert_eq!(shown["runs_own_rules"], true);
    world
        .run(&["policy", "show", "--repo", "tollgate"])
        .exits(0)
        .says("Own rules")
        .says(&real[..8])
        .says(&head[..12]);
}
