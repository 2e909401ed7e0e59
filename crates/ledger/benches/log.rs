//! What a log of a million entries costs: `cargo xtask bench ledger` prints one JSON object.
//!
//! Appending, both proofs, one workflow's bundle with its check, and reading the whole log again. Beside it, over the same
//! leaves and in the same run, stands the obvious alternative: a chain of hashes, in which one entry is proven by all of
//! them.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a bench reads the clock, and stops at anything unexpected"
)]

use countersign_ledger::tree;
use countersign_ledger::{
    Body, Bundle, BundleBuilder, BundleEntry, Leaf, LeafHash, LedgerKey, RootHash, Salt, Trust, commit,
    leaf_hash, origin_of, sign_checkpoint, verify,
};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// Leaves of the log, unless `--entries N` says otherwise.
const ENTRIES: u64 = 1_000_000;
/// Leaves of one workflow's stream: about what the demonstration has.
const STREAM: u64 = 70;
/// Bytes of one event's record, about as many as the demonstration's have.
const BODY_BYTES: usize = 900;
/// How often a single thing is done, to time one of them.
const TIMES: u64 = 10_000;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == "--entries");
    let entries = at.map_or(ENTRIES, |at| words[at + 1].parse().unwrap());

    let (leaves, encoding) = timed(|| leaves(entries));
    let (hashes, appending) = timed(|| appended(&leaves));
    let (chain, chaining) = timed(|| chain(&leaves));
    let root = tree::root(entries, &hashes).unwrap();
    let (again, reading) = timed(|| tree::root_of_leaves(&leaves));
    assert_eq!(again, root);
    let bundle = bundle(&leaves, &hashes, root);
    let file = bundle.to_bytes().unwrap();
    let trust = Trust {
        keys: bundle.keys.clone(),
        ..Trust::default()
    };
    let checks: Vec<Duration> = (0..100)
        .map(|_| timed(|| verify(&file, &trust).unwrap()).1)
        .collect();
    let inclusion = inclusion(&leaves, &hashes, root);
    let consistency = consistency(entries, &hashes, root);
    let report = serde_json::json!({
        "entries": entries,
        "leaf_encoded_us": us(encoding) / entries as f64,
        "append_us": us(appending) / entries as f64,
        "appends_per_second": entries as f64 / appending.as_secs_f64(),
        "inclusion": inclusion,
        "consistency": consistency,
        "whole_log_read_and_checked_ms": us(reading) / 1_000.0,
        "bundle": {
            "entries": STREAM,
            "bytes": file.len(),
            "verified_ms": us(checks.iter().sum::<Duration>()) / checks.len() as f64 / 1_000.0,
        },
        "hash_chain": {
            "head": hex::encode(chain),
            "append_us": us(chaining) / entries as f64,
            "one_entry_proven_ms": us(chaining) / 1_000.0,
        },
        "one_workflow_verified_to_hash_chain": chaining.as_secs_f64()
            / (checks.iter().sum::<Duration>().as_secs_f64() / checks.len() as f64),
    });
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn salt(n: u64) -> Salt {
    let mut salt = [0; 32];
    salt[..8].copy_from_slice(&n.to_le_bytes());
    Salt(salt)
}

fn body(n: u64) -> Vec<u8> {
    let mut body = format!("{{\"n\":{n},\"text\":\"").into_bytes();
    body.resize(BODY_BYTES, b'x');
    body
}

/// Streams one after the other, [`STREAM`] leaves each.
fn leaves(entries: u64) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    let mut prev = None;
    for n in 0..entries {
        let seq = n % STREAM + 1;
        let leaf = Leaf {
            tenant: "local".to_owned(),
            stream: format!("wf_{}", n / STREAM),
            seq,
            prev: prev.filter(|_| seq > 1),
            kind: "workflow.event".to_owned(),
            at: "2026-11-21T09:00:00.000Z".to_owned(),
            commitment: commit(&salt(n), &body(n)),
            ended: (seq == STREAM).then_some(seq),
        };
        let bytes = leaf.to_bytes().unwrap();
        prev = Some(leaf_hash(&bytes));
        leaves.push(bytes);
    }
    leaves
}

fn appended(leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
    let mut hashes = Vec::new();
    for (size, leaf) in (0..).zip(leaves) {
        let new = tree::append(size, leaf, &hashes).unwrap();
        hashes.extend(new);
    }
    hashes
}

fn chain(leaves: &[Vec<u8>]) -> [u8; 32] {
    leaves.iter().fold([0; 32], |head, leaf| {
        Sha256::new()
            .chain_update(head)
            .chain_update(leaf)
            .finalize()
            .into()
    })
}

/// One workflow in the middle of the log.
fn bundle(leaves: &[Vec<u8>], hashes: &Vec<[u8; 32]>, root: RootHash) -> Bundle {
    let size = leaves.len() as u64;
    let stream = size / STREAM / 2;
    let mut builder = BundleBuilder::new("local", format!("wf_{stream}"));
    for index in stream * STREAM..(stream + 1) * STREAM {
        builder.push(BundleEntry {
            index,
            leaf: leaves[usize::try_from(index).unwrap()].clone(),
            body: Body::Present {
                salt: salt(index),
                bytes: body(index),
            },
            proof: tree::prove_inclusion(size, index, hashes).unwrap(),
        });
    }
    let origin = origin_of("local");
    let key = LedgerKey::from_seed(&origin, &[7; 32]).unwrap();
    let note = sign_checkpoint(&origin, size, &root, &key).unwrap();
    builder.finish(note, &[key.verifier()])
}

fn inclusion(leaves: &[Vec<u8>], hashes: &Vec<[u8; 32]>, root: RootHash) -> serde_json::Value {
    let size = leaves.len() as u64;
    let places: Vec<u64> = (0..TIMES).map(|n| n * 7_919 % size).collect();
    let (proofs, making) = timed(|| {
        let prove = |at: &u64| tree::prove_inclusion(size, *at, hashes).unwrap();
        places.iter().map(prove).collect::<Vec<_>>()
    });
    let own: Vec<LeafHash> = places
        .iter()
        .map(|at| leaf_hash(&leaves[usize::try_from(*at).unwrap()]))
        .collect();
    let ((), checking) = timed(|| {
        for ((at, leaf), proof) in places.iter().zip(&own).zip(&proofs) {
            tree::verify_inclusion(size, &root, *at, leaf, proof).unwrap();
        }
    });
    let longest = proofs.iter().map(Vec::len).max().unwrap();
    serde_json::json!({
        "made_us": us(making) / TIMES as f64,
        "checked_us": us(checking) / TIMES as f64,
        "longest_bytes": longest * 32,
    })
}

fn consistency(size: u64, hashes: &Vec<[u8; 32]>, root: RootHash) -> serde_json::Value {
    let old = size * 2 / 3 + 1;
    let before = tree::root(old, hashes).unwrap();
    let (proof, making) = timed(|| tree::prove_consistency(old, size, hashes).unwrap());
    let ((), checking) = timed(|| tree::verify_consistency(old, &before, size, &root, &proof).unwrap());
    serde_json::json!({ "made_us": us(making), "checked_us": us(checking), "bytes": proof.len() * 32 })
}
