//! A bundle that was changed after signing never passes as the whole, proven story.

use crate::support::{honest, is_proven, trust};
use countersign_ledger::{Bundle, verify};

fn is_whole(bundle: &Bundle) -> bool {
    let report = bundle
        .to_bytes()
        .ok()
        .and_then(|bytes| verify(&bytes, &trust(1)).ok());
    report.is_some_and(|report| report.complete && is_proven(&report))
}

/// One bit of every byte is flipped (another one at each place), and every byte is left out once. Signature
/// checks are slow without optimisation, so the file is cut into lanes that run side by side.
#[test]
fn no_byte_of_the_file_can_change() {
    const LANES: usize = 4;
    let bytes = honest().to_bytes().unwrap();
    let original = verify(&bytes, &trust(1)).unwrap();
    assert!(original.complete && is_proven(&original));
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let bytes = &bytes;
            scope.spawn(move || {
                for at in (lane..bytes.len()).step_by(LANES) {
                    refuse_change(bytes, at);
                }
            });
        }
    });
}

/// A changed or missing byte fails outright.
fn refuse_change(bytes: &[u8], at: usize) {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 1 << (at % 7);
    let mut shorter = bytes.to_vec();
    shorter.remove(at);
    for changed in [flipped, shorter] {
        assert!(
            verify(&changed, &trust(1)).is_err(),
            "byte {at} can change unnoticed"
        );
    }
}

#[test]
fn no_entry_can_be_dropped() {
    let bundle = honest();
    for at in 0..bundle.entries.len() {
        let mut without = bundle.clone();
        without.entries.remove(at);
        assert!(!is_whole(&without), "without entry {at}");
    }
}

#[test]
fn no_tail_can_be_dropped() {
    let bundle = honest();
    for keep in 0..bundle.entries.len() {
        let mut head = bundle.clone();
        head.entries.truncate(keep);
        assert!(!is_whole(&head), "only {keep} entries");
        let report = head
            .to_bytes()
            .ok()
            .and_then(|bytes| verify(&bytes, &trust(1)).ok());
        assert!(
            report.is_none_or(|report| !report.complete),
            "a head may verify, but only as still open"
        );
    }
}

#[test]
fn no_entries_can_be_swapped_or_doubled() {
    let bundle = honest();
    let count = bundle.entries.len();
    for one in 0..count {
        for two in 0..count {
            let mut doubled = bundle.clone();
            doubled.entries.insert(two, bundle.entries[one].clone());
            assert!(!is_whole(&doubled), "entry {one} again at {two}");
            if one == two {
                continue;
            }
            let mut swapped = bundle.clone();
            swapped.entries.swap(one, two);
            assert!(!is_whole(&swapped), "entries {one} and {two} swapped");
            let mut copied = bundle.clone();
            copied.entries[one] = bundle.entries[two].clone();
            assert!(!is_whole(&copied), "entry {two} in the place of {one}");
            for part in 0..4 {
                let mut mixed = bundle.clone();
                let (from, to) = (bundle.entries[two].clone(), &mut mixed.entries[one]);
                match part {
                    0 => to.index = from.index,
                    1 => to.leaf = from.leaf,
                    2 => to.body = from.body,
                    3 => to.proof = from.proof,
                    other => unreachable!("part {other}"),
                }
                assert!(!is_whole(&mixed), "part {part} of entry {two} in entry {one}");
            }
        }
    }
}

#[test]
fn a_proof_cannot_be_shortened_or_lengthened() {
    let bundle = honest();
    for at in 0..bundle.entries.len() {
        let mut shorter = bundle.clone();
        shorter.entries[at].proof.pop();
        assert!(!is_whole(&shorter));
        let mut longer = bundle.clone();
        longer.entries[at].proof.push([0; 32]);
        assert!(!is_whole(&longer));
    }
}

#[test]
fn attachments_cannot_trade_places() {
    let mut bundle = honest();
    let (left, right) = bundle.attachments.split_at_mut(1);
    std::mem::swap(&mut left[0].body, &mut right[0].body);
    assert!(!is_whole(&bundle));
}
