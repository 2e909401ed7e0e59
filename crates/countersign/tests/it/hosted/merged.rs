//! After CI, where policy waits for a merge: by merge, squash and rebase, and what landed is looked at, not believed.

use super::{FILES, HELLO, Hosted, ISSUE, OCTO};
use crate::terminal::Typist;
use countersign_testkit::github::{Merge, Pull};

pub(super) const WAITS: &str =
    "version = 1\n\n[ci]\nchecks = [{ app = \"github-actions\", name = \"test\" }]\n\n[merge]\nwait = true\n";

/// A workflow whose checks are green, and which waits for its pull request to be merged.
fn green() -> (Hosted, String, Pull) {
    let hosted = Hosted::new();
    hosted
        .github
        .commit(HELLO, "main", &[(".countersign.toml", WAITS), FILES[0]]);
    let id = hosted.waiting();
    let typist = hosted.approve_once(&id);
    let pull = hosted.pull();
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist
        .leaves()
        .exits(3)
        .says("waits for somebody to merge")
        .says("pull request #2 into main of octo/hello");
    assert_eq!(state(&hosted, &id), "AwaitingMerge");
    (hosted, id, pull)
}

pub(super) fn state(hosted: &Hosted, id: &str) -> String {
    let shown = hosted.run(&["show", id, "--json"]).exits(0).json();
    shown["state"].as_str().unwrap().to_owned()
}

/// A lawful story, whole once it is Done.
pub(super) fn verified(hosted: &Hosted, id: &str) {
    hosted.run(&["ledger", "export", id, "-o", "story.json"]).exits(0);
    let shown = hosted.run(&["show", id, "--json"]).exits(0).json();
    let exit = if shown["state"] == "Done" { 0 } else { 5 };
    hosted.run(&["verify", "story.json"]).exits(exit).says("✓ lawful");
}

#[test]
fn however_it_is_merged_it_is_done_once_what_landed_is_what_was_approved() {
    for how in [Merge::Commit, Merge::Squash, Merge::Rebase] {
        let (hosted, id, pull) = green();
        hosted
            .run(&["resume", &id])
            .exits(3)
            .says("waits for somebody to merge");
        // The base moved meanwhile, as it does, and GitHub deletes the branch.
        hosted.github.commit(HELLO, "main", &[("NEWS.md", "More.\n")]);
        let merge = hosted.github.merge(HELLO, pull.number, how, &[]);
        hosted.github.delete_branch(HELLO, &pull.head);
        hosted
            .run(&["resume", &id])
            .exits(0)
            .says("gate 6 (delivery) passed")
            .says("Done: every pull request was merged, and what landed is exactly what was approved")
            .says(&format!("merged as {}", &merge[..7]));
        verified(&hosted, &id);
    }
}

#[test]
fn a_merge_that_nobody_approved_freezes_the_repository_and_is_an_alarm() {
    let (hosted, id, pull) = green();
    let beside = [("src/backdoor.rs", "pub fn open() {}\n")];
    hosted.github.merge(HELLO, pull.number, Merge::Squash, &beside);
    hosted
        .run(&["resume", &id])
        .exits(3)
        .says("What was merged is not what was approved, and the repository is frozen.")
        .says("what differs is `src/backdoor.rs`");
    hosted.run(&["alarm", "list"]).exits(0).says("landed-different");
    let another = hosted.github.change(|w| w.issue(HELLO, OCTO, "Once more", ISSUE));
    let another = format!("{}/octo/hello/issues/{another}", hosted.github.url());
    hosted
        .run(&["submit", "--issue", &another])
        .exits(2)
        .says("frozen since")
        .says("what was merged is not what was approved");
    // Looking again finds the same, and raises nothing twice.
    let mut typist = Typist::sits_at(&hosted.world, &["answer", &id, "retry"]);
    typist.sees("is not what was approved");
    typist.leaves().exits(3);
    let alarms = hosted.run(&["alarm", "list", "--json"]).exits(0).json();
    assert_eq!(alarms["alarms"].as_array().unwrap().len(), 1, "{alarms}");
    verified(&hosted, &id);
    is_taken_back(&hosted, &id, pull.number);
    hosted
        .run(&["cancel", &id, "--reason", "It was taken back."])
        .exits(0);
    hosted.run(&["resume", &id]).says("what was merged stays merged");
    hosted.run(&["submit", "--issue", &another]).exits(0);
    hosted
        .github
        .change(|w| assert_eq!(w.repository_mut(HELLO).pulls.len(), 2, "it and its revert"));
}

