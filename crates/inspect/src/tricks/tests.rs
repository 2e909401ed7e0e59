//! Tricks of content and paths, with ordinary text that looks nearly like them.

use super::parse;
use crate::scenario::Scenario;
use proptest::prelude::*;

fn line(text: &str) -> Vec<String> {
    let new = format!("first\n{text}\nlast\n");
    Scenario::default().edit("src/a.rs", "first\nlast\n", new).rules()
}

#[test]
fn characters_that_hide_text_are_said() {
    let table = [
        (
            "let access = \"user\u{202e} \u{2066}// admin\u{2069} \u{2066}\";",
            "hidden-text",
        ),
        ("a\u{e0041}\u{e0042}", "hidden-text"),
        ("printf \u{1b}[2Khidden", "hidden-text"),
        ("one\rtwo", "hidden-text"),
        ("\u{7f}", "hidden-text"),
        ("a\u{2028}b", "hidden-text"),
        ("x\u{fe01}\u{fe02}\u{fe03}", "hidden-text"),
        ("const x = '\u{e0101}'", "hidden-text"),
        ("let x\u{200b}=1;", "invisible-character"),
        ("let \u{3164} = 1;", "invisible-character"),
        ("if\u{feff}(x)", "invisible-character"),
        ("a\u{200d}b", "invisible-character"),
        ("so\u{ad}ft", "invisible-character"),
        ("\u{200f}x", "invisible-character"),
    ];
    for (text, rule) in table {
        assert_eq!(
            line(text),
            [format!("{rule}@src/a.rs")],
            "{}",
            text.escape_unicode()
        );
    }
}

#[test]
fn ordinary_text_of_any_language_is_left_alone() {
    for text in [
        "plain ascii\twith tab",
        "windows line\r",
        "\u{c}",
        "// Привет, это комментарий",
        "// Grüße, Ærøskøbing, naïve, Łódź",
        "日本語のコメント、ＡＢＣ",
        "می\u{200c}خواهم",
        "क्\u{200d}ष",
        "family 👨\u{200d}👩\u{200d}👧 heart ❤\u{fe0f} key 1\u{fe0f}\u{20e3} flag 🏳\u{fe0f}\u{200d}🌈",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "葛\u{e0100}城",
        "non\u{a0}breaking",
        "µs, 5 kΩ, m², x₁, naïveté",
    ] {
        assert_eq!(line(text), [""; 0], "{text}");
    }
}

#[test]
fn only_what_the_change_brings_in_counts() {
    let old = "let x\u{200b} = 1;\nsаy();\nend\n";
    assert_eq!(
        Scenario::default()
            .edit("a.rs", old, format!("{old}more\n"))
            .rules(),
        [""; 0]
    );
    assert_eq!(Scenario::default().edit("a.rs", old, "end\n").rules(), [""; 0]);
    assert_eq!(
        Scenario::default().rename("a.rs", "b.rs", old, old).rules(),
        [""; 0]
    );
    let moved = Scenario::default().edit("a.rs", "a\n", "\u{feff}a\n");
    assert_eq!(moved.rules(), [""; 0], "a byte order mark");
}

#[test]
fn a_finding_names_the_lines_and_the_characters() {
    let said = Scenario::default()
        .add("a.rs", "ok\nx\u{202e}y\nz\u{202d}\n")
        .sentences();
    assert_eq!(
        said,
        [
            "hidden-text@a.rs:2,3 2 lines of added text: characters (U+202D, U+202E) that show text in another order \
          than it is read."
        ]
    );
}

#[test]
fn names_with_letters_of_another_script_are_said() {
    for name in ["sаyHello", "раypal", "αdmin", "ｅxec", "\u{1d552}b", "userΙd"] {
        let said = line(&format!("fn {name}() {{}}"));
        assert_eq!(said, ["mixed-script@src/a.rs"], "{name}");
    }
    for text in [
        "привет мир",
        "let größe = 1;",
        "σ = 1",
        "変数 x = 1",
        "naïve_café",
        "Ωmega",
        "ΔT = 3",
    ] {
        assert_eq!(line(text), [""; 0], "{text}");
    }
    let said = Scenario::default().add("a.rs", "sаy\n").sentences();
    assert_eq!(
        said,
        ["mixed-script@a.rs:1 Names mix ASCII letters with letters that look like them: s<U+0430>y."]
    );
}

#[test]
fn names_and_paths_that_are_not_composed_are_said() {
    assert_eq!(line("let cafe\u{301} = 1;"), ["not-normalised@src/a.rs"]);
    assert_eq!(line("let café = 1;"), [""; 0]);
    assert_eq!(
        Scenario::default()
            .add("docs/cafe\u{301}.md", "x\n")
            .findings()
            .len(),
        1
    );
    assert_eq!(Scenario::default().add("docs/café.md", "x\n").rules(), [""; 0]);
    let edited = Scenario::default().edit("docs/cafe\u{301}.md", "x\n", "y\n");
    assert_eq!(edited.rules(), [""; 0], "the path was there before");
}

