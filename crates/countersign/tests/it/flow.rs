//! From an issue to a branch, without a terminal.

use crate::support::{DIFF, ISSUE, World};

#[test]
fn an_approved_issue_becomes_exactly_one_branch_and_nothing_else_changes() {
    let world = World::new();
    world.file("tollgate/README.md", "# not committed\n");
    world.git("tollgate", &["status"]);
    let before = world.state_of("tollgate");
    let ran = world
        .run(&[
            "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--json",
        ])
        .exits(0);
    let done = ran.json();
    assert_eq!(done["state"], "Done");
    assert!(ran.err.contains("uncommitted work in 1 tracked file"), "{ran}");
    let written = &done["written"][0];
    let branch = written["branch"].as_str().unwrap();
    assert_eq!(
        world.git("tollgate", &["rev-parse", branch]),
        written["commit"].as_str().unwrap()
    );
    assert_eq!(
        world.git("tollgate", &["rev-parse", &format!("{branch}^{{tree}}")]),
        written["tree"].as_str().unwrap()
    );
    assert_eq!(
        world.git("tollgate", &["show", &format!("{branch}:src/lib.rs")]),
        "pub fn quote_grams(w: u32) -> u32 { w }"
    );
    assert_eq!(world.git("tollgate", &["rev-list", "--count", branch]), "2");
    assert_eq!(world.state_of("tollgate"), before);
    assert_eq!(done["gates"][5]["outcome"], "not-required");
    assert_eq!(done["solo"], true);
}

#[test]
fn two_repositories_land_together() {
    let world = World::new();
    let ran = world.run(&[
        "run",
        "--repo",
        "tollgate",
        "--repo",
        "larder@main:secondary",
        "--issue",
        "issue.md",
        "--yes",
    ]);
    let ran = ran
        .exits(0)
        .says("(unattended: nobody looked)")
        .says("– gate 5 (CI): not required by policy");
    assert!(!ran.out.contains("✓ gate 5"), "{ran}");
    for name in ["tollgate", "larder"] {
        assert_eq!(
            world
                .git(name, &["branch", "--list", "countersign/*"])
                .lines()
                .count(),
            1
        );
    }
}

#[test]
fn without_a_terminal_it_waits_and_can_be_resumed() {
    let world = World::new();
    let ran = world
        .run(&["run", "--repo", "tollgate", "--issue", "issue.md"])
        .exits(3);
    let ran = ran
        .says("It waits for a human")
        .says("countersign resume wf_")
        .says("nothing runs: a local repository has no CI");
    assert!(
        ran.out.contains("+pub fn quote_grams(w: u32) -> u32 { w }"),
        "{ran}"
    );
    assert!(!ran.out.contains('\u{1b}'), "no colours into a pipe: {ran}");
    assert_eq!(world.git("tollgate", &["branch", "--list", "countersign/*"]), "");
    let list = world.run(&["list", "--json"]).exits(0).json();
    let id = list["workflows"][0]["id"].as_str().unwrap().to_owned();
    // The end of an id is enough.
    world
        .run(&["resume", &id[id.len() - 6..], "--yes"])
        .exits(0)
        .says("Done");
    world.run(&["resume", &id]).exits(0).says("Done");
}

#[test]
fn an_approval_needs_a_person_or_says_that_nobody_looked() {
    let world = World::new();
    let id = world.waiting();
    world
        .run(&["approve", &id])
        .exits(3)
        .says("needs a person at a terminal");
    world
        .run(&["reject", &id, "--reason", "no", "--yes"])
        .exits(64)
        .says("only a person rejects");
    world
        .run(&["reject", &id, "--reason", "no"])
        .exits(3)
        .says("needs-a-person");
    world.run(&["request-changes", &id, "--comment", "x"]).exits(3);
    world
        .run(&["approve", &id, "--yes", "--digest", "00000000"])
        .exits(2)
        .says("digest-mismatch");
    world
        .run(&["approve", &id, "--yes", "--digest", "12"])
        .exits(2)
        .says("bad-digest");
    assert_eq!(world.git("tollgate", &["branch", "--list", "countersign/*"]), "");
    let shown = world.run(&["show", &id, "--json"]).exits(0).json();
    let digits = shown["requests"][0]["digits"].as_str().unwrap().to_owned();
    world
        .run(&["approve", &id, "--yes", "--digest", &digits])
        .exits(0)
        .says("unattended: nobody looked");
    world.run(&["approve", &id, "--yes"]).exits(2).says("wrong-state");
}

