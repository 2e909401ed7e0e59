//! What is shown of a proposal, and what never is: secrets stay out of the screen, of JSON and of the data folder.

use crate::support::{World, collect};

/// Put together here, so that this file holds no such thing.
fn token() -> String {
    format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ")
}

fn leak() -> String {
    format!(
        "diff --git a/src/key.py b/src/key.py\nnew file mode 100644\n--- /dev/null\n+++ b/src/key.py\n@@ -0,0 +1,2 @@\n+a = 1\n+key = '{}'  # later\n",
        token()
    )
}

/// Fails where the value stands in what was printed, or in a file of the data folder.
#[track_caller]
fn assert_kept_out(world: &World, printed: &str) {
    assert!(!printed.contains("x7Yb2Kq9"), "{printed}");
    let mut files = Vec::new();
    collect(&world.path("data"), &mut files);
    assert!(!files.is_empty());
    for (path, content) in files {
        let found = content.windows(8).any(|w| w == b"x7Yb2Kq9");
        assert!(!found, "{} holds the value", path.display());
    }
}

#[test]
fn a_blocked_secret_is_shown_by_a_mark_only() {
    let world = World::new();
    world.file("leak.diff", leak());
    let run = ["run", "--repo", "tollgate", "--diff", "leak.diff"];
    let shown = world.run(&run).exits(2).says("block secret@src/key.py");
    let shown = shown
        .says("+key = '[not shown: gitlab-personal-token]'  # later")
        .says("! 1 line is shown here without what looks like a secret");
    assert!(!shown.out.contains("x7Yb2Kq9"), "{shown}");
    let id = world.run(&["list", "--json"]).json()["workflows"][0]["id"].clone();
    let id = id.as_str().unwrap();
    for command in [
        vec!["diff", id],
        vec!["show", id],
        vec!["show", id, "--json"],
        vec!["show", id, "--story"],
    ] {
        let ran = world.run(&command).exits(0);
        assert!(
            !ran.out.contains("x7Yb2Kq9") && !ran.err.contains("x7Yb2Kq9"),
            "{command:?} {ran}"
        );
    }
    let diff = world.run(&["diff", id, "--json"]).exits(0);
    assert!(!diff.out.contains("x7Yb2Kq9"), "{diff}");
    assert_eq!(diff.json()["diffs"][0]["masked_lines"], 1);
}

#[test]
fn a_removed_secret_is_not_shown_either() {
    let world = World::new();
    world.file("tollgate/src/key.py", format!("key = '{}'\n", token()));
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "a slip"]);
    let fix = format!(
        "--- a/src/key.py\n+++ b/src/key.py\n@@ -1 +1 @@\n-key = '{}'\n+key = ''\n",
        token()
    );
    world.file("fix.diff", fix);
    let ran = world
        .run(&["run", "--repo", "tollgate", "--diff", "fix.diff"])
        .exits(3);
    let ran = ran
        .says("-key = '[not shown: gitlab-personal-token]'")
        .says("What looks like a secret is not shown, in 1 line of the diffs.");
    assert!(!ran.out.contains("x7Yb2Kq9"), "{ran}");
}

#[test]
fn words_with_a_secret_are_refused_and_nothing_of_them_is_kept() {
    let world = World::new();
    let id = world.waiting();
    let reason = format!("it holds {}", token());
    let ran = world.run(&["cancel", &id, "--reason", &reason]).exits(2);
    let ran = ran
        .says("line 1 of the reason holds what looks like a secret")
        .says("words-hold-secret");
    assert_kept_out(&world, &format!("{}{}", ran.out, ran.err));
    world.file("issue.md", format!("# Use the key\n\nIt is {}.\n", token()));
    let ran = world
        .run(&["run", "--repo", "larder", "--issue", "issue.md"])
        .exits(2)
        .says("feedback-secret");
    assert_kept_out(&world, &format!("{}{}", ran.out, ran.err));
    let command = format!("command:TOKEN={} ./fix", token());
    world.file("issue.md", "# Fix it\n");
    let run = [
        "run",
        "--repo",
        "larder",
        "--issue",
        "issue.md",
        "--unconfined",
        "--agent",
        &command,
    ];
    let ran = world.run(&run).exits(2).says("the agent's command line holds");
    assert_kept_out(&world, &format!("{}{}", ran.out, ran.err));
    let state = world.run(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(state["state"], "AwaitingApproval", "it stays where it was");
}

#[test]
fn dependencies_that_move_and_owners_are_listed() {
    let world = World::new();
    world.file(
        "tollgate/Cargo.toml",
        "[package]\nname = \"t\"\n[dependencies]\nserde = \"1.0.1\"\nold = \"1\"\n",
    );
    world.file(
        "tollgate/CODEOWNERS",
        "*.toml @release\n/src/ @till ops@example.org\n",
    );
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "more"]);
    let change = "--- a/Cargo.toml\n+++ b/Cargo.toml\n@@ -3,3 +3,3 @@\n [dependencies]\n-serde = \"1.0.1\"\n-old = \"1\"\n+serde = \"1.0.2\"\n+new = { version = \"2\", git = \"https://example.org/new\" }\n";
    world.file("more.diff", format!("{change}{}", crate::support::DIFF));
    let ran = world
        .run(&["run", "--repo", "tollgate", "--diff", "more.diff"])
        .exits(2);
    let ran = ran
        .says("Dependencies\n  Cargo.toml  tollgate  cargo\n")
        .says("up       serde 1.0.1 → 1.0.2")
        .says("removed  old 1")
        .says("added    new 2  from git https://example.org/new")
        .says("CODEOWNERS of the default branch; shown only: in solo mode nobody else can be asked")
        .says("src/lib.rs  @till or ops@example.org  line 2");
    assert!(ran.out.contains("@release"), "{ran}");
    let id = world.run(&["list", "--json"]).json()["workflows"][0]["id"].clone();
    let shown = world
        .run(&["show", id.as_str().unwrap(), "--json"])
        .exits(0)
        .json();
    let moved: Vec<String> = shown["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| format!("{} {} {}", d["what"], d["name"], d["after"]["source"]))
        .collect();
    assert_eq!(
        moved,
        [
            "\"added\" \"new\" \"git https://example.org/new\"",
            "\"removed\" \"old\" null",
            "\"up\" \"serde\" null",
        ]
    );
    let owned = &shown["owners"];
    assert_eq!(
        (&owned[0]["path"], &owned[0]["required"]),
        (&"Cargo.toml".into(), &false.into()),
        "{owned}"
    );
}
