//! The lenient reader on any bytes: no panic, lines that are lines, and the same changes behind prose and with the
//! line ends of another transport.
#![no_main]

use countersign_core::patch::{self, Edits, FilePatch, Hunk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Ok(patches) = patch::read(text) else { return };
    assert!(!patches.is_empty(), "nothing is an error");
    let lines = text.iter().filter(|b| **b == b'\n').count() + 1;
    for patch in &patches {
        assert!((1..=lines).contains(&patch.line));
        match &patch.edits {
            Edits::Hunks(hunks) | Edits::Blocks(hunks) => hunks.iter().for_each(|h| check(h, lines)),
            Edits::Fill(content) | Edits::Whole(content) => {
                assert!(content.is_empty() || content.ends_with(b"\n"));
            }
        }
    }
    behind_prose(text, &patches);
    with_crlf(text, &patches);
});

fn check(hunk: &Hunk, lines: usize) {
    assert!((1..=lines).contains(&hunk.line) && !hunk.lines.is_empty());
    for line in &hunk.lines {
        let text = line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes);
        assert!(!text.contains(&b'\n'), "a line is one line");
    }
}

fn behind_prose(text: &[u8], patches: &[FilePatch]) {
    if text.starts_with(b"\xef\xbb\xbf") || patches[0].crlf_transport {
        return;
    }
    let Ok(again) = patch::read(&[b"Some words.\n\n", text].concat()) else { return };
    assert_eq!(without_lines(patches, false), without_lines(&again, false), "prose changes nothing");
}

fn with_crlf(text: &[u8], patches: &[FilePatch]) {
    if text.contains(&b'\r') || !text.ends_with(b"\n") || text.iter().filter(|b| **b == b'\n').count() < 2 {
        return;
    }
    let sent: Vec<u8> = text.split(|b| *b == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
    let Ok(again) = patch::read(&sent) else {
        // Only its size may stop it.
        assert!(sent.len() > 1024 * 1024, "a transport changes nothing");
        return;
    };
    assert!(again.iter().all(|p| p.crlf_transport));
    assert_eq!(without_lines(patches, true), without_lines(&again, true), "a transport changes nothing");
}

fn without_lines(patches: &[FilePatch], transport: bool) -> Vec<FilePatch> {
    let mut patches = patches.to_vec();
    for patch in &mut patches {
        patch.line = 0;
        patch.crlf_transport &= !transport;
        if let Edits::Hunks(hunks) | Edits::Blocks(hunks) = &mut patch.edits {
            hunks.iter_mut().for_each(|h| h.line = 0);
        }
    }
    patches
}
