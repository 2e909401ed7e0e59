//! The help of every command, as a reviewed text.

use crate::support::World;

const COMMANDS: [&[&str]; 37] = [
    &[],
    &["run"],
    &["submit"],
    &["resume"],
    &["list"],
    &["show"],
    &["diff"],
    &["approve"],
    &["reject"],
    &["request-changes"],
    &["deselect"],
    &["waive"],
    &["answer"],
    &["withdraw"],
    &["cancel"],
    &["retry"],
    &["wake"],
    &["repo", "add"],
    &["repo", "list"],
    &["repo", "search"],
    &["github", "setup"],
    &["policy", "show"],
    &["policy", "check"],
    &["policy", "test"],
    &["patch", "apply"],
    &["patch", "show"],
    &["ledger", "export"],
    &["ledger", "checkpoint"],
    &["ledger", "show"],
    &["ledger", "consistency"],
    &["ledger", "erase"],
    &["ledger", "rotate-key"],
    &["verify"],
    &["migrate"],
    &["config", "show"],
    &["config", "reference"],
    &["init"],
];

#[test]
fn every_command_has_help_with_examples() {
    let world = World::new();
    let mut all = String::new();
    for command in COMMANDS {
        let ran = world.run(&[command, &["--help"]].concat()).exits(0);
        assert!(ran.out.contains("Examples:\n  "), "{ran}");
        assert!(ran.out.lines().all(|l| l.chars().count() <= 100), "{ran}");
        let own = ran.out.split("\nOptions of every command:").next().unwrap();
        all.push_str(&format!("$ countersign {} --help\n{own}\n", command.join(" ")));
    }
    insta::assert_snapshot!(all);
    world.run(&["--version"]).exits(0).says("countersign 0.1.0");
}
