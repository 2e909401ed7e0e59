//! Unified diffs.

use super::*;

const PLAIN: &str = "diff --git a/x b/x\nindex 1234567..89abcde 100644\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@ fn x\n a\n-b\n+B\n c\n";

#[test]
fn a_git_diff_is_read_whole() {
    let patch = one(PLAIN);
    assert_eq!(
        (patch.op, patch.old_path.to_text(), patch.new_path.to_text()),
        (FileOp::Modify, "x".into(), "x".into())
    );
    assert_eq!((patch.old_mode, patch.new_mode), (Some(FileMode::Regular), None));
    assert_eq!(
        (patch.old_id.as_deref(), patch.new_id.as_deref()),
        (Some("1234567"), Some("89abcde"))
    );
    assert_eq!(hunks(&patch)[0].old_index, Some(0));
    assert_eq!(sides(&patch), " a\n-b\n+B\n c\n");
    assert!(!patch.crlf_transport && !patch.binary);
}

#[test]
fn what_git_writes_before_names_with_mnemonic_prefixes_is_known() {
    for (old, new) in [("i", "w"), ("c", "w"), ("c", "i"), ("o", "w"), ("w", "i")] {
        let text = format!(
            "diff --git {old}/src/a {new}/src/a\n--- {old}/src/a\n+++ {new}/src/a\n@@ -1 +1 @@\n-a\n+b\n"
        );
        let patches = read(text.as_bytes()).expect("it is read");
        assert_eq!(patches[0].new_path, RepoPath::from("src/a"), "{text}");
        let created = format!(
            "diff --git {old}/x {new}/x\nnew file mode 100644\n--- /dev/null\n+++ {new}/x\n@@ -0,0 +1 @@\n+b\n"
        );
        assert_eq!(
            read(created.as_bytes()).expect("it is read")[0].new_path,
            RepoPath::from("x")
        );
        let renamed = format!(
            "diff --git {old}/x {new}/y\nsimilarity index 50%\nrename from x\nrename to y\n--- {old}/x\n+++ {new}/y\n@@ -1 +1 @@\n-a\n+b\n"
        );
        assert_eq!(
            read(renamed.as_bytes()).expect("it is read")[0].new_path,
            RepoPath::from("y")
        );
    }
    let folders = "--- i/x\n+++ w/x\n@@ -1 +1 @@\n-a\n+b\n";
    assert_eq!(
        read(folders.as_bytes()).expect_err("it is refused").code,
        "header-contradiction"
    );
}

#[test]
fn a_change_that_is_indented_or_quoted_is_not_left_out_in_silence() {
    let plain = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
    for inset in ["  ", "> ", "\t", "   > "] {
        let second: String = plain
            .replace("/x", "/y")
            .lines()
            .map(|line| format!("{inset}{line}\n"))
            .collect();
        let text = format!("{plain}\nAnd:\n\n- then\n{second}");
        let error = read(text.as_bytes()).expect_err("it is refused");
        assert_eq!((error.code, error.line), ("change-indented", 10), "{text}");
    }
    let other = format!("{plain}\n*** Begin Patch\n*** Update File: y\n@@\n-a\n+b\n*** End Patch\n");
    assert_eq!(
        read(other.as_bytes()).expect_err("it is refused").code,
        "form-unknown"
    );
    let prose = format!("{plain}\n  --- that is all ---\n> thanks\n");
    assert_eq!(read(prose.as_bytes()).expect("it is read").len(), 1);
}

#[test]
fn prose_and_fences_around_are_ignored() {
    let text =
        format!("Here is the index of changes:\n\n```diff\n{PLAIN}```\n\n- done\n+ more\nnew mode of work\n");
    assert_eq!(sides(&one(&text)), " a\n-b\n+B\n c\n");
    assert_eq!(
        sides(&one(&format!("{PLAIN}\nNotes:\n- one\n- two\n"))),
        " a\n-b\n+B\n c\n"
    );
}

