//! `patch apply --batch` and `patch show`, and whether `docs/patches.md` tells the truth about them.

use crate::support::{DIFF, World};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

const BATCH: [&str; 5] = ["patch", "apply", "--repo", "tollgate", "--batch"];

/// Gives the input to a batch; its lines come back read.
fn batch(world: &World, input: &[u8]) -> Vec<Value> {
    world.file("lines.jsonl", input);
    let mut command = world.command(&BATCH);
    command.stdin(fs::File::open(world.path("lines.jsonl")).unwrap());
    let ran = crate::support::ran(&command.output().unwrap()).exits(0);
    assert_eq!(ran.err, "");
    ran.out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

fn line(id: impl Into<Value>, base: &str, diff: &str) -> String {
    let line = json!({"id": id.into(), "base": base, "diff": diff});
    format!("{line}\n")
}

fn head(world: &World) -> String {
    world.git("tollgate", &["rev-parse", "HEAD"])
}

/// Commits on top of each other; the file `n` counts them.
fn history(world: &World, length: usize) -> Vec<String> {
    let commit = |n: usize| {
        world.file("tollgate/n", format!("{n}\n"));
        world.git("tollgate", &["add", "n"]);
        world.git("tollgate", &["commit", "--quiet", "-m", "next"]);
        head(world)
    };
    (0..length).map(commit).collect()
}

fn counting(from: usize) -> String {
    format!("--- a/n\n+++ b/n\n@@ -1 +1 @@\n-{from}\n+{}\n", from + 1)
}

#[test]
fn a_batch_answers_each_line_in_order_and_goes_on() {
    let world = World::new();
    let before = world.state_of("tollgate");
    let (base, nowhere) = (head(&world), "1".repeat(40));
    let blob = world.git("tollgate", &["rev-parse", "HEAD:README.md"]);
    let input = [
        line(1, &base, DIFF),
        line("two", "main", DIFF),
        "not json\n".to_owned(),
        "\n".to_owned(),
        line(-5, &base, "no diff"),
        line("gone", &nowhere, DIFF),
        line("blob", &blob, DIFF),
        line("branch", "nope", DIFF),
        line("name", "not a name", DIFF),
        line(json!([1]), &base, DIFF),
        format!("{}\n", json!({"id": 7, "base": base})),
        line(u64::MAX, &base, DIFF).trim_end().to_owned(),
    ];
    let answers = batch(&world, input.concat().as_bytes());
    let code = |at: usize| answers[at]["refused"]["code"].as_str();
    let tree = answers[0]["tree"].as_str().unwrap();
    assert_eq!(answers[0], json!({"id": 1, "tree": tree, "warnings": []}));
    assert_eq!(
        (&answers[1]["id"], &answers[1]["tree"]),
        (&json!("two"), &json!(tree))
    );
    assert_eq!((code(2), &answers[2]["id"]), (Some("bad-line"), &Value::Null));
    assert_eq!(answers[2]["refused"]["place"], "line 3");
    assert_eq!(code(3), Some("bad-line"));
    assert_eq!((code(4), &answers[4]["id"]), (Some("no-diff"), &json!(-5)));
    assert_eq!((code(5), code(6)), (Some("commit-missing"), Some("not-a-commit")));
    assert_eq!((code(7), code(8)), (Some("branch-missing"), Some("bad-base")));
    assert_eq!(answers[8]["refused"]["place"], "base");
    assert_eq!((code(9), code(10)), (Some("bad-line"), Some("bad-line")));
    assert_eq!(
        (&answers[11]["id"], &answers[11]["tree"]),
        (&json!(u64::MAX), &json!(tree))
    );
    let array = &batch(&world, format!("{}\n", json!([1, "main", DIFF])).as_bytes())[0];
    assert_eq!(array["refused"]["code"], "bad-line", "{array}");
    let said = answers[9]["refused"]["message"].as_str().unwrap();
    assert!(said.contains("`id` is neither text nor a whole number"), "{said}");
    assert_eq!(answers.len(), input.len());
    assert_eq!(world.state_of("tollgate"), before);
    assert!(!world.path("data").exists(), "no data folder is made");
    let flags = [
        "patch", "apply", "--repo", "tollgate", "--base", &base, "--diff", "fix.diff", "--json",
    ];
    assert_eq!(
        world.run(&flags).exits(0).json()["tree"],
        tree,
        "one at a time gives the same"
    );
}

#[test]
fn each_base_of_a_history_is_its_own() {
    let world = World::new();
    let commits = history(&world, 40);
    let lines = commits.iter().enumerate().rev();
    let input: String = lines.map(|(n, commit)| line(n, commit, &counting(n))).collect();
    let answers = batch(&world, input.as_bytes());
    assert_eq!(answers.len(), 40);
    for answer in answers {
        let n = answer["id"].as_u64().unwrap() as usize;
        let wanted = match commits.get(n + 1) {
            Some(next) => world.git("tollgate", &["rev-parse", &format!("{next}^{{tree}}")]),
            None => answer["tree"].as_str().unwrap().to_owned(),
        };
        assert_eq!(answer["tree"], wanted, "{answer}");
    }
    let wrong = line("wrong", &commits[3], &counting(4));
    assert_eq!(
        batch(&world, wrong.as_bytes())[0]["refused"]["code"],
        "context-not-found"
    );
}

#[test]
fn bytes_that_are_no_utf8_come_in_base64() {
    let world = World::new();
    world.file("tollgate/latin", b"caf\xe9\n");
    world.git("tollgate", &["add", "latin"]);
    world.git("tollgate", &["commit", "--quiet", "-m", "latin"]);
    // --- a/latin, +++ b/latin, @@ -1 +1 @@, and a line with the byte E9 that becomes "cafe".
    let text = "LS0tIGEvbGF0aW4KKysrIGIvbGF0aW4KQEAgLTEgKzEgQEAKLWNhZukKK2NhZmUK";
    let both = |diff: Option<&str>, base64: &str| {
        let line = json!({"id": 1, "base": "main", "diff": diff, "diff_base64": base64});
        batch(&world, format!("{line}\n").as_bytes())[0].clone()
    };
    assert!(both(None, text)["tree"].is_string());
    for answer in [both(None, "?"), both(Some(DIFF), text)] {
        assert_eq!(answer["refused"]["code"], "bad-line", "{answer}");
    }
}

fn started(world: &World) -> Child {
    let mut command = world.command(&BATCH);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn whoever_waits_for_an_answer_gets_it_before_the_next_line() {
    let world = World::new();
    let mut child = started(&world);
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 1..=3 {
        input.write_all(line(id, "main", DIFF).as_bytes()).unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["id"], id);
    }
    drop(input);
    assert!(answers.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let world = World::new();
    let mut child = started(&world);
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    input.write_all(line(1, "main", DIFF).as_bytes()).unwrap();
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    let more: String = (0..2000).map(|n| line(n, "main", DIFF)).collect();
    let _closed_before_all_was_written = input.write_all(more.as_bytes());
    drop(input);
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_batch_takes_its_bases_from_the_lines_only() {
    let world = World::new();
    for flag in [["--base", "main"], ["--diff", "fix.diff"]] {
        let ran = world.run(&[&BATCH[..], &flag[..]].concat());
        assert_eq!(ran.code, 64, "{ran}");
    }
    let ran = world.run(&["patch", "apply", "--repo", "tollgate", "--base", "main"]);
    assert_eq!(ran.code, 64, "{ran}");
    let ran = world.run(&["patch", "apply", "--repo", "issue.md", "--batch"]);
    assert_eq!(ran.code, 2, "{ran}");
}

/// The two commits of the example in the docs.
fn example(world: &World) {
    world.git(".", &["init", "--quiet", "-b", "main", "greeter"]);
    world.file(
        "greeter/greet.py",
        "def greet(name):\n    return \"Hello, \" + name\n",
    );
    world.git("greeter", &["add", "."]);
    world.git("greeter", &["commit", "--quiet", "-m", "a greeting"]);
    world.git("greeter", &["tag", "v1"]);
    world.file(
        "greeter/greet.py",
        "def greet(name):\n    return \"Hello, dear \" + name # \u{202e}ok",
    );
    world.git("greeter", &["commit", "--quiet", "-a", "-m", "warmer"]);
}

fn show(world: &World, more: &[&str]) -> crate::support::Ran {
    let flags = [
        "patch", "show", "--repo", "greeter", "--base", "v1", "--result", "main",
    ];
    world.run(&[&flags[..], more].concat())
}

fn docs() -> String {
    fs::read_to_string(root().join("docs/patches.md")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_typed_diff_in_the_docs_is_what_is_printed() {
    let world = World::new();
    example(&world);
    let shown = show(&world, &["--json"]).exits(0);
    assert!(
        !shown.out.contains('\u{202e}'),
        "nothing hidden reaches the terminal"
    );
    let docs = docs();
    let block = docs.split("```json typed-diff\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let written: Value = serde_json::from_str(block).unwrap_or(Value::Null);
    assert_eq!(
        shown.json(),
        written,
        "docs/patches.md should say:\n{}",
        shown.out
    );
    let mut keys = BTreeSet::new();
    collect_keys(&written, &mut keys);
    let (_, table) = docs.split_once("| of | field | meaning |").unwrap();
    for key in keys {
        assert!(table.contains(&format!("`{key}`")), "the table has no `{key}`");
    }
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            keys.extend(fields.keys().cloned());
            fields.values().for_each(|v| collect_keys(v, keys));
        }
        Value::Array(items) => items.iter().for_each(|v| collect_keys(v, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_person_sees_numbers_words_and_what_hides() {
    let world = World::new();
    example(&world);
    let shown = show(&world, &[]).exits(0);
    assert!(shown.out.contains("1 file, +1 −1"), "{shown}");
    assert!(
        shown.out.contains("\n2   -    return \"Hello, \" + name\n"),
        "{shown}"
    );
    assert!(
        shown
            .out
            .contains("+    return \"Hello, dear \" + name # ⟦U+202E⟧ok\n"),
        "{shown}"
    );
    assert!(shown.out.contains("\\ No newline at end of file"), "{shown}");
    let coloured = show(&world, &["--color", "always"]).exits(0);
    assert!(
        coloured.out.contains("\u{1b}[7;32mdear"),
        "the word that came: {coloured}"
    );
    let nothing = world.run(&[
        "patch", "show", "--repo", "greeter", "--base", "main", "--result", "main",
    ]);
    nothing.exits(0).says("0 files, +0 −0");
}

#[test]
fn what_is_not_shown_is_counted_and_one_file_is_shown_whole() {
    let world = World::new();
    example(&world);
    world.file("greeter/long", "line\n".repeat(10_500));
    world.file("greeter/wide", "x".repeat(9_000));
    world.git("greeter", &["add", "."]);
    world.git("greeter", &["commit", "--quiet", "-m", "much"]);
    let shown = show(&world, &[]).exits(0);
    for words in [
        "… 500 more lines of this hunk are not shown",
        "… 808 more bytes are not shown",
        "… not shown altogether: 500 lines, 808 bytes",
        "`--path FILE` shows one file whole",
    ] {
        assert!(shown.out.contains(words), "no `{words}`");
    }
    let missing = &show(&world, &["--json"]).exits(0).json()["truncated"];
    assert_eq!((&missing["lines"], &missing["bytes"]), (&json!(500), &json!(808)));
    let one = show(&world, &["--json", "--path", "long"]).exits(0).json();
    assert_eq!(one["files"][0]["truncated"], Value::Null);
    assert_eq!(
        one["files"][0]["hunks"][0]["lines"].as_array().unwrap().len(),
        10_500
    );
    assert_eq!(one["truncated"]["files"], 2, "the others are not there");
    show(&world, &["--path", "nowhere"])
        .exits(2)
        .says("path-unchanged");
}

#[test]
fn what_names_no_commit_is_refused() {
    let world = World::new();
    example(&world);
    let tried = |base: &str| {
        world.run(&[
            "patch", "show", "--repo", "greeter", "--base", base, "--result", "main",
        ])
    };
    tried("nope").exits(2).says("name-missing");
    tried("v1~1").exits(2).says("40 digits");
    tried(&"1".repeat(40)).exits(2).says("commit-missing");
    let from_inside = world
        .command(&["patch", "show", "--base", "v1", "--result", "main"])
        .current_dir(world.path("greeter"))
        .output();
    assert_eq!(
        from_inside.unwrap().status.code(),
        Some(0),
        "the repository is `.` by default"
    );
}

/// What the first column of a table names.
fn listed(docs: &str, heading: &str) -> BTreeSet<String> {
    let (_, behind) = docs.split_once(heading).unwrap();
    let rows = behind.lines().skip_while(|l| !l.starts_with("|---"));
    let rows = rows.skip(1).take_while(|l| l.starts_with("| `"));
    rows.map(|l| l.split('`').nth(1).unwrap().to_owned()).collect()
}

/// The codes that the sources below a folder give, by the words in front of them.
fn codes(folder: &str, before: &str) -> BTreeSet<String> {
    let pattern = Regex::new(&format!(r#"{before}\s*"([a-z0-9-]+)""#)).unwrap();
    let mut found = BTreeSet::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.extend(pattern.captures_iter(product).map(|c| c[1].to_owned()));
        }
    }
    assert!(
        !found.is_empty(),
        "{folder} gives no code; the test looks in the wrong place"
    );
    found
}

#[test]
fn every_code_of_the_reader_and_the_applier_is_in_the_docs_and_no_other() {
    let docs = docs();
    let mut refusals = codes("crates/core/src/patch", r"(?:refused?(?:::<[^>]*>)?\(|\bcode:)");
    refusals.extend(codes("crates/git/src/apply", r"\brefused(?:::<[^>]*>)?\("));
    assert_eq!(listed(&docs, "### Refusals"), refusals);
    let warnings = codes("crates/git/src/apply", r"\bwork\.warn\(");
    assert_eq!(listed(&docs, "### Warnings"), warnings);
}

#[test]
fn every_code_of_a_batch_is_in_the_docs() {
    let mut given = codes("crates/countersign/src/commands/patch/batch.rs", "");
    given.retain(|word| word.contains('-') && word != "stdin-unreadable");
    given.extend(codes("crates/git/src/mirror/many.rs", r"unsupported\("));
    let listed = listed(&docs(), "## Many at once");
    let missing: Vec<&String> = given.difference(&listed).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn diffs_made_to_cost_memory_are_refused_by_a_count() {
    let world = World::new();
    let head = "--- a/x\n+++ b/x\n";
    let renames =
        (0..200_000).map(|i| format!("diff --git a/a{i} b/b{i}\nrename from a{i}\nrename to b{i}\n"));
    world.file(
        "line.diff",
        format!("{head}@@ -1 +1 @@\n-a\n+{}\n", "b".repeat(2 << 20)),
    );
    world.file(
        "lines.diff",
        format!("{head}@@ -1 +1,5000000 @@\n{}", "+\n".repeat(5_000_000)),
    );
    world.file("hunks.diff", format!("{head}{}", "@@\n-b\n+c\n".repeat(300_000)));
    world.file("files.diff", renames.collect::<String>());
    world.file("prose.diff", "It was a dark and stormy night.\n".repeat(400_000));
    world.file("empty.diff", " \n");
    let literal = std::fs::File::create(world.path("literal.diff")).unwrap();
    literal.set_len(1 << 30).unwrap();
    for (file, code) in [
        ("line.diff", "line-too-long"),
        ("lines.diff", "too-many-lines"),
        ("hunks.diff", "too-many-hunks"),
        ("files.diff", "too-many-files"),
        ("prose.diff", "no-diff"),
        ("literal.diff", "too-large"),
        ("empty.diff", "empty"),
    ] {
        let flags = [
            "patch", "apply", "--repo", "tollgate", "--base", "main", "--diff", file, "--json",
        ];
        let ran = world.run(&flags).exits(2);
        assert_eq!(ran.json()["refused"]["code"], code, "{ran}");
    }
}
