//! Properties of the tree, against the recursive definition of RFC 6962 section 2.1 written out naively.

use crate::support::Log;
use countersign_ledger::{KnownHashes, MAX_INTEGER, RootHash, TreeError, leaf_hash, tree};
use proptest::prelude::*;

fn leaves() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 1..40)
}

fn log_of(leaves: &[Vec<u8>]) -> Log {
    let mut log = Log::default();
    for leaf in leaves {
        log.append(leaf);
    }
    log
}

/// MTH of RFC 6962, word for word: split at the largest power of two below n, hash `0x01`, left, right.
fn naive_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => RootHash::EMPTY.0,
        [one] => leaf_hash(one).0,
        many => {
            let split = many.len().next_power_of_two() / 2;
            let (left, right) = many.split_at(split);
            let mut input = vec![1];
            input.extend(naive_root(left));
            input.extend(naive_root(right));
            countersign_ledger::content_hash(&input).0
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_ways_to_a_root_agree_with_the_definition(leaves in leaves()) {
        let log = log_of(&leaves);
        prop_assert_eq!(log.root().0, naive_root(&leaves));
        prop_assert_eq!(log.root(), tree::root_of_leaves(&leaves));
    }

    #[test]
    fn every_leaf_is_proven_and_any_flipped_bit_fails(leaves in leaves(), at in any::<u16>()) {
        let log = log_of(&leaves);
        let (size, root) = (log.size, log.root());
        for (index, leaf) in leaves.iter().enumerate() {
            let (index, hash) = (index as u64, leaf_hash(leaf));
            let proof = tree::prove_inclusion(size, index, &log.hashes).unwrap();
            prop_assert_eq!(tree::verify_inclusion(size, &root, index, &hash, &proof), Ok(()));

            let bit = usize::from(at) % 256;
            let flip = |bytes: &mut [u8; 32]| bytes[bit / 8] ^= 1 << (bit % 8);
            let (mut bad_root, mut bad_leaf, mut bad_proof) = (root, hash, proof.clone());
            flip(&mut bad_root.0);
            flip(&mut bad_leaf.0);
            prop_assert!(tree::verify_inclusion(size, &bad_root, index, &hash, &proof).is_err());
            prop_assert!(tree::verify_inclusion(size, &root, index, &bad_leaf, &proof).is_err());
            if !proof.is_empty() {
                let chosen = usize::from(at) % proof.len();
                flip(&mut bad_proof[chosen]);
                prop_assert!(tree::verify_inclusion(size, &root, index, &hash, &bad_proof).is_err());
                prop_assert!(tree::verify_inclusion(size, &root, index, &hash, &proof[1..]).is_err());
            }
            let longer = [proof.as_slice(), &[[0; 32]]].concat();
            prop_assert!(tree::verify_inclusion(size, &root, index, &hash, &longer).is_err());
        }
    }

    #[test]
    fn every_prefix_is_consistent_and_no_other_tree_is(leaves in leaves(), at in any::<u16>()) {
        let log = log_of(&leaves);
        let (new, new_root) = (log.size, log.root());
        for old in 0..=new {
            let old_root = tree::root(old, &log.hashes).unwrap();
            let proof = tree::prove_consistency(old, new, &log.hashes).unwrap();
            prop_assert_eq!(tree::verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()));
            let (mut bad_old, mut bad_new) = (old_root, new_root);
            bad_old.0[usize::from(at) % 32] ^= 1;
            bad_new.0[usize::from(at) % 32] ^= 1;
            prop_assert!(tree::verify_consistency(old, &bad_old, new, &new_root, &proof).is_err());
            if old > 0 {
                prop_assert!(tree::verify_consistency(old, &old_root, new, &bad_new, &proof).is_err());
            }
            if !proof.is_empty() {
                let mut bad = proof.clone();
                let chosen = usize::from(at) % proof.len();
                bad[chosen][0] ^= 1;
                prop_assert!(tree::verify_consistency(old, &old_root, new, &new_root, &bad).is_err());
            }
        }
    }

    #[test]
    fn the_positions_named_beforehand_are_enough(leaves in leaves(), at in any::<u16>()) {
        let log = log_of(&leaves);
        let size = log.size;
        let index = u64::from(at) % size;
        let load = |positions: Vec<u64>| -> KnownHashes {
            positions.into_iter().map(|at| (at, log.hashes[usize::try_from(at).unwrap()])).collect()
        };
        let known = load(tree::append_reads(size).unwrap());
        prop_assert_eq!(tree::append(size, b"next", &known), tree::append(size, b"next", &log.hashes));
        let known = load(tree::root_reads(size).unwrap());
        prop_assert_eq!(tree::root(size, &known).unwrap(), log.root());
        let known = load(tree::inclusion_reads(size, index).unwrap());
        prop_assert_eq!(tree::prove_inclusion(size, index, &known), tree::prove_inclusion(size, index, &log.hashes));
        let known = load(tree::consistency_reads(index, size).unwrap());
        prop_assert_eq!(
            tree::prove_consistency(index, size, &known),
            tree::prove_consistency(index, size, &log.hashes)
        );
    }
}

#[test]
fn what_lies_outside_the_tree_is_refused() {
    let log = log_of(&[b"a".to_vec(), b"b".to_vec()]);
    let (root, leaf) = (log.root(), leaf_hash(b"a"));
    assert_eq!(
        tree::prove_inclusion(2, 2, &log.hashes),
        Err(TreeError::OutOfRange { index: 2, size: 2 })
    );
    assert_eq!(
        tree::prove_consistency(3, 2, &log.hashes),
        Err(TreeError::OutOfRange { index: 3, size: 2 })
    );
    assert!(tree::verify_inclusion(2, &root, 2, &leaf, &[]).is_err());
    assert!(tree::verify_inclusion(0, &root, 0, &leaf, &[]).is_err());
    assert!(tree::verify_inclusion(2, &root, 0, &leaf, &[[0; 32]; 65]).is_err());
    for size in [MAX_INTEGER + 1, u64::MAX] {
        let too_large = TreeError::TooLarge { size };
        assert_eq!(tree::root(size, &log.hashes), Err(too_large.clone()));
        assert_eq!(
            tree::prove_inclusion(size, 0, &log.hashes),
            Err(too_large.clone())
        );
        assert_eq!(
            tree::prove_consistency(1, size, &log.hashes),
            Err(too_large.clone())
        );
        assert_eq!(tree::stored_hash_count(size), Err(too_large.clone()));
        assert_eq!(tree::verify_inclusion(size, &root, 0, &leaf, &[]), Err(too_large));
        assert!(tree::append(size, b"", &log.hashes).is_err());
    }
}

#[test]
fn a_store_with_holes_is_an_error_and_not_a_panic() {
    struct Short;
    impl countersign_ledger::HashReader for Short {
        fn read_hashes(&self, _positions: &[u64]) -> Result<Vec<[u8; 32]>, TreeError> {
            Ok(Vec::new())
        }
    }
    assert_eq!(
        tree::root(1, &KnownHashes::new()),
        Err(TreeError::MissingHash { position: 0 })
    );
    assert_eq!(
        tree::root(1, &Vec::new()),
        Err(TreeError::MissingHash { position: 0 })
    );
    assert_eq!(
        tree::root(1, &Short),
        Err(TreeError::ReaderCount { asked: 1, got: 0 })
    );
    assert_eq!(
        tree::append(1, b"", &Short),
        Err(TreeError::ReaderCount { asked: 1, got: 0 })
    );
}