#[test]
fn wrong_and_missing_counts_are_tolerated() {
    for at in [
        "@@ -1,9 +1,9 @@",
        "@@ -1 +1 @@",
        "@@ -1,2 +1,3 @@",
        "@@ ... @@",
        "@@",
        "@@ fn x() {",
    ] {
        let text = format!("--- a/x\n+++ b/x\n{at}\n a\n-b\n+B\n c\n");
        assert_eq!(sides(&one(&text)), " a\n-b\n+B\n c\n", "{at}");
    }
    assert_eq!(
        hunks(&one("--- a/x\n+++ b/x\n@@ ... @@\n a\n-b\n"))[0].old_index,
        None
    );
    assert_eq!(
        hunks(&one("--- a/x\n+++ b/x\n@@ -7,2 +7 @@\n a\n-b\n"))[0].old_index,
        Some(6)
    );
    assert_eq!(
        hunks(&one("--- a/x\n+++ b/x\n@@ -7,0 +8 @@\n+a\n"))[0].old_index,
        Some(7)
    );
    assert_eq!(
        hunks(&one("--- a/x\n+++ b/x\n@@ -7,0 +8 @@\n-a\n"))[0].old_index,
        None,
        "a lie"
    );
}

#[test]
fn blank_context_lines_may_lack_their_space() {
    let exact = "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n\n-b\n+B\n\n";
    assert_eq!(sides(&one(exact)), " a\n \n-b\n+B\n \n");
    let unknown = "--- a/x\n+++ b/x\n@@ ... @@\n a\n\n-b\n+B\n\n\nSome words.\n";
    assert_eq!(
        sides(&one(unknown)),
        " a\n \n-b\n+B\n",
        "trailing blanks are not context"
    );
    let crlf = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\r\n\r\n-b\r\n+B\r\n";
    assert_eq!(sides(&one(crlf)), " a\r\n \r\n-b\r\n+B\r\n");
}

#[test]
fn a_mail_signature_ends_the_hunk() {
    let mail = format!("From: x\nSubject: y\n---\n x | 2 +-\n\n{PLAIN}-- \n2.47.3\n\n");
    assert_eq!(sides(&one(&mail)), " a\n-b\n+B\n c\n");
    let unknown = "--- a/x\n+++ b/x\n@@ ... @@\n a\n-b\n-- \n2.47.3\n";
    assert_eq!(sides(&one(unknown)), " a\n-b\n");
}

#[test]
fn removed_dashes_and_added_pluses_are_content() {
    let sql = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n--- old\n+++ new\n c\n@@ -9 +9 @@\n-y\n+z\n";
    assert_eq!(sides(&one(sql)), " a\n--- old\n+++ new\n c\n-y\n+z\n");
    assert_eq!(
        code("--- a/x\n+++ b/x\n@@ ... @@\n a\n--- old\n+++ new\n c\n"),
        ("ambiguous-header", 5)
    );
}

#[test]
fn counts_that_would_cut_content_are_refused() {
    assert_eq!(
        code("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n\n+C\n"),
        ("content-after-hunk", 8)
    );
    let more = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n+C\n";
    assert_eq!(
        sides(&one(more)),
        " a\n-b\n+B\n+C\n",
        "directly following lines belong to the hunk"
    );
}

#[test]
fn missing_newlines_are_kept() {
    let text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ Kein Zeilenumbruch\n";
    let patch = one(text);
    assert_eq!(hunks(&patch)[0].lines[0].bytes, b"a");
    assert_eq!(hunks(&patch)[0].lines[1].bytes, b"b");
    let inside = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n\\ No newline\n-c\n+b\n+d\n";
    assert_eq!(code(inside).0, "newline-mark");
}

#[test]
fn crlf_transport_is_undone_only_as_a_whole() {
    let patch = one(&PLAIN.replace('\n', "\r\n"));
    assert!(patch.crlf_transport);
    assert_eq!(sides(&patch), " a\n-b\n+B\n c\n");
    let file_with_crlf = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+B\r\n";
    let patch = one(file_with_crlf);
    assert!(!patch.crlf_transport);
    assert_eq!(sides(&patch), " a\r\n-b\r\n+B\r\n");
    assert_eq!(
        code("--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\n-a\n+b\n"),
        ("mixed-line-ends", 1)
    );
}

