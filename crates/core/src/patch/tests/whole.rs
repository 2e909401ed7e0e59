//! Whole files in fences, and samples that are none.

use super::*;

fn whole(path: &str, content: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), content.to_owned())]
}

#[test]
fn a_file_is_a_fence_below_its_path() {
    for text in [
        "src/x.rs\n```rust\nfn x() {}\n```\n",
        "`src/x.rs`\n```rust\nfn x() {}\n```\n",
        "**`src/x.rs`**\n```\nfn x() {}\n```",
        "**`src/x.rs`:**\n\n```\nfn x() {}\n```",
        "## src/x.rs\n\n```rust\nfn x() {}\n```\n\nDone.\n",
        "File: `src/x.rs`\n~~~rust\nfn x() {}\n~~~\n",
        "**File:** src/x.rs\n~~~rust\nfn x() {}\n~~~\n",
        "Here you are.\nsrc/x.rs:\n````rust\nfn x() {}\n````\n",
    ] {
        assert_eq!(files(text), whole("src/x.rs", "fn x() {}\n"), "{text}");
        assert_eq!(one(text).op, FileOp::Write);
    }
    assert_eq!(
        files("Makefile\n```\nall:\n\ttrue\n```\n"),
        whole("Makefile", "all:\n\ttrue\n")
    );
    assert_eq!(files("\"a\\303\\244 b\"\n```\nx\n```\n"), whole("aä b", "x\n"));
    assert_eq!(
        files("`with space.txt`\n```\nx\n```\n"),
        whole("with space.txt", "x\n")
    );
    assert_eq!(files("empty.txt\n```\n```\n"), whole("empty.txt", ""));
}

#[test]
fn samples_are_not_files() {
    let diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
    for sample in [
        "Run it:\n```\ncargo test\n```\n",
        "Example\n```rust\nfn x() {}\n```\n",
        "In `src/x.rs` it reads:\n```rust\nfn x() {}\n```\n",
        "The call src/x.rs makes\n\n```rust\nfn x() {}\n```\n",
        "src/x.rs\n\n\n```rust\nfn x() {}\n```\n",
        "see foo.bar()\n```\nx\n```\n",
        "https://example.com/a.rs\n```\nx\n```\n",
        "e.g.\n```\nx\n```\n",
        "Usage:\n```text\nx\n```\n",
        "The files:\n```\nsrc/a.rs\nsrc/b.rs\n```\n",
        "v1.2\n```\nx\n```\n",
        "`cargo test`\n```\nx\n```\n",
        "src/\n```\nx\n```\n",
        "```rust\nfn x() {}\n```\n",
        "```rust,ignore\nfn x() {}\n```\n",
        "**Note**\n```c++\nx\n```\n",
    ] {
        assert_eq!(code(sample).0, "no-diff", "{sample}");
        assert_eq!(sides(&one(&format!("{sample}\n{diff}"))), "-a\n+b\n", "{sample}");
        assert_eq!(sides(&one(&format!("{diff}\n{sample}"))), "-a\n+b\n", "{sample}");
    }
}

#[test]
fn what_could_be_a_path_or_a_heading_is_refused() {
    for line in [
        "### Node.js",
        "Node.js:",
        "Input/Output",
        "### Before/After",
        "- src/x.rs",
        "1. `src/x.rs`:",
        "src/x.rs (new file)",
        "### Makefile",
        "CHANGES",
        "`cargo`",
    ] {
        assert_eq!(
            code(&format!("{line}\n```\nx\n```\n")),
            ("path-unclear", 2),
            "{line}"
        );
    }
    for info in [
        "python src/x.py",
        "src/x.py",
        "rust:src/x.rs",
        "js title=\"app/x.js\"",
        "text notes.txt",
    ] {
        assert_eq!(
            code(&format!("```{info}\nx\n```\n")),
            ("path-unclear", 1),
            "{info}"
        );
    }
}

