//! Fixed RFC 6962 vectors: roots, audit paths and consistency proofs that other implementations agree on.

use crate::support::Log;
use countersign_ledger::{LeafHash, RootHash, leaf_hash, tree};

const VECTORS: &str = include_str!("../vectors/rfc6962.txt");

fn lines(kind: &str) -> Vec<Vec<&'static str>> {
    let words = VECTORS
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter(|words| words.first() == Some(&kind))
        .map(|words| words[1..].to_vec())
        .collect()
}

fn proof(words: &[&str]) -> Vec<[u8; 32]> {
    words
        .iter()
        .map(|text| LeafHash::from_hex(text).unwrap().0)
        .collect()
}

fn leaves() -> Vec<(Vec<u8>, RootHash)> {
    let read = |words: Vec<&str>| {
        let leaf = if words[0] == "-" {
            Vec::new()
        } else {
            hex_bytes(words[0])
        };
        (leaf, RootHash::from_hex(words[1]).unwrap())
    };
    lines("leaf").into_iter().map(read).collect()
}

fn hex_bytes(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn the_empty_tree_has_the_known_root() {
    let known = RootHash::from_hex(lines("empty")[0][0]).unwrap();
    assert_eq!(known, RootHash::EMPTY);
    assert_eq!(known, Log::default().root());
    assert_eq!(known, tree::root_of_leaves(Vec::<Vec<u8>>::new()));
}

#[test]
fn every_prefix_of_the_reference_tree_has_the_known_root() {
    let leaves = leaves();
    assert_eq!(leaves.len(), 8);
    let mut log = Log::default();
    for (at, (leaf, root)) in leaves.iter().enumerate() {
        log.append(leaf);
        assert_eq!(log.root(), *root, "size {}", at + 1);
        assert_eq!(
            tree::root_of_leaves(leaves[..=at].iter().map(|(leaf, _)| leaf)),
            *root
        );
    }
}

#[test]
fn audit_paths_and_consistency_proofs_are_the_known_ones() {
    let leaves = leaves();
    let mut log = Log::default();
    for (leaf, _) in &leaves {
        log.append(leaf);
    }
    let (paths, proofs) = (lines("path"), lines("cons"));
    assert_eq!((paths.len(), proofs.len()), (5, 4));
    for words in paths {
        let (index, size): (usize, usize) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        let known = proof(&words[2..]);
        assert_eq!(
            tree::prove_inclusion(size as u64, index as u64, &log.hashes).unwrap(),
            known
        );
        let leaf = leaf_hash(&leaves[index].0);
        tree::verify_inclusion(size as u64, &leaves[size - 1].1, index as u64, &leaf, &known).unwrap();
    }
    for words in proofs {
        let (old, new): (usize, usize) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        let known = proof(&words[2..]);
        assert_eq!(
            tree::prove_consistency(old as u64, new as u64, &log.hashes).unwrap(),
            known
        );
        let (old_root, new_root) = (leaves[old - 1].1, leaves[new - 1].1);
        tree::verify_consistency(old as u64, &old_root, new as u64, &new_root, &known).unwrap();
    }
}
