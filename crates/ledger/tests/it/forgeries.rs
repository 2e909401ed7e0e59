//! Bundles whose log and signature are genuine but whose stream is not: the signer itself is the forger.

use crate::support::{Item, export, honest, items, key, rechain, trust};
use countersign_ledger::{LeafHash, Place, VerifyError, commit, sign_checkpoint, verify};

fn error(items: &[Item]) -> VerifyError {
    verify(&export(items, &key(1)).to_bytes().unwrap(), &trust(1)).unwrap_err()
}

fn bent(bend: impl Fn(&mut Vec<Item>)) -> VerifyError {
    let mut items = items(4);
    bend(&mut items);
    rechain(&mut items);
    error(&items)
}

#[test]
fn each_broken_rule_of_a_stream_has_its_own_error() {
    let at = |entry: usize, seq| Place { entry, seq };
    assert_eq!(
        bent(|s| s[1].leaf.tenant = "evil".into()),
        VerifyError::TenantMismatch { place: at(1, 2) }
    );
    assert_eq!(
        bent(|s| s[1].leaf.stream = "wf_02".into()),
        VerifyError::StreamMismatch { place: at(1, 2) }
    );
    assert_eq!(
        bent(|s| s[2].leaf.seq = 9),
        VerifyError::SeqMismatch {
            place: at(2, 9),
            expected: 3
        }
    );
    assert_eq!(
        bent(|s| s[1].leaf.ended = Some(2)),
        VerifyError::EndedEarly { place: at(1, 2) }
    );
    assert_eq!(
        bent(|s| s[3].leaf.ended = Some(5)),
        VerifyError::EndedCount {
            place: at(3, 4),
            ended: 5,
            count: 4
        }
    );
    assert_eq!(
        bent(|s| s[2].leaf.at = "2026-11-20T21:00:01.999Z".into()),
        VerifyError::TimeBackwards { place: at(2, 3) }
    );
    assert_eq!(
        bent(|s| s[2].leaf.commitment = commit(&s[2].salt, b"other")),
        VerifyError::CommitmentMismatch { place: at(2, 3) }
    );
}

#[test]
fn equal_times_are_in_order() {
    let mut items = items(4);
    items[2].leaf.at = items[1].leaf.at.clone();
    rechain(&mut items);
    assert!(verify(&export(&items, &key(1)).to_bytes().unwrap(), &trust(1)).is_ok());
}

#[test]
fn a_leaf_that_names_another_one_before_it_is_refused() {
    let mut items = items(4);
    items[2].leaf.prev = Some(LeafHash([7; 32]));
    assert_eq!(
        error(&items),
        VerifyError::PrevMismatch {
            place: Place { entry: 2, seq: 3 }
        }
    );
}

#[test]
fn a_stream_written_into_the_log_out_of_order_is_refused() {
    // Entry 2 is put into the log after entry 3; every proof is genuine.
    let mut order = items(4);
    order.swap(1, 2);
    let mut bundle = export(&order, &key(1));
    bundle.entries.swap(1, 2);
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(error.code(), "verify-index-order");
}

#[test]
fn a_leaf_outside_the_log_is_refused() {
    let mut bundle = honest();
    bundle.entries[3].index = 500;
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(error.code(), "verify-beyond-checkpoint");
    let mut bundle = honest();
    bundle.entries[3].index += 1;
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(error.code(), "verify-not-included");
}

#[test]
fn a_leaf_that_is_none_is_refused() {
    let mut bundle = honest();
    bundle.entries[1].leaf.push(b' ');
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(error.code(), "leaf-not-canonical");
    assert_eq!(error.to_string(), "entry 1: the leaf is malformed");
}

#[test]
fn the_checkpoint_of_another_tenants_log_is_refused() {
    let mut bundle = honest();
    let checkpoint = countersign_ledger::inspect(&bundle.checkpoint).unwrap();
    bundle.checkpoint = sign_checkpoint(
        "countersign/other",
        checkpoint.size(),
        &checkpoint.root(),
        &key(1),
    )
    .unwrap();
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(error.code(), "verify-origin-mismatch");
}

#[test]
fn an_attachment_under_a_wrong_hash_is_refused() {
    let mut bundle = honest();
    bundle.attachments[1].body.push(b'!');
    let error = verify(&bundle.to_bytes().unwrap(), &trust(1)).unwrap_err();
    assert_eq!(error.code(), "verify-attachment-mismatch");
}

#[test]
fn a_signature_that_does_not_fit_the_checkpoint_is_refused_whoever_is_trusted() {
    let mut bundle = honest();
    let (_, signature) = bundle.checkpoint.split_once("\n\n").unwrap();
    let other = sign_checkpoint(
        "countersign/acme",
        1,
        &countersign_ledger::RootHash([3; 32]),
        &key(1),
    )
    .unwrap();
    let (text, _) = other.split_once("\n\n").unwrap();
    bundle.checkpoint = format!("{text}\n\n{signature}");
    for trust in [trust(1), trust(2), countersign_ledger::Trust::default()] {
        let error = verify(&bundle.to_bytes().unwrap(), &trust).unwrap_err();
        assert_eq!(error.code(), "checkpoint-signature-invalid");
    }
}