#[test]
fn names_come_from_any_header() {
    assert_eq!(
        one("--- a/x y\t2020-01-01\n+++ b/x y\t\n@@ -1 +1 @@\n-a\n+b\n")
            .new_path
            .to_text(),
        "x y"
    );
    assert_eq!(one("--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n").new_path.to_text(), "x");
    assert_eq!(
        one("diff --git a/s p b/s p\nold mode 100644\nnew mode 100755\n")
            .new_path
            .to_text(),
        "s p"
    );
    assert_eq!(
        one("diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n")
            .new_path
            .to_text(),
        "x"
    );
    let quoted = "diff --git \"a/\\303\\244\" \"b/\\303\\244\"\nnew file mode 100644\n";
    assert_eq!(one(quoted).new_path.as_bytes(), "ä".as_bytes());
    let raw = read(b"--- a/\xe9\n+++ b/\xe9\n@@ -1 +1 @@\n-a\n+b\n").expect("bytes are fine");
    assert_eq!(raw[0].new_path.as_bytes(), b"\xe9");
}

#[test]
fn every_kind_of_change_is_told_apart() {
    assert_eq!(
        one("diff --git a/x b/x\nnew file mode 100755\nindex 0000000..e69de29\n").op,
        FileOp::Create
    );
    assert_eq!(
        one("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n").op,
        FileOp::Create
    );
    assert_eq!(
        one("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n").op,
        FileOp::Delete
    );
    let moved = one("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n");
    assert_eq!(
        (moved.op, moved.old_path.to_text(), moved.new_path.to_text()),
        (FileOp::Rename, "x".into(), "y".into())
    );
    assert_eq!(one("copy from x\ncopy to y\n").op, FileOp::Copy);
    assert!(one("diff --git a/x b/x\nindex 1234..5678\nGIT binary patch\nliteral 3\nKcmZQ\n").binary);
    assert!(one("diff --git a/x b/x\nindex 1234..5678\nBinary files a/x and b/x differ\n").binary);
}

#[test]
fn sections_without_a_git_line_follow_each_other() {
    let text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\nrename from p\nrename to q\n";
    let patches = read(text.as_bytes()).expect("it reads");
    let names: Vec<String> = patches.iter().map(|p| p.new_path.to_text()).collect();
    assert_eq!(names, ["x", "y", "q"]);
}

