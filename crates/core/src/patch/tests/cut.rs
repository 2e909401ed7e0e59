//! Texts that end too early.

use super::*;

#[test]
fn a_hunk_that_ends_with_the_text_in_the_middle_of_a_change_is_refused() {
    for text in [
        "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n-b\n-c\n+B\n",
        "--- a/x\n+++ b/x\n@@ -1,4 +1,5 @@\n a\n-b\n+B\n c\n",
        "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n a\n-b\n+B\n c\n",
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1,3 @@\n+a\n+b\n",
        "```diff\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,3 @@\n+a\n+b\n\n",
        "--- a/x\n+++ b/x\n@@ -1,4 +1,2 @@\n a\n-b\n--",
    ] {
        assert_eq!(
            code(text),
            (
                "hunk-cut",
                text.lines().position(|l| l.starts_with("@@")).unwrap_or(0) + 1
            ),
            "{text}"
        );
    }
    let closed = "```diff\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,3 @@\n+a\n+b\n```\n";
    assert_eq!(sides(&one(closed)), "+a\n+b\n", "the fence says that this is all");
}

#[test]
fn a_line_that_may_be_cut_in_the_middle_is_refused() {
    let create = "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+let a";
    assert_eq!(code(create), ("input-cut", 4));
    let proven = format!("diff --git a/x b/x\nindex 0000000..1234567\n{create}");
    assert_eq!(sides(&one(&proven)), "+let a\n", "the blob id tells");
    let marked = format!("{create}\n\\ No newline at end of file");
    assert_eq!(sides(&one(&marked)), "+let a");
    assert_eq!(
        code("similarity index 100%\nrename from a\nrename to b").0,
        "input-cut"
    );
    let context = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n c";
    assert_eq!(
        sides(&one(context)),
        "-a\n+b\n c\n",
        "context has to fit the file"
    );
}

#[test]
fn headers_that_announce_hunks_without_any_are_refused() {
    for text in [
        "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n",
        "--- a/x\n+++ /dev/null\n",
        "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n",
        "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n--- a/x\n+++ b/x\n",
    ] {
        assert_eq!(code(text).0, "hunks-missing", "{text}");
    }
    let half = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n--- a/x\n";
    assert_eq!(code(half), ("header-contradiction", 4));
}

#[test]
fn a_rename_agrees_with_its_git_line() {
    let rename =
        |line: &str, to: &str| format!("{line}\nsimilarity index 100%\nrename from x y\nrename to {to}\n");
    assert_eq!(one(&rename("diff --git a/x y b/z", "z")).op, FileOp::Rename);
    assert_eq!(
        one(&rename("diff --git a/x y \"b/\\303\\244\"", "\"\\303\\244\"")).op,
        FileOp::Rename
    );
    assert_eq!(one(&rename("diff --git \"a/x y\" b/z", "z")).op, FileOp::Rename);
    assert_eq!(
        one(&rename("diff --git x y z", "z")).op,
        FileOp::Rename,
        "without prefixes nothing is known"
    );
    for (line, to) in [
        ("diff --git a/x y b/zz", "z"),
        ("diff --git a/x b/z", "z"),
        ("diff --git \"a/x y b/z", "z"),
        ("diff --git a/", "z"),
    ] {
        assert_eq!(code(&rename(line, to)).0, "header-contradiction", "{line}");
    }
}

#[test]
fn the_place_is_believed_only_beside_true_counts() {
    let index = |at: &str| {
        let text = format!("```\n--- a/x\n+++ b/x\n{at}\n a\n-b\n+c\n```\n");
        hunks(&one(&text))[0].old_index
    };
    assert_eq!(index("@@ -7,2 +7,2 @@"), Some(6));
    assert_eq!(index("@@ -7,3 +7,2 @@"), None);
    assert_eq!(index("@@ -7,2 +7,9 @@"), None);
    assert_eq!(index("@@ -7 +7 @@"), None);
    assert_eq!(index("@@ -0,2 +7,2 @@"), None);
}

#[test]
fn a_hunk_without_counts_at_the_end_of_the_text_says_so() {
    let open = |text: &str| hunks(&one(text))[0].open_end;
    assert!(open("--- a/x\n+++ b/x\n@@ ... @@\n a\n-b\n"));
    assert!(open("```diff\n--- a/x\n+++ b/x\n@@ ... @@\n a\n-b\n\n"));
    assert!(!open("```diff\n--- a/x\n+++ b/x\n@@ ... @@\n a\n-b\n```\n"));
    assert!(!open("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n a\n-b\n"));
}

#[test]
fn a_mode_without_its_git_line_never_slips_into_the_next_file() {
    let lost = "old mode 100644\nnew mode 100755\n--- a/other\n+++ b/other\n@@ -1 +1 @@\n-a\n+b\n";
    assert_eq!(code(lost).0, "header-contradiction");
    let behind = format!("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n{lost}");
    assert_eq!(code(&behind).0, "header-contradiction");
    assert_eq!(code("Binary files a/x and b/x differ\n").0, "no-path");
}
