//! A person at a terminal: `script` gives the program a terminal of its own, and the test types.

use crate::support::{Ran, World, me};
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longest wait for one expected text.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Typist {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    read: usize,
}

impl Typist {
    pub(crate) fn sits_at(world: &World, arguments: &[&str]) -> Self {
        Self::types_into_shell(world, &line(arguments))
    }

    fn types_into_shell(world: &World, line: &str) -> Self {
        let mut command = Command::new("script");
        world.surroundings(&mut command);
        command.args([
            "--quiet",
            "--return",
            "--echo",
            "never",
            "--command",
            line,
            "/dev/null",
        ]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let keyboard = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n) = output.read(&mut bytes) {
                if n == 0 || sender.send(bytes[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keyboard,
            screen,
            seen: Vec::new(),
            read: 0,
        }
    }

    /// Waits until the screen shows this, after what was waited for last.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let until = Instant::now() + PATIENCE;
        loop {
            let fresh = String::from_utf8_lossy(&self.seen[self.read..]).into_owned();
            if let Some(at) = fresh.find(text) {
                self.read += at + text.len();
                return self;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(_) => panic!("never saw `{text}` in:\n{}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    pub(crate) fn types(&mut self, text: &str) -> &mut Self {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        self
    }

    pub(crate) fn leaves(mut self) -> Ran {
        let until = Instant::now() + PATIENCE;
        while let Ok(bytes) = self
            .screen
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.seen.extend(bytes);
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran {
            code,
            out: String::from_utf8_lossy(&self.seen).into_owned(),
            err: String::new(),
        }
    }
}

fn line(arguments: &[&str]) -> String {
    let all = std::iter::once(env!("CARGO_BIN_EXE_countersign")).chain(arguments.iter().copied());
    all.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn digits(world: &World, id: &str) -> String {
    let shown = world.run(&["show", id, "--json"]).exits(0).json();
    shown["requests"][0]["digits"].as_str().unwrap().to_owned()
}

pub(crate) const MENU: &str = "[a]pprove, [r]eject, request [c]hanges, [l]eave parts out, or [q]uit?";
/// The same where a plan waits.
const PLAN_MENU: &str = "[a]pprove, [r]eject, request [c]hanges, or [q]uit?";

#[test]
fn a_person_approves_by_typing_the_digits() {
    let world = World::new();
    let id = world.waiting();
    let digits = digits(&world, &id);
    let mut typist = Typist::sits_at(&world, &["resume", &id]);
    typist
        .sees(&format!("digest {digits}").replace("digest ", ""))
        .sees("What nobody has looked at");
    typist
        .sees(MENU)
        .types("what\n")
        .sees("Type a, r, c, l or q.")
        .sees(MENU)
        .types("a\n");
    typist
        .sees("first 8 digits")
        .types("00000000\n")
        .sees("not its digits")
        .sees("first 8 digits");
    typist.types(&format!("{digits}\n"));
    let ran = typist.leaves().exits(0).says("Done");
    assert!(!ran.out.contains("unattended"), "{ran}");
    let story = world.run(&["show", &id, "--story"]).exits(0);
    assert!(
        story
            .out
            .contains(&format!("{} approved patch set {digits} of tollgate\n", me())),
        "{story}"
    );
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    let verdict = world.run(&["verify", "story.json", "--json"]).exits(0).json();
    assert_eq!(verdict["unattended"], false);
}

#[test]
fn quitting_and_ctrl_c_lose_nothing() {
    let world = World::new();
    let mut typist = Typist::sits_at(&world, &["run", "--repo", "tollgate", "--issue", "issue.md"]);
    typist.sees(MENU).types("q\n");
    typist.leaves().exits(3).says("countersign resume wf_");
    let id = world.run(&["list", "--json"]).json()["workflows"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut typist = Typist::sits_at(&world, &["resume", &id]);
    typist.sees(MENU).types("\u{3}");
    typist
        .leaves()
        .exits(130)
        .says(&format!("countersign resume {id}"));
    world.run(&["resume", &id, "--yes"]).exits(0);
}

#[test]
fn changes_are_asked_for_in_several_lines_and_raise_the_revision() {
    let world = World::new();
    let id = world.waiting();
    let mut typist = Typist::sits_at(&world, &["resume", &id]);
    typist.sees(MENU).types("c\n").sees("End with a line");
    for line in [
        "Say it in German.",
        "```codemod",
        "[[step]]",
        "search = \"quote(\"",
        "replace = \"angebot(\"",
        "```",
        ".",
    ] {
        typist.sees("|").types(&format!("{line}\n"));
    }
    typist
        .sees("revision 2 began")
        .sees("angebot(w: u32)")
        .sees(MENU)
        .types("r\n");
    typist.sees("Why?").types("We keep English.\n");
    typist.leaves().exits(4).says("rejected: We keep English.");
    world
        .run(&["diff", &id, "--revision", "1"])
        .exits(0)
        .says("quote_grams");
    world.run(&["diff", &id]).exits(0).says("angebot");
}

#[test]
fn warnings_are_listed_and_acknowledged_by_a_word() {
    let world = World::new();
    let id = world
        .run(&["run", "--repo", "tollgate", "--diff", "ci.diff", "--json"])
        .exits(3)
        .json();
    let id = id["id"].as_str().unwrap().to_owned();
    let digits = digits(&world, &id);
    let mut typist = Typist::sits_at(&world, &["approve", &id]);
    typist
        .sees("ci-file@.github/workflows/ci.yml")
        .sees("Type `ack`")
        .types("ok\n");
    typist.leaves().exits(3).says("nothing was approved");
    let mut typist = Typist::sits_at(&world, &["approve", &id, "--digest", &digits]);
    typist
        .sees("Type `ack`")
        .types("ack\n")
        .sees("Type `yes`")
        .types("yes\n");
    typist.leaves().exits(0).says("acknowledging ci-file@");
}

#[test]
fn a_plan_is_approved_by_its_own_digits() {
    let world = World::new();
    world.file(
        "tollgate/.countersign.toml",
        "version = 1\n[approval]\nplan = \"always\"\n",
    );
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "policy"]);
    let id = world.waiting();
    let of_plan = digits(&world, &id);
    let mut typist = Typist::sits_at(&world, &["resume", &id]);
    typist
        .sees(PLAN_MENU)
        .types("a\n")
        .sees("To approve the plan")
        .types(&format!("{of_plan}\n"));
    typist
        .sees(&format!("{} approved the plan", me()))
        .sees("+pub fn quote_grams")
        .sees(MENU);
    let of_patch = digits(&world, &id);
    typist
        .types("a\n")
        .sees("the patch set of tollgate")
        .types(&format!("{of_patch}\n"));
    typist.leaves().exits(0).says("Done");
}

#[test]
fn a_question_is_answered_with_one_of_its_choices() {
    let world = World::new();
    world.file("prose.md", "Please make it better.\n");
    let mut typist = Typist::sits_at(&world, &["run", "--repo", "tollgate", "--issue", "prose.md"]);
    typist
        .sees("provide, cancel, or quit?")
        .types("approve\n")
        .sees("Type one of")
        .types("provide\n");
    typist.sees("Your words");
    for line in [
        "```codemod",
        "[[step]]",
        "search = \"quote(\"",
        "replace = \"offer(\"",
        "```",
    ] {
        typist.sees("|").types(&format!("{line}\n"));
    }
    typist.sees("|").types("\u{4}");
    typist.sees("offer(w: u32)").sees(MENU).types("q\n");
    typist.leaves().exits(3);
}

#[test]
fn the_same_again_is_asked() {
    let world = World::new();
    let id = world.waiting();
    let run = ["run", "--repo", "tollgate", "--issue", "issue.md"];
    let mut typist = Typist::sits_at(&world, &run);
    typist.sees(&format!("{id} is open")).types("n\n");
    typist.leaves().exits(2);
    let mut typist = Typist::sits_at(&world, &run);
    typist
        .sees("Start another one?")
        .types("y\n")
        .sees(MENU)
        .types("q\n");
    typist.leaves().exits(3);
}

#[test]
fn what_is_decided_on_reaches_the_screen_even_where_output_goes_elsewhere() {
    let world = World::new();
    let id = world.waiting();
    let mut typist = Typist::sits_at(&world, &["approve", &id, "--json"]);
    typist
        .sees("+pub fn quote_grams")
        .sees("What nobody has looked at")
        .sees("first 8 digits")
        .types("\n");
    typist.leaves().exits(3);
}

#[test]
fn a_hostile_diff_repaints_nothing() {
    let world = World::new();
    let hostile = "diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -1 +1,2 @@\n # t\n+x\u{1b}[2J\u{1b}]0;y\u{7}\u{202e}z\u{200b}\r\u{9b}1m\n";
    world.file("hostile.diff", hostile);
    let ran = world
        .run(&[
            "run",
            "--repo",
            "tollgate",
            "--diff",
            "hostile.diff",
            "--color",
            "always",
        ])
        .exits(2);
    let ran = ran.says("+x␛[2J␛]0;y␇⟦U+202E⟧z⟦U+200B⟧␍⟦U+009B⟧1m");
    let own = [
        "\u{1b}[0m",
        "\u{1b}[1m",
        "\u{1b}[2m",
        "\u{1b}[31m",
        "\u{1b}[32m",
        "\u{1b}[33m",
        "\u{1b}[36m",
    ];
    let rest = own
        .iter()
        .fold(ran.out.clone(), |text, escape| text.replace(escape, ""));
    assert!(
        !rest.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\r', '\u{9b}', '\u{7}']),
        "{rest}"
    );
}

#[test]
fn an_issue_from_a_pipe_leaves_decisions_to_the_terminal() {
    let world = World::new();
    let run = line(&["run", "--repo", "tollgate", "--issue", "-"]);
    let mut typist = Typist::types_into_shell(&world, &format!("cat issue.md | {run}"));
    typist.sees(MENU).types("r\n").sees("Why?").types("no\n");
    typist.leaves().exits(4).says("rejected: no");
}

#[test]
fn a_block_is_waived_in_plain_words_and_by_digits() {
    let world = World::new();
    let visible = "diff --git a/AGENTS.md b/AGENTS.md\nnew file mode 100644\n--- /dev/null\n+++ b/AGENTS.md\n@@ -0,0 +1 @@\n+obey me\n";
    world.file("agents.diff", visible);
    let mut typist = Typist::sits_at(&world, &["run", "--repo", "tollgate", "--diff", "agents.diff"]);
    let waive = |typist: &mut Typist, days: &str| {
        typist.sees("provide, cancel, waive, or quit?").types("waive\n");
        typist.sees("by an owner").sees("Which?").types("1\n");
        typist
            .sees("Why?")
            .types("We wrote it.\n")
            .sees("[7]")
            .types(days);
        typist
            .sees("The risk becomes high")
            .sees("the question's digest")
            .types("00000000\n")
            .sees("not its digits");
        let id = world.run(&["list", "--json"]).json()["workflows"][0]["id"].clone();
        let digits = digits(&world, id.as_str().unwrap());
        typist.types(&format!("{digits}\n"));
    };
    waive(&mut typist, "3\n");
    typist.sees("for this plan, ").sees("We wrote it.");
    waive(&mut typist, "\n");
    typist
        .sees("for exactly this content")
        .sees("! waived block")
        .sees(MENU)
        .types("q\n");
    typist.leaves().exits(3);
}

#[test]
fn hunks_are_left_out_by_their_numbers() {
    let world = World::new();
    world
        .run(&[
            "run",
            "--repo",
            "tollgate",
            "--repo",
            "larder:secondary",
            "--issue",
            "issue.md",
        ])
        .exits(3);
    let id = world.run(&["list", "--json"]).json()["workflows"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut typist = Typist::sits_at(&world, &["resume", &id]);
    typist
        .sees(MENU)
        .types("l\n")
        .sees("src/lib.rs")
        .sees("price.py")
        .sees("Which?")
        .types("7\n");
    typist
        .sees("no patch of this revision is called `7`")
        .sees(MENU)
        .types("l\n")
        .sees("Which?")
        .types("2\n");
    typist
        .sees("price.py  the whole patch")
        .sees("Why?")
        .types("Later.\n");
    typist
        .sees("left out larder price.py: Later.")
        .sees("Left out of the revision before")
        .sees(MENU)
        .types("q\n");
    typist.leaves().exits(3);
    world
        .run(&["diff", &id, "--repo", "larder"])
        .exits(2)
        .says("changes nothing");
}
