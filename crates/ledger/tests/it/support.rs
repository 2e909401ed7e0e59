//! A log in memory and a small story to put into it.

use countersign_ledger::{
    Body, Bundle, BundleBuilder, BundleEntry, Leaf, LeafHash, LedgerKey, Origin, Report, RootHash, Salt,
    Trust, commit, leaf_hash, origin_of, sign_checkpoint, tree,
};

pub(crate) const TENANT: &str = "acme";
pub(crate) const STREAM: &str = "wf_01";

/// A Merkle log that stores hashes exactly as a store would.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) hashes: Vec<[u8; 32]>,
    pub(crate) size: u64,
}

impl Log {
    pub(crate) fn append(&mut self, leaf: &[u8]) -> u64 {
        assert_eq!(
            tree::stored_hash_count(self.size).unwrap(),
            self.hashes.len() as u64
        );
        let new = tree::append(self.size, leaf, &self.hashes).unwrap();
        self.hashes.extend(new);
        self.size += 1;
        self.size - 1
    }

    pub(crate) fn root(&self) -> RootHash {
        tree::root(self.size, &self.hashes).unwrap()
    }
}

/// One thing that happened, before it becomes a leaf. Public fields so that forgeries can bend them.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) leaf: Leaf,
    pub(crate) salt: Salt,
    pub(crate) body: Vec<u8>,
}

/// `count` items of one stream, chained, the last one ending it.
pub(crate) fn items(count: u64) -> Vec<Item> {
    let mut items: Vec<Item> = (1..=count)
        .map(|seq| {
            let salt = Salt([u8::try_from(seq).unwrap(); 32]);
            let body = format!("{{\"event\":{seq}}}").into_bytes();
            let leaf = Leaf {
                tenant: TENANT.to_owned(),
                stream: STREAM.to_owned(),
                seq,
                prev: None,
                kind: "workflow.event".to_owned(),
                at: format!("2026-11-20T21:00:0{seq}.000Z"),
                commitment: commit(&salt, &body),
                ended: (seq == count).then_some(count),
            };
            Item { leaf, salt, body }
        })
        .collect();
    rechain(&mut items);
    items
}

/// Makes every leaf name the one before it.
pub(crate) fn rechain(items: &mut [Item]) {
    let mut prev: Option<LeafHash> = None;
    for item in items {
        item.leaf.prev = prev;
        prev = item.leaf.hash().ok();
    }
}

pub(crate) fn key(seed: u8) -> LedgerKey {
    LedgerKey::from_seed("countersign/acme", &[seed; 32]).unwrap()
}

pub(crate) fn trust(seed: u8) -> Trust {
    Trust {
        keys: vec![key(seed).verifier()],
        ..Trust::default()
    }
}

/// Puts the items into a log with strangers' leaves between them, and exports them honestly.
pub(crate) fn export(items: &[Item], signer: &LedgerKey) -> Bundle {
    let mut log = Log::default();
    log.append(b"a stranger's leaf");
    let placed: Vec<(u64, Vec<u8>)> = items
        .iter()
        .map(|item| {
            let leaf = item.leaf.to_bytes().unwrap();
            let index = log.append(&leaf);
            log.append(format!("stranger {index}").as_bytes());
            (index, leaf)
        })
        .collect();
    let mut builder = BundleBuilder::new(TENANT, STREAM);
    for ((index, leaf), item) in placed.into_iter().zip(items) {
        let proof = tree::prove_inclusion(log.size, index, &log.hashes).unwrap();
        let body = Body::Present {
            salt: item.salt,
            bytes: item.body.clone(),
        };
        builder.push(BundleEntry {
            index,
            leaf,
            body,
            proof,
        });
    }
    builder.attach(b"--- a/x\n+++ b/x\n".to_vec());
    builder.attach(b"plan".to_vec());
    let note = sign_checkpoint(&origin_of(TENANT), log.size, &log.root(), signer).unwrap();
    builder.finish(note, &[signer.verifier()])
}

/// An honest, ended, proven bundle of four entries.
pub(crate) fn honest() -> Bundle {
    export(&items(4), &key(1))
}

pub(crate) fn is_proven(report: &Report) -> bool {
    report.origin
        == Origin::Proven {
            key: "countersign/acme".to_owned(),
        }
}

pub(crate) fn hash_of(entry: &BundleEntry) -> LeafHash {
    leaf_hash(&entry.leaf)
}
