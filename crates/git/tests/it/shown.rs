//! What is shown depends on objects alone: settings and attributes that change what plain git shows change no
//! byte of a snapshot, a file or a canonical diff. They are set in the repository and even in our own mirror.

use crate::support::{Files, Sandbox, branch, file, numbered};
use countersign_core::id::CommitSha;
use countersign_core::path::RepoPath;
use countersign_git::GitTrees;
use countersign_ports::trees::{Applied, BaseStanding, SnapshotEntry, Trees};
use std::collections::BTreeSet;
use std::fs;

/// Settings that plain git's diff follows; `@` stands for the folder beside the repository.
const SETTINGS: [(&str, &str); 14] = [
    ("diff.noprefix", "true"),
    ("diff.algorithm", "patience"),
    ("diff.context", "0"),
    ("diff.interHunkContext", "9"),
    ("diff.renames", "false"),
    ("diff.renames", "copies"),
    ("diff.suppressBlankEmpty", "true"),
    ("diff.orderFile", "@/order"),
    ("diff.external", "true"),
    ("core.quotePath", "false"),
    ("core.abbrev", "30"),
    ("core.attributesFile", "@/no-diff"),
    ("color.ui", "always"),
    ("diff.relative", "true"),
];

/// Attributes that change plain git's diff. `upper` is a text conversion that is set up.
const DIFF_ATTRIBUTES: [&str; 5] = [
    "* -diff",
    "* binary",
    "* diff=upper",
    "*.rs diff=rust",
    "hunks -text -diff",
];

/// Every setting above finds something here to differ about.
fn state(changed: bool) -> Files {
    let text = numbered(1, 40);
    let both = |name: &str, before: &str, after: &str| file(name, if changed { after } else { before });
    let mut files: Files = [
        both("blank", "1\n\n3\n\n5\n", "1\n\nthree\n\n5\n"),
        both(
            "hunks",
            &text,
            &text.replace("line 10\n", "10\n").replace("line 20\n", "20\n"),
        ),
        both("patience", "c\nd\na\nb\nb\nb\na\nc\n", "a\na\na\na\nd\na\nc\nb\n"),
        both("source", &numbered(200, 240), &numbered(200, 239)),
        both("ümlaut", "1\n", "2\n"),
        both(
            "fn.rs",
            &format!("fn one() {{\n    {text}}}\n"),
            &format!("fn one() {{\n    {text}    more\n}}\n"),
        ),
        file("sub/x", "x\n"),
    ]
    .into_iter()
    .collect();
    if changed {
        files.extend([
            file("renamed/new", &numbered(100, 141)),
            file("copy", &numbered(200, 240)),
        ]);
    } else {
        files.extend([file("moved/old", &numbered(100, 140))]);
    }
    files
}

struct Scene {
    sandbox: Sandbox,
    trees: GitTrees,
    base: CommitSha,
}

/// What Countersign makes of the change.
#[derive(Debug, PartialEq)]
struct Shown {
    applied: Applied,
    snapshot: Vec<SnapshotEntry>,
    file: Option<Vec<u8>>,
}

impl Scene {
    /// `extra` is in both states.
    fn new(extra: &Files) -> Self {
        let with = |changed| {
            let mut files = state(changed);
            files.extend(extra.clone());
            files
        };
        let sandbox = Sandbox::with(&with(false));
        sandbox.git(["branch", "wanted"]);
        sandbox.commit("wanted", &with(true));
        for (name, text) in [("order", "ümlaut\nhunks\n"), ("no-diff", "* -diff\n")] {
            fs::write(sandbox.dir.path().join(name), text).expect("written");
        }
        let trees = GitTrees::new(sandbox.mirrors());
        let base = trees
            .pin(&sandbox.source(), &branch("main"))
            .expect("pinned")
            .commit;
        Self { sandbox, trees, base }
    }

    /// In the repository, and in the mirror as if somebody had been there.
    fn set(&self, key: &str, value: &str) {
        let value = value.replace('@', &self.sandbox.dir.path().display().to_string());
        self.sandbox.git(["config", key, &value]);
        self.sandbox.git_in(
            &self.sandbox.mirrors().join("local-1.git"),
            ["config", key, &value],
        );
    }

    fn info_attributes(&self, lines: &str) {
        for git_dir in [self.sandbox.git_dir(), self.sandbox.mirrors().join("local-1.git")] {
            fs::create_dir_all(git_dir.join("info")).expect("made");
            fs::write(git_dir.join("info/attributes"), format!("{lines}\n")).expect("written");
        }
    }

