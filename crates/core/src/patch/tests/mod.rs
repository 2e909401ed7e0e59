//! What the reader takes, and what it refuses: diffs, blocks, whole files, and all of them cut short or mixed.

mod blocks;
mod cut;
mod diffs;
mod lines;
mod whole;

use super::*;

fn one(text: &str) -> FilePatch {
    let mut patches = read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(patches.len(), 1, "{patches:#?}");
    patches.remove(0)
}

fn code(text: &str) -> (&'static str, usize) {
    match read(text.as_bytes()) {
        Ok(patches) => panic!("it must be refused: {patches:#?}\n{text}"),
        Err(error) => {
            assert!(error.message.ends_with('.'), "a sentence: {}", error.message);
            (error.code, error.line)
        }
    }
}

fn hunks(patch: &FilePatch) -> &[Hunk] {
    match &patch.edits {
        Edits::Hunks(hunks) | Edits::Blocks(hunks) => hunks,
        Edits::Fill(_) | Edits::Whole(_) => panic!("no hunks: {patch:?}"),
    }
}

fn sides(patch: &FilePatch) -> String {
    let mark = |side| match side {
        Side::Context => ' ',
        Side::Removed => '-',
        Side::Added => '+',
    };
    let lines = hunks(patch).iter().flat_map(|h| &h.lines);
    lines
        .map(|l| format!("{}{}", mark(l.side), String::from_utf8_lossy(&l.bytes)))
        .collect()
}

/// Path and whole content of each section, for answers that hold nothing else.
fn files(text: &str) -> Vec<(String, String)> {
    let patches = read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let content = |p: &FilePatch| match &p.edits {
        Edits::Fill(bytes) | Edits::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Edits::Hunks(_) | Edits::Blocks(_) => sides(p),
    };
    patches
        .iter()
        .map(|p| (p.new_path.to_text(), content(p)))
        .collect()
}
