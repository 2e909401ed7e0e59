//! Every refusal of the applier, by code and place; and what leniency accepts.

use crate::support::{Files, Sandbox, branch, entry, file, numbered};
use countersign_core::id::CommitSha;
use countersign_git::GitTrees;
use countersign_ports::trees::{ApplyRefusal, Trees};

struct Base {
    sandbox: Sandbox,
    trees: GitTrees,
    commit: CommitSha,
}

impl Base {
    fn new() -> Self {
        let repeated = "a\nb\nc\n".repeat(5);
        let files: Files = [
            file("x", &numbered(1, 20)),
            file("y", "one\ntwo\n"),
            file("no-newline", "one\ntwo"),
            file("empty", ""),
            file("blanks", "a\n  \n\nb\n"),
            file("dir/inside", "i\n"),
            file("repeated", &repeated),
            file("dos", "a\r\nb\r\nc\r\n"),
            file("mixed", "a\r\nb\nc\r\n"),
            entry(b"link", "120000", b"dir"),
            entry(b"bin", "100644", b"a\0b\n"),
            entry(b"sub", "160000", b"1111111111111111111111111111111111111111"),
        ]
        .into_iter()
        .collect();
        let sandbox = Sandbox::empty();
        sandbox.commit("main", &files);
        let trees = GitTrees::new(sandbox.mirrors());
        let commit = trees
            .pin(&sandbox.source(), &branch("main"))
            .expect("pinned")
            .commit;
        Self {
            sandbox,
            trees,
            commit,
        }
    }

    fn refusal(&self, diff: &str) -> ApplyRefusal {
        let outcome = self
            .trees
            .apply(&self.sandbox.source(), &self.commit, diff.as_bytes())
            .expect("git answers");
        let refusal = outcome.expect_err("it must be refused");
        assert!(refusal.message.ends_with('.'), "a sentence: {}", refusal.message);
        refusal
    }

    fn result(&self, diff: &str, path: &str) -> String {
        let outcome = self
            .trees
            .apply(&self.sandbox.source(), &self.commit, diff.as_bytes())
            .expect("git answers");
        let applied = outcome.unwrap_or_else(|r| panic!("{r:?}\n{diff}"));
        String::from_utf8_lossy(&applied.contents[&path.into()]).into_owned()
    }
}

const CREATE: &str = "new file mode 100644\n--- /dev/null\n";

