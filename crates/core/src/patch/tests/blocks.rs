//! SEARCH/REPLACE blocks.

use super::*;

const BLOCK: &str = "<<<<<<< SEARCH\na\nb\nc\n=======\na\nB\nc\n>>>>>>> REPLACE\n";

#[test]
fn a_block_is_read_below_its_path_wherever_agents_put_it() {
    for text in [
        format!("src/x.rs\n{BLOCK}"),
        format!("src/x.rs\n```rust\n{BLOCK}```\n"),
        format!("```rust\nsrc/x.rs\n{BLOCK}```\n"),
        format!("```\nsrc/x.rs\n{BLOCK}```\n"),
        format!("`src/x.rs`\n\n```rust\n{BLOCK}```\n"),
        format!("**src/x.rs**\n```rust\n{BLOCK}```\n"),
        format!("### `src/x.rs`\n\n````rust\n{BLOCK}````\n"),
        format!("File: src/x.rs\n~~~\n{BLOCK}~~~\n"),
        format!("src/x.rs:\n```rust\n{BLOCK}```\n"),
        format!("Words before.\n\nsrc/x.rs\n```rust\nsrc/x.rs\n{BLOCK}```\n\nAnd after.\n"),
    ] {
        let patch = one(&text);
        assert_eq!(
            (patch.op, patch.new_path.to_text()),
            (FileOp::Modify, "src/x.rs".into()),
            "{text}"
        );
        assert!(matches!(patch.edits, Edits::Blocks(_)), "{text}");
        assert_eq!(sides(&patch), " a\n-b\n+B\n c\n", "{text}");
    }
}

#[test]
fn a_block_without_a_path_of_its_own_is_refused() {
    for text in [
        BLOCK.to_owned(),
        format!("```\n{BLOCK}```\n"),
        format!("In src/x.rs, do this:\n```rust\n{BLOCK}```\n"),
        format!("src/x.rs\n\n\n{BLOCK}"),
        format!("src/x.rs\n{BLOCK}\nThe next one:\n{BLOCK}"),
        format!("- src/x.rs\n{BLOCK}"),
        format!("Node.js:\n{BLOCK}"),
    ] {
        assert_eq!(code(&text).0, "no-path", "{text}");
    }
    assert_eq!(
        code(&format!("src/x.rs\n```\nsrc/y.rs\n{BLOCK}```\n")).0,
        "header-contradiction"
    );
}

#[test]
fn blocks_of_one_file_are_collected() {
    let second = "<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n";
    for text in [
        format!("f.py\n```python\n{BLOCK}{second}```\n"),
        format!("f.py\n```python\n{BLOCK}\n{second}```\n"),
        format!("f.py\n```python\n{BLOCK}```\n\n```python\n{second}```\n"),
        format!("f.py\n```python\n{BLOCK}```\nAnd:\n\nf.py\n```python\n{second}```\n"),
        format!("f.py\n{BLOCK}f.py\n{second}"),
    ] {
        let patch = one(&text);
        assert_eq!(hunks(&patch).len(), 2, "{text}");
        assert_eq!(sides(&patch), " a\n-b\n+B\n c\n-x\n", "{text}");
    }
    let two = format!("f.py\n{BLOCK}g.py\n{second}");
    assert_eq!(files(&two).len(), 2);
}

#[test]
fn an_empty_search_fills_a_new_file() {
    let text = "new.txt\n```\n<<<<<<< SEARCH\n=======\none\n\n```\ntwo\n```\n>>>>>>> REPLACE\n```\n";
    let patch = one(text);
    assert_eq!(
        (patch.op, &patch.edits),
        (FileOp::Write, &Edits::Fill(b"one\n\n```\ntwo\n```\n".to_vec()))
    );
    let empty = one("new.txt\n<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE\n");
    assert_eq!(empty.edits, Edits::Fill(Vec::new()));
    let again = format!("{text}\nnew.txt\n{BLOCK}");
    assert_eq!(code(&again).0, "search-empty");
}