    fn shown(&self, diff: &[u8]) -> Shown {
        let source = self.sandbox.source();
        let applied = self
            .trees
            .apply(&source, &self.base, diff)
            .expect("an answer")
            .expect("it applies");
        let opinion = self
            .trees
            .second_opinion(&source, &self.base, &applied.canonical)
            .expect("an opinion");
        assert!(opinion.agrees_on(&applied.diff.result_tree), "{opinion:?}");
        Shown {
            snapshot: self.trees.snapshot(&source, &self.base).expect("files"),
            file: self
                .trees
                .file(&source, &self.base, &RepoPath::from("hunks"))
                .expect("read"),
            applied,
        }
    }

    /// Plain git's words for the same change.
    fn naive(&self) -> Vec<u8> {
        let mut command = self.sandbox.command(&self.sandbox.repo.join("sub"));
        command.args(["diff", "main", "wanted"]);
        crate::support::feed(command, b"").expect("a diff")
    }

    fn proposal(&self) -> Vec<u8> {
        self.sandbox.diff("main", "wanted")
    }
}

#[test]
fn settings_change_no_byte_of_what_is_shown() {
    let plain = Scene::new(&Files::new());
    let (diff, naive) = (plain.proposal(), plain.naive());
    let shown = plain.shown(&diff);
    let mut without_effect = Vec::new();
    for (key, value) in SETTINGS {
        let scene = Scene::new(&Files::new());
        scene.set(key, value);
        if scene.naive() == naive {
            without_effect.push(key);
        }
        assert!(scene.shown(&diff) == shown, "{key} = {value}");
    }
    assert!(
        without_effect.is_empty(),
        "control: plain git follows {without_effect:?}"
    );
}

#[test]
fn attributes_change_no_byte_of_what_is_shown() {
    let plain = Scene::new(&Files::new());
    let (diff, naive) = (plain.proposal(), plain.naive());
    let shown = plain.shown(&diff);
    for line in DIFF_ATTRIBUTES {
        let scene = Scene::new(&Files::new());
        scene.set("diff.upper.textconv", "tr a-z A-Z <");
        scene.info_attributes(line);
        assert_ne!(
            scene.naive(),
            naive,
            "control: plain git follows {line} in info/attributes"
        );
        assert!(scene.shown(&diff) == shown, "{line} in info/attributes");
        let scene = Scene::new(
            &[file(".gitattributes", &format!("{line}\n"))]
                .into_iter()
                .collect(),
        );
        scene.set("diff.upper.textconv", "tr a-z A-Z <");
        assert_ne!(
            scene.naive(),
            naive,
            "control: plain git follows {line} in the tree"
        );
        let found = scene.shown(&diff);
        assert_eq!(
            found.applied.canonical, shown.applied.canonical,
            "{line} in the tree"
        );
        assert_eq!(found.file, shown.file, "{line} in the tree");
    }
}

/// Attributes by which plain git writes other bytes into a work tree or an archive than are stored.
const CONVERSIONS: [&str; 8] = [
    "f text eol=crlf",
    "f ident",
    "f working-tree-encoding=UTF-16",
    "f filter=upper",
    "f filter=lfs",
    "f export-subst",
    "f export-ignore",
    "f text=auto eol=crlf",
];

#[test]
fn a_file_is_shown_as_it_is_stored() {
    let stored = "version https://git-lfs.github.com/spec/v1\n$Id$ $Format:%H$ text\n";
    for line in CONVERSIONS {
        let attributes = format!("{line}\n");
        let files: Files = [file(".gitattributes", &attributes), file("f", stored)]
            .into_iter()
            .collect();
        let sandbox = Sandbox::with(&files);
        sandbox.git(["config", "filter.upper.smudge", "tr a-z A-Z"]);
        sandbox.git(["config", "filter.lfs.smudge", "echo the large file"]);
        fs::remove_file(sandbox.repo.join("f")).expect("removed");
        sandbox.git(["checkout", "--quiet", "main", "--", "f"]);
        let checked_out = fs::read(sandbox.repo.join("f")).expect("read");
        let archive = sandbox.git_bytes(["archive", "main"], b"").expect("an archive");
        let archived = archive.windows(stored.len()).any(|w| w == stored.as_bytes());
        assert!(
            checked_out != stored.as_bytes() || !archived,
            "control: plain git converts by {line}"
        );
        let trees = GitTrees::new(sandbox.mirrors());
        let base = trees
            .pin(&sandbox.source(), &branch("main"))
            .expect("pinned")
            .commit;
        let content = trees
            .file(&sandbox.source(), &base, &RepoPath::from("f"))
            .expect("read");
        assert_eq!(content.as_deref(), Some(stored.as_bytes()), "{line}");
    }
}

