//! The commands over a server, from a machine that has no data folder.

use crate::served::Served;
use crate::support::{Ran, World, ran};
use crate::terminal::{MENU, Typist};
use std::io::Write as _;
use std::process::Stdio;

/// A server with one repository, and somebody elsewhere.
struct Apart {
    there: World,
    here: World,
    served: Served,
    server: String,
}

impl Apart {
    fn new() -> Self {
        let (there, here) = (World::new(), World::new());
        there.run(&["repo", "add", "tollgate"]).exits(0);
        let served = Served::start(&there, &[]);
        let server = format!("http://{}", served.address);
        here.file("fix.diff", crate::support::DIFF);
        Self {
            there,
            here,
            served,
            server,
        }
    }

    fn signed_in() -> Self {
        let apart = Self::new();
        let code = apart.served.code.clone();
        apart.typed(&["sign-in"], &code).exits(0).says("signed in to");
        apart
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(&self.command(arguments).output().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.here.command(arguments);
        command.args(["--server", &self.server]);
        command
    }

    /// With this on standard input.
    fn typed(&self, arguments: &[&str], text: &str) -> Ran {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        ran(&child.wait_with_output().unwrap())
    }

    fn waiting(&self) -> String {
        let ran = self.run(&["run", "--repo", "tollgate", "--issue", "issue.md", "--json"]);
        ran.exits(3).json()["id"].as_str().unwrap().to_owned()
    }

    fn digits(&self, id: &str) -> String {
        let shown = self.run(&["show", id, "--json"]).exits(0).json();
        shown["requests"][0]["digits"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_workflow_goes_from_text_to_branch_without_a_data_folder() {
    let apart = Apart::signed_in();
    apart.run(&["repo", "list"]).exits(0).says("tollgate");
    let ran = apart
        .run(&["run", "--repo", "tollgate@main", "--issue", "issue.md"])
        .exits(3);
    let ran = ran.says("gate 2 (proposal) passed").says("+pub fn quote_grams");
    let id = ran.out.lines().find_map(|l| l.strip_prefix("wf_")).unwrap();
    let id = format!("wf_{}", id.split(' ').next().unwrap());
    apart.run(&["list"]).exits(0).says(&id).says("AwaitingApproval");
    apart
        .run(&["diff", &id[20..]])
        .exits(0)
        .says("+pub fn quote_grams");
    apart.run(&["approve", &id]).exits(3).says("needs-a-person");
    let digits = apart.digits(&id);
    apart
        .run(&["approve", &id, "--yes", "--digest", "00000000"])
        .exits(2);
    apart
        .run(&["approve", &id, "--yes", "--digest", &digits])
        .exits(0)
        .says("Done");
    apart.run(&["show", &id, "--story"]).exits(0).says("unattended");
    assert!(
        apart.there.branches().contains("countersign/"),
        "the branch is there"
    );
    assert!(!apart.here.path("data").exists(), "nothing is kept here");
    // The server's own machine tells the same story.
    let story = |world: &World, more: &[&str]| {
        let words = [&["show", &id, "--story"], more].concat();
        let told = world.run(&words).exits(0).out;
        told.split_once("(times are UTC)").unwrap().1.to_owned()
    };
    assert_eq!(
        story(&apart.there, &[]),
        story(&apart.here, &["--server", &apart.server])
    );
}

#[test]
fn a_person_decides_by_digits_over_a_server() {
    let apart = Apart::signed_in();
    let id = apart.waiting();
    let digits = apart.digits(&id);
    let words = ["resume", &id, "--server", &apart.server];
    let mut typist = Typist::sits_at(&apart.here, &words);
    typist.sees("+pub fn quote_grams").sees(MENU).types("a\n");
    typist
        .sees("first 8 digits")
        .types("00000000\n")
        .sees("not its digits")
        .sees("first 8 digits");
    typist.types(&format!("{digits}\n"));
    let ran = typist.leaves().exits(0).says("Done");
    assert!(!ran.out.contains("unattended"), "{ran}");
    apart
        .there
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    let verdict = apart
        .there
        .run(&["verify", "story.json", "--json"])
        .exits(0)
        .json();
    assert_eq!(verdict["unattended"], false);
}

#[test]
fn another_revision_is_asked_for_and_leaving_out_and_rejecting_work_over_a_server() {
    let apart = Apart::signed_in();
    let id = apart.waiting();
    let words = ["resume", &id, "--server", &apart.server];
    let mut typist = Typist::sits_at(&apart.here, &words);
    typist.sees(MENU).types("c\n").sees("End with a line");
    for line in [
        "In German.",
        "```codemod",
        "[[step]]",
        "search = \"quote(\"",
        "replace = \"angebot(\"",
        "```",
        ".",
    ] {
        typist.sees("|").types(&format!("{line}\n"));
    }
    typist.sees("angebot(w: u32)").sees(MENU).types("r\n");
    typist.sees("Why?").types("We keep English.\n");
    typist.leaves().exits(4).says("rejected: We keep English.");
    apart
        .run(&["diff", &id, "--revision", "1"])
        .exits(0)
        .says("quote_grams");
    apart.run(&["wake", &id]).exits(2).says("workflow-ended");
}

#[test]
fn what_happens_is_told_while_it_happens() {
    let apart = Apart::signed_in();
    let mut watching = apart.command(&["watch", "--json"]);
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    let id = apart.waiting();
    let mut told = std::io::BufReader::new(watching.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("asks: approve") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        assert!(read > 0, "the watch ended");
        assert!(line.contains(&id), "{line}");
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn a_freeze_is_told_while_it_happens() {
    let apart = Apart::signed_in();
    let mut watching = apart.command(&["watch"]);
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    // By then it listens.
    apart.waiting();
    apart.run(&["freeze", "--reason", "Release day."]).exits(0);
    let mut told = std::io::BufReader::new(watching.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("a freeze began") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        assert!(read > 0, "the watch ended");
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn a_key_submits_and_decides_nothing() {
    let apart = Apart::new();
    let key = apart
        .there
        .run(&[
            "key", "add", "ci", "--scope", "read", "--scope", "submit", "--json",
        ])
        .exits(0)
        .json();
    let with_key = |arguments: &[&str]| {
        let mut command = apart.command(arguments);
        command.env("COUNTERSIGN_TOKEN", key["secret"].as_str().unwrap());
        ran(&command.output().unwrap())
    };
    let submitted = with_key(&["submit", "--repo", "tollgate", "--diff", "fix.diff"]).exits(0);
    let id = submitted.out.trim().to_owned();
    with_key(&["submit", "--repo", "tollgate", "--diff", "fix.diff"])
        .exits(2)
        .says("duplicate")
        .says("add --again");
    with_key(&["resume", &id]).exits(3);
    with_key(&["approve", &id, "--yes"]).exits(2).says("person");
    with_key(&["cancel", &id, "--reason", "No."])
        .exits(2)
        .says("person");
}

#[test]
fn what_a_server_can_not_do_is_said_with_what_to_do_instead() {
    let apart = Apart::new();
    apart
        .run(&["list"])
        .exits(2)
        .says("sign-in-needed")
        .says("countersign sign-in --server http://127.0.0.1:");
    apart
        .typed(&["sign-in"], "AAAA-BBBB-CCCC")
        .exits(2)
        .says("code-refused");
    apart
        .run(&["backup", "--to", "copy"])
        .exits(64)
        .says("not-over-server");
    let code = apart.served.code.clone();
    apart.typed(&["sign-in"], &code).exits(0);
    apart
        .run(&["submit", "--repo", "elsewhere", "--issue", "issue.md"])
        .exits(2)
        .says("unknown-repository")
        .says("It knows: tollgate.");
    apart
        .run(&[
            "submit",
            "--repo",
            "tollgate",
            "--issue",
            "issue.md",
            "--agent",
            "command:/bin/true",
        ])
        .exits(2)
        .says("command-over-server");
    apart.run(&["show", "01KAAAAA"]).exits(2).says("not-found");
    apart.run(&["sign-out"]).exits(0);
    apart.run(&["list"]).exits(2).says("sign-in-needed");
    let elsewhere = |address: &str| apart.here.run(&["list", "--server", address]);
    elsewhere("http://countersign.example.org")
        .exits(64)
        .says("unencrypted");
    elsewhere("http://127.0.0.1:1")
        .exits(1)
        .says("server-unreachable");
}

#[test]
fn the_tokens_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt as _;
    let apart = Apart::signed_in();
    let file = apart.here.path(".config/countersign/servers.json");
    let mode = |file: &std::path::Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    apart.run(&["list"]).exits(2).says("tokens-open");
}

#[test]
fn nobody_has_to_sit_by_an_approval_that_a_freeze_holds() {
    let apart = Apart::signed_in();
    let at_the_server = apart.waiting();
    let again = [
        "run", "--repo", "tollgate", "--issue", "issue.md", "--again", "--json",
    ];
    let in_the_folder = apart.there.run(&again).exits(3).json()["id"].clone();
    let in_the_folder = in_the_folder.as_str().unwrap();
    apart.there.run(&["freeze", "--reason", "Release day."]).exits(0);
    apart
        .run(&["approve", &at_the_server, "--yes"])
        .exits(3)
        .says("writing is frozen since")
        .says("Release day.");
    apart
        .there
        .run(&["approve", in_the_folder, "--yes"])
        .exits(3)
        .says("Release day.");
    apart.there.run(&["unfreeze", "--reason", "Released."]).exits(0);
    for id in [at_the_server.as_str(), in_the_folder] {
        apart.run(&["resume", id]).exits(0).says("Done");
    }
}

#[test]
fn a_restarted_server_is_gone_along_with() {
    let mut apart = Apart::signed_in();
    let id = apart.waiting();
    let mut watching = apart.command(&["watch", "--json"]);
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    apart.served.ends("-KILL");
    let address = apart.served.address.clone();
    apart.served = Served::at(&address, &apart.there, &[]);
    apart.run(&["reject", &id, "--reason", "No."]).exits(3);
    apart.run(&["cancel", &id, "--reason", "No."]).exits(0);
    let mut told = std::io::BufReader::new(watching.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("cancelled") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        assert!(read > 0, "the watch ended");
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn an_owner_keeps_members_and_keys_over_a_server() {
    let apart = Apart::signed_in();
    let added = apart
        .run(&["member", "add", "Bob", "--role", "viewer", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&added["name"], &added["role"]),
        (&"Bob".into(), &"viewer".into())
    );
    let code = added["code"].as_str().unwrap();
    let headers = [("Content-Type", "application/json")];
    let body = format!("{{\"code\": \"{code}\"}}");
    let bob = apart
        .served
        .send("POST", "/api/v1/sessions", &headers, &body)
        .is(201)
        .json();
    let bob = bob["token"].as_str().unwrap();
    let by_bob = |arguments: &[&str]| {
        let mut command = apart.command(arguments);
        command.env("COUNTERSIGN_TOKEN", bob);
        ran(&command.output().unwrap())
    };
    by_bob(&["member", "list"]).exits(0).says("Bob");
    by_bob(&["member", "change", "Bob", "--role", "owner"])
        .exits(2)
        .says("role-too-weak");
    by_bob(&["key", "list"]).exits(2);
    let changed = ["member", "change", "Bob", "--role", "reviewer", "--json"];
    assert_eq!(apart.run(&changed).exits(0).json()["role"], "reviewer");
    let another = apart
        .run(&["member", "code", "Bob"])
        .exits(0)
        .says("signs in with it");
    assert_ne!(another.out.trim(), code);
    apart
        .run(&["member", "remove", "Bob"])
        .exits(0)
        .says("no member any more");
    by_bob(&["member", "list"]).exits(2);
    apart
        .run(&["member", "code", "Bob"])
        .exits(2)
        .says("not-a-member");
    apart.run(&["member", "code", "Eve"]).exits(2).says("not-found");

    let made = apart
        .run(&["key", "add", "ci", "--scope", "read", "--json"])
        .exits(0)
        .json();
    let (secret, id) = (made["secret"].as_str().unwrap(), made["id"].as_str().unwrap());
    let by_key = |arguments: &[&str]| {
        let mut command = apart.command(arguments);
        command.env("COUNTERSIGN_TOKEN", secret);
        ran(&command.output().unwrap())
    };
    by_key(&["list"]).exits(0);
    by_key(&["key", "list"]).exits(2).says("not-for-keys");
    let listed = apart.run(&["key", "list"]).exits(0).says("used 20").says(id);
    assert!(!listed.out.contains(secret), "a key is shown once: {listed}");
    assert_eq!(
        apart.there.run(&["key", "list", "--json"]).exits(0).json()[0]["id"],
        id,
        "the same keys at the server's own terminal"
    );
    apart.run(&["key", "revoke", "none"]).exits(2).says("not-found");
    apart.run(&["key", "revoke", id]).exits(0);
    by_key(&["list"]).exits(2);
}

#[test]
fn a_ledger_is_looked_at_proven_and_taken_along_over_a_server() {
    let apart = Apart::signed_in();
    let id = apart.waiting();
    let kept = apart.run(&["ledger", "checkpoint"]).exits(0);
    apart.here.file("kept.txt", &kept.out);
    apart
        .run(&["approve", &id, "--yes", "--digest", &apart.digits(&id)])
        .exits(0);
    let shown = apart.run(&["ledger", "show", &id, "--json"]).exits(0).json();
    let here = apart
        .there
        .run(&["ledger", "show", &id, "--json"])
        .exits(0)
        .json();
    let hashes = |shown: &serde_json::Value| -> Vec<serde_json::Value> {
        let entries = shown["entries"].as_array().unwrap();
        entries.iter().map(|e| e["leaf_hash"].clone()).collect()
    };
    assert_eq!(hashes(&shown), hashes(&here));
    assert_eq!(
        shown["entries"].as_array().unwrap().last().unwrap()["ended"],
        true
    );
    apart
        .run(&["ledger", "show", "--limit", "3"])
        .exits(0)
        .says("under a signed checkpoint");
    apart
        .run(&["ledger", "consistency", "--from", "kept.txt"])
        .exits(0)
        .says("goes on from the");
    let other = World::new();
    other.done();
    let strange = other.run(&["ledger", "checkpoint"]).exits(0).out;
    apart.here.file("strange.txt", strange);
    apart
        .run(&["ledger", "consistency", "--from", "strange.txt"])
        .exits(2);

    let exported = apart
        .run(&["ledger", "export", &id, "-o", "story.json", "--json"])
        .exits(0)
        .json();
    let key = exported["key"].as_str().unwrap();
    apart
        .here
        .run(&["verify", "story.json", "--key", key, "--checkpoint", "kept.txt"])
        .exits(0);
    let folder = ["ledger", "export", &id, "--in-toto", "x"];
    apart.run(&folder).exits(64).says("not-over-server");
    apart
        .run(&["ledger", "erase", &id, "--reason", "x"])
        .exits(64)
        .says("not-over-server");
    assert!(
        !apart.here.path("data").join("countersign.db").exists(),
        "nothing is kept here"
    );
}
