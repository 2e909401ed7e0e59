//! The strict applier on any proposal for any small base: refused, or right.
//!
//! The input is the content of `a`, of `a.md` and of `b/c.rs`, and the proposal, with a NUL between. What is
//! applied must come out of its own canonical diff again; and where nothing was repaired, every changed file must be
//! what a naive search, which shares no code with the applier, makes of it: hunks at places where their old lines
//! occur exactly, and only there if no line is stated.
#![no_main]

use countersign_core::diff::FileMode;
use countersign_core::id::TreeSha;
use countersign_core::patch::{self, Edits, FileOp, FilePatch, Hunk, Side};
use countersign_core::path::RepoPath;
use countersign_git::{Files, Workbench};
use countersign_ports::trees::Applied;
use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;

const PATHS: [&str; 3] = ["a", "a.md", "b/c.rs"];

thread_local! {
    static BENCH: OnceCell<(tempfile::TempDir, Workbench)> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(4, |b| *b == 0).map(<[u8]>::to_vec);
    let mut files = Files::new();
    for path in PATHS {
        let Some(content) = parts.next() else { return };
        files.insert(path.into(), (FileMode::Regular, content));
    }
    let Some(proposal) = parts.next() else { return };
    BENCH.with(|bench| {
        let (_folder, bench) = bench.get_or_init(open);
        let bench = bench.fresh();
        let base = bench.tree(&files).expect("a tree");
        match bench.apply(&base, &proposal).expect("no proposal is an error of ours") {
            Err(refusal) => assert!(refusal.message.ends_with('.'), "a sentence"),
            Ok(applied) => check(&bench, &base, &files, &proposal, &applied),
        }
    });
});

fn open() -> (tempfile::TempDir, Workbench) {
    let folder = tempfile::tempdir().expect("a folder");
    for inner in ["objects", "refs"] {
        std::fs::create_dir(folder.path().join(inner)).expect("a folder");
    }
    std::fs::write(folder.path().join("HEAD"), "ref: refs/heads/main\n").expect("a file");
    let bench = Workbench::open(folder.path()).expect("a repository");
    (folder, bench)
}

fn check(bench: &Workbench, base: &TreeSha, files: &Files, proposal: &[u8], applied: &Applied) {
    let again = bench.apply(base, &applied.canonical).expect("no error").expect("the canonical diff applies");
    assert_eq!(again.diff.result_tree, applied.diff.result_tree);
    assert_eq!(again.canonical, applied.canonical);
    assert!(again.warnings.is_empty(), "nothing to repair");
    if !applied.warnings.is_empty() {
        return;
    }
    let patches = patch::read(proposal).expect("it was read before");
    let is_text = |p: &&FilePatch| p.op != FileOp::Delete && p.new_mode != Some(FileMode::Symlink);
    for patch in patches.iter().filter(is_text) {
        check_file(patch, &patches, files, applied);
    }
}

fn check_file(patch: &FilePatch, patches: &[FilePatch], files: &Files, applied: &Applied) {
    let empty = Vec::new();
    let old = files.get(&patch.old_path).filter(|_| patch.op != FileOp::Create).map_or(&empty, |f| &f.1);
    let new = content_after(&patch.new_path, files, applied);
    match &patch.edits {
        Edits::Fill(content) | Edits::Whole(content) => assert_eq!(content, &new),
        Edits::Hunks(hunks) => {
            assert!(explains(&split(old), hunks, &new), "{patches:?}");
            assert!(old.is_empty() || hunks.iter().all(|h| h.old_index.is_some() || places(&split(old), h) == 1));
        }
        Edits::Blocks(_) if !old.is_empty() && !old.ends_with(b"\n") => {}
        Edits::Blocks(blocks) => {
            assert!(blocks.iter().all(|b| places(&split(old), b) == 1));
            let mut sorted = blocks.clone();
            sorted.sort_by_key(|b| first_place(&split(old), b));
            assert!(explains(&split(old), &sorted, &new), "{patches:?}");
        }
    }
}

fn content_after(path: &RepoPath, files: &Files, applied: &Applied) -> Vec<u8> {
    match applied.contents.get(path) {
        Some(content) => content.clone(),
        None => files.get(path).map(|f| f.1.clone()).unwrap_or_default(),
    }
}

fn split(content: &[u8]) -> Vec<&[u8]> {
    content.split_inclusive(|b| *b == b'\n').collect()
}

fn old_side(hunk: &Hunk) -> Vec<&[u8]> {
    hunk.lines.iter().filter(|l| l.side != Side::Added).map(|l| &l.bytes[..]).collect()
}

fn all_places<'p>(lines: &'p [&[u8]], hunk: &'p Hunk) -> impl Iterator<Item = usize> + 'p {
    let old = old_side(hunk);
    (0..=lines.len()).filter(move |at| lines.get(*at..at + old.len()) == Some(&old[..]))
}

fn places(lines: &[&[u8]], hunk: &Hunk) -> usize {
    all_places(lines, hunk).count()
}

fn first_place(lines: &[&[u8]], hunk: &Hunk) -> usize {
    all_places(lines, hunk).next().unwrap_or(usize::MAX)
}

/// Whether `new` is `lines` with each hunk, in order, at some place where its old lines occur.
fn explains(lines: &[&[u8]], hunks: &[Hunk], new: &[u8]) -> bool {
    let Some((hunk, rest)) = hunks.split_first() else {
        return lines.concat() == new;
    };
    let old = old_side(hunk);
    let added: Vec<u8> =
        hunk.lines.iter().filter(|l| l.side != Side::Removed).flat_map(|l| l.bytes.clone()).collect();
    (0..=lines.len()).any(|at| {
        lines.get(at..at + old.len()) == Some(&old[..])
            && new.strip_prefix(&lines[..at].concat()[..]).and_then(|n| n.strip_prefix(&added[..])).is_some_and(
                |tail| explains(&lines[at + old.len()..], rest, tail),
            )
    })
}
