//! What gix and git make of the same three trees, each alone and both together.

use super::*;
use crate::support::{Content, Files, Sandbox, entry, file, numbered};
use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;

fn files<const N: usize>(entries: [(Vec<u8>, Content); N]) -> Files {
    entries.into_iter().collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// Both merge to one tree.
    Same,
    /// Both see a conflict.
    Conflict,
    /// Gix would have let it pass: git sees a conflict.
    GixAlone,
    /// Anything else.
    Odd,
}

/// Merges in a repository that holds the trees of all cases.
struct Table {
    sandbox: Sandbox,
    repo: gix::Repository,
}

impl Table {
    fn new() -> Self {
        let sandbox = Sandbox::empty();
        let repo = gix::open_opts(sandbox.git_dir(), gix::open::Options::isolated()).expect("opened");
        Self { sandbox, repo }
    }

    /// Writes a tree of exactly these files, where git sees it too.
    fn tree(&self, files: &Files) -> ObjectId {
        let empty = self.repo.empty_tree();
        let mut tree = empty.edit().expect("an editor");
        for (path, (mode, content)) in files {
            let kind = match *mode {
                "100755" => EntryKind::BlobExecutable,
                "120000" => EntryKind::Link,
                "160000" => EntryKind::Commit,
                _ => EntryKind::Blob,
            };
            let id = match kind {
                EntryKind::Commit => ObjectId::from_hex(content).expect("an id"),
                EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link | EntryKind::Tree => {
                    self.repo.write_blob(content).expect("written").detach()
                }
            };
            let path = gix::bstr::BString::from(path.as_slice());
            tree.upsert(path.as_bstr(), kind, id).expect("an entry");
        }
        tree.write().expect("written").detach()
    }

    /// Base → tip merged with base → result.
    fn merge(&self, [base, tip, result]: [&Files; 3]) -> (Word, bool) {
        let three = Three {
            base: self.tree(base),
            tip: self.tree(tip),
            result: self.tree(result),
        };
        let repo = self.repo.clone().with_object_memory();
        let objects = self.sandbox.git_dir().join("objects");
        let bench = Bench::new(self.sandbox.dir.path(), &objects).expect("a bench");
        let (gix, git) = (by_gix(&repo, &three), by_git(&bench, &three));
        let (gix, git) = (gix.expect("an answer"), git.expect("an answer"));
        let word = match (gix, git) {
            (Some(one), Some(other)) if one == other => Word::Same,
            (None, None) => Word::Conflict,
            (Some(_), None) => Word::GixAlone,
            (Some(_) | None, Some(_)) => Word::Odd,
        };
        (word, agreed(gix, git).is_some())
    }
}

#[test]
fn both_must_merge_to_the_same_tree() {
    let table = Table::new();
    for (word, name, base, tip, result) in cases() {
        let (found, clean) = table.merge([&base, &tip, &result]);
        assert_eq!(found, word, "{name}");
        assert_eq!(clean, word == Word::Same, "{name}");
    }
}

