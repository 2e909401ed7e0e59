//! Rules that a repository brings itself: from which commits, with which weight, and what they are bound to.

use crate::house::{House, commit, diff, git};
use countersign_core::policy::{PolicySource, Severity};
use countersign_core::workflow::{State, Workflow};
use std::path::Path;

/// Violations of own rules, as `severity id`.
fn own(w: &Workflow) -> Vec<String> {
    let custom = w.violations.iter().filter(|v| v.id().starts_with("custom"));
    custom.map(|v| format!("{} {}", v.severity, v.id())).collect()
}

fn rules(dir: &Path, text: &str) {
    commit(dir, ".countersign/rules/team.rego", text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_of_the_repository_finds_blocks_or_asks() {
    let house = House::new().await;
    rules(&house.repos[0].1, "block no-a a.txt\nwarn other b.txt\n");
    rules(&house.repos[1].1, "warn no-a a.txt\n");
    let id = house.start().await;
    let w = house.load(&id).await;
    assert_eq!(w.state, State::BlockedPolicy);
    assert_eq!(own(&w), ["block custom:no-a@a.txt", "warn custom:no-a@a.txt"]);
    let blocking = w
        .violations
        .iter()
        .find(|v| v.severity == Severity::Block)
        .unwrap();
    assert!(
        blocking.content.is_some(),
        "it can be waived for exactly this content"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_branch_and_the_base_are_both_asked_and_the_heavier_word_counts() {
    let house = House::new().await;
    for (_, dir) in &house.repos {
        rules(dir, "warn both a.txt\nblock default-only a.txt\n");
        git(dir, &["switch", "-q", "-c", "old"]);
        rules(dir, "block both a.txt\nwarn base-only a.txt\n");
        git(dir, &["switch", "-q", "main"]);
    }
    let id = house.start_from(Some("old"), diff(), diff()).await;
    let w = house.load(&id).await;
    let first = w.repositories[0].repository.clone();
    let of_first = w.violations.iter().filter(|v| v.repository == first);
    let mut found: Vec<String> = of_first.map(|v| format!("{} {}", v.severity, v.id())).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "block custom:both@a.txt",
            "block custom:default-only@a.txt",
            "warn custom:base-only@a.txt"
        ]
    );
    let policy = &w.repositories[0].policy;
    let sources: Vec<PolicySource> = policy.own_rules.iter().map(|f| f.source).collect();
    assert_eq!(sources, [PolicySource::DefaultBranch, PolicySource::Base]);
    assert_ne!(policy.own_rules[0].value.digest, policy.own_rules[1].value.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_without_rules_does_not_get_around_them() {
    let house = House::new().await;
    for (_, dir) in &house.repos {
        git(dir, &["branch", "bare"]);
        rules(dir, "block no-a a.txt\n");
    }
    let id = house.start_from(Some("bare"), diff(), diff()).await;
    assert_eq!(house.load(&id).await.state, State::BlockedPolicy);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_a_proposal_brings_are_not_asked_and_break_the_policy_s_own_rule() {
    let house = House::new().await;
    for (_, dir) in &house.repos {
        rules(dir, "block no-a a.txt\n");
    }
    let loosened = "diff --git a/.countersign/rules/team.rego b/.countersign/rules/team.rego\\n--- a/.countersign/rules/team.rego\\n+++ b/.countersign/rules/team.rego\\n@@ -1 +1 @@\\n-block no-a a.txt\\n+warn no-a b.txt\\n";
    let id = house.start_with(&format!("{}{loosened}", diff()), diff()).await;
    let w = house.load(&id).await;
    let ids: Vec<String> = w
        .violations
        .iter()
        .map(|v| format!("{} {}", v.severity, v.id()))
        .collect();
    assert!(
        ids.contains(&"block policy-file@.countersign/rules/team.rego".to_owned()),
        "{ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_can_not_be_run_let_nothing_pass() {
    let house = House::new().await;
    rules(&house.repos[0].1, "block no-a b.txt\nperhaps\n");
    let id = house.start().await;
    let w = house.load(&id).await;
    assert_eq!(w.state, State::BlockedPolicy);
    assert_eq!(own(&w), ["block custom@.countersign/rules/team.rego"]);
    let violation = &w.violations[0];
    assert_eq!(
        (violation.lines.as_slice(), &violation.content),
        (&[2][..], &None)
    );
    for words in [
        "`.countersign/rules/team.rego`, line 2: it is no rule",
        "own-rules-test",
    ] {
        assert!(violation.message.contains(words), "{}", violation.message);
    }
}

async fn blocked_by(make: impl FnOnce(&Path)) -> String {
    let house = House::new().await;
    let dir = &house.repos[0].1;
    std::fs::create_dir_all(dir.join(".countersign/rules")).unwrap();
    make(&dir.join(".countersign/rules/team.rego"));
    git(dir, &["add", "--all"]);
    git(dir, &["commit", "-qm", "rules"]);
    let id = house.start().await;
    let w = house.load(&id).await;
    assert_eq!(w.state, State::BlockedPolicy, "{}", w.reason);
    w.violations[0].message.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_readable_file_lets_nothing_pass_either() {
    let link = blocked_by(|path| std::os::unix::fs::symlink("../../a.txt", path).unwrap()).await;
    assert!(link.contains("own-rules-no-file"), "{link}");
    let bytes = blocked_by(|path| std::fs::write(path, b"caf\xe9").unwrap()).await;
    assert!(bytes.contains("own-rules-not-utf8"), "{bytes}");
    let large = blocked_by(|path| std::fs::write(path, "#".repeat(70_000)).unwrap()).await;
    assert!(large.contains("own-rules-too-large"), "{large}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_under_the_same_rules_is_written_once() {
    let house = House::new().await;
    rules(&house.repos[0].1, "warn other b.txt\n");
    let id = house.start().await;
    house.approve_all(&id).await;
    assert_eq!(house.load(&id).await.state, State::Done);
    house.assert_written_once();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_make_another_policy() {
    let digest = async |text: &str| {
        let house = House::new().await;
        rules(&house.repos[0].1, text);
        let id = house.start().await;
        house.load(&id).await.repositories[0].policy.digest()
    };
    let first = digest("warn no-a b.txt\n").await;
    assert_eq!(first, digest("warn no-a b.txt\n").await);
    assert_ne!(first, digest("warn no-a bb.txt\n").await);
}