#[test]
fn warnings_are_never_acknowledged_by_themselves() {
    let world = World::new();
    let ran = world
        .run(&["run", "--repo", "tollgate", "--diff", "ci.diff", "--yes"])
        .exits(3);
    ran.says("ci-file@.github/workflows/ci.yml")
        .says("not acknowledged without --acknowledge-warnings");
    let id = world.run(&["list", "--json"]).json()["workflows"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .run(&["approve", &id, "--yes"])
        .exits(2)
        .says("warnings-not-acknowledged");
    let one = [
        "approve",
        &id,
        "--yes",
        "--acknowledge",
        "ci-file@.github/workflows/ci.yml",
    ];
    world.run(&one).exits(0).says("acknowledging ci-file@");
}

#[test]
fn a_block_stops_and_no_flag_passes_it() {
    let world = World::new();
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--diff",
        "blocked.diff",
        "--yes",
        "--acknowledge-warnings",
    ];
    let ran = world
        .run(&flags)
        .exits(2)
        .says("Policy blocks this change")
        .says("questions are never answered");
    assert!(
        !ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'),
        "{ran}"
    );
    assert_eq!(world.git("tollgate", &["branch", "--list", "countersign/*"]), "");
}

#[test]
fn the_same_again_is_asked_for_with_a_flag() {
    let world = World::new();
    let id = world.waiting();
    let flags = ["run", "--repo", "tollgate", "--issue", "issue.md"];
    world
        .run(&flags)
        .exits(2)
        .says("duplicate")
        .says(&id)
        .says("--again");
    world
        .run(&[
            "run", "--repo", "tollgate", "--issue", "issue.md", "--yes", "--again",
        ])
        .exits(0);
}

#[test]
fn submit_prints_the_id_and_cancel_ends_it() {
    let world = World::new();
    let ran = world
        .run(&["submit", "--repo", "tollgate", "--issue", "issue.md"])
        .exits(0);
    let id = ran.out.trim_end().to_owned();
    assert!(id.starts_with("wf_") && ran.out.lines().count() == 1, "{ran}");
    assert_eq!(
        world.run(&["list", "--json"]).json()["workflows"][0]["state"],
        "Queued"
    );
    world
        .run(&["cancel", &id, "--reason", "changed my mind"])
        .exits(0)
        .says("Cancelled");
    world
        .run(&["cancel", &id, "--reason", "again"])
        .exits(2)
        .says("workflow-ended");
    world.run(&["resume", &id]).exits(4);
}

#[test]
fn an_issue_comes_from_standard_input_and_decisions_do_not() {
    let world = World::new();
    let mut command = world.command(&["run", "--repo", "tollgate", "--issue", "-"]);
    let issue = std::fs::File::open(world.path("issue.md")).unwrap();
    let ran = crate::support::ran(&command.stdin(issue).output().unwrap());
    ran.exits(3).says("It waits for a human");
}

#[test]
fn an_unconfined_command_is_named_as_such() {
    let world = World::new();
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent",
        "command:exit 3",
    ];
    let submit = [&["submit"], &flags[1..], &["--unconfined"]].concat();
    let id = world.run(&submit).exits(0).out.trim_end().to_owned();
    assert_eq!(
        world.run(&["show", &id, "--json"]).exits(0).json()["unconfined"],
        true
    );
    world
        .run(&["show", &id])
        .exits(0)
        .says("runs without confinement");
}

#[test]
fn paths_with_marks_in_them_work() {
    let world = World::new();
    std::fs::rename(world.path("larder"), world.path("lar@der:x")).unwrap();
    let flags = [
        "run",
        "--repo",
        "lar@der:x@main",
        "--issue",
        "issue.md",
        "--yes",
        "--json",
    ];
    let done = world.run(&flags).exits(0).json();
    assert_eq!(done["repositories"][0]["base_branch"], "main");
}