#[test]
fn replaced_objects_show_only_in_plain_git() {
    let sandbox = Sandbox::with(&[file("a", "one\n")].into_iter().collect());
    let evil = sandbox
        .git_bytes(["hash-object", "-w", "--stdin"], b"evil\n")
        .expect("a blob");
    let evil = String::from_utf8(evil).expect("an id");
    sandbox.git(["replace", "main:a", evil.trim()]);
    assert_eq!(
        sandbox.git(["cat-file", "-p", "main:a"]),
        "evil",
        "control: plain git shows it"
    );
    let trees = GitTrees::new(sandbox.mirrors());
    let base = trees
        .pin(&sandbox.source(), &branch("main"))
        .expect("pinned")
        .commit;
    let content = trees
        .file(&sandbox.source(), &base, &RepoPath::from("a"))
        .expect("read");
    assert_eq!(content.as_deref(), Some(&b"one\n"[..]));
}

#[test]
fn paths_that_a_file_system_would_take_for_one_stay_two() {
    let twins = [
        ("README", "readme"),
        ("\u{e9}", "e\u{301}"),
        ("Dir/x", "dir/x"),
        ("st\u{df}", "stSS"),
        ("a\u{200d}b", "ab"),
    ];
    let files: Files = twins
        .iter()
        .flat_map(|(one, other)| [file(one, "one\n"), file(other, "other\n")])
        .collect();
    let sandbox = Sandbox::with(&files);
    sandbox.git(["config", "core.ignoreCase", "true"]);
    sandbox.git(["config", "core.precomposeUnicode", "true"]);
    fs::write(sandbox.repo.join("reaDME"), "third\n").expect("written");
    sandbox.git(["add", "reaDME"]);
    let staged = sandbox.git(["ls-files", "-z"]);
    assert!(
        !staged.split('\0').any(|p| p == "reaDME"),
        "control: git takes two names for one: {staged:?}"
    );
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    let base = trees.pin(&source, &branch("main")).expect("pinned").commit;
    let found: BTreeSet<Vec<u8>> = trees
        .snapshot(&source, &base)
        .expect("files")
        .into_iter()
        .map(|e| e.path.as_bytes().to_vec())
        .collect();
    assert_eq!(found, files.keys().cloned().collect());
    for (one, other) in twins {
        let read = |path: &str| trees.file(&source, &base, &RepoPath::from(path)).expect("read");
        assert_eq!(read(one).as_deref(), Some(&b"one\n"[..]), "{one}");
        assert_eq!(read(other).as_deref(), Some(&b"other\n"[..]), "{other}");
    }
    let diff = "--- a/readme\n+++ b/readme\n@@ -1 +1 @@\n-other\n+changed\n";
    let applied = trees
        .apply(&source, &base, diff.as_bytes())
        .expect("an answer")
        .expect("it applies");
    assert_eq!(applied.diff.files.len(), 1);
    let opinion = trees
        .second_opinion(&source, &base, &applied.canonical)
        .expect("an opinion");
    assert!(opinion.agrees_on(&applied.diff.result_tree));
}

#[test]
fn a_merge_follows_no_setting_of_the_repository() {
    let scene = Scene::new(&Files::new());
    let applied = scene.shown(&scene.proposal()).applied;
    for (key, value) in [
        ("merge.directoryRenames", "true"),
        ("merge.renames", "false"),
        ("merge.default", "union"),
    ] {
        scene.sandbox.git(["config", key, value]);
    }
    // The branch adds a file to the folder that the proposal renames away.
    let mut files = state(false);
    files.extend([file("moved/added", "added\n")]);
    let tip = scene.sandbox.commit("main", &files);
    let naive = scene
        .sandbox
        .git_bytes(["merge-tree", "--write-tree", "main", "wanted"], b"");
    let standing = scene.trees.base_standing(
        &scene.sandbox.source(),
        &branch("main"),
        &scene.base,
        &applied.canonical,
    );
    assert!(naive.is_ok(), "control: plain git merges as it is told to");
    assert_eq!(standing.expect("an answer"), BaseStanding::MovedConflict { tip });
}
