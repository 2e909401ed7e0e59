//! What an honest bundle proves, and to whom.

use crate::support::{TENANT, export, hash_of, honest, is_proven, items, key, trust};
use countersign_ledger::{
    Body, Bundle, Origin, RootHash, Trust, leaf_hash, origin_of, sign_checkpoint, verify,
};

fn code(bundle: &Bundle, trust: &Trust) -> Result<(), &'static str> {
    verify(&bundle.to_bytes().unwrap(), trust)
        .map(|_| ())
        .map_err(|error| error.code())
}

#[test]
fn an_honest_bundle_is_complete_and_proven() {
    let bundle = honest();
    let report = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap();
    assert!(report.complete && is_proven(&report));
    assert_eq!(
        (report.tenant.as_str(), report.stream.as_str(), report.erased),
        ("acme", "wf_01", 0)
    );
    assert_eq!(report.checkpoint.note(), bundle.checkpoint);
    assert_eq!(report.attachments, bundle.attachments);
    assert_eq!(report.entries.len(), 4);
    for (at, entry) in report.entries.iter().enumerate() {
        assert_eq!(entry.seq, at as u64 + 1);
        assert_eq!(entry.index, bundle.entries[at].index);
        assert_eq!(entry.leaf_hash, hash_of(&bundle.entries[at]));
        assert_eq!(
            (entry.kind.as_str(), &entry.at[17..19]),
            ("workflow.event", format!("0{}", at + 1).as_str())
        );
        assert_eq!(entry.body, Some(format!("{{\"event\":{}}}", at + 1).into_bytes()));
    }
}

#[test]
fn without_a_trusted_key_it_is_consistent_and_unproven() {
    let bytes = honest().to_bytes().unwrap();
    for trust in [Trust::default(), trust(2)] {
        let report = verify(&bytes, &trust).unwrap();
        assert_eq!((report.origin, report.complete), (Origin::Unproven, true));
    }
}

#[test]
fn a_bundle_signed_again_by_another_key_of_the_same_name_is_unproven() {
    let resigned = export(&items(4), &key(66));
    let report = verify(&resigned.to_bytes().unwrap(), &trust(1)).unwrap();
    assert_eq!(report.origin, Origin::Unproven);
}

#[test]
fn without_any_known_key_it_is_refused() {
    let mut bundle = honest();
    bundle.keys.clear();
    assert_eq!(
        code(&bundle, &Trust::default()),
        Err("checkpoint-no-known-signature")
    );
    assert_eq!(code(&bundle, &trust(1)), Ok(()));
}

#[test]
fn an_open_stream_verifies_and_is_not_complete() {
    let mut open = items(3);
    open[2].leaf.ended = None;
    let report = verify(&export(&open, &key(1)).to_bytes().unwrap(), &trust(1)).unwrap();
    assert!(!report.complete && is_proven(&report));
}

#[test]
fn an_erased_body_verifies_as_erased() {
    let mut bundle = honest();
    bundle.entries[1].body = Body::Erased;
    let report = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap();
    assert_eq!((report.erased, report.entries[1].body.as_ref()), (1, None));
    assert!(report.complete && report.entries[2].body.is_some());
}

#[test]
fn two_roots_for_one_size_are_a_split_view() {
    let bundle = honest();
    let size = countersign_ledger::inspect(&bundle.checkpoint).unwrap().size();
    let other = RootHash(leaf_hash(b"other history").0);
    let sign = |origin: &str, size| sign_checkpoint(origin, size, &other, &key(7)).unwrap();
    let with = |note: String| Trust {
        checkpoints: vec![note],
        ..trust(1)
    };
    assert_eq!(
        code(&bundle, &with(sign(&origin_of(TENANT), size))),
        Err("verify-split-view")
    );
    assert_eq!(code(&bundle, &with(bundle.checkpoint.clone())), Ok(()));
    assert_eq!(code(&bundle, &with(sign(&origin_of(TENANT), size + 1))), Ok(()));
    assert_eq!(code(&bundle, &with(sign(&origin_of("other"), size))), Ok(()));
    assert_eq!(
        code(&bundle, &with("nonsense".to_owned())),
        Err("verify-trusted-checkpoint-malformed")
    );
}

#[test]
fn every_sentence_names_the_place_and_quotes_nothing() {
    let mut bundle = honest();
    bundle.entries[2].body = Body::Present {
        salt: countersign_ledger::Salt([9; 32]),
        bytes: b"\x1b[2J".to_vec(),
    };
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry 2 (seq 3): the body is not the one that the leaf commits to"
    );
    assert_eq!(error.place().map(|place| (place.entry, place.seq)), Some((2, 3)));
    assert_eq!(error.code(), "verify-commitment-mismatch");
}
