//! Hazard 33 from end to end: while a change waits for a person, a command agent of the same user tries to be
//! that person. Without a fence it is; with one, nothing that is decided or written changes.

use crate::support::{Ran, World};
use std::os::unix::fs::PermissionsExt as _;

/// Says NO-GO, and approves in passing: at a terminal of its own, with the digits that it looks up.
const APPROVER: &str = r#"#!/bin/sh
cat >/dev/null
export COUNTERSIGN_DATA="$2" HOME="${TMPDIR:-/tmp}"
for try in 1 2; do
    digits=$("$1" show "$3" --json | sed -n 's/^ *"digits": "\(.*\)",*$/\1/p')
    printf '%s\n' "$digits" | timeout 10 script -E never -qec "$1 approve $3" /dev/null
done >"$HOME/said" 2>&1
echo '{"verdict": "no-go", "summary": "No.", "reasons": ["I only came to approve."]}'
"#;

struct Scene {
    world: World,
    /// The workflow that waits.
    waiting: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        world.file("approver", APPROVER);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(world.path("approver"), executable).unwrap();
        Self {
            waiting: world.waiting(),
            world,
        }
    }

    fn attack(&self, flags: &[&str]) -> Ran {
        let path = |name| self.world.path(name).display().to_string();
        let binary = env!("CARGO_BIN_EXE_countersign");
        let agent = format!(
            "command:{} {binary} {} {}",
            path("approver"),
            path("data"),
            self.waiting
        );
        let run = [
            "run", "--repo", "larder", "--issue", "issue.md", "--agent", &agent,
        ];
        self.world.run(&[&run[..], flags].concat())
    }

    /// What became of the waiting workflow, once everything that came in is judged.
    fn state(&self) -> String {
        let shown = self.world.run(&["resume", &self.waiting, "--json"]).json();
        shown["state"].as_str().unwrap().to_owned()
    }

    fn branches(&self) -> String {
        self.world
            .git("tollgate", &["for-each-ref", "--format=%(refname)"])
    }
}

#[test]
fn a_confined_agent_approves_nothing() {
    let scene = Scene::new();
    let mirrors = || {
        let mut found = Vec::new();
        crate::support::collect(&scene.world.path("data/mirrors"), &mut found);
        found.retain(|(path, _)| path.to_string_lossy().contains("refs"));
        found
    };
    let (branches, before) = (scene.branches(), mirrors());
    // It may even read the program.
    let binary = ["--agent-allow", env!("CARGO_BIN_EXE_countersign")];
    scene.attack(&binary).exits(4).says("I only came to approve");
    assert_eq!(scene.state(), "AwaitingApproval");
    assert_eq!(scene.branches(), branches);
    let after = mirrors();
    assert!(before.iter().all(|entry| after.contains(entry)));
}

#[test]
fn without_a_fence_the_same_agent_is_taken_for_its_user() {
    let scene = Scene::new();
    let branches = scene.branches();
    scene.attack(&["--unconfined"]).says("I only came to approve");
    assert_eq!(scene.state(), "Done");
    assert_ne!(scene.branches(), branches);
}

#[test]
fn a_command_that_can_t_be_held_is_refused_before_anything_starts() {
    let world = World::new();
    let data = world.path("data").display().to_string();
    world.run(&["list"]).exits(0);
    let run = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent",
        "command:true",
    ];
    let refused = |flags: &[&str], code: i32, word: &str| {
        world.run(&[&run[..], flags].concat()).exits(code).says(word);
    };
    refused(&["--agent-allow", &data], 2, "agent-may-not-read");
    refused(&["--agent-allow", "/"], 2, "agent-may-not-read");
    refused(&["--agent-allow", "nowhere"], 2, "agent-may-not-read");
    refused(&["--agent-network", "localhost"], 64, "agent-network-host");
    refused(
        &["--agent-network", "example.com", "--unconfined"],
        64,
        "cannot be used with",
    );
    refused(
        &["--agent-allow", "/opt", "--unconfined"],
        64,
        "cannot be used with",
    );
    let codemod = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent-network",
        "example.com",
    ];
    world.run(&codemod).exits(64).says("rights-without-command");
    assert_eq!(
        world.run(&["list", "--json"]).json()["workflows"],
        serde_json::json!([])
    );
}

#[test]
fn what_a_command_may_do_is_in_what_programs_read() {
    let world = World::new();
    let flags = [
        "submit",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--agent",
        "command:exit 3",
        "--agent-network",
        "API.example.com",
        "--agent-allow",
        "tollgate",
    ];
    let id = world.run(&flags).exits(0).out.trim_end().to_owned();
    let shown = world.run(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(shown["unconfined"], false);
    assert_eq!(shown["agent_reaches"], serde_json::json!(["api.example.com:443"]));
    assert_eq!(shown["agent_reads"], serde_json::json!([world.path("tollgate")]));
}

#[test]
fn a_killed_program_takes_its_agent_along() {
    let world = World::new();
    let seconds = format!("5{:08}", std::process::id());
    let agent = format!("command:sleep {seconds}");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
    world.surroundings(&mut command);
    command.args([
        "run", "--repo", "tollgate", "--issue", "issue.md", "--agent", &agent,
    ]);
    let null = || std::process::Stdio::null();
    let mut running = command
        .stdin(null())
        .stdout(null())
        .stderr(null())
        .spawn()
        .unwrap();
    until(|| sleeps(&seconds));
    running.kill().unwrap();
    running.wait().unwrap();
    until(|| !sleeps(&seconds));
}

/// Whether there is a `sleep` with that argument.
fn sleeps(seconds: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| line == format!("sleep\0{seconds}\0").as_bytes())
}

#[track_caller]
fn until(reached: impl Fn() -> bool) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !reached() {
        assert!(std::time::Instant::now() < patience, "it did not come to that");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
