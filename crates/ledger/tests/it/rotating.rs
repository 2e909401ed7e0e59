//! Changes of keys, earlier heads, and entries of other streams that come along.

use crate::support::{Item, Log, STREAM, TENANT, items};
use countersign_ledger::rotation::KIND_KEY_ROTATED;
use countersign_ledger::{
    Body, Bundle, BundleBuilder, BundleEntry, Continuity, Earlier, Leaf, LedgerKey, Origin, Retired,
    Rotation, RotationError, Salt, Trust, VerifyError, commit, continuity, inspect, origin_of,
    sign_checkpoint, tree, verify,
};

fn old() -> LedgerKey {
    LedgerKey::from_seed("acme/old", &[1; 32]).unwrap()
}

fn new() -> LedgerKey {
    LedgerKey::from_seed("acme/new", &[2; 32]).unwrap()
}

fn newest() -> LedgerKey {
    LedgerKey::from_seed("acme/newest", &[3; 32]).unwrap()
}

/// A story of which half came before a change of keys, and what came along.
struct Kept {
    log: Log,
    placed: Vec<(u64, Vec<u8>, Item)>,
    notices: Vec<(u64, Vec<u8>, Vec<u8>)>,
    sizes: Vec<u64>,
}

impl Kept {
    fn new() -> Self {
        let mut kept = Self {
            log: Log::default(),
            placed: vec![],
            notices: vec![],
            sizes: vec![],
        };
        kept.log.append(b"a stranger's leaf");
        kept
    }

    fn tell(&mut self, items: &[Item]) -> &mut Self {
        for item in items {
            let leaf = item.leaf.to_bytes().unwrap();
            let index = self.log.append(&leaf);
            self.placed.push((index, leaf, item.clone()));
        }
        self.sizes.push(self.log.size);
        self
    }

    fn notice(&mut self, kind: &str, body: Vec<u8>) -> &mut Self {
        let seq = self.notices.len() as u64 + 1;
        let leaf = Leaf {
            tenant: TENANT.to_owned(),
            stream: "tenant".to_owned(),
            seq,
            prev: (seq > 1).then_some(countersign_ledger::LeafHash([5; 32])),
            kind: kind.to_owned(),
            at: "2026-11-20T21:00:00.000Z".to_owned(),
            commitment: commit(&Salt([8; 32]), &body),
            ended: None,
        };
        let leaf = leaf.to_bytes().unwrap();
        let index = self.log.append(&leaf);
        self.notices.push((index, leaf, body));
        self
    }

    fn hand_over(&mut self, from: &LedgerKey, to: &LedgerKey) -> &mut Self {
        let statement = Rotation::sign(&origin_of(TENANT), self.log.size, from, to).unwrap();
        self.notice(KIND_KEY_ROTATED, statement)
    }

    fn note(&self, size: u64, key: &LedgerKey) -> String {
        let root = tree::root(size, &self.log.hashes).unwrap();
        sign_checkpoint(&origin_of(TENANT), size, &root, key).unwrap()
    }

    fn bundle(&self, signer: &LedgerKey) -> Bundle {
        let (size, hashes) = (self.log.size, &self.log.hashes);
        let mut builder = BundleBuilder::new(TENANT, STREAM);
        let entry = |index: u64, leaf: &Vec<u8>, salt: Salt, bytes: &Vec<u8>| BundleEntry {
            index,
            leaf: leaf.clone(),
            body: Body::Present {
                salt,
                bytes: bytes.clone(),
            },
            proof: tree::prove_inclusion(size, index, hashes).unwrap(),
        };
        for (index, leaf, item) in &self.placed {
            builder.push(entry(*index, leaf, item.salt, &item.body));
        }
        for (index, leaf, body) in &self.notices {
            builder.notice(entry(*index, leaf, Salt([8; 32]), body));
        }
        for old in self.sizes.iter().filter(|old| **old < size) {
            builder.earlier(Earlier {
                size: *old,
                root: tree::root(*old, hashes).unwrap(),
                proof: tree::prove_consistency(*old, size, hashes).unwrap(),
            });
        }
        builder.finish(self.note(size, signer), &[signer.verifier()])
    }
}

/// Two entries, a change of keys, two more.
fn kept() -> Kept {
    let (items, mut kept) = (items(4), Kept::new());
    kept.tell(&items[..2]).hand_over(&old(), &new()).tell(&items[2..]);
    kept
}

fn trusting(key: &LedgerKey) -> Trust {
    Trust {
        keys: vec![key.verifier()],
        ..Trust::default()
    }
}