#[test]
fn contradictions_are_refused() {
    let head = "diff --git a/x b/x\n";
    let cases = [
        (
            format!("{head}old mode 100644\nold mode 100644\nnew mode 100755\n"),
            "header-repeated",
        ),
        (
            format!("{head}--- a/x\n+++ b/x\nnew mode 100755\n@@ -1 +1 @@\n-a\n+b\n"),
            "header-misplaced",
        ),
        (
            format!("{head}--- a/x\n+++ b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"),
            "header-repeated",
        ),
        (
            "rename from x\nrename to y\n--- a/x\n+++ b/z\n@@ -1 +1 @@\n-a\n+b\n".into(),
            "header-contradiction",
        ),
        (
            format!("{head}new file mode 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
                .replace("--- a/x", "--- a/y"),
            "header-contradiction",
        ),
        (
            "--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n".into(),
            "header-contradiction",
        ),
        (
            format!("{head}--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n"),
            "header-contradiction",
        ),
        (
            "--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n".into(),
            "header-contradiction",
        ),
        (
            format!("{head}deleted file mode 100644\nnew file mode 100644\n"),
            "header-contradiction",
        ),
        (format!("{head}rename from x\n"), "header-contradiction"),
        ("rename from x\nrename to x\n".into(), "header-contradiction"),
        (
            format!("{head}rename from x\nrename to y\n"),
            "header-contradiction",
        ),
        (format!("{head}old mode 100644\n"), "header-contradiction"),
        (format!("{head}old mode 100664\nnew mode 100755\n"), "bad-mode"),
        (format!("{head}index zzzz..yyyy\n"), "bad-index"),
        (head.to_owned(), "empty-section"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n".into(), "empty-hunk"),
        ("--- \"a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n".into(), "bad-path"),
        ("@@ -1 +1 @@\n-a\n+b\n".into(), "hunk-without-file"),
        ("diff --git x y\n@@ -1 +1 @@\n-a\n+b\n".into(), "no-path"),
        ("diff --cc x\nindex 1..2\n".into(), "combined-diff"),
        (" \n\n".into(), "empty"),
        ("Nothing to see.\n".into(), "no-diff"),
    ];
    for (text, want) in cases {
        assert_eq!(code(&text).0, want, "{text}");
    }
}

#[test]
fn limits_hold() {
    assert_eq!(
        read(&vec![b'a'; INPUT_MAX_BYTES + 1])
            .expect_err("too large")
            .code,
        "too-large"
    );
    let long = format!(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+{}\n",
        "b".repeat(LINE_MAX_BYTES)
    );
    assert_eq!(code(&long), ("line-too-long", 5));
    assert_eq!(code(&"+\n".repeat(LINES_MAX + 1)).0, "too-many-lines");
    let hunks = format!(
        "--- a/x\n+++ b/x\n{}",
        "@@ -1 +1 @@\n-a\n+b\n".repeat(HUNKS_MAX + 1)
    );
    assert_eq!(code(&hunks).0, "too-many-hunks");
    let files: String = (0..=FILES_MAX)
        .map(|i| format!("rename from a{i}\nrename to b{i}\n@@\n+x\n"))
        .collect();
    assert_eq!(code(&files).0, "too-many-files");
}

#[test]
fn long_inputs_take_no_quadratic_time() {
    let half = LINE_MAX_BYTES / 2 - 20;
    for text in [
        "index \n".repeat(900_000),
        format!("diff --git {}\n", "a/ b/".repeat(LINE_MAX_BYTES / 6)),
        format!("diff --git a/{0} b/{0}\nnew file mode 100644\n", " ".repeat(half)),
        format!(
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n{}",
            "\n \n".repeat(400_000)
        ),
        format!(
            "--- a/x\n+++ b/x\n{}",
            "@@ -1,9 +1,9 @@\n-a\n\n".repeat(HUNKS_MAX)
        ),
        format!("{}{}\n```\nx\n```\n", "a".repeat(half), ":".repeat(half)),
        format!(
            "{}a{}\n```\nx\n```\n",
            "**".repeat(half / 2),
            "**".repeat(half / 2)
        ),
    ] {
        let _outcome = read(text.as_bytes());
    }
}

#[test]
fn files_whose_fences_hide_their_ends_from_each_other_are_refused_soon() {
    // Each fence is shorter than the one before, so none ends what those before have begun.
    let files: String = (3..1_500)
        .rev()
        .map(|length| format!("f{length}.rs\n{0}\nx\n{0}\n\n", "`".repeat(length)))
        .collect();
    assert_eq!(
        code(&(files.clone() + &"words\n".repeat(500_000))).0,
        "too-costly"
    );
    let few = files.split_at(files.len() - 40).1;
    let last = few.split_at(few.find("f4.rs").expect("it is there")).1;
    assert_eq!(super::files(&(last.to_owned() + "words\n")).len(), 2);
}

#[test]
fn a_reader_never_panics_on_any_cut_of_a_diff() {
    let text = format!(
        "{PLAIN}diff --git a/y b/z\nrename from y\nrename to z\n{PLAIN}\\ No newline at end of file\n"
    );
    for end in 0..text.len() {
        let _outcome = read(&text.as_bytes()[..end]);
        let _outcome = read(&text.as_bytes()[end..]);
    }
}
