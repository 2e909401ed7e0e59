//! A change as an answer in one of the three formats, as agents dress them up.

use super::model::{Base, Format, Section, Side, content, render_diff};
use super::random::Random;

/// Writes all sections.
pub(crate) fn render(sections: &[Section], base: &Base, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    for section in sections {
        match section.format {
            Format::Diff => render_diff(section, &mut out),
            Format::Blocks => render_blocks(section, random, &mut out),
            Format::Whole => render_whole(section, base, random, &mut out),
        }
    }
    out
}

/// The three formats can't say everything; this tells what a file's section can be written as.
pub(crate) fn can_be_blocks(section: &Section) -> bool {
    let searches = |h: &super::model::Hunk| h.lines.iter().any(|l| l.side != Side::Added);
    let ended = |h: &super::model::Hunk| h.lines.iter().all(|l| l.bytes.ends_with(b"\n"));
    plain(section) && !section.hunks.is_empty() && section.hunks.iter().all(|h| searches(h) && ended(h))
}

pub(crate) fn can_be_whole(section: &Section, base: &Base) -> bool {
    let old = base.get(&section.old_path).map_or(&[][..], |s| &s.bytes);
    let new = content(old, &section.hunks);
    plain(section) && !section.hunks.is_empty() && new.ends_with(b"\n") && new.len() < 100_000
}

/// A new file or a change of content alone, under a name that nobody takes for a word.
fn plain(section: &Section) -> bool {
    use super::model::Op;
    let clear = section.new_path.iter().any(|b| b"./".contains(b)) && !section.new_path.starts_with(b"-");
    let named = section.new_path.is_ascii()
        && !section
            .new_path
            .iter()
            .any(|b| b" \"'`*:?<>|".contains(b) || b.is_ascii_control());
    let whole_mode = match section.op {
        Op::Modify => section.new_mode.is_none(),
        Op::Create => section.new_mode == Some(0o100_644),
        Op::Delete | Op::Rename | Op::Copy => false,
    };
    named && clear && whole_mode
}

fn path_line(path: &[u8], random: &mut Random) -> Vec<u8> {
    let (before, after) = *random.pick(&[
        ("", "\n"),
        ("`", "`\n"),
        ("**`", "`**\n"),
        ("### `", "`\n\n"),
        ("File: `", "`\n"),
        ("Some words.\n\n`", "`:\n"),
    ]);
    [before.as_bytes(), path, after.as_bytes()].concat()
}

fn render_blocks(section: &Section, random: &mut Random, out: &mut Vec<u8>) {
    let length = *random.pick(&[7, 7, 7, 7, 9]);
    let fenced = random.chance(70);
    out.extend(path_line(&section.new_path, random));
    if fenced {
        out.extend_from_slice(b"```text\n");
    }
    for hunk in &section.hunks {
        let side = |not: Side| {
            hunk.lines
                .iter()
                .filter(move |l| l.side != not)
                .flat_map(|l| l.bytes.clone())
        };
        out.extend_from_slice(format!("{} SEARCH\n", "<".repeat(length)).as_bytes());
        out.extend(side(Side::Added));
        out.extend_from_slice(format!("{}\n", "=".repeat(length)).as_bytes());
        out.extend(side(Side::Removed));
        out.extend_from_slice(format!("{} REPLACE\n", ">".repeat(length)).as_bytes());
    }
    if fenced {
        out.extend_from_slice(b"```\n");
    }
    out.push(b'\n');
}

fn render_whole(section: &Section, base: &Base, random: &mut Random, out: &mut Vec<u8>) {
    let old = base.get(&section.old_path).map_or(&[][..], |s| &s.bytes);
    let fence = *random.pick(&["```", "```", "````", "~~~~~"]);
    out.extend(path_line(&section.new_path, random));
    out.extend_from_slice(format!("{fence}{}\n", random.pick(&["", "text", "rust"])).as_bytes());
    out.extend(content(old, &section.hunks));
    out.extend_from_slice(format!("{fence}\n\n").as_bytes());
    if random.chance(20) {
        out.extend_from_slice(b"Then:\n\n```\nmake\n```\n\n");
    }
}