#[test]
fn only_one_and_the_same_tree_is_agreement() {
    let [one, other] = ["1", "2"].map(|d| to_gix(&d.repeat(40)).expect("an id"));
    assert_eq!(agreed(Some(one), Some(one)), Some(one));
    for pair in [
        (Some(one), Some(other)),
        (Some(one), None),
        (None, Some(one)),
        (None, None),
    ] {
        assert_eq!(agreed(pair.0, pair.1), None, "{pair:?}");
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(Word, &'static str, Files, Files, Files)> {
    let t = numbered(1, 20);
    let u = numbered(50, 70);
    let e = |from: &str, to: &str| t.replace(from, to);
    vec![
        (
            Word::Same,
            "apart",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
            files([file("a", &e("line 17\n", "17\n"))]),
        ),
        (
            Word::Conflict,
            "same line",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
            files([file("a", &e("line 3\n", "three\n"))]),
        ),
        (
            Word::Conflict,
            "adjacent",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
            files([file("a", &e("line 4\n", "4\n"))]),
        ),
        (
            Word::Same,
            "one between",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
            files([file("a", &e("line 5\n", "5\n"))]),
        ),
        (
            Word::Conflict,
            "insert next to change",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "line 3\nnew\n"))]),
            files([file("a", &e("line 4\n", "4\n"))]),
        ),
        (
            Word::Same,
            "same change",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Conflict,
            "both append",
            files([file("a", &t)]),
            files([file("a", &format!("{t}x\n"))]),
            files([file("a", &format!("{t}y\n"))]),
        ),
        (
            Word::Same,
            "no newline",
            files([file("a", "1\n2\n3\n4")]),
            files([file("a", "1\n2\n3\n4\n")]),
            files([file("a", "one\n2\n3\n4")]),
        ),
        (
            Word::Conflict,
            "crlf",
            files([file("a", &t.replace('\n', "\r\n"))]),
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n").replace('\n', "\r\n"))]),
        ),
        (
            Word::Same,
            "rename, edit",
            files([file("a", &t)]),
            files([file("b", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Same,
            "edit, rename",
            files([file("a", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
            files([file("b", &t)]),
        ),
        (
            Word::Conflict,
            "rename apart",
            files([file("a", &t)]),
            files([file("b", &t)]),
            files([file("c", &t)]),
        ),
        (
            Word::Same,
            "rename together",
            files([file("a", &t)]),
            files([file("b", &t)]),
            files([file("b", &t)]),
        ),
        (
            Word::Conflict,
            "rename, delete",
            files([file("a", &t), file("k", "k\n")]),
            files([file("b", &t), file("k", "k\n")]),
            files([file("k", "k\n")]),
        ),
        (
            Word::Conflict,
            "two to one",
            files([file("a", &t), file("b", &u)]),
            files([file("c", &t), file("b", &u)]),
            files([file("a", &t), file("c", &u)]),
        ),
        (
            Word::Conflict,
            "rename, add there",
            files([file("a", &t)]),
            files([file("b", &t)]),
            files([file("a", &t), file("b", "other\n")]),
        ),
        (
            Word::Conflict,
            "rename chain",
            files([file("a", &t), file("b", &u)]),
            files([file("b", &t), file("c", &u)]),
            files([file("a", &e("line 3\n", "3\n")), file("b", &numbered(50, 71))]),
        ),
        (
            Word::GixAlone,
            "folder rename on tip, new file",
            files([file("old/a", &t), file("old/b", &u)]),
            files([file("new/a", &t), file("new/b", &u)]),
            files([file("old/a", &t), file("old/b", &u), file("old/c", "new file\n")]),
        ),
        (
            Word::GixAlone,
            "folder rename on result, new file",
            files([file("old/a", &t), file("old/b", &u)]),
            files([file("old/a", &t), file("old/b", &u), file("old/c", "new file\n")]),
            files([file("new/a", &t), file("new/b", &u)]),
        ),
        (
            Word::GixAlone,
            "folder rename, file renamed into",
            files([
                file("old/a", &t),
                file("old/b", &u),
                file("x", &numbered(90, 120)),
            ]),
            files([
                file("new/a", &t),
                file("new/b", &u),
                file("x", &numbered(90, 120)),
            ]),
            files([
                file("old/a", &t),
                file("old/b", &u),
                file("old/x", &numbered(90, 120)),
            ]),
        ),
        (
            Word::GixAlone,
            "folder split",
            files([file("old/a", &t), file("old/b", &u)]),
            files([file("n1/a", &t), file("n2/b", &u)]),
            files([file("old/a", &t), file("old/b", &u), file("old/c", "new file\n")]),
        ),
        (
            Word::GixAlone,
            "folder rename nested",
            files([file("o/p/a", &t), file("o/p/b", &u), file("o/q", "q\n")]),
            files([file("n/p/a", &t), file("n/p/b", &u), file("n/q", "q\n")]),
            files([
                file("o/p/a", &t),
                file("o/p/b", &u),
                file("o/q", "q\n"),
                file("o/p/c", "cc\n"),
            ]),
        ),
        (
            Word::Same,
            "chmod, edit",
            files([file("a", &t)]),
            files([entry(b"a", "100755", t.as_bytes())]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Conflict,
            "chmod, delete",
            files([file("a", &t), file("k", "k\n")]),
            files([entry(b"a", "100755", t.as_bytes()), file("k", "k\n")]),
            files([file("k", "k\n")]),
        ),
        (
            Word::Same,
            "chmod, rename",
            files([file("a", &t)]),
            files([entry(b"a", "100755", t.as_bytes())]),
            files([file("b", &t)]),
        ),
        (
            Word::Conflict,
            "link, edit",
            files([file("a", &t)]),
            files([entry(b"a", "120000", b"x")]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Conflict,
            "link, chmod",
            files([file("a", &t)]),
            files([entry(b"a", "120000", t.as_bytes())]),
            files([entry(b"a", "100755", t.as_bytes())]),
        ),
        (
            Word::Same,
            "both add same",
            files([file("k", "k\n")]),
            files([file("k", "k\n"), file("n", "n\n")]),
            files([file("k", "k\n"), file("n", "n\n")]),
        ),
        (
            Word::Conflict,
            "both add other mode",
            files([file("k", "k\n")]),
            files([file("k", "k\n"), file("n", "n\n")]),
            files([file("k", "k\n"), entry(b"n", "100755", b"n\n")]),
        ),
        (
            Word::Conflict,
            "both add link",
            files([file("k", "k\n")]),
            files([file("k", "k\n"), file("n", "n\n")]),
            files([file("k", "k\n"), entry(b"n", "120000", b"n\n")]),
        ),
        (
            Word::Conflict,
            "delete, edit",
            files([file("a", &t), file("k", "k\n")]),
            files([file("k", "k\n")]),
            files([file("a", &e("line 3\n", "3\n")), file("k", "k\n")]),
        ),
        (
            Word::Same,
            "delete both",
            files([file("a", &t), file("k", "k\n")]),
            files([file("k", "k\n")]),
            files([file("k", "k\n")]),
        ),
        (
            Word::Conflict,
            "file to dir, edit",
            files([file("a", &t)]),
            files([file("a/b", "x\n")]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Same,
            "file to folder by rename, edit",
            files([file("a", &t)]),
            files([file("a/b", &t)]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Conflict,
            "file, folder added",
            files([file("k", "k\n")]),
            files([file("k", "k\n"), file("n", "x\n")]),
            files([file("k", "k\n"), file("n/m", "x\n")]),
        ),
        (
            Word::Conflict,
            "folder to file, add in dir",
            files([file("d/a", &t)]),
            files([file("d", "file\n")]),
            files([file("d/a", &t), file("d/b", "b\n")]),
        ),
        (
            Word::Conflict,
            "binary both",
            files([entry(b"a", "100644", b"\0a\n1\n2\n3\n")]),
            files([entry(b"a", "100644", b"\0a\n1\n2\n3\n4\n")]),
            files([entry(b"a", "100644", b"\0b\n1\n2\n3\n")]),
        ),
        (
            Word::Conflict,
            "empty rename",
            files([file("a", ""), file("k", "k\n")]),
            files([file("b", ""), file("k", "k\n")]),
            files([file("a", "x\n"), file("k", "k\n")]),
        ),
        (
            Word::Same,
            "small rename",
            files([file("a", "1\n"), file("k", "k\n")]),
            files([file("b", "1\n"), file("k", "k\n")]),
            files([file("a", "1\n2\n"), file("k", "k\n")]),
        ),
        (
            Word::Conflict,
            "rename with half edit",
            files([file("a", &numbered(1, 10))]),
            files([file("b", &(numbered(1, 5) + &numbered(51, 55)))]),
            files([file("a", &e("line 3\n", "3\n"))]),
        ),
        (
            Word::Conflict,
            "submodule both",
            files([entry(b"s", "160000", &[b'1'; 40]), file("k", "k\n")]),
            files([entry(b"s", "160000", &[b'2'; 40]), file("k", "k\n")]),
            files([entry(b"s", "160000", &[b'3'; 40]), file("k", "k\n")]),
        ),
        (
            Word::Conflict,
            "submodule, file below",
            files([file("k", "k\n")]),
            files([entry(b"s", "160000", &[b'2'; 40]), file("k", "k\n")]),
            files([file("s/t", "x\n"), file("k", "k\n")]),
        ),
        (
            Word::Conflict,
            "link both",
            files([entry(b"l", "120000", b"a"), file("k", "k\n")]),
            files([entry(b"l", "120000", b"b"), file("k", "k\n")]),
            files([entry(b"l", "120000", b"c"), file("k", "k\n")]),
        ),
        (
            Word::Conflict,
            "union attribute",
            files([file(".gitattributes", "* merge=union\n"), file("a", &t)]),
            files([
                file(".gitattributes", "* merge=union\n"),
                file("a", &e("line 3\n", "3\n")),
            ]),
            files([
                file(".gitattributes", "* merge=union\n"),
                file("a", &e("line 3\n", "three\n")),
            ]),
        ),
        (
            Word::Same,
            "binary attribute",
            files([file(".gitattributes", "* -merge\n"), file("a", &t)]),
            files([
                file(".gitattributes", "* -merge\n"),
                file("a", &e("line 3\n", "3\n")),
            ]),
            files([
                file(".gitattributes", "* -merge\n"),
                file("a", &e("line 17\n", "three\n")),
            ]),
        ),
        (
            Word::Same,
            "blank lines",
            files([file("a", "{\n}\n\n{\n}\n\n{\n}\n")]),
            files([file("a", "{\n}\n\n{\nx\n}\n\n{\n}\n")]),
            files([file("a", "{\n}\n\n{\n}\n\n{\n}\n\n{\n}\n")]),
        ),
        (
            Word::Conflict,
            "repeats",
            files([file("a", "a\na\na\na\na\na\n")]),
            files([file("a", "a\na\na\n")]),
            files([file("a", "a\na\na\na\na\na\nb\n")]),
        ),
    ]
}
