//! Proofs over HTTP, checked with nothing but the ledger's own offline verification.

use crate::served::{Served, text, world};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::{Checkpoint, LeafHash, RootHash, VerifierKey, leaf_hash, parse_and_verify, tree};
use serde_json::Value;

fn hash(value: &Value) -> [u8; 32] {
    STANDARD
        .decode(value.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

fn path(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(hash).collect()
}

/// The signed head, by a key that came another way than the head itself.
fn head(value: &Value, keys: &[VerifierKey]) -> Checkpoint {
    parse_and_verify(text(value, "note"), keys).unwrap()
}

fn keys(served: &Served, token: &str) -> Vec<VerifierKey> {
    let told = served.get("/api/v1/ledger", token).is(200).json();
    let keys = told["keys"].as_array().unwrap();
    keys.iter()
        .map(|k| VerifierKey::parse(k.as_str().unwrap()).unwrap())
        .collect()
}

#[test]
fn every_sealed_entry_is_proven_under_the_signed_head_and_no_other_one_is() {
    let world = world();
    world.done();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let keys = keys(&served, &token);
    let sealed = served.get("/api/v1/ledger", &token).is(200).json()["sealed"]
        .as_u64()
        .unwrap();
    assert!(sealed > 10, "{sealed}");
    let mut leaves: Vec<LeafHash> = Vec::new();
    for index in 0..sealed {
        let proof = served
            .get(&format!("/api/v1/ledger/proofs/{index}"), &token)
            .is(200)
            .json();
        let head = head(&proof["checkpoint"], &keys);
        assert_eq!(Some(head.size()), proof["tree_size"].as_u64());
        let leaf = leaf_hash(&STANDARD.decode(text(&proof, "leaf")).unwrap());
        assert_eq!(leaf.to_string(), text(&proof["entry"], "leaf_hash"));
        let way = path(&proof["path"]);
        tree::verify_inclusion(head.size(), &head.root(), index, &leaf, &way).unwrap();
        if let Some(other) = leaves.last() {
            tree::verify_inclusion(head.size(), &head.root(), index, other, &way).unwrap_err();
        }
        leaves.push(leaf);
    }
    served.get("/api/v1/ledger/proofs/100000", &token).is(404);
    served.get("/api/v1/ledger/proofs/first", &token).is(400);
}

#[test]
fn a_head_that_was_kept_is_proven_to_be_the_beginning_of_the_newest_one() {
    let world = world();
    world.done();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let keys = keys(&served, &token);
    let kept = head(
        &served.get("/api/v1/ledger/checkpoint", &token).is(200).json(),
        &keys,
    );
    let request = served.waiting(&token);
    let told = served
        .get(
            &format!("/api/v1/ledger/consistency?from={}", kept.size()),
            &token,
        )
        .is(200)
        .json();
    let newest = head(&told["checkpoint"], &keys);
    assert!(newest.size() > kept.size(), "people were asked: {request}");
    assert_eq!(
        RootHash(hash(&told["from_root"])).to_string(),
        kept.root().to_string()
    );
    assert_eq!(
        RootHash(hash(&told["to_root"])).to_string(),
        newest.root().to_string()
    );
    let proof = path(&told["proof"]);
    tree::verify_consistency(kept.size(), &kept.root(), newest.size(), &newest.root(), &proof).unwrap();
    tree::verify_consistency(kept.size(), &newest.root(), newest.size(), &newest.root(), &proof).unwrap_err();
    let between = format!("/api/v1/ledger/consistency?from=3&to={}", kept.size());
    let between = served.get(&between, &token).is(200).json();
    tree::verify_consistency(
        3,
        &RootHash(hash(&between["from_root"])),
        kept.size(),
        &kept.root(),
        &path(&between["proof"]),
    )
    .unwrap();
    for wrong in ["from=5&to=3", "from=0&to=100000", "from=100000&to=100001"] {
        served
            .get(&format!("/api/v1/ledger/consistency?{wrong}"), &token)
            .is(422);
    }
    served.get("/api/v1/ledger/consistency", &token).is(400);
}