#[test]
fn marks_have_five_to_nine_signs() {
    for n in 5..=9 {
        let text = format!(
            "f.py\n{} SEARCH\na\n{}\nb\n{} REPLACE\n",
            "<".repeat(n),
            "=".repeat(n),
            ">".repeat(n)
        );
        assert_eq!(sides(&one(&text)), "-a\n+b\n", "{n}");
    }
    let uneven = "f.py\n<<<<<<< SEARCH\na\n======\nb\n>>>>>>> REPLACE\n";
    assert_eq!(sides(&one(uneven)), "-a\n+b\n");
    let longer = "f.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>>> REPLACE\n";
    assert_eq!(code(longer), ("mark-ambiguous", 6));
    let shorter = "f.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>> REPLACE\n";
    assert_eq!(
        code(shorter),
        ("block-open", 2),
        "it may be content, and the rest cut off"
    );
    for n in [3, 4, 10] {
        let text = format!("f.py\n{} SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", "<".repeat(n));
        assert_eq!(code(&text).0, "mark-stray", "{n}");
    }
}

#[test]
fn content_that_holds_marks_is_taken_whole_or_refused() {
    let conflict = "f.py\n<<<<<<< SEARCH\nx\n=======\n<<<<<<< HEAD\nmine\n=======\nyours\n>>>>>>> theirs\n>>>>>>> REPLACE\n";
    assert_eq!(code(conflict).0, "mark-ambiguous");
    let longer = "f.py\n<<<<<<<<< SEARCH\nx\n=========\n<<<<<<< HEAD\nmine\n=======\nyours\n>>>>>>> theirs\n>>>>>>>>> REPLACE\n";
    assert_eq!(
        sides(&one(longer)),
        "-x\n+<<<<<<< HEAD\n+mine\n+=======\n+yours\n+>>>>>>> theirs\n"
    );
    let heading = "f.rst\n<<<<<<< SEARCH\nTitle\n=====\n=======\nOther\n=====\n>>>>>>> REPLACE\n";
    assert_eq!(sides(&one(heading)), "-Title\n+Other\n =====\n");
    let same = "f.rst\n<<<<<<< SEARCH\nHeading\n=======\n=======\nOther\n>>>>>>> REPLACE\n";
    assert_eq!(code(same), ("mark-ambiguous", 5));
    let block_in_block = format!("f.md\n<<<<<<<<< SEARCH\nx\n=========\n{BLOCK}>>>>>>>>> REPLACE\n");
    assert!(sides(&one(&block_in_block)).contains("+=======\n"));
    let nested = format!("f.md\n<<<<<<< SEARCH\nx\n=======\n{BLOCK}>>>>>>> REPLACE\n");
    assert_eq!(code(&nested).0, "mark-ambiguous");
    let cut = "f.md\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n=======\ny\n";
    assert_eq!(code(cut), ("mark-ambiguous", 5));
    let end_inside = "f.md\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\nz\n>>>>>>> REPLACE\n";
    assert_eq!(code(end_inside), ("mark-ambiguous", 6));
    let end_behind = end_inside.replace("z\n", "\n");
    assert_eq!(code(&end_behind).0, "mark-stray");
}

#[test]
fn a_block_that_is_not_whole_is_refused() {
    for text in [
        "f.py\n<<<<<<< SEARCH\na\n",
        "f.py\n<<<<<<< SEARCH\na\n=======\nb\n",
        "f.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPL",
        "f.py\n<<<<<<< SEARCH\na\nb\n>>>>>>> REPLACE\n",
    ] {
        assert_eq!(code(text).0, "block-open", "{text}");
    }
    assert_eq!(code("a\n=======\nb\n>>>>>>> REPLACE\n").0, "mark-stray");
    assert_eq!(
        code(&format!(
            "f.py\n{BLOCK}\n  <<<<<<< SEARCH\n  a\n  =======\n  b\n  >>>>>>> REPLACE\n"
        ))
        .0,
        "mark-stray",
        "an indented block must not be dropped"
    );
    assert_eq!(code(&format!("<<<<<<< SEARCH f.py\n{BLOCK}")).0, "mark-stray");
}

#[test]
fn blocks_with_crlf_lose_the_transport_s_cr() {
    let patch = one(&format!("f.py\n{BLOCK}").replace('\n', "\r\n"));
    assert!(patch.crlf_transport);
    assert_eq!(sides(&patch), " a\n-b\n+B\n c\n");
    let only_the_block = format!("Words.\nf.py\n{}", BLOCK.replace('\n', "\r\n"));
    assert_eq!(code(&only_the_block), ("mixed-line-ends", 3));
}