#[test]
fn a_file_that_holds_fences_is_never_cut_short() {
    let markdown = "# T\n```bash\nrun\n```\nmore\n";
    assert_eq!(
        files(&format!("README.md\n````markdown\n{markdown}````\n")),
        whole("README.md", markdown)
    );
    assert_eq!(
        files(&format!("README.md\n~~~\n{markdown}~~~\n")),
        whole("README.md", markdown)
    );
    for text in [
        format!("README.md\n```markdown\n{markdown}```\n"),
        "README.md\n```\n# T\n```\nrun\n```\nmore\n```\n".to_owned(),
        "README.md\n```\n# T\n```\nrun\n```\nmore\n".to_owned(),
        "README.md\n```\n# T\n```\nrun\n".to_owned(),
        "README.md\n```\n# T\n```\n\nsrc/main.rs\n```\nfn main() {}\n```\n".to_owned(),
        "README.md\n```\n# Layout\n```\nsrc/\nsrc/main.rs\n```\nDone.\n```\n".to_owned(),
        "x.py\n```\na = 1\n```\nRun:\n```\npython x.py\n```\n".to_owned(),
        "x.py\n```\na = \"\"\"\n  ```\n\"\"\"\n```\n".to_owned(),
        "  x.py\n  ```\n  a = 1\n  ```\n".to_owned(),
        "x.py\n```\na = 1\n```\nb = 2\n```rust\n```\n".to_owned(),
        "x.py\n```\na = 1\n```\n\nb = 2\n\nsrc/y.py\n```\nc = 3\n```\n".to_owned(),
        "a.rst\n~~~~\nFirst time setup\n~~~~~~~~~~~~~~~~\n".to_owned(),
        "a.rst\n~~~~\nFirst time setup\n~~~~~~~~~~~~~~~~\n\nWords.\n~~~~\n".to_owned(),
    ] {
        assert_eq!(code(&text).0, "fence-ambiguous", "{text}");
    }
    for text in [
        "x.py\n```\na = 1\n",
        "x.py\n````\na = 1\n```\n",
        "x.py\n```\na = 1\n~~~\n",
    ] {
        assert_eq!(code(text).0, "fence-open", "{text}");
    }
    let clear = "x.py\n```python\na = 1\n```\n\nThen:\n```bash\npython x.py\n```\n\ny.py\n```\nb = 1\n```\n\n`z.py`\n```\n\n```\n";
    assert_eq!(
        files(clear),
        [("x.py", "a = 1\n"), ("y.py", "b = 1\n"), ("z.py", "\n")].map(|(p, c)| (p.to_owned(), c.to_owned()))
    );
}

#[test]
fn a_file_that_holds_edits_is_no_edit_and_no_edit_is_a_file() {
    let diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n";
    for text in [
        format!("x.py\n```diff\n{diff}```\n"),
        format!("x.py\n```\n{diff}```\n"),
        format!("### `x.py`\n```patch\n{diff}```\n"),
        format!("### x.py\n\n```diff\n{diff}```\n"),
    ] {
        assert_eq!(sides(&one(&text)), "-a\n+b\n", "{text}");
    }
    for (text, want) in [
        (format!("x.diff\n```diff\n{diff}```\n"), "fence-ambiguous"),
        (format!("x.patch\n```\n{diff}```\n"), "fence-ambiguous"),
        (
            format!("x.py\n```python\n# the change\n{diff}```\n"),
            "fence-ambiguous",
        ),
        ("x.py\n```diff\n-a\n+b\n```\n".to_owned(), "diff-without-file"),
        (
            "x.py\n```diff\n@@ -1 +1 @@\n-a\n+b\n```\n".to_owned(),
            "hunk-without-file",
        ),
        (
            "x.py\n```\na\n<<<<<<< SEARCH\n```\n".to_owned(),
            "fence-ambiguous",
        ),
    ] {
        assert_eq!(code(&text).0, want, "{text}");
    }
}

#[test]
fn a_hunk_never_slips_into_the_file_of_another_fence() {
    let text =
        "```diff\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n```\n\ny.py\n```diff\n@@ -1 +1 @@\n-a\n+b\n```\n";
    assert_eq!(code(text), ("hunk-without-file", 11));
}

#[test]
fn formats_may_be_mixed_in_one_answer() {
    let text = "I changed three files.\n\n```diff\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n```\n\nsrc/y.py\n```python\n\
        <<<<<<< SEARCH\np\n=======\nq\n>>>>>>> REPLACE\n```\n\nsrc/z.py\n```python\nz = 1\n```\n\nTry it:\n```sh\nmake\n```\n";
    assert_eq!(
        files(text),
        [
            ("x", "-a\n+b\n"),
            ("src/y.py", "-p\n+q\n"),
            ("src/z.py", "z = 1\n")
        ]
        .map(|(p, c)| (p.to_owned(), c.to_owned()))
    );
}

#[test]
fn mixed_up_fences_are_refused() {
    let open = "Look:\n```\nsample\n\nsrc/x.rs\n```rust\nfn x() {}\n```\n";
    assert_eq!(code(open).0, "fence-ambiguous");
    let never_closed = "a.py\n```python\na = 1\n```\n\nLook:\n```sh\nsample\n";
    assert_eq!(code(never_closed), ("fence-open", 7));
}

#[test]
fn whole_files_with_crlf_lose_the_transport_s_cr() {
    let patch = one("x.py\r\n```\r\na = 1\r\n```\r\n");
    assert!(patch.crlf_transport);
    assert_eq!(patch.edits, Edits::Whole(b"a = 1\n".to_vec()));
    assert_eq!(
        code("Words.\n\nx.py\r\n```\r\na = 1\r\n```\r\n"),
        ("mixed-line-ends", 4)
    );
}