#[test]
fn a_scripted_agent_proposes_from_a_file() {
    let world = World::new();
    let script = serde_json::json!({"coder": [{"diffs": {"tollgate": crate::support::DIFF}}]});
    world.file("script.json", script.to_string());
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent",
        "scripted:script.json",
        "--yes",
    ];
    world.run(&flags).exits(0);
    world.file("broken.json", "{");
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent",
        "scripted:broken.json",
        "--again",
    ];
    world.run(&flags).exits(2).says("script-unreadable");
}

#[test]
fn killed_at_any_moment_it_goes_on_to_one_branch() {
    let world = World::new();
    let id = world
        .run(&["submit", "--repo", "tollgate", "--issue", "issue.md"])
        .exits(0)
        .out
        .trim_end()
        .to_owned();
    // Fewer than the tries that one step has: a step whose worker dies every time is a question, not an end.
    for pause_ms in [60, 150, 250, 400] {
        let program = env!("CARGO_BIN_EXE_countersign");
        let mut command = std::process::Command::new(program);
        world.surroundings(&mut command);
        command
            .args(["resume", &id, "--yes"])
            .stdin(std::process::Stdio::null());
        let mut child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause_ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    world.run(&["resume", &id, "--yes"]).exits(0).says("Done");
    assert_eq!(
        world
            .git("tollgate", &["branch", "--list", "countersign/*"])
            .lines()
            .count(),
        1
    );
}

#[test]
fn two_processes_share_a_data_folder() {
    let world = World::new();
    let start = |name: &str| {
        let flags = ["run", "--repo", name, "--issue", "issue.md", "--yes", "--json"];
        world
            .command(&flags)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (one, other) = (start("tollgate"), start("larder"));
    for child in [one, other] {
        crate::support::ran(&child.wait_with_output().unwrap()).exits(0);
    }
}

#[test]
fn an_approval_can_be_taken_back_before_anything_is_written() {
    let world = World::new();
    let run = [
        "run",
        "--repo",
        "tollgate",
        "--repo",
        "larder:secondary",
        "--issue",
        "issue.md",
        "--json",
    ];
    let id = world.run(&run).exits(3).json()["id"].as_str().unwrap().to_owned();
    world
        .run(&["approve", &id, "--yes", "--repo", "larder"])
        .exits(3)
        .says("It waits for a human");
    let shown = world.run(&["show", &id]).exits(0);
    assert_eq!(shown.out.matches("✓ approved already").count(), 1, "{shown}");
    world.run(&["withdraw", &id, "--reason", "wrong one"]).exits(0);
    world
        .run(&["withdraw", &id, "--reason", "wrong one"])
        .exits(2)
        .says("nothing-to-withdraw");
    assert_eq!(
        world.run(&["show", &id, "--json"]).json()["requests"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    world.run(&["approve", &id, "--yes"]).exits(0).says("Done");
}

#[test]
fn what_triage_says_no_to_ends_and_what_it_defers_can_be_woken() {
    let world = World::new();
    world.file("none.md", ISSUE.replace("quote(", "nowhere("));
    world
        .run(&["run", "--repo", "tollgate", "--issue", "none.md"])
        .exits(4)
        .says("Declined");
    let coder = serde_json::json!([{"diffs": {"tollgate": DIFF}}]);
    let triage = serde_json::json!([
        {"verdict": "defer", "summary": "Later.", "reasons": ["not before the release"]},
        {"verdict": "go", "summary": "Now.", "reasons": ["released"]},
    ]);
    world.file(
        "script.json",
        serde_json::json!({"triage": triage, "coder": coder}).to_string(),
    );
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent",
        "scripted:script.json",
    ];
    let ran = world.run(&flags).exits(3).says("countersign wake");
    let id = ran
        .out
        .lines()
        .next()
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    world.run(&["retry", &id]).exits(2).says("wrong-state");
    world.run(&["wake", &id]).exits(3).says("AwaitingApproval");
    world.run(&["resume", &id, "--yes"]).exits(0);
}