#[test]
fn attribute_files_say_what_they_hide() {
    let old = "*.txt text\n";
    for (rule, effect) in [
        ("src/** -diff", "is shown without its differences"),
        ("*.rs linguist-generated", "is collapsed by viewers"),
        ("*.bin filter=lfs", "is stored otherwise than it is checked out"),
        ("tests export-ignore", "differs in released archives"),
        ("*.sh eol=crlf", "has other bytes when it is checked out"),
        ("CHANGELOG.md merge=union", "is merged otherwise"),
    ] {
        let said = Scenario::default()
            .edit(".gitattributes", old, format!("{old}{rule}\n"))
            .sentences();
        assert!(
            said.len() == 1 && said[0].starts_with("git-attributes@.gitattributes:2 "),
            "{said:?}"
        );
        assert!(said[0].contains(effect), "{said:?}");
    }
    assert_eq!(
        Scenario::default()
            .add("deep/.gitattributes", "# nothing\n")
            .rules(),
        ["git-attributes@deep/.gitattributes"]
    );
    assert_eq!(
        Scenario::default().delete(".gitattributes", old).rules(),
        ["git-attributes@.gitattributes"]
    );
    for name in [".GitAttributes", "deep/.gitattributes:x", ".gitattributes. "] {
        let added = Scenario::default().add(name, "# nothing\n").rules();
        assert!(added.contains(&format!("git-attributes@{name}")), "{added:?}");
    }
    let away = Scenario::default().rename(".gitattributes", "x", old, old);
    assert_eq!(away.rules(), ["git-attributes@x"]);
}

#[test]
fn pointers_stand_for_content_that_is_not_here() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
    for change in [
        Scenario::default().add("model.bin", pointer),
        Scenario::default().edit("model.bin", "real\n", pointer),
        Scenario::default().edit("model.bin", pointer, "real\n"),
        Scenario::default().edit("model.bin", pointer, pointer.replace("4d", "5e")),
        Scenario::default().delete("model.bin", pointer),
    ] {
        assert_eq!(change.rules(), ["lfs-pointer@model.bin"]);
    }
    let prose = format!("Pointers look like this:\n\n{pointer}");
    assert_eq!(Scenario::default().add("docs/lfs.md", prose).rules(), [""; 0]);
    assert_eq!(
        Scenario::default().add(".lfsconfig", "[lfs]\nurl = x\n").rules(),
        ["lfs-pointer@.lfsconfig"]
    );
    let away = Scenario::default().rename(".LfsConfig", "x", "[lfs]\nurl = x\n", "[lfs]\nurl = x\n");
    assert_eq!(away.rules(), ["lfs-pointer@x"]);
}

#[test]
fn generated_files_are_known_by_rules_of_the_base() {
    let attributes = "gen/** linguist-generated\ngen/hand.go -linguist-generated\n";
    let change = |path: &str, old: &str, new: &str| {
        Scenario::default()
            .base(".gitattributes", attributes)
            .edit(path, old, new)
            .rules()
    };
    assert_eq!(change("gen/a.go", "a\n", "b\n"), ["generated-file@gen/a.go"]);
    assert_eq!(change("gen/hand.go", "a\n", "b\n"), [""; 0]);
    assert_eq!(change("src/gen.go", "a\n", "b\n"), [""; 0]);
    assert_eq!(
        change("api/user.pb.go", "a\n", "b\n"),
        ["generated-file@api/user.pb.go"]
    );
    let header = "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage a\n";
    assert_eq!(
        change("a.go", header, &format!("{header}x\n")),
        ["generated-file@a.go"]
    );
    let prose = "# How code is generated\n\nIt is generated by a script.\n";
    assert_eq!(change("docs/a.md", prose, &format!("{prose}more\n")), [""; 0]);
}

#[test]
fn a_file_that_claims_to_be_generated_in_the_change_itself_is_not_believed() {
    let new = "// @generated by nobody\nfn main() {}\n";
    for change in [
        Scenario::default().edit("a.rs", "fn main() {}\n", new),
        Scenario::default().add("a.rs", new),
    ] {
        let said = change.sentences();
        assert!(
            said[0].starts_with("generated-file@a.rs:1 The file claims only in this change"),
            "{said:?}"
        );
    }
    let marked = Scenario::default()
        .add(".gitattributes", "a.rs linguist-generated\n")
        .edit("a.rs", "a\n", "b\n");
    assert_eq!(
        marked.rules(),
        ["git-attributes@.gitattributes"],
        "the mark of the change itself has no effect"
    );
}

proptest! {
    #[test]
    fn any_content_can_be_looked_at(
        old in proptest::collection::vec(any::<u8>(), 0..200),
        new in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        Scenario::default().edit("a.rs", old, new).findings();
    }

    #[test]
    fn any_text_can_be_looked_at(new in "\\PC{0,60}", path in "[a-z./]{1,20}") {
        Scenario::default().add(&path, new).findings();
    }

    #[test]
    fn any_attribute_file_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        parse(&bytes);
    }
}