/// A prepared revert begins while the repository is frozen, is decided on as every change, and is written after an owner lifts
/// the freeze.
fn is_taken_back(hosted: &Hosted, id: &str, landed: u64) {
    hosted.github.commit(HELLO, "main", &[("NEWS.md", "Later.\n")]);
    let revert = hosted.run(&["revert", id]).exits(0).out.trim().to_owned();
    hosted
        .run(&["revert", id])
        .exits(2)
        .says("is open with the same text");
    hosted.run(&["resume", &revert]).exits(3);
    let diff = hosted.run(&["diff", &revert]).exits(0);
    assert!(diff.out.contains("backdoor"), "{diff}");
    let typist = hosted.approve_once(&revert);
    typist.leaves().exits(3).says("writing is frozen since");
    assert_eq!(
        hosted.github.branches(HELLO).len(),
        2,
        "nothing is written while it is frozen"
    );
    hosted
        .run(&[
            "unfreeze",
            "--repo",
            "hello",
            "--reason",
            "The revert is approved.",
        ])
        .exits(0);
    let mut typist = Typist::sits_at(&hosted.world, &["resume", &revert]);
    let pull = hosted.pull_after(landed);
    let title = format!("Take back \"Prices go in grams\" (pull request {landed})");
    assert_eq!(pull.title, title);
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.sees("waits for somebody to merge");
    typist.leaves().exits(3);
    hosted.github.merge(HELLO, pull.number, Merge::Squash, &[]);
    hosted.run(&["resume", &revert]).exits(0).says("Done");
    let main = |file: &str| hosted.github.git(HELLO, &["show", &format!("main:{file}")]);
    assert_eq!(main("src/backdoor.rs"), None);
    assert_eq!(main("src/lib.rs").as_deref(), Some(FILES[0].1.trim()));
    assert_eq!(
        main("NEWS.md").as_deref(),
        Some("Later."),
        "what came later stays"
    );
    hosted.run(&["revert", id]).exits(2).says("nothing-to-revert");
    verified(hosted, &revert);
}

#[test]
fn what_is_not_known_to_have_landed_can_not_be_taken_back() {
    let (hosted, id, _) = green();
    hosted.run(&["revert", &id]).exits(2).says("nothing-landed");
}

#[test]
fn what_was_closed_or_force_pushed_away_is_asked_about() {
    let (hosted, id, pull) = green();
    hosted.github.change(|w| {
        let pulls = &mut w.repository_mut(HELLO).pulls;
        pulls.get_mut(&pull.number).unwrap().open = false;
    });
    hosted
        .run(&["resume", &id])
        .exits(3)
        .says("A pull request was not merged. Wait again, or stop?");
    let before = hosted.github.branches(HELLO)["main"].clone();
    hosted.github.change(|w| {
        let pulls = &mut w.repository_mut(HELLO).pulls;
        pulls.get_mut(&pull.number).unwrap().open = true;
    });
    hosted.github.merge(HELLO, pull.number, Merge::Commit, &[]);
    hosted.github.set_branch(HELLO, "main", &before);
    let mut typist = Typist::sits_at(&hosted.world, &["answer", &id, "retry"]);
    typist.sees("branch main does not hold");
    typist.leaves().exits(3);
    hosted.run(&["alarm", "list"]).exits(0).says("No alarm.");
}

/// Somebody, or GitHub by itself, merges before it was looked at CI: CI counts all the same, and then what landed.
#[test]
fn a_merge_before_ci_ends_is_judged_after_it() {
    let hosted = Hosted::new();
    hosted
        .github
        .commit(HELLO, "main", &[(".countersign.toml", WAITS), FILES[0]]);
    let id = hosted.waiting();
    let mut typist = hosted.approve_once(&id);
    let pull = hosted.pull();
    typist.sees("waits for the required checks");
    hosted.github.merge(HELLO, pull.number, Merge::Squash, &[]);
    hosted.github.delete_branch(HELLO, &pull.head);
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist
        .leaves()
        .exits(0)
        .says("gate 5 (CI) passed")
        .says("gate 6 (delivery) passed");
    verified(&hosted, &id);
}
