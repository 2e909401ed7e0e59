//! Rules on kinds, modes and sizes.

use super::super::{RuleId, Severity, floor};
use super::{added, deleted, diff, edited, evaluate, ids, modified, policy, repository};
use crate::diff::FileMode::{Executable, Regular, Submodule, Symlink};
use crate::diff::{ChangeKind, FileChange};

fn found(file: FileChange) -> Vec<String> {
    ids(&evaluate(&floor(), &repository(), &diff(vec![file])))
}

#[test]
fn links_on_either_side() {
    for file in [
        added("a", Symlink),
        deleted("a", Symlink),
        modified("a", Symlink, Symlink),
        modified("a", Symlink, Regular),
        modified("a", Regular, Symlink),
    ] {
        assert_eq!(found(file), ["symlink@a"]);
    }
    for file in [
        added("a", Submodule),
        deleted("a", Submodule),
        modified("a", Regular, Submodule),
    ] {
        assert_eq!(found(file), ["submodule@a"]);
    }
    let mut link = added("a", Symlink);
    link.symlink_target = Some("../\u{202e}x".into());
    let message = &evaluate(&floor(), &repository(), &diff(vec![link]))[0].message;
    assert_eq!(
        message,
        "The change adds a symbolic link, which points to \"../\\342\\200\\256x\"."
    );
}

#[test]
fn modes_are_a_warning_that_says_what_happens() {
    let table = [
        (modified("a", Regular, Executable), "The file becomes executable."),
        (
            modified("a", Executable, Regular),
            "The file stops being executable.",
        ),
        (added("a", Executable), "The file is new and executable."),
    ];
    for (file, message) in table {
        let found = evaluate(&floor(), &repository(), &diff(vec![file]));
        assert_eq!(
            (found[0].rule, found[0].severity),
            (RuleId::ModeChange, Severity::Warn)
        );
        assert_eq!(found[0].message, message);
    }
    let misses = [
        added("a", Regular),
        edited("a"),
        modified("a", Executable, Executable),
        deleted("a", Executable),
    ];
    for file in misses {
        assert_eq!(found(file), [""; 0]);
    }
}

#[test]
fn binary_content_that_enters() {
    let binary = |mut file: FileChange| {
        file.binary = true;
        file
    };
    assert_eq!(found(binary(added("a", Regular))), ["binary@a"]);
    assert_eq!(found(binary(edited("a"))), ["binary@a"]);
    assert_eq!(found(binary(deleted("a", Regular))), [""; 0]);
}

#[test]
fn limits_hold_up_to_the_last_one() {
    let many = |n: u32| diff((0..n).map(|i| edited(&format!("f{i}"))).collect());
    assert_eq!(ids(&evaluate(&floor(), &repository(), &many(300))), [""; 0]);
    assert_eq!(
        ids(&evaluate(&floor(), &repository(), &many(301))),
        ["too-many-files"]
    );

    let long = |added, removed| FileChange {
        added,
        removed,
        ..edited("a")
    };
    assert_eq!(found(long(6_000, 4_000)), [""; 0]);
    assert_eq!(found(long(6_000, 4_001)), ["too-many-lines"]);
    assert_eq!(found(long(u32::MAX, u32::MAX)), ["too-many-lines"]);

    let sized = |size| {
        let mut file = added("a", Regular);
        if let ChangeKind::Added { new } = &mut file.change {
            new.size = size;
        }
        file
    };
    assert_eq!(found(sized(1 << 20)), [""; 0]);
    assert_eq!(found(sized((1 << 20) + 1)), ["file-too-large@a"]);
}

#[test]
fn a_message_names_who_set_the_limit() {
    let policy = policy("limits.max-files = 1\nrules.mode-change = 'block'");
    let found = evaluate(
        &policy,
        &repository(),
        &diff(vec![edited("a"), modified("b", Regular, Executable)]),
    );
    assert_eq!(ids(&found), ["too-many-files", "mode-change@b"]);
    assert_eq!(
        found[0].message,
        "2 files change; the policy file on the default branch allows 1."
    );
    assert_eq!(found[1].severity, Severity::Block);
    assert_eq!(found[1].remedy, "Keep the mode as it was.");
}