fn verified(bundle: &Bundle, trust: &Trust) -> Result<Origin, VerifyError> {
    verify(&bundle.to_bytes().unwrap(), trust).map(|report| report.origin)
}

fn proven(key: &LedgerKey) -> Origin {
    let key = key.name().to_owned();
    Origin::Proven { key }
}

#[test]
fn who_trusts_the_old_key_follows_it_to_the_new_one() {
    let bundle = kept().bundle(&new());
    assert_eq!(verified(&bundle, &trusting(&old())), Ok(proven(&new())));
    assert_eq!(verified(&bundle, &trusting(&new())), Ok(proven(&new())));
    assert_eq!(verified(&bundle, &trusting(&newest())), Ok(Origin::Unproven));
    // And on to the next.
    let mut twice = kept();
    twice.hand_over(&new(), &newest());
    let bundle = twice.bundle(&newest());
    assert_eq!(verified(&bundle, &trusting(&old())), Ok(proven(&newest())));
}

#[test]
fn the_old_key_signs_nothing_after_it_was_handed_over() {
    let late = kept().bundle(&old());
    let error = verified(&late, &trusting(&old())).unwrap_err();
    assert_eq!(error.code(), "verify-key-retired");
    assert_eq!(
        verified(&late, &Trust::default()).unwrap_err().code(),
        "verify-key-retired"
    );
    // Without the statement, only those who have heard of it can tell.
    let mut silent = late.clone();
    silent.notices.clear();
    assert_eq!(verified(&silent, &trusting(&old())), Ok(proven(&old())));
    let heard = Trust {
        retired: vec![Retired {
            key: old().verifier(),
            size: 3,
        }],
        ..trusting(&new())
    };
    assert_eq!(
        verified(&silent, &heard).unwrap_err().code(),
        "verify-key-retired"
    );
}

#[test]
fn a_checkpoint_from_before_still_holds_and_one_from_after_does_not() {
    let kept = kept();
    for trusted in [old(), new()] {
        let bundle = kept.bundle(&new()).to_bytes().unwrap();
        let report = verify(&bundle, &trusting(&trusted)).unwrap();
        assert_eq!(report.vouch(&kept.note(3, &old())).unwrap().size(), 3);
        assert_eq!(report.vouch(&kept.note(6, &new())).unwrap().size(), 6);
        assert_eq!(
            report.vouch(&kept.note(6, &old())).unwrap_err().code(),
            "verify-key-retired"
        );
        assert_eq!(
            report.vouch(&kept.note(2, &old())).unwrap_err().code(),
            "verify-no-history"
        );
        let other = sign_checkpoint(
            &origin_of(TENANT),
            3,
            &countersign_ledger::RootHash([7; 32]),
            &old(),
        );
        assert_eq!(
            report.vouch(&other.unwrap()).unwrap_err().code(),
            "verify-split-view"
        );
        let early = kept.note(3, &new());
        assert!(report.vouch(&early).is_err() || trusted.name() == new().name());
    }
}

#[test]
fn a_statement_that_not_both_signed_or_that_stands_elsewhere_does_not_count() {
    let statement = Rotation::sign(&origin_of(TENANT), 3, &old(), &new()).unwrap();
    assert!(Rotation::parse(&statement).is_ok());
    for at in 0..statement.len() {
        let mut flipped = statement.clone();
        flipped[at] ^= 1;
        assert!(Rotation::parse(&flipped).is_err(), "byte {at}");
    }
    assert_eq!(
        Rotation::sign("a", 3, &old(), &old()),
        Err(RotationError::SameKey)
    );
    let mut misplaced = Kept::new();
    misplaced.tell(&items(4)).notice(KIND_KEY_ROTATED, statement);
    let error = verified(&misplaced.bundle(&new()), &trusting(&old())).unwrap_err();
    assert_eq!(error.code(), "verify-notice");
    let mut garbage = Kept::new();
    garbage.tell(&items(4)).notice(KIND_KEY_ROTATED, b"{}".to_vec());
    let error = verified(&garbage.bundle(&new()), &trusting(&old())).unwrap_err();
    assert_eq!(error.code(), "rotation-malformed");
}

#[test]
fn a_key_that_was_never_trusted_hands_nothing_over() {
    let mut forged = Kept::new();
    forged.tell(&items(4)).hand_over(&newest(), &new());
    assert_eq!(
        verified(&forged.bundle(&new()), &trusting(&old())),
        Ok(Origin::Unproven)
    );
}