#[test]
fn every_refusal_has_its_code() {
    let base = Base::new();
    let create = |path: &str| format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+n\n");
    let edit_y = "--- a/y\n+++ b/y\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    let cases: Vec<(String, &str)> = vec![
        ("no diff at all".into(), "no-diff"),
        ("--- a/nope\n+++ b/nope\n@@ -1 +1 @@\n-a\n+b\n".into(), "file-not-found"),
        ("--- a/dir\n+++ b/dir\n@@ -1 +1 @@\n-a\n+b\n".into(), "file-not-found"),
        ("--- a/y\n+++ b/y\n@@ -1,2 +1,2 @@\n one\n-zwei\n+2\n".into(), "context-not-found"),
        ("--- a/y\n+++ b/y\n@@ -1,2 +1,2 @@\n one\n-t wo\n+2\n".into(), "context-not-found"),
        ("--- a/repeated\n+++ b/repeated\n@@ ... @@\n a\n-b\n+B\n c\n".into(), "ambiguous"),
        ("--- a/repeated\n+++ b/repeated\n@@ -2,3 +2,3 @@\n a\n-b\n+B\n c\n".into(), "ambiguous"),
        ("--- a/x\n+++ b/x\n@@ -7,0 +8 @@\n+new\n".into(), "no-context"),
        ("--- a/x\n+++ b/x\n@@ ... @@\n+new\n".into(), "no-context"),
        ("--- a/no-newline\n+++ b/no-newline\n@@ -2,0 +3 @@\n+three\n".into(), "joins-lines"),
        ("--- a/no-newline\n+++ b/no-newline\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n".into(), "context-not-found"),
        (format!("{edit_y}{edit_y}"), "file-twice"),
        ("rename from y\nrename to q\ndiff --git a/y b/r\nrename from y\nrename to r\n".into(), "file-twice"),
        ("rename from y\nrename to q\ndiff --git a/x b/q\ncopy from x\ncopy to q\n".into(), "file-twice"),
        (format!("{edit_y}rename from y\nrename to q\n"), "file-twice"),
        ("--- a/y\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+n\n".into(), "file-twice"),
        ("--- a/x\n+++ b/x\n@@ ... @@\n line 8\n-line 9\n+nine\n".into(), "hunk-cut"),
        ("```\n--- a/x\n+++ b/x\n@@ -8,3 +8,4 @@\n line 8\n+nine\n```\n".into(), "context-missing"),
        ("```\n--- a/x\n+++ b/x\n@@ -8,3 +8,4 @@\n+nine\n line 8\n```\n".into(), "context-missing"),
        (create("y"), "file-exists"),
        ("rename from x\nrename to y\n".into(), "file-exists"),
        ("copy from x\ncopy to y\n".into(), "file-exists"),
        ("diff --git a/empty b/empty\nnew file mode 100644\n".into(), "file-exists"),
        ("--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n".into(), "delete-mismatch"),
        ("diff --git a/y b/y\ndeleted file mode 100644\n".into(), "delete-mismatch"),
        ("--- a/y\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-2\n".into(), "context-not-found"),
        (create("y/z"), "path-below-file"),
        (create("link/z"), "path-below-file"),
        (create("sub/z"), "path-below-file"),
        (format!("{}{}", create("new"), create("new/z")), "path-below-file"),
        ("copy from y\ncopy to y/z\n".into(), "path-below-file"),
        (create("dir"), "path-is-folder"),
        ("copy from dir/inside\ncopy to dir\n".into(), "path-is-folder"),
        (create("../z"), "path-escape"),
        (create("a//z"), "path-escape"),
        (create("./z"), "path-escape"),
        (create("/etc/z").replace("b//etc", "/etc"), "absolute-path"),
        (create(".git/hooks/z"), "git-folder"),
        (create("d/.GiT/z"), "git-folder"),
        (create("git~1/z"), "git-folder"),
        (create("a\\z"), "backslash-in-path"),
        (format!("{CREATE}+++ \"b/a\\033z\"\n@@ -0,0 +1 @@\n+n\n"), "control-in-path"),
        (format!("{CREATE}+++ \"b/a\\000z\"\n@@ -0,0 +1 @@\n+n\n"), "control-in-path"),
        (format!("diff --git a/y b/y\nindex 1234567..89abcde 100644\n{edit_y}"), "index-mismatch"),
        (format!("diff --git a/y b/y\nindex 0000000..89abcde\n{edit_y}"), "index-mismatch"),
        (format!("diff --git a/n b/n\nindex 1234567..0000000\n{}", create("n")), "index-mismatch"),
        ("diff --git a/y b/y\nold mode 100755\nnew mode 100644\n".into(), "mode-mismatch"),
        ("diff --git a/y b/y\nold mode 100644\nnew mode 120000\n".into(), "type-change"),
        ("diff --git a/y b/y\nold mode 100644\nnew mode 160000\n".into(), "submodule"),
        ("--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n".into(), "submodule"),
        ("diff --git a/n b/n\nnew file mode 160000\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+S\n".into(), "submodule"),
        ("rename from sub\nrename to sub2\n".into(), "submodule"),
        ("diff --git a/bin b/bin\nBinary files a/bin and b/bin differ\n".into(), "binary-change"),
        ("diff --git a/bin b/bin\nGIT binary patch\nliteral 1\nIc${MZ000310RR91\n\n".into(), "binary-change"),
        ("--- a/bin\n+++ b/bin\n@@ -1 +1 @@\n-a\0b\n+b\n".into(), "binary-change"),
        ("copy from bin\ncopy to bin2\n".into(), "binary-change"),
        (create("n").replace("+n\n", "+n\0\n"), "binary-change"),
        ("--- a/y\n+++ b/y\n@@ -1,2 +1,2 @@\n one\n-two\n+two\n".into(), "no-change"),
        ("rename from x\nrename to q\ndiff --git a/y b/x\nrename from y\nrename to y\n".into(), "header-contradiction"),
        ("--- a/mixed\n+++ b/mixed\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n".replace('\n', "\r\n"), "mixed-line-ends"),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .map(|(diff, want)| (base.refusal_or_result(diff), want, diff))
        .filter(|(got, want, _)| got != *want)
        .map(|(got, want, diff)| format!("want {want}, got {got}:\n{diff}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Base {
    fn refusal_or_result(&self, diff: &str) -> String {
        match self
            .trees
            .apply(&self.sandbox.source(), &self.commit, diff.as_bytes())
            .expect("git answers")
        {
            Ok(applied) => format!("applied as\n{}", String::from_utf8_lossy(&applied.canonical)),
            Err(refusal) => refusal.code.to_owned(),
        }
    }
}

#[test]
fn a_refusal_names_file_hunk_and_line() {
    let base = Base::new();
    let diff =
        "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n line 1\n-line 2\n+2\n@@ -9,2 +9,2 @@\n line 9\n-line x\n+10\n";
    let refusal = base.refusal(diff);
    assert_eq!(
        (refusal.code, refusal.place.as_str()),
        ("context-not-found", "x, hunk 2 (line 7 of the diff)")
    );
}

#[test]
fn wrong_line_numbers_are_fine_where_the_place_is_unique() {
    let base = Base::new();
    let want = numbered(1, 20).replace("line 9\n", "nine\n");
    for at in [
        "@@ -8,3 +8,3 @@",
        "@@ -1,3 +1,3 @@",
        "@@ -100,9 +2 @@",
        "@@ ... @@",
        "@@",
    ] {
        let diff = format!("--- a/x\n+++ b/x\n{at}\n line 8\n-line 9\n+nine\n line 10\n");
        assert_eq!(base.result(&diff, "x"), want, "{at}");
    }
}

#[test]
fn a_place_that_fits_exactly_is_no_better_than_the_stated_one_that_lost_its_blanks() {
    let base = Base::new();
    let empty_line_goes = |stated: u32| format!("--- a/blanks\n+++ b/blanks\n@@ -{stated},1 +1,0 @@\n-\n");
    assert_eq!(base.refusal(&empty_line_goes(2)).code, "ambiguous");
    assert_eq!(base.result(&empty_line_goes(3), "blanks"), "a\n  \nb\n");
    assert_eq!(
        base.result(&empty_line_goes(1), "blanks"),
        "a\n  \nb\n",
        "line 1 has words"
    );
}

#[test]
fn the_stated_line_chooses_among_equals_and_the_offset_runs_on() {
    let base = Base::new();
    let stated = "--- a/repeated\n+++ b/repeated\n@@ -7,3 +7,3 @@\n a\n-b\n+B\n c\n";
    assert_eq!(
        base.result(stated, "repeated"),
        "a\nb\nc\na\nb\nc\na\nB\nc\na\nb\nc\na\nb\nc\n"
    );
    let runs_on = "--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@\n-line 5\n+five\n line 6\n@@ -8,2 +8,2 @@\n-line 10\n+ten\n line 11\n";
    assert_eq!(
        base.result(runs_on, "x"),
        numbered(1, 20)
            .replace("line 5\n", "five\n")
            .replace("line 10\n", "ten\n")
    );
}

#[test]
fn hunks_at_an_end_must_lie_there_unless_their_line_fits() {
    let base = Base::new();
    let stated = "--- a/x\n+++ b/x\n@@ -8,2 +8,2 @@\n line 8\n-line 9\n+nine\n";
    assert_eq!(
        base.result(stated, "x"),
        numbered(1, 20).replace("line 9\n", "nine\n")
    );
    let moved = "--- a/x\n+++ b/x\n@@ -5,2 +5,2 @@\n line 8\n-line 9\n+nine\n";
    assert_eq!(base.refusal(moved).code, "context-not-found");
}

#[test]
fn lines_without_context_go_only_to_a_stated_end() {
    let base = Base::new();
    assert_eq!(
        base.result("--- a/y\n+++ b/y\n@@ -2,0 +3 @@\n+three\n", "y"),
        "one\ntwo\nthree\n"
    );
    assert_eq!(
        base.result("--- a/empty\n+++ b/empty\n@@ ... @@\n+n\n", "empty"),
        "n\n"
    );
}

#[test]
fn a_diff_in_a_fence_in_prose_applies() {
    let base = Base::new();
    let answer = "Sure! I changed it:\n\n```diff\n--- a/y\n+++ b/y\n@@ ... @@\n one\n-two\n+2\n```\n\n- That is all.\n";
    assert_eq!(base.result(answer, "y"), "one\n2\n");
}

#[test]
fn crlf_transport_is_undone_for_both_kinds_of_files() {
    let base = Base::new();
    let unix = "--- a/y\n+++ b/y\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n".replace('\n', "\r\n");
    assert_eq!(base.result(&unix, "y"), "one\n2\n");
    let dos = "--- a/dos\n+++ b/dos\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n".replace('\n', "\r\n");
    assert_eq!(base.result(&dos, "dos"), "a\r\nB\r\nc\r\n");
    let doubled = "--- a/dos\n+++ b/dos\n@@ -1,3 +1,3 @@\n a\r\n-b\r\n+B\r\n c\r\n".replace('\n', "\r\n");
    assert_eq!(base.result(&doubled, "dos"), "a\r\nB\r\nc\r\n");
    let outcome = base
        .trees
        .apply(&base.sandbox.source(), &base.commit, dos.as_bytes())
        .expect("git answers");
    assert_eq!(outcome.expect("applies").warnings[0].code, "crlf-transport");
}

#[test]
fn deleting_a_folder_leaves_no_empty_tree() {
    let base = Base::new();
    let diff = "--- a/dir/inside\n+++ /dev/null\n@@ -1 +0,0 @@\n-i\n";
    let applied = base
        .trees
        .apply(&base.sandbox.source(), &base.commit, diff.as_bytes())
        .expect("answers")
        .expect("ok");
    assert_eq!(
        applied.diff.result_tree.as_str(),
        base.sandbox
            .git_apply("main", diff.as_bytes())
            .expect("git applies")
    );
}
