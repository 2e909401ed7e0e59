//! Which key may vouch for a checkpoint of which size: trusted keys, and the keys that they handed over to.

use super::{Retired, VerifyError};
use crate::checkpoint::{Checkpoint, CheckpointError, inspect, verify_signed};
use crate::key::VerifierKey;
use crate::rotation::Rotation;

/// A key, and the checkpoints that it may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    key: VerifierKey,
    /// Smallest size.
    from: u64,
    /// Largest size; none: it has not been handed over.
    until: Option<u64>,
}

impl Held {
    fn may_sign(&self, size: u64) -> bool {
        self.from <= size && self.until.is_none_or(|until| size <= until)
    }
}

/// Keys with the sizes for which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keyring {
    held: Vec<Held>,
}

impl Keyring {
    /// The keys given, what they handed over to, and whom they took over from. A statement counts forward only if
    /// the key that hands over may still sign at that size.
    pub(super) fn new(keys: &[VerifierKey], retired: &[Retired], rotations: &[Rotation]) -> Self {
        let mut ring = Self::default();
        for key in keys {
            ring.add(key, 0);
        }
        for end in retired {
            ring.add(&end.key, 0);
            ring.end(&end.key, end.size);
        }
        for rotation in rotations {
            let counts = ring
                .held
                .iter()
                .any(|held| held.key == rotation.from && held.may_sign(rotation.size));
            if counts {
                ring.end(&rotation.from, rotation.size);
                ring.add(&rotation.to, rotation.size + 1);
            }
        }
        // Whoever may sign a log that holds the statement also says by whom it was signed before.
        for rotation in rotations.iter().rev() {
            if ring.held.iter().any(|held| held.key == rotation.to) {
                ring.add(&rotation.from, 0);
                ring.end(&rotation.from, rotation.size);
            }
        }
        ring
    }

    /// Only the key of that name, whom it took over from, and whom it handed over to.
    pub(super) fn chain_of(&self, name: &str, rotations: &[Rotation]) -> Self {
        let held = self.held.iter().filter(|held| held.key.name() == name);
        let keys: Vec<VerifierKey> = held.map(|held| held.key.clone()).collect();
        Self::new(&keys, &[], rotations)
    }

    fn add(&mut self, key: &VerifierKey, from: u64) {
        if !self.held.iter().any(|held| held.key == *key) {
            self.held.push(Held {
                key: key.clone(),
                from,
                until: None,
            });
        }
    }

    fn end(&mut self, key: &VerifierKey, size: u64) {
        for held in self.held.iter_mut().filter(|held| held.key == *key) {
            held.until = Some(held.until.map_or(size, |until| until.min(size)));
        }
    }

    /// Checks that one of the keys that may sign this size did, and gives its name.
    pub(super) fn vouch(&self, note: &str) -> Result<(Checkpoint, String), VerifyError> {
        let size = inspect(note)?.size();
        let of = |may: bool| -> Vec<VerifierKey> {
            let held = self.held.iter().filter(|held| held.may_sign(size) == may);
            held.map(|held| held.key.clone()).collect()
        };
        match verify_signed(note, &of(true)) {
            Err(CheckpointError::NoKnownSignature) => match verify_signed(note, &of(false)) {
                Ok((_, key)) => Err(VerifyError::KeyRetired { key, size }),
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error.into()),
            Ok(good) => Ok(good),
        }
    }
}
