//! `list`, `show`, `diff`: text for people, stable JSON for programs.

use crate::support::{World, me};

#[test]
fn show_has_the_shape_that_scripts_rely_on() {
    let world = World::new();
    let id = world.waiting();
    let shown = world.run(&["show", &id, "--json", "--story"]).exits(0).json();
    let mut keys: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    insta::assert_snapshot!(keys.join(" "), @"agent agent_reaches agent_reads budget dependencies findings gates id issue_changed_at metadata owners patch_sets plan reason repositories requests revision risk risk_reasons solo state story text title unconfined violations written");
    assert_eq!(shown["state"], "AwaitingApproval");
    assert_eq!(shown["requests"][0]["about"], "patch-set");
    assert_eq!(shown["requests"][0]["repository"], "tollgate");
    let digest = shown["requests"][0]["digest"].as_str().unwrap();
    assert!(digest.len() == 64 && digest.starts_with(shown["requests"][0]["digits"].as_str().unwrap()));
    assert_eq!(shown["patch_sets"][0]["digest"], digest);
    assert_eq!(shown["findings"], serde_json::json!([]));
    assert!(shown["story"].as_array().unwrap().len() > 5);
}

#[test]
fn a_diff_of_an_earlier_revision_stays() {
    let world = World::new();
    let id = world.waiting();
    let diff = world.run(&["diff", &id, "--json"]).exits(0).json();
    assert_eq!(diff["diffs"][0]["repository"], "tollgate");
    assert!(
        diff["diffs"][0]["diff"]
            .as_str()
            .unwrap()
            .starts_with("diff --git a/src/lib.rs b/src/lib.rs")
    );
    world
        .run(&["diff", &id, "--revision", "2"])
        .exits(2)
        .says("no-diff");
    world
        .run(&["diff", &id, "--repo", "larder"])
        .exits(2)
        .says("no-diff");
    let coloured = world.run(&["diff", &id, "--color", "always"]).exits(0);
    assert!(
        coloured.out.contains("\u{1b}[32m+pub fn quote_grams"),
        "{coloured}"
    );
}

#[test]
fn the_story_tells_who_and_that_nobody_looked() {
    let world = World::new();
    let id = world.done();
    let story = world.run(&["show", &id, "--story"]).exits(0);
    story
        .says(&format!("{} approved patch set", me()))
        .says("(unattended: nobody looked)")
        .says("critic: no finding");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let world = World::new();
    let id = world.done();
    let program = env!("CARGO_BIN_EXE_countersign");
    let mut shell = std::process::Command::new("sh");
    world.surroundings(&mut shell);
    let line = format!("'{program}' show {id} --story | head -n 1; '{program}' --help | head -n 1");
    let ran = crate::support::ran(&shell.args(["-c", &line]).output().unwrap());
    assert_eq!(ran.err, "", "{ran}");
}

#[test]
fn watch_tells_of_freezes_and_members_as_well() {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    let mut watching = world
        .command(&["watch", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let told = std::io::BufReader::new(watching.stdout.take().unwrap());
    let (tell, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(told) {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            let _nobody_waits = tell.send(line);
        }
    });
    let told_of = [
        ("freeze.begun", "a freeze began"),
        ("freeze.ended", "a freeze ended"),
        ("member.added", "a member was added"),
    ];
    let mut heard: Vec<serde_json::Value> = Vec::new();
    // It listens some time after it was begun.
    for n in 0..40 {
        world.run(&["freeze", "--reason", "Release day."]).exits(0);
        world.run(&["unfreeze", "--reason", "Released."]).exits(0);
        world
            .run(&["member", "add", &format!("Bob {n}"), "--role", "viewer"])
            .exits(0);
        heard.extend(lines.try_iter());
        if told_of
            .iter()
            .all(|(kind, _)| heard.iter().any(|line| line["kind"] == *kind))
        {
            break;
        }
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
    for (kind, text) in told_of {
        let line = heard.iter().find(|line| line["kind"] == kind);
        let line = line.unwrap_or_else(|| panic!("no {kind} in {heard:?}"));
        assert!(line["text"].as_str().unwrap().starts_with(text), "{line}");
    }
}

#[test]
fn watch_tells_what_another_process_records_and_ends_with_the_workflow() {
    let world = World::new();
    let id = world.waiting();
    let mut watching = world
        .command(&["watch", &id, "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    world.run(&["approve", &id, "--yes"]).exits(0);
    let mut told = String::new();
    std::io::Read::read_to_string(&mut watching.stdout.take().unwrap(), &mut told).unwrap();
    assert!(watching.wait().unwrap().success());
    assert!(told.contains("Done: every approved branch"), "{told}");
}
