//! The rule pack against its own examples: what a rule is for, it alone finds; what only looks like it, nothing finds.

use crate::holes::fill;
use crate::salt;
use countersign_scan::{Scan, Scanner};
use serde::Deserialize;
use std::collections::BTreeSet;

const FILES: [&str; 12] = [
    include_str!("../../rules/keys.toml"),
    include_str!("../../rules/source-hosting.toml"),
    include_str!("../../rules/cloud.toml"),
    include_str!("../../rules/ai.toml"),
    include_str!("../../rules/ci.toml"),
    include_str!("../../rules/databases.toml"),
    include_str!("../../rules/payment.toml"),
    include_str!("../../rules/chat.toml"),
    include_str!("../../rules/mail.toml"),
    include_str!("../../rules/observability.toml"),
    include_str!("../../rules/services.toml"),
    include_str!("../../rules/generic.toml"),
];

/// The issue asks for so many kinds.
const KINDS: usize = 150;

#[derive(Deserialize)]
struct File {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    #[serde(default)]
    files: Vec<String>,
    hits: Vec<String>,
    misses: Vec<String>,
}

fn pack() -> Vec<Rule> {
    let read = |text: &str| toml::from_str::<File>(text).expect("rule files are TOML").rule;
    FILES.into_iter().flat_map(read).collect()
}

/// Scans an example; those of rules for files begin with `NAME: `.
fn scan(rule: &Rule, template: &str, seed: &str) -> Scan {
    let text = fill(template, seed);
    let scanner = Scanner::built_in();
    if rule.files.is_empty() {
        return scanner.scan(text.as_bytes(), &salt());
    }
    let (name, content) = text
        .split_once(": ")
        .expect("an example of a rule for files begins with a name");
    scanner.scan_named(name.as_bytes(), content.as_bytes(), &salt())
}

#[test]
fn every_rule_finds_its_examples_and_is_the_only_one_that_does() {
    let mut wrong = Vec::new();
    for rule in pack() {
        for (number, template) in rule.hits.iter().enumerate() {
            // Several fillings each, so that none passes by luck.
            for filling in 0..8 {
                let scan = scan(&rule, template, &format!("{} {number} {filling}", rule.id));
                let found: BTreeSet<&str> = scan.hits.iter().map(|hit| hit.rule.as_str()).collect();
                if found != BTreeSet::from([rule.id.as_str()]) {
                    wrong.push(format!("{}: {template} → {found:?} (filling {filling})", rule.id));
                    break;
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} examples:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_rule_finds_a_near_miss() {
    let mut wrong = Vec::new();
    for rule in pack() {
        for (number, template) in rule.misses.iter().enumerate() {
            for filling in 0..8 {
                let scan = scan(&rule, template, &format!("{} miss {number} {filling}", rule.id));
                if !scan.is_clean() {
                    let found: Vec<&str> = scan.hits.iter().map(|hit| hit.rule.as_str()).collect();
                    wrong.push(format!("{}: {template} → {found:?} (filling {filling})", rule.id));
                    break;
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} near misses:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_rule_has_an_example_and_a_near_miss_and_there_are_enough_rules() {
    let pack = pack();
    for rule in &pack {
        assert!(!rule.hits.is_empty(), "{} has no example", rule.id);
        assert!(!rule.misses.is_empty(), "{} has no near miss", rule.id);
    }
    assert!(pack.len() >= KINDS, "{} rules", pack.len());
}

#[test]
fn the_examples_are_those_of_the_rules_that_run() {
    let mine: Vec<String> = pack().into_iter().map(|rule| rule.id).collect();
    let running: Vec<String> = Scanner::built_in()
        .rules()
        .map(|rule| rule.id.to_owned())
        .collect();
    assert_eq!(mine, running);
}

#[test]
fn the_rule_files_themselves_hold_nothing_that_looks_live() {
    for text in FILES {
        let scan = Scanner::built_in().scan(text.as_bytes(), &salt());
        assert!(scan.is_clean(), "{:?}", scan.hits);
    }
}
