//! The process is killed before and after every commit and every effect on the way from an approval to the end at GitHub:
//! push, pull request, CI, merge. It is started again, and the end is always the same: one push, one pull request.

use super::merged::{WAITS, state, verified};
use super::{FILES, HELLO, Hosted};
use crate::killed::{DIE_AT, MOMENTS_FILE, several_at_once};
use countersign_testkit::github::Merge;
use std::os::unix::process::ExitStatusExt as _;

/// Approved, and nothing written yet because writing was frozen; CI says yes to what is going to be written.
fn ready() -> (Hosted, String) {
    let hosted = Hosted::new();
    hosted
        .github
        .commit(HELLO, "main", &[(".countersign.toml", WAITS), FILES[0]]);
    let id = hosted.waiting();
    hosted.run(&["freeze", "--reason", "Not yet."]).exits(0);
    hosted.approve_once(&id).leaves().exits(3);
    hosted.run(&["unfreeze", "--reason", "Now."]).exits(0);
    let shown = hosted.run(&["show", &id, "--json"]).exits(0).json();
    let head = shown["patch_sets"][0]["commit"].as_str().unwrap();
    hosted.ci("github-actions", head, "success");
    (hosted, id)
}

/// Somebody merges; with something beside that nobody approved, if it is to be found out.
fn merge(hosted: &Hosted, beside: &[(&str, &str)]) {
    let number = hosted.pull().number;
    hosted.github.merge(HELLO, number, Merge::Squash, beside);
}

fn moments(hosted: &Hosted, id: &str) -> Vec<String> {
    let file = hosted.world.path("moments");
    let _none_yet = std::fs::remove_file(&file);
    let mut command = hosted.world.command(&["resume", id, "--json"]);
    command.env(MOMENTS_FILE, &file).output().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Killed at that moment, and then gone on with.
fn killed(hosted: &Hosted, id: &str, at: usize, when: &str) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
    hosted.world.surroundings(&mut command);
    let died = command
        .args(["resume", id, "--json"])
        .env(DIE_AT, at.to_string())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    // A run may take a turn less than the one that was counted.
    assert!(
        died.status.signal() == Some(9) || died.status.code().is_some_and(|code| code == 0 || code == 3),
        "{when}: {died:?}"
    );
    hosted.run(&["resume", id, "--json"]);
}

fn written_once(hosted: &Hosted, when: &str) {
    assert_eq!(hosted.github.times("POST", "git-receive-pack"), 1, "{when}");
    assert_eq!(hosted.github.times("POST", "/pulls"), 1, "{when}");
    hosted.github.change(|w| {
        assert_eq!(w.repository_mut(HELLO).pulls.len(), 1, "{when}");
    });
}

#[test]
fn killed_anywhere_between_approval_and_merge_it_writes_once_and_goes_on() {
    let (hosted, id) = ready();
    let all: Vec<_> = (1..).zip(moments(&hosted, &id)).collect();
    assert!(all.len() > 20, "{all:?}");
    several_at_once(&all, |(at, moment)| {
        let when = format!("killed at moment {at}, {moment}");
        let (hosted, id) = ready();
        killed(&hosted, &id, *at, &when);
        assert_eq!(state(&hosted, &id), "AwaitingMerge", "{when}");
        merge(&hosted, &[]);
        hosted.run(&["resume", &id, "--json"]).exits(0);
        written_once(&hosted, &when);
        verified(&hosted, &id);
    });
}

#[test]
fn killed_while_it_finds_what_nobody_approved_it_freezes_and_alarms_once() {
    let awaiting = || {
        let (hosted, id) = ready();
        hosted.run(&["resume", &id, "--json"]).exits(3);
        merge(&hosted, &[("src/backdoor.rs", "pub fn open() {}\n")]);
        (hosted, id)
    };
    let (hosted, id) = awaiting();
    let all: Vec<_> = (1..).zip(moments(&hosted, &id)).collect();
    assert!(all.len() > 5, "{all:?}");
    several_at_once(&all, |(at, moment)| {
        let when = format!("killed at moment {at}, {moment}");
        let (hosted, id) = awaiting();
        killed(&hosted, &id, *at, &when);
        assert_eq!(state(&hosted, &id), "NeedsHuman", "{when}");
        let alarms = hosted.run(&["alarm", "list", "--json"]).exits(0).json();
        assert_eq!(alarms["alarms"].as_array().unwrap().len(), 1, "{when}: {alarms}");
        // An owner's own freeze stands beside ours, of which there is one.
        let frozen = hosted.run(&["freeze", "--repo", "hello", "--reason", "Again?", "--json"]);
        let frozen = frozen.exits(0).json();
        assert_eq!(frozen["frozen"].as_array().unwrap().len(), 2, "{when}: {frozen}");
        assert_eq!(
            frozen["frozen"][0]["by"],
            serde_json::Value::Null,
            "{when}: {frozen}"
        );
        verified(&hosted, &id);
    });
}