#[test]
fn nothing_that_came_along_can_be_another_thing() {
    let (bundle, trust) = (kept().bundle(&new()), trusting(&old()));
    let good = |bundle: &Bundle| {
        let bytes = bundle.to_bytes().ok()?;
        verify(&bytes, &trust).ok().filter(|r| r.origin == proven(&new()))
    };
    assert!(good(&bundle).is_some());
    let changes: [fn(&mut Bundle); 9] = [
        |b| b.notices.clear(),
        |b| b.notices[0].index += 1,
        |b| b.notices[0].body = Body::Erased,
        |b| b.notices[0].proof.truncate(0),
        |b| b.notices.insert(0, b.notices[0].clone()),
        |b| b.history[0].size += 1,
        |b| b.history[0].root.0[0] ^= 1,
        |b| b.history[0].proof.truncate(0),
        |b| b.history.insert(0, b.history[0].clone()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut other = bundle.clone();
        change(&mut other);
        assert!(good(&other).is_none(), "change {at}");
    }
    let bytes = bundle.to_bytes().unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(verify(&flipped, &trust).is_err(), "byte {at}");
    }
}

#[test]
fn a_checkpoint_seen_before_is_compared_where_the_file_proves_that_size() {
    let kept = kept();
    let bytes = kept.bundle(&new()).to_bytes().unwrap();
    let seen = |note: String| Trust {
        checkpoints: vec![note],
        ..trusting(&old())
    };
    let same = verify(&bytes, &seen(kept.note(3, &old()))).unwrap();
    assert!(same.uncompared.is_empty() && same.history.contains_key(&3));
    let unknown = verify(&bytes, &seen(kept.note(2, &old()))).unwrap();
    assert_eq!(unknown.uncompared, [2]);
    let other = sign_checkpoint(
        &origin_of(TENANT),
        3,
        &countersign_ledger::RootHash([7; 32]),
        &old(),
    );
    let error = verify(&bytes, &seen(other.unwrap())).unwrap_err();
    assert_eq!(error.code(), "verify-split-view");
}

#[test]
fn whose_a_kept_checkpoint_is_say_the_keys_of_the_files_own_ledger() {
    let kept = kept();
    let bytes = kept.bundle(&new()).to_bytes().unwrap();
    let signed = |origin: &str, key: &LedgerKey| {
        sign_checkpoint(origin, 3, &countersign_ledger::RootHash([7; 32]), key).unwrap()
    };
    let ours = origin_of(TENANT);
    // Whoever verifies may trust a key of another ledger as well.
    let mut trust = trusting(&old());
    trust.keys.push(newest().verifier());
    for trust in [trust, Trust::default()] {
        let report = verify(&bytes, &trust).unwrap();
        let compared = |note: &str| report.compare(note).map_err(|e| e.code());
        assert_eq!(compared(&kept.note(3, &old())), Ok(true));
        assert_eq!(compared(&kept.note(2, &old())), Ok(false));
        assert_eq!(compared(&signed(&ours, &old())), Err("verify-split-view"));
        assert_eq!(compared(&signed(&ours, &newest())), Err("verify-other-ledger"));
        assert_eq!(
            compared(&signed("countersign/other", &old())),
            Err("verify-other-ledger")
        );
        assert_eq!(compared("junk"), Err("checkpoint-note-malformed"));
    }
}

#[test]
fn a_log_goes_on_lies_behind_or_is_another_one() {
    let kept = kept();
    let seen = inspect(&kept.note(3, &old())).unwrap();
    let root = tree::root(3, &kept.log.hashes).unwrap();
    assert_eq!(continuity(&seen, 6, Some(&root)), Continuity::GoesOn);
    assert_eq!(continuity(&seen, 3, Some(&root)), Continuity::GoesOn);
    let behind = Continuity::Behind { seen: 3, have: 2 };
    assert_eq!(continuity(&seen, 2, None), behind);
    let other = countersign_ledger::RootHash([7; 32]);
    assert_eq!(continuity(&seen, 6, Some(&other)), Continuity::Forked { seen: 3 });
    assert_eq!(continuity(&seen, 6, None), Continuity::Forked { seen: 3 });
}

#[test]
fn a_bundle_without_what_can_come_along_has_the_same_bytes_as_ever() {
    let bytes = crate::support::honest().to_bytes().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("notices") && !text.contains("history"));
    let empty = text.replacen("\"keys\":", "\"history\":[],\"keys\":", 1);
    let error = Bundle::parse(empty.as_bytes()).unwrap_err();
    assert_eq!(error.code(), "bundle-not-canonical");
}
